"""Counts per person: what resampling and permutation work on."""

from dataclasses import dataclass

import numpy as np

from cdmer.evaluation._base_results import BaseResults

PERSON, CLIP = "person", "clip"


@dataclass(frozen=True, eq=False)
class Pool:
    """Predictions that are scored together, such as those of one experiment.

    Parameters
    ----------
    about : dict of str to str
        What is pooled: ``experiment``, ``source``, ...
    people : ndarray of int, shape (n_people,)
        Who is tested, by number; the same number in every pool.
    cluster : {"person", "clip"}
        What these numbers stand for: "clip" where at least one clip's person is unknown.
    counts : dict of str to ndarray of float, shape (n_seeds, n_people, ...)
        Confusion matrices by method, zero where a person was not predicted.
    """

    about: dict
    people: np.ndarray
    cluster: str
    counts: dict

    def score(self, who, metric, weights):
        """Score a method with weighted people, mean over its seeds.

        Parameters
        ----------
        who : str
            Name of the method.
        metric : Metric
        weights : ndarray of float, shape (n_weightings, n_everybody)
            How often each person is counted, a row per weighting.

        Returns
        -------
        ndarray of float, shape (n_weightings,)
        """
        # Weightings last in memory: sums over the few classes are many times as fast.
        counts = np.tensordot(self.counts[who], weights[:, self.people], axes=(1, 1))
        return metric(np.moveaxis(counts, -1, 0)).mean(axis=1)

    def n_clips(self, who):
        """Number of clips that a method was tested on, the largest of its seeds."""
        counts = self.counts[who]
        n_labels = counts.shape[2] if counts.ndim == 5 else 1
        return round(counts.reshape(len(counts), -1).sum(axis=1).max() / n_labels)

    def same_clips(self, a, b):
        """Whether all seeds of two methods were tested on the same clips, a bool."""
        true_a, true_b = (self.counts[who].sum(axis=-1) for who in (a, b))
        return bool((true_a == true_b[:1]).all() and (true_b == true_b[:1]).all())


def check_metric(results, metric):
    """Check the results, and resolve the metric; None is the main one."""
    if not isinstance(results, BaseResults):
        raise TypeError(f"results: expected Results, got {type(results).__name__}")
    if not len(results.predictions):
        raise ValueError("results: got no predictions, expected those of a finished job or more")
    return results.find_metric(metric)


def pools_of(results, columns):
    """Count by pool, method, seed and person.

    Parameters
    ----------
    results : Results
    columns : list of str
        Columns of the predictions that distinguish the pools.

    Returns
    -------
    pools : list of Pool
        In order of appearance.
    n_everybody : int
        Number of people in all pools together.
    """
    person, is_clip = _number_people(results.predictions)
    frame = results.predictions.assign(person=person)
    everybody = BaseResults(frame, results.classes, results.scheme)
    groups, counts = everybody.counts([*columns, "method", "seed", "person"])
    pools = {}
    keys = [groups[c].astype(object) for c in columns]
    for row, key in enumerate(zip(*keys, strict=True) if columns else [()] * len(groups)):
        pools.setdefault(key, []).append(row)
    number = groups["person"].to_numpy()
    who = list(zip(groups["method"], groups["seed"], strict=True))
    made = [
        _pool(dict(zip(columns, key, strict=True)), rows, number, who, counts, is_clip)
        for key, rows in pools.items()
    ]
    return made, len(is_clip)


def _pool(about, rows, number, who, counts, is_clip):
    people, place = np.unique(number[rows], return_inverse=True)
    seeds = {}
    for row, at in zip(rows, place, strict=True):
        method, seed = who[row]
        blocks = seeds.setdefault(method, {})
        if seed not in blocks:
            blocks[seed] = np.zeros((len(people), *counts.shape[1:]))
        blocks[seed][at] = counts[row]
    return Pool(
        about,
        people,
        CLIP if is_clip[people].any() else PERSON,
        {name: np.stack([blocks[s] for s in sorted(blocks)]) for name, blocks in seeds.items()},
    )


def _number_people(frame):
    """Number people; a clip whose person is unknown stands for itself."""
    clip = frame["clip"].cat.codes.to_numpy(np.int64)
    corpus = frame["corpus"].cat.codes.to_numpy(np.int64)
    person = frame["person"].cat.codes.to_numpy(np.int64)
    known = np.asarray([bool(p) for p in frame["person"].cat.categories], dtype=bool)[person]
    n_people = len(frame["person"].cat.categories)
    code = np.where(known, person, n_people + clip * (corpus.max(initial=0) + 1) + corpus)
    distinct, number = np.unique(code, return_inverse=True)
    return number, distinct >= n_people
