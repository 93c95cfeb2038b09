"""Selective transfer machine (STM)."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from cdmer._parameters import check_number
from cdmer.adaptation._base import PathClassifier
from cdmer.adaptation._kernels import gram
from cdmer.adaptation._qp import box_with_sum, solve_qp

# libsvm drops rows without weight, and with all rows of a class the class.
LEAST_WEIGHT = 1e-8


class STM(PathClassifier):
    r"""Selective transfer machine: a support vector machine fitted together with source weights.

    .. math::
        \min_{w, s} \sum_p \Big(\tfrac12 \|w_p\|^2 + C \sum_i s_i \ell_p(x^s_i, y_i)\Big)
        + \lambda \Big\|\tfrac{1}{n_s} \sum_i s_i \phi(x^s_i)
        - \tfrac{1}{n_t} \sum_j \phi(x^t_j)\Big\|^2
        \quad\text{s.t. } 0 \le s_i \le B,\ \big|\textstyle\sum_i s_i - n_s\big| \le n_s \epsilon,

    over the pairs p of classes with the hinge loss of libsvm's one-against-one machine; the paper
    treats two classes. Machines with weights s and a quadratic program in s alternate from the
    weights that the second term alone asks for.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight λ of the distance between the means.
    C : float, default=1.0
        Penalty of errors.
    B : float, default=1000.0
        Largest weight.
    epsilon : float or None, default=None
        Largest distance of the mean weight from 1. None: ``(√n_s − 1)/√n_s``.
    kernel : str, default="linear"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`.
    gamma : float or None, default=None
        Coefficient of the kernels that have one. None: one over the number of columns.
    tol : float, default=1e-3
        Stop where a round lowers the objective by less than this share. libsvm solves to a
        tolerance of its own, so a last round may raise it a little.
    max_iter : int, default=100
        Largest number of rounds.

    Attributes
    ----------
    weights_ : ndarray of shape (n_source,)
        Weights of the source rows in their order; ones without target rows.
    objective_ : list of float
        Objective after each round.
    n_iter_ : int
        Number of rounds that were run; 1 without target rows.
    svm_ : SVC
        Fitted machine, on kernels with `X_fit_`.
    X_fit_ : ndarray of shape (n_source, n_features)
        Source rows.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    W.-S. Chu, F. De la Torre, J. F. Cohn, "Selective Transfer Machine for Personalized Facial
    Expression Analysis", IEEE TPAMI 39(3):529-545, 2017, doi:10.1109/TPAMI.2016.2547397.
    """

    _path_parameters = ("trade_off",)

    def __init__(
        self,
        trade_off=1.0,
        C=1.0,
        B=1000.0,
        epsilon=None,
        kernel="linear",
        gamma=None,
        tol=1e-3,
        max_iter=100,
    ):
        self.trade_off = trade_off
        self.C = C
        self.B = B
        self.epsilon = epsilon
        self.kernel = kernel
        self.gamma = gamma
        self.tol = tol
        self.max_iter = max_iter

    def _fit_path(self, rows, models):
        K = gram(rows.source, rows.source, self.kernel, self.gamma)
        mean = 0.0
        if len(rows.target):
            mean = gram(rows.source, rows.target, self.kernel, self.gamma).mean(axis=1)
            square = gram(rows.target, rows.target, self.kernel, self.gamma).mean()
        for model in models:
            model.classes_, model.X_fit_, model.n_iter_ = rows.classes, rows.source, 1
            if len(rows.target):
                model._alternate(K, mean, square, rows.codes)
            else:
                model.weights_, model.objective_ = np.ones(len(K)), []
                model.svm_ = model._machine(K, rows.codes, model.weights_)
            yield model

    def _machine(self, K, codes, weights):
        svm = SVC(kernel="precomputed", C=self.C, random_state=0)
        return svm.fit(K, codes, sample_weight=np.maximum(weights, LEAST_WEIGHT))

    def _alternate(self, K, mean, square, codes):
        """Run the rounds.

        With ``S = sᵀ K s / n_s² − 2 sᵀ mean / n_s + square`` the squared distance of the means.
        """
        for name, bound in (("trade_off", {"above": 0}), ("C", {"above": 0}), ("B", {"least": 1})):
            check_number(name, getattr(self, name), **bound)
        check_number("tol", self.tol, above=0)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        n = len(K)
        epsilon = (np.sqrt(n) - 1) / np.sqrt(n) if self.epsilon is None else self.epsilon
        check_number("epsilon", epsilon, least=0)
        G, h = box_with_sum(n, self.B, epsilon)
        P, q = 2 * self.trade_off / n**2 * K, -2 * self.trade_off / n * mean

        def weights_for(loss):
            s, _ = solve_qp(P, q + self.C * loss, G, h, name="STM")
            return np.clip(s, 0, self.B)

        weights = weights_for(np.zeros(n))
        self.objective_ = []
        for n_iter in range(1, self.max_iter + 1):
            self.n_iter_ = n_iter
            svm = self._machine(K, codes, weights)
            norms, loss = margins(svm, K, codes)
            distance = 0.5 * weights @ P @ weights + q @ weights + self.trade_off * square
            self.objective_.append(norms / 2 + self.C * weights @ loss + distance)
            self.weights_, self.svm_ = weights, svm
            if len(self.objective_) > 1:
                before, now = self.objective_[-2:]
                if before - now < self.tol * abs(before):
                    return
            weights = weights_for(loss)
        warnings.warn(
            f"STM stopped after max_iter={self.max_iter} rounds, the last of which lowered the "
            f"objective by more than tol={self.tol:g} of it",
            ConvergenceWarning,
            stacklevel=2,
        )

    def predict(self, X, sample_domain=None):
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, as in `classes_`.
        """
        check_is_fitted(self)
        return self.classes_[self.svm_.predict(self._kernel_rows(X))]

    def decision_function(self, X, sample_domain=None):
        """Score the classes: see `sklearn.svm.SVC.decision_function`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Scores.
        """
        check_is_fitted(self)
        return self.svm_.decision_function(self._kernel_rows(X))

    def _kernel_rows(self, X):
        return gram(self._check_rows(X, reset=False), self.X_fit_, self.kernel, self.gamma)


def margins(svm, K, codes):
    """Squared norms of a one-against-one machine's normals, summed, and each row's hinge losses.

    Parameters
    ----------
    svm : SVC
        Fitted on the kernel K with classes 0 to n_classes - 1.
    K : ndarray of shape (n, n)
    codes : ndarray of int, shape (n,)

    Returns
    -------
    norms : float
    loss : ndarray of shape (n,)
        Summed over the pairs that a row's class is in.
    """
    n_classes = len(svm.classes_)
    starts = np.concatenate([[0], np.cumsum(svm.n_support_)])
    norms, loss = 0.0, np.zeros(len(K))
    pair = 0
    for i in range(n_classes):
        for j in range(i + 1, n_classes):
            # libsvm keeps the coefficients of pair (i, j) in row j - 1 for class i's support
            # vectors and in row i for class j's.
            parts = [slice(*starts[i : i + 2]), slice(*starts[j : j + 2])]
            support = np.concatenate([svm.support_[part] for part in parts])
            dual = np.concatenate([svm.dual_coef_[j - 1, parts[0]], svm.dual_coef_[i, parts[1]]])
            scores = K[:, support] @ dual
            norms += dual @ scores[support]
            sign = 1.0 if n_classes > 2 else -1.0  # scikit-learn turns binary machines around
            own = np.where(codes == i, sign, np.where(codes == j, -sign, 0.0))
            hinge = np.maximum(0, 1 - own * (scores + svm.intercept_[pair]))
            loss += np.where(own != 0, hinge, 0.0)
            pair += 1
    return norms, loss
