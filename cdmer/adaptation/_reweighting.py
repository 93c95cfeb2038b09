"""Importance weights for source rows: KMM, uLSIF and KLIEP."""

import warnings

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances

from cdmer._array import check_matrix
from cdmer._parameters import check_number
from cdmer.adaptation._kernels import gram
from cdmer.adaptation._meta import Reweighter
from cdmer.adaptation._qp import box_with_sum, solve_qp


class KMM(Reweighter):
    r"""Kernel mean matching.

    The source rows are weighted such that their mean meets the target's mean in the kernel's
    feature space; with a linear support vector machine, one of the methods named IW-SVM:

    .. math::
        \min_\beta \tfrac12 \beta^\top K_{ss} \beta - \kappa^\top \beta
        \quad\text{s.t. } 0 \le \beta_i \le B,\ |\textstyle\sum_i \beta_i - n_s| \le n_s \epsilon,
        \qquad \kappa_i = \tfrac{n_s}{n_t} \textstyle\sum_j k(x^s_i, x^t_j).

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows with ``sample_weight``. None: ``SVC(kernel="linear", C=1.0)``.
    B : float, default=1000.0
        Largest weight.
    epsilon : float or None, default=None
        Largest distance of the mean weight from 1. None: ``(√n_s − 1)/√n_s``.
    kernel : str, default="linear"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`.
    gamma : float or None, default=None
        Coefficient of the kernels that have one. None: one over the number of columns.

    Attributes
    ----------
    weights_ : ndarray of shape (n_source,)
        Weights of the source rows in their order; ones without target rows.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    J. Huang, A. J. Smola, A. Gretton, K. M. Borgwardt, B. Schölkopf, "Correcting Sample Selection
    Bias by Unlabeled Data", NIPS 2006. A. Hassan et al., "On Acoustic Emotion Recognition:
    Compensating for Covariate Shift", IEEE TASLP 21(7), 2013, doi:10.1109/TASL.2013.2255278.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import KMM
    >>> X, domain = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]]), [1, 1, -2]
    >>> KMM().fit(X, ["neg", "pos", None], sample_domain=domain).weights_.round(2)
    array([2. , 0.2])
    """

    def __init__(self, estimator=None, B=1000.0, epsilon=None, kernel="linear", gamma=None):
        self.estimator = estimator
        self.B = B
        self.epsilon = epsilon
        self.kernel = kernel
        self.gamma = gamma

    def _source_weights(self, rows, shared):
        check_number("B", self.B, above=0)
        n_source = len(rows.source)
        epsilon = (np.sqrt(n_source) - 1) / np.sqrt(n_source)
        if self.epsilon is not None:
            check_number("epsilon", self.epsilon, least=0)
            epsilon = self.epsilon
        if self.B + epsilon < 1:
            raise ValueError(
                f"B: expected at least 1 - epsilon = {1 - epsilon:.3g}, or no weights have the "
                f"mean that epsilon asks for, got {self.B!r}"
            )
        K = gram(rows.source, rows.source, self.kernel, self.gamma)
        kappa = n_source * gram(rows.source, rows.target, self.kernel, self.gamma).mean(axis=1)
        G, h = box_with_sum(n_source, self.B, epsilon)
        beta, _ = solve_qp(K, -kappa, G, h, name="KMM")
        return np.clip(beta, 0, self.B)


class _DensityRatio(Reweighter):
    """Ratio of densities as a sum of kernels at the target rows."""

    def _basis(self, rows):
        return kernels_at_target(rows.source, rows.target, self.kernel, self.gamma)


def kernels_at_target(X_source, X_target, kernel, gamma, X=None):
    """Kernels with the target rows, one column each: of source rows, target rows and further rows.

    Without a gamma, that of "rbf" is one over the median of the squared distances between rows.
    """
    parts = [X_source, X_target] + ([] if X is None else [X])
    if kernel != "rbf" or gamma is not None:
        return [gram(part, X_target, kernel, gamma) for part in parts]
    known = np.concatenate(parts[:2])
    squares = euclidean_distances(known, squared=True)
    apart = squares[np.tri(len(known), k=-1, dtype=bool)]
    apart = apart[apart > 0]
    gamma = 1 / float(np.median(apart)) if apart.size else 1.0
    values = np.exp(-gamma * squares[:, len(X_source) :])
    found = [values[: len(X_source)], values[len(X_source) :]]
    return found if X is None else [*found, gram(X, X_target, kernel, gamma)]


