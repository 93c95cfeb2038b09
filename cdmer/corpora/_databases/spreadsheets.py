"""Cells of xlsx and xls files, from whomever they come."""

import io
from contextlib import contextmanager

from cdmer.corpora._databases.limits import check_count
from cdmer.corpora._databases.xlsx import Workbook


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
    with damage_named(name):
        book = Workbook(content, name)
        return book.read(_choose(book.titles, sheet, name))


def list_titles(content, name):
    """List the names of a spreadsheet's sheets; parameters and errors are as in `read_xlsx`."""
    if content.startswith(b"PK"):
        with damage_named(name):
            return Workbook(content, name).titles
    import xlrd

    with damage_named(name):
        return xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), on_demand=True
        ).sheet_names()


def read_xls(content, sheet, name):
    """Read an xls file; parameters and the rest are as in `read_xlsx`."""
    import xlrd

    with damage_named(name):
        book = xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
    title = _choose(book.sheet_names(), sheet, name)
    with damage_named(name), book:
        page = book.sheet_by_name(title)
        check_count(sum(map(page.row_len, range(page.nrows))), name)
        return [[_xls_value(cell, book) for cell in page.row(i)] for i in range(page.nrows)]


@contextmanager
def damage_named(name, kind="spreadsheet"):
    """Whatever the libraries that read files of a kind raise says that the file is to blame."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if str(error).startswith(f"{name}"):
            raise
        raise ValueError(f"{name}: damaged {kind}: {error}") from error


def _choose(titles, sheet, name):
    if not titles:
        raise ValueError(f"{name}: has no sheet")
    if sheet is None or len(titles) == 1:
        return titles[0]
    for title in titles:
        if title.strip().casefold() == sheet.casefold():
            return title
    raise ValueError(f"{name}: no sheet {sheet!r}; there are {titles}")


def _xls_value(cell, book):
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate_as_datetime(cell.value, book.datemode).date()
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR")
    return cell.value
