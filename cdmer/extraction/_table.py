"""The table that extraction gives: features, and what is known about the clips."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cdmer._files.writing import remove_unfinished
from cdmer._text import is_missing
from cdmer.corpora import get_scheme
from cdmer.extraction._arrays import check_distinct, check_features, check_finite, texts
from cdmer.extraction._frames import (
    COLUMNS,
    FAILURES,
    NUMBERS,
    check_keys,
    check_lists,
    clips_from_lists,
    failures_frame,
    frame_from_lists,
    to_lists,
    typed,
)
from cdmer.extraction._storage import read_members, write_members
from cdmer.preprocessing import Preparation

_KINDS = {"biuf": "numbers", "U": "texts", "iu": "whole numbers"}
_ARRAYS = {
    "features": ("<f8", "biuf"),
    "feature_names": (str, "U"),
    "feature_groups": ("<i8", "iu"),
}


@dataclass(frozen=True, eq=False, repr=False)
class FeatureTable:
    """Features of clips, as `extract` gives them and `cdmer.evaluation.benchmark` takes them.

    Parameters
    ----------
    features : ndarray of float64, shape (n_clips, n_features)
        One row per clip. Pictures, such as those of `cdmer.features.FlowImages`, are flattened,
        the last axis first to run.
    feature_names : ndarray of str, shape (n_features,)
        Names of the columns.
    feature_groups : ndarray of int64, shape (n_features,), or None
        Facial region that each column belongs to; None where columns have no regions.
    clips : pandas.DataFrame of n_clips rows
        What is known about the clips, as annotated, in columns ``key, corpus, subject, name, label,
        onset, apex, offset, fps, action_units, apex_spotted_by, objective_class``; action units are
        joined by "+". It describes the clips that went into the transformer, before any step
        changed them.
    failures : pandas.DataFrame
        Clips without a row, in columns ``key, error, message``; `error` is the exception's type.
    transformer : str
        The steps that gave the features, with all parameters.
    corpus : str or None
        Name of the corpus; None for clips of several.
    n_cached : int, default=0
        Rows that `extract` found in its cache. Files do not hold it.
    preparation : Preparation or None, default=None
        What happened to the clips before the other steps of `transformer`; None where `extract` was
        given none, and for features from elsewhere.

    Raises
    ------
    ValueError
        If shapes or columns do not match, features are not finite numbers, or a key occurs twice.

    Notes
    -----
    Files are ``.npz`` archives without pickles and without compression: `numpy.load` reads the
    arrays ``features``, ``feature_names`` and ``feature_groups``; ``table.json`` holds the rest.
    Equal tables give equal bytes. There is no wide Parquet: it describes every column of a file
    apart, and LBP-TOP over 85 regions has 15,045.
    """

    features: np.ndarray
    feature_names: np.ndarray
    feature_groups: np.ndarray | None
    clips: object
    failures: object
    transformer: str
    corpus: str | None
    n_cached: int = 0
    preparation: Preparation | None = None

    def __post_init__(self):
        for name, (dtype, kinds) in _ARRAYS.items():
            value = getattr(self, name)
            if value is not None:
                value = np.asarray(value)
                if value.dtype.kind not in kinds:
                    raise ValueError(f"{name}: expected {_KINDS[kinds]}, got {value.dtype}")
                object.__setattr__(self, name, np.ascontiguousarray(value, dtype=dtype))
        if self.features.ndim != 2 or len(self.clips) != len(self.features):
            raise ValueError(
                f"features: expected a row for each of {len(self.clips)} clips, got shape "
                f"{self.features.shape}"
            )
        for name in ("feature_names", "feature_groups"):
            value = getattr(self, name)
            if value is not None and value.shape != self.features.shape[1:]:
                raise ValueError(
                    f"{name}: expected shape {self.features.shape[1:]}, got {value.shape}"
                )
        for name, expected in (("clips", COLUMNS), ("failures", FAILURES)):
            found = tuple(getattr(self, name).columns)
            if found != expected:
                raise ValueError(f"{name}: expected the columns {expected}, got {found}")
            check_keys(list(getattr(self, name)["key"]))
        if not isinstance(self.transformer, str) or not isinstance(self.corpus, str | None):
            raise ValueError(
                "transformer, corpus: expected a text, and a text or nothing, got "
                f"{self.transformer!r:.60}, {self.corpus!r:.60}"
            )
        if not isinstance(self.preparation, Preparation | None):
            raise ValueError(
                f"preparation: expected a Preparation or None, got {self.preparation!r:.60}"
            )
        check_finite(self.features, self.clips["key"])

    def __repr__(self):
        n_clips, n_features = self.features.shape
        failed = f", {len(self.failures)} failed" if len(self.failures) else ""
        return f"FeatureTable({self.corpus!r}, {n_clips} clips, {n_features} features{failed})"

    def labels(self, scheme):
        """Class of every row under a label scheme.

        Parameters
        ----------
        scheme : str or LabelScheme
            See `cdmer.corpora.get_scheme`; ``"labels"`` for classes as annotated.

        Returns
        -------
        list of (str or None)
            Class names; None where the scheme leaves the clip out.

        Raises
        ------
        ValueError
            If the scheme is unknown, or has no rule for a label.
        """
        scheme = get_scheme(scheme, labels=self.clips["label"])
        return [scheme.classify(clip) for clip in self.clips.itertuples()]

    def save(self, path):
        """Write the table to a file, whole or not at all.

        Parameters
        ----------
        path : path-like
            A table that is there is replaced. Nothing is appended to the name.

        Raises
        ------
        ValueError
            If what is known about a clip is of another kind than files hold.
        FileExistsError
            If a file is there that is no feature table.
        OSError
            If the folder does not exist or cannot be written to, or the disk is full.
        """
        arrays = {
            "features": self.features,
            "feature_names": self.feature_names,
            "feature_groups": self.feature_groups,
        }
        about = {
            "clips": check_lists(to_lists(typed(self.clips)), COLUMNS),
            "failures": check_lists(to_lists(self.failures), FAILURES),
            "transformer": self.transformer,
            "corpus": self.corpus,
        }
        if self.preparation is not None:
            about["preparation"] = self.preparation.to_dict()
        path = Path(path)
        write_members(path, {k: v for k, v in arrays.items() if v is not None}, about)
        remove_unfinished(path.parent, re.escape(path.name))

    @classmethod
    def from_arrays(
        cls,
        X,
        label,
        subject=None,
        corpus="features",
        *,
        name=None,
        feature_names=None,
        transformer="features from elsewhere",
    ):
        """Make a table of features that were computed elsewhere.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_rows, n_features)
            Features, finite numbers.
        label : array-like of shape (n_rows,)
            Labels as annotated, texts or whole numbers; label schemes map them to classes.
        subject : array-like of shape (n_rows,) or None, default=None
            Who is recorded. Missing ones (None, NaN, "") are unknown: protocols that leave people
            out refuse such tables.
        corpus : str or array-like of shape (n_rows,), default="features"
            Name of the corpus, or one per row. `split` gives a table for each of several.
        name : array-like of shape (n_rows,) or None, default=None
            Identifies the row within its corpus and subject. None: numbers, from 0.
        feature_names : sequence of str or None, default=None
            Names of the columns. None: those of a DataFrame, otherwise ``x0`` and so on.
        transformer : str, default="features from elsewhere"
            How the features were computed.

        Returns
        -------
        FeatureTable

        Raises
        ------
        TypeError, ValueError
            If lengths differ, X is no finite matrix, a label or corpus is missing, or a name occurs
            twice.

        Examples
        --------
        >>> from cdmer.extraction import FeatureTable
        >>> X = [[0.1, 0.0], [0.2, 1.0], [0.3, 0.5]]
        >>> emotions, people = ["positive", "negative", "surprise"], ["p1", "p2", None]
        >>> FeatureTable.from_arrays(X, emotions, people, corpus="openface")
        FeatureTable('openface', 3 clips, 2 features)
        """
        features, feature_names = check_features(X, feature_names)
        given = {"label": label, "subject": subject, "corpus": corpus, "name": name}
        return cls._of_rows(features, feature_names, given, transformer)

    @classmethod
    def from_frame(cls, frame, *, corpus=None, transformer="features from elsewhere"):
        """Make a table of a data frame that holds features beside what is known about the rows.

        Parameters
        ----------
        frame : pandas.DataFrame of n_rows rows
            Column ``label``, and where known ``corpus``, ``subject``, ``name`` and the other
            columns of `clips`; all others are features. There is no ``key``.
        corpus : str or None, default=None
            Name of the corpus, where there is no such column.
        transformer : str, default="features from elsewhere"
            How the features were computed.

        Returns
        -------
        FeatureTable

        Raises
        ------
        TypeError, ValueError
            As `from_arrays`; also if the frame has no column ``label``, a column twice, or a
            corpus twice or not at all.
        """
        columns = [str(column) for column in frame.columns]
        check_distinct("frame", columns)
        frame = frame.set_axis(columns, axis=1)
        if "label" not in columns or "key" in columns:
            raise ValueError(f"frame: expected a column 'label' and no 'key', got {columns}")
        if ("corpus" in columns) == (corpus is not None):
            raise ValueError(
                f"corpus: expected either a column of that name or the argument, got {corpus!r} "
                f"and the columns {columns}"
            )
        known = [column for column in columns if column in COLUMNS]
        given = {column: frame[column] for column in known}
        if corpus is not None:
            given["corpus"] = corpus
        rest = [column for column in columns if column not in known]
        words = [column for column in rest if frame[column].dtype.kind not in "iufb"]
        if words or not rest:
            raise ValueError(
                f"frame: expected columns of numbers beside {known}, got {words or 'none'}"
            )
        features, names = check_features(frame[rest], None)
        return cls._of_rows(features, names, given, transformer)

    @classmethod
    def _of_rows(cls, features, feature_names, given, transformer):
        n_rows = len(features)
        lists = dict.fromkeys(COLUMNS, [None] * n_rows) | {"action_units": [""] * n_rows}
        for column in ("label", "corpus"):
            lists[column] = texts(column, given[column], n_rows, required=True)
        lists["subject"] = texts("subject", given.get("subject"), n_rows)
        names = given.get("name")
        names = range(n_rows) if names is None else names
        lists["name"] = texts("name", names, n_rows, required=True)
        for column in set(given) & {"action_units", "apex_spotted_by", "objective_class"}:
            empty = "" if column == "action_units" else None
            lists[column] = [text or empty for text in texts(column, given[column], n_rows)]
        for column in set(given) & {*NUMBERS, "fps"}:
            values = list(given[column])
            lists[column] = [None if is_missing(value) else value for value in values]
        parts = zip(lists["corpus"], lists["subject"], lists["name"], strict=True)
        lists["key"] = ["/".join(part) for part in parts]
        check_distinct("name", lists["key"])
        corpora = set(lists["corpus"])
        return cls(
            features,
            feature_names,
            None,
            clips_from_lists(lists),
            failures_frame([]),
            transformer,
            corpora.pop() if len(corpora) == 1 else None,
        )

    def split(self):
        """Split a table of several corpora.

        Returns
        -------
        list of FeatureTable
            One per corpus, in order of appearance, with its rows in their order; failures go to the
            corpus that their key begins with.
        """
        owners = np.asarray(self.clips["corpus"], dtype=object)
        tables = []
        for corpus in dict.fromkeys(owners):
            rows = np.flatnonzero(owners == corpus)
            failed = [
                i for i, key in enumerate(self.failures["key"]) if key.startswith(f"{corpus}/")
            ]
            tables.append(
                replace(
                    self,
                    features=self.features[rows],
                    clips=self.clips.iloc[rows].reset_index(drop=True),
                    failures=self.failures.iloc[failed].reset_index(drop=True),
                    corpus=corpus,
                )
            )
        return tables

    @classmethod
    def load(cls, path):
        """Read a table from a file.

        Parameters
        ----------
        path : path-like
            A file that `save` has written.

        Returns
        -------
        FeatureTable

        Raises
        ------
        ValueError
            If the file is none of those, is truncated or changed, of another version, or holds what
            no table has, such as features that are not finite. The message names it.
        OSError
            If it cannot be read.
        """
        arrays, about = read_members(path)
        try:
            prepared = about.get("preparation")  # tables of before have none
            return cls(
                arrays["features"],
                arrays["feature_names"],
                arrays.get("feature_groups"),
                clips_from_lists(check_lists(about["clips"], COLUMNS)),
                frame_from_lists(check_lists(about["failures"], FAILURES), FAILURES),
                about["transformer"],
                about["corpus"],
                preparation=None
                if prepared is None
                else Preparation.from_dict(prepared, allow_paths=False),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: the parts of the table do not fit: {error}") from error
