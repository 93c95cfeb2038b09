"""Motion magnification, against its parts by definition and the motion that it must give."""

import re

import cv2
import numpy as np
import pytest
from scipy.signal import lfilter

from cdmer.preprocessing import MotionMagnification
from cdmer.preprocessing._magnification import amplified, band_passed, level_gains

R1, R2 = 0.4, 0.05


def random_clip(*shape):
    return np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)


def laplacian_pyramid(picture, n_levels):
    """Levels by definition, finest first, the low-pass residual last."""
    levels = []
    for _ in range(n_levels - 1):
        smaller = cv2.pyrDown(picture)
        levels.append(picture - cv2.pyrUp(smaller, dstsize=picture.shape[1::-1]))
        picture = smaller
    return [*levels, picture]


def collapsed(levels):
    picture = levels[-1]
    for level in levels[-2::-1]:
        picture = level + cv2.pyrUp(picture, dstsize=level.shape[1::-1])
    return picture


@pytest.mark.parametrize("shape", [(64, 64), (37, 51), (33, 90), (45, 38, 3)])
def test_levels_are_those_of_the_laplacian_pyramid(shape):
    rng = np.random.default_rng(0)
    picture = rng.normal(scale=100, size=shape).astype(np.float32)
    gains = [1.5, 0.0, 3.0, 0.25]
    levels = laplacian_pyramid(picture, len(gains))
    expected = collapsed([np.float32(g) * level for g, level in zip(gains, levels, strict=True)])
    np.testing.assert_allclose(amplified(cv2, picture, gains), expected, atol=1e-3)
    np.testing.assert_allclose(amplified(cv2, picture, [1.0] * 4), picture, atol=1e-4)
    np.testing.assert_allclose(collapsed(levels), picture, atol=1e-4)


def test_band_pass_is_the_difference_of_two_low_passes():
    frames = random_clip(60, 5, 7)
    expected = 0
    for rate, sign in ((R1, 1), (R2, -1)):
        start = (1 - rate) * frames[:1].astype(float)
        low, _ = lfilter([rate], [1, rate - 1], frames.astype(float), axis=0, zi=start)
        expected = expected + sign * low
    band = np.array([b.copy() for _, b in band_passed(frames, R1, R2)])
    np.testing.assert_allclose(band, expected, atol=1e-3)
    np.testing.assert_array_equal(band[0], 0)


def test_gains_of_the_levels():
    """112 × 112: wavelengths 52.8 for the residual, 26.4, 13.2, 6.6, 3.3, 1.65 for the finest."""
    wavelength = np.sqrt(2) * 112 / 3 / 2 ** np.arange(5, -1, -1)
    expected = np.minimum(20, 2 * (wavelength * 21 / 16 - 1))
    expected[[0, -1]] = 0
    np.testing.assert_allclose(level_gains(112, 112, 20, 16), expected)
    assert level_gains(112, 112, 20, 16)[3:] == [20, 20, 0]
    assert level_gains(112, 112, 20, 1000) == [0, 0, 0, 0, 0, 0]  # never negative
    assert level_gains(112, 112, 0, 16) == [0] * 6
    assert level_gains(200, 112, 5, 1) == [0, 5, 5, 5, 5, 0]
    assert [len(level_gains(n, 99, 1, 1)) for n in (4, 5, 9, 10, 19, 20)] == [1, 2, 2, 3, 3, 4]


def test_frames_by_definition():
    frames = random_clip(12, 41, 30)
    gains = level_gains(41, 30, 8, 16)
    fast = slow = frames[0].astype(np.float32)
    (magnified,) = MotionMagnification(alpha=8).transform([frames])
    for frame, new in zip(frames, magnified, strict=True):
        fast, slow = (1 - R1) * fast + R1 * frame, (1 - R2) * slow + R2 * frame
        levels = laplacian_pyramid((fast - slow).astype(np.float32), len(gains))
        added = collapsed([np.float32(g) * level for g, level in zip(gains, levels, strict=True)])
        assert np.abs(new - np.clip(frame + added, 0, 255)).max() < 0.502


WAVELENGTH, SPEED = 32, 2 * np.pi / 40


def waves(amplitude, n_frames=320, size=256):
    """Waves that swing to the right and back by `amplitude` pixels, period 40 frames."""
    shift = amplitude * np.sin(SPEED * np.arange(n_frames))[:, None, None]
    levels = 128 + 50 * np.cos(2 * np.pi / WAVELENGTH * (np.arange(size) - shift))
    return np.repeat(np.rint(levels).astype(np.uint8), 128, axis=1)


def swing(frames):
    """Complex amplitude of the motion at its frequency over the last five periods, in pixels."""
    x, t = np.arange(64, 192), np.arange(120, len(frames))
    wave = frames[120:, :, 64:192].mean(axis=1) @ np.exp(-2j * np.pi / WAVELENGTH * x)
    shift = -np.imag(wave / wave.mean()) * WAVELENGTH / (2 * np.pi)
    return 2j * np.mean(shift * np.exp(-1j * SPEED * t))


