"""Two methods on the same people: a permutation test, and how much they differ."""

from dataclasses import dataclass

import numpy as np

from cdmer._parameters import check_number
from cdmer.evaluation._pools import POOLED
from cdmer.evaluation.statistics._clusters import check_metric, pools_of
from cdmer.evaluation.statistics._intervals import check_level
from cdmer.evaluation.statistics._permutation import permutation_tests, random_exchanges
from cdmer.evaluation.statistics._pooled import Pooled


@dataclass(frozen=True, eq=False)
class Comparison:
    """Difference of two methods, with its interval and p-value.

    Parameters
    ----------
    a, b : str
        Names of the methods.
    metric : str
        Name of the metric.
    difference : float
        Score of `a` minus score of `b`, mean over experiments.
    interval : tuple of float
        Low and high of the difference; NaN where no two people were tested.
    p_value : float
        p-value of the hypothesis that both methods are alike; NaN where no two people were tested.
    exact : bool
        Whether all permutations were tried, not a random choice of them.
    experiments : pandas.DataFrame
        A row per experiment that both have: ``experiment, kind, source, target, difference, low,
        high, p_value, exact, n_clusters, cluster``, as above. Its p-values are not corrected for
        their number.
    left_out : tuple of str
        Experiments in which not both were tested on all the same clips, such as after a failure.
    n_clusters : int
        Number of people, or of clips.
    cluster : {"person", "clip"}
        What is exchanged: "clip" where not every clip's person is known. Clips are then taken as
        independent, which makes p-values too small.
    """

    a: str
    b: str
    metric: str
    difference: float
    interval: tuple
    p_value: float
    exact: bool
    experiments: object
    left_out: tuple
    n_clusters: int
    cluster: str

    def __str__(self):
        low, high = self.interval
        n = len(self.experiments)
        text = (
            f"{self.a} minus {self.b}, {self.metric}: {self.difference:+.3f} "
            f"[{low:+.3f}, {high:+.3f}], p = {self.p_value:.4f}; "
            f"{n} experiment{'s' * (n != 1)}, {self.n_clusters} "
            + {"person": "people", "clip": "clips taken as independent"}[self.cluster]
        )
        if self.left_out:
            text += f"; left out, as not both have all its clips: {', '.join(self.left_out)}"
        return text


def compare(
    results, a, b, metric=None, *, n_permutations=9999, level=0.95, n_resamples=2000, random_state=0
):
    """Compare two methods on the same people, by a permutation test.

    If both methods are alike, then exchanging what they predict for a person, in all experiments
    and seeds at once, changes nothing but chance. The difference of their scores, from pooled
    predictions, is compared with the differences after such exchanges of random people. Experiments
    that test the same people thus may depend on each other in any way.

    Parameters
    ----------
    results : Results
    a, b : str
        Names of two methods.
    metric : str, Metric or None, default=None
        One of ``results.metrics``, or a metric of your own; None for the main one.
    n_permutations : int, default=9999
        Number of random exchanges. Where no more than these are possible (14 people whose
        predictions differ have 2 ** 13 = 8192, opposites being one), all are tried, and the p-value
        is exact.
    level : float, default=0.95
        Confidence level of the intervals.
    n_resamples : int, default=2000
        Number of bootstrap resamples for the intervals, which are computed as in `intervals`,
        without the logit.
    random_state : int, default=0
        Seed of exchanges and draws.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If a parameter has a wrong value, a method is not in the results, both are the same, or no
        experiment has both on the same clips.

    Notes
    -----
    Two-sided: p = (1 + number of exchanges with a difference at least as large) / (1 +
    `n_permutations`) [1]_; the share of such exchanges, where all are tried. What is tested are the
    fitted models of these seeds: chance in training is averaged over seeds, and not accounted for
    beyond. Seeds are exchanged in pairs; a method with fewer of them has each repeated.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical
           Applications in Genetics and Molecular Biology 9(1):39, 2010, doi:10.2202/1544-6115.1585.
    """
    import pandas as pd

    metric = check_metric(results, metric)
    check_settings(n_permutations, level, n_resamples, random_state)
    for name, value in (("a", a), ("b", b)):
        if value not in results.methods:
            raise ValueError(f"{name}: expected one of {results.methods}, got {value!r}")
    if a == b:
        raise ValueError(f"b: expected another method than a, got {b!r} for both")
    pools, n_everybody = pools_of(results, POOLED["experiment"])
    common = common_pools(pools, a, b)
    if not common:
        raise ValueError(f"compare: no experiment has both {a!r} and {b!r} on the same clips")
    exchanges = random_exchanges(n_everybody, n_permutations, random_state)
    parts = [[pool] for pool in common]
    tests = [
        (Pooled(part, metric, n_everybody, n_resamples, random_state), a, b)
        for part in [*parts, common]
    ]
    *rows, whole = paired_differences(tests, exchanges, level)
    rows = [{**pool.about, **row} for pool, row in zip(common, rows, strict=True)]
    interval = whole.pop("low"), whole.pop("high")
    left_out = tuple(pool.about["experiment"] for pool in pools if pool not in common)
    return Comparison(
        a,
        b,
        metric.name,
        interval=interval,
        experiments=pd.DataFrame(rows),
        left_out=left_out,
        **whole,
    )


def check_settings(n_permutations, level, n_resamples, random_state):
    """Check the parameters that `compare` and `comparisons` share."""
    check_number("n_permutations", n_permutations, least=1, whole=True)
    check_level(level)
    check_number("n_resamples", n_resamples, least=2, whole=True)
    check_number("random_state", random_state, least=0, whole=True)


def common_pools(pools, a, b):
    """Pools in which both methods were tested on the same clips, a list."""
    return [p for p in pools if a in p.counts and b in p.counts and p.same_clips(a, b)]


def paired_differences(tests, exchanges, level):
    """Compare pairs of methods, each on some pools together.

    Parameters
    ----------
    tests : list of (Pooled, str, str)
        Pools of one metric, and the names of two methods.
    exchanges : ndarray
        From `random_exchanges`.
    level : float

    Returns
    -------
    list of dict
        ``difference, low, high, p_value, exact, n_clusters, cluster`` of each.
    """
    tested = [(pooled.pools, a, b) for pooled, a, b in tests if pooled.n_clusters > 1]
    p_values = iter(permutation_tests(tested, tests[0][0].metric, exchanges) if tested else ())
    found = []
    for pooled, a, b in tests:
        difference, low, high = pooled.difference_interval(a, b, level)
        p_value, exact = next(p_values) if pooled.n_clusters > 1 else (np.nan, False)
        found.append(
            {
                "difference": difference,
                "low": low,
                "high": high,
                "p_value": p_value,
                "exact": exact,
                "n_clusters": pooled.n_clusters,
                "cluster": pooled.cluster,
            }
        )
    return found
