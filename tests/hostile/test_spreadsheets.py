"""No label file, however written, ends the process, fills the memory or is read wrongly."""

import io
import os
import zipfile

import openpyxl
import pytest
import xlwt
from nursery import accepted, refused

READ = "from cdmer.corpora._databases.label_files import read_sheet; print(read_sheet({!r}).rows)"
SHEET = "xl/worksheets/sheet1.xml"
ROWS = [["path", "subject", "label"], ["a", "1", "joy"], ["b", "2", "fear"]]
FAR = "XFD1048576"


@pytest.fixture(scope="module")
def parts():
    """Members of a sound spreadsheet."""
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    with zipfile.ZipFile(content) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, parts, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def changed(parts, old, new, name=SHEET):
    assert old in parts[name]
    return parts | {name: parts[name].replace(old, new)}


def moved(parts, place, target):
    """The sheet elsewhere, with a cell far out."""
    found = {place if name == SHEET else name: content for name, content in parts.items()}
    found[place] = found[place].replace(b'r="A2"', f'r="{FAR}"'.encode())
    rels = "xl/_rels/workbook.xml.rels"
    found[rels] = found[rels].replace(b"/xl/worksheets/sheet1.xml", target.encode())
    return found


def in_sheet(old, new):
    return lambda parts: changed(parts, old, new)


CELL = b'<c r="A2" t="inlineStr">'
FAR_OUT = {
    "plain": in_sheet(b'r="A2"', b'r="XFD1048576"'),
    "single quotes": in_sheet(b'r="A2"', b"r='XFD1048576'"),
    "spaces": in_sheet(b'r="A2"', b'r = "XFD1048576"'),
    "line break": in_sheet(b'r="A2"', b'r\n=\n"XFD1048576"'),
    "lower case": in_sheet(b'r="A2"', b'r="xfd1048576"'),
    "dollars": in_sheet(b'r="A2"', b'r="$XFD$1048576"'),
    "entities": in_sheet(b'r="A2"', b'r="&#88;&#70;D1048576"'),
    "more letters": in_sheet(b'r="A2"', b'r="ZZZZZZ1"'),
    "more digits": in_sheet(b'r="A2"', b'r="A99999999999999999999"'),
    "row zero": in_sheet(b'r="A2"', b'r="A0"'),
    "only letters": in_sheet(b'r="A2"', b'r="A"'),
    "empty": in_sheet(b'r="A2"', b'r=""'),
    "negative": in_sheet(b'r="A2"', b'r="A-2"'),
    "other digits": in_sheet(b'r="A2"', 'r="A٢"'.encode()),
    "row": in_sheet(b'<row r="2">', b'<row r="1048577">'),
    "row of many digits": in_sheet(b'<row r="2">', b'<row r="99999999999">'),
    "row is a word": in_sheet(b'<row r="2">', b'<row r="two">'),
    "merged": in_sheet(
        b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    ),
    "merged, reversed": in_sheet(
        b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="XFD1048576:A1"/></mergeCells>'
    ),
    "prefixes": lambda parts: (
        parts
        | {
            SHEET: b'<x:worksheet xmlns:x="u"><x:sheetData><x:row><x:c r="XFD1048576"><x:v>1</x:v>'
            b"</x:c></x:row></x:sheetData></x:worksheet>"
        }
    ),
    "UTF-16": lambda parts: (
        parts | {SHEET: parts[SHEET].decode().replace('r="A2"', f'r="{FAR}"').encode("utf-16")}
    ),
    "elsewhere": lambda parts: moved(parts, "xl/data/s.xml", "/xl/data/s.xml"),
    "at the root": lambda parts: moved(parts, "s.xml", "../s.xml"),
    "other case": lambda parts: moved(parts, "XL/Worksheets/S.XML", "/xl/worksheets/s.xml"),
    "other suffix": lambda parts: moved(parts, "xl/s.bin", "s.bin"),
}


@pytest.mark.parametrize("case", FAR_OUT)
def test_cells_far_out(nursery, parts, tmp_path, case):
    path = packed(tmp_path / "labels.xlsx", FAR_OUT[case](parts))
    refused(nursery.python(READ.format(str(path))), "labels.xlsx")


