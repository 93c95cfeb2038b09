"""Label files of every kind, and files that only pretend to be one."""

import datetime
import io
import random
import struct
import zipfile

import openpyxl
import pytest
import xlwt
from python_calamine import CalamineWorkbook

from cdmer.corpora._databases import limits
from cdmer.corpora._databases.label_files import find_label_file, read_sheet

CELLS = [["Subject", "n", None], ["006", 12, 0.5], [" a b\u3000", "4，7", True]]
TEXTS = [["Subject", "n", ""], ["006", "12", "0.5"], ["a b", "4，7", "True"]]


def workbook(rows=CELLS, title="Labels"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_xlsx(tmp_path):
    path = tmp_path / "labels.xlsx"
    path.write_bytes(workbook())
    sheet = read_sheet(path)
    assert sheet.rows == TEXTS
    assert sheet.place(16, 2) == "labels.xlsx, C17"
    assert sheet.place(0, 25) == "labels.xlsx, Z1"
    assert sheet.place(0, 26) == "labels.xlsx, AA1"
    assert sheet.place(0, 701) == "labels.xlsx, ZZ1"
    assert sheet.place(0, 702) == "labels.xlsx, AAA1"
    assert read_sheet(path, name="a/labels.xlsx").place(0, 0) == "a/labels.xlsx, A1"


def test_cells_keep_their_place(tmp_path):
    path = tmp_path / "labels.xlsx"
    book = openpyxl.Workbook()
    book.active["C4"] = "first"
    book.active["D6"] = datetime.datetime(2013, 5, 1)
    book.save(path)
    rows = read_sheet(path).rows
    assert rows[3][2] == "first"
    assert rows[5][3] == "2013-05-01"
    assert rows[0][0] == ""


def test_xls(tmp_path):
    path = tmp_path / "labels.xls"
    book = xlwt.Workbook()
    page = book.add_sheet("Labels")
    for i, row in enumerate(CELLS):
        for j, cell in enumerate(row):
            if cell is not None:
                page.write(i, j, cell)
    date = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    page.write(4, 1, datetime.date(2013, 5, 1), date)
    page.write(4, 2, xlwt.Formula("1+1"))
    book.save(str(path))
    rows = read_sheet(path).rows
    assert [[*row, ""][:3] for row in rows[:3]] == TEXTS  # empty cells at the end are left out
    assert rows[3:] == [[], ["", "2013-05-01", ""]]


def test_a_damaged_xls_never_ends_the_process(tmp_path):
    book = xlwt.Workbook()
    page = book.add_sheet("Labels")
    for i in range(20):
        for j in range(6):
            page.write(i, j, i * j if j % 2 else f"t{i}")
    content = io.BytesIO()
    book.save(content)
    rng = random.Random(0)
    path = tmp_path / "labels.xls"
    for _ in range(200):
        damaged = bytearray(content.getvalue())
        for _ in range(rng.randint(1, 8)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            assert len(read_sheet(path).rows) < 70_000
        except ValueError as error:
            assert str(error).startswith("labels.xls: ")  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(tmp_path, encoding, delimiter):
    path = tmp_path / "labels.csv"
    lines = [delimiter.join(row) for row in (["a", "b"], ["中文", "4，7"], ['"x\ny"', "12"])]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    assert read_sheet(path).rows == [["a", "b"], ["中文", "4，7"], ["x\ny", "12"]]


# Each in the bytes that programs write there, and None where more than one may be meant.
TEXTS_IN_ENCODINGS = [
    ("a,emoção,José", "cp1252", "windows-1252"),
    ("a,Määttä,Hämäläinen", "cp1252", "windows-1252"),
    ("a,Ærø,smørrebrød", "cp1252", "windows-1252"),
    ("a,it’s – “q” 5 €,déçu", "cp1252", "windows-1252"),
    ("a,GRÖSSE,12°C", "cp1252", "windows-1252"),
    ("主题,厌恶,惊讶", "gb18030", "gb18030"),
    ("sub01,高兴，4，7,女", "gb18030", "gb18030"),
    ("李明,王小二,喆,悲伤", "gb18030", "gb18030"),
    ("a,Töö,x", "cp1252", None),
    ("path,男", "gb18030", None),
    ("Łukasz,zły", "cp1250", None),
    ("Анна,Павел", "cp1251", None),
    ("日本語,かな", "shift-jis", None),
    ("憤怒,快樂", "big5", None),
]


@pytest.mark.parametrize(("text", "encoding", "found"), TEXTS_IN_ENCODINGS)
def test_encodings_are_found_out_or_asked_for(tmp_path, text, encoding, found):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(encoding))
    if found is None:
        with pytest.raises(
            ValueError, match=r"labels.csv: its encoding is not certain: .* reads '"
        ):
            read_sheet(path)
    else:
        sheet = read_sheet(path, name="a/labels.csv")
        assert sheet.rows == [text.split(",")]
        (fault,) = sheet.faults
        assert (fault.kind, fault.where, fault.clip) == ("encoding", "a/labels.csv", None)
        assert f"no UTF-8; read as {found!r}" in fault.message
    named = read_sheet(path, encoding=encoding)
    assert (named.rows, named.faults) == ([text.split(",")], ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_are_certain(tmp_path, encoding):
    path = tmp_path / "labels.csv"
    path.write_bytes("a;Töö\r\n男;x\r\n".encode(encoding))
    sheet = read_sheet(path)
    assert (sheet.rows, sheet.faults) == ([["a", "Töö"], ["男", "x"]], ())


def test_utf_16_without_a_mark_has_to_be_named(tmp_path):
    path = tmp_path / "labels.csv"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes("a\tTöö\n".encode(encoding))
        with pytest.raises(ValueError, match=r"labels\.csv: neither a spreadsheet nor text"):
            read_sheet(path)
        assert read_sheet(path, encoding=encoding).rows == [["a", "Töö"]]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sep=;\r\na,b;c\r\n", [["a,b", "c"]]),
        ('"sep=|"\r\na,b|c', [["a,b", "c"]]),
        ("SEP=\t\na,b,c\td\n", [["a,b,c", "d"]]),
        ('"a\nb, c, d";e\n1;2\n', [["a\nb, c, d", "e"], ["1", "2"]]),
        ('\n"a, b";c\n', [[], ["a, b", "c"]]),
        ("a;b\r1;2\r", [["a", "b"], ["1", "2"]]),
        ('a,b\n5" wide,x\n"y"z,2\n', [["a", "b"], ['5" wide', "x"], ["yz", "2"]]),
    ],
)
def test_separators_and_quotes(tmp_path, text, rows):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode())
    assert read_sheet(path).rows == rows