class _LeastSquaresRatio:
    """uLSIF in the eigenbasis of its matrix, where every ridge is a division."""

    def __init__(self, phi_source, phi_target):
        values, self.vectors = eigh(phi_source.T @ phi_source / len(phi_source))
        self.curvature = np.maximum(values, 0)
        self.mean = self.vectors.T @ phi_target.mean(axis=0)

    def at(self, phi, alpha):
        """Ratio where the basis functions have the values `phi`."""
        return np.maximum(phi @ (self.vectors @ (self.mean / (self.curvature + alpha))), 0)


def density_ratio(X_source, X_target, X=None, *, alpha=0.1, kernel="rbf", gamma=None):
    """Ratio of target density to source density, by unconstrained least squares.

    Parameters
    ----------
    X_source : array-like of shape (n_source, n_features)
        Source rows.
    X_target : array-like of shape (n_target, n_features)
        Target rows.
    X : array-like of shape (n_samples, n_features) or None, default=None
        Rows at which the ratio is computed. None: the source rows.
    alpha : float, default=0.1
        Weight of the ridge.
    kernel : str, default="rbf"
        Kernel, as in `ULSIF`.
    gamma : float or None, default=None
        Coefficient of the kernel, as in `ULSIF`.

    Returns
    -------
    ndarray of shape (n_samples,)
        Ratios, none negative.

    Raises
    ------
    ValueError
        If the rows are not finite matrices of one width, or a parameter does not fit.

    References
    ----------
    See `ULSIF`.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import density_ratio
    >>> X_source, X_target = np.array([[0.0], [1.0], [2.0]]), np.array([[2.0], [2.5]])
    >>> density_ratio(X_source, X_target).round(1)
    array([0. , 0.4, 2.4])
    """
    check_number("alpha", alpha, above=0)
    X_source, X_target = check_matrix(X_source, "X_source"), check_matrix(X_target, "X_target")
    X = X_source if X is None else check_matrix(X, "X")
    if not X_source.shape[1] == X_target.shape[1] == X.shape[1]:
        raise ValueError(
            f"X_target, X: expected {X_source.shape[1]} columns like X_source, got "
            f"{X_target.shape[1]} and {X.shape[1]}"
        )
    phi_source, phi_target, phi = kernels_at_target(X_source, X_target, kernel, gamma, X)
    return _LeastSquaresRatio(phi_source, phi_target).at(phi, alpha)


class ULSIF(_DensityRatio):
    r"""Unconstrained least-squares importance fitting.

    Fits the ratio of target density to source density by least squares with ridge, in closed form:

    .. math::
        w(x) = \max\Big(0, \sum_l \alpha_l k(x, x^t_l)\Big),\qquad
        \alpha = (\hat H + \lambda I)^{-1} \hat h,\qquad
        \hat H = \tfrac{1}{n_s} \Phi_s^\top \Phi_s,\quad \hat h = \tfrac{1}{n_t} \Phi_t^\top 1.

    The classifier gets the weights as they are; their mean is near 1 for a small `alpha` and falls
    with it.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows with ``sample_weight``. None: ``SVC(kernel="linear", C=1.0)``.
    alpha : float, default=0.1
        Weight λ of the ridge. The benchmark's grid is 1 to 100 times 1 to 1e5 with the
        linear kernel.
    kernel : str, default="rbf"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`; the benchmark's is "linear".
    gamma : float or None, default=None
        Coefficient of the kernel. None: for "rbf" one over the median squared distance between
        rows, otherwise one over the number of columns.

    Attributes
    ----------
    weights_ : ndarray of shape (n_source,)
        Weights of the source rows in their order; ones without target rows.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    T. Kanamori, S. Hido, M. Sugiyama, "A Least-Squares Approach to Direct Importance Estimation",
    JMLR 10:1391-1445, 2009.
    """

    _path_parameters = ("alpha",)

    def __init__(self, estimator=None, alpha=0.1, kernel="rbf", gamma=None):
        self.estimator = estimator
        self.alpha = alpha
        self.kernel = kernel
        self.gamma = gamma

    def _prepare(self, rows, models):
        phi_source, phi_target = self._basis(rows)
        return phi_source, _LeastSquaresRatio(phi_source, phi_target)

    def _source_weights(self, rows, shared):
        check_number("alpha", self.alpha, above=0)
        phi_source, ratio = shared
        return ratio.at(phi_source, self.alpha)


