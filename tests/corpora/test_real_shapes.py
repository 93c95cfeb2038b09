"""Every database in the shape of its real label file loads to the published counts."""

import csv
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from corruption import OF_FOLDERS, OF_LABEL_FILES, damages
from hypothesis import HealthCheck, given, settings
from real_shapes import SHAPES, cas_me_2, cas_me_2_old, casme2, dfme, smic_annotation, write_sheets
from test_corrupted import attempt, check_account, check_error

from cdmer.cli import main
from cdmer.corpora import (
    check_database,
    get_layout,
    list_databases,
    load_cas_me_2,
    load_casme,
    load_casme2,
    load_casme3,
    load_database,
    load_dfme,
    load_samm,
    load_smic,
)

COUNTS = {
    "smic-hs": 164,
    "smic-vis": 71,
    "smic-nir": 71,
    "casme": 189,
    "casme2": 255,
    "cas-me-2": 57,
    "casme3-a": 860,
    "casme3-c": 165,
    "samm": 159,
    "mmew": 300,
    "4dme": 267,
    "dfme-a": 1856,
    "dfme-b": 474,
    "dfme-c": 5439,
}
# Faults that tell of a column, a file or a clip that is lost: none in a whole copy.
LOSSES = {"missing-folder", "missing-row", "duplicate", "frames", "column"}
LOSSES |= {"cell", "emotion", "file"}


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Folder of a whole copy, each written once."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = SHAPES[name]().write(tmp_path_factory.mktemp(name) / "copy")
        return known[name]

    return get


def test_there_is_a_shape_for_each_database():
    assert set(SHAPES) == set(COUNTS) == set(list_databases())


@pytest.mark.parametrize("name", SHAPES)
def test_a_whole_copy_has_the_published_counts(copies, name, monkeypatch, capsys):
    found = check_database(name, copies(name))
    assert found.problem is None
    assert found.counts["all"] == COUNTS[name]
    assert found.complete
    assert not LOSSES & {fault.kind for fault in found.faults}
    assert "differs" not in str(found)
    monkeypatch.setattr(sys, "argv", ["cdmer", "corpora", "check", name, str(copies(name))])
    main()
    said = capsys.readouterr().out
    for line in (f"{get_layout(name).title}, ", "  frames in: ", "  clips:", "  faults: "):
        assert line in said


def test_casme_has_several_expressions_in_one_folder(copies):
    corpus = load_casme(copies("casme"))
    names = Counter((c.subject, Path(c.source.folder).name) for c in corpus)
    assert sorted(n for n in names.values() if n > 1) == [2] * 12 + [3, 6]
    six = [c for c in corpus if (c.subject, c.name.rpartition("_")[0]) == ("sub01", "EP01_1")]
    assert [c.name for c in six] == [f"EP01_1_{20 + 15 * k}" for k in range(6)]
    for clip in six:
        assert clip.frame_numbers == tuple(range(clip.onset, clip.offset + 1))
    assert sum(c.name.count("_") == 1 for c in corpus) == 156  # those that stand once


def test_casme_rows_that_are_hard_to_tell_apart(tmp_path):
    shape = SHAPES["casme"]().part(6)
    shape.rows[2][3] = None  # no onset
    shape.rows[4] = list(shape.rows[3])  # the same row twice
    shape.rows[5] = list(shape.rows[3])  # and in another spelling
    shape.rows[5][1] = "ep1_1"
    shape.rows[6][6] = 85  # before its onset
    shape.write(tmp_path)
    with pytest.warns(UserWarning, match="4 clips; 1 more"):
        corpus = load_casme(tmp_path)
    assert [c.name for c in corpus] == ["EP01_1_20", "EP01_1", "EP01_1_50", "EP01_1_95"]
    assert [c.frame_numbers[-1] for c in corpus][:3] == [24, 39, 54]
    assert [c.frame_numbers[0] for c in corpus] == [20, 17, 50, 17]
    kinds = [(f.kind, f.where) for f in corpus.faults if f.kind not in ("extent", "gap")]
    assert kinds == [
        ("unknown", "casme.xlsx, D3"),
        ("duplicate", "casme.xlsx, row 5"),
        ("duplicate", "casme.xlsx, row 6"),
        ("order", "casme.xlsx, E7"),
    ]


