"""Domain regeneration: TSRG (= DRFS-S), DRFS-T and DRLS."""

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from threadpoolctl import threadpool_limits

from cdmer._parameters import check_number
from cdmer.adaptation._base import LargestScore, PathClassifier
from cdmer.adaptation._meta import FeatureAdapter
from cdmer.adaptation._regression import alm
from cdmer.adaptation._regression.penalties import ElementwiseL1
from cdmer.adaptation._regression.span import SpanLeastSquares

# Outputs that iterate together: what they need stays in a processor's second-level cache. Every
# output is a problem of its own.
OUTPUT_BLOCK = 256
# Settings that iterate together where outputs are few.
SETTING_BLOCK = 64


class _Regression:
    r"""``min_P ‖R − Pᵀ K_R‖² + λ‖Pᵀ Δ‖² + μ‖P‖₁``, which the whole family solves.

    K is the linear kernel between all rows (source rows first) and those that R belongs to, Δ the
    mean kernel column of the source minus that of the target.
    """

    def __init__(self, rows, regenerated, response):
        self.rows = np.concatenate([rows.source, rows.target])
        own, other = (rows.source, rows.target)[:: 1 if regenerated == "source" else -1]
        self.datafit = SpanLeastSquares.from_rows(own @ self.rows.T, other @ self.rows.T, response)

    def solve(self, models, outputs):
        """P of some models and outputs, shape (n_models, n_outputs, n_rows), and how it ended."""
        datafit = self.datafit.restricted(outputs)
        weight, l1 = (
            np.array([getattr(model, name) for model in models], dtype=float)[:, None, None]
            for name in ("mmd_weight", "l1_weight")
        )
        iterate = ElementwiseL1(datafit.basis, l1, datafit.correlation.shape[0])
        first = models[0]
        parts, order, n_iter, gap = alm.solve(
            datafit,
            iterate,
            weight,
            first.tol,
            first.max_iter,
            multiplier=-1.0,
            growth=first.growth,
        )
        return np.concatenate(parts)[np.argsort(order)], n_iter, gap


class _DomainRegeneration(PathClassifier):
    """Parameters that the family shares, and their checks."""

    _path_parameters = ("mmd_weight", "l1_weight")

    def _check(self):
        check_number("mmd_weight", self.mmd_weight, least=0)
        check_number("l1_weight", self.l1_weight, least=0)
        check_number("growth", self.growth, above=1)
        alm.check_stopping(self.tol, self.max_iter)


class _Regenerator(_DomainRegeneration, OneToOneFeatureMixin, FeatureAdapter):
    """TSRG and DRFS-T: the rows of one domain are regenerated from the kernel, the others stay."""

    def __init__(
        self,
        estimator=None,
        mmd_weight=1.0,
        l1_weight=1.0,
        growth=alm.PENALTY_GROWTH,
        tol=1e-8,
        max_iter=1000,
    ):
        self.estimator = estimator
        self.mmd_weight = mmd_weight
        self.l1_weight = l1_weight
        self.growth = growth
        self.tol = tol
        self.max_iter = max_iter

    def _prepare(self, rows, models):
        for model in models:
            model._check()
        if len(rows.target):
            response = getattr(rows, self._regressed)
            return _Regression(rows, self._regressed, response)
        return None

    def _learn(self, rows, shared):
        if shared is None:
            self.n_iter_ = 1
            return
        self.X_fit_ = shared.rows
        n_outputs = rows.source.shape[1]
        self.coef_ = np.empty((len(shared.rows), n_outputs))
        self.n_iter_, gap = 0, 0.0
        with threadpool_limits(1, user_api="blas"):
            for start in range(0, n_outputs, OUTPUT_BLOCK):
                outputs = slice(start, start + OUTPUT_BLOCK)
                coef, n_iter, block_gap = shared.solve([self], outputs)
                self.coef_[:, outputs] = coef[0].T
                self.n_iter_ = max(self.n_iter_, int(n_iter[0]))
                gap = max(gap, block_gap[0])
        alm.warn_unless_converged(type(self).__name__, gap, self.tol, self.max_iter)

    def _map(self, X, is_source):
        if not self._adapts or is_source == (self._regressed == "source"):
            return X
        return (X @ self.X_fit_.T) @ self.coef_


