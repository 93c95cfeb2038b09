"""HellingerMap and PlaneSelector."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from cdmer.features import LBPTOP, HellingerMap, PlaneSelector, RegionGrid, lbp_top_planes


@parametrize_with_checks([HellingerMap()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_distances_after_the_map_are_hellingers():
    p, q = np.random.default_rng(0).dirichlet(np.ones(59), size=2)
    mapped = HellingerMap().fit_transform([p, q])
    affinity = np.sum(np.sqrt(p * q))
    assert np.sum((mapped[0] - mapped[1]) ** 2) == pytest.approx(2 - 2 * affinity)


def test_planes_agree_with_the_names_of_the_columns():
    clips = [np.random.default_rng(0).integers(0, 256, (8, 20, 20), dtype=np.uint8)]
    grid = RegionGrid(levels=(1, 2))
    descriptor = LBPTOP(radius=1, grid=grid)
    features = descriptor.fit_transform(clips)
    planes = lbp_top_planes(levels=(1, 2))
    names = descriptor.get_feature_names_out()
    assert [name.split("_")[1] for name in names] == planes.tolist()
    selector = PlaneSelector(planes).fit(features)
    kept = selector.get_feature_names_out(names)
    assert not any("_xy_" in name for name in kept)
    np.testing.assert_array_equal(
        selector.transform(features), features[:, [n in set(kept) for n in names]]
    )


def test_published_planes_divide_whole_faces(published):
    """Each plane's histograms of a level count every voxel of the face, so they sum to n²."""
    X = published("casme2").features
    planes = lbp_top_planes("published")
    assert len(planes) == X.shape[1] == 15045
    for plane in ("xy", "xt", "yt"):
        np.testing.assert_allclose(X[:, planes == plane].sum(axis=1), 85)
    # What the eye sees and what moves: a still face would have flat codes in time alone.
    start = 0
    for n in (1, 2, 4, 8):
        level = X[:, start : start + 3 * n * n * 59]
        named = planes[start : start + 3 * n * n * 59]
        for plane in ("xy", "xt", "yt"):
            histograms = level[:, named == plane].reshape(len(X), -1, 59)
            np.testing.assert_allclose(histograms.sum(axis=2), 1)
        start += 3 * n * n * 59


def test_bad_input():
    X = np.ones((3, 6))
    with pytest.raises(ValueError, match="HellingerMap takes histograms"):
        HellingerMap().fit(-X)
    with pytest.raises(ValueError, match=r"column_planes: .*\(6,\), got \(5,\)"):
        PlaneSelector(["xt"] * 5).fit(X)
    with pytest.raises(ValueError, match=r"planes: expected some of \['xy'\]"):
        PlaneSelector(["xy"] * 6).fit(X)
    with pytest.raises(ValueError, match="layout: expected"):
        lbp_top_planes("theirs")
