"""Optical flow between two frames: known motion, signs, threads, and what is refused."""

import re

import cv2
import numpy as np
import pytest
from skimage.registration import optical_flow_tvl1

from cdmer._vision.optical_flow import _MEASURES, METHODS, SMALLEST
from cdmer.features import optical_flow

each = pytest.mark.parametrize("method", METHODS)


def texture(height, width, u=0.0, v=0.0, seed=0):
    """Sum of waves of 8 to 40 pixels, moved by u to the right and v down, exactly."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    grey = np.zeros((height, width))
    for _ in range(30):
        wave, angle, phase = rng.uniform([2 * np.pi / 40, 0, 0], [2 * np.pi / 8, 7, 7])
        along = np.cos(angle) * (x - u) + np.sin(angle) * (y - v)
        grey += np.cos(wave * along + phase)
    return np.clip(np.round(127.5 + 16 * grey), 0, 255).astype(np.uint8)


@each
@pytest.mark.parametrize(
    ("u", "v"), [(0.3, 0), (0, -0.3), (0.25, -0.15), (-1.4, 0.7), (0.05, 0.1), (2.5, 2)]
)
def test_translation(method, u, v):
    flow = optical_flow(texture(72, 96), texture(72, 96, u, v), method)
    assert flow.shape == (72, 96, 2)
    assert flow.dtype == np.float32
    error = np.hypot(flow[..., 0] - u, flow[..., 1] - v)[12:-12, 12:-12]
    assert np.median(error) < 0.05
    assert np.quantile(error, 0.95) < 0.15


@each
def test_local_motion_is_found_where_it_is(method):
    """One cheek moves up and to the right, the rest of the picture rests."""
    y, x = np.mgrid[:96, :96].astype(np.float32)
    bump = np.exp(-((x - 30) ** 2 + (y - 60) ** 2) / (2 * 14**2))
    first = texture(96, 96)
    # Where a point of the second frame came from: x = x' - u(x), by fixed-point iteration.
    u, v = 1.5 * bump, -1.0 * bump
    back_u, back_v = u, v
    for _ in range(30):
        back_u = cv2.remap(u, x - back_u, y - back_v, cv2.INTER_LINEAR)
        back_v = cv2.remap(v, x - back_u, y - back_v, cv2.INTER_LINEAR)
    second = cv2.remap(first, x - back_u, y - back_v, cv2.INTER_CUBIC)
    flow = optical_flow(first, second, method)
    moving, resting = bump > 0.8, bump < 0.0005
    resting[:12] = resting[-12:] = resting[:, :12] = resting[:, -12:] = False
    assert flow[moving][:, 0].mean() == pytest.approx(u[moving].mean(), rel=0.2)
    assert flow[moving][:, 1].mean() == pytest.approx(v[moving].mean(), rel=0.2)
    assert np.abs(flow[resting]).mean() < 0.05


@each
def test_frames_that_are_equal_have_no_flow(method):
    frame = texture(48, 64)
    np.testing.assert_array_equal(optical_flow(frame, frame.copy(), method), 0)


def test_only_farneback_needs_to_be_told_so():
    frame = texture(48, 64)
    for method in ("dis", "tvl1"):
        np.testing.assert_array_equal(_MEASURES[method](cv2)(frame, frame), 0)
    assert 0 < np.abs(_MEASURES["farneback"](cv2)(frame, frame)).max() < 0.2


def test_parameters_are_those_of_the_documentation():
    first, second = texture(64, 80), texture(64, 80, 0.7, -0.4)
    medium = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        expected = medium.calc(first, second, None)
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(optical_flow(first, second), expected)
    expected = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.1, 0)
    np.testing.assert_array_equal(optical_flow(first, second, "farneback"), expected)
    down, right = optical_flow_tvl1(first, second)
    np.testing.assert_array_equal(
        optical_flow(first, second, "tvl1"), np.stack([right, down], axis=-1)
    )


@each
def test_threads_of_opencv_change_nothing_and_are_not_changed(method):
    first, second = texture(112, 112), texture(112, 112, 0.7, -0.4)
    threads = cv2.getNumThreads()
    try:
        flows = []
        for n in (1, 2, 3):
            cv2.setNumThreads(n)
            flows.append(optical_flow(first, second, method))
            assert cv2.getNumThreads() == n
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(flows[1], flows[0])
    np.testing.assert_array_equal(flows[2], flows[0])


@each
def test_layout_and_library_of_the_frames_are_irrelevant(method):
    first, second = texture(48, 64), texture(48, 64, 0.7, -0.4)
    expected = optical_flow(first, second, method)
    for frame in (first, second):
        frame.setflags(write=False)
    wide = np.repeat(np.repeat(second, 2, axis=0), 3, axis=1)
    for other in (np.asfortranarray(second), wide[::2, ::3], second[::-1].copy()[::-1]):
        np.testing.assert_array_equal(optical_flow(first, other, method), expected)
    torch = pytest.importorskip("torch")
    flow = optical_flow(torch.tensor(first), torch.tensor(second), method)
    np.testing.assert_array_equal(flow, expected)


@pytest.mark.parametrize(
    ("method", "shape"),
    [
        ("dis", (16, 46)),
        ("dis", (46, 16)),
        ("dis", (16, 200)),
        ("dis", (300, 17)),
        ("farneback", (15, 15)),
        ("tvl1", (2, 2)),
        ("tvl1", (2, 30)),
    ],
)
def test_the_smallest_frames(method, shape):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, size=(2, *shape), dtype=np.uint8)
    flow = optical_flow(first, second, method)
    assert flow.shape == (*shape, 2)
    assert np.isfinite(flow).all()
    np.testing.assert_array_equal(optical_flow(first, second, method), flow)


@each
def test_smaller_frames_are_refused(method):
    shorter, longer = SMALLEST[method]
    for shape in ((shorter - 1, longer + 9), (longer + 9, shorter - 1), (longer - 1, longer - 1)):
        message = (
            f"first: got frames of {shape[0]} x {shape[1]} pixels; the flow method {method!r} "
            f"needs at least {shorter} on the shorter and {longer} on the longer side"
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            optical_flow(np.zeros(shape, np.uint8), np.ones(shape, np.uint8), method)


GOOD = np.zeros((48, 64), np.uint8)


@pytest.mark.parametrize(
    ("first", "second", "error", "message"),
    [
        (GOOD, GOOD.T, ValueError, "second: expected a frame of shape (48, 64) like the first"),
        (GOOD, GOOD / 255, TypeError, "second: expected a frame of dtype uint8, got float64"),
        (GOOD.astype(int), GOOD, TypeError, "first: expected a frame of dtype uint8, got int64"),
        (
            np.zeros((48, 64, 3), np.uint8),
            GOOD,
            ValueError,
            "first: expected a grey frame of shape (H, W), got shape (48, 64, 3)",
        ),
        (GOOD, GOOD.tolist(), TypeError, "second: expected an array of shape (H, W), got list"),
    ],
)
def test_bad_frames(first, second, error, message):
    with pytest.raises(error, match=re.escape(message)):
        optical_flow(first, second)


@pytest.mark.parametrize("method", ["lucas", None, 3])
def test_unknown_method(method):
    message = f"method: expected one of ('dis', 'farneback', 'tvl1'), got {method!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        optical_flow(GOOD, GOOD, method)
