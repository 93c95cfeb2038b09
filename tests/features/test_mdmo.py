"""MDMO: the main bin of each region and frame, and means of vectors, not of angles."""

import math

import numpy as np
import pytest

from cdmer.features import MDMO, OpticalFlow, RegionGrid, optical_flow

GRID = RegionGrid((1, 3), overlap=0.3)
BOXES = GRID.boxes(18, 15)


def field(n=5, seed=0, height=18, width=15):
    flow = np.random.default_rng(seed).standard_normal((n, height, width, 2)).astype(np.float32)
    flow[1] += 2  # one frame with a clear direction
    flow[:, :4, :4] = 0
    return flow


def without_ties():
    """A field in which each frame has a direction that clearly prevails in every region."""
    rng = np.random.default_rng(1)
    drift = np.pi / 4 * (rng.integers(8, size=(5, 1, 1)) + 0.5)
    drift = np.stack([np.cos(drift), np.sin(drift)], axis=-1)
    return 2 * drift + 0.5 * rng.standard_normal((5, 18, 15, 2))


def by_loops(flow, boxes, n_bins=8):
    means = np.zeros((len(boxes), 2))
    for region, (top, bottom, left, right) in enumerate(boxes):
        for frame in flow:
            bins = [[] for _ in range(n_bins)]
            for u, v in frame[top:bottom, left:right].reshape(-1, 2).tolist():
                if u or v:
                    angle = math.atan2(v, u) % (2 * math.pi)
                    bins[int(angle / (2 * math.pi / n_bins))].append((u, v))
            main = max(bins, key=len)
            if main:
                means[region] += np.mean(main, axis=0) / len(flow)
    rho = np.hypot(*means.T)
    theta = [math.atan2(v, u) if u or v else 0 for u, v in means]
    return np.stack([rho / (rho.max() or 1), theta], axis=1)


def turned(flow, angle):
    c, s = math.cos(angle), math.sin(angle)
    u, v = flow[..., 0], flow[..., 1]
    return np.stack([c * u - s * v, s * u + c * v], axis=-1)


@pytest.mark.parametrize("n_bins", [2, 5, 8])
@pytest.mark.parametrize("n_frames", [2, 5])
def test_is_what_loops_find(n_bins, n_frames):
    rows = MDMO(n_bins=n_bins)._describe(field(n_frames), BOXES)
    np.testing.assert_allclose(rows, by_loops(field(n_frames), BOXES, n_bins), atol=1e-12)


def test_is_what_loops_find_in_a_clip():
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, size=(4, 30, 36), dtype=np.uint8)
    flow = np.stack([optical_flow(clip[0], later, "farneback") for later in clip[1:]])
    boxes = RegionGrid((6,)).boxes(30, 36)
    np.testing.assert_allclose(
        MDMO().transform([clip])[0].reshape(36, 2), by_loops(flow, boxes), atol=1e-10
    )


def test_frames_average_as_vectors():
    """179° and -179° average to 180°, and opposite ones cancel out."""
    flow = np.zeros((2, 2, 4, 2))
    for frame, degrees in enumerate((179, -179)):
        flow[frame, :, :2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    flow[0, :, 2:], flow[1, :, 2:] = (0, 3), (0, -3)
    rho, theta = MDMO()._describe(flow, [(0, 2, 0, 2), (0, 2, 2, 4)]).T
    np.testing.assert_allclose(rho, [1, 0], atol=1e-15)
    assert abs(theta[0]) == pytest.approx(np.pi)
    assert theta[1] == 0


def test_the_main_bin_has_most_vectors_not_most_motion():
    flow = np.array([[1, 0.1], [1, 0.2], [2, 0.3], [-50, -1], [-60, -1]])[None, None]
    ((_, theta),) = MDMO()._describe(flow, [(0, 1, 0, 5)])
    assert theta == pytest.approx(math.atan2(0.6, 4))


def test_vectors_of_length_0_have_no_direction():
    flow = np.zeros((1, 1, 9, 2))
    flow[0, 0, 4] = -1, -2
    ((rho, theta),) = MDMO()._describe(flow, [(0, 1, 0, 9)])
    assert (rho, theta) == (1, pytest.approx(math.atan2(-2, -1)))


def test_of_bins_alike_the_first_one_counts():
    flow = np.array([[-1, -0.2], [1, 0.2], [-1, -0.1], [1, 0.1]])[None, None]
    ((_, theta),) = MDMO()._describe(flow, [(0, 1, 0, 4)])
    assert theta == pytest.approx(math.atan2(0.3, 2))


def test_rest_gives_zeros():
    still = np.full((4, 24, 24), 7, np.uint8)
    np.testing.assert_array_equal(MDMO().transform([still]), np.zeros((1, 72)))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_turning_the_vectors_turns_the_angles(k):
    flow = without_ties()
    rho, theta = MDMO()._describe(flow, BOXES).T
    rho_turned, theta_turned = MDMO()._describe(turned(flow, k * math.pi / 4), BOXES).T
    np.testing.assert_allclose(rho_turned, rho, atol=1e-12)
    moved = np.remainder(theta_turned - theta - k * math.pi / 4 + 1, 2 * math.pi) - 1
    np.testing.assert_allclose(moved, 0, atol=1e-12)


def test_a_mirror_mirrors_the_vectors():
    boxes = RegionGrid((3,)).boxes(18, 15)
    flow = without_ties()
    rho, theta = MDMO()._describe(flow, boxes).T.reshape(2, 3, 3)
    mirrored = flow[:, :, ::-1] * np.array([-1, 1])
    rho_m, theta_m = MDMO()._describe(mirrored, boxes).T.reshape(2, 3, 3)
    np.testing.assert_allclose(rho_m, rho[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(np.cos(theta_m), -np.cos(theta[:, ::-1]), atol=1e-12)
    np.testing.assert_allclose(np.sin(theta_m), np.sin(theta[:, ::-1]), atol=1e-12)


def test_amplitude_is_lost():
    flow = field().astype(float)
    np.testing.assert_allclose(
        MDMO()._describe(7 * flow, BOXES), MDMO()._describe(flow, BOXES), atol=1e-12
    )
    assert MDMO()._describe(flow, BOXES)[:, 0].max() == 1


def test_slabs_change_nothing(monkeypatch):
    expected = MDMO()._describe(field(7), BOXES)
    for pixels in (1, 18 * 15 * 2):
        monkeypatch.setattr("cdmer.features._flow.descriptor._SLAB", pixels)
        np.testing.assert_allclose(MDMO()._describe(field(7), BOXES), expected, atol=1e-13)


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_other_libraries_find_the_same(library):
    xp = pytest.importorskip(library)
    rows = MDMO()._describe(xp.asarray(field()), BOXES)
    assert isinstance(rows, type(xp.asarray(field())))
    np.testing.assert_allclose(np.asarray(rows), MDMO()._describe(field(), BOXES), atol=1e-12)


def test_defaults_are_those_of_the_paper():
    model = MDMO().fit()
    names = model.get_feature_names_out()
    assert len(names) == 72
    assert list(names[:3]) == ["l6r0c0_rho", "l6r0c0_theta", "l6r0c1_rho"]
    np.testing.assert_array_equal(model.feature_groups_, np.repeat(np.arange(36), 2))
    clip = np.random.default_rng(0).integers(0, 256, size=(1, 3, 48, 48), dtype=np.uint8)
    expected = MDMO(flow=OpticalFlow("farneback", "onset")).transform(clip)
    np.testing.assert_array_equal(model.transform(clip), expected)
    assert (MDMO(flow=OpticalFlow("dis")).transform(clip) != expected).any()