class TSRG(_Regenerator):
    r"""Target sample regeneration, also called DRFS-S.

    A regression from kernel columns to features is learned on the source rows, such that it draws
    the mean of both domains together; the classifier is fitted on the source rows as they are and
    applied to regenerated target rows:

    .. math::
        \min_P \|X_s^\top - P^\top K_s\|_F^2
        + \lambda \left\|\tfrac{1}{n_s} P^\top K_s 1 - \tfrac{1}{n_t} P^\top K_t 1\right\|_2^2
        + \mu \|P\|_1,\qquad x \mapsto P^\top k(X, x),

    with the linear kernel between all n rows and those of each domain. It is solved by the
    authors' augmented Lagrangian method from all ones. Each feature is a problem of its own and
    stops by itself.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows. None: ``SVC(kernel="linear", C=1.0)``.
    mmd_weight : float, default=1.0
        Weight λ of the difference between the means.
    l1_weight : float, default=1.0
        Weight μ of the L1 norm.
    growth : float, default=1.1
        Factor by which the penalty grows per iteration. The authors' 1.1 stops short of the
        minimiser; the closer to 1, the closer to it.
    tol : float, default=1e-8
        Stop where no entry of the two copies of P differs by more.
    max_iter : int, default=1000
        Largest number of iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (n_samples, n_features)
        Coefficients P, source rows first. Absent without target rows.
    X_fit_ : ndarray of shape (n_samples, n_features)
        Rows that new rows are compared with, source rows first. Absent without target rows.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.
    n_iter_ : int
        Largest number of iterations that a feature took; 1 without target rows.

    See Also
    --------
    DRFST : Regeneration of the source rows.
    DRLS : Regression on labels in place of features.

    References
    ----------
    Y. Zong, X. Huang, W. Zheng, Z. Cui, G. Zhao, "Learning a Target Sample Re-Generator for
    Cross-Database Micro-Expression Recognition", ACM Multimedia 2017,
    doi:10.1145/3123266.3123367. The same authors, "Domain Regeneration for Cross-Database
    Micro-Expression Recognition", IEEE TIP 27(5):2484-2498, 2018, doi:10.1109/TIP.2018.2797479.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import TSRG
    >>> X = np.random.default_rng(0).normal(size=(12, 5))
    >>> model = TSRG().fit(X, np.arange(12) % 2, sample_domain=np.repeat([1, -2], 6))
    >>> model.transform(X).shape
    (12, 5)
    """

    _regressed = "source"


class DRFST(_Regenerator):
    r"""Domain regeneration in the target's space, called DRFS-T.

    As `TSRG` with the domains swapped: the regression is learned on the target rows, the classifier
    fitted on regenerated source rows and applied to target rows as they are:

    .. math::
        \min_P \|X_t^\top - P^\top K_t\|_F^2
        + \lambda \left\|\tfrac{1}{n_s} P^\top K_s 1 - \tfrac{1}{n_t} P^\top K_t 1\right\|_2^2
        + \mu \|P\|_1.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the regenerated source rows. None: ``SVC(kernel="linear", C=1.0)``.
    mmd_weight : float, default=1.0
        Weight λ of the difference between the means.
    l1_weight : float, default=1.0
        Weight μ of the L1 norm.
    growth : float, default=1.1
        Factor by which the penalty grows per iteration, as in `TSRG`.
    tol : float, default=1e-8
        Stop where no entry of the two copies of P differs by more.
    max_iter : int, default=1000
        Largest number of iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (n_samples, n_features)
        Coefficients P, source rows first. Absent without target rows.
    X_fit_ : ndarray of shape (n_samples, n_features)
        Rows that source rows are compared with, source rows first. Absent without target rows.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.
    n_iter_ : int
        Largest number of iterations that a feature took; 1 without target rows.

    See Also
    --------
    TSRG : Regeneration of the target rows.

    References
    ----------
    Y. Zong, W. Zheng, X. Huang, J. Shi, Z. Cui, G. Zhao, "Domain Regeneration for Cross-Database
    Micro-Expression Recognition", IEEE TIP 27(5):2484-2498, 2018, doi:10.1109/TIP.2018.2797479.
    """

    _regressed = "target"


