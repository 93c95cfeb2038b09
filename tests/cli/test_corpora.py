import re

import cv2
import numpy as np
import pytest
from command_line import cdmer

from cdmer.cli._extract import open_corpus
from cdmer.corpora import list_databases, load_database, load_samm
from cdmer.corpora._databases.databases import DATABASES

SMALL = ["--n-clips", "6", "--n-subjects", "2", "--size", "32", "--preset", "webcam-25fps"]


@pytest.fixture
def samm(tmp_path):
    assert cdmer("corpora", "make", "samm", "-o", tmp_path / "samm", *SMALL)[0] == 0
    return tmp_path / "samm"


@pytest.mark.parametrize("command", [[], ["list"], ["check"], ["show"], ["make"]])
def test_help(command):
    code, said, errors = cdmer("corpora", *command, "--help")
    assert (code, errors) == (0, "")
    assert said.startswith(f"Usage: cdmer {' '.join(['corpora', *command])} ")


def test_list_has_a_line_for_each_database():
    _, said, _ = cdmer("corpora", "list")
    header, *lines = said.splitlines()
    assert header.split() == ["NAME", "DATABASE", "CLIPS", "VARIANTS", "LABEL", "FILE"]
    assert [line.split()[0] for line in lines] == list_databases()
    assert re.search(r"^casme2 +CASME II +255 or 256 +raw, cropped +CASME2-coding-", said, re.M)
    assert re.search(r"^smic-nir .* none$", said, re.M)


def test_make_writes_what_check_finds(tmp_path):
    code, said, errors = cdmer(
        "corpora",
        "make",
        "casme2",
        "-o",
        tmp_path / "new",
        *SMALL,
        "--variant",
        "cropped",
        "--seed",
        "3",
    )
    assert (code, errors) == (0, "")
    assert said == f"{tmp_path / 'new'}: Corpus('casme2', 6 clips, 2 subjects), rendered faces\n"
    code, said, errors = cdmer(
        "corpora", "check", "casme2", tmp_path / "new", "--variant", "cropped"
    )
    assert code == 1  # nobody publishes six clips
    assert errors == "cdmer: CASME II: counts differ from the published ones\n"
    for expected in (
        r"CASME II, cropped: .*new",
        r"label file: CASME2-coding-rehearsal\.xlsx",
        r"frames in: Cropped",
        r"all +6  published 255 or 256  differs",
        r"happiness +\d+  published 32  differs",
        r"faults: 2",
        r"\[unknown\] CASME2-coding-rehearsal\.xlsx, E3: no apex: '/'",
        r"\[unknown\] CASME2-coding-rehearsal\.xlsx, F4: no offset",
    ):
        assert re.search(expected, said), expected


def test_check_passes_where_the_counts_are_the_published_ones(samm, monkeypatch):
    labels = load_samm(samm).table["label"]
    counts = {e: int((labels == e).sum()) for e in DATABASES["samm"].emotions}
    from dataclasses import replace

    layout = replace(DATABASES["samm"], emotions=counts, n_clips=6)
    monkeypatch.setitem(DATABASES, "samm", layout)
    code, said, errors = cdmer("corpora", "check", "samm", samm)
    assert (code, errors) == (0, "")
    assert "differs" not in said
    assert "samm/032/032_3_1: apex 1930 -> 4945" in said


def test_check_names_rows_and_folders_that_lack_each_other(samm):
    clip = load_samm(samm)[2]
    clip_folder = next(samm.glob(f"*/*/{clip.name}"))
    clip_folder.rename(clip_folder.with_name("099_9_9"))
    _, said, _ = cdmer("corpora", "check", "samm", samm)
    assert re.search(rf"\[missing-folder\] SAMM_.*xlsx, row 16: .*{clip.key}", said)
    assert re.search(r"\[missing-row\] SAMM/.*/099_9_9: ", said)


def test_show_draws_a_contact_sheet(samm, tmp_path):
    out = tmp_path / "sheet.png"
    code, said, errors = cdmer("corpora", "show", "samm", samm, "-o", out, "--n-per-class", "2")
    assert (code, errors) == (0, "")
    assert said.startswith(f"{out}: Corpus('samm', 6 clips, 3 subjects")
    assert cv2.imread(str(out)).std() > 5
    for name in ("sheet.svg", "sheet.pdf"):
        cdmer("corpora", "show", "samm", samm, "-o", tmp_path / name, "--scheme", "three")
        assert (tmp_path / name).read_bytes()[:5] in (b"<?xml", b"%PDF-")
    code, said, _ = cdmer("corpora", "show", "samm", samm, "-o", out, "--scheme", "labels")
    assert (code, said.startswith(f"{out}: ")) == (0, True)


