"""What a transformer of clips is made of: its steps, a line that tells them, its columns."""

import re

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

# They change how a result is computed, not which.
_UNSAID = {"memory", "n_jobs", "verbose"}


def stateless_steps(transformer):
    """List the steps of a transformer that learns nothing.

    Parameters
    ----------
    transformer : transformer or Pipeline
        Pipelines may hold pipelines.

    Returns
    -------
    list of transformer
        In order, without ``"passthrough"``.

    Raises
    ------
    TypeError
        If a step is no transformer.
    ValueError
        If a step has something to learn, or there is none.
    """
    steps = list(_flatten(transformer))
    if not steps:
        raise ValueError("transformer: got a pipeline without steps, expected a descriptor")
    for step in steps:
        if isinstance(step, type) or not (
            hasattr(step, "transform") and isinstance(step, BaseEstimator)
        ):
            raise TypeError(f"transformer: expected a transformer of clips, got {step!r}")
        if get_tags(step).requires_fit:
            raise ValueError(
                f"transformer: {type(step).__name__} has to be fitted (its tag requires_fit is "
                "True). Clips are described one by one, before anybody splits them: a step that "
                "learns from them would carry test clips into training. It belongs into the "
                "methods that are evaluated"
            )
    return steps


def _flatten(transformer):
    if isinstance(transformer, Pipeline):
        for _, step in transformer.steps:
            yield from _flatten(step)
    elif transformer is not None and not (
        isinstance(transformer, str) and transformer == "passthrough"
    ):
        yield transformer


def describe(steps):
    """Tell steps and parameters in one line, the same in every process.

    Parameters
    ----------
    steps : list of transformer

    Returns
    -------
    str
        ``"Step(parameter=value, …) → Step(…)"``, defaults included. What a step tells of files by
        ``file_digests()`` comes behind their path: ``weights='a.pt' (sha256 …)``.
    """
    return " → ".join(f"{type(step).__name__}({', '.join(_parameters(step))})" for step in steps)


def _parameters(step):
    digests = step.file_digests() if hasattr(step, "file_digests") else {}
    for name, value in sorted(step.get_params(deep=False).items()):
        if name not in _UNSAID:
            # Functions and the like tell their address in memory.
            told = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(value).split()))
            seal = f" (sha256 {digests[name]})" if name in digests else ""
            yield f"{name}={told}{seal}"


def name_columns(steps, clip):
    """Name the columns and say which region they belong to; checks the steps' parameters.

    Parameters
    ----------
    steps : list of transformer
    clip : Clip
        For `fit`. Nothing is learnt from it, and descriptors do not read it.

    Returns
    -------
    names : ndarray of str, shape (n_columns,), or None
        Of `get_feature_names_out`; None where a step cannot tell.
    groups : ndarray of int64, shape (n_columns,), or None
        Region of each column; None unless the descriptor has `feature_groups_` and later steps, if
        there are any, keep the names of its columns.

    Raises
    ------
    ParameterError
        If a step refuses its parameters.
    """
    names, region_of = None, {}
    for step in steps:
        if not get_tags(step).input_tags.two_d_array:
            step = clone(step).fit([clip])
        elif names is not None:
            step = clone(step).fit(np.zeros((1, len(names))))
        names = _names_out(step, names)
        if names is not None and hasattr(step, "feature_groups_"):
            region_of = dict(zip(names, step.feature_groups_, strict=True))
    if names is None:
        return None, None
    groups = None
    if all(name in region_of for name in names):
        groups = np.array([region_of[name] for name in names], dtype=np.int64)
    return np.asarray(names, dtype=str), groups


def _names_out(step, names):
    if not hasattr(step, "get_feature_names_out"):
        return None
    try:
        return step.get_feature_names_out(names)
    except (NotFittedError, ValueError):  # it needs to know the names of columns that have none
        return None


def check_names(names, steps, n_columns):
    """Give the names, or numbered ones in place of None.

    Raises
    ------
    ValueError
        If there is another number of columns.
    """
    last = type(steps[-1]).__name__
    if names is None:
        return np.array([f"{last.lower()}{i}" for i in range(n_columns)])
    if len(names) != n_columns:
        raise ValueError(f"transformer: {last} names {len(names)} columns and gives {n_columns}")
    return names
