"""Directions of flow vectors, through the array API."""

import math

import array_api_compat


def direction_bins(u, v, n_bins):
    """Sort vectors by direction.

    Bin k holds the angles from 2πk/n up to, but not including, 2π(k + 1)/n, counted from "to the
    right" towards "down", that is clockwise on the screen. The vectors themselves are compared with
    each boundary, not their angles: that is exact where an arctangent is rounded, and the same in
    every library.

    Parameters
    ----------
    u, v : array of float, shape (...)
        Components to the right and down.
    n_bins : int
        Number n of bins.

    Returns
    -------
    array of int32, shape (...)
        Bins from 0 to ``n_bins - 1``; meaningless for vectors of length 0.
    """
    if n_bins % 2:
        return direction_bins(u, v, 2 * n_bins) // 2
    xp = array_api_compat.array_namespace(u)
    lower = (v < 0) | ((v == 0) & (u < 0))  # angles from π up to 2π
    u, v = xp.where(lower, -u, u), xp.where(lower, -v, v)
    bins = xp.astype(lower, xp.int32) * (n_bins // 2)
    for k in range(1, n_bins // 2):
        bins += xp.astype(_ahead(u, v, 2 * math.pi * k / n_bins), xp.int32)
    return bins


def folded_direction_bins(u, v, n_bins):
    """Sort vectors by their angle with the horizontal axis; left and right count alike.

    Bin k holds the angles from -π/2 + πk/n up to, but not including, -π/2 + π(k + 1)/n; the last
    one holds π/2 too. Parameters and result are those of `direction_bins`.
    """
    xp = array_api_compat.array_namespace(u)
    u = xp.abs(u)
    bins = xp.zeros(u.shape, dtype=xp.int32, device=array_api_compat.device(u))
    for k in range(1, n_bins):
        bins += xp.astype(_ahead(u, v, math.pi * (k / n_bins - 0.5)), xp.int32)
    return bins


def components(flow):
    """Parts of flow vectors to the right and down, two contiguous arrays of shape (...)."""
    xp = array_api_compat.array_namespace(flow)
    return xp.asarray(flow[..., 0], copy=True), xp.asarray(flow[..., 1], copy=True)


def lengths(u, v):
    """Lengths of vectors, an array of float64, shape (...)."""
    xp = array_api_compat.array_namespace(u)
    return xp.astype(xp.sqrt(u * u + v * v), xp.float64)


def _ahead(u, v, angle):
    """Whether vectors lie within the half turn that starts at an angle, an array of bool."""
    # cos(pi/2) is 6e-17, and sin(pi/4) differs from cos(pi/4): 12 decimals put such boundaries back
    # onto the axes and diagonals.
    cosine, sine = round(math.cos(angle), 12), round(math.sin(angle), 12)
    return cosine * v - sine * u >= 0
