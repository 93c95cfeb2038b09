"""Every database, written and read back, to the cell."""

import csv
from collections import Counter
from dataclasses import replace

import numpy as np
import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from cdmer.corpora import (
    PRESETS,
    get_scheme,
    load_database,
    load_samm,
    make_database,
    make_synthetic_corpus,
    pack,
)
from cdmer.corpora._databases.databases import DATABASES
from cdmer.corpora._rehearsal.files import write_label_file

VARIANTS = [(name, variant) for name, layout in DATABASES.items() for variant in layout.folders]


def write(name, folder, **keywords):
    small = {"n_clips": 8, "n_subjects": 3, "size": 32, "random_state": 0}
    small["preset"] = "webcam-25fps"
    return make_database(name, folder, **(small | keywords))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder and clips of a database, each written once."""
    known = {}

    def make(name, variant=None):
        if (name, variant) not in known:
            folder = tmp_path_factory.mktemp(name)
            known[name, variant] = folder, write(name, folder, variant=variant)
        return known[name, variant]

    return make


def sheet(folder, pattern, index=0):
    """Cells of a label file, read by another library than the readers' where there is one."""
    (path,) = folder.glob(pattern)
    if path.suffix == ".xlsx":
        return [list(row) for row in openpyxl.load_workbook(path).worksheets[index].values]
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(index).to_python()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_what_is_written_loads_to_the_cell(made, name, variant):
    folder, written = made(name, variant)
    loaded = load_database(name, folder, variant=variant)
    assert sorted(clip.key for clip in loaded) == sorted(clip.key for clip in written)
    by_key = {clip.key: clip for clip in loaded}
    for clip in written:
        assert by_key[clip.key].__dict__ == clip.__dict__
    layout = DATABASES[name]
    assert loaded.name == layout.corpus
    assert set(loaded.table["label"]) <= set(layout.emotions)
    assert set(loaded.table["fps"]) == {layout.fps}
    if layout.label_files:  # the order of the rows, too
        assert loaded.table.equals(written.table)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_frames_are_the_synthetic_ones(made, name, variant):
    """To the bit in bitmaps and PNG files, within JPEG's error otherwise; from onset to offset."""
    folder, written = made(name, variant)
    layout, (clip, *_) = DATABASES[name], written
    face = make_synthetic_corpus(
        replace(PRESETS["webcam-25fps"], fps=layout.fps),
        n_clips=8,
        n_subjects=3,
        size=32,
        random_state=np.random.RandomState([0, *name.encode()]),
    )[0]
    expected = face.frames[face.onset : face.offset + 1]
    loaded = load_database(name, folder, variant=variant)
    frames = next(c for c in loaded if c.key == clip.key).frames
    if layout.folders[variant].frame.endswith(".jpg"):
        assert np.abs(frames.astype(int) - expected).mean() < 3
    else:
        np.testing.assert_array_equal(frames, expected)


FAULTS = {
    "casme2": {"unknown": 2},
    "cas-me-2": {"unknown": 1},
    "casme3-a": {"order": 1, "range": 1},
    "samm": {"action-units": 1},
    "4dme": {"action-units": 1},
}


@pytest.mark.parametrize("name", DATABASES)
def test_planted_faults_are_reported_and_no_others(made, name):
    folder, _ = made(name)
    loaded = load_database(name, folder)
    assert Counter(fault.kind for fault in loaded.faults) == FAULTS.get(name, {})
    assert [repair.field for repair in loaded.repairs] == (["apex"] if name == "samm" else [])