@pytest.mark.parametrize("revision", ["2014", "2019"])
def test_three_classes_of_casme2_from_both_revisions(tmp_path, revision):
    corpus = load_casme2(casme2(revision).write(tmp_path))
    classes = Counter(corpus.labels("three"))
    assert (classes["positive"], classes["negative"], classes["surprise"]) == (32, 88, 25)
    assert corpus.revision == corpus[:3].revision == corpus.cached().revision == revision
    found = check_database("casme2", tmp_path)
    assert found.revision == revision
    assert found.complete
    assert f"0508.xlsx, revision of {revision}" in str(found)


def test_a_sheet_that_is_neither_revision(tmp_path):
    shape = casme2("2019")
    next(row for row in shape.rows if row[1] == "EP10_03")[-1] = "sadness"
    assert load_casme2(shape.write(tmp_path)).revision is None


@pytest.mark.parametrize("place", ["column", "file", "file beside the label file"])
def test_objective_classes_of_casme2(tmp_path, place):
    shape = casme2(objective=place)
    shape.write(tmp_path / "frames")
    label_file = tmp_path / "frames" / shape.file
    if place != "column":
        folder = label_file.parent
        if "beside" in place:
            folder = tmp_path / "labels"
            folder.mkdir()
            label_file = label_file.rename(folder / shape.file)
        write_sheets(folder / "CASME2-ObjectiveClasses.xlsx", {"Sheet1": shape.objective})
    corpus = load_casme2(tmp_path / "frames", label_file=label_file)
    assert not LOSSES & {fault.kind for fault in corpus.faults}
    classes = Counter(corpus.labels("objective"))
    del classes[None]
    assert classes == {"I": 25, "II": 15, "III": 99, "IV": 26, "V": 20}
    notes = [] if place == "column" else ["objective_class of 255 clips"]
    assert [note.rpartition(": ")[2] for note in corpus.notes] == notes


def test_a_second_file_that_disagrees_lacks_clips_or_is_damaged(tmp_path):
    shape = casme2(objective="column").part(3)
    shape.rows[1][-1], shape.rows[2][-1] = 3, None
    shape.write(tmp_path)
    first, second = (row[:2] for row in shape.rows[1:3])
    rows = [["Subject", "Filename", "Objective Class"], [*first, 4], [*second, "V"], [26, "x", 1]]
    name = "CASME2-ObjectiveClasses.xlsx"
    write_sheets(tmp_path / name, {"Sheet1": rows})
    corpus = load_casme2(tmp_path)
    assert [c.objective_class for c in corpus][:2] == ["III", "V"]
    kinds = {(f.kind, f.where) for f in corpus.faults if f.where.startswith(name)}
    assert kinds == {
        ("contradiction", f"{name}, C2"),
        ("missing-row", f"{name}, row 4"),
        ("unknown", name),
    }
    (tmp_path / name).write_bytes(b"PK damaged")
    corpus = load_casme2(tmp_path)
    assert [c.objective_class for c in corpus][:2] == ["III", None]
    assert [f.where for f in corpus.faults if f.kind == "file"] == [name]


def test_a_second_file_is_read_in_the_encoding_asked_for(tmp_path):
    shape = casme2().part(2)
    shape.write(tmp_path)
    name = "CASME2-ObjectiveClasses.csv"
    rows = [["Subject", "Filename", "Objective Class", "Notes"]]
    rows += [[*row[:2], 4, "caf\xe9\u4e2d"] for row in shape.rows[1:]]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (tmp_path / name).write_bytes(text.encode("utf-16-le"))
    corpus = load_casme2(tmp_path)
    assert [f.where for f in corpus.faults if f.kind == "file"] == [name]
    corpus = load_casme2(tmp_path, encoding="utf-16-le")
    assert [c.objective_class for c in corpus] == ["IV", "IV"]


