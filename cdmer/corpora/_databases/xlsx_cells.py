"""Rows of a sheet, from the XML of an xlsx file."""

import re

from cdmer.corpora._databases import limits
from cdmer.corpora._databases.limits import check_count, check_extent
from cdmer.corpora._databases.xlsx_values import LocalNames, iso_date, moment, unescaped

# Rows and cells as nearly all programs write them; they are read three times as fast so as by a
# parser. What differs in any way is left to it.
_OTHERS = r'(?: [\w:.]+="[^"<&]*"){0,20} ?'
_EMPTY_ROWS = re.compile(rf"\s*(?:<row{_OTHERS}/>\s*){{0,99}}")
_ROW = re.compile(rf'{_EMPTY_ROWS.pattern}<row r="([1-9][0-9]{{0,6}})"{_OTHERS}>')
_TEXT = r"([^<&\x00-\x08\x0b-\x1f]*)"
_CELL = re.compile(
    r'(\s*<c r="([A-Z]{1,3})([0-9]+)"(?: s="([0-9]{1,9})")?(?: t="([A-Za-z]+)")? ?(?:/>|>'
    rf"(?:<f{_OTHERS}(?:/>|>[^<&]*</f>))?"
    rf'(?:<v>{_TEXT}</v>|<v ?/>|<is><t(?: xml:space="preserve")?>{_TEXT}</t></is>)?</c>))'
)
_DECLARATION = re.compile(r"<\?xml ([^<>?]*)\?>")
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


