"""LBP-TOP equals, bin for bin, loops written straight from its definition."""

import math

import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from cdmer._vision import histograms, patterns
from cdmer.features import LBPTOP, RegionGrid

AXES = {"t": 0, "y": 1, "x": 2}


def nearest(offset):
    """Nearest integer; a half goes away from zero."""
    return int(math.copysign(math.floor(abs(offset) + 0.5 + 1e-9), offset))


def grey_at(volume, place):
    """Grey level at a place (t, y, x), by one-dimensional interpolation along each axis."""
    place = [round(p) if abs(p - round(p)) < 1e-9 else p for p in place]
    low = [math.floor(p) for p in place]
    value = 0.0
    for corner in np.ndindex(2, 2, 2):
        weight = math.prod(
            p - i if c else 1 - (p - i) for p, i, c in zip(place, low, corner, strict=True)
        )
        if weight:
            value += weight * int(volume[tuple(i + c for i, c in zip(low, corner, strict=True))])
    return value


def code_of(volume, voxel, axes, radius, n_points, interpolation):
    row_axis, column_axis = axes
    code = 0
    for p in range(n_points):
        angle = 2 * math.pi * p / n_points
        row, column = -radius * math.sin(angle), radius * math.cos(angle)
        if interpolation == "nearest":
            row, column = nearest(row), nearest(column)
        place = list(voxel)
        place[AXES[row_axis]] += row
        place[AXES[column_axis]] += column
        # Exact zeros carry rounding of about 1e-13; other results are far from zero (the tests
        # of _sampling enumerate them for 8 points).
        if grey_at(volume, place) >= int(volume[voxel]) - 1e-9:
            code += 2**p
    return code


def bins_of(n_points, uniform):
    """Bin of every code."""
    codes = range(2**n_points)
    if not uniform:
        return list(codes)
    few = [c for c in codes if changes([c >> p & 1 for p in range(n_points)]) <= 2]
    rank = {code: i for i, code in enumerate(few)}
    return [rank.get(code, len(few)) for code in codes]


def changes(circle):
    return sum(a != b for a, b in zip(circle, circle[1:] + circle[:1], strict=True))


