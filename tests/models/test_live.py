"""Frames that keep coming: windows are clips, and nothing grows."""

import itertools
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.corpora import Clip
from cdmer.features import BiWOOF, RegionGrid
from cdmer.models import FittedModel, predict_clip, predict_stream
from cdmer.models._live import usual_window
from cdmer.preprocessing import ApexSpotter, CropAlign, Face


def fitted(clips, y, *steps):
    pipeline = make_pipeline(*steps, BiWOOF(grid=RegionGrid((1, 2))), SVC()).fit(clips, y)
    return FittedModel(pipeline, tuple("abc"), np.zeros(5 * 8))


@pytest.fixture(scope="module")
def model(saved):
    return saved[1]


@pytest.fixture(scope="module")
def frames(packed):
    return np.concatenate([clip.frames for clip in packed[0][:4]])


def test_an_answer_is_that_for_the_clip_of_its_window(model, frames):
    answers = list(predict_stream(model, iter(frames), fps=25, window=0.4, step=0.2))
    ends = range(9, len(frames), 5)
    assert [answer.frame for answer in answers] == list(ends)
    for answer, end in zip(answers, ends, strict=True):
        assert answer.seconds == end / 25
        clip = Clip(frames[end - 9 : end + 1], "a", "b", "c", fps=25.0)
        expected = predict_clip(model, clip)
        assert answer.prediction.label == expected.label
        assert answer.prediction.reason == expected.reason
        if expected.label is not None:
            assert_array_equal(answer.prediction.scores, expected.scores)


def test_the_face_is_looked_for_in_every_window(packed, frames):
    """A face that has moved is cut out where it is now, and an apex is one of the window's."""
    places = []

    def detector(frame):
        places.append(int(frame[0, 0]))
        return [Face(0, 48, 0, 48, 1)]

    clips, y, _ = packed
    model = fitted(clips, y, CropAlign(detector, 48, 48), ApexSpotter("flow"))
    numbered = frames[:20].copy()
    # In the first corner also of a frame that is turned over.
    numbered[:, 0, 0] = numbered[:, -1, -1] = np.arange(20)
    places.clear()
    [one, two] = predict_stream(model, numbered, fps=10, window=1, step=1)
    assert (one.error, two.error) == ("", "")
    assert set(places) == {0, 10}
    assert 0 <= two.prediction.clip.apex < 10


def test_no_window_reaches_over_lost_frames(model, frames):
    stream = [*frames[:12], 30, *frames[12:24], 1, *frames[24:28]]
    answers = list(predict_stream(model, stream, fps=25, window=0.4, step=0.08))
    assert [answer.frame for answer in answers] == [9, 11, 51, 53]


def test_frames_may_share_their_memory(model, frames):
    def reused():
        room = np.empty_like(frames[0])
        for frame in frames[:10]:
            room[:] = frame
            yield room

    [answer] = predict_stream(model, reused(), fps=25, window=0.4, step=1)
    expected = predict_clip(model, Clip(frames[:10], "a", "b", "c", fps=25.0))
    assert answer.prediction.reason == expected.reason
    assert answer.prediction.label == expected.label


def test_a_stream_without_end_takes_the_memory_of_a_window(model, frames):
    answers = predict_stream(model, itertools.cycle(frames), fps=25, window=0.4, step=4)
    next(answers)
    tracemalloc.start()
    taken = []
    for _ in range(24):
        next(answers)
        taken.append(tracemalloc.get_traced_memory()[0])
    # What all frames between take is 20 times as much.
    assert taken[-1] - taken[4] < frames[0].nbytes * 4 * 25
    tracemalloc.stop()


def test_a_window_that_fails_is_told_and_the_next_one_answered(packed, frames):
    clips, y, _ = packed
    stream = np.concatenate([np.zeros_like(frames[:5]), frames[:5]])
    still, moving = predict_stream(fitted(clips, y, ApexSpotter()), stream, 5, 1, 1)
    assert still.prediction is None
    assert "are alike" in still.error
    assert moving.prediction.label in tuple("abc")


def test_parameters_and_frames_are_checked(model, frames, monkeypatch):
    for settings, message in [
        ({"fps": 0}, "fps"),
        ({"window": -1}, "window"),
        ({"step": float("nan")}, "step"),
    ]:
        with pytest.raises(ValueError, match=message):
            next(predict_stream(model, frames, **({"fps": 5, "window": 1, "step": 1} | settings)))
    with pytest.raises(ValueError, match=r"expected shape \(48, 48\), as before, got \(9, 9\)"):
        list(predict_stream(model, [frames[0], np.zeros((9, 9), np.uint8)], 5, 1, 1))
    monkeypatch.setenv("CDMER_MAX_CLIP_BYTES", str(4 * frames[0].nbytes))
    with pytest.raises(ValueError, match="window"):
        list(predict_stream(model, frames, 5, 1, 1))


@pytest.mark.parametrize("other", [-5, True, "frame", [[1, 2], [3, 4]], None])
def test_what_is_no_frame_is_refused(other, model, frames):
    stream = predict_stream(model, iter([frames[0], other]), 25, window=0.4, step=0.2)
    with pytest.raises(ValueError, match="frames: those that were lost: expected a whole number"):
        next(stream)


def test_the_model_is_checked_before_a_window_is_full(frames):
    with pytest.raises(TypeError, match="model: expected a FittedModel, got str"):
        next(predict_stream("model.skops", itertools.repeat(frames[0]), 25, window=60, step=1))


def test_the_usual_window_is_that_of_the_training(model):
    bare = FittedModel(model.pipeline, model.classes, None)
    assert usual_window(bare, 25) == 1
    assert usual_window(model, 25) == model.limits.longest_seconds / 4
