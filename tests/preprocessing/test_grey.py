import numpy as np
import pytest

from cdmer.preprocessing import ToGrey


def all_colours():
    """Every red, green and blue, four levels apart, and the extremes: shape (T, 65, 65, 3)."""
    levels = np.append(np.arange(0, 256, 4), 255).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)


def test_luma_is_exact_with_halves_rounded_up():
    frames = all_colours()
    red, green, blue = np.moveaxis(frames.astype(int), -1, 0)
    (grey,) = ToGrey().transform([frames])
    assert grey.dtype == np.uint8
    # 1000 * grey lies within 500 of the weighted sum, above it at a tie.
    distance = 1000 * grey.astype(int) - (299 * red + 587 * green + 114 * blue)
    assert distance.max() == 500
    assert distance.min() > -500


def test_colours_are_red_green_blue():
    pure = 255 * np.eye(3, dtype=np.uint8).reshape(1, 1, 3, 3)
    np.testing.assert_array_equal(ToGrey().transform([pure])[0], [[[76, 150, 29]]])


def test_opencv_differs_rarely_and_by_one():
    cv2 = pytest.importorskip("cv2")
    frames = all_colours()
    theirs = np.array([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]).astype(int)
    difference = np.abs(ToGrey().transform([frames])[0] - theirs)
    assert difference.max() == 1
    assert 0 < difference.mean() < 0.002


def test_grey_clips_pass_unchanged():
    frames = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    np.testing.assert_array_equal(ToGrey().transform([frames])[0], frames)
    in_colour = np.repeat(frames[..., None], 3, axis=-1)
    np.testing.assert_array_equal(ToGrey().transform([in_colour])[0], frames)
