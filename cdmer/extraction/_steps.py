"""Names of the columns that the steps of a transformer give."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags


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
        Names from `get_feature_names_out`; None where a step has no names.
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
