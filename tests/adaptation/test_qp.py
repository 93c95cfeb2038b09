"""The quadratic program solver against optimality conditions, SLSQP and a closed form."""

import re

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from cdmer.adaptation._qp import box_with_sum, solve_qp


def program(seed, rank, slack, n=6, m=9):
    """A program with a box, so that it is bounded, and random half-spaces around a known point."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, rank)) * np.geomspace(3, 0.1, rank)
    inside = rng.normal(size=n)
    G = np.vstack([rng.normal(size=(m, n)), np.eye(n), -np.eye(n)])
    h = G @ inside + slack * rng.uniform(0.1, 1, size=len(G))
    return root @ root.T, 3 * rng.normal(size=n), G, h


def check_kkt(P, q, G, h, x, z, tolerance=1e-6):
    size = max(np.abs(P @ x).max(), np.abs(q).max(), np.abs(G.T @ z).max())
    assert np.abs(P @ x + q + G.T @ z).max() <= tolerance * size
    assert (G @ x - h).max() <= tolerance * max(1, np.abs(h).max())
    assert (z >= 0).all()
    # Relative to the objective's own terms: a multiplier's size has no meaning on its own.
    assert np.abs(z * (h - G @ x)).max() <= tolerance * max(x @ P @ x, np.abs(q * x).max())


def objective(P, q, x):
    return 0.5 * x @ P @ x + q @ x


def slsqp(P, q, G, h):
    # Where it stops for want of precision rather than of progress is no failure.
    return minimize(
        lambda x: objective(P, q, x),
        np.zeros(len(q)),
        jac=lambda x: P @ x + q,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: h - G @ x, "jac": lambda x: -G},
        options={"ftol": 1e-14, "maxiter": 1000},
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rank", [0, 2, 6], ids=["linear", "singular", "definite"])
@pytest.mark.parametrize("slack", [0.3, 3.0, 1000.0], ids=["tight", "loose", "far"])
def test_optimality_conditions_and_slsqp(seed, rank, slack):
    P, q, G, h = program(seed, rank, slack)
    x, z = solve_qp(P, q, G, h)
    check_kkt(P, q, G, h, x, z)
    other = slsqp(P, q, G, h)
    assert (G @ other.x - h).max() < 1e-6 * np.abs(h).max()
    np.testing.assert_allclose(objective(P, q, x), other.fun, rtol=1e-6)


def test_without_an_active_constraint_it_is_a_linear_system():
    P, q, G, _ = program(0, 6, 1.0)
    expected = np.linalg.solve(P, -q)
    h = G @ expected + 1.0
    x, z = solve_qp(P, q, G, h)
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    np.testing.assert_allclose(z, 0, atol=1e-6 * np.abs(q).max())


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_projection_onto_a_box(scale):
    """Clipping, with what was clipped off as the multipliers, whatever the objective's units."""
    point = np.array([-2.0, -0.5, 0.25, 0.9, 1.5, 7.0])
    G = sparse.vstack([sparse.eye_array(6), -sparse.eye_array(6)])
    h = np.repeat([1.0, 0.0], 6)
    x, z = solve_qp(scale * np.eye(6), -scale * point, G, h)
    np.testing.assert_allclose(x, np.clip(point, 0, 1), atol=1e-7)
    expected = np.concatenate([np.maximum(point - 1, 0), np.maximum(-point, 0)])
    np.testing.assert_allclose(z / scale, expected, atol=1e-6)


def test_constraints_that_repeat_others():
    P, q, G, h = program(1, 6, 0.3)
    x, _ = solve_qp(P, q, G, h)
    again, z = solve_qp(P, q, np.vstack([G, G, 2 * G]), np.concatenate([h, h, 2 * h]))
    np.testing.assert_allclose(again, x, atol=1e-6)
    check_kkt(P, q, np.vstack([G, G, 2 * G]), np.concatenate([h, h, 2 * h]), again, z)


@pytest.mark.parametrize("upper", [1.5, 1000.0])
@pytest.mark.parametrize("sum_slack", [0.0, 0.2])
def test_box_with_sum(upper, sum_slack):
    n, rng = 5, np.random.default_rng(0)
    G, h = box_with_sum(n, upper, sum_slack)
    for x in rng.uniform(-0.2, 2.0, size=(200, n)):
        for point in (x, x * n / x.sum()):  # the second meets the sum, if perhaps not the box
            stated = np.array(
                [
                    point.min() + 1e-9,
                    upper - point.max(),
                    n * sum_slack - abs(point.sum() - n) + 1e-9,
                ]
            )
            assert (stated >= 0).all() == (G @ point <= h + 1e-9).all()
    root = rng.normal(size=(n, 2))
    P, q = root @ root.T, 4 * rng.normal(size=n)
    x, z = solve_qp(P, q, G, h)
    check_kkt(P, q, G.toarray(), h, x, z)
    other = slsqp(P, q, G.toarray(), h)
    np.testing.assert_allclose(objective(P, q, x), other.fun, rtol=1e-6)


def test_too_few_iterations_are_told_with_the_residual():
    P, q, G, h = program(0, 6, 0.3)
    with pytest.warns(ConvergenceWarning, match="^Name: .*residual of") as record:
        solve_qp(P, q, G, h, max_iter=1, name="Name")
    residual = float(re.search(r"residual of ([\d.e+-]+)$", str(record[0].message))[1])
    assert np.isfinite(residual)
    assert residual > 1e-4
