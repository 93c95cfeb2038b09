"""The base of protocols: folds of rows, each row with a role."""

import inspect
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, is_dataclass

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_consistent_length

from cdmer._text import is_missing

COLUMNS = ("corpus", "subject")


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows of a metadata table by what a method may do with them.

    Parameters
    ----------
    experiment : str
        What the fold belongs to. Predictions of one experiment are pooled before they are scored.
    name : str
        Name of the fold within its experiment, such as the subject that is left out.
    train : ndarray of int
        Positions of the rows that are seen with their labels.
    adapt : ndarray of int
        Positions of the rows that are seen without labels while fitting; empty where the protocol
        forbids it.
    test : ndarray of int
        Positions of the rows that are predicted.
    source, target : str, default=""
        Where the labelled rows and the tested rows come from, for tables.
    kind : str, default=""
        A group of experiments, such as ``"TYPE-I"``.
    """

    experiment: str
    name: str
    train: np.ndarray
    adapt: np.ndarray
    test: np.ndarray
    source: str = ""
    target: str = ""
    kind: str = ""


class Protocol(BaseCrossValidator, ABC):
    """Base of protocols: which clips are trained on, adapted to and tested.

    A subclass defines

    - ``allows_unlabelled_target``: whether tested clips may be seen without labels while fitting;
    - ``roles(metadata)``: the folds, a list of `Fold`;
    - ``words()``: what is done, for the report.

    Its constructor stores its parameters under their names and does nothing else, as scikit-learn
    has it: `get_config` reads them there.

    A protocol sees a metadata table, one row per clip, with the columns ``corpus`` and ``subject``;
    never labels or features. `cdmer.evaluation.benchmark` runs the folds and gives each method what
    its roles allow. As a scikit-learn splitter (``cross_validate(model, X, y, cv=protocol,
    groups=metadata)``) a protocol gives the labelled rows for training, so that an estimator that
    knows nothing of roles cannot be fitted on target labels; adapting takes `benchmark`.
    """

    # With scikit-learn's metadata routing on, groups come as params={"groups": metadata}.
    __metadata_request__split = {"groups": True}

    @property
    @abstractmethod
    def allows_unlabelled_target(self):
        """Whether tested clips may be seen without labels while fitting, a bool."""

    @abstractmethod
    def roles(self, metadata):
        """Give the folds.

        Parameters
        ----------
        metadata : pandas.DataFrame
            One row per clip, in any order, with columns ``corpus`` and ``subject``.

        Returns
        -------
        list of Fold

        Raises
        ------
        ValueError
            If a column is missing, or the protocol has no fold for these corpora.
        """

    @abstractmethod
    def words(self):
        """Say in a few sentences what is trained on, seen and tested, a str for the report."""

    def split(self, X, y=None, groups=None):
        """Give rows to train on with labels, and rows to test, fold by fold.

        Parameters
        ----------
        X : pandas.DataFrame or array-like of shape (n_clips, ...)
            The metadata, unless `groups` holds it.
        y : ignored
            Not read.
        groups : pandas.DataFrame, default=None
            The metadata: see `roles`.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int
        """
        check_consistent_length(X, groups)
        for fold in self.roles(X if groups is None else groups):
            yield fold.train, fold.test

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of folds; arguments are those of `split`."""
        return len(self.roles(X if groups is None else groups))

    def get_config(self):
        """Give class and parameters as JSON can hold them, a dict."""
        names = inspect.signature(type(self)).parameters
        return {
            "class": type(self).__name__,
            "parameters": {name: _plain(getattr(self, name)) for name in names},
        }

    def __repr__(self):
        parameters = inspect.signature(type(self)).parameters.values()
        values = [(p.name, getattr(self, p.name), p.default) for p in parameters]
        given = ", ".join(f"{name}={value!r}" for name, value, usual in values if value != usual)
        return f"{type(self).__name__}({given})"


def read_metadata(metadata):
    """Check a metadata table and give its corpora and subjects.

    Parameters
    ----------
    metadata : pandas.DataFrame
        One row per clip, with columns ``corpus`` and ``subject``.

    Returns
    -------
    corpora, subjects : ndarray of object, shape (n_clips,)
        Strings; ``""`` for a subject that is missing.

    Raises
    ------
    ValueError
        If a column or a corpus is missing, or there is no row.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import read_metadata
    >>> read_metadata(pd.DataFrame({"corpus": ["samm", "mmew"], "subject": ["s1", None]}))
    (array(['samm', 'mmew'], dtype=object), array(['s1', ''], dtype=object))
    """
    found = list(getattr(metadata, "columns", ()))
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise ValueError(
            f"metadata: expected a table with the columns {COLUMNS}, got "
            + (f"{found}" if found else type(metadata).__name__)
        )
    if not len(metadata):
        raise ValueError("metadata: got no rows, expected one per clip")
    corpora, subjects = (_texts(metadata[name]) for name in COLUMNS)
    if "" in corpora:
        raise ValueError(f"metadata: row {list(corpora).index('')} has no corpus")
    return corpora, subjects


def _texts(column):
    """Strings of a column; a missing value must not become a name such as "nan"."""
    texts = np.empty(len(column), dtype=object)
    texts[:] = ["" if is_missing(value) else str(value) for value in column]
    return texts


def _plain(value):
    if is_dataclass(value):
        return asdict(value)
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value