class CellReader:
    """Takes the elements of a sheet one by one, and makes rows of them.

    Parameters
    ----------
    name : str
        Name of the file in messages.
    strings : list of str
        Texts that cells name by number.
    formats : list of str
        What numbers of each style are, see `format_kind`.
    from_1904 : bool
        See `moment`.

    Attributes
    ----------
    table : list of list
        The rows so far, not all of one length.
    """

    def __init__(self, name, strings, formats, from_1904):
        self.name, self.formats, self.from_1904 = name, formats, from_1904
        self.strings = {str(number): text for number, text in enumerate(strings)}
        self.table, self.merged, self.n_empty = [], [], 0
        self.columns = {}  # by their letters

    def take(self, data):
        """Take the rows of a sheet that is written as nearly all are.

        Parameters
        ----------
        data : bytes
            The XML of the sheet.

        Returns
        -------
        bytes
            What is left for a parser: all but the rows, or everything if it is written otherwise.
        """
        try:
            document = data.decode()
        except UnicodeDecodeError:
            return data
        head, _, rest = document.partition("<sheetData>")
        body, found, tail = rest.partition("</sheetData>")
        declaration = _DECLARATION.match(head)
        declared = declaration[1].lower() if declaration else "utf-8"
        plain = head[declaration.end() :] if declaration else head
        # There may be no comments, and no text that looks like elements.
        is_usual = found and "<!" not in document and "?" not in plain and "?" not in tail
        if not is_usual or ("encoding" in declared and "utf-8" not in declared):
            return data
        if all(map(self._take_row, body.split("</row>"))):
            return f"{head}<sheetData/>{tail}".encode()
        self.table, self.n_empty = [], 0
        return data

    def _take_row(self, row):
        begin = _ROW.match(row)
        if begin is None:
            return _EMPTY_ROWS.fullmatch(row) is not None
        label, end = begin[1], begin.end()
        row_number, columns, strings = int(label) - 1, self.columns, self.strings
        for cell, letters, number, style, kind, value, inline in _CELL.findall(row, end):
            end += len(cell)
            column = columns.get(letters)
            if column is None or row_number >= limits.MAX_ROWS:
                _, column = self._position(letters + label)
                columns[letters] = column
            if number != label:
                return False
            text = value or inline
            if text:
                content = strings.get(text) if kind == "s" else None
                if content is None:
                    content = self._value(text, kind or "n", style or "0")
                self._place(row_number, column, content)
        return not row[end:].strip()

    def attach(self, parser):
        """Let a parser of XML give the elements of a sheet."""
        pieces, local = [], LocalNames()
        inside = phonetic = False
        cell, row_number, column = {}, -1, -1

        def start(tag, attributes):
            nonlocal inside, phonetic, cell, row_number, column
            tag = local[tag]
            if tag == "c":
                cell = attributes
                pieces.clear()
                column += 1
                if "r" in cell:
                    row_number, column = self._position(cell["r"])
            elif tag == "v" or tag == "t":
                inside = not phonetic
            elif tag == "row":
                row_number, column = row_number + 1, -1
                if "r" in attributes:
                    row_number = self._whole(attributes["r"]) - 1
            elif tag == "rPh":  # how Asian text is pronounced
                phonetic = True
            elif tag == "mergeCell":
                self.merged.append(attributes.get("ref", ""))

        def end(tag):
            nonlocal inside, phonetic
            tag = local[tag]
            if tag == "v" or tag == "t":
                inside = False
            elif tag == "c" and any(pieces):
                text, kind = "".join(pieces), cell.get("t", "n")
                self._place(row_number, column, self._value(text, kind, cell.get("s", "0")))
            elif tag == "rPh":
                phonetic = False

        def text(data):
            if inside:
                pieces.append(data)

        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = text

    def rows(self):
        """Give the rows, all of one length, with merged cells filled."""
        table, name = self.table, self.name
        width = max(map(len, table), default=0)
        check_count(width * len(table), name)
        for row in table:
            row += [""] * (width - len(row))
        n_filled = 0
        for reference in self.merged:
            first, _, last = reference.partition(":")
            (top, left), (bottom, right) = self._position(first), self._position(last or first)
            n_columns = min(right + 1, width) - left
            if top >= len(table) or n_columns < 1:
                continue
            value = table[top][left]
            for row in table[top : bottom + 1]:
                n_filled += n_columns
                check_count(n_filled, name)
                row[left : left + n_columns] = [value] * n_columns
        return table

    def _place(self, row_number, column, value):
        table = self.table
        if row_number >= len(table) or column >= limits.MAX_COLUMNS:
            check_extent(row_number + 1, column + 1, self.name)
            table += ([] for _ in range(row_number + 1 - len(table)))
        row = table[row_number]
        if column < len(row):
            row[column] = value
            return
        if column > len(row):
            self.n_empty += column - len(row)
            check_count(self.n_empty, self.name)
            row += [""] * (column - len(row))
        row.append(value)

    def _value(self, text, kind, style):
        if len(text) > limits.MAX_LETTERS:
            raise ValueError(
                f"{self.name}: expected at most {limits.MAX_LETTERS} letters in a cell, got "
                f"{len(text)}"
            )
        if kind == "n":
            return self._number(text, style)
        if kind == "str" or kind == "inlineStr":
            return unescaped(text)
        if kind == "b":
            return text.strip() not in ("0", "false")
        if kind == "d":
            return iso_date(text.strip())
        if kind == "e":
            return ""
        if kind == "s":
            number = self._whole(text)
            if str(number) not in self.strings:
                raise ValueError(f"{self.name}: damaged spreadsheet: there is no text {number}")
            return self.strings[str(number)]
        raise ValueError(f"{self.name}: damaged spreadsheet: a cell of the type {kind!r}")

    def _number(self, text, style):
        try:
            value = float(text)
        except ValueError:
            return text
        if "_" in text:
            return text
        number = self._whole(style)
        kind = self.formats[number] if number < len(self.formats) else ""
        return moment(value, kind, self.from_1904) if kind else value

    def _position(self, reference):
        """Row and column of a cell by its name, from 0."""
        match = _REFERENCE.fullmatch(reference)
        if match is None or not int(match[2]):
            raise ValueError(f"{self.name}: damaged spreadsheet: no cell is called {reference!r}")
        column = 0
        for letter in match[1].upper():
            column = 26 * column + ord(letter) - ord("A") + 1
        check_extent(int(match[2]), column, f"{self.name}, {reference}")
        return int(match[2]) - 1, column - 1

    def _whole(self, text):
        text = text.strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise ValueError(
                f"{self.name}: damaged spreadsheet: expected a whole number, got {text[:30]!r}"
            )
        return int(text)
