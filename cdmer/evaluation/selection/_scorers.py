"""Criteria as scikit-learn scorers, each with the splitter that feeds it."""

import numpy as np

from cdmer.adaptation import class_scores, density_ratio
from cdmer.evaluation.selection import _criteria
from cdmer.evaluation.selection._splitters import SourceKFold, TargetSplit


class _Weighted:
    """Criteria on held-out source rows with importance weights."""

    needs_labels = True

    def __init__(self, criterion):
        self.criterion = criterion

    def __call__(self, model, X, y, X_target, memo):
        if "weights" not in memo:
            weights = density_ratio(X, X_target)
            # Where nothing resembles the target, no row does more than others.
            memo["weights"] = weights if weights.any() else np.ones(len(weights))
        return self.criterion(y, model.predict(X), memo["weights"])


class _OnLabels:
    needs_labels = True

    def __call__(self, model, X, y, X_target, memo):
        return _criteria.source_accuracy(y, model.predict(X))


class _Reverse:
    needs_labels = True

    def __call__(self, model, X, y, X_target, memo):
        return _criteria.reverse_validation(model, X, y, X_target)


class _OnScores:
    """Criteria on what the model says of the target rows."""

    needs_labels = False

    def __init__(self, criterion):
        self.criterion = criterion

    def __call__(self, model, X, y, X_target, memo):
        return self.criterion(log_scores(model, X_target))


def log_scores(model, X):
    """Logarithms of probabilities where a model gives any, else its decision values."""
    if hasattr(model, "predict_proba"):
        return np.log(np.maximum(model.predict_proba(X), np.finfo(float).tiny))
    return class_scores(model, X)


# Each is called with a model, held-out source rows, their labels, the target rows, and a dict in
# which it may leave what does not depend on the model.
CRITERIA = {
    "source": _OnLabels(),
    "iwv": _Weighted(_criteria.importance_weighted_accuracy),
    "dev": _Weighted(_criteria.deep_embedded_validation),
    "reverse": _Reverse(),
    "entropy": _OnScores(_criteria.information_maximization),
    "snd": _OnScores(_criteria.soft_neighborhood_density),
}


class _Scorer:
    def __init__(self, name, X_target):
        self.name, self.X_target = name, X_target

    def __call__(self, estimator, X, y=None):
        return CRITERIA[self.name](estimator, X, y, self.X_target, {})

    def __repr__(self):
        return f"make_scorer({self.name!r})"


def get_criterion(name):
    """Look a criterion up.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if name not in list(CRITERIA):
        raise ValueError(f"criterion: expected one of {list(CRITERIA)}, got {name!r}")
    return CRITERIA[name]


def make_scorer(criterion, X_target):
    """Make a scorer for `sklearn.model_selection.GridSearchCV` and its like.

    Use it with the splitter that `make_splitter` gives for the same criterion, and it works with
    metadata routing on and off.

    Parameters
    ----------
    criterion : {"source", "iwv", "dev", "reverse", "entropy", "snd"}
        Source accuracy, importance-weighted validation, deep embedded validation, reverse
        validation, entropy with diversity, soft neighbourhood density.
    X_target : array-like of shape (n_target, ...)
        The target rows.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)`` with X and y held-out source rows; "entropy" and "snd" look at
        the target rows alone.

    Raises
    ------
    ValueError
        If the criterion is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from cdmer.adaptation import TCA
    >>> from cdmer.evaluation.selection import make_scorer, make_splitter
    >>> X, y = np.random.default_rng(0).normal(size=(30, 5)), np.arange(30) % 2
    >>> domain = np.repeat([1, -2], 15)
    >>> search = GridSearchCV(TCA(), {"n_components": [1, 2]},
    ...                       scoring=make_scorer("iwv", X[domain < 0]),
    ...                       cv=make_splitter("iwv", domain, n_splits=3))
    >>> search.fit(X, y, sample_domain=domain).n_splits_
    3
    """
    get_criterion(criterion)
    return _Scorer(criterion, X_target)


def make_splitter(criterion, sample_domain, n_splits=5, groups=None):
    """Make the splitter that a criterion's scorer needs.

    Parameters
    ----------
    criterion : str
        See `make_scorer`.
    sample_domain : array-like of int of shape (n_samples,)
        ``>= 0`` for source rows, ``< 0`` for target rows.
    n_splits : int, default=5
        Folds of source rows, where the criterion holds any out.
    groups : array-like of shape (n_samples,) or None, default=None
        Groups, such as subjects, that stay in one fold.

    Returns
    -------
    SourceKFold or TargetSplit

    Raises
    ------
    ValueError
        If the criterion is unknown.
    """
    if get_criterion(criterion).needs_labels:
        return SourceKFold(sample_domain, n_splits, groups)
    return TargetSplit(sample_domain)