@pytest.mark.parametrize(
    ("where", "variant"), [("cropped", "cropped"), ("selectedpic", "selected"), ("rawpic", "raw")]
)
def test_cas_me_2_has_micro_and_macro_expressions(tmp_path, where, variant):
    cas_me_2(where).write(tmp_path)
    micro = load_cas_me_2(tmp_path, variant=variant)
    assert len(micro) == 57
    assert set(micro.table["offset"] - micro.table["onset"]) == {4}
    assert not LOSSES & {fault.kind for fault in micro.faults}
    assert micro.notes == ("kind 'micro': 300 rows of macro left out",)
    (repair,) = micro.repairs
    assert (repair.clip, repair.field, repair.before, repair.after) == (
        "cas-me-2/13/disgust1_1",
        "label",
        "happyiness",
        "happiness",
    )
    if variant == "raw":  # which needs an offset to be cut
        assert micro[0].frame_numbers == tuple(range(10, 15))
        return
    macro = load_cas_me_2(tmp_path, variant=variant, kind="macro")
    assert len(macro) == 300
    assert macro.table["offset"].isna().sum() == 44
    assert macro.table["apex"].isna().sum() == 1
    both = load_database("cas-me-2", tmp_path, variant=variant, kind="both")
    assert len(both) == 357
    assert both.notes == ()
    assert [f.kind for f in both.faults].count("order") == 3
    assert {c.key for c in both} == {c.key for c in micro} | {c.key for c in macro}
    for kind, count in (("macro", 300), ("both", 357)):
        found = check_database("cas-me-2", tmp_path, variant=variant, kind=kind)
        assert (found.complete, found.counts["all"]) == (True, count)


def test_cas_me_2_clips_of_selectedpic_are_found_by_default(tmp_path):
    cas_me_2("selectedpic").write(tmp_path)
    assert len(load_cas_me_2(tmp_path)) == 57


def test_cas_me_2_unrepaired(tmp_path):
    corpus = load_cas_me_2(cas_me_2().write(tmp_path), repair=False)
    assert corpus.repairs == ()
    (fault,) = (f for f in corpus.faults if f.kind == "emotion")
    assert fault.where == "CAS(ME)^2code_final.xlsx, I13"
    assert [c.label for c in corpus].count("happyiness") == 1


def test_cas_me_2_copy_in_csv(tmp_path):
    shape = cas_me_2("rawpic", csv_copy=True)
    shape.rows[0][-1] = "s16/16_0101disgustingteeth"
    corpus = load_cas_me_2(shape.write(tmp_path), variant="raw")
    assert len(corpus) == 57
    (fault,) = (f for f in corpus.faults if f.kind not in ("order", "range"))
    assert (fault.kind, fault.where) == (
        "contradiction",
        "CAS(ME)^2code_final(Updated).csv, K1",
    )


def test_cas_me_2_sheets_that_contradict_each_other(tmp_path):
    shape = cas_me_2()
    shape.more["naming rule1"][0][2] = 7
    shape.more["naming rule1"][22 * 6][1] = "s99"
    corpus = load_cas_me_2(shape.write(tmp_path))
    assert len(corpus) == 57
    name = "CAS(ME)^2code_final.xlsx, naming rule1"
    found = [(f.kind, f.where) for f in corpus.faults if f.kind == "contradiction"]
    assert found == [("contradiction", f"{name}, C1"), ("contradiction", f"{name}, C133")]


def test_cas_me_2_in_six_columns(tmp_path):
    cas_me_2_old().write(tmp_path)
    found = check_database("cas-me-2", tmp_path)
    assert (found.complete, found.counts["all"]) == (True, 54)
    assert [f.kind for f in found.faults] == ["unknown"]
    with pytest.raises(ValueError, match=r"CAS\(ME\)\^2: no clip"):
        load_cas_me_2(tmp_path, kind="macro")


@pytest.mark.parametrize(("extra", "letter"), [(0, "J"), (2, "L")])
def test_a_column_beyond_the_known_ones(tmp_path, extra, letter):
    shape = cas_me_2(csv_copy=bool(extra))
    for row in shape.rows:
        row.append("mine")
    shape.write(tmp_path)
    faults = [f for f in load_cas_me_2(tmp_path).faults if f.kind == "column"]
    assert [f.where for f in faults] == [f"{shape.file}, {letter}1"]


