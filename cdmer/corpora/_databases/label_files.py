"""Label files: spreadsheets and CSV files as text, cell by cell."""

import csv
import io
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from cdmer._files.reading import read_regular
from cdmer.corpora._databases import limits
from cdmer.corpora._databases.encodings import check_encoding, decode_text
from cdmer.corpora._databases.limits import check_count, check_extent
from cdmer.corpora._databases.spreadsheets import list_titles, read_xls, read_xlsx
from cdmer.corpora._faults import Fault

# A label file lies in the database's folder, or in a folder or two within it.
_DEPTH = 2
_SUFFIXES = (".xlsx", ".xls", ".csv")
# The line by which Excel is told what separates cells; Excel does not show it.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
# Lines of which the sign that separates cells is found out: a legend above the header has few.
_SOUNDED = 50
_QUOTED = re.compile('"[^"]*"')
# What data frames make of a column of numbers in which a cell is missing.
_WHOLE = re.compile(r"[0-9]+\.0+")


@dataclass(frozen=True)
class Sheet:
    """Cells of a label file.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    rows : list of list of str
        Text of every cell, outer spaces gone; the first row and column of the file come first,
        empty or not; rows may differ in length. Whole numbers have no decimals: ``"12"`` for 12.0,
        be it a number or text.
    faults : tuple of Fault, default=()
        What is doubtful about the file as a whole.
    """

    name: str
    rows: list
    faults: tuple = ()

    def place(self, row, column):
        """Name a cell, ``"casme.xlsx, C17"``, from its position, which counts from 0."""
        letters, column = "", column + 1
        while column:
            column, letter = divmod(column - 1, 26)
            letters = chr(ord("A") + letter) + letters
        return f"{self.name}, {letters}{row + 1}"


def find_label_file(root, patterns, needed=True, depth=_DEPTH):
    """Find the label file of a database.

    Parameters
    ----------
    root : Path
        The folder of the database; it and some levels of folders within are searched, nearer ones
        first.
    patterns : sequence of str
        Names with ``*``, compared without case. The first that a file has counts.
    needed : bool, default=True
        Raise an error if there is none.
    depth : int, default=2
        How many levels of folders within.

    Returns
    -------
    Path or None

    Raises
    ------
    ValueError
        If there is none though one is needed, or two in folders of one level.
    """
    level, folders = 0, [root]
    while folders and level <= depth:
        files, within = _list(folders)
        for pattern in patterns:
            found = [file for file in files if is_named(file.name, pattern)]
            if len(found) > 1:
                names = ", ".join(repr(file.relative_to(root).as_posix()) for file in found)
                raise ValueError(
                    f"{root}: expected one label file, found {names}; name one with label_file"
                )
            if found:
                return found[0]
        level, folders = level + 1, within
    if not needed:
        return None
    raise ValueError(f"{root}: no label file; expected one named like {patterns[0]!r}")


def is_named(name, pattern):
    """Whether a file is named like a pattern, in any case, or is a CSV export of one that is."""
    if not name.lower().endswith(_SUFFIXES) or name.startswith((".", "~$")):
        return False
    fold = "".join(name.casefold().split()).rpartition(".")[0]
    return fnmatch(fold, "".join(pattern.casefold().split()).rpartition(".")[0])


def _list(folders):
    files, within = [], []
    for folder in folders:
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            raise ValueError(f"{folder}: cannot be listed: {error}") from error
        files += [entry for entry in entries if entry.is_file()]
        within += [entry for entry in entries if entry.is_dir()]
    return files, within


def read_sheet(path, sheet=None, name=None, encoding=None):
    """Read the cells of a label file.

    Of formulas the value stored with them is read; nothing is computed, macros are not run. Merged
    cells of xlsx files all hold what stands in them.

    Parameters
    ----------
    path : path-like
        An xlsx, xls or CSV file, recognised by its content.
    sheet : str, default=None
        Name of the sheet, compared without case; by default the first.
    name : str, default=None
        Name of the file in messages; by default its own.
    encoding : str, default=None
        Encoding of a CSV file; by default it is found out, see `decode_text`.

    Returns
    -------
    Sheet

    Raises
    ------
    ParameterError
        If `encoding` is none that Python knows.
    ValueError
        If the file cannot be read, is none of these, has no such sheet, is larger than any label
        file, or its encoding is not certain.
    """
    check_encoding(encoding)
    name = Path(path).name if name is None else name
    content, faults = _read(path, name), ()
    if content.startswith(b"PK"):
        rows = read_xlsx(content, sheet, name)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        rows = read_xls(content, sheet, name)
    else:
        text, doubt = decode_text(content, name, encoding)
        faults = () if doubt is None else (Fault("encoding", name, doubt),)
        rows = _read_csv(text, name)
    check_extent(len(rows), max(map(len, rows), default=0), name)
    check_count(sum(map(len, rows)), name)
    return Sheet(name, as_texts(rows, name), faults)


def read_titles(path, name):
    """List the names of a label file's sheets, a list of str; none of a CSV file.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    content = _read(path, name)
    return list_titles(content, name) if content.startswith((b"PK", b"\xd0\xcf\x11\xe0")) else []


def _read(path, name):
    try:
        return read_regular(path, limits.MAX_BYTES)
    except (OSError, ValueError) as error:
        problem = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{name}: cannot be read: {problem}") from error


def _read_csv(text, name):
    if "\0" in text:
        raise ValueError(f"{name}: neither a spreadsheet nor text")
    said = _SEPARATOR_LINE.match(text)
    if said:
        delimiter, text = said[1], text[said.end() :]
    else:
        # A line break or separator within quotes counts for nothing.
        lines = re.split("[\r\n]+", _QUOTED.sub("", text.lstrip()), maxsplit=_SOUNDED)[:_SOUNDED]
        delimiter = max(",;\t", key="".join(lines).count)
    check_count(sum(map(text.count, (delimiter, "\r", "\n"))), name)
    try:
        return _split(text, delimiter)
    except csv.Error as error:
        raise ValueError(f"{name}: damaged CSV file: {error}") from error


def _split(text, delimiter):
    """Cells of a CSV file; a quote that is never closed would make one cell of all that follows."""
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise csv.Error("a quote is opened and never closed") from error
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def as_texts(rows, name):
    """Give the text of every cell; ValueError if they are more letters than a label file has."""
    known, texts, n_letters = {}, [], 0  # many cells may be one long text, which is seen to once
    for row in rows:
        texts.append([_text(value, known) for value in row])
        n_letters += sum(map(len, texts[-1]))
        if n_letters > limits.MAX_TEXT:
            raise ValueError(f"{name}: expected at most {limits.MAX_TEXT} letters, got more")
    return texts


def _text(value, known):
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if not isinstance(value, str):
        return str(value)
    text = known.get(value)
    if text is None:
        text = value.replace("\ufeff", "").strip()
        text = known[value] = text.partition(".")[0] if _WHOLE.fullmatch(text) else text
    return text
