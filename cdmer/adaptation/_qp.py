"""Convex quadratic programs, by a primal-dual interior-point method."""

import warnings

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from sklearn.exceptions import ConvergenceWarning


def solve_qp(P, q, G, h, *, tol=1e-9, max_iter=100, name="QP"):
    r"""Minimise ``½ xᵀP x + qᵀx`` subject to ``G x ≤ h``.

    Mehrotra's predictor-corrector method; each step solves with a dense matrix of the size of P.

    Parameters
    ----------
    P : ndarray of shape (n, n)
        Symmetric, positive semidefinite.
    q : ndarray of shape (n,)
    G : sparse matrix or ndarray of shape (m, n)
    h : ndarray of shape (m,)
    tol : float, default=1e-9
        Stop where the residuals of the optimality conditions, relative to the terms that they are
        made of, and the gap, relative to the objective, are below.
    max_iter : int, default=100
    name : str, default="QP"
        For messages.

    Returns
    -------
    x : ndarray of shape (n,)
    z : ndarray of shape (m,)
        Multipliers of the constraints, none negative.

    Warns
    -----
    ConvergenceWarning
        With the residual, where the last iteration or the precision of the machine ends it.

    References
    ----------
    S. Mehrotra, "On the Implementation of a Primal-Dual Interior Point Method", SIAM Journal on
    Optimization 2(4):575-601, 1992, doi:10.1137/0802028.
    """
    G = sparse.csr_array(G)
    n, m = len(q), len(h)
    scale = max(np.abs(P).max(), np.abs(q).max(), np.finfo(float).tiny)
    P, q = P / scale, q / scale
    x = np.zeros(n)
    s = np.maximum(h - G @ x, 1.0)
    z = np.ones(m)
    best = np.inf, x, z
    for _ in range(max_iter):
        Px, Gtz = P @ x, G.T @ z
        dual, primal = Px + q + Gtz, G @ x + s - h
        gap = s @ z
        objective = 0.5 * x @ Px + q @ x
        residual = max(
            np.abs(dual).max() / max(np.abs(Px).max(), np.abs(q).max(), np.abs(Gtz).max()),
            np.abs(primal).max() / max(1.0, np.abs(h).max()),
            gap / max(abs(objective), np.abs(q).max() * max(np.abs(x).max(), 1e-3)),
        )
        if residual < best[0]:
            best = residual, x, z
        if residual < tol:
            break
        try:
            step = _newton(P, G, s, z, dual, primal)
        except LinAlgError:
            break
        dx, ds, dz = step(-s * z)
        reach = _reach(s, ds, z, dz)
        centring = ((s + reach * ds) @ (z + reach * dz) / gap) ** 3
        dx, ds, dz = step(centring * gap / m - s * z - ds * dz)
        reach = 0.99 * _reach(s, ds, z, dz)
        x, s, z = x + reach * dx, s + reach * ds, z + reach * dz
    residual, x, z = best
    if not residual < np.sqrt(tol):
        warnings.warn(
            f"{name}: the quadratic program ended with a relative residual of {residual:.3g}",
            ConvergenceWarning,
            stacklevel=2,
        )
    return x, z * scale


def _newton(P, G, s, z, dual, primal):
    """Solver of one linearisation, as a function of what complementarity is to become."""
    full = np.diff(G.indptr) > len(P) // 2  # such rows would fill a sparse product
    weight = z / s
    few = G[~full]
    product = (few.T @ (sparse.diags_array(weight[~full]) @ few)).tocoo()
    system = P.copy()
    system[product.row, product.col] += product.data
    rows = G[full].toarray()
    system += rows.T @ (weight[full, None] * rows)
    factor = cho_factor(system, overwrite_a=True, check_finite=False)

    def step(complementarity):
        rest = (complementarity + z * primal) / s
        dx = cho_solve(factor, -dual - G.T @ rest, check_finite=False)
        ds = -primal - G @ dx
        return dx, ds, (complementarity - z * ds) / s

    return step


def _reach(s, ds, z, dz):
    """Largest step, at most one, that leaves slacks and multipliers positive."""
    reach = 1.0
    for value, change in ((s, ds), (z, dz)):
        falling = change < 0
        if falling.any():
            reach = min(reach, (-value[falling] / change[falling]).min())
    return reach


def box_with_sum(n, upper, sum_slack):
    """Constraints ``0 ≤ x ≤ upper`` and ``|Σx − n| ≤ n·sum_slack``.

    Returns
    -------
    G : sparse array of shape (2n + 2, n)
    h : ndarray of shape (2n + 2,)
    """
    one = np.ones((1, n))
    G = sparse.vstack([sparse.eye_array(n), -sparse.eye_array(n), one, -one], format="csr")
    h = np.concatenate([np.full(n, upper), np.zeros(n), [n * (1 + sum_slack), n * (sum_slack - 1)]])
    return G, h
