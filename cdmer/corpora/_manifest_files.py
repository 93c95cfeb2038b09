"""Manifests as files: columns, cells, and how a corpus is written as one."""

import csv
import io
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from cdmer._extras import import_extra
from cdmer._files.reading import check_regular, read_head, read_regular
from cdmer._files.writing import atomic_file, check_replaceable, write_atomically
from cdmer._text import plain_cell, printable, spreadsheet_cell
from cdmer.corpora._databases import limits
from cdmer.corpora._databases.encodings import check_encoding
from cdmer.corpora._databases.label_files import Sheet, as_texts, read_sheet
from cdmer.corpora._databases.limits import check_count, check_extent
from cdmer.corpora._databases.spreadsheets import damage_named
from cdmer.corpora._extent import find_expression
from cdmer.corpora._media.frame_cache import CachedFrames
from cdmer.corpora._media.frames import FrameFolder, list_frames
from cdmer.corpora._media.video import VideoFile

REQUIRED = ("path", "subject", "label")
TEXTS = (
    "path",
    "subject",
    "label",
    "name",
    "corpus",
    "action_units",
    "objective_class",
    "apex_spotted_by",
)
NUMBERS = ("onset", "apex", "offset", "start", "stop")
COLUMNS = (*TEXTS[:5], *NUMBERS, "fps", *TEXTS[5:])
# How a synthetic clip came about; a Clip has no place for it.
PASSED_OVER = ("intensities", "emotion", "source", "seed")
# Read as whole numbers, as data frames write those.
_DECIMALS = re.compile(r"[0-9]+\.0+")
# Of Parquet files that `write_manifest` wrote.
_NOTE = {"cdmer": "manifest"}


def read_manifest(path, encoding=None):
    """Read the cells of a manifest.

    Parameters
    ----------
    path : Path
        A Parquet file by its suffix, or else one that `read_sheet` reads.
    encoding : str, default=None
        As `read_sheet` takes it.

    Returns
    -------
    Sheet
        The header is its first row.

    Raises
    ------
    ParameterError
        If `encoding` is none that Python knows.
    ValueError
        If the file is none of these, or holds no row.
    ImportError
        If it is a Parquet file and pyarrow is missing.
    OSError
        If it cannot be read.
    """
    check_encoding(encoding)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    check_regular(path)
    is_parquet = path.suffix.lower() == ".parquet"
    sheet = _read_parquet(path) if is_parquet else read_sheet(path, encoding=encoding)
    if path.suffix.lower() not in (".parquet", ".xlsx", ".xls"):
        sheet = replace(sheet, rows=[[plain_cell(cell) for cell in row] for row in sheet.rows])
    if not any(map(any, sheet.rows[1:])):
        raise ValueError(f"{path}: expected a header and at least one row, got no row")
    return sheet


def _read_parquet(path):
    parquet, arrow = import_extra("pyarrow.parquet", "parquet"), import_extra("pyarrow", "parquet")
    content = read_regular(path, limits.MAX_BYTES)
    with damage_named(path, "Parquet file"):
        file = parquet.ParquetFile(arrow.BufferReader(content))
        _check_parquet(file, arrow.types, path)
        # Dictionaries, since one long text may stand in every row.
        texts = [field.name for field in file.schema_arrow if _is_text(field.type, arrow.types)]
        file = parquet.ParquetFile(arrow.BufferReader(content), read_dictionary=texts)
        table = file.read()
        columns = [_read_column(column) for column in table.columns]
    rows = list(zip(*columns, strict=True))
    return Sheet(path.name, as_texts([table.column_names, *rows], path.name))


def _check_parquet(file, types, path):
    """Refuse, by what the file says of itself, what would fill the memory."""
    found = file.metadata
    check_extent(found.num_rows, found.num_columns, path)
    check_count(found.num_rows * found.num_columns, path)
    n_bytes = sum(found.row_group(i).total_byte_size for i in range(found.num_row_groups))
    if n_bytes > limits.MAX_UNPACKED:
        raise ValueError(
            f"{path}: expected at most {limits.MAX_UNPACKED} bytes unpacked, got {n_bytes}"
        )
    nested = [field.name for field in file.schema_arrow if types.is_nested(field.type)]
    if nested:
        raise ValueError(f"{path}: expected a number or a text in each cell of {nested[0]!r}")


def _is_text(kind, types):
    return any(f(kind) for f in (types.is_string, types.is_large_string, types.is_binary))


def _read_column(column):
    """Cells of a column, each text once in memory, however often it stands there."""
    cells = []
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            values = [_text(cell) for cell in chunk.dictionary.to_pylist()]
            cells += ["" if i is None else values[i] for i in chunk.indices.to_pylist()]
        else:
            cells += map(_text, chunk.to_pylist())
    return cells


