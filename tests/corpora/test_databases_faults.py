"""What is wrong with a copy is listed or refused, never passed over."""

import shutil

import cv2
import numpy as np
import openpyxl
import pytest

from cdmer.corpora import (
    check_database,
    load_casme2,
    load_casme3,
    load_database,
    load_smic,
)
from cdmer.corpora._databases.spelling import fold_name

HEADER = [
    "Subject",
    "Filename",
    "",
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    "",
    "Action Units",
    "Estimated Emotion",
]
ROWS = [
    [1, "EP02_01f", "", 46, 48, 50, "", "12", "happiness"],
    [2, "EP03_02", "", 10, 12, 14, "", "4", "disgust"],
    [2, "EP03_03", "", 10, 12, 14, "", "4", "others"],
]
FILE = "CASME2-coding-20140508.xlsx"


def write(root, rows=ROWS, header=HEADER):
    """A tree of the frames of ROWS, and a label file of any rows."""
    for subject, clip, _, onset, _, offset, *_ in ROWS:
        folder = root / "CASME2_RAW_selected" / f"sub{subject:02d}" / clip
        folder.mkdir(parents=True)
        for n in range(onset, offset + 1):
            cv2.imwrite(str(folder / f"img{n}.png"), np.zeros((4, 4), np.uint8))
    write_labels(root / FILE, [header, *rows])
    return root


def write_labels(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([None if cell == "" else cell for cell in row])
    book.save(path)


def changed(row, column, value):
    """ROWS with one cell changed."""
    rows = [list(r) for r in ROWS]
    rows[row][HEADER.index(column)] = value
    return rows


def faults(corpus):
    return [(f.kind, f.where, f.clip) for f in corpus.faults]


def test_a_sound_copy_has_no_fault(tmp_path):
    corpus = load_casme2(write(tmp_path))
    assert len(corpus) == 3
    assert corpus.faults == corpus.repairs == ()


@pytest.mark.parametrize(
    ("column", "value", "field", "kind"),
    [
        ("OnsetFrame", "", "onset", "unknown"),
        ("ApexFrame", "/", "apex", "unknown"),
        ("OffsetFrame", "/", "offset", "cell"),  # only an apex is known to be left open so
        ("OnsetFrame", "ten", "onset", "cell"),
        ("OnsetFrame", -3, "onset", "cell"),
        ("OnsetFrame", 10.5, "onset", "cell"),
        ("OnsetFrame", "1_0", "onset", "cell"),
        ("OnsetFrame", True, "onset", "cell"),
        ("OnsetFrame", 1e300, "onset", "cell"),
    ],
)
def test_moments_that_are_none(tmp_path, column, value, field, kind):
    corpus = load_casme2(write(tmp_path, changed(1, column, value)))
    assert len(corpus) == 3
    assert getattr(corpus[1], field) is None
    letter = "ABCDEFGHI"[HEADER.index(column)]
    assert faults(corpus) == [(kind, f"{FILE}, {letter}3", "casme2/sub02/EP03_02")]


@pytest.mark.parametrize(
    ("column", "value", "letters", "kinds"),
    [
        ("ApexFrame", 15, "EE", ["order", "range"]),
        ("ApexFrame", 9, "EE", ["order", "range"]),
        ("OffsetFrame", 11, "E", ["order"]),
        ("OnsetFrame", 9, "D", ["range"]),
        ("OffsetFrame", 99, "F", ["range"]),
    ],
)
def test_moments_out_of_order_or_frames(tmp_path, column, value, letters, kinds):
    corpus = load_casme2(write(tmp_path, changed(1, column, value)))
    key = "casme2/sub02/EP03_02"
    assert getattr(corpus[1], column.removesuffix("Frame").lower()) == value
    # An offset that is too early leaves frames out.
    left_out = ("extent", "CASME2_RAW_selected/sub02/EP03_02", key)
    assert faults(corpus) == [
        *((kind, f"{FILE}, {letter}3", key) for kind, letter in zip(kinds, letters, strict=True)),
        *[left_out] * (value == 11),
    ]


def test_onset_after_offset_without_apex(tmp_path):
    rows = changed(1, "ApexFrame", "/")
    rows[1][3] = 14
    rows[1][5] = 10
    corpus = load_casme2(write(tmp_path, rows))
    assert faults(corpus)[1] == ("order", f"{FILE}, F3", "casme2/sub02/EP03_02")


@pytest.mark.parametrize(
    ("value", "label"), [("Disgust ", "disgust"), ("OTHER", "others"), ("Others", "others")]
)
def test_spellings_of_emotions(tmp_path, value, label):
    corpus = load_casme2(write(tmp_path, changed(1, "Estimated Emotion", value)))
    assert corpus[1].label == label
    assert corpus.faults == ()


@pytest.mark.parametrize(("value", "label"), [("joy", "joy"), ("", None), (7, "7")])
def test_unknown_emotions_are_kept_and_listed(tmp_path, value, label):
    corpus = load_casme2(write(tmp_path, changed(1, "Estimated Emotion", value)))
    assert corpus[1].label == label
    assert faults(corpus) == [("emotion", f"{FILE}, I3", "casme2/sub02/EP03_02")]
    if label is not None:
        with pytest.raises(ValueError, match="scheme 'cdmer-130' expects one of"):
            corpus.labels("cdmer-130")


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("4+R12B", ("4", "R12B")),
        ("4，7、10, 12", ("4", "7", "10", "12")),
        ("AU1 + au2+T18B", ("1", "2", "T18B")),
        (" l14a ", ("L14A",)),
        (12, ("12",)),
        ("", ()),
        ("+4+", ("4",)),
        ("A2+A12B+10A/B", ("A2", "A12B", "10A/B")),
        ("A/L12, ref(7B)", ("A/L12", "ref(7B)")),
        ("12+AD31+AD38+M58", ("12", "AD31", "AD38", "M58")),
    ],
)
def test_action_units(tmp_path, text, units):
    corpus = load_casme2(write(tmp_path, changed(1, "Action Units", text)))
    assert corpus[1].action_units == units
    assert corpus.faults == ()


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("4+L14  or R14", ("4", "L14 or R14")),
        ("?", ("?",)),
        ("4(k)", ("4(k)",)),
        ("(R6 or R12)", ("(R6 or R12)",)),
        ("4+soft focus", ("4", "soft focus")),
        ("12F", ("12F",)),
    ],
)
def test_odd_action_units_are_kept_and_listed(tmp_path, text, units):
    corpus = load_casme2(write(tmp_path, changed(1, "Action Units", text)))
    assert corpus[1].action_units == units
    assert faults(corpus) == [("action-units", f"{FILE}, H3", "casme2/sub02/EP03_02")]


