"""HOOF and FHOFO: bins, votes, and how they turn and flip with the flow."""

import math
import re

import numpy as np
import pytest

from cdmer.corpora import Clip
from cdmer.features import FHOFO, HOOF, OpticalFlow, RegionGrid
from cdmer.features._flow.directions import direction_bins, folded_direction_bins

GRID = RegionGrid((1, 2, 3), overlap=0.2)
BOXES = GRID.boxes(18, 14)


def field(n=5, height=18, width=14, seed=0, dtype=np.float32):
    """Random flow with some vectors of length 0."""
    rng = np.random.default_rng(seed)
    flow = rng.standard_normal((n, height, width, 2)).astype(dtype)
    flow[rng.random((n, height, width)) < 0.1] = 0
    return flow


def turned(flow, angle):
    """Each vector turned clockwise on the screen, where it is."""
    c, s = math.cos(angle), math.sin(angle)
    u, v = flow[..., 0], flow[..., 1]
    return np.stack([c * u - s * v, s * u + c * v], axis=-1)


def mirrored(flow):
    """Flow of the mirrored clip."""
    return flow[:, :, ::-1] * np.array([-1, 1], flow.dtype)


def columns_mirrored(levels):
    """Region that each region changes places with."""
    number, start = [], 0
    for n in levels:
        number += [start + r * n + (n - 1 - c) for r in range(n) for c in range(n)]
        start += n * n
    return number


def by_loops(flow, boxes, n_bins, vote):
    """Shares of votes, vector by vector; `vote(u, v)` gives pairs of bin and weight."""
    result = np.zeros((len(boxes), n_bins))
    for region, (top, bottom, left, right) in enumerate(boxes):
        for u, v in flow[:, top:bottom, left:right].reshape(-1, 2).tolist():
            for k, weight in vote(u, v):
                result[region, k] += weight
    total = result.sum(axis=1, keepdims=True)
    return np.divide(result, total, out=np.zeros_like(result), where=total > 0)


@pytest.mark.parametrize("n_bins", [2, 3, 5, 8, 9, 12])
def test_bins_hold_the_angles_they_say(n_bins):
    flow = field(seed=1, dtype=np.float64).reshape(-1, 2)
    u, v = flow[flow.any(axis=1)].T
    angle = np.arctan2(v, u) % (2 * np.pi)
    expected = np.floor(angle / (2 * np.pi / n_bins))
    np.testing.assert_array_equal(direction_bins(u, v, n_bins), expected)
    angle = np.arctan(v / np.abs(u))
    expected = np.floor((angle + np.pi / 2) / (np.pi / n_bins))
    np.testing.assert_array_equal(folded_direction_bins(u, v, n_bins), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [1e-6, 0.3, 1.0, 1234.5])
