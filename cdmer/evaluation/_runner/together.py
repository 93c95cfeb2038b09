"""Folds of one network that are trained in one go, as `cdmer.nets.fit_folds` does it."""

from itertools import pairwise

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from cdmer._array import read_only
from cdmer._steps import stateless_steps
from cdmer.evaluation._runner.methods import FIXED

# Parts of equal size for any number of workers, so that results do not depend on that number. A GPU
# does many folds in the time of a few, and has one worker.
_MOST_AT_ONCE = {"cpu": 17, "cuda": 1024}


def make_batches(jobs, data):
    """Group jobs that are done together: folds of an experiment, by one network with one seed.

    Parameters
    ----------
    jobs : list of Job
    data : Data

    Returns
    -------
    list of tuple of int
        Positions of jobs; most batches are a single one.
    """
    most, found = {}, {}
    for number, job in enumerate(jobs):
        label = job.label
        if label not in most:
            most[label] = _most_at_once(job, data)
        key = (label, job.seed, job.fold.experiment) if most[label] > 1 else (label, number)
        found.setdefault(key, []).append(number)
    return [batch for key, numbers in found.items() for batch in _even_parts(numbers, most[key[0]])]


def _even_parts(numbers, most):
    edges = np.linspace(0, len(numbers), -(-len(numbers) // most) + 1).astype(int)
    return [tuple(numbers[start:stop]) for start, stop in pairwise(edges)]


def _most_at_once(job, data):
    """How many jobs that differ from one in their fold alone a worker does together."""
    network, steps = _split(job.estimator)
    chooses = job.settings is not None and job.selection != FIXED
    if network is None or chooses or data.truth.ndim > 1:
        return 1
    from cdmer._devices import find_device
    from cdmer.nets import stacks_well

    try:
        shape = _prepare(steps, data.hidden[:1]).shape[1:]
    except Exception:  # whatever it is, every job will say it for itself
        return 1
    together = stacks_well(network, shape, len(data.scheme.classes))
    on_gpu = together and find_device(network.device).type == "cuda"
    return _MOST_AT_ONCE["cuda" if on_gpu else "cpu"] if together else 1


def _split(estimator):
    """The network that an estimator ends in, and the steps before it; None if these learn."""
    parts, last = [], estimator
    while isinstance(last, Pipeline):
        parts += [part for _, part in last.steps[:-1]]
        last = last.steps[-1][1]
    # The names of modules are asked first: methods without a network must not load torch.
    if type(last).__module__ != "cdmer.nets":
        return None, []
    from cdmer.nets import NetClassifier

    if type(last) is not NetClassifier:
        return None, []
    try:
        steps = [step for part in parts for step in stateless_steps(part)]
    except (TypeError, ValueError):
        return None, []
    return last, steps


def fit_together(jobs, X, hidden, truth):
    """Fit the network of some jobs on the folds of them all.

    Parameters
    ----------
    jobs : list of Job
        With the same estimator.
    X, hidden : ndarray
        Rows of all corpora, with and without annotations.
    truth : ndarray of int, shape (n_rows,)
        Labels are read of the rows that some job trains on, and each fold is given its own.

    Returns
    -------
    models : list of NetClassifier or Exception
        What became of each job.
    X, hidden : ndarray
        The rows as the steps before the network prepare them; those that no job needs are zeros.
    """
    from cdmer.nets import fit_folds

    network, steps = _split(jobs[0].estimator)
    trained = [job.fold.train for job in jobs]
    if steps:
        seen = [rows for job in jobs for rows in (job.fold.adapt, job.fold.test)]
        if hidden is X:
            X = hidden = _prepare_rows(steps, X, [*trained, *seen])
        else:
            X, hidden = _prepare_rows(steps, X, trained), _prepare_rows(steps, hidden, seen)
    models = fit_folds(network, X, truth, trained, on_error="return", progress=False)
    return models, X, hidden


def _prepare_rows(steps, X, parts):
    rows = np.unique(np.concatenate(parts))
    found = np.asarray(_prepare(steps, read_only(X[rows])))
    prepared = np.zeros((len(X), *found.shape[1:]), dtype=found.dtype)
    prepared[rows] = found
    return read_only(prepared)


def _prepare(steps, X):
    for step in steps:
        X = clone(step).fit(X).transform(X)
    return X
