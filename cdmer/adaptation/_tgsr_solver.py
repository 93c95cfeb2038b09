"""The augmented Lagrangian method of TGSR, many settings at once in reduced coordinates."""

from functools import cached_property

import array_api_compat
import numpy as np

from cdmer._array import to_numpy
from cdmer.adaptation._blocks import make_blocks
from cdmer.adaptation._span import SpanLeastSquares

# The published schedule of the penalty μ.
PENALTY_START, PENALTY_GROWTH, PENALTY_END = 1e-3, 1.1, 1e15

# On a processor 32 to 128 settings keep the products of matrices efficient, and what 128 need of a
# block of 256 coordinates fits the second-level cache; short lists still make batches for several
# threads. An accelerator takes one block, and as many settings as this memory holds.
CPU_BATCH, CPU_BATCH_LEAST, CPU_BLOCK = 128, 32, 256
ACCELERATOR_BYTES = 2**32


class TGSRProblem:
    """One source, one target and one partition: all that the settings of a path share.

    Parameters
    ----------
    X_source : array of shape (n_source, n_features)
    X_target : array of shape (n_target, n_features)
    codes : ndarray of int, shape (n_source,)
        Class of each source row, 0 to n_classes - 1.
    n_classes : int
    members : list of ndarray of int
        Columns of each group.
    n_settings : int
        How many settings will be solved in all.
    """

    def __init__(self, X_source, X_target, codes, n_classes, members, n_settings):
        self.xp = array_api_compat.array_namespace(X_source)
        self.device = array_api_compat.device(X_source)
        self.n_classes = n_classes
        self.members = sorted(members, key=len)  # blocks are runs of groups of one size
        self.datafit = SpanLeastSquares.from_rows(
            X_source, X_target, self.array(np.eye(n_classes)[codes])
        )
        n_coordinates = X_source.shape[1]
        if self.on_cpu:
            batch_size = min(CPU_BATCH, max(CPU_BATCH_LEAST, n_settings // 8))
            self.batch_size = min(n_settings, batch_size)
            n_coordinates = CPU_BLOCK * CPU_BATCH // self.batch_size
        self.blocks = make_blocks(self.datafit.basis, self.members, n_coordinates)
        if not self.on_cpu:
            per_setting = 64 * n_classes * sum(block.n_coordinates for block in self.blocks)
            self.batch_size = max(1, min(n_settings, ACCELERATOR_BYTES // per_setting))

    def array(self, values):
        """Put values into a float64 array beside the data."""
        return self.xp.asarray(values, dtype=self.xp.float64, device=self.device)

    def indices(self, mask):
        """Positions where a NumPy mask is true, beside the data."""
        return self.xp.asarray(np.flatnonzero(mask), device=self.device)

    @cached_property
    def on_cpu(self):
        """Whether the arrays live in the processor's memory."""
        return "cpu" in str(self.device).lower()

    @cached_property
    def root_sizes(self):
        """Square roots of the groups' numbers of coefficients, shape (n_groups,)."""
        return self.array([np.sqrt(len(m) * self.n_classes) for m in self.members])

    @cached_property
    def column_order(self):
        """Where each column of X stands when the groups' columns follow each other."""
        order = np.argsort(np.concatenate(self.members), kind="stable")
        return self.xp.asarray(order, device=self.device)

    def solve(self, n_selected, mmd_weight, tol, max_iter):
        """Solve a batch of settings.

        Parameters
        ----------
        n_selected : ndarray of int, shape (n_settings,)
        mmd_weight : ndarray of float, shape (n_settings,)
        tol : float
        max_iter : int

        Returns
        -------
        coef : array of shape (n_settings, n_features, n_classes)
        n_iter : ndarray of int, shape (n_settings,)
        gap : ndarray of float, shape (n_settings,)
            Largest ``|P − B|`` at the end.
        """
        batch = _Batch(self, n_selected, mmd_weight)
        pending = np.arange(len(n_selected))
        order, coef = [], []
        n_iter = np.full(len(n_selected), max_iter)
        gap = np.full(len(n_selected), np.inf)
        for iteration in range(1, max_iter + 1):
            batch.iterate()
            gap[pending] = batch.gap(np.inf if iteration == max_iter else tol)
            leave = gap[pending] < tol
            n_iter[pending[leave]] = iteration
            if iteration == max_iter:
                leave[:] = True
            if leave.any():
                order.append(pending[leave])
                coef.append(batch.coef(leave))
                pending = pending[~leave]
                if not len(pending):
                    break
                batch.keep(~leave)
        back = self.xp.asarray(np.argsort(np.concatenate(order)), device=self.device)
        return self.xp.take(self.xp.concat(coef), back, axis=0), n_iter, gap


class _Batch:
    r"""Settings that iterate together.

    With ``W = P + T/μ`` the multiplier T cancels outside the span of the rows: ``W = B + Qw``,
    where w is a ridge step of the datafit from ``Qᵀ(B − T/μ)``. After group shrinkage by factors s,
    ``B = sW`` and ``T = μ(1 − s)W``. So W and s are the whole state, and ``b = QᵀB`` and
    ``t = QᵀT`` all that a step needs.
    """

    def __init__(self, problem, n_selected, mmd_weight):
        xp, n_settings, n_classes = problem.xp, len(n_selected), problem.n_classes
        self.problem = problem
        self.penalty = PENALTY_START
        self.carry = 1.0  # previous penalty / penalty, the factor between T/μ then and now
        self.n_selected = np.asarray(n_selected)
        self.weight = problem.array(mmd_weight)[:, None, None]
        # All ones: the first vector of the frame [1, Q].
        one = problem.array(np.eye(1, problem.datafit.basis.shape[1] + 1)[None, :, :])
        self.start = xp.broadcast_to(one, (n_settings, n_classes, one.shape[2]))
        self.W = [block.advance(None, None, self.start)[0] for block in problem.blocks]
        self.shrink = xp.ones_like(self.weight[:, :, 0] + problem.root_sizes)
        self.b = self._project()
        self.t = xp.zeros_like(self.b)
        self.norms = xp.zeros_like(self.shrink)

    def iterate(self):
        """Run one iteration: P, then B, then T and the penalty."""
        xp, problem = self.problem.xp, self.problem
        step = problem.datafit.ridge_step(
            self.b - self.t / self.penalty, self.weight, self.penalty / 2
        )
        self.W_before, self.shrink_before, self.norms_before = self.W, self.shrink, self.norms
        in_frame = xp.concat([xp.zeros_like(step[..., :1]), step], axis=2)
        self.W, squares = [], []
        alive = self._alive()
        for block, before in zip(problem.blocks, self.W_before, strict=True):
            shrink = self.shrink if alive[block.groups].any() else None
            W, square = block.advance(before, shrink, in_frame)
            self.W.append(W)
            squares.append(square)
        squares = xp.concat(squares, axis=1)
        self.norms = xp.sqrt(xp.maximum(squares, xp.zeros_like(squares)))  # rounding: -1e-20
        self.shrink = self._shrinkage()

        inside = self.b + step
        self.b = self._project()
        self.t = self.penalty * (inside - self.b)
        penalty = min(PENALTY_END, PENALTY_GROWTH * self.penalty)
        self.carry_before, self.carry = self.carry, self.penalty / penalty
        self.penalty = penalty

    def _alive(self):
        """Which groups are kept by any setting of the batch."""
        return to_numpy(self.problem.xp.any(self.shrink > 0, axis=0))

    def _project(self):
        alive = self._alive()
        total = 0 * self.start[: self.shrink.shape[0], :, :]
        for block, W in zip(self.problem.blocks, self.W, strict=True):
            if alive[block.groups].any():
                total = total + block.project(W, self.shrink)
        return total[..., 1:]

    def _shrinkage(self):
        """Factors that leave exactly the groups with the largest norms, shape (batch, n_groups)."""
        xp, norms = self.problem.xp, self.norms
        n_settings, n_groups = norms.shape
        falling = xp.sort(norms, axis=1, descending=True)
        falling = xp.concat([falling, xp.zeros_like(falling[:, :1])], axis=1)
        place = np.arange(n_settings) * (n_groups + 1) + self.n_selected
        place = xp.asarray(place, device=self.problem.device)
        threshold = xp.take(xp.reshape(falling, (-1,)), place)[:, None]
        kept = norms > threshold
        return xp.where(kept, (norms - threshold) / xp.where(kept, norms, 1.0), 0.0)

    def gap(self, tol):
        """Give ``max|P − B|`` of each setting where it may be below `tol`, a lower bound elsewhere.

        ``P − B = (1 − s)W − T/μ``. Its largest entry costs as much as an iteration, so the norms of
        the groups, which bound it from below, say where that is worth it.
        """
        xp, problem = self.problem.xp, self.problem
        now, before = 1 - self.shrink, self.carry_before * (1 - self.shrink_before)
        bound = xp.abs(now * self.norms - before * self.norms_before) / problem.root_sizes
        bound = to_numpy(bound)
        gap = bound.max(axis=1)
        close = gap < tol
        # Block after block, the most telling first, while settings are left that none has refuted.
        telling = bound[close].max(axis=0, initial=0)
        ranks = [-telling[block.groups].max() for block in problem.blocks]
        for i in np.argsort(ranks, kind="stable"):
            if not close.any():
                break
            which, block = problem.indices(close), problem.blocks[i]
            difference = block.combine(self.W[i], xp.take(now, which, axis=0), which)
            difference -= block.combine(self.W_before[i], xp.take(before, which, axis=0), which)
            largest = xp.max(xp.abs(difference), axis=(1, 2, 3))
            gap[close] = np.maximum(gap[close], to_numpy(largest))
            close = gap < tol
        return gap

    def coef(self, mask):
        """B of the settings in a mask, shape (n_masked, n_features, n_classes)."""
        xp, problem = self.problem.xp, self.problem
        which = problem.indices(mask)
        shrink = xp.take(self.shrink, which, axis=0)
        parts = []
        for block, W in zip(problem.blocks, self.W, strict=True):
            B = block.combine(W, shrink, which)
            parts.append(xp.reshape(B, (*B.shape[:2], -1)))
        coef = xp.take(xp.concat(parts, axis=2), problem.column_order, axis=2)
        return xp.permute_dims(coef, (0, 2, 1))

    def keep(self, mask):
        """Drop the settings outside a mask."""
        xp, which = self.problem.xp, self.problem.indices(mask)
        self.n_selected = self.n_selected[mask]
        self.W = [
            block.keep(W, which) for block, W in zip(self.problem.blocks, self.W, strict=True)
        ]
        for name in ("weight", "b", "t", "shrink", "norms"):
            setattr(self, name, xp.take(getattr(self, name), which, axis=0))
