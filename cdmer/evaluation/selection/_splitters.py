"""Splits of source rows for validation, with all target rows in every training fold."""

import numpy as np
from sklearn.model_selection import BaseCrossValidator, StratifiedGroupKFold, StratifiedKFold

from cdmer._domains import read_domain
from cdmer._text import is_missing


class SourceKFold(BaseCrossValidator):
    """Folds of source rows, stratified by class, with all target rows in every training fold.

    Test folds hold source rows alone: scores that need labels are computed on them. Target labels
    are not read. Like `sklearn.model_selection.PredefinedSplit` it is made for one data set.

    Parameters
    ----------
    sample_domain : array-like of int of shape (n_samples,)
        ``>= 0`` for source rows, ``< 0`` for target rows.
    n_splits : int, default=5
        Number of folds.
    groups : array-like of shape (n_samples,) or None, default=None
        Groups, such as subjects, whose source rows stay in one fold; so do all rows whose group is
        missing, because nobody knows what they share. Those of target rows are not read.

    Examples
    --------
    >>> from cdmer.evaluation.selection import SourceKFold
    >>> folds = SourceKFold([1, 1, 1, 1, -2, -2], n_splits=2)
    >>> [(train.tolist(), test.tolist()) for train, test in folds.split(None, list("aabb??"))]
    [([1, 3, 4, 5], [0, 2]), ([0, 2, 4, 5], [1, 3])]
    """

    def __init__(self, sample_domain, n_splits=5, groups=None):
        self.sample_domain = sample_domain
        self.n_splits = n_splits
        self.groups = groups

    def split(self, X, y, groups=None):
        """Generate indices of training rows and of test rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or None
            Only counted.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are not read.
        groups : array-like of shape (n_samples,) or None, default=None
            In place of the constructor's.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int

        Raises
        ------
        ValueError
            If lengths differ, or a class or the groups do not reach for the number of folds.
        """
        rows = self.sample_domain if X is None else X
        n_samples = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        source, target = domain_rows(self.sample_domain, n_samples)
        check_length("y", y, self.sample_domain)
        labels = np.asarray([y[i] for i in source] if isinstance(y, list) else _at(y, source))
        if labels.dtype == object:
            labels = np.asarray(labels.tolist())
        groups = self.groups if groups is None else groups
        if groups is None:
            folds = StratifiedKFold(self.n_splits).split(np.zeros(len(source)), labels)
        else:
            check_length("groups", groups, self.sample_domain)
            groups = _at(groups, source)
            missing = np.array([is_missing(group) for group in groups])
            if missing.any():  # numbers of groups: NaN is equal to nothing, not even to itself
                groups = np.where(missing, None, groups)
                number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
                groups = np.array([number[group] for group in groups])
            folds = StratifiedGroupKFold(self.n_splits).split(np.zeros(len(source)), labels, groups)
        for train, test in folds:
            yield np.sort(np.concatenate([source[train], target])), source[test]

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of folds."""
        return self.n_splits


class TargetSplit(BaseCrossValidator):
    """One split: all rows to fit on, the target rows to score on.

    For criteria that need no labels at all. It is no cross-validation; nothing that reads labels
    may score on it.

    Parameters
    ----------
    sample_domain : array-like of int of shape (n_samples,)
        ``>= 0`` for source rows, ``< 0`` for target rows.
    """

    def __init__(self, sample_domain):
        self.sample_domain = sample_domain

    def split(self, X, y=None, groups=None):
        """Generate indices of all rows and of the target rows, once.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,)
            Not read.
        groups : array-like of shape (n_samples,) or None, default=None
            Not read.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int
        """
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        _, target = domain_rows(self.sample_domain, n_samples)
        yield np.arange(n_samples), target

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of splits, 1."""
        return 1


def domain_rows(sample_domain, n_samples):
    """Positions of source rows and of target rows.

    Raises
    ------
    ValueError
        If there are not both, or their number is not `n_samples`.
    """
    domain = read_domain(sample_domain)
    if domain.shape != (n_samples,) or domain.dtype.kind not in "iu":
        raise ValueError(
            f"sample_domain: expected one integer per row, shape ({n_samples},), got "
            f"{domain.dtype} of shape {domain.shape}"
        )
    source, target = np.flatnonzero(domain >= 0), np.flatnonzero(domain < 0)
    if not (len(source) and len(target)):
        raise ValueError(
            f"sample_domain: expected source rows (>= 0) and target rows (< 0), got {len(source)} "
            f"and {len(target)}"
        )
    return source, target


def check_length(name, values, sample_domain):
    """Check that there is one value per row; ValueError otherwise."""
    if len(values) != len(sample_domain):
        raise ValueError(
            f"{name}: expected one per entry of sample_domain ({len(sample_domain)}), got "
            f"{len(values)}"
        )


def _at(values, rows):
    return values.iloc[rows].to_numpy() if hasattr(values, "iloc") else np.asarray(values)[rows]
