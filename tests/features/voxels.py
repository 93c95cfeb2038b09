"""Slow helpers that read descriptors off their definitions, voxel by voxel."""

import numpy as np

PLANES = {"xy": (1, 2), "xt": (0, 2), "yt": (0, 1)}  # row and column axis; t, y, x = 0, 1, 2


def voxels(shape, border):
    """Voxels inside the border, with their row and column counted from there."""
    in_time, in_space = border
    for t in range(in_time, shape[0] - in_time):
        for y in range(in_space, shape[1] - in_space):
            for x in range(in_space, shape[2] - in_space):
                yield (t, y, x), y - in_space, x - in_space


def at(volume, voxel, steps):
    """Value at a voxel moved by steps {axis: n}, as an int."""
    place = list(voxel)
    for axis, n in steps.items():
        place[axis] += n
    return int(volume[tuple(place)])


def histograms(shape, border, levels, n_bins, vote):
    """Shares of votes per region; `vote(voxel)` gives a bin, or (bin, weight), or None."""
    _, height, width = shape
    height, width = height - 2 * border[1], width - 2 * border[1]
    boxes = [
        (r * height // n, (r + 1) * height // n, c * width // n, (c + 1) * width // n)
        for n in levels
        for r in range(n)
        for c in range(n)
    ]
    sums = np.zeros((len(boxes), n_bins))
    for voxel, row, column in voxels(shape, border):
        cast = vote(voxel)
        if cast is None:
            continue
        number, weight = cast if isinstance(cast, tuple) else (cast, 1.0)
        for region, (top, bottom, left, right) in enumerate(boxes):
            if top <= row < bottom and left <= column < right:
                sums[region, number] += weight
    total = sums.sum(axis=1, keepdims=True)
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)


def side_by_side(parts):
    """Region by region, then part by part."""
    return np.concatenate(parts, axis=1).reshape(-1)