def response(rate):
    """Of the low-pass l(t) = (1 - r) l(t - 1) + r x(t) at the frequency of the waves."""
    return rate / (1 - (1 - rate) * np.exp(-1j * SPEED))


@pytest.mark.parametrize("alpha", [0, 2, 4, 8])
def test_motion_grows_by_one_plus_alpha_times_the_frequency_response(alpha):
    """With full gain at all levels but the outermost.

    Reducing and enlarging by the binomial filter multiplies waves of w radians per pixel by
    cos(w / 2) ** 8. What the first of five steps takes is in the finest level; the last one, to
    which the waves are two pixels long, leaves nothing for the coarsest.
    """
    amplitude = 0.5
    frames = waves(amplitude)
    assert swing(frames) == pytest.approx(amplitude, rel=0.01)
    (magnified,) = MotionMagnification(alpha=alpha, lambda_c=0.5).transform([frames])
    assert len(level_gains(*frames.shape[1:], alpha, 0.5)) == 6
    band = np.cos(np.pi / WAVELENGTH) ** 8 * (response(R1) - response(R2))
    assert swing(magnified) == pytest.approx(amplitude * (1 + alpha * band), rel=0.01)


@pytest.mark.parametrize("shape", [(7, 20, 33), (7, 20, 33, 3)])
def test_alpha_zero_changes_nothing(shape):
    frames = random_clip(*shape)
    np.testing.assert_array_equal(MotionMagnification(alpha=0).transform([frames])[0], frames)


@pytest.mark.parametrize("n_frames", [1, 50])
def test_a_clip_that_stands_still_is_unchanged(n_frames):
    frames = np.repeat(random_clip(1, 30, 41), n_frames, axis=0)
    (magnified,) = MotionMagnification(alpha=100, lambda_c=1).transform([frames])
    np.testing.assert_array_equal(magnified, frames)


def test_no_frame_depends_on_later_ones():
    frames = random_clip(20, 30, 30)
    (whole,) = MotionMagnification().transform([frames])
    (start,) = MotionMagnification().transform([frames[:8]])
    np.testing.assert_array_equal(whole[:8], start)


def test_colours_are_magnified_one_by_one():
    frames = random_clip(6, 30, 35, 3)
    (magnified,) = MotionMagnification().transform([frames])
    for c in range(3):
        (channel,) = MotionMagnification().transform([frames[..., c]])
        np.testing.assert_array_equal(magnified[..., c], channel)


def test_results_do_not_depend_on_the_threads_of_opencv():
    frames = random_clip(4, 200, 200)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        (two,) = MotionMagnification().transform([frames])
        assert cv2.getNumThreads() == 2
        cv2.setNumThreads(1)
        (one,) = MotionMagnification().transform([frames])
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("name", "alpha"), [("casme2", 20), ("samm", 20), ("smic", 8)])
def test_presets(name, alpha):
    expected = {"alpha": alpha, "r1": 0.4, "r2": 0.05, "lambda_c": 16}
    assert MotionMagnification.preset(name).get_params() == expected


def test_unknown_presets_are_named():
    message = "name: expected one of ('casme2', 'samm', 'smic'), got 'casme'"
    with pytest.raises(ValueError, match=re.escape(message)):
        MotionMagnification.preset("casme")


def test_small_frames_are_refused():
    message = "clip 0: frames of 9 x 40 pixels are too small to magnify motion in; expected at "
    with pytest.raises(ValueError, match=message + "least 10 x 10"):
        MotionMagnification().transform([random_clip(5, 9, 40)])
    assert MotionMagnification().transform([random_clip(5, 10, 10)])[0].shape == (5, 10, 10)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"alpha": -1}, ValueError, "alpha: expected a finite number >= 0, got -1"),
        ({"alpha": "20"}, TypeError, "alpha: expected a finite number >= 0, got '20'"),
        ({"r1": 1.5}, ValueError, "r1: expected a finite number > 0 and <= 1, got 1.5"),
        ({"r2": 0}, ValueError, "r2: expected a finite number > 0 and <= 1, got 0"),
        ({"r2": 0.4}, ValueError, "r2: expected a number below r1 (0.4), got 0.4"),
        ({"lambda_c": 0}, ValueError, "lambda_c: expected a finite number > 0, got 0"),
        ({"lambda_c": None}, TypeError, "lambda_c: expected a finite number > 0, got None"),
    ],
)
def test_parameters_are_checked(parameters, error, message):
    step = MotionMagnification(**parameters)
    for method in (step.fit, step.transform):
        with pytest.raises(error, match=re.escape(message)):
            method([random_clip(5, 20, 20)])
