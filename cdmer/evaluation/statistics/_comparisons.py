"""All pairs of methods, corrected for their number."""

from itertools import combinations
from math import comb

import numpy as np

from cdmer.evaluation._pools import POOLED
from cdmer.evaluation.statistics._clusters import check_metric, pools_of
from cdmer.evaluation.statistics._compare import check_settings, common_pools, paired_differences
from cdmer.evaluation.statistics._permutation import random_exchanges
from cdmer.evaluation.statistics._pooled import Pooled


def holm(p_values):
    """Correct p-values for their number, by Holm's procedure.

    The smallest of m is multiplied by m, the next one by m - 1, and so on; none may be smaller than
    the one before it, or above 1. Rejecting what is at most 0.05 then rejects any true hypothesis
    with at most that probability, however the tests depend on each other [1]_.

    Parameters
    ----------
    p_values : array-like of float, shape (n_tests,)
        NaN stands for a test that was not made; it stays NaN and does not count.

    Returns
    -------
    ndarray of float, shape (n_tests,)

    Raises
    ------
    ValueError
        If it is not 1-D, or a p-value is outside 0 to 1.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
           of Statistics 6(2):65-70, 1979.

    Examples
    --------
    >>> from cdmer.evaluation.statistics import holm
    >>> holm([0.02, 0.01, 0.5])
    array([0.04, 0.03, 0.5 ])
    """
    p_values = np.asarray(p_values, dtype=float)
    if p_values.ndim != 1:
        raise ValueError(f"p_values: expected a 1-D array, got shape {p_values.shape}")
    wrong = p_values[(p_values < 0) | (p_values > 1)]
    if len(wrong):
        raise ValueError(f"p_values: expected numbers between 0 and 1, got {wrong[0]}")
    corrected = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def comparisons(
    results, metric=None, *, n_permutations=None, level=0.95, n_resamples=2000, random_state=0
):
    """Compare all pairs of methods as `compare` does, corrected for their number.

    Parameters
    ----------
    results : Results
    metric : str, Metric or None, default=None
        One of ``results.metrics``, or a metric of your own; None for the main one.
    n_permutations : int, default=None
        As in `compare`. None: 9999, or 50 for each pair of methods less one, if that is more.
    level, n_resamples, random_state
        As in `compare`.

    Returns
    -------
    pandas.DataFrame
        A row per pair, in the order of the methods: ``a, b, metric, difference, low, high, p_value,
        p_holm, exact, n_experiments, n_clusters, cluster``. The difference is a minus b, mean over
        the `n_experiments` in which both were tested on the same clips; NaN if there is none.
        Intervals are not corrected.

    Raises
    ------
    ValueError
        If a parameter has a wrong value, or there are fewer than two methods.

    Notes
    -----
    No corrected p-value of a random choice of permutations is below the number of pairs over (1 +
    `n_permutations`). By default that is 0.02 at most; with 9999, from 32 methods (496 pairs) on
    hardly any pair, and from 33 on none, could differ at 5 %.
    """
    import pandas as pd

    metric = check_metric(results, metric)
    if len(results.methods) < 2:
        raise ValueError(f"comparisons: expected two methods or more, got {results.methods}")
    if n_permutations is None:
        n_permutations = max(9999, 50 * comb(len(results.methods), 2) - 1)
    check_settings(n_permutations, level, n_resamples, random_state)
    pools, n_everybody = pools_of(results, POOLED["experiment"])
    exchanges = random_exchanges(n_everybody, n_permutations, random_state)
    pooled = {}  # most pairs have the same experiments in common, and so the same draws
    rows, tests = [], []
    for a, b in combinations(results.methods, 2):
        common = tuple(common_pools(pools, a, b))
        if common and common not in pooled:
            pooled[common] = Pooled(common, metric, n_everybody, n_resamples, random_state)
        if common:
            tests.append((pooled[common], a, b))
        rows.append(
            {"a": a, "b": b, "metric": metric.name, **_NOTHING, "n_experiments": len(common)}
        )
    found = iter(paired_differences(tests, exchanges, level))
    rows = [{**row, **next(found)} if row["n_experiments"] else row for row in rows]
    frame = pd.DataFrame(rows)
    frame["p_holm"] = holm(frame["p_value"])
    return frame[_COLUMNS]


_NOTHING = {
    **dict.fromkeys(("difference", "low", "high", "p_value"), np.nan),
    "exact": False,
    "n_clusters": 0,
    "cluster": "",
}
_COLUMNS = ["a", "b", "metric", "difference", "low", "high", "p_value", "p_holm", "exact"]
_COLUMNS += ["n_experiments", "n_clusters", "cluster"]