def test_what_loading_warns_of_takes_one_line(samm, tmp_path):
    clip_folder = next(samm.glob(f"*/*/{load_samm(samm)[1].name}"))
    for file in clip_folder.iterdir():
        file.unlink()
    code, _, errors = cdmer("corpora", "show", "samm", samm, "-o", tmp_path / "s.png")
    assert code == 0
    assert errors.startswith("cdmer: SAMM: 5 clips; 1 more")
    assert errors.count("\n") == 1


def test_extract_takes_a_database_and_a_manifest(samm, tmp_path):
    load_samm(samm).to_manifest(samm / "mine.csv")
    options = [
        "--descriptor",
        "lbp-top",
        "--param",
        "radius=1",
        "--levels",
        "1",
        "-j",
        "1",
        "--no-cache",
    ]
    for i, corpus in enumerate((f"samm:{samm}", samm / "mine.csv")):
        code, said, errors = cdmer("extract", corpus, *options, "-o", tmp_path / f"{i}.npz")
        assert (code, errors) == (0, "")
        assert "6 clips of 177 features" in said
    tables = [np.load(tmp_path / f"{i}.npz")["features"] for i in range(2)]
    np.testing.assert_array_equal(*tables)


def test_variants_of_a_database_for_extract(tmp_path):
    cdmer("corpora", "make", "casme", "-o", tmp_path / "c", "--variant", "cropped", *SMALL)
    corpus = open_corpus(f"casme:{tmp_path / 'c'}", 60, 0, variant="cropped")
    expected = load_database("casme", tmp_path / "c", variant="cropped")
    assert corpus.table.equals(expected.table)
    with pytest.raises(ValueError, match="no folder 'CASME_raw_selected'"):
        open_corpus(f"casme:{tmp_path / 'c'}", 60, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tidy"], 2, "No such command 'tidy'"),
        (["check", "casme4", "."], 1, r"NAME: expected one of \[.*got 'casme4'"),
        (["check", "samm", "nowhere"], 1, "PATH: expected the folder of SAMM, got 'nowhere'"),
        (["check", "samm", "empty"], 1, "no label file; expected one named like 'SAMM_Micro"),
        (["check", "samm", "empty", "--variant", "warm"], 1, "variant: expected .*got 'warm'"),
        (["check", "samm"], 2, "PATH"),
        (["show", "casme4", "empty"], 1, "NAME: expected one of .*smic-hs.*manifest'.*'casme4'"),
        (["show", "samm", "empty"], 1, "no label file"),
        (["show", "samm", "empty", "-o", "s.txt"], 2, "--out: expected a png, pdf or svg"),
        (["show", "samm", "empty", "-o", "no/where.png"], 1, "--out: there is no folder"),
        (["show", "samm", "empty", "--n-per-class", "0"], 2, "--n-per-class"),
        (["show", "manifest", "none.csv"], 1, r"none\.csv"),
        (["show", "manifest", "m.csv", "--variant", "raw"], 1, "--variant: a manifest has none"),
        (["make", "casme4", "-o", "new"], 1, r"NAME: expected one of .*got 'casme4'"),
        (["make", "samm"], 2, "--out"),
        (["make", "samm", "-o", "full"], 1, "--out: expected an empty folder or none, got 'full'"),
        (["make", "samm", "-o", "new", "--preset", "studio"], 1, "--preset: expected one of"),
        (["make", "samm", "-o", "new", "--n-clips", "2"], 2, "--n-clips"),
    ],
)
def test_errors_take_one_line(tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("")
    found, said, errors = cdmer("corpora", *arguments)
    assert (found, said) == (code, "")
    assert re.match(f"cdmer: .*{message}", errors), errors
    assert errors.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "full", "thesis.docx"]


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ("casm2:folder", "CORPUS: expected one of synthetic:.*NAME:PATH.*got 'casm2:folder'"),
        ("casme2:nowhere", "path: expected the folder of CASME II, got 'nowhere'"),
        ("mine.csv", r"mine\.csv"),
        ("synthetic:lab", "CORPUS: expected one of synthetic:lab-200fps"),
    ],
)
def test_extract_names_what_it_cannot_open(tmp_path, monkeypatch, corpus, message):
    monkeypatch.chdir(tmp_path)
    code, said, errors = cdmer("extract", corpus, "--descriptor", "lbp-top", "-o", "t.npz")
    assert (code, said) == (1, "")
    assert re.match(f"cdmer: .*{message}", errors), errors
    assert errors.count("\n") == 1


