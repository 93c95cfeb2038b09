"""Exchanging the predictions of two methods, person by person."""

from itertools import product
from math import lcm

import numpy as np


def random_exchanges(n_everybody, n_permutations, random_state):
    """Draw who is exchanged.

    Returns
    -------
    ndarray of float, shape (n_everybody, 1 + n_permutations)
        0 or 1; nobody in the first column.
    """
    rng = np.random.default_rng(random_state)
    exchanged = np.zeros((n_everybody, 1 + n_permutations))
    exchanged[:, 1:] = rng.integers(0, 2, size=(n_everybody, n_permutations), dtype=np.int8)
    return exchanged


def permutation_test(pairs, metric, exchanges):
    """Test whether two methods differ, mean over pools.

    Parameters
    ----------
    pairs : list of (people, counts_a, counts_b)
        One per pool: ndarray of int of shape (n_people,), and confusion matrices of two methods,
        each of shape (n_seeds, n_people, ...).
    metric : callable
        Of counts.
    exchanges : ndarray of float, shape (n_everybody, 1 + n_permutations)
        From `random_exchanges`. All possible ones are tried instead, where they are not more; one
        and its opposite, which changes the sign of the difference alone, count as one.

    Returns
    -------
    p_value : float
    exact : bool
    """
    pairs = [(people, *_as_many_seeds(a, b)) for people, a, b in pairs]
    differ = np.zeros(len(exchanges), dtype=bool)
    for people, a, b in pairs:
        differ[people] |= (a != b).any(axis=(0, *range(2, a.ndim)))
    exact = 2 ** max(int(differ.sum()) - 1, 0) < exchanges.shape[1]
    if exact:
        exchanges = _all_exchanges(differ)
    differences = np.mean(
        [_differences(exchanges[people], a, b, metric) for people, a, b in pairs], axis=0
    )
    # Sums of the same numbers in another order may differ a little.
    extreme = np.abs(differences) >= abs(differences[0]) - 1e-12
    return float(extreme.mean()), exact


def _all_exchanges(differ):
    """Every choice of those whose predictions differ, but for opposites; nobody first."""
    some = np.flatnonzero(differ)[1:]
    choices = np.array(list(product((0, 1), repeat=len(some))))
    exchanged = np.zeros((len(differ), len(choices)))
    exchanged[some] = choices.T
    return exchanged


def _differences(exchanges, a, b, metric):
    """Difference of scores after each exchange, shape (n_permutations,)."""
    # Permutations last in memory: sums over the few classes are many times as fast.
    moved = np.moveaxis(np.tensordot(b - a, exchanges, axes=(1, 0)), -1, 0)
    return (metric(a.sum(axis=1) + moved) - metric(b.sum(axis=1) - moved)).mean(axis=1)


def _as_many_seeds(a, b):
    n = lcm(len(a), len(b))
    return tuple(np.repeat(counts, n // len(counts), axis=0) for counts in (a, b))
