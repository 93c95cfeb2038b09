"""Transfer kernel learning (TKL)."""

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from cdmer._parameters import check_number
from cdmer.adaptation._kernels import gram, leading_eigenpairs
from cdmer.adaptation._meta import FeatureAdapter
from cdmer.adaptation._qp import solve_qp


class TKL(ClassNamePrefixFeaturesOutMixin, FeatureAdapter):
    r"""Transfer kernel learning.

    The target kernel's eigenvectors, extended to the source rows, with eigenvalues λ that come
    closest to the source kernel and fall at a given rate:

    .. math::
        \min_\lambda \|\Phi_s \operatorname{diag}(\lambda) \Phi_s^\top - K_{ss}\|_F^2
        \quad\text{s.t. } \lambda_i \ge \eta \lambda_{i+1} \ge 0,\qquad
        K_{tt} = \Phi_t \Lambda_t \Phi_t^\top,\quad \Phi_s = K_{st} \Phi_t \Lambda_t^{-1}.

    `transform` gives features whose inner products are the learned kernel, so a linear machine on
    them is the paper's machine on the kernel. As in the authors' code the last ten eigenvectors of
    the target are left out, and all after the first 200.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows' features. None: ``SVC(kernel="linear", C=1.0)``.
    eta : float, default=2.0
        Damping η of the eigenvalues.
    kernel : str, default="linear"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`.
    gamma : float or None, default=None
        Coefficient of the kernels that have one. None: one over the number of columns.

    Attributes
    ----------
    eigenvalues_ : ndarray of shape (n_components_,)
        Eigenvalues λ of the learned kernel.
    coef_ : ndarray of shape (n_reference, n_components_)
        Coefficients: features are ``k(x, X_fit_) @ coef_``.
    X_fit_ : ndarray of shape (n_reference, n_features)
        Target rows; without any, the source rows.
    n_components_ : int
        Number of eigenvectors that were used.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    M. Long, J. Wang, J. Sun, P. S. Yu, "Domain Invariant Transfer Kernel Learning", IEEE TKDE
    27(6):1519-1532, 2015, doi:10.1109/TKDE.2014.2373376.
    """

    _path_parameters = ("eta",)

    def __init__(self, estimator=None, eta=2.0, kernel="linear", gamma=None):
        self.estimator = estimator
        self.eta = eta
        self.kernel = kernel
        self.gamma = gamma

    def _prepare(self, rows, models):
        adapts = bool(len(rows.target))
        reference = rows.target if adapts else rows.source
        n_kept = max(1, min(len(reference) - 10, 200)) if adapts else None
        K = gram(reference, reference, self.kernel, self.gamma)
        values, vectors = leading_eigenpairs(K, n_kept)
        if not len(values):
            raise ValueError(
                "X: the kernel of the target rows is zero, expected rows with inner products"
            )
        extend = vectors / values
        if not adapts:
            return reference, extend, values, None
        phi = gram(rows.source, reference, self.kernel, self.gamma) @ extend
        K_source = gram(rows.source, rows.source, self.kernel, self.gamma)
        if not np.any(phi):
            raise ValueError(
                "gamma, kernel: the kernel of every source row with every target row vanishes, "
                "expected a smaller gamma"
            )
        fit = np.sum(phi * (K_source @ phi), axis=0)
        return reference, extend, (phi.T @ phi) ** 2, fit

    def _learn(self, rows, shared):
        check_number("eta", self.eta, least=0)
        self.X_fit_, extend, square, fit = shared
        k = self.n_components_ = extend.shape[1]
        if fit is None:  # no target: the kernel as it is
            self.eigenvalues_ = square
        else:
            # -λ_i + η λ_(i+1) <= 0 and -λ_k <= 0
            G = sparse.diags_array(
                [np.full(k, -1.0), np.full(k - 1, self.eta)], offsets=[0, 1], shape=(k, k)
            )
            # In units of each variable's own curvature, which span many orders of magnitude.
            own = np.diagonal(square)
            unit = 1 / np.sqrt(np.maximum(own, 1e-300 + 1e-24 * own.max()))
            scaled = square * unit * unit[:, None]
            values, _ = solve_qp(scaled, -fit * unit, G * unit, np.zeros(k), name="TKL")
            self.eigenvalues_ = np.maximum(values * unit, 0)
        self.coef_ = extend * np.sqrt(self.eigenvalues_)

    def _map(self, X, is_source):
        return gram(X, self.X_fit_, self.kernel, self.gamma) @ self.coef_