def test_a_quote_that_is_never_closed(tmp_path):
    path = tmp_path / "labels.csv"
    for text in ('a,b\n"1,2\n3,4\n', 'a;b\n1;"x\n3;4\n5;6'):
        path.write_text(text)
        with pytest.raises(
            ValueError, match=r"labels.csv: damaged CSV file: a quote is opened and"
        ):
            read_sheet(path)


def test_a_label_file_without_permission_says_so(tmp_path, monkeypatch):
    path = tmp_path / "labels.csv"
    path.write_text("a,b")

    def refuse(path, flags):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("cdmer._files.reading.os.open", refuse)
    with pytest.raises(ValueError, match=r"labels.csv: cannot be read: .*Permission denied"):
        read_sheet(path)


def test_formulas_give_what_was_stored_with_them(tmp_path):
    path = tmp_path / "labels.xlsx"
    book = openpyxl.Workbook()
    book.active.append([1, "=A1+1", "end"])
    book.save(path)
    assert read_sheet(path).rows == [["1", "", "end"]]  # nothing was
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    assert b"<v />" in parts[name] or b"<v/>" in parts[name] or b"<v></v>" in parts[name]
    for empty in (b"<v />", b"<v/>", b"<v></v>"):
        parts[name] = parts[name].replace(empty, b"<v>41</v>")
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    assert read_sheet(path).rows == [["1", "41", "end"]]


def test_sheets_by_name(tmp_path):
    path = tmp_path / "labels.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.create_sheet("MockCrimeME").append(["x"])
    book.save(path)
    assert read_sheet(path, "mockCrimeME").rows == [["x"]]
    with pytest.raises(ValueError, match=r"labels.xlsx: no sheet 'other'; there are \['Notes', "):
        read_sheet(path, "other")
    path.write_bytes(workbook())
    assert read_sheet(path, "mockCrimeME").rows == TEXTS  # the only sheet, whatever its name


