"""Files of a rehearsed database: frames, and label files in the formats of the official ones."""

import csv
import io
import os
from pathlib import Path

from cdmer._cv2 import import_cv2
from cdmer._extras import import_extra
from cdmer._files.writing import naming, write_atomically


def write_frames(folder, names, frames):
    """Write one image file per frame.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    names : sequence of str
        File names; the format follows from the suffix.
    frames : ndarray of uint8, shape (T, H, W)

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    cv2 = import_cv2()
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in zip(names, frames, strict=True):
        data = cv2.imencode(os.path.splitext(name)[1], frame)[1]
        with naming(folder / name):
            (folder / name).write_bytes(data.tobytes())


def write_label_file(path, rows, sheet=None):
    """Write a table in the format of the file's suffix.

    Parameters
    ----------
    path : Path
        ``.xlsx``, ``.xls`` or ``.csv``.
    rows : list of list of (str, int or None)
        From the first row of the file on, header and all; None for an empty cell.
    sheet : str or None
        Name of the sheet, which then stands behind another one; None for the first sheet.

    Raises
    ------
    ImportError
        If the library that writes the format is not there.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        _WRITERS[path.suffix.lower()](path, rows, sheet)


def _write_csv(path, rows, sheet):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [["" if cell is None else cell for cell in row] for row in rows]
    )
    write_atomically(path, text.getvalue())


def _write_xlsx(path, rows, sheet):
    book = import_extra("openpyxl", "rehearse").Workbook(write_only=True)
    if sheet is not None:
        book.create_sheet("Sheet1")
    table = book.create_sheet(sheet or "Sheet1")
    for row in rows:
        table.append(row)
    book.create_sheet("Sheet2")
    book.save(path)


def _write_xls(path, rows, sheet):
    book = import_extra("xlwt", "rehearse").Workbook(encoding="utf-8")
    table = book.add_sheet(sheet or "Sheet1")
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            if cell is not None:
                table.write(i, j, cell)
    book.save(str(path))


_WRITERS = {".csv": _write_csv, ".xlsx": _write_xlsx, ".xls": _write_xls}
