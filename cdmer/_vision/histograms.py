"""Histograms of codes over facial regions, through the array API."""

from functools import lru_cache

import array_api_compat
import numpy as np

# Voxels counted at once: their 64-bit bin numbers take 2 MiB.
_CHUNK = 2**18


def region_histograms(codes, n_codes, boxes, weights=None):
    """Count how often each code occurs in each region, or add up its weights.

    Counted are the cells of the common refinement of all regions, each voxel once; a region is then
    a sum of cells.

    Parameters
    ----------
    codes : array of int, shape (T, H, W)
        Values from 0 to ``n_codes - 1``.
    n_codes : int
        Number of different codes.
    boxes : ndarray of int, shape (n_regions, 4)
        Top, bottom, left and right of each region; each spans all T frames.
    weights : array of float64, shape (T, H, W), optional
        Weight of each voxel. None: 1.

    Returns
    -------
    array of float64, shape (n_regions, n_codes)
        Counts, whole numbers without `weights`, in the library and on the device of `codes`.
    """
    xp = array_api_compat.array_namespace(codes)
    device = array_api_compat.device(codes)
    n_frames, height, width = codes.shape
    cells, members = _refinement(np.asarray(boxes, dtype=np.int64).tobytes(), height, width)
    n_cells = members.shape[1]
    n_bins = n_cells * n_codes
    # Pixels outside every region go to one cell more, which is left out at the end.
    first_bin = xp.asarray(cells * n_codes, device=device)
    codes = xp.reshape(codes, (n_frames, height * width))
    if weights is not None:
        weights = xp.reshape(weights, (n_frames, height * width))
    # With many bins, few large chunks: every chunk goes through all bins once.
    step = max(1, max(_CHUNK, n_bins) // (height * width))
    kind = xp.int64 if weights is None else xp.float64
    counts = xp.zeros(n_bins + n_codes, dtype=kind, device=device)
    for start in range(0, n_frames, step):
        part = slice(start, min(start + step, n_frames))
        bins = xp.astype(codes[part, :], xp.int64)
        bins += first_bin
        of_voxels = None if weights is None else xp.reshape(weights[part, :], (-1,))
        counts += _bincount(xp, xp.reshape(bins, (-1,)), n_bins + n_codes, of_voxels)
    counts = xp.reshape(xp.astype(counts[:n_bins], xp.float64), (n_cells, n_codes))
    return xp.asarray(members, device=device) @ counts


def _bincount(xp, bins, n_bins, weights):
    """Count integers from 0 to n_bins - 1; the array API has no function for it."""
    if hasattr(xp, "bincount"):  # NumPy, PyTorch and CuPy spell it alike
        return xp.bincount(bins, weights, minlength=n_bins)
    edges = xp.arange(n_bins + 1, dtype=xp.int64, device=array_api_compat.device(bins))
    below = xp.searchsorted(xp.sort(bins), edges)
    if weights is not None:
        sums = xp.cumulative_sum(xp.take(weights, xp.argsort(bins)), include_initial=True)
        below = xp.take(sums, below)
    return below[1:] - below[:-1]


@lru_cache(maxsize=32)
def _refinement(boxes, height, width):
    """Cells that the edges of all regions cut an area into.

    Parameters
    ----------
    boxes : bytes
        Content of an array of int64; see `region_histograms`.
    height, width : int
        Size of the area.

    Returns
    -------
    cells : ndarray of int64, shape (height * width,)
        Cell of every pixel, row by row; ``n_cells`` where no region lies.
    members : ndarray of float64, shape (n_regions, n_cells)
        1 where a cell belongs to a region, else 0.
    """
    top, bottom, left, right = np.frombuffer(boxes, dtype=np.int64).reshape(-1, 4).T
    rows, columns = np.unique([top, bottom]), np.unique([left, right])
    of_rows = (top[:, None] <= rows[:-1]) & (rows[:-1] < bottom[:, None])
    of_columns = (left[:, None] <= columns[:-1]) & (columns[:-1] < right[:, None])
    members = (of_rows[:, :, None] & of_columns[:, None, :]).reshape(len(top), -1)
    used = members.any(axis=0)
    number = np.where(used, np.cumsum(used) - 1, used.sum())
    # Before the first edge and from the last one on: no cell.
    row = np.searchsorted(rows, np.arange(height), side="right") - 1
    column = np.searchsorted(columns, np.arange(width), side="right") - 1
    inside = ((row >= 0) & (row < len(rows) - 1))[:, None] & (column >= 0)
    inside &= column < len(columns) - 1
    cell = np.where(inside, row[:, None] * (len(columns) - 1) + column, 0)
    cells = np.where(inside, number[cell], used.sum()).reshape(-1)
    return cells, members[:, used].astype(np.float64)
