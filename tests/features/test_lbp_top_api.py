"""LBPTOP as a scikit-learn transformer: inputs, outputs, parameters and messages."""

import pickle
import re
from dataclasses import dataclass

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils import get_tags

from cdmer.features import LBPTOP, RegionGrid

SMALL = RegionGrid((1, 2))


@dataclass
class FakeClip:
    """All that a descriptor may know of a clip."""

    frames: np.ndarray
    key: str = "casme2/sub01/EP02_01f"


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    sizes = [(7, 12, 12), (11, 13, 12), (9, 12, 14), (8, 20, 20)]
    return [rng.integers(0, 256, size=size, dtype=np.uint8) for size in sizes]


def test_clips_and_arrays_give_the_same(clips):
    lbp_top = LBPTOP(grid=SMALL).fit()
    expected = lbp_top.transform(clips)
    assert expected.shape == (4, 5 * 3 * 59)
    assert expected.dtype == np.float64
    of_clips = [FakeClip(frames) for frames in clips]
    np.testing.assert_array_equal(lbp_top.transform(of_clips), expected)
    objects = np.empty(4, dtype=object)
    objects[:] = of_clips
    np.testing.assert_array_equal(lbp_top.transform(objects), expected)
    np.testing.assert_array_equal(lbp_top.transform(tuple(clips)[1:]), expected[1:])


def test_one_array_of_clips(clips):
    stacked = np.stack([clip[:7, :12, :12] for clip in clips])
    lbp_top = LBPTOP(grid=SMALL).fit()
    np.testing.assert_array_equal(lbp_top.transform(stacked), lbp_top.transform(list(stacked)))


def test_memory_layout_is_irrelevant(clips):
    lbp_top = LBPTOP(grid=SMALL).fit()
    expected = lbp_top.transform(clips)
    np.testing.assert_array_equal(
        lbp_top.transform([np.asfortranarray(c) for c in clips]), expected
    )
    for clip in clips:
        clip.setflags(write=False)
    np.testing.assert_array_equal(lbp_top.transform(clips), expected)


def test_frames_are_read_once_and_only_by_transform(clips):
    class LazyClip:
        key = "a/b/c"
        reads = 0

        @property
        def frames(self):
            self.reads += 1
            return clips[0]

    clip = LazyClip()
    lbp_top = LBPTOP(grid=SMALL).fit([clip])
    assert clip.reads == 0
    lbp_top.transform([clip])
    assert clip.reads == 1


@pytest.mark.parametrize("n_jobs", [2, -1])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_jobs_change_nothing(clips, n_jobs, backend):
    expected = LBPTOP(grid=SMALL).fit_transform(clips)
    with joblib.parallel_config(backend=backend):
        features = LBPTOP(grid=SMALL, n_jobs=n_jobs).fit_transform(clips)
    np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize(("uniform", "n_bins"), [(True, 59), (False, 256)])
def test_columns(uniform, n_bins):
    lbp_top = LBPTOP(uniform=uniform).fit()
    names = lbp_top.get_feature_names_out()
    assert names.shape == lbp_top.feature_groups_.shape == (85 * 3 * n_bins,)
    assert len(set(names)) == len(names)
    for region in (0, 3, 84):
        of_region = names[lbp_top.feature_groups_ == region]
        prefix = lbp_top.grid_.names[region]
        planes = np.repeat([f"{prefix}_{plane}_" for plane in ("xy", "xt", "yt")], n_bins)
        assert all(n.startswith(p) for n, p in zip(of_region, planes, strict=True))
    codes = [0, 1, 2, 3, 4, 6, 7, 8] if uniform else [0, 1, 2, 3, 4, 5, 6, 7]
    assert list(names[:8]) == [f"l1r0c0_xy_{code}" for code in codes]
    assert names[n_bins - 1] == ("l1r0c0_xy_other" if uniform else "l1r0c0_xy_255")


def test_the_default_has_the_published_number_of_columns():
    assert LBPTOP().fit().feature_groups_.size == 15045


def test_pandas_output(clips):
    lbp_top = LBPTOP(grid=SMALL).set_output(transform="pandas").fit()
    table = lbp_top.transform(clips)
    assert list(table.columns) == list(lbp_top.get_feature_names_out())
    np.testing.assert_array_equal(table, LBPTOP(grid=SMALL).fit_transform(clips))


def test_clone_and_pickle(clips):
    lbp_top = LBPTOP(radius=2, grid=SMALL).fit()
    assert clone(lbp_top).get_params() == lbp_top.get_params()
    again = pickle.loads(pickle.dumps(lbp_top))
    np.testing.assert_array_equal(again.transform(clips), lbp_top.transform(clips))


def test_tags():
    tags = get_tags(LBPTOP())
    assert not tags.input_tags.two_d_array
    assert tags.array_api_support
    assert not tags.target_tags.required