def test_a_row_without_folder(tmp_path):
    write(tmp_path)
    shutil.rmtree(tmp_path / "CASME2_RAW_selected" / "sub02" / "EP03_02")
    with pytest.warns(UserWarning, match=r"CASME II: 2 clips; 1 more have no frames .* row 3"):
        corpus = load_casme2(tmp_path)
    assert [c.name for c in corpus] == ["EP02_01f", "EP03_03"]
    assert faults(corpus) == [("missing-folder", f"{FILE}, row 3", None)]
    assert "'casme2/sub02/EP03_02'" in corpus.faults[0].message


def test_folders_without_row(tmp_path):
    corpus = load_casme2(write(tmp_path, ROWS[:1]))
    assert len(corpus) == 1
    assert faults(corpus) == [
        ("missing-row", f"CASME2_RAW_selected/sub02/EP03_0{i}", None) for i in (2, 3)
    ]


@pytest.mark.parametrize(
    ("row", "how"), [(ROWS[1], "alike"), (changed(1, "ApexFrame", 13)[1], "with another apex")]
)
def test_a_row_twice(tmp_path, row, how):
    corpus = load_casme2(write(tmp_path, [*ROWS, row]))
    assert len(corpus) == 3
    assert corpus[1].apex == 12
    assert faults(corpus) == [("duplicate", f"{FILE}, row 5", "casme2/sub02/EP03_02")]
    assert f"in {FILE}, row 3 already, {how}" in corpus.faults[0].message


def test_a_row_twice_in_another_spelling(tmp_path):
    with pytest.warns(UserWarning, match="3 clips; 1 more"):
        corpus = load_casme2(write(tmp_path, [*ROWS, changed(1, "Filename", "ep03_2")[1]]))
    assert faults(corpus) == [("duplicate", f"{FILE}, row 5", None)]
    assert "its folder is that of 'casme2/sub02/EP03_02'" in corpus.faults[0].message


@pytest.mark.parametrize("column", ["Subject", "Filename"])
def test_a_row_that_names_no_clip(tmp_path, column):
    with pytest.warns(UserWarning, match="1 more have no frames or no name"):
        corpus = load_casme2(write(tmp_path, changed(1, column, "")))
    assert len(corpus) == 2
    letter = "AB"[HEADER.index(column)]
    assert faults(corpus)[0] == ("cell", f"{FILE}, {letter}3", None)
    assert faults(corpus)[1][0] == "missing-row"


