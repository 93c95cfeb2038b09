"""LPQ-TOP equals the transform written out place by place, and keeps what blur keeps."""

import cmath
import math
import re

import numpy as np
import pytest
from voxels import PLANES, at, histograms, side_by_side

from cdmer.features import LPQTOP, RegionGrid
from cdmer.features._lpq_top import _phase_codes, _transform

LEVELS = (1, 2)


def coefficients(volume, voxel, axes, size):
    """Real parts at the four frequencies, then imaginary parts."""
    a, reach = 1 / size, range(-(size // 2), size // 2 + 1)
    values = []
    for row_frequency, column_frequency in ((0, a), (a, 0), (a, a), (a, -a)):
        values.append(
            sum(
                at(volume, voxel, {axes[0]: r, axes[1]: c})
                * cmath.exp(-2j * math.pi * (row_frequency * r + column_frequency * c))
                for r in reach
                for c in reach
            )
        )
    return np.array([v.real for v in values] + [v.imag for v in values])


def decorrelation(size, rho):
    """Eigenvectors of the covariance of the eight numbers under the model of neighbours."""
    places = [
        (r, c)
        for r in range(-(size // 2), size // 2 + 1)
        for c in range(-(size // 2), size // 2 + 1)
    ]

    def basis(voxel):
        grid = np.zeros((size, size), dtype=np.uint8)
        grid[voxel[0] + size // 2, voxel[1] + size // 2] = 1
        return coefficients(grid, (size // 2, size // 2), (0, 1), size)

    linear = np.array([basis(place) for place in places]).T
    covariance = np.array(
        [
            [
                math.exp(
                    -math.hypot((p[0] - q[0]) * math.log(rho[0]), (p[1] - q[1]) * math.log(rho[1]))
                )
                for q in places
            ]
            for p in places
        ]
    )
    full = linear @ covariance @ linear.T
    # Real and imaginary parts, each by parity: even-even, odd-odd, odd-even, even-odd.
    a = math.sqrt(0.5)
    kinds = [
        [[1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, a, a, 0, 0, 0, 0]],
        [[0, 0, a, -a, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, a, a]],
        [[0, 0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, a, -a]],
    ]
    vectors = []
    for kind in map(np.array, kinds):
        values, columns = np.linalg.eig(kind @ full @ kind.T)
        for k in np.argsort(-values):
            vector = columns[:, k]
            vectors.append(next(np.sign(v) for v in vector if abs(v) > 1e-3) * vector @ kind)
    vectors = np.array(vectors)
    result = vectors @ full @ vectors.T
    np.testing.assert_allclose(result, np.diag(np.diag(result)), atol=1e-9 * result.max())
    return vectors


def reference(volume, windows, correlation):
    reach = max(windows) // 2

    def vote_in(plane, size):
        axes = PLANES[plane]
        turn = np.eye(8)
        if correlation is not None:
            turn = decorrelation(size, [correlation[1 if axis == 0 else 0] for axis in axes])

        def vote(voxel):
            numbers = turn @ coefficients(volume, voxel, axes, size)
            return sum(int(number >= -1e-8) << bit for bit, number in enumerate(numbers))

        return vote

    return side_by_side(
        [
            histograms(volume.shape, (reach, reach), LEVELS, 256, vote_in(plane, size))
            for plane, size in zip(PLANES, windows, strict=True)
        ]
    )


@pytest.mark.parametrize("correlation", [None, (0.1, 0.1), (0.9, 0.3)])
@pytest.mark.parametrize("windows", [(3, 3, 3), (5, 5, 5), (5, 3, 7)])
def test_equals_the_definition(windows, correlation):
    border = 2 * (max(windows) // 2)
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 256, size=(border + 3, border + 4, border + 3), dtype=np.uint8)
    volume[:, :3, :3] = 90  # and some that is flat
    row = LPQTOP(windows, correlation, grid=RegionGrid(LEVELS)).fit_transform([volume])[0]
    np.testing.assert_allclose(row, reference(volume, windows, correlation), atol=1e-13)


def test_columns():
    model = LPQTOP(grid=RegionGrid((1,))).fit()
    assert model.feature_groups_.size == 768
    assert model.get_feature_names_out()[-1] == "l1r0c0_yt_255"


def test_flat_places_have_all_bits_and_brightness_adds_nothing():
    flat = np.full((6, 12, 12), 200, dtype=np.uint8)
    row = LPQTOP(grid=RegionGrid((1,))).fit_transform([flat])[0].reshape(3, 256)
    np.testing.assert_array_equal(row[:, 255], 1)
    clip = np.random.default_rng(0).integers(0, 100, size=(8, 20, 20), dtype=np.uint8)
    clip[:, 10:] = clip[:, 10:] // 20  # many ties
    rows = LPQTOP().fit_transform([clip, clip + np.uint8(155)])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_codes_do_not_depend_on_the_pieces(monkeypatch):
    import cdmer.features._lpq_top as module

    clip = np.random.default_rng(0).integers(0, 256, size=(9, 15, 14), dtype=np.uint8)
    arguments = (clip, (0, 2), 5, 2, _transform(5, (0.1, 0.1)))
    expected = _phase_codes(*arguments)
    for chunk in (1, 7, 100, 10**9):
        monkeypatch.setitem(module._CHUNK, "cpu", chunk)
        np.testing.assert_array_equal(_phase_codes(*arguments), expected)


def test_blur_keeps_most_phases_of_the_frames():
    """A point-symmetric blur leaves phases below its first zero; LBP has no such property."""
    from scipy.ndimage import uniform_filter

    rng = np.random.default_rng(0)
    clip = uniform_filter(rng.integers(0, 256, size=(7, 60, 60)).astype(float), (0, 3, 3))
    sharp = np.rint(clip).astype(np.uint8)
    blurred = np.rint(uniform_filter(clip, (0, 3, 3))).astype(np.uint8)
    codes = [_phase_codes(c, (1, 2), 7, 3, _transform(7, None)) for c in (sharp, blurred)]
    differing = np.bitwise_count(codes[0] ^ codes[1]).mean() / 8
    assert differing < 0.1
    negative = _phase_codes(255 - sharp, (1, 2), 7, 3, _transform(7, None))
    assert np.bitwise_count(codes[0] ^ negative).mean() / 8 > 0.9


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"windows": (5, 5)}, "windows: expected three sizes, got (5, 5)"),
        ({"windows": 5}, "windows: expected three sizes, got 5"),
        ({"windows": (5, 4, 5)}, "windows: expected odd sizes, got (5, 4, 5)"),
        ({"windows": (5, 1, 5)}, "windows: expected a whole number >= 3 and <= 15, got 1"),
        ({"correlation": 0.1}, "correlation: expected two numbers or None, got 0.1"),
        ({"correlation": (0.1, 0)}, "correlation: expected a finite number > 0"),
        ({"correlation": (0.1, 1.0)}, "correlation: expected a finite number > 0"),
    ],
)
def test_parameters(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        LPQTOP(**parameters).fit()
