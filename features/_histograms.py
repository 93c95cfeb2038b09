"""Histograms of codes over the regions of a grid, through the array API."""

from functools import lru_cache

import array_api_compat
import numpy as np

# Voxels counted at once: their 64-bit bin numbers take 2 MiB.
_CHUNK = 2**18


def region_histograms(codes, n_codes, grid):
    """Count how often each code occurs in each region.

    Counted are the cells of the common refinement of all levels, each voxel once; a region is
    then a sum of cells.

    Parameters
    ----------
    codes : array of int, shape (T, H, W)
        Values from 0 to ``n_codes - 1``.
    n_codes : int
        Number of different codes.
    grid : RegionGrid
        Regions of the H × W area; each spans all T frames.

    Returns
    -------
    array of int64, shape (n_regions, n_codes)
        Counts, in the library and on the device of `codes`.
    """
    xp = array_api_compat.array_namespace(codes)
    device = array_api_compat.device(codes)
    n_frames, height, width = codes.shape
    cells, shape, corners = _refinement(grid, height, width)
    n_bins = shape[0] * shape[1] * n_codes
    first_bin = xp.asarray(cells * n_codes, device=device)
    codes = xp.reshape(codes, (n_frames, height * width))
    # With many bins, few large chunks: every chunk goes through all bins once.
    step = max(1, max(_CHUNK, n_bins) // (height * width))
    counts = xp.zeros(n_bins, dtype=xp.int64, device=device)
    for start in range(0, n_frames, step):
        bins = xp.astype(codes[start : min(start + step, n_frames), :], xp.int64)
        bins += first_bin
        counts += _bincount(xp, xp.reshape(bins, (-1,)), n_bins)
    # Counts above and to the left of every corner of a cell; a region needs those of its corners.
    counts = xp.reshape(counts, (*shape, n_codes))
    for axis in (0, 1):
        counts = xp.cumulative_sum(counts, axis=axis, include_initial=True)
    counts = xp.reshape(counts, (-1, n_codes))
    top_left, top_right, bottom_left, bottom_right = (
        xp.take(counts, xp.asarray(corner, device=device), axis=0) for corner in corners
    )
    return bottom_right - bottom_left - top_right + top_left


def _bincount(xp, bins, n_bins):
    """Count integers from 0 to n_bins - 1; the array API has no function for it."""
    if hasattr(xp, "bincount"):  # NumPy, PyTorch and CuPy spell it alike
        return xp.bincount(bins, minlength=n_bins)
    edges = xp.arange(n_bins + 1, dtype=xp.int64, device=array_api_compat.device(bins))
    below = xp.searchsorted(xp.sort(bins), edges)
    return below[1:] - below[:-1]


@lru_cache
def _refinement(grid, height, width):
    """Cells that the edges of all levels cut an area into.

    Returns
    -------
    cells : ndarray of int64, shape (height * width,)
        Cell of every pixel, row by row.
    shape : (int, int)
        Rows and columns of cells.
    corners : tuple of four ndarrays of int64, each of shape (n_regions,)
        Top left, top right, bottom left and bottom right of every region, numbered row by row
        among the corners of the cells.
    """
    top, bottom, left, right = grid.boxes(height, width).T
    rows, columns = np.unique([top, bottom]), np.unique([left, right])
    row_of = np.searchsorted(rows, np.arange(height), side="right") - 1
    column_of = np.searchsorted(columns, np.arange(width), side="right") - 1
    shape = len(rows) - 1, len(columns) - 1
    cells = (row_of[:, None] * shape[1] + column_of).reshape(-1)
    corners = tuple(
        np.searchsorted(rows, y) * len(columns) + np.searchsorted(columns, x)
        for y in (top, bottom)
        for x in (left, right)
    )
    return cells, shape, corners
