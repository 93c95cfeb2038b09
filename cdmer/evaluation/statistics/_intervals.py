"""An interval for every score."""

from cdmer._parameters import check_choice, check_number
from cdmer.evaluation._pools import MEAN, POOLED
from cdmer.evaluation.statistics._clusters import check_metric, pools_of
from cdmer.evaluation.statistics._pooled import Pooled


def intervals(
    results, metric=None, *, level=0.95, n_resamples=2000, random_state=0, by="experiment"
):
    """Confidence intervals of scores, by a bootstrap over people.

    They say how far the score could be from the one that the same fitted methods would have with
    infinitely many people like those tested. People are drawn, with all their clips, because clips
    of one person are alike; see Notes for how the interval follows. A method with several seeds has
    the mean of its scores over them, under the same draws of people: chance in training is averaged
    over, and not accounted for beyond.

    Parameters
    ----------
    results : Results
    metric : str, Metric or None, default=None
        One of ``results.metrics``, or a metric of your own; None for the main one.
    level : float, default=0.95
        Confidence level.
    n_resamples : int, default=2000
        Number of bootstrap resamples.
    random_state : int, default=0
        Seed of the draws.
    by : {"experiment", "corpus", "all"}, default="experiment"
        What is pooled, as in `Results.scores`.

    Returns
    -------
    pandas.DataFrame
        A row per pool and method: what is pooled (``experiment, kind, source, target``; ``corpus``
        too, or nothing), ``method, selection, metric, score, low, high, level, n_clips,
        n_clusters, cluster``. `cluster` is what was drawn, `n_clusters` of them: "person", or
        "clip" where not every clip's person is known. Clips are then taken as independent, and
        intervals are too narrow. `low` and `high` are NaN for fewer than two.

        By experiment, rows with ``experiment == "mean"`` follow: the mean over experiments, in
        which a person who is tested in several has the same weight in all. It is NaN for a method
        that lacks an experiment.

    Raises
    ------
    ValueError
        If a parameter has a wrong value, or there are no predictions.

    Notes
    -----
    Of n people, n - 1 are drawn with replacement, and their counts scaled up by n / (n - 1), so
    that the variance has no bias (Rao and Wu, 1988). The interval is the logit of the score, less
    the bootstrap's bias, plus and minus the bootstrap's standard deviation times the quantile of
    Student's t, taken back from the logit. Its degrees of freedom are n - 1 or fewer: those of the
    variance, from the kurtosis of people's contributions (Satterthwaite, 1946; Shoemaker, 2003).

    In simulated corpora of 16 and 30 people, with UF1, UAR and WAR of weak and of good methods,
    intervals of 95 % cover 93 to 97 %; percentiles of the plain bootstrap, 89 to 93 %
    (``benchmarks/intervals_and_tests.py``).

    A score that no draw of people changes, such as a perfect one, has an interval of no width. The
    people tested then cannot show how far off it may be.

    References
    ----------
    J. N. K. Rao, C. F. J. Wu, "Resampling inference with complex survey data", Journal of the
    American Statistical Association 83:231-241, 1988, doi:10.1080/01621459.1988.10478591.

    F. E. Satterthwaite, "An approximate distribution of estimates of variance components",
    Biometrics Bulletin 2(6):110-114, 1946, doi:10.2307/3002019.

    L. H. Shoemaker, "Fixing the F test for equal variances", The American Statistician
    57(2):105-114, 2003, doi:10.1198/0003130031441.
    """
    import pandas as pd

    metric = check_metric(results, metric)
    check_level(level)
    check_number("n_resamples", n_resamples, least=2, whole=True)
    check_number("random_state", random_state, least=0, whole=True)
    check_choice("by", by, ("experiment", "corpus", "all"))
    pools, n_everybody = pools_of(results, POOLED[by])
    sets = [(pool.about, [pool]) for pool in pools]
    if by == "experiment":
        sets.append(({**dict.fromkeys(POOLED[by], ""), "experiment": MEAN}, pools))
    labels = results.predictions[["method", "selection"]].drop_duplicates()
    selections = dict(zip(labels["method"], labels["selection"], strict=True))
    rows = []
    for about, some in sets:
        pooled = Pooled(some, metric, n_everybody, n_resamples, random_state)
        for who in dict.fromkeys(name for pool in some for name in pool.counts):
            score, low, high = pooled.score_interval(who, level)
            rows.append(
                {
                    **about,
                    "method": who,
                    "selection": selections[who],
                    "metric": metric.name,
                    "score": score,
                    "low": low,
                    "high": high,
                    "level": level,
                    "n_clips": pooled.n_clips(who),
                    "n_clusters": pooled.n_clusters,
                    "cluster": pooled.cluster,
                }
            )
    return pd.DataFrame(rows)


def check_level(level):
    """Check a confidence level: above 0, below 1."""
    check_number("level", level, above=0, below=1)
