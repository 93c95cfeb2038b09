"""TGSR for the augmented Lagrangian loop: one source, one target, many settings."""

from functools import cached_property

import array_api_compat
import numpy as np

from cdmer.adaptation._regression import alm
from cdmer.adaptation._regression.blocks import make_blocks
from cdmer.adaptation._regression.penalties import LargestGroups
from cdmer.adaptation._regression.span import SpanLeastSquares

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
        iterate = LargestGroups(
            self.blocks,
            self.root_sizes,
            n_selected,
            self.n_classes,
            self.datafit.basis.shape[1],
        )
        weight = self.array(mmd_weight)[:, None, None]
        parts, order, n_iter, gap = alm.solve(self.datafit, iterate, weight, tol, max_iter)
        back = self.xp.asarray(np.argsort(order), device=self.device)
        coef = self.xp.take(self.xp.concat(parts), back, axis=0)
        coef = self.xp.take(coef, self.column_order, axis=2)
        return self.xp.permute_dims(coef, (0, 2, 1)), n_iter, gap