@pytest.mark.parametrize("kind", ["truncated", "archive", "noise", "half", "binary", "ole"])
def test_what_is_no_label_file(tmp_path, kind):
    path = tmp_path / "labels.xlsx"
    good = workbook()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "nothing")
    path.write_bytes(
        {
            "truncated": good[: len(good) // 2],
            "archive": archive.getvalue(),
            "noise": b"PK" + bytes(range(256)) * 9,
            "half": good[:300] + b"?" * 60 + good[360:],
            "binary": b"\x89PNG\r\n\x1a\n\0\0\0",
            "ole": b"\xd0\xcf\x11\xe0" + bytes(600),
        }[kind]
    )
    with pytest.raises(ValueError, match=r"labels\.xlsx: "):
        read_sheet(path)


def replaced(content, name, new):
    """A spreadsheet with one of its parts replaced."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part in old.namelist():
            archive.writestr(part, new if part == name else old.read(part))
    return result.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_what_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_UNPACKED", 2**20)
    bomb = replaced(workbook(), SHEET, b"<worksheet>" + b" " * 2**21)
    path = tmp_path / "labels.xlsx"
    path.write_bytes(bomb)
    assert len(bomb) < 2**14
    with pytest.raises(ValueError, match=r"x: expected at most 1048576 bytes unpacked, got 21"):
        read_sheet(path)
    # The archive may claim less than there is.
    path.write_bytes(bomb.replace(struct.pack("<I", 11 + 2**21), struct.pack("<I", 100)))
    with pytest.raises(ValueError, match=r"labels\.xlsx: damaged archive: Bad CRC-32"):
        read_sheet(path)


@pytest.mark.parametrize("cell", ["XFD2", "A1048576"])
def test_cells_far_out(tmp_path, cell):
    book = openpyxl.Workbook()
    book.active["A1"] = book.active[cell] = 1
    path = tmp_path / "labels.xlsx"
    book.save(path)
    with pytest.raises(ValueError, match=f"{cell}: expected at most 100000 rows and 1000 columns"):
        read_sheet(path)


def test_large_files(tmp_path, monkeypatch):
    path = tmp_path / "labels.csv"
    path.write_text("a,b\n" * 100)
    monkeypatch.setattr(limits, "MAX_BYTES", 300)
    with pytest.raises(ValueError, match="at most 300 bytes, got 400"):
        read_sheet(path)
    monkeypatch.setattr(limits, "MAX_BYTES", 400)
    monkeypatch.setattr(limits, "MAX_ROWS", 99)
    with pytest.raises(ValueError, match=r"labels\.csv: expected at most"):
        read_sheet(path)


def test_finding(tmp_path):
    with pytest.raises(ValueError, match=r"no label file; expected one named like 'casme\.xlsx'"):
        find_label_file(tmp_path, ["casme.xlsx"])
    deep = tmp_path / "a" / "b" / "casme.xlsx"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(b"")
    assert find_label_file(tmp_path, ["casme.xlsx"]) == deep
    near = tmp_path / "a" / "CASME .XLS"
    near.write_bytes(b"")
    assert find_label_file(tmp_path, ["casme.xlsx"]) == near
    for other in ("casme.txt", "casme2.xlsx", "~$casme.xlsx", ".casme.xlsx"):
        (tmp_path / other).write_bytes(b"")
    assert find_label_file(tmp_path, ["casme.xlsx"]) == near
    (tmp_path / "a" / "casme.csv").write_bytes(b"")
    with pytest.raises(ValueError, match=r"found 'a/CASME \.XLS', 'a/casme\.csv'; name one"):
        find_label_file(tmp_path, ["casme.xlsx"])


FORMATS = ["General", "0.00", "yyyy-mm-dd", "h:mm", "[h]:mm", "d-mmm", '"day" 0', "[Red]0", "mm:ss"]
FORMATS += ["@", "0.00E+00", "[$-409]d/m/yy h:mm AM/PM;@", "0%", "# ?/?", "\\\\d0"]
VALUES = [0, 12, 0.5, 41395, 41395.25, "t1", "a & b <c> 'q'", "中文，é", True, False]
VALUES += [datetime.datetime(2013, 5, 1, 7), datetime.date(2013, 5, 1), datetime.time(12, 30)]
VALUES += [" x \n y_x0041_", "#N/A", "=A1"]


def random_workbook(rng):
    book = openpyxl.Workbook()
    for _ in range(rng.randint(1, 60)):
        cell = book.active.cell(rng.randint(1, 30), rng.randint(1, 40), rng.choice(VALUES))
        if type(cell.value) in (int, float):
            cell.number_format = rng.choice(FORMATS)
    top, left = rng.randint(1, 12), rng.randint(1, 12)
    place = {"start_row": top, "start_column": left, "end_row": top + 2, "end_column": left + 1}
    book.active.merge_cells(**place)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize("seed", range(20))
def test_xlsx_as_calamine_reads_it(seed, tmp_path):
    content = random_workbook(random.Random(seed))
    page = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    rows = page.to_python(skip_empty_area=False)
    ((top, left), (bottom, right)) = page.merged_cell_ranges[0]
    for row in rows[top : bottom + 1]:
        row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])
    plain = [
        [int(v) if isinstance(v, float) and v.is_integer() else v for v in row] for row in rows
    ]
    expected = [[str(value).strip() for value in row] for row in plain]
    path = tmp_path / "labels.xlsx"
    path.write_bytes(content)
    assert read_sheet(path).rows == expected
    # What is not written as usual is read by a parser, in the same way.
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read(SHEET)
    path.write_bytes(
        replaced(content, SHEET, sheet.replace(b"<sheetData>", b"<sheetData ><!---->"))
    )
    assert read_sheet(path).rows == expected