def _text(cell):
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def write_manifest(corpus, path, root=None):
    """Write a corpus as a manifest; see `Corpus.to_manifest`."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise ValueError(f"path: expected a file .csv or .parquet, got {str(path)!r}")
    is_csv = kind == ".csv"
    is_ours = _is_csv_manifest if is_csv else _is_parquet_manifest
    check_replaceable(path, is_ours)  # before the folders are looked into
    root = os.path.abspath(path.parent if root is None else root)
    rows = [_row(clip, root) for clip in corpus]
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    columns = {
        name: cells
        for name, cells in columns.items()
        if name in REQUIRED or any(cell is not None for cell in cells)
    }
    if is_csv:
        cells = [[_escaped(cell) for cell in row] for row in zip(*columns.values(), strict=True)]
        write_atomically(path, _csv_text([list(columns), *cells]), is_ours)
        return
    table = import_extra("pyarrow", "parquet").table(columns).replace_schema_metadata(_NOTE)
    with atomic_file(path, is_ours) as file:
        import_extra("pyarrow.parquet", "parquet").write_table(table, file)


def _escaped(cell):
    return spreadsheet_cell(cell) if isinstance(cell, str) else cell


def _csv_text(rows):
    """Cells as CSV; names of columns in quotes tell manifests of ours from those of others."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(rows[0])
    csv.writer(text, lineterminator="\n").writerows(rows[1:])
    return text.getvalue()


def _is_csv_manifest(path):
    """Whether `write_manifest` would write the same cells just so: an edited one may be no more."""
    text = read_regular(path, limits.MAX_BYTES).decode("utf-8")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return False
    names = [name for name in COLUMNS if name in rows[0]]
    return rows[0] == names and names[: len(REQUIRED)] == [*REQUIRED] and text == _csv_text(rows)


def _is_parquet_manifest(path):
    if read_head(path, 4) != b"PAR1":
        return False
    found = import_extra("pyarrow.parquet", "parquet").read_schema(path).metadata or {}
    return found.get(b"cdmer") == b"manifest"


def _row(clip, root):
    source = clip.source.source if isinstance(clip.source, CachedFrames) else clip.source
    if isinstance(source, FrameFolder):
        place, (start, stop) = source.folder, _range_in_folder(clip, source)
    elif isinstance(source, VideoFile):
        place, (start, stop) = source.path, _range_in_video(clip, source)
    else:
        kind = type(source).__name__
        raise ValueError(
            f"clip {clip.key!r}: a manifest names folders of images and videos, and its frames "
            f"come from a source of type {kind}"
        )
    place = os.path.relpath(os.path.abspath(place), root).replace(os.sep, "/")
    if place == ".." or place.startswith("../"):
        raise ValueError(
            f"clip {clip.key!r}: lies outside of {root}; name a folder that holds all clips as root"
        )
    row = {name: getattr(clip, name, None) for name in COLUMNS}
    row |= {"path": place, "start": start, "stop": stop}
    row["action_units"] = "+".join(clip.action_units) or None
    row = {name: _plain(value) for name, value in row.items()}
    for name, value in row.items():
        if isinstance(value, str) and _is_changed(value):
            raise ValueError(
                f"clip {clip.key!r}: its {name} {value!r} does not survive a manifest: control "
                "characters, outer white space, or a whole number with decimals"
            )
    return row


def _is_changed(text):
    """Whether readers would get another text, or terminals be steered by it."""
    return printable(text) != text.strip() or bool(_DECIMALS.fullmatch(text))


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _range_in_folder(clip, source):
    """Numbers of the first frame and after the last, or None twice if readers find them.

    They do if all of the folder is meant, and no onset and offset say otherwise.

    Raises
    ------
    ValueError
        If the clip is no run of the folder's frames, or counts them otherwise.
    """
    names, numbers = list_frames(source.folder)
    begin = names.index(source.names[0]) if source.names[0] in names else 0
    end = begin + len(source.names)
    if names[begin:end] != source.names or clip.frame_numbers != numbers[begin:end]:
        raise ValueError(
            f"clip {clip.key!r}: expected frames that follow each other in {source.folder} and are "
            "numbered as their files are"
        )
    if end - begin == len(names) and _is_expression(clip, numbers):
        return None, None
    first, last = clip.ends or (numbers[begin], numbers[end - 1])
    return first, last + 1


def _is_expression(clip, numbers):
    """Whether readers that look for the expression keep all of these frames."""
    if clip.onset is None or clip.offset is None:
        return True
    part, _ = find_expression(numbers, clip.onset, clip.offset)
    return bool(numbers) and (part is None or part == slice(0, len(numbers)))


def _range_in_video(clip, source):
    """First frame and the one after the last, or None twice if readers find them.

    They do if all of the video is meant, and no onset and offset say otherwise.

    Raises
    ------
    ValueError
        If the clip counts the frames otherwise than from the start of the video.
    """
    whole = source.start == 0 and source.stop is None
    own = None if source.stop is None else tuple(range(source.start, source.stop))
    if clip.frame_numbers != own or (own is None and not whole):
        raise ValueError(
            f"clip {clip.key!r}: expected frames that are counted from the start of {source.path}"
        )
    if whole and _is_expression(clip, range(source.header()[0])):
        return None, None
    return source.start, source.stop