def test_a_column_that_is_missing_shifts_nothing(tmp_path):
    shape = cas_me_2()
    shape.rows = [row[:5] + row[6:] for row in shape.rows]
    with pytest.raises(ValueError, match=r"code_final\.xlsx: expected the columns .*\bG1'"):
        load_cas_me_2(shape.write(tmp_path))


def test_a_kind_that_is_none(tmp_path):
    shape = cas_me_2()
    shape.rows[0][7] = "both"
    with pytest.warns(UserWarning, match="56 clips; 1 more"):
        corpus = load_cas_me_2(shape.write(tmp_path))
    assert ("cell", "CAS(ME)^2code_final.xlsx, H1") in {(f.kind, f.where) for f in corpus.faults}
    with pytest.raises(ValueError, match=r"kind: expected one of \('micro', 'macro', 'both'\)"):
        load_cas_me_2(tmp_path, kind="Micro")
    with pytest.raises(ValueError, match="kind: SAMM has one kind of expressions, got 'micro'"):
        load_database("samm", tmp_path, kind="micro")


def test_a_row_with_several_bad_cells_is_one_clip_less(tmp_path):
    shape = cas_me_2()
    shape.rows.insert(0, ["Subject", "Clip", "Onset", "Apex", "Offset", "AU", "x", "Type", "y"])
    shape.more.clear()
    with pytest.warns(UserWarning, match="57 clips; 1 more"):
        load_cas_me_2(shape.write(tmp_path / "a"))
    shape = SHAPES["casme3-a"]().part(7)
    shape.rows[6][2], shape.rows[7][2] = "100.5", "first"
    with pytest.warns(UserWarning, match="5 clips; 2 more"):
        load_casme3(shape.write(tmp_path / "b"))


REPAIRED = {
    ("casme3-a/spNO.40/e_1812", "offset", 0, 1845),
    ("casme3-a/spNO.40/e_2327", "offset", 0, 2403),
    ("casme3-a/spNO.216/d_2647", "onset", 3647, 2647),
    ("casme3-a/spNO.149/d_112", "apex", 16, 160),
    ("casme3-a/spNO.214/c_5", "offset", 3460, 34),
}


def test_casme3_rows_that_cannot_be(copies):
    corpus = load_casme3(copies("casme3-a"))
    assert {(r.clip, r.field, r.before, r.after) for r in corpus.repairs} == REPAIRED
    assert all(repair.reason for repair in corpus.repairs)
    clips = {clip.key: clip for clip in corpus}
    for key, field, _, after in REPAIRED:
        assert getattr(clips[key], field) == after
    moved = clips["casme3-a/spNO.216/d_2647"]
    assert (moved.frame_numbers[0], moved.frame_numbers[-1]) == (2647, 2694)
    assert (corpus.table["onset"] == corpus.table["apex"]).sum() == 55


def test_casme3_unrepaired(copies):
    with pytest.warns(UserWarning, match="857 clips; 3 more"):
        corpus = load_casme3(copies("casme3-a"), repair=False)
    assert corpus.repairs == ()
    assert [f.message.split("'")[1] for f in corpus.faults if f.kind == "frames"] == [
        "casme3-a/spNO.40/e_1812",
        "casme3-a/spNO.40/e_2327",
        "casme3-a/spNO.216/d_3647",
    ]


@pytest.mark.parametrize("onset", [3647, 2647])
def test_a_folder_named_by_an_onset_that_is_repaired(tmp_path, onset):
    shape = SHAPES["casme3-a"]().part(4)
    shape.folders = [f"Part_A_ME_clip/frame/{s}_{f}_{o}" for s, f, o, *_ in shape.rows[1:]]
    shape.folders[2] = f"Part_A_ME_clip/frame/spNO.216_d_{onset}"
    corpus = load_casme3(shape.write(tmp_path), variant="clips")
    assert [c.name for c in corpus] == ["e_1812", "e_2327", "d_2647", "d_112"]
    assert not LOSSES & {fault.kind for fault in corpus.faults}


def test_dfme_has_a_frame_rate_per_clip(copies):
    corpus = load_dfme(copies("dfme-a"))
    assert Counter(clip.fps for clip in corpus) == {500.0: 619, 300.0: 619, 200.0: 618}