def reference(volume, radius=3, n_points=8, uniform=True, interpolation="bilinear", levels=(1,)):
    """LBP-TOP as counts, shape (n_regions, 3, n_bins)."""
    n_frames, height, width = volume.shape
    rows, columns = height - 2 * radius, width - 2 * radius
    bins = bins_of(n_points, uniform)
    n_bins = (n_points * (n_points - 1) + 3) if uniform else 2**n_points
    counts = np.zeros((sum(n * n for n in levels), 3, n_bins), dtype=int)
    for t in range(radius, n_frames - radius):
        for y in range(radius, height - radius):
            for x in range(radius, width - radius):
                regions = []
                for level in levels:
                    row = sum(i * rows // level <= y - radius for i in range(1, level))
                    column = sum(i * columns // level <= x - radius for i in range(1, level))
                    before = sum(n * n for n in levels[: levels.index(level)])
                    regions.append(before + row * level + column)
                for plane, axes in enumerate([("y", "x"), ("t", "x"), ("t", "y")]):
                    code = code_of(volume, (t, y, x), axes, radius, n_points, interpolation)
                    counts[regions, plane, bins[code]] += 1
    return counts


def volume_of(kind, shape, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.integers(0, 256, size=shape, dtype=np.uint8)
    if kind == "ties":
        return rng.integers(0, 3, size=shape, dtype=np.uint8)
    t, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")  # a slope: many ties of means
    return (3 * x + 9 * y + 6 * t + rng.integers(0, 2, size=shape)).astype(np.uint8)


def counts_of(features, n_regions, volume, radius, levels):
    """Relative frequencies back to the counts they must have come from."""
    histograms = features.reshape(n_regions, 3, -1)
    np.testing.assert_allclose(histograms.sum(axis=-1), 1, rtol=1e-14)
    frames, rows, columns = (size - 2 * radius for size in volume.shape)
    boxes = RegionGrid(levels).boxes(rows, columns)
    voxels = frames * (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    counts = histograms * voxels[:, None, None]
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
    return np.rint(counts).astype(int)


@pytest.mark.parametrize("kind", ["noise", "ties", "slope"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("n_points", [1, 4, 6, 8])
@pytest.mark.parametrize("radius", [1, 2, 3])
def test_equals_the_definition(radius, n_points, uniform, interpolation, kind):
    levels = (1, 2, 3)
    border = 2 * radius
    volume = volume_of(kind, (border + 2, border + 5, border + 4))
    settings = {
        "radius": radius,
        "n_points": n_points,
        "uniform": uniform,
        "interpolation": interpolation,
    }
    features = LBPTOP(**settings, grid=RegionGrid(levels)).fit_transform([volume])[0]
    expected = reference(volume, **settings, levels=levels)
    np.testing.assert_array_equal(counts_of(features, 14, volume, radius, levels), expected)


@pytest.mark.parametrize("n_points", [9, 12, 16])
def test_equals_the_definition_with_codes_of_more_than_a_byte(n_points):
    volume = volume_of("noise", (7, 9, 8))
    features = LBPTOP(radius=2, n_points=n_points, grid=RegionGrid((1, 2))).fit_transform([volume])
    expected = reference(volume, 2, n_points, levels=(1, 2))
    np.testing.assert_array_equal(counts_of(features[0], 5, volume, 2, (1, 2)), expected)


@pytest.mark.parametrize("grey", [0, 1, 77, 255])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("n_points", [1, 3, 8, 10, 16])
def test_a_flat_clip_has_all_bits_set(n_points, interpolation, grey):
    clip = np.full((8, 9, 10), grey, dtype=np.uint8)
    features = LBPTOP(
        n_points=n_points, uniform=False, interpolation=interpolation, grid=RegionGrid((1,))
    ).fit_transform([clip])
    expected = np.zeros((3, 2**n_points))
    expected[:, -1] = 1
    np.testing.assert_array_equal(features.reshape(3, -1), expected)


@pytest.mark.parametrize("n_points", [8, 10, 16])
def test_brightness_offset_changes_nothing(n_points):
    clip = volume_of("noise", (9, 12, 13)) // 2
    lbp_top = LBPTOP(n_points=n_points, grid=RegionGrid((1, 2))).fit()
    np.testing.assert_array_equal(lbp_top.transform([clip]), lbp_top.transform([clip + 100]))


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("n_points", [4, 6, 8, 10])
def test_mirroring_the_face_mirrors_regions_and_codes(n_points, interpolation):
    grid = RegionGrid((1, 2, 4))
    clip = volume_of("ties", (9, 11, 14))
    lbp_top = LBPTOP(n_points=n_points, uniform=False, interpolation=interpolation, grid=grid).fit()
    features, mirrored = lbp_top.transform([clip, clip[:, :, ::-1]]).reshape(2, 21, 3, -1)
    # Neighbour p at angle θ becomes the one at π - θ.
    codes = np.arange(2**n_points)
    bits = (n_points // 2 - np.arange(n_points)) % n_points
    swapped = sum((codes >> p & 1) << int(q) for p, q in enumerate(bits))
    twin = [grid.names.index(f"l{n[1]}r{n[3]}c{int(n[1]) - 1 - int(n[5])}") for n in grid.names]
    for plane in (0, 1):  # XY and XT have the x axis
        np.testing.assert_array_equal(mirrored[twin, plane][:, swapped], features[:, plane])
    np.testing.assert_array_equal(mirrored[twin, 2], features[:, 2])


def test_swapping_time_and_rows_swaps_planes():
    clip = volume_of("noise", (11, 12, 13))
    lbp_top = LBPTOP(radius=2, grid=RegionGrid((1,))).fit()
    xy, xt, _ = lbp_top.transform([clip])[0].reshape(3, -1)
    swapped_xy, swapped_xt, _ = lbp_top.transform([clip.transpose(1, 0, 2)])[0].reshape(3, -1)
    np.testing.assert_array_equal(swapped_xy, xt)
    np.testing.assert_array_equal(swapped_xt, xy)


def test_border_is_trimmed_once():
    """112 x 112 x 16 voxels leave 106 x 106 x 10, which the quarters of the face share."""
    clip = volume_of("noise", (16, 112, 112))
    histograms = LBPTOP().fit_transform([clip])[0].reshape(85, 3, 59)
    for region, voxels in ((0, 112360), (1, 28090), (4, 28090)):
        counts = histograms[region] * voxels
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-8)
    np.testing.assert_allclose(histograms[1:5].mean(axis=0), histograms[0], rtol=1e-12)


@pytest.mark.parametrize(("n_points", "share"), [(4, 1), (8, 0.9999)])
def test_codes_are_those_of_scikit_image_but_for_ties(n_points, share):
    """scikit-image interpolates with offsets of 5 decimals, which decides some ties otherwise."""
    clip = volume_of("noise", (20, 30, 40))
    planes = patterns.orthogonal_patterns(clip, 3, n_points, "bilinear")
    for axis, codes in enumerate(planes):
        slices = np.moveaxis(clip, axis, 0)[3:-3]
        expected = [local_binary_pattern(s, n_points, 3, "default")[3:-3, 3:-3] for s in slices]
        assert np.mean(np.moveaxis(codes, axis, 0) == expected) >= share


@pytest.mark.parametrize("slab", [1, 400, 10**6])
def test_slabs_change_nothing(monkeypatch, slab):
    clip = volume_of("noise", (30, 13, 14))
    lbp_top = LBPTOP(grid=RegionGrid((1, 3))).fit()
    expected = lbp_top.transform([clip])
    monkeypatch.setitem(patterns._SLAB, "cpu", slab)
    monkeypatch.setattr(histograms, "_CHUNK", slab)
    np.testing.assert_array_equal(lbp_top.transform([clip]), expected)
