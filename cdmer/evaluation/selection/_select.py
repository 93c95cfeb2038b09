"""Choosing a setting by a criterion, along the method's path."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import ParameterGrid

from cdmer._array import read_only, take_rows
from cdmer._parameters import at_setting
from cdmer._progress import progress_bar
from cdmer.evaluation._fit import fit_adaptive, iter_fitted, warn_of_failure
from cdmer.evaluation.selection._scorers import get_criterion
from cdmer.evaluation.selection._splitters import SourceKFold, check_length, domain_rows


@dataclass(frozen=True)
class Selection:
    """A fitted estimator and how its setting was selected.

    Parameters
    ----------
    best_params : dict
        The setting.
    best_score : float
        Its score by the criterion.
    estimator : estimator
        Fitted with it on all rows.
    scores : pandas.DataFrame
        A row per setting: its parameters, and a column named like the criterion.
    """

    best_params: dict
    best_score: float
    estimator: object
    scores: object


def select(
    estimator,
    param_grid,
    X,
    y,
    sample_domain,
    criterion="iwv",
    *,
    n_splits=5,
    groups=None,
    progress=None,
):
    """Choose a setting without target labels, and fit it.

    Parameters
    ----------
    estimator : estimator
        A method of `cdmer.adaptation`, a pipeline that ends in one, or any estimator whose fit
        takes `sample_domain`. Methods with a path solve their settings together.
    param_grid : dict or list of dict
        As in `sklearn.model_selection.ParameterGrid`.
    X : array-like of shape (n_samples, ...)
        Source and target rows in any order.
    y : array-like of shape (n_samples,)
        Class labels; those of target rows are never read.
    sample_domain : array-like of int of shape (n_samples,)
        ``>= 0`` for source rows, ``< 0`` for target rows.
    criterion : {"source", "iwv", "dev", "reverse", "entropy", "snd"}, default="iwv"
        See `make_scorer`.
    n_splits : int, default=5
        Folds of source rows, where the criterion holds any out.
    groups : array-like of shape (n_samples,) or None, default=None
        Groups, such as subjects, that stay in one fold. Methods that ask for ``groups``, as
        `NetClassifier` does for early stopping, are given them too.
    progress : bool or None, default=None
        None shows a bar on terminals alone, False never.

    Returns
    -------
    Selection
        Of equal scores the first in the order of `param_grid` wins; settings that cannot be fitted
        score NaN.

    Raises
    ------
    ValueError
        If the criterion is unknown, a side has no rows, or no setting fits the data.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import TCA
    >>> from cdmer.evaluation.selection import select
    >>> X, y = np.random.default_rng(0).normal(size=(30, 5)), np.arange(30) % 2
    >>> chosen = select(TCA(), {"n_components": [1, 2, 3]}, X, y, np.repeat([1, -2], 15), "entropy")
    >>> sorted(chosen.best_params)
    ['n_components']
    """
    table = score_settings(
        estimator,
        param_grid,
        X,
        y,
        sample_domain,
        [criterion],
        n_splits=n_splits,
        groups=groups,
        progress=progress,
    )
    scores = table[criterion].to_numpy()
    if np.isnan(scores).all():
        raise ValueError(f"param_grid: no setting could be fitted and scored by {criterion!r}")
    best = int(np.nanargmax(scores))
    params = list(ParameterGrid(param_grid))[best]
    model = fit_adaptive(at_setting(estimator, params), X, y, sample_domain, groups)
    return Selection(params, float(scores[best]), model, table)


def score_settings(
    estimator,
    param_grid,
    X,
    y,
    sample_domain,
    criteria,
    *,
    n_splits=5,
    groups=None,
    progress=None,
):
    """Score every setting by several criteria, fitting each no more often than needed.

    Parameters
    ----------
    estimator : estimator
        See `select`.
    param_grid : dict or list of dict
        See `select`.
    X : array-like of shape (n_samples, ...)
        See `select`.
    y : array-like of shape (n_samples,)
        See `select`.
    sample_domain : array-like of int of shape (n_samples,)
        See `select`.
    criteria : list of str
        See `make_scorer`.
    n_splits : int, default=5
        See `select`.
    groups : array-like of shape (n_samples,) or None, default=None
        See `select`.
    progress : bool or None, default=None
        See `select`.

    Returns
    -------
    pandas.DataFrame
        A row per setting in the order of `param_grid`: its parameters, then a column per criterion;
        means over the folds. NaN where a fit failed, with a FitFailedWarning.

    Raises
    ------
    ValueError
        As `select`.
    """
    import pandas as pd

    settings = list(ParameterGrid(param_grid))
    for setting in settings:  # a name that does not exist is no setting that fails to fit
        at_setting(estimator, setting)
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    domain = np.asarray(sample_domain)
    people = None if groups is None else np.asarray(groups)
    _, target = domain_rows(domain, n_samples)
    check_length("y", y, domain)
    X_target = read_only(take_rows(X, target))
    found = {name: get_criterion(name) for name in criteria}
    scores = pd.DataFrame(settings)
    everything = np.arange(n_samples)
    on_source = [name for name, criterion in found.items() if criterion.needs_labels]
    runs = []
    if on_source:
        folds = SourceKFold(domain, n_splits, groups).split(X, y)
        runs += [(on_source, train, test) for train, test in folds]
    on_target = [name for name in found if name not in on_source]
    if on_target:
        runs.append((on_target, everything, target[:0]))
    total = {name: np.zeros(len(settings)) for name in found}
    with progress_bar(len(runs) * len(settings), "Selection", "setting", progress) as bar:
        for names, train, test in runs:
            rows = [read_only(take_rows(values, train)) for values in (X, y, domain)]
            X_test, y_test = (read_only(take_rows(values, test)) for values in (X, y))
            memo = {}
            who = None if people is None else people[train]
            for index, model in iter_fitted(estimator, settings, *rows, who):
                for name in names:
                    total[name][index] += (
                        np.nan
                        if model is None
                        else _score(found[name], model, X_test, y_test, X_target, memo)
                    )
                bar.update()
    for name in found:
        n_runs = sum(name in names for names, _, _ in runs)
        scores[name] = total[name] / n_runs
    return scores


def _score(criterion, model, *rows):
    """Score a model; NaN where the criterion has to fit another one and cannot."""
    try:
        return criterion(model, *rows)
    except ValueError as error:
        warn_of_failure(error)
        return np.nan
