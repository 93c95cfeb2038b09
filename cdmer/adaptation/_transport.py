"""Domain adaptation by optimal transport."""

import warnings

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances

from cdmer._parameters import check_number
from cdmer.adaptation._meta import FeatureAdapter

# Largest numbers of iterations: for the network simplex method, for Sinkhorn's, and for Sinkhorn's
# within each round of the class penalty.
EMD_ITER, SINKHORN_ITER, INNER_ITER = 1_000_000, 10_000, 1_000


class OptimalTransport(OneToOneFeatureMixin, FeatureAdapter):
    r"""Optimal transport of the source rows onto the target rows.

    A plan with uniform margins moves the source's mass at the least cost; each source row goes to
    the mean of where its mass went:

    .. math::
        \min_{\Gamma \ge 0} \langle \Gamma, C \rangle
        + \epsilon \sum_{ij} \Gamma_{ij} (\log \Gamma_{ij} - 1) + \eta\, \Omega_c(\Gamma)
        \quad\text{s.t. } \Gamma 1 = \tfrac{1}{n_s} 1,\ \Gamma^\top 1 = \tfrac{1}{n_t} 1,
        \qquad x^s_i \mapsto n_s \sum_j \Gamma_{ij} x^t_j,

    with the squared Euclidean distance over its largest value as the cost C. :math:`\Omega_c` is
    the group penalty that keeps source rows of different classes from the same target row. New
    source rows are moved as the source row nearest to them is; target rows stay as they are.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the moved source rows. None: ``SVC(kernel="linear", C=1.0)``.
    reg : float, default=0.0
        Weight ε of the entropy. 0: the exact plan, by the network simplex method.
    class_reg : float, default=0.0
        Weight η of the class penalty; needs `reg` > 0.

    Attributes
    ----------
    plan_ : ndarray of shape (n_source, n_target)
        Transport plan Γ.
    X_source_ : ndarray of shape (n_source, n_features)
        Source rows.
    moved_ : ndarray of shape (n_source, n_features)
        Source rows where the plan moves them.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    Notes
    -----
    The solvers are those of POT: ``pip install cdmer[transport]``.

    References
    ----------
    N. Courty, R. Flamary, D. Tuia, A. Rakotomamonjy, "Optimal Transport for Domain Adaptation",
    IEEE TPAMI 39(9):1853-1865, 2017, doi:10.1109/TPAMI.2016.2615921.
    """

    _path_parameters = ("reg", "class_reg")

    def __init__(self, estimator=None, reg=0.0, class_reg=0.0):
        self.estimator = estimator
        self.reg = reg
        self.class_reg = class_reg

    def _prepare(self, rows, models):
        if not len(rows.target):
            return None
        cost = euclidean_distances(rows.source, rows.target, squared=True)
        return cost / (cost.max() or 1.0)

    def _learn(self, rows, shared):
        check_number("reg", self.reg, least=0)
        check_number("class_reg", self.class_reg, least=0)
        if self.class_reg and not self.reg:
            raise ValueError(f"class_reg: needs reg > 0, got class_reg={self.class_reg}, reg=0")
        if shared is None:
            return
        self.plan_ = self._plan(shared, rows.codes)
        self.X_source_ = rows.source
        self.moved_ = self.plan_ @ rows.target / self.plan_.sum(axis=1, keepdims=True)

    def _plan(self, cost, codes):
        try:
            import ot
        except ImportError as error:
            raise ImportError("OptimalTransport needs POT: pip install cdmer[transport]") from error

        a, b = (np.full(n, 1 / n) for n in cost.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what POT warns of is checked below
            if not self.reg:
                plan = ot.emd(a, b, cost, numItermax=EMD_ITER)
            elif not self.class_reg:
                # In logarithms, or a small reg underflows.
                plan = ot.sinkhorn(
                    a, b, cost, self.reg, method="sinkhorn_log", numItermax=SINKHORN_ITER
                )
            else:
                plan = ot.da.sinkhorn_lpl1_mm(
                    a, codes, b, cost, self.reg, self.class_reg, numInnerItermax=INNER_ITER
                )
        mass = plan.sum(axis=1)
        if not (np.isfinite(plan).all() and (mass > 0).all()):
            raise ValueError(
                f"reg: the plan holds NaN or moves nothing of some rows, expected a larger value "
                f"than {self.reg!r}"
            )
        residual = max(np.abs(mass * len(a) - 1).max(), np.abs(plan.sum(0) * len(b) - 1).max())
        if residual > 1e-3:
            warnings.warn(
                f"OptimalTransport: the plan's margins are off by up to {residual:.3g} of a row "
                "where the solver ended",
                ConvergenceWarning,
                stacklevel=2,
            )
        return plan

    def _map(self, X, is_source):
        if not (is_source and self._adapts):
            return X
        if X is self.X_source_:
            return self.moved_
        nearest = euclidean_distances(X, self.X_source_, squared=True).argmin(axis=1)
        return X + (self.moved_ - self.X_source_)[nearest]
