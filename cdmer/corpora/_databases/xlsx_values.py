"""What names and texts in xlsx files stand for: elements, escaped letters, dates."""

import datetime
import re

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
# Formats that every program knows, and what tells dates among those that files define: fields of
# theirs that are not in quotes, behind a backslash or in brackets.
_DATES = (*range(14, 23), *range(27, 37), 45, 47, *range(50, 59))
KNOWN_FORMATS = {str(number): "date" for number in _DATES} | {"46": "duration"}
_LITERAL = re.compile(r'"[^"]*"|[\\_*].')
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_FIELDS = re.compile("[dmyhs]", re.IGNORECASE)
_FIRST_DAY = datetime.datetime(1899, 12, 30)
_MARCH_1900 = 61  # spreadsheets count a 29th of February before
_DAYS_TO_1904 = 1462


class LocalNames(dict):
    """Names of elements without their prefixes, by their names as they stand in the file."""

    def __missing__(self, name):
        local = self[name] = name.rpartition(":")[2]
        return local


def unescaped(text):
    """Text with the letters that stand as ``_x000D_`` in a file."""
    return _ESCAPE.sub(_letter, text) if "_x" in text else text


def _letter(match):
    code = int(match[1], 16)
    is_letter = code and not 0xD800 <= code < 0xE000  # these are halves of letters
    return chr(code) if is_letter else match[0]


def format_kind(code):
    """Say what numbers of a format are: ``"date"``, ``"duration"``, or ``""`` for numbers."""
    code = _LITERAL.sub("", code).partition(";")[0]
    if _ELAPSED.search(code):
        return "duration"
    return "date" if _FIELDS.search(_BRACKETS.sub("", code)) else ""


def moment(days, kind, from_1904):
    """Date, time or duration that a number of days stands for; the number where it is none.

    Parameters
    ----------
    days : float
    kind : {"date", "duration"}
    from_1904 : bool
        Whether days are counted from 1904 on, as programs on Macintosh computers did.

    Returns
    -------
    date, datetime, time, timedelta or float
    """
    try:
        span = datetime.timedelta(milliseconds=round(days * 86_400_000))
        if kind == "duration":
            return span
        if days < 0:
            return days
        if days < 1:
            return (_FIRST_DAY + span).time()
        if from_1904:
            span += datetime.timedelta(_DAYS_TO_1904)
        elif days < _MARCH_1900 - 1:
            span += datetime.timedelta(1)
        date = _FIRST_DAY + span
    except (OverflowError, ValueError):  # the latter of NaN
        return days
    return date.date() if days == int(days) else date


def iso_date(text):
    """Date or time in ISO 8601; the text where it is none."""
    for kind in (datetime.date, datetime.datetime, datetime.time):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    return text
