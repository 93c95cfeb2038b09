"""Kernelized group sparse learning (KGSL) and the transductive transfer regression model (TTRM)."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import additive_chi2_kernel, rbf_kernel
from threadpoolctl import threadpool_limits

from cdmer._parameters import check_number
from cdmer.adaptation._base import AdaptiveClassifier, LargestScore
from cdmer.adaptation._qp import solve_qp
from cdmer.adaptation._regression import alm
from cdmer.adaptation._regression.groups import GroupPartition
from cdmer.adaptation._regression.penalties import ElementwiseL1
from cdmer.adaptation._regression.span import SpanLeastSquares

KERNELS = {
    "linear": lambda X, Y: X @ Y.T,
    # 1 - sum of (x - y)² / ((x + y)/2), the form that the method was published with.
    "chi2": lambda X, Y: 1 + 2 * additive_chi2_kernel(X, Y),
    "rbf": rbf_kernel,
}


class _Fit(NamedTuple):
    P: np.ndarray
    beta: np.ndarray
    objective: float


class _KernelGroups(LargestScore, AdaptiveClassifier):
    r"""``‖L − Pᵀ Σ_i β_i K_i‖² + λ Σ β_i + μ‖P‖₁`` with β ≥ 0, by turns."""

    def _check(self):
        for name in ("group_weight", "l1_weight"):
            check_number(name, getattr(self, name), least=0)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol, above=0)
        check_number("growth", self.growth, above=1)
        if self.kernel not in list(KERNELS):
            raise ValueError(f"kernel: expected one of {sorted(KERNELS)}, got {self.kernel!r}")

    def _partition(self, n_features):
        groups = 1 if self.groups is None else self.groups
        return GroupPartition.from_parameter(groups, n_features)

    def _kernels(self, X, Y, partition):
        """One kernel per group, shape (n_groups, n_x, n_y)."""
        if self.kernel == "chi2" and min(X.min(), Y.min()) < 0:
            raise ValueError(
                f"X: kernel='chi2' takes histograms, expected values >= 0, got "
                f"{min(X.min(), Y.min()):.3g}"
            )
        kernel = KERNELS[self.kernel]
        return np.stack([kernel(X[:, columns], Y[:, columns]) for columns in partition.members])

    def _regress(self, kernels, beta, response):
        """P for given group weights, by the shared loop, shape (n_rows, n_classes)."""
        K = np.tensordot(beta, kernels, axes=1)
        datafit = SpanLeastSquares.from_rows(K.T, K.T[:0], response)
        one = np.ones((1, 1, 1))
        iterate = ElementwiseL1(datafit.basis, self.l1_weight * one, response.shape[1])
        parts, _, _, gap = alm.solve(
            datafit, iterate, one, 1e-8, 2000, multiplier=-1.0, growth=self.growth
        )
        alm.warn_unless_converged(type(self).__name__, gap, 1e-8, 2000)
        return parts[0][0].T

    def _weight_groups(self, kernels, P, response):
        """Group weights for a given P: a non-negative lasso."""
        images = np.einsum("gnm,nc->gmc", kernels, P).reshape(len(kernels), -1)
        beta, _ = solve_qp(
            2 * images @ images.T,
            self.group_weight - 2 * images @ response.ravel(),
            -sparse.eye_array(len(kernels)),
            np.zeros(len(kernels)),
            name=type(self).__name__,
        )
        beta = np.maximum(beta, 0)
        beta[beta < 1e-9 * beta.max(initial=0)] = 0  # zero, to the precision of an interior point
        if not beta.any():
            raise ValueError(
                f"group_weight, l1_weight: no group is left at {self.group_weight!r} and "
                f"{self.l1_weight!r}, expected smaller values"
            )
        return beta

    def _balance(self, P, beta):
        """Scale P down and β up, or back, where that lowers the penalties; the fit stays the same.

        Turns alone would find this scale only over hundreds of rounds.
        """
        cost = self.l1_weight * np.abs(P).sum(), self.group_weight * beta.sum()
        if not all(cost):
            return P, beta
        factor = np.sqrt(cost[0] / cost[1])
        return P / factor, beta * factor

    def _objective(self, kernels, P, beta, response):
        residual = response - np.einsum("g,gnm,nc->mc", beta, kernels, P, optimize=True)
        penalty = self.group_weight * beta.sum() + self.l1_weight * np.abs(P).sum()
        return float((residual**2).sum() + penalty)

    def _alternate(self, kernels, response, beta, relabel=None):
        """Take turns until a round lowers the objective by less than `tol` of it.

        The loop behind P stops near its minimiser, not at it, so a round may raise the objective a
        little; the lowest is kept.
        """
        best, previous = None, np.inf
        for n_iter in range(1, self.max_iter + 1):
            self.n_iter_ = n_iter
            P = self._regress(kernels, beta, response)
            P, beta = self._balance(P, self._weight_groups(kernels, P, response))
            if relabel is not None:
                response = relabel(np.einsum("g,gnm,nc->mc", beta, kernels, P, optimize=True))
            objective = self._objective(kernels, P, beta, response)
            if best is None or objective < best.objective:
                best = _Fit(P, beta, objective)
            if previous - objective < self.tol * abs(objective):
                return best
            previous = objective
        warnings.warn(
            f"{type(self).__name__} stopped after max_iter={self.max_iter} rounds, the last of "
            f"which lowered the objective by more than tol={self.tol:g} of it",
            ConvergenceWarning,
            stacklevel=3,
        )
        return best

    def _keep(self, fit, X_fit, rows, partition):
        self.classes_ = rows.classes
        self.X_fit_, self.dual_coef_, self.group_weights_ = X_fit, fit.P, fit.beta
        self.groups_, self.objective_ = partition.ids, fit.objective

    def _scores(self, X):
        partition = self._partition(self.n_features_in_)
        total = 0.0
        for columns, weight in zip(partition.members, self.group_weights_, strict=True):
            if weight:
                kernel = KERNELS[self.kernel](X[:, columns], self.X_fit_[:, columns])
                total = total + weight * (kernel @ self.dual_coef_)
        return total


class KGSL(_KernelGroups):
    r"""Kernelized group sparse learning.

    Regresses one-hot labels on a weighted sum of kernels, one per group of columns, such as the
    descriptors of facial regions, and selects groups and rows:

    .. math::
        \min_{P, \beta \ge 0} \Big\|L - P^\top \sum_i \beta_i K_i\Big\|_F^2
        + \lambda \sum_i \beta_i + \mu \|P\|_1.

    A method for one database: target rows are not used. P by the augmented Lagrangian method and β
    by a non-negative lasso take turns from equal weights.

    Parameters
    ----------
    groups : int, array-like of shape (n_features,) or None, default=None
        A number of equal blocks of neighbouring columns, a group id per column, or None for one
        group of all columns.
    group_weight : float, default=0.1
        Weight λ of the group weights.
    l1_weight : float, default=0.1
        Weight μ of the L1 norm.
    kernel : {"linear", "chi2", "rbf"}, default="linear"
        Kernel of each group. "chi2" is the paper's and takes histograms: see Notes.
    growth : float, default=1.1
        Factor by which the loop's penalty grows per iteration; the closer to 1, the closer to the
        minimiser.
    tol : float, default=1e-4
        Stop where a round lowers the objective by less than this share.
    max_iter : int, default=200
        Largest number of rounds.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_source, n_classes)
        Coefficients P.
    group_weights_ : ndarray of shape (n_groups,)
        Weights β, in the order of `groups_`.
    groups_ : ndarray of shape (n_groups,)
        Sorted group ids.
    X_fit_ : ndarray of shape (n_source, n_features)
        Source rows.
    objective_ : float
        Lowest objective of all rounds.
    n_iter_ : int
        Number of rounds that were run.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    Notes
    -----
    The kernel "chi2" is ``1 − Σ_j (x_j − y_j)² / ((x_j + y_j)/2)``.

    References
    ----------
    Y. Zong, X. Huang, W. Zheng, Z. Cui, G. Zhao, "Learning from Hierarchical Spatiotemporal
    Descriptors for Micro-Expression Recognition", IEEE TMM 20(11):3160-3172, 2018,
    doi:10.1109/TMM.2018.2820321.
    """

    def __init__(
        self,
        groups=None,
        group_weight=0.1,
        l1_weight=0.1,
        kernel="linear",
        growth=alm.PENALTY_GROWTH,
        tol=1e-4,
        max_iter=200,
    ):
        self.groups = groups
        self.group_weight = group_weight
        self.l1_weight = l1_weight
        self.kernel = kernel
        self.growth = growth
        self.tol = tol
        self.max_iter = max_iter

    def _fit(self, rows):
        self._check()
        partition = self._partition(rows.source.shape[1])
        kernels = self._kernels(rows.source, rows.source, partition)
        with threadpool_limits(1, user_api="blas"):
            fit = self._alternate(kernels, rows.one_hot, np.ones(len(partition)))
        self._keep(fit, rows.source, rows, partition)


class TTRM(_KernelGroups):
    r"""Transductive transfer regression model, with its selection of an auxiliary set.

    Some target rows, chosen by auxiliary set selection (ASSM), join the source rows, their labels
    unknowns of the regression:

    .. math::
        \min_\alpha \alpha^\top K_{tt} \alpha
        - \alpha^\top \Big(\tfrac{1}{n_s} K_{ts} 1 + \tfrac{1}{n_t} K_{tt} 1\Big)
        + \lambda\, 1^\top \alpha \quad\text{s.t. } 0 \le \alpha \le 1,

    .. math::
        \min_{P, \beta \ge 0, Y_a} \Big\|[Y_s, Y_a] - P^\top \sum_i \beta_i K_i\Big\|_F^2
        + \lambda_1 \sum_i \beta_i + \lambda_2 \|P\|_1
        \quad\text{s.t. each column of } Y_a \text{ in the simplex}.

    The rows with the largest α are the auxiliary set. P, β and the labels take turns, from equal
    weights and the labels that a regression on the source rows alone gives.

    Parameters
    ----------
    groups : int, array-like of shape (n_features,) or None, default=None
        Groups of columns, as in `KGSL`.
    group_weight : float, default=0.1
        Weight λ1 of the group weights.
    l1_weight : float, default=0.1
        Weight λ2 of the L1 norm.
    selection_weight : float, default=1.0
        Weight λ of the selection.
    selection_threshold : float, default=0.1
        Rows whose α is at least this share of the largest are selected. The paper only says
        "large".
    kernel : {"linear", "chi2", "rbf"}, default="linear"
        Kernel of each group, as in `KGSL`. The selection takes the sum over the groups.
    growth : float, default=1.1
        Factor by which the loop's penalty grows per iteration, as in `KGSL`.
    tol : float, default=1e-4
        Stop where a round lowers the objective by less than this share.
    max_iter : int, default=200
        Largest number of rounds.

    Attributes
    ----------
    selection_ : ndarray of shape (n_target,)
        Weights α of the target rows in their order.
    auxiliary_ : ndarray of int, shape (n_auxiliary,)
        Positions of the selected rows among the target rows.
    auxiliary_labels_ : ndarray of shape (n_auxiliary, n_classes)
        Labels Y_a; rows sum to 1.
    dual_coef_ : ndarray of shape (n_source + n_auxiliary, n_classes)
        Coefficients P.
    group_weights_ : ndarray of shape (n_groups,)
        Weights β, in the order of `groups_`.
    groups_ : ndarray of shape (n_groups,)
        Sorted group ids.
    X_fit_ : ndarray of shape (n_source + n_auxiliary, n_features)
        Source rows and selected rows.
    objective_ : float
        Lowest objective of all rounds.
    n_iter_ : int
        Number of rounds that were run.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    Y. Zong, W. Zheng, Z. Cui, G. Zhao, B. Hu, "Toward Bridging Microexpressions From Different
    Domains", IEEE TCYB 50(12):5047-5060, 2020, doi:10.1109/TCYB.2019.2914512.
    """

    def __init__(
        self,
        groups=None,
        group_weight=0.1,
        l1_weight=0.1,
        selection_weight=1.0,
        selection_threshold=0.1,
        kernel="linear",
        growth=alm.PENALTY_GROWTH,
        tol=1e-4,
        max_iter=200,
    ):
        self.groups = groups
        self.group_weight = group_weight
        self.l1_weight = l1_weight
        self.selection_weight = selection_weight
        self.selection_threshold = selection_threshold
        self.kernel = kernel
        self.growth = growth
        self.tol = tol
        self.max_iter = max_iter

    def _fit(self, rows):
        self._check()
        check_number("selection_weight", self.selection_weight, least=0)
        check_number("selection_threshold", self.selection_threshold, above=0, most=1)
        partition = self._partition(rows.source.shape[1])
        n_source = len(rows.source)
        self._select(rows, partition)
        X = np.concatenate([rows.source, rows.target[self.auxiliary_]])
        kernels = self._kernels(X, X, partition)
        one_hot, beta = rows.one_hot, np.ones(len(partition))
        guess = one_hot[:0]

        def relabel(predicted):
            self.auxiliary_labels_ = project_to_simplex(predicted[n_source:])
            return np.concatenate([one_hot, self.auxiliary_labels_])

        with threadpool_limits(1, user_api="blas"):
            if len(self.auxiliary_):
                P = self._regress(kernels[:, :, :n_source], beta, one_hot)
                guess = np.einsum("gnm,nc->mc", kernels[:, :, n_source:], P)
            response = relabel(np.concatenate([one_hot, guess]))
            fit = self._alternate(kernels, response, beta, relabel)
        self._keep(fit, X, rows, partition)

    def _select(self, rows, partition):
        """Auxiliary set selection."""
        self.selection_ = np.zeros(len(rows.target))
        if len(rows.target):
            own = self._kernels(rows.target, rows.target, partition).sum(axis=0)
            cross = self._kernels(rows.target, rows.source, partition).sum(axis=0)
            n = len(own)
            eye = sparse.eye_array(n)
            alpha, _ = solve_qp(
                2 * own,
                self.selection_weight - cross.mean(axis=1) - own.mean(axis=1),
                sparse.vstack([eye, -eye]),
                np.repeat([1.0, 0.0], n),
                name="TTRM",
            )
            self.selection_ = np.clip(alpha, 0, 1)
        # An interior point stops short of zero, at 1e-9: rows that should have none are left out.
        least = max(self.selection_threshold * self.selection_.max(initial=0), 1e-6)
        self.auxiliary_ = np.flatnonzero(self.selection_ >= least)


def project_to_simplex(rows):
    """Closest points of the probability simplex, row by row.

    Parameters
    ----------
    rows : ndarray of shape (n, n_classes)

    Returns
    -------
    ndarray of shape (n, n_classes)

    References
    ----------
    J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient Projections onto the l1-Ball for
    Learning in High Dimensions", ICML 2008, doi:10.1145/1390156.1390191.
    """
    falling = -np.sort(-rows, axis=1)
    excess = (np.cumsum(falling, axis=1) - 1) / np.arange(1, rows.shape[1] + 1)
    last = (falling > excess).sum(axis=1) - 1
    return np.maximum(rows - np.take_along_axis(excess, last[:, None], axis=1), 0)
