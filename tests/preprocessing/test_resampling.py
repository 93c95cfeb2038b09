"""Interpolation in time, against the method as published, and what becomes of annotations."""

import re

import numpy as np
import pytest
import scipy.linalg

from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.preprocessing import Flip, LinearResampling, TemporalInterpolation
from cdmer.preprocessing._frame_sums import CHUNK, cosine_weights, linear_weights, spread


def random_clip(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


def make_clip(frames, **known):
    return Clip(frames, "EP02_01f", "sub01", "casme2", **known)


def graph_embedding(frames, times):
    """Interpolate as Zhou et al. (2011) do, step by step, without rounding.

    The frames must be linearly independent once they are centred, but for the one dependency that
    centring makes.
    """
    n = len(frames)
    vectors = frames.reshape(n, -1).T.astype(float)
    mean = vectors.mean(axis=1, keepdims=True)
    left, singular, right = np.linalg.svd(vectors - mean, full_matrices=False)
    left, q = left[:, : n - 1], (singular[:, None] * right)[: n - 1]
    adjacency = np.eye(n, k=1) + np.eye(n, k=-1)
    laplacian = np.diag(adjacency.sum(axis=1)) - adjacency
    _, w = scipy.linalg.eigh(q @ laplacian @ q.T, q @ q.T)  # graph embedding, linear extension

    k = np.arange(1, n)[:, None]

    def curve(t):
        return np.sin(np.pi * k * t + np.pi * (n - k) / (2 * n))

    embedded = w.T @ q
    at_frames = curve(np.arange(1, n + 1) / n)
    scales = embedded[:, :1] / at_frames[:, :1]
    np.testing.assert_allclose(embedded, scales * at_frames, atol=1e-8)  # what the paper proves
    new = mean + left @ np.linalg.solve(w.T, scales * curve(times))
    return new.T.reshape(-1, *frames.shape[1:])


@pytest.mark.parametrize(("n", "n_new"), [(2, 5), (7, 4), (10, 23), (16, 16), (30, 10)])
def test_weights_are_those_of_the_graph_embedding(n, n_new):
    frames = random_clip(n, 9, 8, seed=n)
    positions = spread(n, n_new)
    expected = graph_embedding(frames, (positions + 1) / n)
    new = np.tensordot(cosine_weights(positions, n), frames.astype(float), axes=1)
    np.testing.assert_allclose(new, expected, atol=1e-6)
    (rounded,) = TemporalInterpolation(n_new).transform([frames])
    assert np.abs(rounded - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("n", "n_new"), [(2, 5), (7, 4), (30, 11), (70, 10)])
def test_weights_are_the_sum_over_eigenvectors(n, n_new):
    k, positions = np.arange(1, n)[:, None], spread(n, n_new)
    curve = np.sin(np.pi * k * (positions + 1) / n + np.pi * (n - k) / (2 * n))
    y = np.sin(np.pi * k * np.arange(1, n + 1) / n + np.pi * (n - k) / (2 * n))
    weights = cosine_weights(positions, n)
    np.testing.assert_allclose(weights, 1 / n + 2 / n * curve.T @ y, atol=1e-13)
    np.testing.assert_allclose(weights.sum(axis=1), 1)


@pytest.mark.parametrize("step", [TemporalInterpolation, LinearResampling])
class TestBoth:
    @pytest.mark.parametrize("colour", [(), (3,)])
    @pytest.mark.parametrize("n", [2, 3, 10, 71])
    def test_the_same_number_of_frames_changes_nothing(self, step, n, colour):
        frames = random_clip(n, 6, 7, *colour)
        np.testing.assert_array_equal(step(n_frames=n).transform([frames])[0], frames)

    def test_given_frames_are_met_bit_for_bit(self, step):
        frames = random_clip(13, 6, 7)
        (new,) = step(n_frames=37).transform([frames])  # every third one is old
        np.testing.assert_array_equal(new[::3], frames)
        (new,) = step(n_frames=5).transform([frames])
        np.testing.assert_array_equal(new, frames[::3])
        (new,) = step(n_frames=11).transform([frames])
        np.testing.assert_array_equal(new[[0, -1]], frames[[0, -1]])

    def test_repeated_and_dependent_frames(self, step):
        """Singular for the method as published; here like any others, and the same every time."""
        one = random_clip(1, 6, 7)
        still = np.repeat(one, 12, axis=0)
        np.testing.assert_array_equal(
            step(n_frames=7).transform([still])[0], np.repeat(one, 7, axis=0)
        )
        pauses = np.repeat(random_clip(4, 6, 7), 3, axis=0)
        (new,) = step(n_frames=34).transform([pauses])
        np.testing.assert_array_equal(new[::3], pauses)
        np.testing.assert_array_equal(step(n_frames=34).transform([pauses])[0], new)

    def test_pixels_and_time_directions_are_treated_alike(self, step):
        frames = random_clip(13, 6, 7)
        (new,) = step(n_frames=8).transform([frames])
        order = np.random.default_rng(1).permutation(7)
        np.testing.assert_array_equal(
            step(n_frames=8).transform([frames[:, :, order]])[0], new[:, :, order]
        )
        backwards = step(n_frames=8).transform([frames[::-1]])[0][::-1]
        np.testing.assert_allclose(backwards.astype(int), new, atol=1)

    def test_many_pixels_are_handled_in_pieces(self, step):
        n_pixels = 2 * CHUNK // 20 + 7
        frames = random_clip(20, 1, n_pixels)
        (new,) = step(n_frames=9).transform([frames])
        for columns in (slice(0, 5), slice(CHUNK // 20 - 2, CHUNK // 20 + 2), slice(-5, None)):
            (piece,) = step(n_frames=9).transform([frames[:, :, columns]])
            np.testing.assert_array_equal(new[:, :, columns], piece)

    def test_annotations_become_those_of_the_nearest_new_frame(self, step):
        """71 frames to 11: one new frame for every seven old ones."""
        clip = make_clip(random_clip(71, 4, 4), onset=3, apex=32, offset=70, fps=200)
        (new,) = step(n_frames=11).transform([clip])
        assert (new.onset, new.apex, new.offset) == (0, 5, 10)
        assert new.fps == pytest.approx(200 / 7)
        assert new.frame_numbers is None
        assert (clip.onset, clip.apex, clip.offset, clip.fps) == (3, 32, 70, 200)
        (finer,) = step(n_frames=141).transform([clip])
        assert (finer.onset, finer.apex, finer.offset, finer.fps) == (6, 64, 140, 400)
        (same,) = step(n_frames=71).transform([clip])
        assert (same.onset, same.apex, same.offset, same.fps) == (3, 32, 70, 200)

    def test_unknown_stays_unknown(self, step):
        (new,) = step(n_frames=5).transform([make_clip(random_clip(9, 4, 4), apex=4)])
        assert (new.onset, new.apex, new.offset, new.fps) == (None, 2, None, None)

    def test_frame_numbers_with_gaps(self, step):
        """Annotations stay in time; the frame rate is the mean one, 5 steps in 20 times 10 ms."""
        numbers = (46, 47, 50, 55, 60, 66)
        clip = make_clip(
            random_clip(6, 4, 4), onset=46, apex=56, offset=66, fps=100, frame_numbers=numbers
        )
        (new,) = step(n_frames=6).transform([clip])
        assert (new.onset, new.apex, new.offset) == (0, 3, 5)
        assert new.frame_numbers is None
        assert new.fps == pytest.approx(25)
        (new,) = step(n_frames=11).transform([clip])
        assert (new.onset, new.apex, new.offset) == (0, 6, 10)
        assert new.fps == pytest.approx(50)

    def test_frames_are_read_only_to_count_them(self, step):
        def count(**known):
            reads = []

            def source():
                reads.append(1)
                return random_clip(9, 4, 4)

            if known.pop("told", False):
                source.n_frames = 9
            (new,) = step(n_frames=5).transform([make_clip(source, **known)])
            n_reads = len(reads)
            assert len(new.frames) == 5
            return n_reads

        assert count() == 0
        assert count(apex=4) == 1
        assert count(fps=100) == 1
        assert count(fps=100, apex=4, told=True) == 0
        assert count(fps=100, apex=4, frame_numbers=tuple(range(9))) == 0

    def test_synthetic_clips_are_not_rendered_to_count_frames(self, step, monkeypatch):
        corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
        monkeypatch.setattr(Clip, "frames", property(lambda clip: pytest.fail("read")))
        for clip in step(n_frames=5).transform(Flip().transform(list(corpus))):
            assert 0 <= clip.onset <= clip.apex <= clip.offset <= 4

    @pytest.mark.parametrize("numbers", [None, tuple(range(20, 29))])
    @pytest.mark.parametrize("moment", ["onset", "apex", "offset"])
    def test_moments_outside_the_clip_are_named(self, step, moment, numbers):
        clip = make_clip(random_clip(9, 4, 4), frame_numbers=numbers, **{moment: 31})
        first, last = (0, 8) if numbers is None else (20, 28)
        message = (
            f"clip 'casme2/sub01/EP02_01f': {moment} 31 lies outside its frames, {first} to {last}"
        )
        with pytest.raises(ValueError, match=message):
            step(n_frames=5).transform([clip])

    def test_a_single_frame_is_refused(self, step):
        message = "got 1 frame; resampling in time needs at least 2"
        with pytest.raises(ValueError, match=f"clip 0: {message}"):
            step(n_frames=5).transform([random_clip(1, 4, 4)])
        (new,) = step(n_frames=5).transform([make_clip(random_clip(1, 4, 4))])
        with pytest.raises(ValueError, match=f"clip 'casme2/sub01/EP02_01f': {message}"):
            _ = new.frames
        with pytest.raises(ValueError, match=f"clip 'casme2/sub01/EP02_01f': {message}"):
            step(n_frames=5).transform([make_clip(random_clip(1, 4, 4), fps=25)])

    @pytest.mark.parametrize("value", [1, 0, -3, 2.5, "10", True])
    def test_parameters_are_checked(self, step, value):
        message = re.escape(f"n_frames: expected a whole number >= 2 and <= 100000, got {value!r}")
        with pytest.raises(ValueError, match=message):
            step(n_frames=value).fit()
        with pytest.raises(TypeError, match=message):
            step(n_frames=value).transform([random_clip(9, 4, 4)])


def test_the_curve_is_cut_to_grey_levels():
    """A jump makes it swing beyond 0 and 255."""
    jump = np.repeat(np.uint8([0, 255]), 5).reshape(10, 1, 1)
    positions = spread(10, 28)
    swing = cosine_weights(positions, 10) @ jump.ravel()
    assert swing.min() < -5
    assert swing.max() > 260
    (new,) = TemporalInterpolation(28).transform([jump])
    np.testing.assert_array_equal(new.ravel(), np.rint(np.clip(swing, 0, 255)))


@pytest.mark.parametrize("n_new", [2, 7, 33])
def test_linear_interpolation(n_new):
    frames = random_clip(13, 3, 4)
    (new,) = LinearResampling(n_frames=n_new).transform([frames])
    positions = np.linspace(0, 12, n_new)
    for i, j in np.ndindex(3, 4):
        expected = np.interp(positions, np.arange(13), frames[:, i, j])
        assert np.abs(new[:, i, j] - expected).max() <= 0.5 + 1e-9


def test_linear_weights_touch_two_neighbours():
    weights = linear_weights(np.array([0, 0.25, 2.5, 3]), 4)
    expected = [[1, 0, 0, 0], [0.75, 0.25, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]]
    np.testing.assert_array_equal(weights, expected)


class TestFrameRate:
    def ramp(self, numbers=tuple(range(41)), **known):
        frames = np.uint8(np.reshape(numbers, (-1, 1, 1)))
        return make_clip(frames, frame_numbers=numbers, **known)

    @pytest.mark.parametrize(
        ("fps", "levels"),
        [
            (100, range(0, 41, 2)),
            (50, range(0, 41, 4)),
            (200, range(41)),
            (60, np.rint(np.arange(0, 41, 10 / 3))),
            (1, [0]),
        ],
    )
    def test_new_frames_lie_at_the_new_rate(self, fps, levels):
        (new,) = LinearResampling(fps=fps).transform([self.ramp(fps=200)])
        assert new.frames.ravel().tolist() == list(levels)
        assert new.fps == fps

    def test_decimal_rates_are_exact(self):
        (new,) = LinearResampling(fps=9.99).transform([self.ramp(tuple(range(31)), fps=29.97)])
        assert new.frames.ravel().tolist() == list(range(0, 31, 3))

    def test_dropped_frames_are_bridged(self):
        """A ramp in time comes out whole."""
        clip = self.ramp((5, 6, 7, 10, 11, 15, 20), fps=100, onset=6, apex=15, offset=20)
        (new,) = LinearResampling(fps=100).transform([clip])
        assert new.frames.ravel().tolist() == list(range(5, 21))
        assert (new.onset, new.apex, new.offset) == (1, 10, 15)
        (new,) = LinearResampling(fps=25).transform([clip])
        assert new.frames.ravel().tolist() == [5, 9, 13, 17]
        # 6, 15 and 20 are nearest to 5, 13 (as near as 17, and earlier) and 17.
        assert (new.onset, new.apex, new.offset, new.fps) == (0, 2, 3, 25)

    def test_a_clip_without_a_rate_is_named(self):
        with pytest.raises(ValueError, match=r"clip 0: has no fps; give n_frames in place of fps"):
            LinearResampling(fps=25).transform([random_clip(9, 4, 4)])
        (new,) = LinearResampling(fps=25).transform([make_clip(random_clip(9, 4, 4))])
        with pytest.raises(ValueError, match="clip 'casme2/sub01/EP02_01f': has no fps"):
            _ = new.frames
        with pytest.raises(ValueError, match="clip 'casme2/sub01/EP02_01f': has no fps"):
            LinearResampling(fps=25).transform([make_clip(random_clip(9, 4, 4), apex=3)])

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({}, "n_frames, fps: expected exactly one of the two, got n_frames=None and fps=None"),
            ({"n_frames": 10, "fps": 25}, "got n_frames=10 and fps=25"),
            ({"fps": 0}, "fps: expected a finite number > 0, got 0"),
            ({"fps": "25"}, "fps: expected a finite number > 0, got '25'"),
            ({"fps": float("nan")}, "fps: expected a finite number > 0, got nan"),
        ],
    )
    def test_parameters_are_checked(self, parameters, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            LinearResampling(**parameters).fit()