def test_a_boundary_belongs_to_the_bin_that_starts_there(dtype, length):
    right, down = np.array([1, 1, 0, -1, -1, -1, 0, 1]), np.array([0, 1, 1, 1, 0, -1, -1, -1])
    u, v = (right * length).astype(dtype), (down * length).astype(dtype)
    np.testing.assert_array_equal(direction_bins(u, v, 8), np.arange(8))
    np.testing.assert_array_equal(direction_bins(u, v, 4), np.arange(8) // 2)
    np.testing.assert_array_equal(folded_direction_bins(u, v, 4), [2, 3, 3, 3, 2, 1, 0, 1])
    negative_zero = np.array([-0.0], dtype)
    assert direction_bins(np.array([1], dtype), negative_zero, 8) == 0
    assert direction_bins(np.array([-1], dtype), negative_zero, 8) == 4


@pytest.mark.parametrize("n_bins", [5, 8])
@pytest.mark.parametrize("folded", [False, True])
def test_hoof_is_what_loops_count(n_bins, folded):
    def vote(u, v):
        if folded:
            k = (math.atan2(v, abs(u)) + math.pi / 2) / (math.pi / n_bins)
        else:
            k = math.atan2(v, u) % (2 * math.pi) / (2 * math.pi / n_bins)
        return [(min(int(k), n_bins - 1), math.hypot(u, v))]

    model = HOOF(n_bins=n_bins, folded=folded)
    expected = by_loops(field(), BOXES, n_bins, vote)
    np.testing.assert_allclose(model._describe(field(), BOXES), expected, rtol=1e-6)


@pytest.mark.parametrize("n_bins", [2, 5, 8])
@pytest.mark.parametrize("min_magnitude", [0, 0.6])
def test_fhofo_is_what_loops_count(n_bins, min_magnitude):
    def vote(u, v):
        if math.hypot(u, v) < min_magnitude or u == v == 0:
            return
        for k in range(n_bins):
            centre = 2 * math.pi * (k + 0.5) / n_bins
            apart = abs(math.remainder(math.atan2(v, u) - centre, 2 * math.pi))
            yield k, max(0, 1 - apart * n_bins / (2 * math.pi))

    model = FHOFO(n_bins=n_bins, min_magnitude=min_magnitude)
    expected = by_loops(field(), BOXES, n_bins, vote)
    np.testing.assert_allclose(model._describe(field(), BOXES), expected, atol=1e-12)


@pytest.mark.parametrize("angle", [0.3, 1.0, 2.9, 4.0, 6.2])
def test_one_vector_votes_fuzzily(angle):
    """A vote of 1 between the two nearest centres; a vector on a centre votes for it alone."""
    model = FHOFO(min_magnitude=0)
    flow = 0.5 * np.array([[[[math.cos(angle), math.sin(angle)]]]])
    (votes,) = model._describe(flow, [(0, 1, 0, 1)])
    position = angle / (np.pi / 4) - 0.5
    below = math.floor(position)
    assert votes[below % 8] == pytest.approx(1 - (position - below))
    assert votes[(below + 1) % 8] == pytest.approx(position - below)
    flow = np.array([[[[math.cos(np.pi / 8), math.sin(np.pi / 8)]]]])
    np.testing.assert_allclose(model._describe(flow, [(0, 1, 0, 1)]), np.eye(8)[:1], atol=1e-14)


def test_fhofo_ignores_length_and_hoof_does_not():
    flow = field(dtype=np.float64)
    longer = flow * (1 + np.random.default_rng(3).random(flow.shape[:3]))[..., None]
    fuzzy, hoof = FHOFO(min_magnitude=0), HOOF()
    np.testing.assert_allclose(
        fuzzy._describe(longer, BOXES), fuzzy._describe(flow, BOXES), atol=1e-12
    )
    assert np.abs(hoof._describe(longer, BOXES) - hoof._describe(flow, BOXES)).max() > 0.01
    np.testing.assert_allclose(
        hoof._describe(3 * flow, BOXES), hoof._describe(flow, BOXES), atol=1e-12
    )


@pytest.mark.parametrize("n_bins", [4, 7, 8])
@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_turning_the_vectors_by_a_bin_turns_the_bins(cls, n_bins):
    model = cls(n_bins=n_bins)
    flow = field(dtype=np.float64)
    for k in range(1, n_bins):
        rows = model._describe(turned(flow, 2 * math.pi * k / n_bins), BOXES)
        expected = np.roll(model._describe(flow, BOXES), k, axis=1)
        np.testing.assert_allclose(rows, expected, atol=1e-12)


@pytest.mark.parametrize("n_bins", [4, 8])
@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_a_mirror_swaps_bins_and_regions(cls, n_bins):
    grid = RegionGrid((1, 2, 4))
    boxes, model = grid.boxes(16, 16), cls(n_bins=n_bins)
    flow = field(height=16, width=16, dtype=np.float64)
    rows = model._describe(flow, boxes)
    bins = (n_bins // 2 - 1 - np.arange(n_bins)) % n_bins  # an angle of t becomes pi - t
    expected = rows[columns_mirrored((1, 2, 4))][:, bins]
    np.testing.assert_allclose(model._describe(mirrored(flow), boxes), expected, atol=1e-12)


def test_folded_bins_do_not_see_a_mirror():
    grid = RegionGrid((1, 2, 4))
    boxes, model = grid.boxes(16, 16), HOOF(n_bins=7, folded=True)
    flow = field(height=16, width=16)
    expected = model._describe(flow, boxes)[columns_mirrored((1, 2, 4))]
    np.testing.assert_allclose(model._describe(mirrored(flow), boxes), expected, atol=1e-12)


@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_slabs_change_nothing(cls, monkeypatch):
    flow = field(n=7, dtype=np.float64)
    expected = cls()._describe(flow, BOXES)
    for pixels in (1, 18 * 14 * 2, 18 * 14 * 6 + 5):
        monkeypatch.setattr("cdmer.features._flow.descriptor._SLAB", pixels)
        np.testing.assert_allclose(cls()._describe(flow, BOXES), expected, atol=1e-14)


@pytest.mark.parametrize("model", [HOOF(), HOOF(n_bins=5, folded=True), FHOFO()])
@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_other_libraries_count_the_same(model, library):
    xp = pytest.importorskip(library)
    expected = model._describe(field(), BOXES)
    rows = model._describe(xp.asarray(field()), BOXES)
    assert isinstance(rows, type(xp.asarray(field())))
    np.testing.assert_allclose(np.asarray(rows), expected, atol=1e-12)


def moving(n_frames=4, towards=(1, 0), size=56):
    """Waves that move by half a pixel per frame."""
    y, x = np.mgrid[:size, :size] / 1.0
    frames = []
    for t in range(n_frames):
        a, b = x - 0.5 * t * towards[0], y - 0.5 * t * towards[1]
        frames.append(128 + 40 * np.sin(a / 3) + 40 * np.sin(b / 4) + 40 * np.sin((a + b) / 5))
    return np.array(frames).astype(np.uint8)


@pytest.mark.parametrize(
    ("towards", "bins"), [((1, 0), [7, 0]), ((0, 1), [1, 2]), ((-1, 0), [3, 4]), ((1, 1), [0, 1])]
)
@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_clips_that_move(cls, towards, bins):
    (row,) = cls(grid=RegionGrid((1,))).transform([moving(towards=towards)])
    assert row.sum() == pytest.approx(1)
    assert row[bins].sum() > 0.9


@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_clips_that_rest(cls):
    still = np.repeat(moving(1), 4, axis=0)
    np.testing.assert_array_equal(cls().transform([still]), 0)


@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_the_flow_is_that_of_the_parameter(cls):
    clip = Clip(moving(5), name="c", subject="s", corpus="k", onset=2)
    grid = RegionGrid((1, 3))
    for flow in (None, OpticalFlow("farneback"), OpticalFlow("farneback", "previous")):
        model = cls(flow=flow, grid=grid)
        (measured,) = (flow or OpticalFlow("dis", "onset")).transform([clip])
        expected = model._describe(measured, grid.boxes(56, 56)).reshape(-1)
        np.testing.assert_array_equal(model.transform([clip])[0], expected)
    assert model.get_params()["flow__reference"] == "previous"
    with pytest.raises(ValueError, match=r"clip 'k/s/c': the onset is the last of 3 frames"):
        cls().transform([Clip(moving(3), "c", "s", "k", onset=2)])


@pytest.mark.parametrize("cls", [HOOF, FHOFO])
def test_small_frames_are_named(cls):
    message = "clip 0: got frames of 40 x 40 pixels; the flow method 'dis' needs at least 16 on"
    with pytest.raises(ValueError, match=re.escape(message)):
        cls().transform([moving(size=40)])
    assert cls(flow=OpticalFlow("farneback")).transform([moving(size=40)]).any()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (HOOF(n_bins=1), "n_bins: expected a whole number >= 2, got 1"),
        (HOOF(folded="yes"), "folded: expected True or False, got 'yes'"),
        (HOOF(flow="dis"), "flow: expected an OpticalFlow or None, got 'dis'"),
        (HOOF(flow=OpticalFlow("raft")), "method: expected one of ('dis', 'farneback', 'tvl1')"),
        (FHOFO(n_bins=0), "n_bins: expected a whole number >= 2, got 0"),
        (FHOFO(min_magnitude=-0.1), "min_magnitude: expected a finite number >= 0, got -0.1"),
        (FHOFO(min_magnitude=None), "min_magnitude: expected a finite number >= 0, got None"),
        (FHOFO(flow=OpticalFlow), "flow: expected an OpticalFlow or None, got <class"),
    ],
)
def test_bad_parameters_are_named(model, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit()


def test_columns():
    names = HOOF(n_bins=4, grid=RegionGrid((1, 2))).get_feature_names_out()
    assert list(names[:5]) == [
        "l1r0c0_bin0",
        "l1r0c0_bin1",
        "l1r0c0_bin2",
        "l1r0c0_bin3",
        "l2r0c0_bin0",
    ]
    assert list(FHOFO(n_bins=4, grid=RegionGrid((1, 2))).get_feature_names_out()) == list(names)
    assert HOOF().fit().feature_groups_.size == 85 * 8