def test_empty_rows_do_not_count(tmp_path):
    corpus = load_casme2(write(tmp_path, [ROWS[0], [""] * 9, *ROWS[1:], ["", "", "a remark"]]))
    assert len(corpus) == 3
    assert corpus.faults == ()


def test_gaps(tmp_path):
    write(tmp_path)
    folder = tmp_path / "CASME2_RAW_selected" / "sub01" / "EP02_01f"
    for n in (47, 49):
        (folder / f"img{n}.png").unlink()
    corpus = load_casme2(tmp_path)
    assert corpus[0].frame_numbers == (46, 48, 50)
    assert corpus[0].position("apex") == 1
    (fault,) = corpus.faults
    assert (fault.kind, fault.where) == ("gap", "CASME2_RAW_selected/sub01/EP02_01f")
    assert fault.message == "frames 47, 49 are missing"


@pytest.mark.parametrize("damage", ["empty", "numberless", "double"])
def test_folders_without_order(tmp_path, damage):
    write(tmp_path)
    folder = tmp_path / "CASME2_RAW_selected" / "sub01" / "EP02_01f"
    if damage == "empty":
        for file in folder.iterdir():
            file.unlink()
    else:
        shutil.copy(
            folder / "img46.png",
            folder / ("img.png" if damage == "numberless" else "reg_img46.png"),
        )
    with pytest.warns(UserWarning, match="1 more have no frames"):
        corpus = load_casme2(tmp_path)
    assert [c.name for c in corpus] == ["EP03_02", "EP03_03"]
    assert faults(corpus) == [("frames", "CASME2_RAW_selected/sub01/EP02_01f", None)]
    assert "casme2/sub01/EP02_01f" in corpus.faults[0].message
    assert str(tmp_path) not in corpus.faults[0].message


def test_truncated_frames_are_named_when_read(tmp_path):
    write(tmp_path)
    file = tmp_path / "CASME2_RAW_selected" / "sub01" / "EP02_01f" / "img47.png"
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"img47\.png"):
        load_casme2(tmp_path)[0].frames  # noqa: B018


def test_names_differ_in_case_zeros_and_spaces(tmp_path):
    write(tmp_path)
    base = tmp_path / "CASME2_RAW_selected"
    (base / "sub02" / "EP03_02").rename(base / "sub02" / "ep03_2")
    (base / "sub01").rename(base / "Sub 1")
    base.rename(tmp_path / "casme2_raw_selected")
    (tmp_path / FILE).rename(tmp_path / "casme2-CODING-2019.XLSX")
    corpus = load_casme2(tmp_path)
    assert [c.key for c in corpus] == [
        "casme2/sub01/EP02_01f",
        "casme2/sub02/EP03_02",
        "casme2/sub02/EP03_03",
    ]
    assert corpus.faults == ()


def test_names_that_leave_a_choice_match_nothing(tmp_path):
    write(tmp_path)
    base = tmp_path / "CASME2_RAW_selected" / "sub02"
    (base / "EP03_02").rename(base / "EP3_02")
    shutil.copytree(base / "EP3_02", base / "EP03_2")
    with pytest.warns(UserWarning, match="2 clips; 1 more"):
        corpus = load_casme2(tmp_path)
    assert [f.kind for f in corpus.faults] == ["missing-folder", "missing-row", "missing-row"]


def test_folding():
    assert fold_name("Sub 01") == fold_name("sub1") == "sub1"
    assert fold_name("EP10_100") == "ep10_100"
    assert fold_name("EP00") == "ep0"
    assert fold_name("e\u0301") == fold_name("\u00e9")


@pytest.mark.parametrize("nested", [True, False], ids=["in a folder", "at the folder itself"])
def test_where_the_folder_may_lie(tmp_path, nested):
    write(tmp_path)
    if nested:
        (tmp_path / "deep").mkdir()
        (tmp_path / "CASME2_RAW_selected").rename(tmp_path / "deep" / "CASME2_RAW_selected")
        corpus = load_casme2(tmp_path)
    else:
        corpus = load_casme2(tmp_path / "CASME2_RAW_selected", label_file=tmp_path / FILE)
    assert len(corpus) == 3
    assert corpus.faults == ()


