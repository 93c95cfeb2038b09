"""The augmented Lagrangian loop of the benchmark's regressions: datafit, penalty and loop apart."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

# The published schedule of the penalty μ.
PENALTY_START, PENALTY_GROWTH, PENALTY_END = 1e-3, 1.1, 1e15


def solve(datafit, iterate, weight, tol, max_iter, *, multiplier=0.0, growth=PENALTY_GROWTH):
    r"""Minimise ``f(P) + g(B)`` subject to P = B, for many settings at once.

    Per iteration: P takes a ridge step of the datafit f, B the proximal step of the penalty g, the
    multiplier T moves by μ(P − B), and μ grows. With ``W = P + T/μ`` the multiplier cancels outside
    the span Q of the datafit: ``W = B + Q w``, where w is a ridge step from ``Qᵀ(B − T/μ)``. The
    penalty holds W and B in whatever form its proximal step needs; the loop sees ``QᵀB`` and
    ``QᵀT/μ = Qᵀ(W − B)`` alone.

    Parameters
    ----------
    datafit : SpanLeastSquares
        Its ``ridge_step(position, weight, ridge)``.
    iterate : LargestGroups or ElementwiseL1
        ``start()`` puts B to ones and gives ``QᵀB``; ``move(step, penalty)`` makes W and B and
        gives ``QᵀB``; ``gap(carry, tol)`` gives ``max|P − B|`` per setting as an ndarray (a lower
        bound will do where it exceeds tol); ``leave(mask)`` gives B of some settings;
        ``keep(mask)`` drops the others.
    weight : array of shape (n_settings, 1, 1)
        λ of the datafit, per setting.
    tol : float
        Settings end where no entry of P and B differs by more.
    max_iter : int
    multiplier : float, default=0.0
        Every entry of T at the start.
    growth : float, default=1.1
        Factor of μ per iteration. The minimiser of a convex problem is approached only for growth
        near 1; 1.1 is the published schedule.

    Returns
    -------
    parts : list of arrays
        What `iterate.leave` gave, group by group of settings that ended together.
    order : ndarray of int, shape (n_settings,)
        Which settings the parts hold.
    n_iter : ndarray of int, shape (n_settings,)
    gap : ndarray of float, shape (n_settings,)
        Largest ``|P − B|`` at the end.
    """
    n_settings = weight.shape[0]
    penalty, carry = PENALTY_START, 1.0  # carry: previous penalty / penalty
    b = iterate.start(multiplier / penalty)
    rest = (multiplier / penalty) * b  # QᵀT/μ; B is all ones
    pending = np.arange(n_settings)
    parts, order = [], []
    n_iter = np.full(n_settings, max_iter)
    gap = np.full(n_settings, np.inf)
    for iteration in range(1, max_iter + 1):
        last = iteration == max_iter
        rest *= carry
        step = datafit.ridge_step(b - rest, weight, penalty / 2)
        rest = b + step
        b = iterate.move(step, penalty)
        rest -= b
        gap[pending] = iterate.gap(carry, np.inf if last else tol)
        done = gap[pending] < tol
        n_iter[pending[done]] = iteration
        if last:
            done[:] = True
        if done.any():
            order.append(pending[done])
            parts.append(iterate.leave(done))
            pending = pending[~done]
            if not len(pending):
                break
            iterate.keep(~done)
            b, rest, weight = (iterate.take(array, ~done) for array in (b, rest, weight))
        penalty_next = min(PENALTY_END, growth * penalty)
        carry, penalty = penalty / penalty_next, penalty_next
    return parts, np.concatenate(order), n_iter, gap


def check_stopping(tol, max_iter):
    """Check the two parameters of the loop.

    Raises
    ------
    ValueError
        If `tol` is not a positive number or `max_iter` not a positive whole number.
    """
    if not (isinstance(tol, int | float | np.number) and 0 < tol < np.inf):
        raise ValueError(f"tol: expected a number > 0, got {tol!r}")
    if not (isinstance(max_iter, int | np.integer) and max_iter >= 1):
        raise ValueError(f"max_iter: expected a whole number >= 1, got {max_iter!r}")


def warn_unless_converged(name, gap, tol, max_iter):
    """Warn with the residual where the loop ended at its last iteration."""
    largest = float(np.max(gap))
    if not largest < tol:
        warnings.warn(
            f"{name} stopped after max_iter={max_iter} iterations with max|P - B| = "
            f"{largest:.3g}, above tol={tol:g}",
            ConvergenceWarning,
            stacklevel=3,
        )
