"""Partitions of the columns into groups."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GroupPartition:
    """Columns of X divided into groups.

    Parameters
    ----------
    ids : ndarray of shape (n_groups,)
        Sorted, distinct group ids.
    members : list of ndarray of int
        Columns of each group, in the order of `ids`.
    """

    ids: np.ndarray
    members: list

    @classmethod
    def from_parameter(cls, groups, n_features):
        """Read the parameter `groups` of `TGSR`.

        Parameters
        ----------
        groups : int, array-like of shape (n_features,) or None
            A number of equal blocks of neighbouring columns, an id per column, or None for a
            group per column.
        n_features : int
            Number of columns.

        Returns
        -------
        GroupPartition

        Raises
        ------
        ValueError
            If a number of groups is not positive or does not divide the columns, or the ids do not
            match the columns in number.
        """
        if groups is None:
            groups = n_features
        if np.ndim(groups) == 0:
            if isinstance(groups, bool | np.bool_) or not isinstance(groups, int | np.integer):
                raise ValueError(
                    "groups: expected a number of equal blocks, an array of group ids or None, "
                    f"got {groups!r}"
                )
            if groups < 1 or n_features % groups:
                raise ValueError(
                    f"groups: expected a positive number that divides the {n_features} columns of "
                    f"X, got {groups}"
                )
            return cls(np.arange(groups), list(np.arange(n_features).reshape(int(groups), -1)))
        groups = np.asarray(groups)
        if groups.shape != (n_features,):
            raise ValueError(
                f"groups: expected one group id per column of X, shape ({n_features},), got shape "
                f"{groups.shape}"
            )
        ids, inverse = np.unique(groups, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        ends = np.cumsum(np.bincount(inverse))
        return cls(ids, np.split(order, ends[:-1]))

    def __len__(self):
        return len(self.ids)
