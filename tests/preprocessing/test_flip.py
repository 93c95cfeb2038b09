import array_api_strict
import cv2
import numpy as np
import pytest

from cdmer.corpora import Clip
from cdmer.preprocessing import Flip, flip_flow

HEIGHT, WIDTH = 24, 31


def field(x, y):
    """A flow that is neither even nor odd, (u, v) at x to the right of the middle, y below it."""
    u = 1.5137 + 0.2 * x - 0.1 * y + 0.01 * x * y
    v = -0.4071 + 0.05 * x + 0.15 * y - 0.008 * x**2
    return np.stack([u, v], axis=-1)


def pixels():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return x - (WIDTH - 1) / 2, y - (HEIGHT - 1) / 2


@pytest.mark.parametrize("colour", [(), (3,)])
def test_columns_change_places(colour):
    frames = np.random.default_rng(0).integers(0, 256, size=(4, 5, 6, *colour), dtype=np.uint8)
    (mirrored,) = Flip().transform([frames])
    for column in range(6):
        np.testing.assert_array_equal(mirrored[:, :, column], frames[:, :, 5 - column])
    np.testing.assert_array_equal(Flip().transform([mirrored])[0], frames)


def test_sides_of_action_units_change_places():
    units = ("L14", "R12B", "4", "L1A", "AU6", "Left", "R")
    clip = Clip(np.zeros((2, 3, 3), np.uint8), "a", "b", "c", action_units=units)
    (mirrored,) = Flip().transform([clip])
    assert mirrored.action_units == ("R14", "L12B", "4", "R1A", "AU6", "Left", "R")
    assert clip.action_units == units
    assert Flip().transform([mirrored])[0].action_units == units


def test_flow_of_the_mirrored_field():
    """In the mirror the point at x is seen at -x and moves by -u, whatever the field."""
    x, y = pixels()
    u, v = np.moveaxis(field(-x, y), -1, 0)
    np.testing.assert_allclose(flip_flow(field(x, y)), np.stack([-u, v], axis=-1), atol=1e-12)


def test_flipping_flow_twice_changes_nothing():
    flow = np.random.default_rng(0).normal(size=(3, HEIGHT, WIDTH, 2)).astype(np.float32)
    before = flow.copy()
    twice = flip_flow(flip_flow(flow))
    assert twice.dtype == np.float32
    np.testing.assert_array_equal(twice, flow)
    np.testing.assert_array_equal(flow, before)
    np.testing.assert_array_equal(flip_flow(flow)[1], flip_flow(flow[1]))


def histogram(flow):
    """Orientations in eight bins on [-pi, pi], weighted by magnitude."""
    u, v = flow[..., 0], flow[..., 1]
    counts, _ = np.histogram(np.arctan2(v, u), 8, (-np.pi, np.pi), weights=np.hypot(u, v))
    return counts


def test_orientation_histograms_are_mirrored():
    """The angle a becomes pi - a: bin k of the left half is bin 3 - k of the right half."""
    flow = field(*pixels())
    left, right = flow[:, : WIDTH // 2], flip_flow(flow)[:, -(WIDTH // 2) :]
    mirrored_bins = (3 - np.arange(8)) % 8
    assert histogram(left).std() > 0
    np.testing.assert_allclose(histogram(right), histogram(left)[mirrored_bins])


def test_standing_still_keeps_its_angle():
    """-0.0 to the right would point to the left."""
    still = flip_flow(np.zeros((2, 2, 2)))
    assert (np.arctan2(still[..., 1], still[..., 0]) == 0).all()


def test_flow_measured_in_the_mirror_is_the_mirrored_flow():
    rng = np.random.default_rng(0)
    first = cv2.GaussianBlur(rng.uniform(0, 255, (64, 64)).astype(np.float32), (0, 0), 3)
    first = np.uint8(255 * (first - first.min()) / np.ptp(first))
    second = np.roll(first, (1, 2), axis=(0, 1))

    def measured(a, b):
        return cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 2, 15, 3, 5, 1.1, 0)

    there = measured(*Flip().transform([np.stack([first, second])])[0])
    expected = flip_flow(measured(first, second))
    inside = (slice(12, -12), slice(12, -12))
    np.testing.assert_allclose(expected[inside].mean(axis=(0, 1)), (-2, 1), atol=0.2)
    np.testing.assert_allclose(there[inside], expected[inside], atol=0.05)


def test_other_array_libraries():
    flow = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH, 2))
    strict = flip_flow(array_api_strict.asarray(flow))
    np.testing.assert_array_equal(np.asarray(strict), flip_flow(flow))


@pytest.mark.parametrize("shape", [(5, 2), (4, 5, 3)])
def test_flow_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"flow: expected shape \(\.\.\., H, W, 2\), got"):
        flip_flow(np.zeros(shape))