@pytest.mark.parametrize("cell", [None, "fast", 0, -200, "200 fps"])
def test_a_frame_rate_that_is_none(tmp_path, cell):
    shape = dfme(n=3)
    shape.rows[2][7] = cell
    corpus = load_dfme(shape.write(tmp_path))
    assert [c.fps for c in corpus] == [500.0, None, 200.0]
    told = [(f.kind, f.where) for f in corpus.faults if f.kind == "cell"]
    assert told == [("cell", "training_full_with_AU.xlsx, H3")]


@pytest.mark.parametrize(
    ("name", "file", "known"),
    [
        ("dfme-a", "training_full_with_AU.xlsx", False),
        ("dfme-b", "DFME_testA.csv", False),
        ("dfme-c", "test_B.xlsx", False),
        ("dfme-a", "DFME_part_A.xlsx", True),
        ("dfme-b", "DFME partB.csv", True),
        ("dfme-a", "part_A_training.xlsx", True),
    ],
)
def test_files_of_all_parts_without_frame_rates(tmp_path, name, file, known):
    shape = dfme(file, n=3)
    for row in shape.rows:
        del row[7]
    corpus = load_database(name, shape.write(tmp_path))
    told = [(f.kind, f.where) for f in corpus.faults if "frame rates" in f.message]
    assert told == ([] if known else [("column", file)])
    assert {c.fps for c in corpus} == {get_layout(name).fps if known else None}


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["SAMM micro-movements", "L = left, R = right; A, T = both"])
def test_a_legend_does_not_say_what_separates_cells(tmp_path, sign, first):
    from real_shapes import samm

    shape = samm(9).part(3)
    shape.file, file = None, tmp_path / "SAMM_Micro_FACS_Codes_v2.csv"
    shape.rows[0] = [first]
    shape.write(tmp_path)
    with open(file, "w", encoding="utf-16", newline="") as out:
        rows = [["" if c is None else c for c in row] for row in shape.rows]
        csv.writer(out, delimiter=sign).writerows(rows)
    assert [c.label for c in load_samm(tmp_path)] == ["anger", "happiness", "others"]


@pytest.mark.parametrize("folder", ["other", "Other", "Others", "others"])
@pytest.mark.parametrize("cell", ["other", "Others "])
def test_folders_named_by_others_in_any_spelling(tmp_path, folder, cell):
    shape = SHAPES["mmew"]().part(4)
    shape.rows[3][6] = cell
    shape.folders[2] = f"Micro_Expression/{folder}/{shape.rows[3][1]}"
    corpus = load_database("mmew", shape.write(tmp_path))
    assert [c.label for c in corpus].count("others") == 1
    assert len(corpus) == 4


def test_films_in_any_spelling(tmp_path):
    shape = cas_me_2("rawpic").part(30)
    for row in shape.rows:
        row[1] = row[1].title().replace("1_", " 1_")
    assert len(load_cas_me_2(shape.write(tmp_path), variant="raw")) == 5


@pytest.mark.parametrize("legend", [9, 12, 13])
def test_samm_has_a_legend_of_some_lines(tmp_path, legend):
    from real_shapes import samm

    corpus = load_samm(samm(legend).write(tmp_path))
    assert len(corpus) == 159
    assert [r.clip for r in corpus.repairs] == ["samm/032/032_3_1"]


def test_smic_with_its_annotation_sheet(copies, tmp_path):
    shape = SHAPES["smic-hs"]()
    shape.write(tmp_path)
    rows = smic_annotation(shape, 157)
    rows[2][-1] = "surprise"
    rows[3][3:5] = [20, 30]  # not in the folder, whose ends count
    name = "SMIC-HS-E_annotation.xlsx"
    write_sheets(tmp_path / name, {"HS": rows, "VIS": [["nothing"]]})
    plain, corpus = load_smic(copies("smic-hs")), load_smic(tmp_path)
    assert [c.key for c in corpus] == [c.key for c in plain]
    assert [c.label for c in corpus] == [c.label for c in plain]
    inner = [(c, p.frame_numbers) for c, p in zip(corpus, plain, strict=True) if c.onset % 20]
    assert len(inner) == 156
    for clip, numbers in inner:
        assert (clip.onset, clip.offset) == (numbers[1], numbers[2])
    found = Counter(fault.kind for fault in corpus.faults if fault.kind != "extent")
    # Columns of second expressions; what the folder contradicts; clips that are not annotated.
    assert found == {"column": 2, "contradiction": 3, "unknown": 7}
    assert check_database("smic-hs", tmp_path).complete