def test_smic_needs_no_label_file(made):
    folder, written = made("smic-hs")
    assert [path.suffix for path in folder.iterdir() if path.is_file()] == [".txt"]
    paths = {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*/*/*/*")}
    for clip in written:
        place = f"SMIC_all_raw/HS/{clip.subject}/micro/{clip.label}/{clip.name}"
        assert place in paths
        short = {"negative": "ne", "positive": "po", "surprise": "sur"}[clip.label]
        assert clip.name.startswith(f"{clip.subject}_{short}_")
        assert clip.apex is None
        assert (clip.onset, clip.offset) == (clip.frame_numbers[0], clip.frame_numbers[-1])
        assert all(f.suffix == ".bmp" for f in (folder / place).iterdir())


def test_casme2_leaves_apex_and_offset_open(made):
    folder, written = made("casme2")
    rows = sheet(folder, "CASME2-coding-*.xlsx")
    assert rows[0] == [
        "Subject",
        "Filename",
        None,
        "OnsetFrame",
        "ApexFrame",
        "OffsetFrame",
        None,
        "Action Units",
        "Estimated Emotion",
    ]
    assert [row[4] for row in rows].count("/") == 1
    assert [row[5] for row in rows].count(None) == 1
    assert {row[0] for row in rows[1:]} == {1, 2, 3}
    assert written[1].apex is None
    assert written[2].offset is None
    assert (folder / "CASME2_RAW_selected" / "sub01" / written[0].name).is_dir()


def test_cas_me_2_has_an_xls_file_without_header(made):
    folder, written = made("cas-me-2")
    (path,) = folder.glob("*.xls")
    assert path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0"  # a compound file, as Excel 97 wrote them
    rows = sheet(folder, "CAS(ME)2.xls")
    assert rows[0][:2] == [1.0, written[0].name]
    assert len(rows) == len(written) == 8
    assert rows[1][3] == 0
    assert written[1].apex is None


def test_casme3_repeats_file_names(made):
    folder, written = made("casme3-a")
    rows = sheet(folder, "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx")[1:]
    names = Counter((row[0], row[1]) for row in rows)
    assert names["spNO.1", "a"] == 2
    assert len({clip.key for clip in written}) == 8
    assert len(list((folder / "part_A").glob("*/*/color"))) == len(names) < 8
    assert {row[0][:5] for row in rows} == {"spNO."}
    assert sum(row[3] < row[2] for row in rows) == 1
    assert {row[6] for row in rows} <= {"I", "II", "III", "IV", "V", "VI", "VII"}


def test_casme3_part_c_has_a_sheet_of_its_own_and_chinese_commas(made):
    folder, written = made("casme3-c")
    book = openpyxl.load_workbook(folder / "CAS(ME)3_part_C_ME.xlsx")
    assert book.sheetnames[0] != "mockCrimeME"
    rows = list(book["mockCrimeME"].values)
    assert rows[0] == ("sub", "count", "onset", "offset", "au", "emotion")
    assert any("\N{FULLWIDTH COMMA}" in str(row[4]) for row in rows)
    assert any(len(clip.action_units) > 1 for clip in written)
    assert all(clip.apex is None for clip in written)


def test_samm_has_remarks_above_its_header_and_a_known_mistake(made):
    folder, _ = made("samm")
    rows = sheet(folder, "SAMM_Micro_FACS_Codes_v2.xlsx")
    assert rows[12][:3] == ["Subject", "Filename", "Inducement Code"]
    row = next(row for row in rows if row[1] == "032_3_1")
    assert (row[0], row[4]) == (32, 1930)
    onset = row[3]
    assert onset > 1930
    with_repair, without = (load_samm(folder, repair=repair) for repair in (True, False))
    assert next(c for c in with_repair if c.name == "032_3_1").apex == 4945
    assert next(c for c in without if c.name == "032_3_1").apex == 1930
    assert Counter(f.kind for f in without.faults) == {"order": 1, "range": 1, "action-units": 1}
    (fault,) = (f for f in without.faults if f.kind == "order")
    assert fault.where == f"SAMM_Micro_FACS_Codes_v2.xlsx, E{rows.index(row) + 1}"
    assert {r[10] for r in rows[13:]} <= set(range(1, 8))


def test_4dme_has_a_column_for_each_unit(made):
    folder, written = made("4dme")
    rows = sheet(folder, "4DME_Labelling_Micro_release v1.xlsx")
    at = rows[0].index("AU4")
    shown = [any(u.startswith("4") or u == "AU4(k)" for u in clip.action_units) for clip in written]
    assert [bool(row[at]) for row in rows[1:]] == shown
    assert any(str(row[6]).endswith("(k)") for row in rows)


def test_objective_classes_of_column_and_table_agree(made):
    folder, _ = made("samm")
    for clip in load_samm(folder):
        if not any("or" in unit for unit in clip.action_units):
            scheme = get_scheme("objective")
            assert scheme.classify(clip) == scheme.classify(replace(clip, objective_class=None))


def test_two_databases_show_different_people_with_one_seed(made):
    one, two = (made(name)[1] for name in ("smic-vis", "smic-nir"))
    assert one[0].frames[0].tobytes() != two[0].frames[0].tobytes()


def test_one_seed_writes_the_same_frames_and_cells(tmp_path):
    for name in ("one", "two"):
        write("mmew", tmp_path / name, n_clips=4)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) > 4 * 14
    for file in files:
        if file.suffix != ".xlsx":  # it holds the time
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    cells = [sheet(tmp_path / name, "*.xlsx") for name in ("one", "two")]
    assert cells[0] == cells[1]