def test_relative_paths_survive_a_change_of_folder(tmp_path, monkeypatch):
    write(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    corpus = load_casme2("data")
    monkeypatch.chdir(tmp_path.parent)
    assert corpus[0].frames.shape == (5, 4, 4)


def test_names_outside_ascii(tmp_path):
    write(tmp_path / "微表情 é")
    assert load_casme2(tmp_path / "微表情 é")[2].frames.shape == (5, 4, 4)


@pytest.mark.parametrize("clip", ["../sub01/EP02_01f", "/etc", "..", "EP03_02/.."])
def test_cells_do_not_lead_out_of_the_folder(tmp_path, clip):
    with pytest.warns(UserWarning, match="1 more"):
        corpus = load_casme2(write(tmp_path, changed(1, "Filename", clip)))
    assert [f.kind for f in corpus.faults] == ["missing-folder", "missing-row"]


@pytest.mark.parametrize(
    "column", ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion"]
)
def test_a_column_renamed(tmp_path, column):
    header = ["Remark" if name == column else name for name in HEADER]
    with pytest.raises(ValueError, match=rf"{FILE}: row 1 has no column '{column}', only \["):
        load_casme2(write(tmp_path, header=header))


def test_a_column_that_a_clip_can_do_without(tmp_path):
    header = ["Remark" if name == "Action Units" else name for name in HEADER]
    corpus = load_casme2(write(tmp_path, header=header))
    assert [c.action_units for c in corpus] == [(), (), ()]
    assert faults(corpus) == [("column", f"{FILE}, row 1", None)]


def test_a_column_twice(tmp_path):
    header = [*HEADER, "Apex Frame"]
    corpus = load_casme2(write(tmp_path, [[*row, 1] for row in ROWS], header))
    assert [c.apex for c in corpus] == [48, 12, 12]
    assert faults(corpus) == [("column", f"{FILE}, J1", None)]


def test_spellings_and_order_of_columns(tmp_path):
    header = [
        "estimated emotion",
        "AU",
        "offset_frame ",
        "APEX",
        "Onset Frame",
        "file name",
        "subject",
    ]
    rows = [[r[8], r[7], r[5], r[4], r[3], r[1], r[0]] for r in ROWS]
    corpus = load_casme2(write(tmp_path, rows, header))
    assert (corpus[0].onset, corpus[0].apex, corpus[0].offset) == (46, 48, 50)
    assert corpus[0].action_units == ("12",)
    assert corpus.faults == ()


def test_a_csv_export_serves_as_label_file(tmp_path):
    write(tmp_path)
    (tmp_path / FILE).unlink()
    lines = [";".join(map(str, row)) for row in [HEADER, *ROWS]]
    csv = tmp_path / "CASME2-coding-20140508.csv"
    csv.write_text("\n".join(lines), encoding="utf-8-sig")
    corpus = load_casme2(tmp_path)
    assert [c.apex for c in corpus] == [48, 12, 12]
    assert corpus.faults == ()


@pytest.mark.parametrize(
    ("remark", "encoding", "found"),
    [("étonné", "cp1252", "windows-1252"), ("惊讶", "gb18030", "gb18030"), ("Töö", "cp1252", None)],
)
def test_encodings_of_label_files(tmp_path, remark, encoding, found):
    write(tmp_path)
    (tmp_path / FILE).unlink()
    lines = [";".join(map(str, row)) for row in [[*HEADER, remark], *ROWS]]
    csv = tmp_path / "CASME2-coding-20140508.csv"
    csv.write_bytes("\r\n".join(lines).encode(encoding))
    if found is None:
        with pytest.raises(
            ValueError, match=r"0508\.csv: its encoding is not certain: .*encoding="
        ):
            load_casme2(tmp_path)
        check = check_database("casme2", tmp_path)
        assert "its encoding is not certain" in check.problem
    else:
        check = check_database("casme2", tmp_path)
        for faults in (load_casme2(tmp_path).faults, check.faults):
            assert (faults[0].kind, faults[0].where) == ("encoding", csv.name)
            assert f"read as {found!r}, such as {remark!r}" in faults[0].message
    for corpus in (
        load_casme2(tmp_path, encoding=encoding),
        load_database("casme2", tmp_path, encoding=encoding),
        check_database("casme2", tmp_path, encoding=encoding),
    ):
        assert "encoding" not in [fault.kind for fault in corpus.faults]
    with pytest.raises(ValueError, match="encoding: expected the name of a text encoding, such as"):
        check_database("casme2", tmp_path, encoding="klingon")
    with pytest.raises(ValueError, match="encoding: SMIC HS has none, got 'utf-8'"):
        load_database("smic-hs", tmp_path, encoding="utf-8")


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path: expected the folder of CASME II, got '.*nowhere'"):
        load_casme2(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no label file; expected one named like"):
        load_casme2(tmp_path)
    write(tmp_path)
    with pytest.raises(ValueError, match="no folder 'Cropped' or 'Cropped_original', where CASME"):
        load_casme2(tmp_path, variant="cropped")
    shutil.copy(tmp_path / FILE, tmp_path / "CASME2-coding-updated.xlsx")
    with pytest.raises(ValueError, match=r"found '.*140508.xlsx', '.*updated.xlsx'; name one"):
        load_casme2(tmp_path)
    chosen = tmp_path / "CASME2-coding-updated.xlsx"
    assert len(load_casme2(tmp_path, label_file=chosen)) == 3
    write_labels(chosen, [])
    with pytest.raises(ValueError, match="no row with the headers"):
        load_casme2(tmp_path, label_file=chosen)
    write_labels(chosen, [HEADER])
    with pytest.raises(ValueError, match="CASME II: no clip in"):
        load_casme2(tmp_path, label_file=chosen)
    write_labels(chosen, [HEADER, changed(0, "Filename", "nothing")[0]])
    with pytest.raises(ValueError, match=r"no clip in .*; .*row 2: no clip 'casme2/sub01/nothing'"):
        load_casme2(tmp_path, label_file=chosen)
    chosen.write_bytes(b"")
    with pytest.raises(ValueError, match="no row with the headers"):
        load_casme2(tmp_path, label_file=chosen)
    with pytest.raises(ValueError, match="cannot be read: .*No such file"):
        load_casme2(tmp_path, label_file=tmp_path / "none.xlsx")


def test_casme3_needs_onset_and_offset(tmp_path):
    header = ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"]
    rows = [
        ["spNO.1", "a", 2, 3, 4, "4", "I", "happy"],
        ["spNO.1", "a", "", 3, 4, "4", "I", "happy"],
        ["spNO.1", "a", 3, 3, "?", "4", "VIII", "happy"],
        ["spNO.1", "a", 80, 81, 90, "4", "I", "happy"],
    ]
    write_labels(tmp_path / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", [header, *rows])
    folder = tmp_path / "part_A" / "spNO.1" / "a" / "color"
    folder.mkdir(parents=True)
    for n in range(1, 10):
        cv2.imwrite(str(folder / f"{n}.jpg"), np.zeros((4, 4), np.uint8))
    with pytest.warns(UserWarning, match="1 clips; 3 more"):
        corpus = load_casme3(tmp_path)
    assert [c.name for c in corpus] == ["a_2"]
    messages = [f"{f.kind}: {f.message}" for f in corpus.faults]
    assert "cell: no onset, which tells clips named 'a' apart" in messages
    assert "cell: expected I to VII, got 'VIII'" in messages
    assert any("no frame from onset 80 to offset 90, only 1 to 9" in m for m in messages)
    assert any("onset or offset is not known" in m for m in messages)


def test_smic_lists_folders_that_are_no_clips(tmp_path):
    base = tmp_path / "HS"
    for place in (
        "s01/micro/negative/s01_ne_01",
        "s01/micro/neutral/s01_neu_01",
        "s1/micro/negative/s01_ne_01",
        "s02/non_micro/x/y",
        "s02/micro/positive/s02_po_01",
    ):
        (base / place).mkdir(parents=True)
        if "s02_po" not in place:
            cv2.imwrite(str(base / place / "image1.bmp"), np.zeros((4, 4), np.uint8))
    with pytest.warns(UserWarning, match="1 clips; 2 more"):
        corpus = load_smic(tmp_path)
    assert faults(corpus) == [
        ("emotion", "HS/s01/micro/neutral/s01_neu_01", None),
        ("duplicate", "HS/s1/micro/negative/s01_ne_01", "smic-hs/s01/s01_ne_01"),
        ("frames", "HS/s02/micro/positive/s02_po_01", None),
    ]


def test_hidden_folders_and_archives_leavings_are_passed_over(tmp_path):
    write(tmp_path)
    for name in (".git", "__MACOSX", "sub02/.hidden"):
        (tmp_path / "CASME2_RAW_selected" / name / "x").mkdir(parents=True)
    (tmp_path / f"~${FILE}").write_bytes(b"lock")
    (tmp_path / f"._{FILE}").write_bytes(b"fork")
    assert load_database("casme2", tmp_path).faults == ()
