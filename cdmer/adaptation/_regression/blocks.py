"""Parts of W = B + Qw that belong to groups, in as few numbers as their sizes allow.

Both kinds of block do the same three things for neighbouring groups of one size: advance W by a
step within the span, give its products with the span's basis Q, and give W itself.
"""

import array_api_compat
import numpy as np


class GramBlock:
    """Groups with many columns: W as a combination of their rows of the frame ``E = [1, Q]``.

    Iterates start at all ones and move within the span of Q, so a group's part of W is ``E z``. A
    step adds to z as it is, and one product with the Gram matrix ``EᵀE`` gives norms and
    projections alike.

    Parameters
    ----------
    groups : slice
        Which groups.
    frame : array of shape (n_groups, n_columns, r + 1)
        Rows of the frame that belong to each group.
    """

    def __init__(self, groups, frame):
        xp = self.xp = array_api_compat.array_namespace(frame)
        self.groups = groups
        self.frame_t = xp.permute_dims(frame, (0, 2, 1))
        self.gram = xp.matmul(self.frame_t, frame)
        self.n_coordinates = frame.shape[0] * frame.shape[2]

    def advance(self, before, shrink, step):
        """Move W to ``shrink W + E step``.

        Parameters
        ----------
        before : tuple or None
            State before.
        shrink : array of shape (n_settings, n_all_groups) or None
            Factors of all groups; None where W shrinks to zero in every setting.
        step : array of shape (n_settings, n_classes, r + 1)

        Returns
        -------
        state : tuple of arrays of shape (n_groups, n_settings, n_classes, r + 1)
            Coordinates z, with one group standing for all where W was zero, and products ``EᵀE z``.
        squares : array of shape (n_settings, n_groups)
            Squared norm of each group's part of W.
        """
        xp, n_groups, (n_settings, n_classes, size) = self.xp, self.gram.shape[0], step.shape
        z = step[None, ...]
        if shrink is not None:
            z = before[0] * self._spread(shrink)
            z += step
        products = xp.matmul(xp.reshape(z, (-1, n_settings * n_classes, size)), self.gram)
        squares = xp.vecdot(
            xp.reshape(z, (-1, n_settings, n_classes * size)),
            xp.reshape(products, (n_groups, n_settings, n_classes * size)),
        )
        return (z, xp.reshape(products, (n_groups, *step.shape))), squares.T

    def project(self, state, shrink):
        """Give ``EᵀB`` summed over the groups, shape (n_settings, n_classes, r + 1)."""
        return self.xp.sum(state[1] * self._spread(shrink), axis=0)

    def combine(self, state, shrink, which):
        """Give ``shrink W`` of some settings, shape (n, n_classes, n_groups, n_columns)."""
        xp = self.xp
        z = xp.take(state[0], which, axis=1) * self._spread(shrink)
        flat = xp.reshape(z, (z.shape[0], -1, z.shape[3]))
        values = xp.reshape(xp.matmul(flat, self.frame_t), (*z.shape[:3], -1))
        return xp.permute_dims(values, (1, 2, 0, 3))

    def keep(self, state, which):
        """Keep some settings."""
        return tuple(self.xp.take(part, which, axis=1) for part in state)

    def _spread(self, shrink):
        return shrink[:, self.groups].T[:, :, None, None]


class ColumnBlock:
    """Groups with few columns: W itself. Methods and shapes as in `GramBlock`."""

    def __init__(self, groups, frame):
        xp = self.xp = array_api_compat.array_namespace(frame)
        self.groups = groups
        self.shape = frame.shape[:2]
        self.frame = xp.reshape(frame, (-1, frame.shape[2]))
        self.n_coordinates = self.frame.shape[0]

    def advance(self, before, shrink, step):
        """Move W to ``shrink W + E step``."""
        xp = self.xp
        W = xp.matmul(xp.reshape(step, (-1, step.shape[2])), self.frame.T)
        W = xp.reshape(W, (*step.shape[:2], *self.shape))
        if shrink is not None:
            W += before * self._spread(shrink)
        return W, xp.sum(xp.vecdot(W, W), axis=1)

    def project(self, state, shrink):
        """Give ``EᵀB`` summed over the groups, shape (n_settings, n_classes, r + 1)."""
        xp = self.xp
        B = xp.reshape(state * self._spread(shrink), (-1, self.n_coordinates))
        return xp.reshape(xp.matmul(B, self.frame), (*state.shape[:2], -1))

    def combine(self, state, shrink, which):
        """Give ``shrink W`` of some settings, shape (n, n_classes, n_groups, n_columns)."""
        return self.xp.take(state, which, axis=0) * self._spread(shrink)

    def keep(self, state, which):
        """Keep some settings."""
        return self.xp.take(state, which, axis=0)

    def _spread(self, shrink):
        return shrink[:, None, self.groups, None]


def make_blocks(Q, members, max_coordinates):
    """Divide the groups into blocks.

    Parameters
    ----------
    Q : array of shape (n_features, r)
        Orthonormal basis of the span.
    members : list of ndarray of int
        Columns of each group, smallest group first.
    max_coordinates : int
        A block takes further groups of its size as long as its coordinates stay within this.

    Returns
    -------
    list of GramBlock or ColumnBlock
    """
    xp = array_api_compat.array_namespace(Q)
    frame = xp.concat([xp.ones_like(Q[:, :1]), Q], axis=1)
    sizes = np.array([len(columns) for columns in members])
    blocks, start = [], 0
    while start < len(sizes):
        size = int(sizes[start])
        most = max(1, max_coordinates // min(size, frame.shape[1]))
        stop = min(start + most, np.searchsorted(sizes, size, side="right"))
        columns = xp.asarray(np.concatenate(members[start:stop]), device=array_api_compat.device(Q))
        rows = xp.take(frame, columns, axis=0)
        # One product with (r + 1)² entries against two with size × (r + 1).
        kind = GramBlock if 2 * size > frame.shape[1] else ColumnBlock
        rows = xp.reshape(rows, (-1, size, frame.shape[1]))
        blocks.append(kind(slice(start, int(stop)), rows))
        start = int(stop)
    return blocks
