"""Transfer component analysis (TCA) and joint distribution adaptation (JDA)."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from cdmer._parameters import check_number
from cdmer.adaptation._kernels import gram, leading_eigenpairs, signs
from cdmer.adaptation._meta import FeatureAdapter


class _KernelComponents(ClassNamePrefixFeaturesOutMixin, FeatureAdapter):
    """Map ``x → Wᵀ k(X, x)``, the same for source rows and target rows."""

    def _prepare(self, rows, models):
        for model in models:
            check_number("n_components", model.n_components, least=1, whole=True)
        X = np.concatenate([rows.source, rows.target])
        return X, gram(X, X, self.kernel, self.gamma)

    def _set_coef(self, X, coef):
        self.X_fit_, self.coef_ = X, coef
        self.n_components_ = coef.shape[1]
        # Linear kernels need no comparison with every row again.
        self._directions = X.T @ coef if self.kernel == "linear" else None

    def _map(self, X, is_source):
        if self._directions is not None:
            return X @ self._directions
        return gram(X, self.X_fit_, self.kernel, self.gamma) @ self.coef_


def spread_components(K, V, reg, n_components, name):
    r"""Leading generalised eigenvectors of ``K H K`` against ``V Vᵀ + reg I``.

    Both sides are symmetric; with the square root of the second, which differs from a multiple of
    the identity by the rank of V, the problem is an ordinary symmetric one.

    Parameters
    ----------
    K : ndarray of shape (n, n)
    V : ndarray of shape (n, r)
        Directions in which the domains differ.
    reg : float
    n_components : int
        Clipped to the rank of ``K H K``.
    name : str
        For messages.

    Returns
    -------
    values : ndarray of shape (k,)
        Largest first.
    W : ndarray of shape (n, k)
        ``Wᵀ (V Vᵀ + reg I) W = I``.

    Raises
    ------
    ValueError
        If the rows are all alike.
    """
    Q, singular, _ = np.linalg.svd(V, full_matrices=False)
    excess = 1 / np.sqrt(reg + singular**2) - 1 / np.sqrt(reg)

    def root(M):  # (V Vᵀ + reg I)^(-1/2) M
        return M / np.sqrt(reg) + Q @ (excess[:, None] * (Q.T @ M))

    half = root(K - K.mean(axis=1, keepdims=True))
    values, U = leading_eigenpairs(half @ half.T, n_components)
    if not len(values):
        raise ValueError(f"X: {name} finds no component, expected rows that are not all alike")
    W = root(U)
    return values, W * signs(W)


class TCA(_KernelComponents):
    r"""Transfer component analysis.

    Maps both domains onto components along which the data vary much and the domains' means differ
    little:

    .. math::
        \min_W \operatorname{tr}(W^\top K L K W) + \mu \operatorname{tr}(W^\top W)
        \quad\text{s.t. } W^\top K H K W = I,\qquad L = e e^\top,\quad
        e_i = \tfrac{1}{n_s} \text{ or } -\tfrac{1}{n_t},

    whose solution are the leading generalised eigenvectors of ``K H K`` against ``K L K + μI``;
    both are symmetric, and are solved as such. Columns of W have unit Euclidean norm, as in the
    benchmark: their scale decides what the C of a support vector machine means.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows' components. None: ``SVC(kernel="linear", C=1.0)``.
    n_components : int, default=20
        Number of components, clipped to what the rows have.
    mu : float, default=1.0
        Weight of the ridge.
    kernel : str, default="linear"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`.
    gamma : float or None, default=None
        Coefficient of the kernels that have one. None: one over the number of columns.

    Attributes
    ----------
    coef_ : ndarray of shape (n_samples, n_components_)
        Coefficients W, source rows first.
    X_fit_ : ndarray of shape (n_samples, n_features)
        Rows that new rows are compared with, source rows first.
    n_components_ : int
        Number of components that were found.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    S. J. Pan, I. W. Tsang, J. T. Kwok, Q. Yang, "Domain Adaptation via Transfer Component
    Analysis", IEEE TNN 22(2):199-210, 2011, doi:10.1109/TNN.2010.2091281.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import TCA
    >>> X = np.random.default_rng(0).normal(size=(12, 5))
    >>> model = TCA(n_components=2).fit(X, np.arange(12) % 2, sample_domain=np.repeat([1, -2], 6))
    >>> model.transform(X).shape
    (12, 2)
    """

    _path_parameters = ("n_components",)

    def __init__(self, estimator=None, n_components=20, mu=1.0, kernel="linear", gamma=None):
        self.estimator = estimator
        self.n_components = n_components
        self.mu = mu
        self.kernel = kernel
        self.gamma = gamma

    def _prepare(self, rows, models):
        check_number("mu", self.mu, above=0)
        X, K = super()._prepare(rows, models)
        gap = K @ mean_difference(len(rows.source), len(rows.target))
        most = max(model.n_components for model in models)
        _, W = spread_components(K, gap[:, None], self.mu, most, "TCA")
        return X, W / np.linalg.norm(W, axis=0)

    def _learn(self, rows, shared):
        X, W = shared
        self._set_coef(X, W[:, : self.n_components])


def mean_difference(n_source, n_target):
    """Weights of the difference between source mean and target mean; zeros without target rows."""
    if not n_target:
        return np.zeros(n_source)
    return np.repeat([1 / n_source, -1 / n_target], [n_source, n_target])


class JDA(_KernelComponents):
    r"""Joint distribution adaptation, and its balanced form BDA.

    As `TCA`, with the domains' means drawn together for each class too; the classes of target rows
    are predicted again in each of a few rounds:

    .. math::
        \min_W \sum_{c=0}^{C} w_c \operatorname{tr}(W^\top K M_c K W)
        + \mu \operatorname{tr}(W^\top W) \quad\text{s.t. } W^\top K H K W = n I,

    with :math:`M_c = e_c e_c^\top` for the rows of class c and :math:`M_0` for all rows. Components
    have unit variance. A class that no target row is predicted to have adds nothing.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows' components, in each round. None: ``SVC(kernel="linear", C=1.0)``.
    n_components : int, default=20
        Number of components, clipped to what the rows have.
    mu : float, default=1.0
        Weight of the ridge.
    balance : float or None, default=None
        Share of the weight that the classes have. None: JDA, all weights w are 1. A number from 0
        to 1: BDA, w is 1 − balance for all rows together and balance for each class.
    max_iter : int, default=10
        Largest number of rounds; fewer are run where predictions repeat themselves.
    kernel : str, default="linear"
        A kernel of `sklearn.metrics.pairwise.pairwise_kernels`.
    gamma : float or None, default=None
        Coefficient of the kernels that have one. None: one over the number of columns.

    Attributes
    ----------
    coef_ : ndarray of shape (n_samples, n_components_)
        Coefficients W, source rows first.
    X_fit_ : ndarray of shape (n_samples, n_features)
        Rows that new rows are compared with, source rows first.
    n_components_ : int
        Number of components that were found.
    n_iter_ : int
        Number of rounds that were run.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    M. Long, J. Wang, G. Ding, J. Sun, P. S. Yu, "Transfer Feature Learning with Joint Distribution
    Adaptation", ICCV 2013, doi:10.1109/ICCV.2013.274. J. Wang, Y. Chen, S. Hao, W. Feng, Z. Shen,
    "Balanced Distribution Adaptation for Transfer Learning", ICDM 2017,
    doi:10.1109/ICDM.2017.150.
    """

    def __init__(
        self,
        estimator=None,
        n_components=20,
        mu=1.0,
        balance=None,
        max_iter=10,
        kernel="linear",
        gamma=None,
    ):
        self.estimator = estimator
        self.n_components = n_components
        self.mu = mu
        self.balance = balance
        self.max_iter = max_iter
        self.kernel = kernel
        self.gamma = gamma

    def _learn(self, rows, shared):
        check_number("mu", self.mu, above=0)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        if self.balance is not None:
            check_number("balance", self.balance, least=0, most=1)
        n_source, n_target = len(rows.source), len(rows.target)
        X, K = shared
        guessed = None
        for n_iter in range(1, self.max_iter + 1):
            self.n_iter_ = n_iter
            E = self._differences(rows, guessed)
            values, W = spread_components(K, K @ E, self.mu, self.n_components, "JDA")
            coef = W * np.sqrt(len(K) / values)
            if not n_target:
                break
            mapped = K @ coef
            model = self._fit_inner(mapped[:n_source], rows.y, rows.weights)
            before, guessed = guessed, model.predict(mapped[n_source:])
            if before is not None and (before == guessed).all():
                break
        self._set_coef(X, coef)

    def _differences(self, rows, guessed):
        """Square roots of the w times e, one column per term, shape (n_samples, n_terms)."""
        n_source, n_target = len(rows.source), len(rows.target)
        overall, per_class = (
            (1.0, 1.0) if self.balance is None else (1 - self.balance, self.balance)
        )
        columns = [np.sqrt(overall) * mean_difference(n_source, n_target)]
        for label in rows.classes if guessed is not None else ():
            own, other = rows.y == label, guessed == label
            if other.any():
                e = np.concatenate([own / own.sum(), other / -other.sum()])
                columns.append(np.sqrt(per_class) * e)
        return np.column_stack(columns)
