"""What every descriptor owes its users, whatever it computes: tests of the fixture `cls`."""

import pickle
import re
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils import get_tags

from cdmer.corpora import Clip
from cdmer.features import RegionGrid

SMALL = RegionGrid((1, 2))


def make_clips():
    """Smooth textures that move, of several lengths and sizes, with onset and apex."""
    clips = []
    for seed, (n_frames, height, width) in enumerate([(9, 40, 48), (12, 48, 40), (9, 52, 48)]):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width] / 6.0
        a, b, c = rng.uniform(0.5, 1.5, size=3)
        frames = [
            128 + 60 * np.sin(a * x + 0.12 * t + b * y) + 40 * np.cos(b * y - 0.1 * t - c * x)
            for t in range(n_frames)
        ]
        frames = np.array(frames) + rng.integers(0, 6, size=(n_frames, height, width))
        clips.append(
            Clip(frames.astype(np.uint8), f"clip{seed}", "s1", "c", onset=1, apex=n_frames - 3)
        )
    return clips


@pytest.fixture(scope="module")
def clips():
    return make_clips()


def test_shape_names_and_groups(cls, clips):
    model = cls(grid=SMALL)
    rows = model.fit_transform(clips)
    names = model.get_feature_names_out()
    assert rows.shape == (3, len(names))
    assert rows.dtype == np.float64
    assert np.isfinite(rows).all()
    assert names.dtype == object
    assert len(set(names)) == len(names)
    assert model.feature_groups_.shape == (len(names),)
    regions = [SMALL.names[g] for g in model.feature_groups_]
    assert all(n.startswith(f"{r}_") for n, r in zip(names, regions, strict=True))
    assert set(model.feature_groups_) == set(range(5))
    assert model.grid_ == SMALL
    assert rows.any()


def test_default_grid(cls, clips):
    model = cls().fit(clips)
    assert model.grid_.n_regions == model.feature_groups_.max() + 1
    assert model.get_params()["grid"] is None


def test_the_result_is_the_same_for_any_way_to_ask(cls, clips):
    expected = cls(grid=SMALL).fit_transform(clips)
    np.testing.assert_array_equal(cls(grid=SMALL).transform(clips), expected)
    np.testing.assert_array_equal(cls(grid=SMALL, n_jobs=2).transform(clips), expected)
    objects = np.empty(3, dtype=object)
    objects[:] = clips
    np.testing.assert_array_equal(cls(grid=SMALL).transform(objects), expected)
    one_by_one = [cls(grid=SMALL).transform([clip])[0] for clip in clips[::-1]]
    np.testing.assert_array_equal(one_by_one[::-1], expected)
    copy = pickle.loads(pickle.dumps(cls(grid=SMALL).fit()))
    np.testing.assert_array_equal(copy.transform(clips), expected)
    assert not hasattr(clone(copy), "grid_")


def test_frames_are_left_alone(cls, clips):
    before = [clip.frames.copy() for clip in clips]
    for clip in clips:
        clip.frames.setflags(write=False)
    cls(grid=SMALL).transform(clips)
    for clip, copy in zip(clips, before, strict=True):
        np.testing.assert_array_equal(clip.frames, copy)


def test_torch_gives_the_same(cls, clips):
    pytest.importorskip("torch")
    expected = cls(grid=SMALL).fit_transform(clips)
    moved = cls(grid=SMALL, device="cpu").fit_transform(clips)
    assert isinstance(moved, np.ndarray)
    np.testing.assert_allclose(moved, expected, atol=1e-12)


@dataclass
class ForeignClip:
    """Frames of another library; a `Clip` has those of NumPy alone."""

    frames: object
    key: str = "c/s1/foreign"
    onset: int = 1
    apex: int = 6

    def position(self, moment):
        return getattr(self, moment)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_arrays_of_other_libraries(cls, library, clips):
    xp = pytest.importorskip(library)
    rows = cls(grid=SMALL).fit_transform([ForeignClip(xp.asarray(c.frames.copy())) for c in clips])
    assert type(rows) is type(xp.asarray(np.zeros(1)))
    expected = cls(grid=SMALL).fit_transform([ForeignClip(c.frames) for c in clips])
    np.testing.assert_allclose(np.asarray(rows), expected, atol=1e-12)


@pytest.mark.parametrize("grid", [RegionGrid((3,), overlap=0.5), RegionGrid((2, 3))])
def test_other_grids(cls, grid, clips):
    rows = cls(grid=grid).fit_transform(clips)
    assert rows.shape[1] % grid.n_regions == 0
    assert np.isfinite(rows).all()


def test_in_a_pipeline(cls, clips):
    model = make_pipeline(cls(grid=SMALL), SVC()).fit(clips, [0, 1, 1])
    assert model.predict(clips).shape == (3,)
    tags = get_tags(cls())
    assert not tags.requires_fit
    assert not tags.input_tags.two_d_array


@dataclass
class Unreadable:
    key: str = "casme2/sub01/EP02_01f"
    onset = apex = None

    @property
    def frames(self):
        raise OSError("img12.jpg: cannot be decoded")


def frames_of(shape, dtype=np.uint8, value=3):
    return np.full(shape, value, dtype=dtype)


@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        (
            frames_of((0, 40, 40)),
            ValueError,
            "expected at least one frame, with pixels, got shape (0, 40, 40)",
        ),
        (frames_of((9, 2, 40)), ValueError, "got 9 frames of 2 x 40 pixels"),
        (frames_of((9, 40, 40, 3)), ValueError, "expected grey frames of shape (T, H, W), got col"),
        (frames_of((40, 40)), ValueError, "expected frames of shape (T, H, W), got shape (40, 40)"),
        (frames_of((9, 40, 40), float, np.nan), TypeError, "expected frames of dtype uint8, got"),
        (frames_of((9, 40, 40), np.int16), TypeError, "expected frames of dtype uint8, got int16"),
        (None, TypeError, "expected a Clip or an array of shape (T, H, W), got NoneType"),
    ],
    ids=["empty", "narrow", "colour", "picture", "nan", "int16", "none"],
)
def test_bad_clips_are_named(cls, frames, error, message, clips):
    with pytest.raises(error, match="clip 1: " + re.escape(message)):
        cls(grid=RegionGrid((4,))).transform([clips[0], frames])


def test_one_frame_is_too_few(cls):
    with pytest.raises(ValueError, match="clip 0: got 1 frame of 40 x 40 pixels"):
        cls(grid=SMALL).transform([frames_of((1, 40, 40))])


def test_what_reading_says_is_passed_on(cls, clips):
    with pytest.raises(OSError, match=r"img12\.jpg: cannot be decoded"):
        cls(grid=SMALL).transform([clips[0], Unreadable()])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"grid": (1, 2)}, "grid: expected a RegionGrid, LandmarkRegions or None, got (1, 2)"),
        ({"device": "abacus"}, "device: expected None or a device that PyTorch can use here"),
    ],
)
def test_bad_parameters_are_named(cls, parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cls(**parameters).fit()


def test_whole_numbers_are_whole_and_positive(cls):
    """Every default that is an int above 0 refuses what is none."""
    for name, value in cls().get_params(deep=False).items():
        if isinstance(value, int) and not isinstance(value, bool):
            for wrong in (0, -1, 2.5, "3", True, None, np.nan):
                with pytest.raises((ValueError, TypeError), match=f"{name}: expected"):
                    cls(**{name: wrong}).fit()
        elif isinstance(value, bool):
            for wrong in (None, 1, "yes"):
                with pytest.raises((ValueError, TypeError), match=f"{name}: expected"):
                    cls(**{name: wrong}).fit()
