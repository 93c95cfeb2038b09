"""What holds for every step from clips to clips: laziness, pickling, pipelines, messages."""

import pickle
import re
from dataclasses import dataclass, replace

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.features import LBPTOP, RegionGrid
from cdmer.preprocessing import (
    ApexSpotter,
    ClipTransformer,
    Flip,
    LinearResampling,
    MotionMagnification,
    Register,
    Resize,
    TemporalInterpolation,
    ToGrey,
)

STEPS = [
    ToGrey(),
    Flip(),
    Resize(24, 20),
    TemporalInterpolation(8),
    LinearResampling(n_frames=8),
    LinearResampling(fps=50),
    MotionMagnification(),
    Register(),
]
IN_SPACE = [step for step in STEPS if not hasattr(step, "n_frames")]
every_step = pytest.mark.parametrize("step", STEPS, ids=repr)


def frames_of(shape, seed=0):
    frames = np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)
    frames.setflags(write=False)
    return frames


def make_clip(source, **known):
    return Clip(source, "EP02_01f", "sub01", "casme2", **{"fps": 100, **known})


@dataclass
class Source:
    """Counts how often its frames are read."""

    frames: np.ndarray
    reads: int = 0

    def __call__(self):
        self.reads += 1
        return self.frames


@every_step
@pytest.mark.parametrize("colour", [(), (3,)], ids=["grey", "colour"])
def test_clips_of_unequal_sizes_come_back_in_order(step, colour):
    frames = [frames_of((n, 20 + n, 30, *colour), n) for n in (9, 5, 12)]
    before = [f.copy() for f in frames]
    clips = [make_clip(f, label=str(i)) for i, f in enumerate(frames)]
    new = step.transform(clips)
    assert new.dtype == object
    assert new.shape == (3,)
    assert [clip.label for clip in new] == ["0", "1", "2"]
    for old, was, clip in zip(frames, before, new, strict=True):
        assert clip.frames.dtype == np.uint8
        np.testing.assert_array_equal(clip.frames, step.transform([make_clip(old)])[0].frames)
        np.testing.assert_array_equal(old, was)


@pytest.mark.parametrize("step", [s for s in STEPS if getattr(s, "fps", None) is None], ids=repr)
def test_bare_arrays_give_the_frames_at_once(step):
    frames = [frames_of((n, 20, 30), n) for n in (9, 5)]
    new = step.transform(frames)
    assert new.shape == (2,)
    for array, clip in zip(new, step.transform(list(map(make_clip, frames))), strict=True):
        assert isinstance(array, np.ndarray)
        np.testing.assert_array_equal(array, clip.frames)
    stacked = step.transform(np.stack([frames[0]] * 2))
    np.testing.assert_array_equal(stacked[1], new[0])
    in_colour = frames_of((2, 9, 20, 30, 3))
    np.testing.assert_array_equal(step.transform(in_colour)[1], step.transform([in_colour[1]])[0])


@every_step
def test_memory_layout_is_irrelevant(step):
    frames = frames_of((9, 20, 30, 3))
    expected = step.transform([make_clip(frames)])[0].frames
    for other in (np.asfortranarray(frames), np.repeat(frames, 2, axis=2)[:, :, ::2]):
        np.testing.assert_array_equal(step.transform([make_clip(other)])[0].frames, expected)


@pytest.mark.parametrize("step", IN_SPACE, ids=repr)
def test_frames_are_read_when_the_new_ones_are(step):
    source = Source(frames_of((9, 20, 30)))
    clip = make_clip(source, onset=1, apex=4, offset=7)
    (new,) = step.fit([clip]).transform([clip])
    assert source.reads == 0
    assert (new.onset, new.apex, new.offset, new.fps) == (1, 4, 7, 100)
    _ = new.frames
    assert source.reads == 1
    _ = new.frames
    assert source.reads == 2


@every_step
def test_lazy_clips_survive_pickling_and_other_processes(step):
    corpus = make_synthetic_corpus("nir-25fps", n_clips=3, size=32, random_state=0)
    new = step.transform(list(corpus))
    expected = [clip.frames.tobytes() for clip in new]
    assert len(pickle.dumps(new)) < 20000
    assert [clip.frames.tobytes() for clip in pickle.loads(pickle.dumps(new))] == expected


