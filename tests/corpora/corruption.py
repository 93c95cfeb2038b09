"""Copies of a database with something wrong with them."""

import csv
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from cdmer.corpora._rehearsal.files import write_label_file

# What somebody, or some program, may leave in a cell.
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**12),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3)),
    st.sampled_from(
        [
            "",
            " ",
            "?",
            "/",
            "nan",
            "None",
            "-",
            "12",
            " 12 ",
            "12.0",
            "1e3",
            "012",
            "Ⅻ",
            "１２",
            "=1+1",
            "#N/A",
            "img12.jpg",
            "subject",
            "x" * 5000,
        ]
    ),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12),
)
NAMES = st.sampled_from(
    [
        "crème brûlée",
        "微表情",
        "Ω",
        "EP 01 02f",
        " lead",
        "UPPER",
        "a,b",
        "x.y",
        "é",
        "00",
        "-1",
        "sub99",
        "{clip}",
        "%s",
        "'; --",
        "s01_ne_99",
        "006_9_9",
    ]
)
BYTES = st.one_of(st.just(b""), st.binary(max_size=64), st.just(b"\xff\xd8\xff\xe0" + b"\0" * 40))


@dataclass
class Tree:
    """A database on disk that may be spoilt.

    Parameters
    ----------
    root : Path
    label_file : Path or None
    sheet : str or None
        Name of the sheet.
    rows : list of list
        Cells of the label file, from its first row.
    first : int
        Position of the first row of data in them.
    folders : list of Path
        The clips' folders, in the order of the rows.
    """

    root: Path
    label_file: Path | None
    sheet: str | None
    rows: list
    first: int
    folders: list
    rewritten: bool = field(default=False, init=False)

    @classmethod
    def of(cls, root, layout, corpus):
        """Describe a database that `make_database` has written."""
        if not layout.label_files:
            label_file, rows, first = None, [], 0
        else:
            (label_file,) = (p for p in root.iterdir() if p.suffix in (".xlsx", ".xls", ".csv"))
            rows = _read(label_file, layout.sheet)
            first = 0 if layout.header is None else layout.header + 1
        folders = [Path(clip.source.folder) for clip in corpus]
        return cls(root, label_file, layout.sheet, rows, first, folders)

    def copy(self, root):
        """Copy it; files are linked, and so must be replaced, not written to."""
        shutil.copytree(self.root, root, copy_function=os.link)
        moved = [root / folder.relative_to(self.root) for folder in self.folders]
        label_file = self.label_file and root / self.label_file.name
        return Tree(root, label_file, self.sheet, [list(r) for r in self.rows], self.first, moved)

    def finish(self):
        """Write the label file if its cells have changed."""
        if self.rewritten and self.label_file.exists():
            self.label_file.unlink()
            write_label_file(self.label_file, self.rows, self.sheet)

    def spoil(self, kind, a, b, cell, name, content):
        """Do what a kind of damage says, at places that the numbers a and b pick."""
        getattr(self, f"_{kind}")(a, b, cell, name, content)

    def _place(self, a):
        places = [folder for folder in self.folders if folder.is_dir()]
        return places[a % len(places)] if places else None

    def _missing_folder(self, a, b, cell, name, content):
        if place := self._place(a):
            shutil.rmtree(place)

    def _missing_subject(self, a, b, cell, name, content):
        if place := self._place(a):
            shutil.rmtree(place.parent)

    def _renamed_folder(self, a, b, cell, name, content):
        if place := self._place(a):
            _rename(place, name)

    def _other_case(self, a, b, cell, name, content):
        if place := self._place(a):
            place = [place, place.parent, place.parent.parent][b % 3]
            if place != self.root:
                _rename(place, place.name.swapcase())

    def _spaces(self, a, b, cell, name, content):
        if place := self._place(a):
            _rename(
                place, [f"{place.name} ", f" {place.name}", place.name.replace("_", " _")][b % 3]
            )

    def _extra_folder(self, a, b, cell, name, content):
        if (place := self._place(a)) and not (place.parent / name).exists():
            shutil.copytree(place, place.parent / name, copy_function=os.link)

    def _empty_folder(self, a, b, cell, name, content):
        if place := self._place(a):
            for file in place.iterdir():
                file.unlink()

    def _other_files(self, a, b, cell, name, content):
        if place := self._place(a):
            for other in ("Thumbs.db", "._img1.jpg", ".DS_Store", "notes.txt"):
                (place / other).write_bytes(content)

    def _truncated_image(self, a, b, cell, name, content):
        if file := self._file(a, b):
            data = file.read_bytes()
            file.unlink()
            file.write_bytes(data[: len(data) * (b % 10) // 10])

    def _no_image(self, a, b, cell, name, content):
        if file := self._file(a, b):
            file.unlink()
            file.write_bytes(content)

    def _missing_frame(self, a, b, cell, name, content):
        if file := self._file(a, b):
            file.unlink()

    def _unnumbered_frame(self, a, b, cell, name, content):
        if file := self._file(a, b):
            _rename(file, f"frame{file.suffix}")

    def _frame_twice(self, a, b, cell, name, content):
        if file := self._file(a, b):
            twin = file.with_name(f"copy_{file.name}")
            if not twin.exists():
                os.link(file, twin)

    def _file(self, a, b):
        place = self._place(a)
        files = sorted(place.iterdir()) if place else []
        return files[b % len(files)] if files else None

    def _wrong_cell(self, a, b, cell, name, content):
        if row := self._row(a):
            row[b % len(row)] = cell
            self.rewritten = True

    def _missing_row(self, a, b, cell, name, content):
        if row := self._row(a):
            self.rows.remove(row)
            self.rewritten = True

    def _duplicate_row(self, a, b, cell, name, content):
        if row := self._row(a):
            self.rows.append(list(row))
            self.rewritten = True

    def _blank_row(self, a, b, cell, name, content):
        self.rows.insert(self.first + a % max(1, len(self.rows) - self.first + 1), [])
        self.rewritten = True

    def _short_row(self, a, b, cell, name, content):
        if row := self._row(a):
            del row[b % len(row) :]
            self.rewritten = True

    def _renamed_column(self, a, b, cell, name, content):
        if self.first:
            header = self.rows[self.first - 1]
            header[a % len(header)] = [name, None, header[b % len(header)]][b % 3]
            self.rewritten = True

    def _respelt_header(self, a, b, cell, name, content):
        if self.first:
            header = self.rows[self.first - 1]
            header[:] = [t and [t.upper(), f" {t} ", t.replace(" ", "")][b % 3] for t in header]
            self.rewritten = True

    def _missing_column(self, a, b, cell, name, content):
        for row in self.rows:
            if row:
                del row[a % len(row)]
        self.rewritten = True

    def _empty_sheet(self, a, b, cell, name, content):
        del self.rows[[0, self.first][a % 2] :]
        self.rewritten = True

    def _missing_label_file(self, a, b, cell, name, content):
        self.label_file.unlink(missing_ok=True)

    def _no_spreadsheet(self, a, b, cell, name, content):
        data = self.label_file.read_bytes() if self.label_file.exists() else b""
        self.label_file.unlink(missing_ok=True)
        self.label_file.write_bytes([content, data[: len(data) * (b % 10) // 10]][a % 2])
        self.rewritten = False

    def _second_label_file(self, a, b, cell, name, content):
        twin = self.label_file.with_name(f"{self.label_file.stem}{self.label_file.suffix}.xlsx")
        if self.label_file.exists() and not twin.exists():
            os.link(self.label_file, twin)

    def _row(self, a):
        """A row of data with cells in it."""
        rows = [row for row in self.rows[self.first :] if row]
        return rows[a % len(rows)] if rows else None


OF_FOLDERS = (
    "missing_folder",
    "missing_subject",
    "renamed_folder",
    "other_case",
    "spaces",
    "extra_folder",
    "empty_folder",
    "other_files",
    "truncated_image",
    "no_image",
    "missing_frame",
    "unnumbered_frame",
    "frame_twice",
)
OF_LABEL_FILES = (
    "wrong_cell",
    "missing_row",
    "duplicate_row",
    "blank_row",
    "short_row",
    "renamed_column",
    "respelt_header",
    "missing_column",
    "empty_sheet",
    "missing_label_file",
    "no_spreadsheet",
    "second_label_file",
)


def damages(kinds):
    """Strategy: arguments of `Tree.spoil`, one to three times."""
    number = st.integers(0, 10**4)
    one = st.tuples(st.sampled_from(kinds), number, number, CELLS, NAMES, BYTES)
    return st.lists(one, min_size=1, max_size=3)


def _rename(path, name):
    target = path.with_name(name)
    if not target.exists():
        path.rename(target)


def _read(path, sheet):
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        return [list(row) for row in (book[sheet] if sheet else book.worksheets[0]).values]
    if path.suffix == ".csv":
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.reader(file))
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [[int(c) if isinstance(c, float) else c for c in row] for row in rows]
