"""Numbers with nouns, names that are not known, in words, and text that nothing runs."""

import re
from difflib import get_close_matches

# Control characters but for tab and line feed, marks of direction, and halves of pairs.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What begins as formulas do (in full width too, where people write so), at the start or after what
# some spreadsheets take for the end of a cell; and the same with an apostrophe before it.
_FORMULA = re.compile("(^|[;\t\n])(?=[\\s']*[=+\\-@\uff0b\uff0d\uff1d\uff20])")
_ESCAPED_FORMULA = re.compile(_FORMULA.pattern.replace("(?=", "'(?="))


def counted(number, noun):
    """Write a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def unknown(what, name, known):
    """Say that a name is not known, and which one may be meant.

    Parameters
    ----------
    what : str
        What it should be a name of.
    name : str
    known : sequence of str

    Returns
    -------
    str
    """
    near = nearest(name, known)
    if near is not None:
        return f"unknown {what} {name!r}; did you mean {near!r}?"
    return f"unknown {what} {name!r}; expected one of {', '.join(map(repr, known))}"


def did_you_mean(name, known):
    """Ask whether the known name that is most like a name is meant; empty if none is like it."""
    known = [one for one in known if isinstance(one, str)]
    near = nearest(name, known) if isinstance(name, str) else None
    return "" if near is None else f"; did you mean {near!r}?"


def nearest(name, known):
    """Find the known name that is most like a name; None if none is like it."""
    by_lower = {}
    for one in known:
        by_lower.setdefault(one.lower(), one)
    name = name.lower()
    found = get_close_matches(name, by_lower, 1)
    if not found and name:  # svc__C for C; "TCA, oracle" for TCA
        found = [one for one in by_lower if one.endswith(f"__{name}") or one.startswith(name)]
    return by_lower[found[0]] if found else None


def is_missing(value):
    """Whether a name is missing: None, NaN, the NA of pandas, or no letter.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
    """
    if value is None or isinstance(value, str):
        return not (value and value.strip())
    try:
        return bool(value != value)
    except TypeError:  # the NA of pandas is neither equal nor unequal to anything
        return True


def printable(text):
    r"""Text as a terminal may show it: what steers terminals or turns text around is escaped.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Line feeds and tabs stay; other control characters become ``\x1b`` or ``\u009b``,
        characters that change the direction of writing ``\u202e``.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def spreadsheet_cell(text):
    """Text of a CSV cell that spreadsheets show, and do not run as a formula.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        As `printable` gives it, with an apostrophe before what begins as a formula does.
        `plain_cell` takes the apostrophe away again.
    """
    return _FORMULA.sub(r"\1'", printable(text))


def plain_cell(text):
    """Text of a cell that `spreadsheet_cell` may have written, without the apostrophe."""
    return _ESCAPED_FORMULA.sub(r"\1", text)


def _escaped(match):
    code = ord(match[0])
    # As JSON has them but for those that JSON never leaves as they are: printed, it stays JSON.
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
