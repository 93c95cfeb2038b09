"""Flow of whole clips: which frames are compared, and what comes out."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import get_tags

from cdmer.corpora import Clip
from cdmer.features import OpticalFlow, optical_flow


def frames(n_frames, height, width, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 7.0
    a, b = rng.uniform(0.7, 1.4, size=2)
    return np.array(
        [
            128 + 60 * np.sin(a * x + 0.1 * t) + 60 * np.sin(b * y - 0.05 * t)
            for t in range(n_frames)
        ]
    ).astype(np.uint8)


CLIPS = [frames(5, 48, 52, 1), frames(3, 60, 50, 2)]


def clip(array, **annotated):
    return Clip(array, name="c", subject="s", corpus="k", **annotated)


@pytest.mark.parametrize("method", ["dis", "farneback", "tvl1"])
def test_from_the_first_frame_of_bare_arrays(method):
    fields = OpticalFlow(method).fit_transform(CLIPS)
    assert fields.shape == (2,)
    assert fields.dtype == object
    for array, field in zip(CLIPS, fields, strict=True):
        assert field.dtype == np.float32
        expected = [optical_flow(array[0], later, method) for later in array[1:]]
        np.testing.assert_array_equal(field, expected)


def test_from_the_annotated_onset():
    (field,) = OpticalFlow().transform([clip(CLIPS[0], onset=2, apex=1)])
    expected = [optical_flow(CLIPS[0][2], later) for later in CLIPS[0][3:]]
    np.testing.assert_array_equal(field, expected)
    numbered = clip(CLIPS[0], onset=13, frame_numbers=(11, 12, 13, 14, 20))
    np.testing.assert_array_equal(OpticalFlow().transform([numbered])[0], expected)
    (without,) = OpticalFlow().transform([clip(CLIPS[0], apex=3)])
    np.testing.assert_array_equal(without, OpticalFlow().transform(CLIPS[:1])[0])


def test_from_the_frame_before():
    (field,) = OpticalFlow(reference="previous").transform([clip(CLIPS[0], onset=2)])
    expected = [optical_flow(CLIPS[0][t - 1], CLIPS[0][t]) for t in range(1, 5)]
    np.testing.assert_array_equal(field, expected)


def test_one_clip_and_clips_of_one_size_are_still_a_list_of_fields():
    assert OpticalFlow().transform(CLIPS[:1]).shape == (1,)
    fields = OpticalFlow().transform(np.stack([CLIPS[0], CLIPS[0]]))
    assert fields.shape == (2,)
    np.testing.assert_array_equal(fields[0], fields[1])


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_jobs_change_nothing(method):
    expected = OpticalFlow(method).transform(CLIPS * 2)
    fields = OpticalFlow(method, n_jobs=2).transform(CLIPS * 2)
    for field, same in zip(fields, expected, strict=True):
        np.testing.assert_array_equal(field, same)


def test_is_an_estimator():
    flow = OpticalFlow("farneback", "previous", n_jobs=2)
    assert clone(flow).get_params() == flow.get_params()
    assert pickle.loads(pickle.dumps(flow)).get_params() == flow.get_params()
    assert not get_tags(flow).input_tags.two_d_array
    assert not get_tags(flow).requires_fit

    def unreadable():
        raise AssertionError("frames were read")

    assert flow.fit([clip(unreadable)]) is flow


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (CLIPS[0][:1], ValueError, "clip 1: expected at least 2 frames to see motion, got 1"),
        (CLIPS[0][:0], ValueError, "clip 1: expected at least one frame, with pixels"),
        (
            clip(CLIPS[0], onset=4),
            ValueError,
            "clip 'k/s/c': the onset is the last of 5 frames, expected at least one after it",
        ),
        (clip(CLIPS[0], onset=9), ValueError, "clip 'k/s/c': onset lies outside the clip"),
        (
            CLIPS[0][:, :28, :28],
            ValueError,
            "clip 1: got frames of 28 x 28 pixels; the flow method",
        ),
        (CLIPS[0] / 255.0, TypeError, "clip 1: expected frames of dtype uint8, got float64"),
        (
            np.stack([CLIPS[0]] * 3, axis=-1),
            ValueError,
            "clip 1: expected grey frames of shape (T, H, W), got colour frames of shape (5, 48, ",
        ),
    ],
)
def test_bad_clips_are_named(bad, error, message):
    with pytest.raises(error, match=re.escape(message)):
        OpticalFlow().transform([CLIPS[1], bad])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "raft"}, "method: expected one of ('dis', 'farneback', 'tvl1'), got 'raft'"),
        ({"reference": "apex"}, "reference: expected one of ('onset', 'previous'), got 'apex'"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        OpticalFlow(**parameters).fit()
    with pytest.raises(TypeError, match=re.escape(message)):
        OpticalFlow(**parameters).transform(CLIPS)
