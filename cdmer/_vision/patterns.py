"""Local binary patterns on the three orthogonal planes of a volume, through the array API."""

import array_api_compat
import numpy as np

from cdmer._vision.sampling import neighbours

PLANES = ("xy", "xt", "yt")
# Voxels handled at once. On a CPU the int32 arrays of a slab (some ten of them) then stay in the
# second-level cache; a GPU wants few large steps instead.
_SLAB = {"cpu": 2**16, "other": 2**25}


def uniform_patterns(n_points):
    """List the codes with at most two changes between 0 and 1 around the circle.

    Parameters
    ----------
    n_points : int
        Bits of a code.

    Returns
    -------
    ndarray of int64, shape (n_points * (n_points - 1) + 2,)
        In rising order.
    """
    codes = np.arange(2**n_points)
    rotated = (codes >> 1) | ((codes & 1) << (n_points - 1))
    changes = np.bitwise_count(codes ^ rotated)
    return codes[changes <= 2]


def pattern_names(n_points, uniform):
    """Name the bins of `binned`: the code, or ``"other"`` for those that are not uniform."""
    codes = [*uniform_patterns(n_points), "other"] if uniform else range(2**n_points)
    return [str(code) for code in codes]


def binned(counts, n_points, uniform):
    """Sort counts of codes into bins.

    Parameters
    ----------
    counts : array, shape (n_regions, 2 ** n_points)
        How often each code occurs.
    n_points : int
        Bits of a code.
    uniform : bool
        True keeps the uniform patterns apart and adds up all others in one last bin.

    Returns
    -------
    array, shape (n_regions, n_bins)
    """
    if not uniform:
        return counts
    xp = array_api_compat.array_namespace(counts)
    device = array_api_compat.device(counts)
    kept = xp.take(counts, xp.asarray(uniform_patterns(n_points), device=device), axis=1)
    others = xp.sum(counts, axis=1, keepdims=True) - xp.sum(kept, axis=1, keepdims=True)
    return xp.concat([kept, others], axis=1)


def orthogonal_patterns(frames, radius, n_points, interpolation):
    """Compute the local binary pattern of every voxel in the planes XY, XT and YT.

    Parameters
    ----------
    frames : array of uint8, shape (T, H, W)
        Grey levels, of any library that follows the array API.
    radius, n_points, interpolation
        See `cdmer.features.LBPTOP`.

    Returns
    -------
    tuple of three arrays of shape (T - 2 * radius, H - 2 * radius, W - 2 * radius)
        Codes in the planes XY, XT and YT: uint8 for up to 8 points, else int32.
    """
    xp = array_api_compat.array_namespace(frames)
    n_frames, height, width = frames.shape
    points = neighbours(radius, n_points, interpolation)
    on_cpu = "cpu" in str(array_api_compat.device(frames)).lower()
    slab = max(1, _SLAB["cpu" if on_cpu else "other"] // (height * width))
    slabs = []
    for start in range(0, n_frames - 2 * radius, slab):
        stop = min(start + slab + 2 * radius, n_frames)
        slabs.append(_slab_patterns(xp, frames[start:stop, :, :], radius, points))
    return tuple(xp.concat(codes) for codes in zip(*slabs, strict=True))


def _slab_patterns(xp, frames, radius, points):
    """Codes of the frames that have `radius` frames on either side.

    The slab is handled as one flat row of voxels, in which a step along t, y or x is a constant
    stride: all arithmetic then runs over contiguous memory. What this computes for the voxels
    next to the border is cut off at the end.
    """
    n_frames, height, width = frames.shape
    t, y, x = height * width, width, 1
    grey = xp.reshape(frames, (-1,))
    wide = xp.astype(grey, xp.int32)
    start = radius * (t + y + x)  # the first voxel whose neighbours all exist
    length = grey.shape[0] - 2 * start
    margin = radius * y  # enough for a shift along x or y

    def centre(unit, slack):
        middle = slice(start, start + length)
        return grey[middle] if unit == 1 else wide[middle] * unit - slack

    def blend(taps, unit, stride):
        """Weighted sum along the row axis of a plane, `margin` longer at either end."""
        total = None
        for row, weight in taps:
            at = start - margin + row * stride
            part = slice(at, at + length + 2 * margin)
            if unit == 1:  # a point on a pixel
                return grey[part]
            term = wide[part] * weight
            if total is None:
                total = term
            else:
                total += term
        return total

    def patterns(row_stride, column_strides):
        """Codes of the planes that share a row axis, and so the sums along it."""
        blends = {}
        codes = [None] * len(column_strides)
        for point in reversed(points):
            threshold = point.unit, point.slack(255)
            if threshold not in centres:
                centres[threshold] = centre(*threshold)
            for _, taps in point.columns:
                if (point.unit, taps) not in blends:
                    blends[point.unit, taps] = blend(taps, point.unit, row_stride)
            for plane, stride in enumerate(column_strides):
                total = None
                for column, taps in point.columns:
                    at = margin + column * stride
                    part = blends[point.unit, taps][at : at + length]
                    total = part if total is None else total + part
                bits = _as_integers(xp, total >= centres[threshold], len(points))
                if codes[plane] is None:
                    codes[plane] = bits
                else:
                    codes[plane] += codes[plane]
                    codes[plane] += bits
        return codes

    centres = {}
    border = xp.zeros(radius * (y + x), dtype=xp.uint8, device=array_api_compat.device(frames))
    inner = slice(radius, -radius)
    shape = (n_frames - 2 * radius, height, width)
    return [
        xp.reshape(xp.concat([border, codes, border]), shape)[:, inner, inner]
        for codes in (*patterns(y, [x]), *patterns(t, [x, y]))
    ]


def _as_integers(xp, mask, n_points):
    """Booleans as integers wide enough for a code; without a copy where the library can."""
    if n_points > 8:
        return xp.astype(mask, xp.int32)
    # NumPy and PyTorch spell alike what the array API lacks.
    return mask.view(xp.uint8) if hasattr(mask, "view") else xp.astype(mask, xp.uint8)
