"""The regions partition the face at every level."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from cdmer.adaptation import SourceOnly
from cdmer.corpora import make_synthetic_corpus
from cdmer.features import LBPTOP, LandmarkRegions, RegionGrid


@pytest.mark.parametrize("levels", [(1,), (1, 2, 4, 8), (3, 5), (2, 1, 2)])
@pytest.mark.parametrize("size", [(8, 8), (9, 13), (53, 31), (106, 106)])
def test_every_pixel_lies_in_one_region_of_each_level(levels, size):
    grid = RegionGrid(levels)
    boxes = grid.boxes(*size)
    assert boxes.shape == (grid.n_regions, 4) == (len(grid.names), 4)
    start = 0
    for level in levels:
        covered = np.zeros(size, dtype=int)
        of_level = boxes[start : start + level**2]
        for top, bottom, left, right in of_level:
            covered[top:bottom, left:right] += 1
        assert (covered == 1).all()
        assert np.ptp(of_level[:, 1] - of_level[:, 0]) <= 1
        assert np.ptp(of_level[:, 3] - of_level[:, 2]) <= 1
        start += level**2


def test_order_is_level_by_level_and_row_by_row():
    grid = RegionGrid()
    assert grid.n_regions == 85
    assert grid.names[:6] == ["l1r0c0", "l2r0c0", "l2r0c1", "l2r1c0", "l2r1c1", "l4r0c0"]
    assert grid.names[-1] == "l8r7c7"
    boxes = grid.boxes(106, 106)
    np.testing.assert_array_equal(boxes[0], [0, 106, 0, 106])
    np.testing.assert_array_equal(boxes[2], [0, 53, 53, 106])
    np.testing.assert_array_equal(boxes[22], [0, 13, 13, 26])


def test_a_level_nests_in_the_levels_that_divide_it():
    edges = [set(RegionGrid((level,)).boxes(107, 107)[:, 0]) for level in (1, 2, 4, 8)]
    assert edges[0] < edges[1] < edges[2] < edges[3]


def test_is_a_value():
    assert RegionGrid([1, 2]) == RegionGrid((1, 2)) != RegionGrid((2, 1))
    assert hash(RegionGrid([1, 2])) == hash(RegionGrid((1, np.int64(2))))
    assert repr(RegionGrid()) == "RegionGrid(levels=(1, 2, 4, 8), overlap=0)"
    assert eval(repr(RegionGrid((3,)))) == RegionGrid((3,))
    assert pickle.loads(pickle.dumps(RegionGrid((3,)))) == RegionGrid((3,))
    assert clone(LBPTOP(grid=RegionGrid((3,)))).grid == RegionGrid((3,))


def landmarker(frame):
    raise RuntimeError("no face in sight")


@pytest.mark.parametrize(
    ("regions", "params", "changed"),
    [
        (RegionGrid([1, np.int64(2)], 0.5), {"levels": (1, 2), "overlap": 0.5}, {"levels": (4,)}),
        (RegionGrid(), {"levels": (1, 2, 4, 8), "overlap": 0}, {"levels": [3], "overlap": 0.2}),
        (LandmarkRegions(landmarker), {"landmarker": landmarker, "side": 0.4}, {"side": 0.3}),
    ],
)
def test_parameters_are_those_of_an_estimator(regions, params, changed):
    assert regions.get_params() == params
    copy = clone(regions)
    assert copy == regions
    assert copy is not regions
    assert hash(copy) == hash(regions)
    assert copy.set_params(**changed) is copy
    assert copy == type(regions)(**(params | changed))
    assert hash(copy) == hash(type(regions)(**(params | changed)))
    assert regions.get_params() == params
    assert copy.set_params() is copy


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"level": (1,)},
            r"params: expected parameters of RegionGrid, \['levels', 'overlap'\], got",
        ),
        ({"overlap": 0.5, "levels": ()}, "levels: expected one or more integers >= 1"),
        ({"levels": (1,), "overlap": 2}, "overlap: expected a finite number"),
    ],
)
def test_parameters_that_are_refused_change_nothing(params, message):
    grid = RegionGrid((1, 2))
    with pytest.raises(ValueError, match=message):
        grid.set_params(**params)
    assert grid == RegionGrid((1, 2))


def test_a_search_varies_the_regions():
    clips = list(make_synthetic_corpus("webcam-25fps", n_clips=12, random_state=0))
    y = np.arange(12) % 2
    pipeline = make_pipeline(LBPTOP(radius=1, grid=RegionGrid((4,))), SourceOnly())
    search = GridSearchCV(pipeline, {"lbptop__grid__levels": [(1,), (1, 2)]}, cv=2)
    search.fit(clips, y)
    n_features = [
        clone(pipeline).set_params(**params)[:-1].fit_transform(clips).shape[1]
        for params in search.cv_results_["params"]
    ]
    assert n_features == [177, 5 * 177]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert pipeline[0].grid == RegionGrid((4,))


@pytest.mark.parametrize("levels", [8, "18", (1, 2.0), (1, True), None])
def test_levels_of_the_wrong_type(levels):
    with pytest.raises(TypeError, match=r"levels: expected a tuple of integers, got "):
        RegionGrid(levels)


@pytest.mark.parametrize("levels", [(), (0, 1), (-2,)])
def test_levels_out_of_range(levels):
    with pytest.raises(ValueError, match=r"levels: expected one or more integers >= 1, got \("):
        RegionGrid(levels)


def test_area_too_small():
    with pytest.raises(ValueError, match=r"area of 8 x 7 pixels cannot hold a grid of 8 x 8"):
        RegionGrid().boxes(8, 7)