class KLIEP(_DensityRatio):
    r"""Kullback-Leibler importance estimation procedure.

    Fits the ratio of target density to source density by the likelihood of the target rows:

    .. math::
        \max_\alpha \tfrac{1}{n_t} \sum_j \log w(x^t_j)
        \quad\text{s.t. } \tfrac{1}{n_s} \sum_i w(x^s_i) = 1,\ \alpha \ge 0,\qquad
        w(x) = \sum_l \alpha_l k(x, x^t_l),

    by sequential quadratic programming, to the optimality condition.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows with ``sample_weight``. None: ``SVC(kernel="linear", C=1.0)``.
    kernel : str, default="rbf"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels` whose values are positive.
    gamma : float or None, default=None
        Coefficient of the kernel. None: for "rbf" one over the median squared distance between
        rows, otherwise one over the number of columns.
    tol : float, default=1e-6
        Stop where the likelihood is at most this far below its maximum.
    max_iter : int, default=100
        Largest number of quadratic programs.

    Attributes
    ----------
    weights_ : ndarray of shape (n_source,)
        Weights of the source rows in their order, with mean 1; ones without target rows.
    gap_ : float
        Bound on how far the likelihood is below its maximum; 0 without target rows.
    n_iter_ : int
        Number of quadratic programs that were solved; 1 without target rows.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    M. Sugiyama, S. Nakajima, H. Kashima, P. von Bünau, M. Kawanabe, "Direct Importance Estimation
    with Model Selection and Its Application to Covariate Shift Adaptation", NIPS 2007. Y. Kim,
    P. Carbonetto, M. Stephens, M. Anitescu, "A Fast Algorithm for Maximum Likelihood Estimation of
    Mixture Proportions Using Sequential Quadratic Programming", JCGS 29(2), 2020,
    doi:10.1080/10618600.2019.1689985.
    """

    def __init__(self, estimator=None, kernel="rbf", gamma=None, tol=1e-6, max_iter=100):
        self.estimator = estimator
        self.kernel = kernel
        self.gamma = gamma
        self.tol = tol
        self.max_iter = max_iter

    def _fit_path(self, rows, models):
        for model in models:
            model.n_iter_, model.gap_ = 1, 0.0  # what they are without target rows
        yield from super()._fit_path(rows, models)

    def _source_weights(self, rows, shared):
        check_number("tol", self.tol, above=0)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        phi_source, phi_target = self._basis(rows)
        mass = phi_source.mean(axis=0)
        if not (mass > np.finfo(float).tiny).all() or (phi_target < 0).any():
            raise ValueError(
                f"gamma, kernel: KLIEP needs kernels that are positive and reach from each target "
                f"row to source rows, got a least mean of {mass.min():.3g} and a least value of "
                f"{phi_target.min():.3g}; expected a smaller gamma, or a kernel such as 'rbf'"
            )
        share, self.gap_, self.n_iter_ = mixture_shares(phi_target / mass, self.tol, self.max_iter)
        if not self.gap_ < self.tol:
            warnings.warn(
                f"KLIEP stopped after {self.max_iter} steps with its likelihood up to "
                f"{self.gap_:.3g} below the maximum, above tol={self.tol:g}",
                ConvergenceWarning,
                stacklevel=2,
            )
        return phi_source @ (share / mass)


# Steps of expectation maximisation to begin with: slow in the end, but cheap, and they find the
# parts that matter.
EM_STEPS = 100


def mixture_shares(A, tol, max_iter):
    """Maximise ``mean(log(A x))`` over the simplex; give x, the most that is missing, and steps.

    Quadratic programs over the parts at hand: those with a share, and those that the gradient asks
    for.
    """
    n_rows, n_parts = A.shape
    x = np.full(n_parts, 1 / n_parts)
    for _ in range(EM_STEPS):
        x = x * (A.T @ (1 / (A @ x))) / n_rows
    x[x < 1e-2 * x.max()] = 0.0
    x /= x.sum()

    def loss(x):
        # With the sum added the minimiser over x >= 0 lies on the simplex.
        return x.sum() - np.log(A @ x).mean()

    for n_iter in range(1, max_iter + 1):
        ratio = A / (A @ x)[:, None]
        gradient = 1 - ratio.mean(axis=0)
        # log(A x*) - log(A x) <= mean(A x*/A x) - 1 <= max over parts, by concavity.
        gap = -gradient.min()
        if gap < tol:
            break
        parts = np.flatnonzero((x > 0) | (gradient < 0))
        some = ratio[:, parts]
        hessian = some.T @ some / n_rows
        hessian.flat[:: len(parts) + 1] += 1e-10 * hessian.trace() / len(parts)
        y, _ = solve_qp(
            hessian,
            gradient[parts] - hessian @ x[parts],
            -sparse.eye_array(len(parts), format="csr"),
            np.zeros(len(parts)),
            name="KLIEP",
        )
        y[y < 1e-9 * y.max()] = 0.0  # zero, to the precision of an interior point
        direction = np.zeros(n_parts)
        direction[parts] = y - x[parts]
        slope, step, now = gradient @ direction, 1.0, loss(x)
        while loss(x + step * direction) > now + 1e-4 * step * slope and step > 1e-10:
            step /= 2
        x = x + step * direction
        x /= x.sum()
    return x, float(gap), n_iter
