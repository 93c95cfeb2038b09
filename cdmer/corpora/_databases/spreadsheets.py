"""Cells of xlsx and xls files, from whomever they come."""

import io
import re
import zipfile
import zlib
from contextlib import contextmanager

# The largest label file of a database has a few megabytes and a few thousand rows. What is far
# beyond would fill the memory, by accident or on purpose.
MAX_UNPACKED = 512 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 1_000
_REFERENCE = re.compile(rb'\br="([A-Z]{1,8})([0-9]{1,12})"')
_PIECE = 2**20


def check_extent(rows, columns, where):
    """Refuse tables larger than a label file is.

    Raises
    ------
    ValueError
        If there are more than `MAX_ROWS` or `MAX_COLUMNS`.
    """
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise ValueError(
            f"{where}: expected at most {MAX_ROWS} rows and {MAX_COLUMNS} columns, got a cell in "
            f"row {rows}, column {columns}"
        )


def read_xlsx(content, sheet, name):
    """Read an xlsx file.

    Parameters
    ----------
    content : bytes
    sheet : str or None
        Name of the sheet, compared without case; None for the first. An only sheet may have any.
    name : str
        Name of the file in messages.

    Returns
    -------
    list of list
        Numbers, texts and so on; of formulas the values stored with them.

    Raises
    ------
    ValueError
        If the file is damaged or too large, or there is no such sheet.
    """
    import python_calamine

    _check_archive(content, name)
    with _damage_named(name):
        book = python_calamine.load_workbook(io.BytesIO(content))
    title = _choose(book.sheet_names, sheet, name)
    with _damage_named(name), book:
        page = book.get_sheet_by_name(title)
        rows = page.to_python(skip_empty_area=False)
        for (top, left), (bottom, right) in page.merged_cell_ranges or ():
            check_extent(bottom + 1, right + 1, name)
            for row in rows[top : bottom + 1]:
                row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])
        return rows


def list_titles(content, name):
    """List the names of a spreadsheet's sheets; parameters and errors are as in `read_xlsx`."""
    if content.startswith(b"PK"):
        import python_calamine

        _check_archive(content, name)
        with _damage_named(name):
            return python_calamine.load_workbook(io.BytesIO(content)).sheet_names
    import xlrd

    with _damage_named(name):
        return xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), on_demand=True
        ).sheet_names()


def read_xls(content, sheet, name):
    """Read an xls file; parameters and the rest are as in `read_xlsx`."""
    # python-calamine reads xls, too, but a damaged file can make it ask for so much memory that
    # the process ends; xlrd is Python and raises an error.
    import xlrd

    with _damage_named(name):
        book = xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
    title = _choose(book.sheet_names(), sheet, name)
    with _damage_named(name), book:
        page = book.sheet_by_name(title)
        return [[_xls_value(cell, book) for cell in page.row(i)] for i in range(page.nrows)]


@contextmanager
def _damage_named(name):
    """Whatever the libraries that read spreadsheets raise says that the file is to blame."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{name}: damaged spreadsheet: {error}") from error
    except BaseException as error:
        # A file that python-calamine, which is written in Rust, did not expect makes it panic.
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"{name}: damaged spreadsheet") from None


def _choose(titles, sheet, name):
    if not titles:
        raise ValueError(f"{name}: has no sheet")
    if sheet is None or len(titles) == 1:
        return titles[0]
    for title in titles:
        if title.strip().casefold() == sheet.casefold():
            return title
    raise ValueError(f"{name}: no sheet {sheet!r}; there are {titles}")


def _check_archive(content, name):
    """Refuse an xlsx file that unpacks to more than a label file has, before it is opened.

    What the archive says of its sizes is not trusted: everything is unpacked once, piece by piece.
    """
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "xl/workbook.xml" not in archive.namelist():
                raise ValueError(f"{name}: expected a spreadsheet, got another archive")
            for entry in archive.infolist():
                entry.file_size = MAX_UNPACKED + 1  # else reading would stop at the size it claims
                with archive.open(entry) as file:
                    for piece in _pieces(file):
                        unpacked += len(piece)
                        if unpacked > MAX_UNPACKED:
                            raise ValueError(
                                f"{name}: unpacks to more than {MAX_UNPACKED} bytes; "
                                "no label file does"
                            )
                if entry.filename.startswith("xl/worksheets/"):
                    with archive.open(entry) as file:
                        _check_references(file, name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise ValueError(f"{name}: damaged spreadsheet: {error}") from error


def _pieces(file):
    return iter(lambda: file.read(_PIECE), b"")


def _check_references(file, name):
    """Refuse cells far out: the reader would make room for all that lie before them."""
    tail = b""
    for piece in _pieces(file):
        for letters, row in _REFERENCE.findall(tail + piece):
            column = 0
            for letter in letters:
                column = 26 * column + letter - ord("A") + 1
            check_extent(int(row), column, f"{name}, {letters.decode()}{row.decode()}")
        tail = piece[-64:]  # a reference may lie across the border


def _xls_value(cell, book):
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate_as_datetime(cell.value, book.datemode).date()
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR")
    return cell.value