def test_grid_search_over_the_descriptor(clips):
    X = [FakeClip(clip, key=str(i)) for i, clip in enumerate(clips * 3)]
    y = [0, 1, 0, 1] * 3
    pipe = make_pipeline(LBPTOP(), SVC(kernel="linear"))
    search = GridSearchCV(pipe, {"lbptop__grid": [RegionGrid((1,)), SMALL]}, cv=3).fit(X, y)
    assert search.best_params_["lbptop__grid"] in (RegionGrid((1,)), SMALL)
    assert list(search.predict(X)) == y


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"radius": 0}, ValueError, "radius: expected a whole number >= 1, got 0"),
        ({"radius": 1.5}, TypeError, "radius: expected a whole number >= 1, got 1.5"),
        ({"radius": True}, TypeError, "radius: expected a whole number >= 1, got True"),
        ({"n_points": 0}, ValueError, "n_points: expected a whole number >= 1 and <= 16, got 0"),
        ({"n_points": 17}, ValueError, "n_points: expected a whole number >= 1 and <= 16, got 17"),
        ({"n_points": "8"}, TypeError, "n_points: expected a whole number >= 1 and <= 16, got '8'"),
        ({"uniform": "yes"}, TypeError, "uniform: expected True or False, got 'yes'"),
        (
            {"interpolation": "cubic"},
            ValueError,
            "interpolation: expected one of ('bilinear', 'nearest'), got 'cubic'",
        ),
        (
            {"grid": (1, 2)},
            TypeError,
            "grid: expected a RegionGrid, LandmarkRegions or None, got (1, 2)",
        ),
    ],
)
def test_parameters_are_checked_by_fit(parameters, error, message):
    lbp_top = LBPTOP(**parameters)
    with pytest.raises(error, match=re.escape(message)):
        lbp_top.fit()


@pytest.mark.parametrize(
    ("clip", "error", "message"),
    [
        (
            np.zeros((6, 12, 12), np.uint8),
            ValueError,
            "clip 1: got 6 frames of 12 x 12 pixels; LBPTOP with these parameters needs at "
            "least 7 frames",
        ),
        (
            np.zeros((7, 8, 7), np.uint8),
            ValueError,
            "clip 1: got 7 frames of 8 x 7 pixels; a border of 3 pixels and a grid of 2 x 2 "
            "regions need at least 8 x 8 pixels",
        ),
        (
            FakeClip(np.zeros((0, 12, 12), np.uint8)),
            ValueError,
            "clip 'casme2/sub01/EP02_01f': expected at least one frame",
        ),
        (
            FakeClip(np.zeros((7, 12, 12, 3), np.uint8)),
            ValueError,
            "clip 'casme2/sub01/EP02_01f': expected grey frames of shape (T, H, W), got colour "
            "frames of shape (7, 12, 12, 3); convert the clip to grey first",
        ),
        (
            np.zeros((12, 12), np.uint8),
            ValueError,
            "clip 1: expected frames of shape (T, H, W), got shape (12, 12)",
        ),
        (
            np.full((7, 12, 12), np.nan),
            TypeError,
            "clip 1: expected frames of dtype uint8, got float64",
        ),
        ("video.avi", TypeError, "clip 1: expected a Clip or an array of shape (T, H, W), got str"),
    ],
)
def test_clips_are_checked_by_transform(clips, clip, error, message):
    lbp_top = LBPTOP(grid=SMALL).fit()
    with pytest.raises(error, match=re.escape(message)):
        lbp_top.transform([clips[0], clip])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "X: got no clip, expected at least one"),
        (np.zeros((0, 7, 12, 12), np.uint8), ValueError, "X: got no clip"),
        (
            np.zeros((7, 12, 12), np.uint8),
            ValueError,
            "X: expected a sequence of clips or one array of shape (n_clips, T, H, W), got one "
            "array of shape (7, 12, 12)",
        ),
        (
            FakeClip(np.zeros((7, 12, 12), np.uint8)),
            TypeError,
            "X: expected a sequence of clips, got one FakeClip; wrap it in a list",
        ),
        (3, TypeError, "X: expected a sequence of clips, got int"),
    ],
)
def test_collections_are_checked_by_transform(X, error, message):
    lbp_top = LBPTOP(grid=SMALL).fit()
    with pytest.raises(error, match=re.escape(message)):
        lbp_top.transform(X)


def test_nothing_is_learnt_so_transform_needs_no_fit(clips):
    lbp_top = LBPTOP(grid=SMALL)
    np.testing.assert_array_equal(
        lbp_top.transform(clips), LBPTOP(grid=SMALL).fit(clips).transform(clips)
    )
    assert not hasattr(lbp_top, "grid_")
    assert len(lbp_top.get_feature_names_out()) == 5 * 177
    with pytest.raises(ValueError, match="radius"):
        LBPTOP(radius=0).transform(clips)


def test_codes_are_what_is_counted(clips):
    model = LBPTOP(radius=2, grid=RegionGrid((1,)), uniform=False)
    planes = model.codes(clips[3])
    assert list(planes) == ["xy", "xt", "yt"]
    counted = [np.bincount(codes.ravel(), minlength=256) for codes in planes.values()]
    expected = model.transform(clips[3:]).reshape(3, 256) * planes["xy"].size
    np.testing.assert_allclose(counted, expected)
    with pytest.raises(ValueError, match="clip 0: got 2 frames"):
        model.codes(clips[3][:2])
