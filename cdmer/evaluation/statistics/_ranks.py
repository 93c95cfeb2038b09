"""Ranks of methods over experiments, and which of them differ."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as fisher
from scipy.stats import rankdata, studentized_range

from cdmer._parameters import check_number
from cdmer.evaluation._pools import MEAN
from cdmer.evaluation.statistics._clusters import check_metric


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of methods over experiments, and tests of their differences.

    Parameters
    ----------
    metric : str
        Name of the metric.
    average : pandas.Series
        Average rank of each method, best first; 1 is the best possible.
    table : pandas.DataFrame
        Ranks: experiments in rows, methods in columns. Equal scores share the mean of their ranks.
    statistic : float
        Friedman's chi-squared.
    p_value : float
        p-value of the hypothesis that all methods are alike, by Iman and Davenport's F; NaN for one
        experiment.
    critical_difference : float
        Average ranks that are at least this far apart differ.
    alpha : float
        Level of the tests.
    cliques : tuple of tuple of str
        Largest groups of methods, at least two, that do not differ, best first.
    left_out : tuple of str
        Experiments that not all methods have.
    """

    metric: str
    average: object
    table: object
    statistic: float
    p_value: float
    critical_difference: float
    alpha: float
    cliques: tuple
    left_out: tuple


def ranks(results, metric=None, *, alpha=0.05):
    r"""Rank methods in every experiment, and test which average ranks differ.

    With average ranks :math:`R_j` of :math:`k` methods over :math:`N` experiments, Friedman's
    statistic is :math:`\chi^2 = \frac{12 N}{k (k + 1)} (\sum_j R_j^2 - \frac{k (k + 1)^2}{4})`,
    tested by Iman and Davenport's :math:`F = (N - 1) \chi^2 / (N (k - 1) - \chi^2)` with
    :math:`k - 1` and :math:`(k - 1) (N - 1)` degrees of freedom. Two methods differ if their
    average ranks do by Nemenyi's critical difference :math:`q_\alpha \sqrt{k (k + 1) / (6 N)}` or
    more, :math:`q_\alpha` the studentised range over :math:`\sqrt 2`.

    Parameters
    ----------
    results : Results
    metric : str, Metric or None, default=None
        One of ``results.metrics``, or a metric of your own; None for the main one.
    alpha : float, default=0.05
        Level of the tests.

    Returns
    -------
    Ranks

    Raises
    ------
    ValueError
        If a parameter has a wrong value, there are fewer than two methods, or no experiment has all
        of them.

    Notes
    -----
    The tests take experiments as independent. Those of a benchmark are not where they share
    targets, and they are few: use them as a summary, and `comparisons` for tests.

    References
    ----------
    J. Demšar, "Statistical comparisons of classifiers over multiple data sets", Journal of Machine
    Learning Research 7:1-30, 2006.
    """
    import pandas as pd

    metric = check_metric(results, metric)
    check_number("alpha", alpha, above=0, below=1)
    if len(results.methods) < 2:
        raise ValueError(f"ranks: expected two methods or more, got {results.methods}")
    scores = results.table(metric).drop(index=MEAN)
    complete = scores.dropna()
    if not len(complete):
        raise ValueError("ranks: no experiment has all methods")
    table = pd.DataFrame(
        # Equal up to rounding is equal.
        rankdata(-complete.round(12), axis=1),
        index=complete.index,
        columns=scores.columns,
    )
    average = table.mean().sort_values(kind="stable")
    statistic, p_value = friedman(table.to_numpy())
    critical = critical_difference(*table.shape, alpha)
    return Ranks(
        metric.name,
        average,
        table,
        statistic,
        p_value,
        critical,
        alpha,
        cliques=_cliques(average, critical),
        left_out=tuple(scores.index.difference(complete.index, sort=False)),
    )


def friedman(table):
    """Friedman's statistic, and the p-value of Iman and Davenport's F.

    Parameters
    ----------
    table : ndarray of float, shape (n_experiments, n_methods)
        Ranks.

    Returns
    -------
    statistic, p_value : float
    """
    n, k = table.shape
    average = table.mean(axis=0)
    statistic = 12 * n / (k * (k + 1)) * ((average**2).sum() - k * (k + 1) ** 2 / 4)
    if n == 1:
        return float(statistic), float("nan")
    rest = n * (k - 1) - statistic
    # All experiments agree on the order: F is infinite.
    ratio = (n - 1) * statistic / rest if rest > 1e-9 else np.inf
    return float(statistic), float(fisher.sf(ratio, k - 1, (k - 1) * (n - 1)))


def critical_difference(n_experiments, n_methods, alpha):
    """Nemenyi's critical difference of average ranks."""
    q = studentized_range.ppf(1 - alpha, n_methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_experiments)))


def _cliques(average, critical):
    """Runs of methods, in the order of their ranks, that are less than `critical` apart."""
    values = average.to_numpy()
    last = -1
    cliques = []
    for first in range(len(values)):
        end = np.flatnonzero(values - values[first] < critical)[-1]
        if end > last and end > first:
            cliques.append(tuple(average.index[first : end + 1]))
            last = end
    return tuple(cliques)
