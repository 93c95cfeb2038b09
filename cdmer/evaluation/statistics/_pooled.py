"""Scores of pools together, as they are and with people drawn."""

import numpy as np

from cdmer.evaluation.statistics._clusters import CLIP, PERSON
from cdmer.evaluation.statistics._resampling import (
    bootstrap_weights,
    difference_interval,
    jackknife_weights,
    score_interval,
    strata_of,
)


class Pooled:
    """Some pools; a score is the mean over them, under the same draws of people.

    Parameters
    ----------
    pools : list of Pool
    metric : Metric
    n_everybody, n_resamples, random_state : int
    """

    def __init__(self, pools, metric, n_everybody, n_resamples, random_state):
        strata = strata_of([pool.people for pool in pools])
        self.pools, self.metric = pools, metric
        self.sizes = [len(people) for people in strata]
        self.n_clusters = sum(self.sizes)
        self.cluster = CLIP if any(pool.cluster == CLIP for pool in pools) else PERSON
        self._weights = [np.ones((1, n_everybody))]
        if min(self.sizes) > 1:
            self._weights += [
                bootstrap_weights(strata, n_everybody, n_resamples, random_state),
                jackknife_weights(strata, n_everybody),
            ]
        self._scores = {}

    def score_interval(self, who, level):
        """Score, low and high of a method; NaN if it lacks a pool, or there is nobody to draw."""
        if not all(who in pool.counts for pool in self.pools):
            return (np.nan,) * 3
        (score,), *others = self._of(who)
        if not others:
            return float(score), np.nan, np.nan
        return float(score), *score_interval(score, *others, self.sizes, self.n_clips(who), level)

    def difference_interval(self, a, b, level):
        """Score of a minus score of b, low and high."""
        (difference,), *others = (x - y for x, y in zip(self._of(a), self._of(b), strict=True))
        if not others:
            return float(difference), np.nan, np.nan
        return float(difference), *difference_interval(difference, *others, self.sizes, level)

    def n_clips(self, who):
        """Number of clips that a method was tested on, those of all pools."""
        return sum(pool.n_clips(who) for pool in self.pools if who in pool.counts)

    def _of(self, who):
        """Scores under all weights: as they are, resampled, with one person left out."""
        if who not in self._scores:
            self._scores[who] = [
                np.mean([pool.score(who, self.metric, w) for pool in self.pools], axis=0)
                for w in self._weights
            ]
        return self._scores[who]
