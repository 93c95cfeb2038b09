"""Bi-WOOF: orientation weighted by magnitude and by strain, between onset and apex."""

import math
import re

import numpy as np
import pytest

from cdmer.corpora import Clip
from cdmer.features import BiWOOF, RegionGrid, optical_flow

GRID = RegionGrid((1, 3), overlap=0.3)
BOXES = GRID.boxes(18, 15)


def field(seed=0, height=18, width=15, dtype=np.float32):
    flow = np.random.default_rng(seed).standard_normal((1, height, width, 2)).astype(dtype)
    flow[:, :4, :4] = 0
    return flow


def by_loops(flow, boxes, n_bins=8):
    (flow,) = flow.astype(float)
    u_y, u_x = np.gradient(flow[..., 0])
    v_y, v_x = np.gradient(flow[..., 1])
    strain = np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2)
    rows = []
    for top, bottom, left, right in boxes:
        votes = np.zeros(n_bins)
        for u, v in flow[top:bottom, left:right].reshape(-1, 2).tolist():
            votes[int((math.atan2(v, u) + math.pi) / (2 * math.pi / n_bins)) % n_bins] += (
                math.hypot(u, v)
            )
        rows.append(votes / (votes.sum() or 1) * strain[top:bottom, left:right].sum())
    return np.array(rows) / (np.linalg.norm(rows) or 1)


def frames(n_frames=8, size=60, seed=0):
    """A texture in which one corner moves."""
    y, x = np.mgrid[:size, :size] / 1.0
    bump = np.exp(-((x - 40) ** 2 + (y - 42) ** 2) / 150)
    a, b = np.random.default_rng(seed).uniform(3, 5, size=2)
    clip = [
        128 + 50 * np.sin((x - 0.3 * t * bump) / a) + 50 * np.sin((y + 0.2 * t * bump) / b)
        for t in range(n_frames)
    ]
    return np.array(clip).astype(np.uint8)


def clip(array=None, **annotated):
    array = frames() if array is None else array
    return Clip(array, name="c", subject="s", corpus="k", **annotated)


@pytest.mark.parametrize("n_bins", [5, 8])
def test_is_what_loops_count(n_bins):
    rows = BiWOOF(n_bins=n_bins)._describe(field(), BOXES)
    np.testing.assert_allclose(rows, by_loops(field(), BOXES, n_bins), rtol=1e-6)


@pytest.mark.parametrize("method", ["dis", "farneback", "tvl1"])
def test_onset_and_apex_alone_are_described(method):
    flow = optical_flow(frames()[2], frames()[6], method)
    expected = by_loops(flow[None], RegionGrid((5,)).boxes(60, 60)).reshape(-1)
    model = BiWOOF(flow_method=method)
    (row,) = model.transform([clip(onset=2, apex=6)])
    np.testing.assert_allclose(row, expected, atol=1e-6)
    others = np.zeros_like(frames())
    others[[2, 6]] = frames()[[2, 6]]
    np.testing.assert_array_equal(model.transform([clip(others, onset=2, apex=6)])[0], row)
    flow = optical_flow(frames()[0], frames()[6], method)
    expected = by_loops(flow[None], RegionGrid((5,)).boxes(60, 60)).reshape(-1)
    np.testing.assert_allclose(model.transform([clip(apex=6)])[0], expected, atol=1e-6)


def test_weights():
    """The row has length 1, and a region weighs as much as it deforms, however much it moves."""
    (row,) = BiWOOF().transform([clip(apex=7)])
    assert np.linalg.norm(row) == pytest.approx(1)
    x = np.arange(30.0)
    flow = np.zeros((1, 30, 30, 2))
    flow[..., 0] = 0.1 * np.maximum(x - 9.5, 0) + 0.2 * np.maximum(x - 19.5, 0) + 5
    rows = BiWOOF()._describe(flow, RegionGrid((3,)).boxes(30, 30))
    (_, one, three) = rows[:3, 4]  # strain 0, 0.1 and 0.3, and at most half of that at the seams
    assert three / one == pytest.approx(3, rel=0.05)
    assert np.count_nonzero(rows) == np.count_nonzero(rows[:, 4])
    shifted = np.full((1, 18, 15, 2), 1.5, np.float32)
    np.testing.assert_array_equal(BiWOOF()._describe(shifted, BOXES), 0)