def test_only_databases_have_variants(tmp_path):
    code, _, errors = cdmer(
        "extract",
        "synthetic:lab-200fps",
        "--variant",
        "raw",
        "--descriptor",
        "lbp-top",
        "-o",
        tmp_path / "t.npz",
    )
    assert (code, errors) == (1, "cdmer: --variant: a synthetic corpus has none, got 'raw'\n")


def test_make_leaves_nothing_behind_where_it_cannot_go_on(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cdmer.corpora._rehearsal.rehearsal.write_frames", full)
    code, _, errors = cdmer("corpora", "make", "samm", "-o", tmp_path / "a" / "b", *SMALL)
    assert code == 1
    assert "No space left" in errors
    assert not list(tmp_path.iterdir())
    (tmp_path / "empty").mkdir()
    cdmer("corpora", "make", "samm", "-o", tmp_path / "empty", *SMALL)
    assert list(tmp_path.iterdir()) == [tmp_path / "empty"]


def test_check_takes_a_manifest(tmp_path):
    for name in ("c1", "c2"):
        (tmp_path / name).mkdir()
        for number in range(3):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), np.zeros((8, 8), np.uint8))
    manifest = tmp_path / "mine.csv"
    manifest.write_text("path,subject,label,onset,offset\nc1,ann,joy,0,2\nc2,ben,anger,0,9\n")
    code, said, errors = cdmer("corpora", "check", "manifest", manifest)
    assert (code, errors) == (0, "")
    lines = [line.strip() for line in said.splitlines()]
    assert lines[0] == f"mine, a manifest: {manifest}"
    assert lines[1:7] == [
        "subjects: 2",
        "clips:",
        "all              2",
        "anger            1",
        "joy              1",
        "faults: 1",
    ]
    assert "offset 9 lies outside the frames, 0 to 2" in lines[7]
    assert cdmer("corpora", "check", "manifest", manifest, "--variant", "raw")[0] == 1


def test_encodings_are_named_on_the_command_line(samm, tmp_path):
    manifest, out = tmp_path / "mine.csv", tmp_path / "samples.png"
    place = next(samm.rglob("*.jpg")).parent
    lines = f"path,subject,label\n{place.relative_to(tmp_path).as_posix()},Töö,joy\n"
    manifest.write_bytes(lines.encode("cp1252"))
    code, _, errors = cdmer("corpora", "show", "manifest", manifest, "-o", out)
    assert code == 1
    assert "its encoding is not certain" in errors
    options = ["-o", out, "--encoding", "cp1252"]
    code, said, errors = cdmer("corpora", "show", "manifest", manifest, *options)
    assert (code, errors) == (0, "")
    code, _, errors = cdmer("corpora", "check", "samm", samm, "--encoding", "klingon")
    assert code != 0
    assert "encoding: expected the name of a text encoding" in errors


def test_how_much_of_a_folder_a_clip_is(tmp_path):
    assert cdmer("corpora", "make", "casme3-a", "-o", tmp_path / "c", *SMALL)[0] == 0
    whole, cut = (
        open_corpus(f"casme3-a:{tmp_path / 'c'}", 3, 0, extent=extent)
        for extent in ("folder", None)
    )
    assert len(whole[0].frame_numbers) > len(cut[0].frame_numbers)
    cut.to_manifest(tmp_path / "m.csv")
    again = open_corpus(str(tmp_path / "m.csv"), 3, 0, extent="expression")
    assert [clip.frame_numbers for clip in again] == [clip.frame_numbers for clip in cut]
    sheet = tmp_path / "s.png"
    show = ("corpora", "show", "casme3-a", tmp_path / "c", "-o", sheet)
    assert cdmer(*show, "--extent", "folder")[0] == 0
    code, _, errors = cdmer(*show, "--extent", "clip")
    assert (code, "--extent" in errors) == (2, True)
    with pytest.raises(ValueError, match="--extent: a synthetic corpus has none, got 'folder'"):
        open_corpus("synthetic:webcam-25fps", 3, 0, extent="folder")
