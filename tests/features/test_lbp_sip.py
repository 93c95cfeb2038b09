"""LBP-SIP equals its definition, voxel by voxel."""

import numpy as np
import pytest
from voxels import at, histograms, side_by_side

from cdmer.features import LBPSIP, RegionGrid

T, Y, X = 0, 1, 2


def reference(volume, radius, levels):
    def spatial(voxel):
        neighbours = [{X: radius}, {Y: -radius}, {X: -radius}, {Y: radius}]
        return code(voxel, neighbours)

    def temporal(voxel):
        return code(voxel, [{T: radius}, {T: -radius}])

    def code(voxel, neighbours):
        centre = int(volume[voxel])
        return sum((at(volume, voxel, n) >= centre) << p for p, n in enumerate(neighbours))

    border = (radius, radius)
    return side_by_side(
        [histograms(volume.shape, border, levels, n, f) for n, f in ((16, spatial), (4, temporal))]
    )


@pytest.mark.parametrize("grey", [3, 256])
@pytest.mark.parametrize("radius", [1, 2, 3])
def test_equals_the_definition(radius, grey):
    rng = np.random.default_rng(radius)
    volume = rng.integers(0, grey, size=(2 * radius + 3, 2 * radius + 5, 2 * radius + 4)).astype(
        np.uint8
    )
    row = LBPSIP(radius, grid=RegionGrid((1, 2, 3))).fit_transform([volume])[0]
    np.testing.assert_allclose(row, reference(volume, radius, (1, 2, 3)), atol=1e-14)


def test_mirror_swaps_left_and_right():
    volume = np.random.default_rng(0).integers(0, 9, size=(9, 14, 14), dtype=np.uint8)
    grid = RegionGrid((2,))
    row = LBPSIP(1, grid=grid).fit_transform([volume])[0].reshape(2, 2, 20)
    mirrored = LBPSIP(1, grid=grid).fit_transform([volume[:, :, ::-1]])[0].reshape(2, 2, 20)
    swapped = [c & 0b1010 | (c & 1) << 2 | c >> 2 & 1 for c in range(16)]
    order = [*swapped, 16, 17, 18, 19]
    np.testing.assert_allclose(mirrored, row[:, ::-1][..., order])


def test_names():
    names = LBPSIP(grid=RegionGrid((1,))).get_feature_names_out()
    assert names[0] == "l1r0c0_space_0"
    assert names[-1] == "l1r0c0_time_3"
    assert len(names) == 20