@pytest.mark.parametrize("name", ["casme", "casme2", "samm", "mmew", "4dme", "casme3-a"])
@pytest.mark.parametrize("header", ["Confidence", "Coder 2", "情绪"])
def test_a_column_that_nobody_knows_is_a_fault(tmp_path, name, header):
    shape = SHAPES[name]().part(3)
    shape.rows[shape.first - 1].append(header)
    corpus = load_database(name, shape.write(tmp_path))
    (fault,) = (f for f in corpus.faults if f.kind == "column")
    letter = chr(ord("A") + len(shape.rows[shape.first - 1]) - 1)
    if letter <= "Z":
        assert fault.where == f"{shape.file}, {letter}{shape.first}"
    assert header in fault.message


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("12.5", "cell"), (12.5, "cell"), (-3, "cell"), ("1,204", "cell"), ("1，204", "cell")],
)
@pytest.mark.parametrize(("name", "column"), [("casme2", 5), ("mmew", 4), ("samm", 5)])
def test_moments_are_read_whole_or_not_at_all(tmp_path, name, column, cell, kind):
    shape = SHAPES[name]().part(3)
    shape.rows[shape.first + 1][column] = cell
    corpus = load_database(name, shape.write(tmp_path))
    assert corpus[1].offset is None
    place = f"{shape.file}, {chr(ord('A') + column)}{shape.first + 2}"
    assert (kind, place) in {(f.kind, f.where) for f in corpus.faults}


@pytest.mark.parametrize("name", ["casme2", "mmew", "samm", "casme3-a", "dfme-a"])
def test_a_workbook_that_begins_with_another_sheet(tmp_path, name):
    shape = SHAPES[name]().part(3)
    shape.write(tmp_path)
    sheets = {"readme": [["Subject", "a person"], ["Onset", "first frame"]], "data": shape.rows}
    write_sheets(tmp_path / shape.file, sheets)
    corpus = load_database(name, tmp_path)
    assert len(corpus) == 3
    assert corpus.notes == (f"sheet 'data' of {shape.file}: the first has no headers",)
    write_sheets(tmp_path / shape.file, sheets | {"data 2": shape.rows})
    with pytest.raises(ValueError, match="no row with the headers"):
        load_database(name, tmp_path)


def test_merged_cells_all_hold_what_stands_in_them(tmp_path):
    import openpyxl

    shape = SHAPES["mmew"]().part(4)
    for row in shape.rows[1:]:
        row[0] = "S01"
    shape.write(tmp_path)
    book = openpyxl.load_workbook(tmp_path / shape.file)
    book.active.merge_cells("A2:A5")
    book.active.merge_cells("C3:E3")
    book.save(tmp_path / shape.file)
    corpus = load_database("mmew", tmp_path)
    assert [c.subject for c in corpus] == ["S01"] * 4
    assert (corpus[1].onset, corpus[1].apex, corpus[1].offset) == (1, 1, 1)


def test_emotions_that_nobody_knows_are_listed_with_their_cells(tmp_path):
    shape = SHAPES["casme2"]().part(4)
    shape.rows[2][8], shape.rows[3][8] = "confused", ""
    corpus = load_casme2(shape.write(tmp_path))
    told = [(f.kind, f.where) for f in corpus.faults if f.kind == "emotion"]
    assert told == [("emotion", f"{shape.file}, I3"), ("emotion", f"{shape.file}, I4")]