def test_process_pools():
    pipe = make_pipeline(TemporalInterpolation(5), MotionMagnification(), Flip())
    new = pipe.transform(
        list(make_synthetic_corpus("nir-25fps", n_clips=3, size=32, random_state=0))
    )
    with joblib.parallel_config("loky", n_jobs=2):
        there = joblib.Parallel()(joblib.delayed(getattr)(clip, "frames") for clip in new)
    for clip, frames in zip(new, there, strict=True):
        assert clip.frames.tobytes() == frames.tobytes()


def test_later_changes_of_parameters_do_not_reach_lazy_clips():
    step = TemporalInterpolation(5)
    (new,) = step.transform([make_clip(frames_of((9, 6, 6)))])
    step.set_params(n_frames=7)
    assert len(new.frames) == 5


def test_pipeline_with_a_descriptor():
    clips = [make_clip(frames_of((14, 30, 28, 3), i)) for i in range(3)]
    lbp_top = LBPTOP(radius=1, grid=RegionGrid((1, 2)))
    pipe = make_pipeline(ToGrey(), TemporalInterpolation(10), lbp_top)
    X = pipe.fit_transform(clips)
    by_hand = TemporalInterpolation(10).transform(ToGrey().transform(clips))
    np.testing.assert_array_equal(X, lbp_top.transform([clip.frames for clip in by_hand]))
    names = list(pipe.get_feature_names_out())
    assert names == list(lbp_top.get_feature_names_out())
    table = pipe.set_output(transform="pandas").fit_transform(clips)
    assert list(table.columns) == names
    np.testing.assert_array_equal(clone(pipe).transform(clips), X)


@every_step
def test_scikit_learn_api(step):
    tags = get_tags(step)
    assert not tags.input_tags.two_d_array
    assert not tags.requires_fit
    assert step.fit() is step
    assert clone(step).get_params() == step.get_params()
    assert not [name for name in vars(step) if name.endswith("_")]


def test_number_of_frames_is_known_before_they_are_read():
    clip = make_clip(Source(frames_of((9, 20, 30))), fps=None)
    (flipped,) = Flip().transform([clip])
    assert flipped.source.n_frames is None
    numbered = replace(clip, frame_numbers=tuple(range(9)))
    assert Flip().transform([numbered])[0].source.n_frames == 9
    assert Flip().transform([make_clip(clip.source.frames)])[0].source.n_frames == 9
    (interpolated,) = TemporalInterpolation(4).transform([clip])
    assert Flip().transform([interpolated])[0].source.n_frames == 4
    for step in STEPS:
        (new,) = step.transform([replace(numbered, fps=100)])
        assert new.source.n_frames == len(new.frames)


class TestFingerprint:
    clips = list(make_synthetic_corpus("nir-25fps", n_clips=4, size=32, random_state=0))

    def of(self, *steps, clip=None):
        (new,) = make_pipeline(*steps).transform([self.clips[0] if clip is None else clip])
        return new.source.fingerprint()

    def test_names_source_steps_and_parameters(self):
        several = [(Flip(),), (Flip(), Flip()), (Flip(), ToGrey()), (ToGrey(), Flip())]
        several += [(Resize(20, 24),), (Resize(24, 20),)]
        names = [self.of(*steps) for steps in several] + [self.clips[0].source.fingerprint()]
        assert len(set(names)) == len(names)
        assert names == [self.of(*steps) for steps in several] + names[-1:]
        assert self.of(Flip(), clip=self.clips[1]) != names[0]

    def test_names_the_annotations_that_a_step_reads(self):
        slower = replace(self.clips[0], fps=50, label="other")
        assert self.of(Flip(), clip=slower) == self.of(Flip())
        by_number, by_rate = LinearResampling(n_frames=5), LinearResampling(fps=10)
        assert self.of(by_number, clip=slower) == self.of(by_number)
        assert self.of(by_rate, clip=slower) != self.of(by_rate)

    def test_reads_no_frames(self, monkeypatch):
        monkeypatch.setattr(Clip, "frames", property(lambda clip: pytest.fail("read")))
        assert re.fullmatch("[0-9a-f]{64}", self.of(TemporalInterpolation(), Flip()))

    def test_is_none_where_the_source_has_none(self):
        for source in (frames_of((9, 20, 30)), Source(frames_of((9, 20, 30)))):
            assert self.of(Flip(), ToGrey(), clip=make_clip(source)) is None

    def test_is_none_where_a_parameter_cannot_be_named(self):
        assert self.of(Resize(interpolation="auto")) is not None
        (new,) = Flip().transform([self.clips[0]])
        new.source.step.detector = object()
        new.source.step.get_params = lambda deep: {"detector": object()}
        assert new.source.fingerprint() is None