def test_without_a_seed_every_copy_shows_other_people(tmp_path):
    one, two = (write("mmew", tmp_path / n, n_clips=3, random_state=None) for n in "ab")
    assert one[0].frames.tobytes() != two[0].frames.tobytes()


def test_a_rehearsal_says_that_it_is_one(made):
    folder, _ = made("samm")
    for text in ((folder / "REHEARSAL.txt").read_text("utf-8"), sheet(folder, "*.xlsx")[0][0]):
        assert text.strip() == "SAMM, rehearsed: these are rendered faces, not the database."


def test_every_emotion_occurs_in_a_large_rehearsal(tmp_path, monkeypatch):
    monkeypatch.setattr("cdmer.corpora._rehearsal.rehearsal.write_frames", lambda *arguments: None)
    for name, layout in DATABASES.items():
        n_clips = 120
        monkeypatch.setattr(
            "cdmer._faces.render.Render.__call__",
            lambda self: np.zeros((self.n_frames, 1, 1), np.uint8),
        )
        written = write(name, tmp_path / name, n_clips=n_clips)
        assert set(written.table["label"]) == set(layout.emotions), name
        assert len(written) == n_clips


@pytest.mark.parametrize("scheme", ["three", "cdmer-130", "objective", "emotion"])
def test_casme2_packs_under_its_schemes(made, scheme):
    folder, written = made("casme2")
    clips, y, _ = pack(load_database("casme2", folder), [], scheme)
    assert len(clips) == len(y) == sum(c is not None for c in written.labels(scheme)) > 0


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "casme2.xlsx").write_text("my licensed copy")
    for folder in (tmp_path, tmp_path / "casme2.xlsx"):
        with pytest.raises(ValueError, match="folder: expected an empty folder or none, got"):
            write("casme2", folder)
    assert [path.name for path in tmp_path.iterdir()] == ["casme2.xlsx"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "casme4"}, r"name: expected one of \('smic-hs', .*got 'casme4'"),
        ({"variant": "cropped", "name": "mmew"}, "variant: expected one of .*got 'cropped'"),
        ({"preset": "studio"}, "preset: expected one of .*got 'studio'"),
        ({"n_clips": 2}, "n_clips: expected an integer >= 3"),
        ({"size": 8}, "size: expected an integer >= 32"),
        ({"random_state": -1}, "random_state: expected a whole number >= 0"),
        ({"random_state": "0"}, "random_state: expected a whole number"),
    ],
)
def test_bad_arguments_are_named_and_nothing_is_written(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write(**({"name": "casme2", "folder": tmp_path / "new"} | arguments))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("suffix", "module"), [(".xlsx", "openpyxl"), (".xls", "xlwt")])
def test_a_missing_writer_names_its_remedy(tmp_path, monkeypatch, suffix, module):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ImportError, match=rf'{module} is missing: .*"cdmer\[rehearse\]"'):
        write_label_file(tmp_path / f"t{suffix}", [["a"]])


def test_label_files_may_be_csv(tmp_path):
    write_label_file(tmp_path / "t.csv", [["a", None], ["é,", 3]])
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["a", ""], ["é,", "3"]]