@pytest.mark.parametrize(
    ("name", "subject", "spellings"),
    [
        ("casme3-a", "spNO.7", ["spNO.7", "spno.7", "spNO. 7", "SPNO.07"]),
        ("casme2", "sub01", ["1", "Sub 1", "SUB01", "sub1"]),
        ("4dme", "sub5", ["sub5", "Sub5", "sub 5", "SUB05"]),
        ("dfme-a", "sub0003", ["sub0003", "SUB0003", "sub3", "Sub 3"]),
    ],
)
def test_a_person_in_several_spellings_is_one(tmp_path, name, subject, spellings):
    shape = SHAPES[name]().part(8)
    shape.rows = shape.rows[: shape.first] + shape.rows[shape.first + 4 :]
    shape.folders, shape.numbers = shape.folders[4:], shape.numbers[4:]
    for i, spelling in enumerate(spellings):
        row = shape.rows[shape.first + i]
        shape.folders[i] = shape.folders[i].replace(f"/{row[0]}/", f"/{subject}/")
        if name == "dfme-a":
            shape.folders[i] = f"{subject}/{row[1]}"
        row[0] = spelling
    corpus = load_database(name, shape.write(tmp_path))
    assert [c.subject for c in corpus] == [subject] * 4


def test_repairs_and_revisions_know_clips_in_any_case(tmp_path):
    shape = SHAPES["casme3-a"]().part(6)
    for row in shape.rows[1:]:
        row[:2] = row[0].upper(), row[1].upper()
    corpus = load_casme3(shape.write(tmp_path / "a"))
    assert len(corpus) == 6
    assert len(corpus.repairs) == len(REPAIRED)
    shape = casme2("2019")
    for row in shape.rows[1:]:
        row[1] = row[1].lower().replace("ep0", "ep")
    assert load_casme2(shape.write(tmp_path / "b")).revision == "2019"


@pytest.mark.parametrize(("name", "variant"), [("casme3-a", "raw"), ("cas-me-2", "raw")])
def test_a_clip_of_a_recording_in_two_spellings_is_one(tmp_path, name, variant):
    shape = cas_me_2("rawpic").part(7) if name == "cas-me-2" else SHAPES[name]().part(7)
    row = list(shape.rows[-1])
    row[1] = row[1].upper()
    shape.rows.append(row)
    with pytest.warns(UserWarning, match="1 more"):
        corpus = load_database(name, shape.write(tmp_path), variant=variant)
    assert len({(c.source.folder, c.onset) for c in corpus}) == len(corpus)
    assert [f.kind for f in corpus.faults if f.clip is None] == ["duplicate"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("casme", (0, 3, 4, 6)),
        ("casme3-c", (0, 1, 2, 3)),
        ("cas-me-2", (0, 2, 3, 4)),
        ("samm", (0, 3, 4, 5, 10)),
        ("dfme-a", (2, 3, 4, 6, 7)),
    ],
)
def test_whole_numbers_that_a_data_frame_wrote(tmp_path, name, columns):
    shape = SHAPES[name]().part(6)
    whole = load_database(name, shape.write(tmp_path / "a"))
    for row in shape.rows[shape.first :]:
        for i in columns:
            row[i] = f"{int(row[i])}.0"
    shape.file = shape.file.rpartition(".")[0] + ".csv"
    if name == "samm":
        shape.rows[:12] = [[*row, *[None] * 11] for row in shape.rows[:12]]
    corpus = load_database(name, shape.write(tmp_path / "b"))
    for field in ("subject", "onset", "apex", "offset", "fps", "objective_class"):
        assert [getattr(c, field) for c in corpus] == [getattr(c, field) for c in whole]
    assert [c.key for c in corpus] == [c.key for c in whole]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["smic-vis", "casme", "casme2", "cas-me-2", "casme3-a", "samm", "mmew", "dfme-a"]
)
def test_damage_of_a_real_shape_is_told(tmp_path_factory, name):
    shape, layout = SHAPES[name]().part(7), get_layout(name)
    root = shape.write(tmp_path_factory.mktemp("whole") / "copy")
    base = shape.tree(root)
    kinds = OF_FOLDERS + (OF_LABEL_FILES if layout.label_files else ())
    choice = {"kind": "both"} if layout.kinds else {}

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damages(kinds))
    def check(spoilt):
        with tempfile.TemporaryDirectory() as folder:
            tree = base.copy(Path(folder).resolve() / "copy")
            for damage in spoilt:
                tree.spoil(*damage)
            tree.finish()
            corpus, error = attempt(lambda: load_database(name, tree.root, **choice))
            if error is not None:
                stem = [tree.label_file.stem] if layout.label_files else []
                check_error(error, str(tree.root), *stem)
            else:
                check_account(corpus, tree, layout)

    check()
