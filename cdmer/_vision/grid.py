"""Facial regions: a pyramid of grids laid over the face."""

from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral

import numpy as np

from cdmer._parameters import FrozenParameters, ParameterError, check_number


@dataclass(frozen=True)
class RegionGrid(FrozenParameters):
    """Regions of a face: several grids, each of which partitions the same area.

    Level ``n`` cuts the area into ``n`` rows and ``n`` columns. Regions are numbered level by
    level in the order of `levels` and row by row inside a level. The default gives the 85 regions
    of the cross-database micro-expression literature [1]_: the whole face, then 2 × 2, 4 × 4 and
    8 × 8.

    Row ``i`` of level ``n`` covers the pixels from ``i * height // n`` up to, but not including,
    ``(i + 1) * height // n``; columns likewise. So every pixel lies in exactly one region of each
    level, the sizes within a level differ by at most one pixel per side, and a level nests in
    every level that divides it.

    Parameters
    ----------
    levels : tuple of int, default=(1, 2, 4, 8)
        Rows (and columns) of each grid.
    overlap : float, default=0
        Share of a row's height (and of a column's width) that it has in common with the next one,
        from 0 up to, but not including, 1. Rows are then ``height / (n - (n - 1) * overlap)``
        pixels high; their edges are rounded down.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `levels` is no sequence of integers, is empty or holds one
        below 1, or if `overlap` is no number within its range.

    Notes
    -----
    The features published with [1]_ were computed on cells of ``round(106 / n)`` pixels, the last
    row and column of cells taking the rest: 27, 27, 27, 25 and seven times 13, then 15. The cells
    here are more even: 26, 27, 26, 27 and twice 13, 13, 13, 14.

    References
    ----------
    .. [1] X. Jiang, Y. Zong, W. Zheng, J. Liu and M. Wei, "Seeking salient facial regions for
       cross-database micro-expression recognition", ICPR 2022, https://arxiv.org/abs/2111.15361

    Examples
    --------
    >>> from cdmer.features import RegionGrid
    >>> grid = RegionGrid(levels=(1, 2))
    >>> grid.n_regions
    5
    >>> grid.boxes(height=5, width=4)
    array([[0, 5, 0, 4],
           [0, 2, 0, 2],
           [0, 2, 2, 4],
           [2, 5, 0, 2],
           [2, 5, 2, 4]])

    A search varies it as a part of a descriptor: ``{"lbptop__grid__levels": [(1, 2), (4,)]}``.
    """

    levels: tuple[int, ...] = (1, 2, 4, 8)
    overlap: float = 0

    def __post_init__(self):
        if not isinstance(self.levels, tuple | list) or not all(
            isinstance(level, Integral) and not isinstance(level, bool) for level in self.levels
        ):
            raise ParameterError(f"levels: expected a tuple of integers, got {self.levels!r}")
        if not self.levels or min(self.levels) < 1:
            raise ParameterError(f"levels: expected one or more integers >= 1, got {self.levels!r}")
        check_number("overlap", self.overlap, least=0, below=1)
        # A list would make equal grids unequal, and none of them hashable. What is right already
        # stays the same object, as `sklearn.base.clone` asks of a constructor.
        if any(type(level) is not int for level in self.levels) or type(self.levels) is not tuple:
            object.__setattr__(self, "levels", tuple(int(level) for level in self.levels))

    @property
    def n_regions(self):
        """Number of regions, all levels together."""
        return sum(level**2 for level in self.levels)

    @property
    def names(self):
        """Name of every region, a list of str; ``"l8r3c5"`` is level 8, row 3, column 5."""
        return [
            f"l{level}r{row}c{column}"
            for level in self.levels
            for row in range(level)
            for column in range(level)
        ]

    def boxes(self, height, width):
        """Place the regions on an area.

        Parameters
        ----------
        height, width : int
            Size of the area in pixels.

        Returns
        -------
        ndarray of int64, shape (n_regions, 4)
            Top, bottom, left and right of every region; bottom and right are exclusive.

        Raises
        ------
        ValueError
            If the area has fewer rows or columns than the finest level.
        """
        finest = max(self.levels)
        if min(height, width) < finest:
            raise ValueError(
                f"an area of {height} x {width} pixels cannot hold a grid of {finest} x {finest} "
                f"regions; expected at least {finest} x {finest} pixels"
            )
        boxes = []
        for level in self.levels:
            (top, bottom), (left, right) = self._cuts(height, level), self._cuts(width, level)
            top, left = np.meshgrid(top, left, indexing="ij")
            bottom, right = np.meshgrid(bottom, right, indexing="ij")
            boxes.append(np.stack([top, bottom, left, right], axis=-1).reshape(-1, 4))
        return np.concatenate(boxes)

    def place(self, frames, border=0):
        """Place the regions on a clip whose border belongs to no region.

        Parameters
        ----------
        frames : array of shape (T, H, W)
            Only its shape counts.
        border : int, default=0
            Pixels on each side that are left out.

        Returns
        -------
        ndarray of int64, shape (n_regions, 4)
            As `boxes`, counted from the first pixel inside the border.

        Raises
        ------
        ValueError
            If fewer rows or columns than the finest level are left.
        """
        height, width = frames.shape[1:]
        finest = max(self.levels)
        if min(height, width) < finest + 2 * border:
            least = finest + 2 * border
            raise ValueError(
                f"a border of {border} pixels and a grid of {finest} x {finest} regions need at "
                f"least {least} x {least} pixels"
            )
        return self.boxes(height - 2 * border, width - 2 * border)

    def _cuts(self, size, level):
        """First and last-but-one pixel of every row of a level, two lists of int."""
        overlap = Fraction(str(float(self.overlap)))  # 0.7 is 7/10, not the nearest binary number
        extent = size / (level - (level - 1) * overlap)
        starts = [i * (1 - overlap) * extent for i in range(level)]
        return [int(start) for start in starts], [int(start + extent) for start in starts]
