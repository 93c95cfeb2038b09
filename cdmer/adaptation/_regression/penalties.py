"""Penalties of the augmented Lagrangian loop, each with the iterate in the form it needs.

The contract is in `cdmer.adaptation._regression.alm.solve`.
"""

import array_api_compat
import numpy as np

from cdmer._array import to_numpy

# Norms tie up to this share of them. Copies of a group differ by rounding, up to 1e-11 where rows
# are of lower rank than their number; and what this cuts off is well below any tolerance.
TIE = 1e-10


class _Settings:
    """Choosing settings along the first axis of an array."""

    def indices(self, mask):
        """Positions where a NumPy mask is true, beside the data."""
        return self.xp.asarray(np.flatnonzero(mask), device=self.device)

    def take(self, array, mask):
        """Settings in a mask, from an array with settings along its first axis."""
        return self.xp.take(array, self.indices(mask), axis=0)


class LargestGroups(_Settings):
    r"""Keep exactly the groups of rows of B with the largest norms, by shrinking all groups alike.

    A group's part of W shrinks to ``s W`` with ``s = max(N − θ, 0)/N``, N its Frobenius norm and θ
    the largest norm that must go; groups that tie with it go, too. W lives in the blocks of
    `cdmer.adaptation._regression.blocks`, which keep it in as few numbers as the sizes of the
    groups allow.

    Parameters
    ----------
    blocks : list of GramBlock or ColumnBlock
    root_sizes : array of shape (n_groups,)
        Square roots of the groups' numbers of coefficients.
    n_selected : ndarray of int, shape (n_settings,)
        Groups to keep, per setting.
    n_outputs : int
    rank : int
        Number of columns of the basis Q.
    """

    def __init__(self, blocks, root_sizes, n_selected, n_outputs, rank):
        self.xp = array_api_compat.array_namespace(root_sizes)
        self.device = array_api_compat.device(root_sizes)
        self.blocks, self.root_sizes = blocks, root_sizes
        self.n_selected = np.asarray(n_selected)
        self.shape = (n_outputs, rank + 1)

    def start(self, _multiplier):
        """Put B to ones (and T to zero, the one start that this penalty knows); give ``QᵀB``."""
        xp, n_settings = self.xp, len(self.n_selected)
        # All ones: the first vector of the frame [1, Q].
        one = xp.asarray(np.eye(1, self.shape[1]), dtype=xp.float64, device=self.device)
        start = xp.broadcast_to(one, (n_settings, *self.shape))
        self.W = [block.advance(None, None, start)[0] for block in self.blocks]
        self.shrink = xp.ones_like(xp.broadcast_to(self.root_sizes, (n_settings, len(self))))
        self.norms = xp.zeros_like(self.shrink)
        return self._project(start)

    def __len__(self):
        return self.root_sizes.shape[0]

    def move(self, step, _penalty):
        """Make W and B from a step within the span; give ``QᵀB``."""
        xp = self.xp
        self.W_before, self.shrink_before, self.norms_before = self.W, self.shrink, self.norms
        in_frame = xp.concat([xp.zeros_like(step[..., :1]), step], axis=2)
        self.W, squares = [], []
        alive = self._alive()
        for block, before in zip(self.blocks, self.W_before, strict=True):
            shrink = self.shrink if alive[block.groups].any() else None
            W, square = block.advance(before, shrink, in_frame)
            self.W.append(W)
            squares.append(square)
        squares = xp.concat(squares, axis=1)
        self.norms = xp.sqrt(xp.maximum(squares, xp.zeros_like(squares)))  # rounding: -1e-20
        self.shrink = self._shrinkage()
        return self._project(in_frame)

    def _alive(self):
        """Which groups are kept by any setting of the batch."""
        return to_numpy(self.xp.any(self.shrink > 0, axis=0))

    def _project(self, like):
        alive = self._alive()
        total = 0 * like
        for block, W in zip(self.blocks, self.W, strict=True):
            if alive[block.groups].any():
                total = total + block.project(W, self.shrink)
        return total[..., 1:]

    def _shrinkage(self):
        """Factors that leave exactly the groups with the largest norms, shape (batch, n_groups)."""
        xp, norms = self.xp, self.norms
        n_settings, n_groups = norms.shape
        falling = xp.sort(norms, axis=1, descending=True)
        falling = xp.concat([falling, xp.zeros_like(falling[:, :1])], axis=1)
        place = np.arange(n_settings) * (n_groups + 1) + self.n_selected
        place = xp.asarray(place, device=self.device)
        threshold = xp.take(xp.reshape(falling, (-1,)), place)[:, None]
        kept = norms > (1 + TIE) * threshold
        return xp.where(kept, (norms - threshold) / xp.where(kept, norms, 1.0), 0.0)

    def gap(self, carry, tol):
        """Give ``max|P − B|`` of each setting where it may be below `tol`, a lower bound elsewhere.

        ``P − B = (1 − s)W − T/μ``. Its largest entry costs as much as an iteration, so the norms of
        the groups, which bound it from below, say where that is worth it.
        """
        xp = self.xp
        now, before = 1 - self.shrink, carry * (1 - self.shrink_before)
        bound = to_numpy(xp.abs(now * self.norms - before * self.norms_before) / self.root_sizes)
        gap = bound.max(axis=1)
        close = gap < tol
        # Block after block, the most telling first, while settings are left that none has refuted.
        telling = bound[close].max(axis=0, initial=0)
        ranks = [-telling[block.groups].max() for block in self.blocks]
        for i in np.argsort(ranks, kind="stable"):
            if not close.any():
                break
            which, block = self.indices(close), self.blocks[i]
            difference = block.combine(self.W[i], xp.take(now, which, axis=0), which)
            difference -= block.combine(self.W_before[i], xp.take(before, which, axis=0), which)
            largest = xp.max(xp.abs(difference), axis=(1, 2, 3))
            gap[close] = np.maximum(gap[close], to_numpy(largest))
            close = gap < tol
        return gap

    def leave(self, mask):
        """B of the settings in a mask, shape (n_masked, n_outputs, n_columns), block by block."""
        xp, which = self.xp, self.indices(mask)
        shrink = xp.take(self.shrink, which, axis=0)
        parts = []
        for block, W in zip(self.blocks, self.W, strict=True):
            B = block.combine(W, shrink, which)
            parts.append(xp.reshape(B, (*B.shape[:2], -1)))
        return xp.concat(parts, axis=2)

    def keep(self, mask):
        """Drop the settings outside a mask."""
        which = self.indices(mask)
        self.n_selected = self.n_selected[mask]
        self.W = [block.keep(W, which) for block, W in zip(self.blocks, self.W, strict=True)]
        self.shrink, self.norms = self.take(self.shrink, mask), self.take(self.norms, mask)