@every_step
@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        (
            np.zeros((0, 12, 12), np.uint8),
            ValueError,
            "expected at least one frame, with pixels, got shape (0, 12, 12)",
        ),
        (
            np.zeros((5, 0, 12), np.uint8),
            ValueError,
            "expected at least one frame, with pixels, got shape (5, 0, 12)",
        ),
        (
            np.zeros((12, 12), np.uint8),
            ValueError,
            "expected frames of shape (T, H, W) or (T, H, W, 3), got shape (12, 12)",
        ),
        (
            np.zeros((5, 12, 12, 4), np.uint8),
            ValueError,
            "expected frames of shape (T, H, W) or (T, H, W, 3), got shape (5, 12, 12, 4)",
        ),
        (np.full((5, 12, 12), np.nan), TypeError, "expected frames of dtype uint8, got float64"),
        ("video.avi", TypeError, "expected a Clip or a NumPy array, got str"),
    ],
)
def test_bad_clips_are_named(step, frames, error, message):
    with pytest.raises(error, match=re.escape(f"clip 0: {message}")):
        step.transform([frames])


@every_step
def test_bad_frames_of_lazy_clips_are_named(step):
    def broken():
        raise OSError("frame 17 cannot be read")

    key = "clip 'casme2/sub01/EP02_01f'"
    numbers = {"fps": 100, "frame_numbers": (3, 4, 5, 7)}
    (new,) = step.transform([make_clip(broken, **numbers)])
    message = f"{key}: {type(step).__name__} failed with OSError: frame 17 cannot be read"
    with pytest.raises(RuntimeError, match=re.escape(message)) as caught:
        _ = new.frames
    assert isinstance(caught.value.__cause__, OSError)
    (new,) = step.transform([make_clip(np.zeros((4, 12, 12)), **numbers)])
    with pytest.raises(ValueError, match=f"{key}: expected uint8"):
        _ = new.frames
    (new,) = step.transform([make_clip(frames_of((5, 12, 12)), **numbers)])
    with pytest.raises(ValueError, match=f"{key}: has 4 frame numbers for 5 frames"):
        _ = new.frames
    (new,) = make_pipeline(Flip(), step).transform([make_clip(broken, **numbers)])
    with pytest.raises(RuntimeError, match=f"{key}: Flip failed with OSError"):
        _ = new.frames


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "X: got no clip, expected at least one"),
        (3, TypeError, "X: expected a sequence of clips, got int"),
        (
            make_clip(frames_of((5, 12, 12))),
            TypeError,
            "X: expected a sequence of clips, got one Clip; wrap it in a list",
        ),
        (frames_of((5, 12, 12)), ValueError, "X: expected a sequence of clips or one array"),
        (
            frames_of((5, 12, 12, 3)),
            ValueError,
            "X: expected a sequence of clips, got one array of shape (5, 12, 12, 3), which looks "
            "like one colour clip; wrap it in a list",
        ),
    ],
)
def test_bad_collections_are_named(X, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Flip().transform(X)


def test_a_step_without_its_method_is_refused():
    class Unfinished(ClipTransformer):
        pass

    with pytest.raises(TypeError, match="abstract class Unfinished .*_apply"):
        Unfinished()


@pytest.mark.parametrize("step", [Flip(), ApexSpotter()], ids=repr)
def test_clips_are_no_table_whatever_scikit_learn_is_set_to(step):
    pytest.importorskip("pandas")
    clips = make_synthetic_corpus("nir-25fps", n_clips=3, size=32, random_state=0)
    with config_context(transform_output="pandas"):
        assert step.fit_transform(clips).dtype == object
        assert isinstance(step.transform(clips), np.ndarray)
