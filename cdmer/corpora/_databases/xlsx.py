"""Sheets of xlsx files, by Python's own reader of XML, which no cell reference leads astray."""

import io
import posixpath
from xml.parsers import expat

from cdmer._files.archives import open_archive
from cdmer.corpora._databases import limits
from cdmer.corpora._databases.limits import check_count
from cdmer.corpora._databases.xlsx_cells import CellReader
from cdmer.corpora._databases.xlsx_values import KNOWN_FORMATS, LocalNames, format_kind, unescaped

_FOLDER, _BOOK = "xl", "xl/workbook.xml"
_STRINGS, _STYLES = "xl/sharedstrings.xml", "xl/styles.xml"


class Workbook:
    """An xlsx file whose sheets can be listed and read.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file in messages.

    Attributes
    ----------
    titles : list of str
        Names of the sheets.

    Raises
    ------
    ValueError
        If it is no xlsx file, damaged, or unpacks to more than any label file.
    """

    def __init__(self, content, name):
        self.name, file = name, io.BytesIO(content)
        with open_archive(file, name, most_bytes=limits.MAX_UNPACKED, stored=False) as archive:
            # All are read, so that damage anywhere is noticed. Programs differ in case.
            self._parts = {member.lower(): archive.read(member) for member in archive.namelist()}
        if _BOOK not in self._parts:
            raise ValueError(f"{name}: expected a spreadsheet, got another archive")
        self._sheets, self._from_1904 = self._read_book()
        self.titles = list(self._sheets)

    def read(self, title):
        """Read the cells of a sheet.

        Parameters
        ----------
        title : str
            One of `titles`.

        Returns
        -------
        list of list
            Numbers, texts and so on, ``""`` where there is nothing; rows are of one length.

        Raises
        ------
        ValueError
            If the sheet is damaged or too large.
        """
        part = self._sheets[title]
        if part not in self._parts:
            raise ValueError(f"{self.name}: damaged spreadsheet: has no part {part!r}")
        cells = CellReader(self.name, self._read_strings(), self._read_formats(), self._from_1904)
        parser = self._parser()
        cells.attach(parser)
        self._run(parser, part, cells.take(self._parts[part]))
        return cells.rows()

    def _read_book(self):
        """Parts of the sheets by their names, and whether days count from 1904 on."""
        targets, sheets, from_1904, local = {}, {}, False, LocalNames()

        def relation(tag, attributes):
            if local[tag] == "Relationship":
                targets[attributes.get("Id")] = attributes.get("Target", "")

        def start(tag, attributes):
            nonlocal from_1904
            tag = local[tag]
            if tag == "workbookPr":
                from_1904 = attributes.get("date1904") in ("1", "true")
            elif tag == "sheet":
                by_id = (value for key, value in attributes.items() if key.endswith(":id"))
                target = targets.get(next(by_id, None), "")
                place = posixpath.normpath(posixpath.join("/", _FOLDER, target))
                sheets[attributes.get("name", "")] = place.strip("/").lower()

        if "xl/_rels/workbook.xml.rels" in self._parts:
            self._parse("xl/_rels/workbook.xml.rels", relation)
        self._parse(_BOOK, start)
        return sheets, from_1904

    def _read_strings(self):
        """Texts that cells name by their number."""
        texts, pieces, local = [], [], LocalNames()
        inside = phonetic = False

        def start(tag, attributes):
            nonlocal inside, phonetic
            tag = local[tag]
            if tag == "t":
                inside = not phonetic
            elif tag == "rPh":
                phonetic = True

        def end(tag):
            nonlocal inside, phonetic
            tag = local[tag]
            if tag == "t":
                inside = False
            elif tag == "si":
                check_count(len(texts) + 1, f"{self.name}, texts")
                texts.append(unescaped("".join(pieces)))
                pieces.clear()
            elif tag == "rPh":
                phonetic = False

        def text(data):
            if inside:
                pieces.append(data)

        if _STRINGS in self._parts:
            self._parse(_STRINGS, start, end, text)
        return texts

    def _read_formats(self):
        """What numbers of each style are."""
        kinds, styles, local = {}, [], LocalNames()
        inside = False

        def start(tag, attributes):
            nonlocal inside
            tag = local[tag]
            if tag == "numFmt":
                kinds[attributes.get("numFmtId")] = format_kind(attributes.get("formatCode", ""))
            elif tag == "cellXfs":
                inside = True
            elif tag == "xf" and inside:
                styles.append(attributes.get("numFmtId"))

        def end(tag):
            nonlocal inside
            inside = inside and local[tag] != "cellXfs"

        if _STYLES in self._parts:
            self._parse(_STYLES, start, end)
        kinds = KNOWN_FORMATS | kinds
        return [kinds.get(number, "") for number in styles]

    def _parse(self, part, start, end=None, text=None):
        parser = self._parser()
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = text
        self._run(parser, part, self._parts[part])

    def _parser(self):
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse_entities
        return parser

    def _run(self, parser, part, data):
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, LookupError) as error:  # the latter of encodings
            raise ValueError(f"{self.name}: damaged spreadsheet: {part}: {error}") from None

    def _refuse_entities(self, *declaration):
        raise ValueError(f"{self.name}: damaged spreadsheet: declares a document type")