class ElementwiseL1(_Settings):
    """``weight × ‖B‖₁``: every entry of W shrinks towards zero by ``weight/μ``.

    Parameters
    ----------
    basis : array of shape (n_columns, rank)
        Q of the datafit.
    weight : array of shape (n_settings, 1, 1)
        Weight of the norm, per setting.
    n_outputs : int
    """

    def __init__(self, basis, weight, n_outputs):
        self.xp = array_api_compat.array_namespace(basis)
        self.device = array_api_compat.device(basis)
        self.basis, self.basis_t = basis, basis.T
        self.weight, self.n_outputs = weight, n_outputs
        self.far = 0

    def start(self, multiplier):
        """Put B to ones and T/μ to a number; give ``QᵀB``."""
        shape = (self.weight.shape[0], self.n_outputs, self.basis.shape[0])
        self.B = self.xp.broadcast_to(self.xp.ones_like(self.basis[:, 0]), shape)
        self.rest = multiplier * self.B
        return self._project()

    def move(self, step, penalty):
        """Make W and B from a step within the span; give ``QᵀB``."""
        xp = self.xp
        W = xp.matmul(xp.reshape(step, (-1, step.shape[2])), self.basis_t)
        W = xp.reshape(W, self.B.shape)
        W += self.B
        # What shrinkage takes off is T/μ after this iteration.
        threshold = self.weight / penalty
        self.rest_before = self.rest
        self.rest = xp.minimum(xp.maximum(W, -threshold), threshold)
        W -= self.rest
        self.B = W
        return self._project()

    def _project(self):
        n_settings, n_outputs, n_columns = self.B.shape
        flat = self.xp.reshape(self.B, (-1, n_columns))
        return self.xp.reshape(self.xp.matmul(flat, self.basis), (n_settings, n_outputs, -1))

    def gap(self, carry, tol):
        """Give ``max|P − B|`` where it may be below `tol`, a lower bound elsewhere."""
        # The output that was farthest last time refutes most settings at little cost.
        gap, rows = self._gap(carry, slice(self.far, self.far + 1))
        if (gap < tol).any():
            gap, rows = self._gap(carry, slice(None))
            self.far = int(rows.max(axis=0).argmax())
        return gap

    def _gap(self, carry, outputs):
        difference = carry * self.rest_before[:, outputs, :]
        difference -= self.rest[:, outputs, :]
        rows = to_numpy(self.xp.max(self.xp.abs(difference), axis=2))
        return rows.max(axis=1), rows

    def leave(self, mask):
        """B of the settings in a mask, shape (n_masked, n_outputs, n_columns)."""
        return self.take(self.B, mask)

    def keep(self, mask):
        """Drop the settings outside a mask."""
        self.B, self.rest = self.take(self.B, mask), self.take(self.rest, mask)
        self.weight = self.take(self.weight, mask)