def test_rest_gives_zeros():
    still = np.repeat(frames(1), 3, axis=0)
    np.testing.assert_array_equal(BiWOOF().transform([clip(still, apex=2)]), np.zeros((1, 200)))


def test_turning_everything_by_a_quarter_turns_the_bins():
    """Strain belongs to the field as a whole, so place and vectors turn together."""
    boxes = RegionGrid((3,)).boxes(18, 18)
    flow = field(height=18, width=18, dtype=np.float64)
    rows = BiWOOF()._describe(flow, boxes).reshape(3, 3, 8)
    turned = np.rot90(flow, k=-1, axes=(1, 2))  # clockwise: right becomes down
    turned = np.stack([-turned[..., 1], turned[..., 0]], axis=-1)
    expected = np.roll(np.rot90(rows, k=-1), 2, axis=-1)
    rows = BiWOOF()._describe(turned, boxes).reshape(3, 3, 8)
    np.testing.assert_allclose(rows, expected, atol=1e-12)


def test_a_mirror_swaps_bins_and_regions():
    boxes = RegionGrid((3,)).boxes(18, 18)
    flow = field(height=18, width=18)
    rows = BiWOOF()._describe(flow, boxes).reshape(3, 3, 8)
    mirrored = flow[:, :, ::-1] * np.array([-1, 1], np.float32)
    # Bin 0 starts at "left": an angle of -pi + t becomes -t.
    expected = rows[:, ::-1][..., (3 - np.arange(8)) % 8]
    rows = BiWOOF()._describe(mirrored, boxes).reshape(3, 3, 8)
    np.testing.assert_allclose(rows, expected, atol=1e-12)


def test_bins_start_at_the_left():
    """A vector to the left and a little up is in bin 0, one a little down in bin 7."""
    for bin_, (u, v) in enumerate(
        (np.cos(t), np.sin(t)) for t in -np.pi + np.pi / 4 * (np.arange(8) + 0.5)
    ):
        flow = np.full((1, 5, 5, 2), (u, v))
        flow[0, 2, 2] *= 2
        (row,) = BiWOOF()._describe(flow, [(0, 5, 0, 5)])
        np.testing.assert_allclose(row, np.eye(8)[bin_], atol=1e-12)


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_other_libraries_count_the_same(library):
    xp = pytest.importorskip(library)
    rows = BiWOOF()._describe(xp.asarray(field()), BOXES)
    assert isinstance(rows, type(xp.asarray(field())))
    np.testing.assert_allclose(np.asarray(rows), BiWOOF()._describe(field(), BOXES), atol=1e-12)


def test_columns():
    model = BiWOOF().fit()
    names = model.get_feature_names_out()
    assert len(names) == 200
    assert (names[0], names[-1]) == ("l5r0c0_bin0", "l5r4c4_bin7")
    np.testing.assert_array_equal(model.feature_groups_, np.repeat(np.arange(25), 8))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (frames(), "clip 1: has no apex; annotate one (`apex` of a Clip), or let cdmer.prep"),
        (clip(onset=3), "clip 'k/s/c': has no apex"),
        (clip(onset=5, apex=3), "clip 'k/s/c': expected the apex after the onset, got onset 5 and"),
        (clip(apex=0), "clip 'k/s/c': expected the apex after the onset, got onset 0 and apex 0"),
        (clip(apex=8), "clip 'k/s/c': apex lies outside the clip, at position 8 of 8 frames"),
        (clip(frames(1), apex=0), "clip 'k/s/c': got 1 frame of 60 x 60 pixels; BiWOOF with these"),
        (
            clip(frames(size=40), apex=3),
            "clip 'k/s/c': got frames of 40 x 40 pixels; the flow method 'dis' needs",
        ),
    ],
)
def test_bad_clips_are_named(bad, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        BiWOOF().transform([clip(apex=3), bad])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": 1}, "n_bins: expected a whole number >= 2, got 1"),
        ({"flow_method": "raft"}, "flow_method: expected one of ('dis', 'farneback', 'tvl1'), got"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        BiWOOF(**parameters).fit()
