"""HOG-TOP and HIGO-TOP equal their definition; bins follow the orientation of what is seen."""

import math

import numpy as np
import pytest
from voxels import PLANES, at, histograms, side_by_side

from cdmer.features import HIGOTOP, HOGTOP, RegionGrid
from cdmer.features._gradients import _orientation_bins

LEVELS = (1, 2)


def reference(volume, n_bins, weighted):
    def vote_in(plane):
        row_axis, column_axis = PLANES[plane]

        def vote(voxel):
            first, second = (
                at(volume, voxel, {axis: 1}) - at(volume, voxel, {axis: -1})
                for axis in (column_axis, row_axis)
            )
            if not first and not second:
                return None
            angle = math.atan2(second, first) % math.pi
            distances = [
                min(abs(angle - k * math.pi / n_bins), math.pi - abs(angle - k * math.pi / n_bins))
                for k in range(n_bins)
            ]
            return int(np.argmin(distances)), math.hypot(first, second) if weighted else 1.0

        return vote

    return side_by_side(
        [histograms(volume.shape, (1, 1), LEVELS, n_bins, vote_in(plane)) for plane in PLANES]
    )


@pytest.mark.parametrize("grey", [4, 256])
@pytest.mark.parametrize("n_bins", [4, 8, 16])  # no pair of integers lies on an edge
@pytest.mark.parametrize(("cls", "weighted"), [(HIGOTOP, False), (HOGTOP, True)])
def test_equals_the_definition(cls, weighted, n_bins, grey):
    volume = np.random.default_rng(n_bins).integers(0, grey, size=(5, 7, 6)).astype(np.uint8)
    row = cls(n_bins, grid=RegionGrid(LEVELS)).fit_transform([volume])[0]
    np.testing.assert_allclose(row, reference(volume, n_bins, weighted), atol=1e-13)


def test_no_pair_of_differences_lies_on_an_edge_of_eight_bins():
    values = np.arange(-255, 256)
    angle = np.arctan2(values[None, :], values[:, None])
    place = np.mod(angle, np.pi) * 8 / np.pi + 0.5
    place = np.delete(place.ravel(), 255 * 511 + 255)
    # The next edge is 1e-6 bins away, rounding is 1e-14.
    assert np.abs(place - np.rint(place)).min() > 1e-6


@pytest.mark.parametrize("n_bins", [2, 3, 5, 8, 9])
def test_opposite_gradients_share_a_bin_and_mirrored_ones_mirrored_bins(n_bins):
    bins = _orientation_bins(n_bins).reshape(511, 511)
    np.testing.assert_array_equal(bins, bins[::-1, ::-1])
    if n_bins == 8:  # elsewhere pairs on an edge fall to the higher angle
        voted = bins < n_bins
        np.testing.assert_array_equal(bins[::-1][voted], (-bins.astype(int))[voted] % n_bins)
    assert set(bins.ravel()) == set(range(n_bins + 1))
    assert (bins == n_bins).sum() == 1


def test_mirror_permutes_bins():
    volume = np.random.default_rng(0).integers(0, 99, size=(7, 12, 12), dtype=np.uint8)
    for cls in (HIGOTOP, HOGTOP):
        model = cls(grid=RegionGrid((2,)))
        row = model.fit_transform([volume])[0].reshape(2, 2, 3, 8)
        mirrored = model.fit_transform([volume[:, :, ::-1]])[0].reshape(2, 2, 3, 8)
        expected = row[:, ::-1].copy()
        expected[:, :, :2] = expected[:, :, :2][..., [0, 7, 6, 5, 4, 3, 2, 1]]
        np.testing.assert_allclose(mirrored, expected, atol=1e-14)


def test_negative_and_brighter_clips_are_the_same():
    volume = np.random.default_rng(0).integers(0, 99, size=(7, 12, 12), dtype=np.uint8)
    for cls in (HIGOTOP, HOGTOP):
        rows = cls().fit_transform([volume, 255 - volume, volume + np.uint8(100)])
        np.testing.assert_allclose(rows[1:], rows[:1].repeat(2, axis=0), atol=1e-14)


@pytest.mark.parametrize(("speed", "expected"), [(1, 6), (-1, 2), (0, 0)])
def test_motion_shows_in_xt(speed, expected):
    """Edges that move right at one pixel per frame: g_t = -g_x, the orientation 135°."""
    t, _, x = np.meshgrid(np.arange(9), np.arange(12), np.arange(20), indexing="ij")
    volume = (100 + 3 * (x - speed * t)).astype(np.uint8)
    row = HIGOTOP(grid=RegionGrid((1,))).fit_transform([volume])[0].reshape(3, 8)
    assert row[1, expected] == 1


def test_a_still_grey_clip_has_no_votes():
    for cls in (HIGOTOP, HOGTOP):
        assert not cls().fit_transform([np.full((5, 20, 20), 7, dtype=np.uint8)]).any()
