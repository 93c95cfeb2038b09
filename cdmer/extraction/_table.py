"""The table that extraction gives: features, and what is known about the clips."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdmer._files import remove_unfinished
from cdmer.corpora import get_scheme
from cdmer.extraction._storage import read_members, write_members

_TEXTS = (
    "key",
    "corpus",
    "subject",
    "name",
    "label",
    "action_units",
    "apex_spotted_by",
    "objective_class",
)
_NUMBERS = ("onset", "apex", "offset")
_COLUMNS = (*_TEXTS[:5], *_NUMBERS, "fps", *_TEXTS[5:])
_FAILURES = ("key", "error", "message")


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

    Raises
    ------
    ValueError
        If shapes or columns do not match.

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

    def __post_init__(self):
        for name, dtype in (("features", "<f8"), ("feature_names", str), ("feature_groups", "<i8")):
            value = getattr(self, name)
            if value is not None:
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
        for name, expected in (("clips", _COLUMNS), ("failures", _FAILURES)):
            found = tuple(getattr(self, name).columns)
            if found != expected:
                raise ValueError(f"{name}: expected the columns {expected}, got {found}")

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
            An existing file is replaced. Nothing is appended to the name.

        Raises
        ------
        OSError
            If the folder does not exist or cannot be written to.
        """
        arrays = {
            "features": self.features,
            "feature_names": self.feature_names,
            "feature_groups": self.feature_groups,
        }
        about = {
            "clips": _to_lists(self.clips),
            "failures": _to_lists(self.failures),
            "transformer": self.transformer,
            "corpus": self.corpus,
        }
        path = Path(path)
        write_members(path, {k: v for k, v in arrays.items() if v is not None}, about)
        remove_unfinished(path.parent, re.escape(path.name))

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
            If the file is none of those, is truncated or changed, or of another version. The
            message names it.
        OSError
            If it cannot be read.
        """
        arrays, about = read_members(path)
        try:
            return cls(
                arrays["features"],
                arrays["feature_names"],
                arrays.get("feature_groups"),
                _clips_from_lists(about["clips"]),
                _from_lists(about["failures"], _FAILURES),
                about["transformer"],
                about["corpus"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: the parts of the table do not fit: {error}") from error


def clips_frame(clips):
    """Put what is known about clips into a frame.

    Parameters
    ----------
    clips : sequence of Clip

    Returns
    -------
    pandas.DataFrame
        See `FeatureTable`.
    """
    lists = {column: [getattr(clip, column) for clip in clips] for column in _COLUMNS}
    lists["action_units"] = ["+".join(units) for units in lists["action_units"]]
    return _clips_from_lists(lists)


def failures_frame(failures):
    """Put (key, error, message) of clips into a frame."""
    return _from_lists(
        {column: [f[i] for f in failures] for i, column in enumerate(_FAILURES)}, _FAILURES
    )


def _clips_from_lists(lists):
    frame = _from_lists(lists, _COLUMNS)
    return frame.astype(dict.fromkeys(_NUMBERS, "Int64") | {"fps": "float64"})


def _from_lists(lists, columns):
    import pandas as pd

    # Objects: what pandas makes of strings, and of None among them, differs between its versions.
    return pd.DataFrame({c: pd.Series(lists[c], dtype=object) for c in columns})


def _to_lists(frame):
    """Columns as lists of strings, numbers and None, for JSON."""
    objects = frame.astype(object)
    return objects.where(frame.notna(), None).to_dict("list")
