"""Exchanging the predictions of two methods, person by person."""

from itertools import product
from math import lcm

import numpy as np

_AT_ONCE = 500  # permutations, whose counts fit the processor's cache


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


def permutation_tests(tests, metric, exchanges):
    """Test whether methods differ, pair by pair.

    Parameters
    ----------
    tests : list of (pools, a, b)
        A list of Pool, over which the difference is averaged, and the names of two methods that all
        of them hold.
    metric : Metric
    exchanges : ndarray of float, shape (n_everybody, 1 + n_permutations)
        From `random_exchanges`. All possible ones are tried instead, where they are not more; one
        and its opposite, which changes the sign of the difference alone, count as one.

    Returns
    -------
    list of (p_value, exact)
        A float and a bool per test.
    """
    differ = [_who_differ(*test, len(exchanges)) for test in tests]
    exact = [2 ** max(int(who.sum()) - 1, 0) < exchanges.shape[1] for who in differ]
    p_values = np.empty(len(tests))
    for i in np.flatnonzero(exact):
        p_values[i] = _p_values([tests[i]], metric, _all_exchanges(differ[i]))[0]
    random = np.flatnonzero(np.logical_not(exact))
    p_values[random] = _p_values([tests[i] for i in random], metric, exchanges)
    return list(zip(p_values.tolist(), exact, strict=True))


def _who_differ(pools, a, b, n_everybody):
    """Mark who is predicted otherwise by the other method, somewhere."""
    differ = np.zeros(n_everybody, dtype=bool)
    for pool in pools:
        n = _n_seeds(pool, a, b)
        one, other = (np.repeat(c, n // len(c), axis=0) for c in (pool.counts[a], pool.counts[b]))
        differ[pool.people] |= (one != other).any(axis=(0, *range(2, one.ndim)))
    return differ


def _all_exchanges(differ):
    """Every choice of those whose predictions differ, but for opposites; nobody first."""
    some = np.flatnonzero(differ)[1:]
    choices = np.array(list(product((0, 1), repeat=len(some))))
    exchanged = np.zeros((len(differ), len(choices)))
    exchanged[some] = choices.T
    return exchanged


def _p_values(tests, metric, exchanges):
    """Share of exchanges with a difference at least as large as without, of each test."""
    n_permutations = exchanges.shape[1]
    methods = {}
    for pools, a, b in tests:
        for pool in pools:
            methods.setdefault(pool, {}).update({a: None, b: None})
    observed, n_extreme = None, np.zeros(len(tests))
    for start in range(0, n_permutations, _AT_ONCE):
        shares = _Shares(methods, exchanges[:, start : start + _AT_ONCE])
        differences = [_differences(shares, *test, metric) for test in tests]
        if observed is None:
            observed = [abs(of_test[0]) for of_test in differences]
        # Sums of the same numbers in another order may differ a little.
        n_extreme += [
            (np.abs(of_test) >= least - 1e-12).sum()
            for of_test, least in zip(differences, observed, strict=True)
        ]
    return n_extreme / n_permutations


class _Shares:
    """Counts that a method keeps and gives away: the same in every pair that it is one of.

    Parameters
    ----------
    methods : dict of Pool to (iterable of str)
    exchanges : ndarray of float, shape (n_everybody, n_permutations)
    """

    def __init__(self, methods, exchanges):
        self._given = {}
        for pool, names in methods.items():
            counts = [np.moveaxis(pool.counts[who], 1, -1) for who in names]
            rows = np.concatenate([one.reshape(-1, len(pool.people)) for one in counts])
            given = np.split(
                rows @ exchanges[pool.people], np.cumsum([one[..., 0].size for one in counts[:-1]])
            )
            for who, one, some in zip(names, counts, given, strict=True):
                self._given[pool, who] = some.reshape(*one.shape[:-1], -1)
        self._known = {}

    def of(self, who, pools, repeats):
        """Give both, with the seeds of each pool repeated, of shape (n_all_seeds, ..., n)."""
        key = who, tuple(pools), tuple(repeats)
        if key not in self._known:
            given = [self._given[pool, who] for pool in pools]
            kept = [
                pool.counts[who].sum(axis=1)[..., None] - some
                for pool, some in zip(pools, given, strict=True)
            ]
            self._known[key] = tuple(
                np.concatenate(
                    [np.repeat(c, n, axis=0) for c, n in zip(part, repeats, strict=True)]
                )
                for part in (kept, given)
            )
        return self._known[key]


def _differences(shares, pools, a, b, metric):
    """Difference of scores after each exchange, mean over pools, shape (n_permutations,)."""
    n_seeds = [_n_seeds(pool, a, b) for pool in pools]
    (kept_a, given_a), (kept_b, given_b) = (
        shares.of(
            who,
            pools,
            [n // len(pool.counts[who]) for pool, n in zip(pools, n_seeds, strict=True)],
        )
        for who in (a, b)
    )
    # Permutations last in memory: sums over the few classes are many times as fast.
    score_a, score_b = (
        metric(np.moveaxis(counts, -1, 1)) for counts in (kept_a + given_b, kept_b + given_a)
    )
    weights = np.repeat([1 / (n * len(pools)) for n in n_seeds], n_seeds)
    return weights @ (score_a - score_b)


def _n_seeds(pool, a, b):
    """Number of seeds after those of the method with fewer are repeated."""
    return lcm(len(pool.counts[a]), len(pool.counts[b]))
