"""Corpora of one's own: a table that lists clips."""

import os
import warnings
from pathlib import Path

from cdmer._parameters import check_flag
from cdmer.corpora._corpus import Corpus
from cdmer.corpora._databases.spelling import fold_header
from cdmer.corpora._extent import Extent
from cdmer.corpora._faults import Fault
from cdmer.corpora._manifest_files import COLUMNS, PASSED_OVER, REQUIRED, read_manifest
from cdmer.corpora._manifest_rows import RowReader

# Rows that one error message lists at most.
_LISTED = 10


def load_manifest(
    path,
    *,
    root=None,
    name=None,
    colour=False,
    allow_outside=False,
    extent="expression",
    margin=0,
    encoding=None,
):
    """Open the corpus that a manifest lists.

    A manifest is a table with one row per clip. Its columns, in any order:

    - ``path``: a folder of images (see `list_frames`) or a video file;
    - ``subject``: who is recorded, or nothing where nobody knows;
    - ``label``: the emotion, or nothing. Where no clip has one, such as those to predict, the
      column may be missing;

    and, where there is something to say,

    - ``name``: identifies the clip within its subject; by default the last part of the path,
      of a video without its suffix;
    - ``corpus``: the corpus that the clip belongs to; by default the name of this one;
    - ``onset``, ``apex``, ``offset``: frame numbers, as in the file names of the images; in a video
      they count from 0;
    - ``start``, ``stop``: the clip is the frames from number `start` to the one before `stop` of
      what the path holds, whatever the onset and offset;
    - ``fps``: frames per second; by default what a video file announces;
    - ``action_units``: joined by "+" or commas;
    - ``objective_class``, ``apex_spotted_by``: see `Clip`.

    Further columns of `cdmer.synthesis.synthesize` are passed over.

    Parameters
    ----------
    path : path-like
        A CSV file, a spreadsheet or a Parquet file.
    root : path-like, default=None
        Folder that paths are relative to; by default that of the manifest.
    name : str, default=None
        Name of the corpus. By default what the column ``corpus`` says, if that is the same in all
        rows, or else the name of the file.
    colour : bool, default=False
        Read red, green and blue in place of grey levels.
    allow_outside : bool, default=False
        Accept paths that lead out of `root`: absolute ones, with ``..``, or through links, those of
        single frames included.
    extent : {"expression", "folder"}, default="expression"
        Whether a clip is the frames from onset to offset, where both are known, or all of the
        folder or the video. Rows with `start` or `stop` say so themselves.
    margin : int or str, default=0
        Frames before the onset and after the offset that belong to the clip as well, where there
        are any; or seconds, such as ``"0.2 s"``, rounded to frames.
    encoding : str, default=None
        Encoding of a CSV file, such as ``"windows-1252"``. By default UTF-8, or UTF-16 with a byte
        order mark; other files are read as Windows-1252 or GB18030 where only one of them can be
        meant, with a fault that names it. An apostrophe before a text that spreadsheets would run
        as a formula is no part of it.

    Returns
    -------
    Corpus
        In the order of the rows. Only names of images and headers of videos are read. Its `faults`
        list rows that give no clip, cells that do not hold what their column should, moments that
        are out of order or outside the frames, gaps in the frame numbers, frames that are left out,
        clips of more than 4 seconds, and columns that are not read. Reading frames that take more
        memory than the environment variable ``CDMER_MAX_CLIP_BYTES`` says, 2 GiB by default, raises
        ValueError.

    Raises
    ------
    ValueError
        If the file cannot be read as a table, its encoding is not certain, a column is missing or
        there twice, or no row gives a clip. The message lists what is wrong with which row.
    ParameterError
        If `colour` or `allow_outside` is not True or False, `extent` or the encoding is unknown, or
        `margin` is not as above, or above 0 with ``extent="folder"``.
    ImportError
        If the file is a Parquet file and pyarrow is missing.
    OSError
        If the file is not there.

    Warns
    -----
    UserWarning
        If rows give no clip: their path is not there, leads outside or holds no frames, or they
        repeat a clip. `faults` lists them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import cv2
    >>> import numpy as np
    >>> from cdmer.corpora import load_manifest
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clip = Path(folder, "ann", "smile")
    ...     clip.mkdir(parents=True)
    ...     for number in range(8, 14):
    ...         _ = cv2.imwrite(f"{clip}/img{number}.png", np.zeros((4, 5), dtype=np.uint8))
    ...     manifest = Path(folder, "mine.csv")
    ...     with open(manifest, "w") as file:
    ...         print("path,subject,label,onset,apex", file=file)
    ...         print("ann/smile,ann,happiness,9,11", file=file)
    ...     corpus = load_manifest(manifest)
    ...     frames = corpus[0].frames
    >>> corpus
    Corpus('mine', 1 clips, 1 subjects)
    >>> frames.shape, corpus[0].position("apex")
    ((6, 4, 5), 3)
    """
    check_flag("colour", colour)
    check_flag("allow_outside", allow_outside)
    extent = Extent(extent, margin)
    path = Path(path)
    sheet = read_manifest(path, encoding)
    columns, faults = _find_columns(sheet)
    lines = [(number, row) for number, row in enumerate(sheet.rows) if number and any(row)]
    name = _corpus_name(columns, lines, path) if name is None else name
    root = os.path.abspath(path.parent if root is None else root)
    reader = RowReader(sheet, columns, root, name, colour, allow_outside, extent)
    for number, row in lines:
        reader.read(number, row)
    if not reader.clips:
        raise ValueError(
            "\n".join(
                [
                    f"{path}: {len(reader.lost)} of {len(lines)} rows cannot be read:",
                    *map(str, reader.lost[:_LISTED]),
                    *["…"] * (len(reader.lost) > _LISTED),
                ]
            )
        )
    if reader.lost:
        warnings.warn(
            f"{path}: {len(reader.clips)} clips; {len(reader.lost)} more rows give none, see the "
            f"corpus' faults. The first: {reader.lost[0]}",
            stacklevel=2,
        )
    return Corpus(reader.clips, name, faults=[*sheet.faults, *faults, *reader.faults])


def _find_columns(sheet):
    """Position of each column that is there, and faults for those that are not read."""
    known = {fold_header(name): name for name in COLUMNS}
    columns, faults = {}, []
    for i, text in enumerate(sheet.rows[0]):
        name = known.get(fold_header(text))
        if name in columns:
            raise ValueError(f"{sheet.place(0, i)}: a second column {name!r}")
        if name is not None:
            columns[name] = i
        elif text and fold_header(text) not in PASSED_OVER:
            message = f"column {text!r} is not read; there are {', '.join(COLUMNS)}"
            faults.append(Fault("column", sheet.place(0, i), message))
    # A column that is not read may be that of the labels, under another name.
    needed = set(REQUIRED) - ({"label"} if len(columns) == len(sheet.rows[0]) else set())
    if not columns.keys() >= needed:
        raise ValueError(
            f"{sheet.name}: expected the columns {', '.join(REQUIRED)}, got {sheet.rows[0]}"
        )
    return columns, faults


def _corpus_name(columns, lines, path):
    at = columns.get("corpus")
    names = {row[at] if at is not None and at < len(row) else "" for _, row in lines}
    return names.pop() if len(names) == 1 and names != {""} else path.stem
