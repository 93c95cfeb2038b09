"""LBP-MOP and STLBP-IP equal their definitions, sum by sum."""

import math

import numpy as np
import pytest

from cdmer._vision.patterns import uniform_patterns
from cdmer.features import LBPMOP, LBPTOP, STLBPIP, RegionGrid

LEVELS = (1, 2)


def boxes(height, width, border):
    inner = height - 2 * border, width - 2 * border
    for n in LEVELS:
        for r in range(n):
            for c in range(n):
                rows = [border + i * inner[0] // n for i in (r, r + 1)]
                columns = [border + i * inner[1] // n for i in (c, c + 1)]
                yield range(*rows), range(*columns)


def value_at(picture, row, column):
    """Bilinear value, of a picture of numbers."""
    r, c = math.floor(row + 1e-9), math.floor(column + 1e-9)
    dr, dc = max(0, row - r), max(0, column - c)
    dr, dc = (0 if d < 1e-9 else d for d in (dr, dc))
    value = 0.0
    for i in (0, 1):
        for j in (0, 1):
            weight = (dr if i else 1 - dr) * (dc if j else 1 - dc)
            if weight:
                value += weight * float(picture[r + i, c + j])
    return value


def circle_code(picture, row, column, radius, n_points):
    code = 0
    for p in range(n_points):
        angle = 2 * math.pi * p / n_points
        value = value_at(picture, row - radius * math.sin(angle), column + radius * math.cos(angle))
        code += (value >= picture[row, column] - 1e-6) << p
    return code


def uniform_shares(codes, n_points=8):
    few = list(uniform_patterns(n_points))
    counts = np.zeros(len(few) + 1)
    for code in codes:
        counts[few.index(code) if code in few else -1] += 1
    return counts / counts.sum()


def mop_reference(volume, radius):
    n_frames, height, width = volume.shape
    grey = volume.astype(float)
    times = range(radius, n_frames - radius)
    parts = []
    for rows, columns in boxes(height, width, radius):
        mean_frame = grey.mean(axis=0)
        over_rows = grey[:, rows.start : rows.stop].mean(axis=1)  # t, x
        over_columns = grey[:, :, columns.start : columns.stop].mean(axis=2)  # t, y
        for picture, down, across in (
            (mean_frame, rows, columns),
            (over_rows, times, columns),
            (over_columns, times, rows),
        ):
            parts.append(
                uniform_shares(
                    [circle_code(picture, r, c, radius, 8) for r in down for c in across]
                )
            )
    return np.concatenate(parts)


@pytest.mark.parametrize("radius", [1, 2, 3])
@pytest.mark.parametrize("grey", [2, 256])
def test_mop_equals_the_definition(radius, grey):
    shape = (2 * radius + 3, 2 * radius + 5, 2 * radius + 4)
    volume = np.random.default_rng(radius).integers(0, grey, size=shape).astype(np.uint8)
    row = LBPMOP(radius, grid=RegionGrid(LEVELS)).fit_transform([volume])[0]
    np.testing.assert_allclose(row, mop_reference(volume, radius), atol=1e-13)


def test_mop_of_a_still_clip_is_top_of_it_in_xy():
    picture = np.random.default_rng(0).integers(0, 256, size=(20, 20), dtype=np.uint8)
    clip = np.tile(picture, (9, 1, 1))
    grid = RegionGrid((1, 3))
    mop, top = (cls(grid=grid).fit_transform([clip]).reshape(10, 3, 59) for cls in (LBPMOP, LBPTOP))
    np.testing.assert_allclose(mop[:, 0], top[:, 0], atol=1e-14)


def test_mop_all_codes_and_nearest():
    clip = np.random.default_rng(0).integers(0, 256, size=(9, 20, 20), dtype=np.uint8)
    few = LBPMOP(n_points=4, uniform=False, interpolation="nearest").fit_transform([clip])
    assert few.shape == (1, 85 * 3 * 16)
    np.testing.assert_allclose(few.reshape(85, 3, 16).sum(axis=-1), 1)
    # Four points of radius 3 lie on pixels: both ways to read grey levels agree.
    np.testing.assert_array_equal(few, LBPMOP(n_points=4, uniform=False).fit_transform([clip]))


def ip_reference(volume, window, radius):
    n_frames, height, width = volume.shape
    border = max(radius, window // 2)
    difference = volume.astype(int) - volume[0].astype(int)
    times = range(radius, n_frames - radius)
    steps = [s for s in range(-(window // 2), window // 2 + 1) if s]
    parts = []
    for rows, columns in boxes(height, width, border):
        h = difference[:, rows.start : rows.stop].sum(axis=1)
        v = difference[:, :, columns.start : columns.stop].sum(axis=2)
        for projection, places in ((h, columns), (v, rows)):
            counts = np.zeros(2 ** (window - 1))
            for t in times:
                for x in places:
                    line = projection[t]
                    counts[sum((line[x + s] >= line[x]) << p for p, s in enumerate(steps))] += 1
            parts.append(counts / counts.sum())
        for projection, places in ((h, columns), (v, rows)):
            codes = [circle_code(projection, t, x, radius, 8) for t in times for x in places]
            parts.append(uniform_shares(codes))
    return np.concatenate(parts)


@pytest.mark.parametrize(("window", "radius"), [(3, 1), (9, 3), (5, 3), (3, 2)])
@pytest.mark.parametrize("grey", [2, 256])
def test_ip_equals_the_definition(window, radius, grey):
    border = 2 * max(radius, window // 2)
    shape = (2 * radius + 3, border + 4, border + 5)
    volume = np.random.default_rng(window).integers(0, grey, size=shape).astype(np.uint8)
    row = STLBPIP(window, radius, grid=RegionGrid(LEVELS)).fit_transform([volume])[0]
    np.testing.assert_allclose(row, ip_reference(volume, window, radius), atol=1e-13)


def test_ip_of_a_still_clip_knows_no_person():
    rng = np.random.default_rng(0)
    clips = [np.tile(rng.integers(0, 256, size=(20, 20), dtype=np.uint8), (9, 1, 1)) for _ in "ab"]
    rows = STLBPIP().fit_transform(clips)
    np.testing.assert_array_equal(rows[0], rows[1])


def test_ip_ignores_brightness_of_the_clip():
    clip = np.random.default_rng(0).integers(0, 156, size=(9, 20, 20), dtype=np.uint8)
    rows = STLBPIP().fit_transform([clip, clip + np.uint8(99)])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_ip_window_is_odd():
    with pytest.raises(ValueError, match="window: expected an odd number, got 8"):
        STLBPIP(window=8).fit()