class DRLS(LargestScore, _DomainRegeneration):
    r"""Domain regeneration in the label space.

    Regresses one-hot labels on kernel columns, and draws the mean predictions of source and target
    together:

    .. math::
        \min_P \|L - P^\top K_s\|_F^2
        + \lambda \left\|\tfrac{1}{n_s} P^\top K_s 1 - \tfrac{1}{n_t} P^\top K_t 1\right\|_2^2
        + \mu \|P\|_1,

    with the linear kernel, by the authors' augmented Lagrangian method from all ones. The class is
    that of the largest entry of ``Pᵀ k(X, x)``.

    Parameters
    ----------
    mmd_weight : float, default=1.0
        Weight λ of the difference between the mean predictions.
    l1_weight : float, default=1.0
        Weight μ of the L1 norm.
    growth : float, default=1.1
        Factor by which the penalty grows per iteration. The authors' 1.1 stops short of the
        minimiser; the closer to 1, the closer to it.
    tol : float, default=1e-8
        Stop where no entry of the two copies of P differs by more.
    max_iter : int, default=1000
        Largest number of iterations.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_samples, n_classes)
        Coefficients P, source rows first.
    coef_ : ndarray of shape (n_features, n_classes)
        Coefficients ``Xᵀ P``: scores are ``x @ coef_``.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.
    n_iter_ : int
        Number of iterations that were run.

    Notes
    -----
    Two of the benchmark's printed cells, between SMIC-VIS and SMIC-NIR, differ from what this
    method gives (accuracy 73.24 and 81.69 %). The authors' own table of accuracies has these
    two numbers for these two experiments, and the benchmark's cell of VIS to NIR repeats the one
    of another method, IW-SVM.

    References
    ----------
    Y. Zong, W. Zheng, X. Huang, J. Shi, Z. Cui, G. Zhao, "Domain Regeneration for Cross-Database
    Micro-Expression Recognition", IEEE TIP 27(5):2484-2498, 2018, doi:10.1109/TIP.2018.2797479.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import DRLS
    >>> X, domain = np.array([[0.0, 1.0], [1.0, 0.0], [0.1, 1.1], [1.1, 0.1]]), [1, 1, -2, -2]
    >>> DRLS(l1_weight=0.01).fit(X, ["neg", "pos", None, None], sample_domain=domain).predict(X)
    array(['neg', 'pos', 'neg', 'pos'], dtype='<U3')
    """

    def __init__(
        self,
        mmd_weight=1.0,
        l1_weight=1.0,
        growth=alm.PENALTY_GROWTH,
        tol=1e-8,
        max_iter=1000,
    ):
        self.mmd_weight = mmd_weight
        self.l1_weight = l1_weight
        self.growth = growth
        self.tol = tol
        self.max_iter = max_iter

    def _fit_path(self, rows, models):
        for model in models:
            model._check()
        shared = _Regression(rows, "source", rows.one_hot)
        # Settings with similar penalties need similar numbers of iterations.
        models = sorted(models, key=lambda model: (model.l1_weight, model.mmd_weight))
        for start in range(0, len(models), SETTING_BLOCK):
            batch = models[start : start + SETTING_BLOCK]
            with threadpool_limits(1, user_api="blas"):
                coefs, n_iters, gap = shared.solve(batch, slice(None))
            for model, coef, n_iter in zip(batch, coefs, n_iters, strict=True):
                model.classes_ = rows.classes
                model.dual_coef_ = coef.T
                model.coef_ = shared.rows.T @ model.dual_coef_
                model.n_iter_ = int(n_iter)
                yield model
            alm.warn_unless_converged("DRLS", gap, self.tol, self.max_iter)

    def _scores(self, X):
        return X @ self.coef_
