import re

import cv2
import numpy as np
import pytest

from cdmer.preprocessing import Resize


def random_clip(*shape):
    return np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)


def test_shrinking_takes_means_over_areas():
    """4 × 6 pixels become one: the mean by its definition, rounded."""
    frames = random_clip(3, 20, 30)
    (small,) = Resize(5, 5).transform([frames])
    means = frames.reshape(3, 5, 4, 5, 6).mean(axis=(2, 4))
    assert np.abs(small - means).max() <= 0.5 + 1e-6


def test_growing_interpolates_linearly():
    """A ramp stays a ramp: pixel centres of the old grid lie at (i + 1/2) * 3 - 1/2 of the new."""
    ramp = np.tile(np.arange(0, 120, 12, dtype=np.uint8), (2, 4, 1))
    (large,) = Resize(4, 30).transform([ramp])
    expected = np.clip(((np.arange(30) + 0.5) / 3 - 0.5) * 12, 0, 108)
    np.testing.assert_allclose(large, np.tile(expected, (2, 4, 1)), atol=0.51)


def test_one_side_shrinks_and_the_other_grows():
    frames = random_clip(3, 20, 10)
    (new,) = Resize(5, 25).transform([frames])
    by_hand = Resize(5, 25).transform(Resize(5, 10).transform([frames]))[0]
    np.testing.assert_array_equal(new, by_hand)


@pytest.mark.parametrize("how", ["area", "linear", "cubic"])
@pytest.mark.parametrize("colour", [(), (3,)])
def test_named_interpolations_are_those_of_opencv(how, colour):
    frames = random_clip(3, 20, 30, *colour)
    flag = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[how]
    (new,) = Resize(height=12, width=40, interpolation=how).transform([frames])
    assert new.shape == (3, 12, 40, *colour)
    for frame, expected in zip(new, frames, strict=True):
        np.testing.assert_array_equal(frame, cv2.resize(expected, (40, 12), interpolation=flag))


@pytest.mark.parametrize("how", ["auto", "area", "linear", "cubic"])
def test_the_same_size_changes_nothing(how):
    frames = random_clip(3, 20, 30)
    np.testing.assert_array_equal(Resize(20, 30, how).transform([frames])[0], frames)


@pytest.mark.parametrize("size", [(9, 14), (40, 15), (10, 60)])
def test_mirroring_before_or_after_is_the_same(size):
    frames = random_clip(3, 20, 30)
    there = Resize(*size).transform([frames[:, :, ::-1]])[0]
    back = Resize(*size).transform([frames])[0][:, :, ::-1]
    np.testing.assert_allclose(there.astype(int), back, atol=1)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"height": 0}, ValueError, "height: expected a whole number >= 1, got 0"),
        ({"width": 112.0}, TypeError, "width: expected a whole number >= 1, got 112.0"),
        (
            {"interpolation": "nearest"},
            ValueError,
            "interpolation: expected one of ('auto', 'area', 'linear', 'cubic'), got 'nearest'",
        ),
    ],
)
def test_parameters_are_checked(parameters, error, message):
    for method in (Resize(**parameters).fit, Resize(**parameters).transform):
        with pytest.raises(error, match=re.escape(message)):
            method([random_clip(3, 20, 30)])
