"""Frames of what is known about clips: their columns, and what may stand in them."""

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
NUMBERS = ("onset", "apex", "offset")
COLUMNS = (*_TEXTS[:5], *NUMBERS, "fps", *_TEXTS[5:])
FAILURES = ("key", "error", "message")
# Columns in which nothing may be missing.
_REQUIRED = ("key", "corpus", *FAILURES[1:])


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
    lists = {column: [getattr(clip, column) for clip in clips] for column in COLUMNS}
    lists["action_units"] = ["+".join(units) for units in lists["action_units"]]
    return clips_from_lists(lists)


def failures_frame(failures):
    """Put (key, error, message) of clips into a frame."""
    return frame_from_lists(
        {column: [f[i] for f in failures] for i, column in enumerate(FAILURES)}, FAILURES
    )


def clips_from_lists(lists):
    """Put columns of `COLUMNS`, each a list, into a frame."""
    return typed(frame_from_lists(lists, COLUMNS))


def frame_from_lists(lists, columns):
    """Put columns, each a list, into a frame of objects."""
    import pandas as pd

    # Objects: what pandas makes of strings, and of None among them, differs between its versions.
    return pd.DataFrame({c: pd.Series(lists[c], dtype=object) for c in columns})


def typed(clips):
    """Give the numbers in a frame of clips the types that they have in tables."""
    return clips.astype(dict.fromkeys(NUMBERS, "Int64") | {"fps": "float64"})


def to_lists(frame):
    """Columns as lists of strings, numbers and None, for JSON."""
    objects = frame.astype(object)
    return objects.where(frame.notna(), None).to_dict("list")


def check_lists(lists, columns):
    """Check columns of what is known about clips, whoever wrote them.

    Parameters
    ----------
    lists : dict of str to list
    columns : tuple of str
        Those that there must be.

    Returns
    -------
    dict
        The same.

    Raises
    ------
    ValueError
        If there are other columns, lengths differ, or a value is of another kind.
    """
    if not isinstance(lists, dict) or set(lists) != set(columns):
        found = tuple(lists) if isinstance(lists, dict) else type(lists).__name__
        raise ValueError(f"expected the columns {columns}, got {found}")
    for column in columns:
        values = lists[column]
        if not isinstance(values, list) or len(values) != len(lists["key"]):
            raise ValueError(f"{column}: expected a list of one value per clip")
        good, what = _kind(column)
        for row, value in enumerate(values):
            if not good(value):
                raise ValueError(f"{column}: expected {what}, got {value!r:.60} in row {row}")
    return lists


def check_keys(keys):
    """Refuse keys that are no texts, or occur twice."""
    for row, key in enumerate(keys):
        if not isinstance(key, str):
            raise ValueError(f"key: expected a text, got {key!r:.60} in row {row}")
    if len(set(keys)) < len(keys):
        seen = set()
        twice = next(key for key in keys if key in seen or seen.add(key))
        raise ValueError(f"key: {twice!r} occurs twice")


def _kind(column):
    if column in NUMBERS:
        return _is_number, "a whole number of 64 bits or nothing"
    if column == "fps":
        return _is_rate, "a number above 0 and up to 1e9 or nothing"
    if column in _REQUIRED:
        return _is_text, "a text"
    return _is_text_or_none, "a text or nothing"


def _is_text(value):
    return isinstance(value, str)


def _is_text_or_none(value):
    return value is None or isinstance(value, str)


def _is_number(value):
    return value is None or (type(value) is int and -(2**63) <= value < 2**63)


def _is_rate(value):
    return value is None or (type(value) in (int, float) and 0 < value <= 1e9)
