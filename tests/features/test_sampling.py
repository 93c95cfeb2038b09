"""Integer weights decide like real numbers, ties included."""

import math

import numpy as np
import pytest

from cdmer._vision.sampling import neighbours


def taps(point):
    return {(row, column): w for column, pairs in point.columns for row, w in pairs}


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("radius", [1, 3, 7])
def test_points_on_the_axes_are_not_interpolated(radius, interpolation):
    points = neighbours(radius, 4, interpolation)
    expected = [(0, radius), (-radius, 0), (0, -radius), (radius, 0)]
    assert [taps(p) for p in points] == [{place: 1} for place in expected]


def test_half_pixels_are_rounded_away_from_the_centre():
    # At radius 3, points 1, 2, 4 and 5 of 6 lie half a pixel off in x: 3 cos(60°) = 1.5.
    columns = [p.columns[0][0] for p in neighbours(3, 6, "nearest")]
    assert columns == [3, 2, -2, -3, -2, 2]


@pytest.mark.parametrize("n_points", [1, 2, 3, 5, 8, 12, 16])
@pytest.mark.parametrize("radius", [1, 2, 3, 5])
def test_weights_are_bilinear(radius, n_points):
    for p, point in enumerate(neighbours(radius, n_points, "bilinear")):
        angle = 2 * math.pi * p / n_points
        weights = taps(point)
        assert sum(weights.values()) == point.unit
        assert 255 * point.unit < 2**31
        assert (2 * point.slack(255) + 2) / point.unit < 3e-5 or point.slack(255) == 0
        for axis, place in enumerate([-radius * math.sin(angle), radius * math.cos(angle)]):
            mean = sum(w * at[axis] for at, w in weights.items()) / point.unit
            assert mean == pytest.approx(place, abs=1e-6)
            assert all(abs(at[axis] - place) < 1 for at in weights)


@pytest.mark.parametrize("radius", range(1, 11))
def test_eight_points_decide_exactly_for_every_neighbourhood(radius):
    r"""Compare the integer rule with exact arithmetic in Z[√2] over all uint8 differences.

    With differences a, b, c to the centre (b of the two pixels of equal weight together), k the
    whole and f the fractional part of R/√2, the weighted sum is

        a (1-f)² + b f(1-f) + c f² = (u + v √2) / 2,    u and v integers.

    It rises with b, as the integer rule does. So for each (a, c) the two agree for all b if they
    agree next to the zero.
    """
    k = math.floor(radius / math.sqrt(2))
    # f = R√2/2 - k and f² = (R²/2 + k²) - kR√2, both doubled: whole part, part of √2.
    f, f2 = np.array([-2 * k, radius]), np.array([radius**2 + 2 * k**2, -2 * k * radius])
    exact = np.array([[2, 0] - 2 * f + f2, f - f2, f2])
    weights = sorted(taps(neighbours(radius, 8, "bilinear")[1]).items())
    sides = sorted(weights, key=lambda tap: abs(tap[0][0]) + abs(tap[0][1]))
    integer = [sides[0][1], sides[1][1], sides[3][1]]
    assert sides[1][1] == sides[2][1]
    slack = neighbours(radius, 8, "bilinear")[1].slack(255)

    a, c = np.meshgrid(np.arange(-255, 256), np.arange(-255, 256))
    w = exact @ [1, math.sqrt(2)]
    zero = np.floor(-(a * w[0] + c * w[2]) / w[1]).astype(int)
    for b in (zero - 1, zero, zero + 1, zero + 2):
        b = np.clip(b, -510, 510)
        u, v = (a * exact[0, i] + b * exact[1, i] + c * exact[2, i] for i in range(2))
        # u + v√2 >= 0, without √2: compare u|u| with -2v|v|.
        truth = u * np.abs(u) >= -2 * v * np.abs(v)
        rule = a * integer[0] + b * integer[1] + c * integer[2] >= -slack
        np.testing.assert_array_equal(rule, truth)


def test_a_tie_that_is_not_flat():
    # At radius 3 this neighbourhood averages to the centre exactly: -(1-f)² + 6f(1-f) + 9f² = 0.
    point = neighbours(3, 8, "bilinear")[1]
    differences = {(-2, 2): -1, (-2, 3): 2, (-3, 2): 4, (-3, 3): 9}
    assert taps(point).keys() == differences.keys()
    assert sum(w * differences[at] for at, w in taps(point).items()) == 0