DAMAGE = {
    "a text that is not there": in_sheet(CELL, b'<c r="A2" t="s"><v>99</v></c><c t="inlineStr">'),
    "a negative text": in_sheet(CELL, b'<c r="A2" t="s"><v>-1</v></c><c t="inlineStr">'),
    "an unknown type": in_sheet(CELL, b'<c r="A2" t="zz">'),
    "no end": in_sheet(b"</sheetData>", b""),
    "entities": in_sheet(b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet'),
    "external entities": in_sheet(
        b"<worksheet", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><worksheet'
    ),
    "no sheet there": lambda parts: {n: c for n, c in parts.items() if n != SHEET},
    "no sheet at all": lambda parts: parts | {"xl/workbook.xml": b"<workbook/>"},
    "no book": lambda parts: {n: c for n, c in parts.items() if n != "xl/workbook.xml"},
    "unknown encoding": lambda parts: (
        parts | {SHEET: b'<?xml version="1.0" encoding="x-none"?>' + parts[SHEET]}
    ),
    "zeros": lambda parts: parts | {SHEET: bytes(2**26)},
    "empty rows": lambda parts: (
        parts
        | {SHEET: b"<worksheet><sheetData>" + b"<row/>" * 2**18 + b'<row><c r="A1000000"/></row>'}
    ),
    "a text too long": in_sheet(CELL, CELL + b"<is><t>" + b"x" * 2**16 + b"</t></is>"),
    "wide rows": lambda parts: (
        parts
        | {
            SHEET: b"<worksheet><sheetData>"
            + b'<row><c r="ALK1"><v>1</v></c></row>' * 1
            + b"".join(
                b'<row r="%d"><c r="ALK%d"><v>1</v></c></row>' % (i, i) for i in range(2, 9999)
            )
            + b"</sheetData></worksheet>"
        }
    ),
    "merged many times": in_sheet(
        b"</sheetData>",
        b'</sheetData><mergeCells><mergeCell ref="A99999:B99999"/>'
        + b'<mergeCell ref="A1:ALK3"/>' * 2**19
        + b"</mergeCells>",
    ),
    "deep": in_sheet(b"</sheetData>", b"<a>" * 2**19 + b"</sheetData>"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage(nursery, parts, tmp_path, case):
    path = packed(tmp_path / "labels.xlsx", DAMAGE[case](parts))
    refused(nursery.python(READ.format(str(path))), "labels.xlsx")


SOUND = {
    "as it is": lambda parts: parts,
    "a dimension that lies": in_sheet(
        b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'
    ),
    "single quotes": in_sheet(b'r="A2"', b"r='A2'"),
    "spaces": in_sheet(b'r="A2"', b'r = "A2" '),
    "lower case": in_sheet(b'r="A2"', b'r="a2"'),
    "no references": in_sheet(b' r="A2"', b""),
    "a comment with a cell": in_sheet(b"<sheetData>", b'<sheetData><!--<c r="XFD1048576"/>-->'),
    "character data": in_sheet(b">joy<", b"><![CDATA[joy]]><"),
    "letters by number": in_sheet(b">joy<", b">j&#111;y<"),
    "elsewhere": lambda parts: {
        **{n: c for n, c in parts.items() if n != SHEET},
        "xl/data/s.xml": parts[SHEET],
        "xl/_rels/workbook.xml.rels": parts["xl/_rels/workbook.xml.rels"].replace(
            b"/xl/worksheets/sheet1.xml", b"data/s.xml"
        ),
    },
    "prefixes": lambda parts: (
        parts
        | {
            SHEET: parts[SHEET]
            .replace(b"</", b"</x:")
            .replace(b"<", b"<x:")
            .replace(b"<x:/x:", b"</x:")
            .replace(b"xmlns=", b"xmlns:x=")
        }
    ),
    "UTF-16": lambda parts: parts | {SHEET: parts[SHEET].decode().encode("utf-16")},
    "stored": lambda parts: parts,
}


@pytest.mark.parametrize("case", SOUND)
def test_sound_files_in_odd_forms(nursery, parts, tmp_path, case):
    how = zipfile.ZIP_STORED if case == "stored" else zipfile.ZIP_DEFLATED
    path = packed(tmp_path / "labels.xlsx", SOUND[case](parts), how)
    assert accepted(nursery.python(READ.format(str(path)))) == f"{ROWS}\n"


def xls():
    book = xlwt.Workbook()
    for i, row in enumerate(ROWS):
        for j, cell in enumerate(row):
            if not i and not j:
                page = book.add_sheet("Labels")
            page.write(i, j, cell)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


OTHERS = {
    "a million columns": lambda: b"a," * 2**20,
    "millions of columns": lambda: b"," * 2**23,
    "millions of rows": lambda: b"\n" * 2**23,
    "rows and no cell": lambda: b"a\n" * 2**18,
    "a cell of megabytes": lambda: b"a,b\n" + b"x" * 2**21 + b",1\n",
    "zeros": lambda: bytes(2**20),
    "a quote without end": lambda: b'a,b\n"' + b"x,1\n" * 2**10,
    "quotes": lambda: b'"' * (2**20 + 1),
    "noise": lambda: bytes(range(256)) * 2**8,
    "half an archive": lambda: b"PK\x03\x04" + bytes(2**10),
    "an xls of zeros": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2**16),
    "half an xls": lambda: xls()[:2000],
    "an xls whose sectors turn": lambda: xls()[:44] + b"\xff\xff\xff\x7f" * 16 + xls()[108:],
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("case", OTHERS)
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_what_is_no_table(nursery, tmp_path, case, suffix):
    path = tmp_path / f"labels.{suffix}"
    path.write_bytes(OTHERS[case]())
    code = f"from cdmer.corpora import load_manifest; load_manifest({str(path)!r})"
    refused(nursery.python(code), f"labels.{suffix}")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "sparse", "terminal"])
@pytest.mark.parametrize("suffix", ["csv", "xlsx", "xls", "parquet"])
def test_what_is_no_file(nursery, tmp_path, kind, suffix):
    path = tmp_path / f"labels.{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        path.touch()
        os.truncate(path, 2**40)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "/dev/ptmx")
    code = f"from cdmer.corpora import load_manifest; load_manifest({str(path)!r})"
    refused(nursery.python(code), f"labels.{suffix}")
