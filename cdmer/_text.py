"""Numbers with nouns, names that are not known, and text that runs nothing and tells no folder."""

import hashlib
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
# Of code, what lies below the folder that packages are installed in tells nothing of people.
_CODE = re.compile(
    r'(?<=File ")[^"\n]*(?:(?:site|dist)-packages[/\\]|python3\.\d+[/\\]|[/\\](?=cdmer[/\\]))'
    r'(?=[^"\n]+\.py")'
)
# A folder's name may hold all but what ends a path in a sentence, and spaces within it.
_NAME_END = r"""[^\s/\\:"'`<>|]"""
_NAME = rf"""{_NAME_END}(?:(?:[^/\\:"'`<>|\n]|(?<=\w)'(?=\w))*{_NAME_END})?"""
_ROOT = (
    r"file:/+",
    r"(?<![\w./\\~)\]}<…])(?:/(?!/)|(?<!:)//+)",  # /home/, but neither a/b nor http://
    r"(?<![\w./\\])~[\w.-]*/+",
    r"(?<!\w)[A-Za-z]:[/\\]+(?!/)",
    r"(?<![\w\\])\\\\+",  # \\server\
)
_FOLDERS = re.compile(rf"(?:{'|'.join(_ROOT)})(?:{_NAME}[/\\]+)*(?={_NAME_END})")


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


def without_folders(text, told_apart=False):
    """Text without the folders of absolute paths, which name people, projects and machines.

    Parameters
    ----------
    text : str
        May hold several paths, of any system, and any other text. Of a path with spaces, that of
        a sentence behind it may go, too.
    told_apart : bool, default=False
        Whether eight digits of a hash take the place of the folders, so that equal names in
        different folders stay different.

    Returns
    -------
    str
        Of code in tracebacks, what lies below the folder of installed packages stays.

    Examples
    --------
    >>> from cdmer._text import without_folders
    >>> without_folders("clip 's1/a': /home/ann/faces/s1/a2.png: expected a JPEG")
    "clip 's1/a': a2.png: expected a JPEG"
    """

    def mark(match):
        if not told_apart:
            return ""
        return hashlib.sha256(match[0].encode("utf-8", "surrogatepass")).hexdigest()[:8] + "…/"

    return _FOLDERS.sub(mark, _CODE.sub("", text))


def without_folders_in(value):
    """Apply `without_folders` to all texts in what JSON can hold, but for the keys of dicts."""
    if isinstance(value, str):
        return without_folders(value)
    if isinstance(value, dict):
        return {key: without_folders_in(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders_in(part) for part in value]
    return value


def _escaped(match):
    code = ord(match[0])
    # As JSON has them but for those that JSON never leaves as they are: printed, it stays JSON.
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
