"""Nothing that is not ours is replaced, and nothing from files runs in what is written."""

import csv
import io
import json
import os
import re
import sqlite3
import tempfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from feature_tables import write_tables
from nursery import accepted, refused
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer._text import plain_cell, printable, spreadsheet_cell
from cdmer.corpora import Clip, Corpus, FrameFolder, load_manifest, make_synthetic_corpus, pack
from cdmer.evaluation import CDMERPairs, ResultStore, benchmark
from cdmer.extraction import FeatureTable
from cdmer.features import LBPTOP, RegionGrid
from cdmer.models import save_model
from cdmer.synthesis import WarpRenderer, synthesize

CLASSES = ("negative", "positive", "surprise")
ESCAPE = "\x1b]0;owned\x07\x1b[31mred\x9b2J \u202efdp.exe"
EVIL = ("=HYPERLINK(0)", f"@SUM(1)\r{ESCAPE}", "http://evil.example www.evil.example <script>")
FORMULAS = ["=1", "'=1", "''=1", "-1", "@x", "+1+1", "a;=1", "a\n=1", "\uff1d1", "'plain", "a,b"]
UNKEPT = ["a\rb", "tab\t", "\x1b[31m", " =1", "x\u202ey", "1.0", "a\0b"]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def frames(folder, n=8):
    folder.mkdir(parents=True)
    for i in range(n):
        picture = np.random.default_rng(i).integers(0, 255, (32, 32), dtype=np.uint8)
        (folder / f"{i}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with clips, a manifest, a model, tables and a store, full of names that are evil."""
    place = tmp_path_factory.mktemp("outputs")
    for i in range(3):
        frames(place / f"c{i}")
    rows = "".join(f"c{i},s{i},{name}\n" for i, name in enumerate(CLASSES))
    (place / "m.csv").write_text("path,subject,label\n" + rows)
    (place / "evil.csv").write_text(f"path,subject,label\nc0,s,{ESCAPE}\nnot {ESCAPE},s,x\n")
    tables = write_tables(place, ["lab", "webcam"], n_clips=12, n_features=4)
    with ResultStore(place / "s.sqlite") as store:
        methods = {name: SVC() for name in EVIL}
        benchmark(methods, tables, CDMERPairs(None), store=store, title=EVIL[1], progress=False)
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
    (place / "face").mkdir()
    for i, picture in enumerate(corpus[0].frames):
        cv2.imwrite(str(place / "face" / f"{i}.png"), picture)
    clips, y, _ = pack(corpus, [], "cdmer-130")
    pipeline = make_pipeline(LBPTOP(grid=RegionGrid((1,))), SVC()).fit(clips, y)
    save_model(place / "m.skops", pipeline, clips, class_names=[ESCAPE, "b", "c"])
    return place


# What each command writes, in a folder with the files of `place` above it.
WRITING = {
    "report.html": ["report", "../s.sqlite"],
    "scores.csv": ["report", "../s.sqlite", "--format", "csv"],
    "table.md": ["report", "../s.sqlite", "--format", "markdown"],
    "table.tex": ["report", "../s.sqlite", "--format", "latex"],
    "sheet.png": ["corpora", "show", "manifest", "../m.csv"],
    "sheet.pdf": ["corpora", "show", "manifest", "../m.csv"],
    "sheet.svg": ["corpora", "show", "manifest", "../m.csv"],
    "regions.png": ["predict", "../m.skops", "../face"],
    "t.npz": ["extract", "../m.csv", "--descriptor", "lbp-top", "--no-cache", "-j", 1],
}
LATER = {
    "demo.html": ["demo", "--n-clips", "12"],
    "sweep.csv": ["tgsr", "--source", "casme2", "--target", "smic-vis"],
}


def letter(path):
    path.write_text("Dear all,\nexperiment,source\n")


def script(path):
    path.write_text('#!/usr/bin/env python\n"""<meta name="generator" content="cdmer">"""\n')


def page(path):
    path.write_text("<!DOCTYPE html>\n<html lang='en'><head><title>Mine</title></head></html>\n")


def database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("table.json", '{"kind": "mine"}')
        file.writestr("model.json", "[]")


def picture(path):
    path.write_bytes(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes())


def other_table(path):
    path.write_text("experiment,source,target,mine\n1,a,b,c\n")


def link(path):
    letter(path.with_name("letter"))
    path.symlink_to("letter")


def loose_link(path):
    path.symlink_to("nothing")


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/null")


def folder(path):
    path.mkdir()


FILES = (letter, script, page, database, archive, picture, other_table, link)
OTHERS = (loose_link, pipe, device, folder)


def listing(folder):
    """All there is in a folder: what links lead to, bytes of files, kinds of the rest."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        target = os.readlink(path) if path.is_symlink() else None
        found[path.relative_to(folder)] = os.lstat(path).st_mode, target, content
    return found


def spread(*kinds):
    """Pairs of command and victim: each command meets each second victim, each victim some."""
    writing = {**WRITING, **LATER}
    return [
        pytest.param(name, kind, id=f"{name}-{kind.__name__}")
        for i, name in enumerate(writing)
        for j, kind in enumerate(kinds)
        if (i + j) % 2 == 0
    ]


@pytest.mark.parametrize(("name", "lay"), spread(*FILES, *OTHERS))
def test_what_is_not_ours_stays(nursery, place, tmp_path_factory, name, lay):
    here = place / tmp_path_factory.mktemp(place.name).name  # of a name of its own
    here.mkdir()
    lay(here / name)
    before = listing(here)
    outcome = nursery.cdmer(*{**WRITING, **LATER}[name], "--out", name, cwd=here)
    # Options that take files refuse folders by themselves.
    refused(outcome._replace(code=1) if (lay, outcome.code) == (folder, 2) else outcome, name)
    assert listing(here) == before


@pytest.mark.parametrize("name", WRITING)
def test_what_is_ours_or_empty_is_written(nursery, place, tmp_path_factory, name):
    here = place / tmp_path_factory.mktemp(place.name).name
    here.mkdir()
    path = here / name
    path.write_bytes(b"")
    shown = accepted(nursery.cdmer(*WRITING[name], "--out", name, cwd=here))
    first = path.read_bytes()
    assert first
    accepted(nursery.cdmer(*WRITING[name], "--out", name, cwd=here))
    assert os.listdir(here) == [name]
    assert not CONTROL.search(shown)
    if not name.endswith((".html", ".svg", ".pdf")):  # these hold the time
        assert path.read_bytes() == first
    # What somebody wrote beneath a table for a paper is theirs.
    if name.endswith((".md", ".tex", ".skops")):
        path.write_bytes(first + b"\nMy own conclusions.\n")
        refused(nursery.cdmer(*WRITING[name], "--out", name, cwd=here), name)
        assert path.read_bytes() == first + b"\nMy own conclusions.\n"


WRITERS = {
    "t.npz": "from cdmer.extraction import FeatureTable\n"
    "t = FeatureTable.load('{place}/lab.npz')\nwrite = t.save",
    "m.csv": "from cdmer.corpora import load_manifest\n"
    "write = lambda path: load_manifest('{place}/m.csv').to_manifest(path, root='{place}')",
    "m.parquet": "from cdmer.corpora import load_manifest\n"
    "write = lambda path: load_manifest('{place}/m.csv').to_manifest(path, root='{place}')",
    "g.safetensors": "from cdmer.nets._icegan.file import save_generator\n"
    "from cdmer.nets._icegan.generator import ICEGANGenerator\n"
    "write = lambda path: save_generator(path, ICEGANGenerator(size=16, width=4), [0, 1, 2])",
    "m.skops": "from cdmer.corpora import make_synthetic_corpus, pack\n"
    "from cdmer.features import LBPTOP, RegionGrid\n"
    "from cdmer.models import save_model\n"
    "from sklearn.pipeline import make_pipeline\nfrom sklearn.svm import SVC\n"
    "c = make_synthetic_corpus('webcam-25fps', n_clips=3, size=32, random_state=0)\n"
    "clips, y, _ = pack(c, [], 'cdmer-130')\n"
    "p = make_pipeline(LBPTOP(grid=RegionGrid((1,))), SVC()).fit(clips, y)\n"
    "write = lambda path: save_model(path, p, clips, class_names=list('abc'))",
    "r.html": "from cdmer.evaluation import ResultStore\n"
    "with ResultStore('{place}/s.sqlite', read_only=True) as store: results = store.results()\n"
    "write = results.report",
}
TRIALS = """
def left():
    return {p.name: p.read_bytes() for p in Path('.').iterdir() if p.is_file()}
for victim in Path('victims').iterdir():
    Path(NAME).write_bytes(victim.read_bytes())
    before = left()
    try:
        write(NAME)
    except FileExistsError as error:
        assert NAME in str(error), error
    else:
        raise KeyError(victim)
    assert left() == before
Path(NAME).write_bytes(b'')
write(NAME)
first = left()
write(Path(NAME))
assert left().keys() == first.keys()
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
before = left()
write(NAME)
"""


@pytest.mark.parametrize("name", WRITERS)
def test_functions_replace_nothing_else(nursery, place, tmp_path, name):
    """All victims, then nothing, then their own; last a disk that is full."""
    (tmp_path / "victims").mkdir()
    for lay in FILES:
        lay(tmp_path / "victims" / lay.__name__)
    code = WRITERS[name].format(place=place) + TRIALS.replace("NAME", repr(name))
    refused(nursery.python(code, cwd=tmp_path), "File too large", name)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "victims"])  # nothing unfinished
    assert (tmp_path / name).stat().st_size > 100


FULL = """
import os, resource, sys
import cdmer.cli
resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST))
sys.argv = ["cdmer", *ARGUMENTS]
try:
    cdmer.cli.main()
except SystemExit as stop:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(stop.code)
"""


def full(limit, *arguments):
    """Code that runs the command where no file may be larger."""
    return FULL.replace("MOST", str(limit)).replace("ARGUMENTS", repr([*map(str, arguments)]))


# SQLite keeps 32 KiB beside a store that is read.
@pytest.mark.parametrize(
    ("name", "limit"), [("report.html", 40_000), ("sheet.png", 500), ("t.npz", 500)]
)
def test_a_full_disk_names_the_file(nursery, place, tmp_path_factory, name, limit):
    here = place / tmp_path_factory.mktemp(place.name).name
    here.mkdir()
    code = full(limit, *WRITING[name], "--out", name)
    refused(nursery.python(code, cwd=here), "File too large", name)
    assert not os.listdir(here)


@pytest.mark.parametrize("name", ["casme2", "samm", "casme", "smic-hs"])
def test_a_full_disk_leaves_no_half_of_a_database(nursery, tmp_path, name):
    code = full(500, "corpora", "make", name, "-o", "out", "--size", 32)
    refused(nursery.python(code, cwd=tmp_path), "File too large", "'out/")
    assert not os.listdir(tmp_path)


def test_a_full_disk_leaves_no_half_of_a_clip(nursery, tmp_path):
    arguments = ["synthesize", "--identities", 1, "--size", 128, "-o", "out", "-j", 1]
    refused(nursery.python(full(4000, *arguments), cwd=tmp_path), "File too large", "000.png")
    assert not list(tmp_path.rglob("*.png"))
    accepted(nursery.cdmer(*arguments, cwd=tmp_path))


def test_a_folder_that_is_read_only(nursery, place):
    code = (
        "import os, sys\n"
        "from cdmer.extraction import FeatureTable\n"
        f"table = FeatureTable.load({str(place / 'lab.npz')!r})\n"
        "table.save('open.npz')\n"  # and all is imported, which not everybody may
        "os.makedirs('shut'); os.chmod('shut', 0o555); os.chmod('.', 0o777)\n"
        "if not os.geteuid(): os.setuid(65534)\n"
        "table.save('shut/t.npz')"
    )
    with tempfile.TemporaryDirectory() as here:  # those of pytest are for their owner alone
        refused(nursery.python(code, cwd=here), "Permission denied: 'shut/t.npz'")


@pytest.fixture
def own(tmp_path):
    """A folder that a synthesis wrote."""
    synthesize(tmp_path / "out", identities=1, renderer=WarpRenderer(size=32), n_jobs=1)
    return tmp_path / "out"


SYNTHESIZE = ["synthesize", "--identities", 1, "--size", 32, "-j", 1, "-o", "out"]


def others_files(out):
    (out / "notes.txt").write_text("mine")


def others_request(out):
    (out / "synthesis.json").write_text('{"mine": 1}')


def others_request_and_files(out):
    others_request(out)
    others_files(out)


def piped_request(out):
    os.mkfifo(out / "synthesis.json")


def file_for_folder(out):
    out.rmdir()
    out.write_text("mine")


def link_to_files(out):
    out.rename(out.with_name("theirs"))
    letter(out.with_name("theirs") / "letter")
    out.symlink_to("theirs")


def link_to_nothing(out):
    out.rmdir()
    out.symlink_to("nothing")


@pytest.mark.parametrize(
    "lay",
    [
        others_files,
        others_request,
        others_request_and_files,
        piped_request,
        file_for_folder,
        link_to_files,
        link_to_nothing,
    ],
)
@pytest.mark.parametrize(
    "command", [SYNTHESIZE, ["corpora", "make", "smic-hs", "--size", 32, "-o", "out"]]
)
def test_folders_of_others_stay(nursery, tmp_path, lay, command):
    (tmp_path / "out").mkdir()
    lay(tmp_path / "out")
    before = listing(tmp_path)
    outcome = nursery.cdmer(*command, cwd=tmp_path)
    refused(outcome._replace(code=1) if outcome.code == 2 else outcome, "out")
    assert listing(tmp_path) == before


def linked_table(out):
    letter(out.with_name("letter"))
    (out / "failures.csv").symlink_to("../letter")


def linked_manifest(out):
    letter(out.with_name("letter"))
    (out / "manifest.csv").unlink()
    (out / "manifest.csv").symlink_to("../letter")


def linked_unfinished(out):
    out.with_name("theirs").mkdir()
    (out / ".unfinished").symlink_to("../theirs")


def linked_person(out):
    [person] = (path for path in out.iterdir() if path.is_dir())
    person.rename(out.with_name("theirs"))
    person.symlink_to("../theirs")


def other_manifest(out):
    (out / "manifest.csv").write_text("path,subject,label\nmine,1,x\n")


def other_failures(out):
    (out / "failures.csv").write_text("who,why\nme,tired\n")


def notes_within_a_clip(out):
    frame = sorted(out.rglob("*.png"))[0]
    frame.write_bytes(b"cut short")
    (frame.parent / "notes.txt").write_text("mine")


@pytest.mark.parametrize(
    "lay",
    [
        linked_table,
        linked_manifest,
        linked_unfinished,
        linked_person,
        other_manifest,
        other_failures,
        notes_within_a_clip,
    ],
)
def test_resumption_touches_its_own_files_alone(nursery, own, lay):
    lay(own)
    before = listing(own.parent)
    refused(nursery.cdmer(*SYNTHESIZE, cwd=own.parent), "out")
    after = listing(own.parent)
    if not after.keys() <= before.keys():
        after.pop(Path("out/.unfinished"))  # an empty folder
    assert after == before


@pytest.mark.parametrize("lay", [letter, pipe, folder, loose_link, device])
def test_fetch_replaces_nothing(nursery, tmp_path, lay):
    lay(tmp_path / "CrossCorpus_LBPTOP_R3P8_CASME2_112by112.mat")
    before = listing(tmp_path)
    outcome = nursery.cdmer("fetch", "casme2", "--data-home", ".", cwd=tmp_path)
    refused(outcome, "CrossCorpus_LBPTOP_R3P8_CASME2_112by112.mat")
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    "command",
    [
        ["report", "s.sqlite", "--format", "csv"],
        ["report", "s.sqlite", "--format", "markdown"],
        ["report", "s.sqlite", "--format", "latex"],
        ["report", "s.sqlite", "--list"],
        ["compare", "s.sqlite"],
        ["predict", "m.skops", "face"],
        ["predict", "m.skops", "face", "--json"],
    ],
)
def test_terminals_are_not_steered(nursery, place, command):
    outcome = nursery.cdmer(*command, cwd=place)
    shown = accepted(outcome)
    assert not CONTROL.search(shown + outcome.stderr)
    if "--json" in command:
        assert ESCAPE in json.loads(shown)["scores"]
    if "csv" in command:
        rows = list(csv.reader(io.StringIO(shown)))
        assert len({len(row) for row in rows}) == 1
        assert {row[rows[0].index("method")] for row in rows[1:]} == {*map(spreadsheet_cell, EVIL)}
        assert not any(re.match(r"[=@+]", cell) for row in rows for cell in row)
    if "markdown" in command:
        assert r"http\://evil" in shown
        assert r"www\.evil" in shown
        assert r"\<script\>" in shown


def test_manifests_with_evil_cells_do_not_steer_terminals(nursery, place):
    outcome = nursery.cdmer("corpora", "check", "manifest", "evil.csv", cwd=place)
    assert outcome.code == 1
    assert "owned" in outcome.stdout
    assert not CONTROL.search(outcome.stdout)


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_manifests_keep_formulas_and_run_none(tmp_path, text, suffix):
    where = text.replace("\n", "")
    frames(tmp_path / where)
    source = FrameFolder(str(tmp_path / where), tuple(f"{i}.png" for i in range(8)))
    clip = Clip(source, text, text, text, label=text, frame_numbers=tuple(range(8)))
    Corpus([clip], text).to_manifest(tmp_path / f"m{suffix}")
    [again] = load_manifest(tmp_path / f"m{suffix}")
    assert (again.name, again.subject, again.corpus, again.label) == (text,) * 4
    assert again.source == source
    if suffix == ".csv":
        content = (tmp_path / "m.csv").read_text("utf-8")
        assert not re.search(r"(^|[;,\n])\"?[=+@\-\uff1d]", content)


@pytest.mark.parametrize("text", UNKEPT)
def test_manifests_refuse_what_they_would_change(tmp_path, text):
    frames(tmp_path / "c")
    source = FrameFolder(str(tmp_path / "c"), tuple(f"{i}.png" for i in range(8)))
    for field in ("name", "subject", "label"):
        values = {"name": "c", "subject": "s", "label": "x", field: text}
        clip = Clip(source, corpus="lab", frame_numbers=tuple(range(8)), **values)
        with pytest.raises(ValueError, match=rf"clip 'lab/.*: its {field} .* does not survive"):
            Corpus([clip], "lab").to_manifest(tmp_path / "m.csv")
        assert not (tmp_path / "m.csv").exists()


def test_manifests_by_hand_stay(place, tmp_path):
    """The same columns in the same order, but written by somebody, or edited in a spreadsheet."""
    corpus = load_manifest(place / "m.csv")
    corpus.to_manifest(tmp_path / "m.csv", root=place)
    ours = (tmp_path / "m.csv").read_text()
    corpus.to_manifest(tmp_path / "m.csv", root=place)
    assert (tmp_path / "m.csv").read_text() == ours
    for theirs in (
        (place / "m.csv").read_text(),
        ours.replace('"', ""),
        ours.replace("\n", "\r\n"),
    ):
        (tmp_path / "m.csv").write_bytes(theirs.encode())
        with pytest.raises(FileExistsError, match=r"m\.csv"):
            corpus.to_manifest(tmp_path / "m.csv", root=place)
        assert (tmp_path / "m.csv").read_bytes() == theirs.encode()


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", ";;-", "'", "a' =b", "'a;'=b", "\n\n@"])
def test_cells_come_back(text):
    assert plain_cell(spreadsheet_cell(text)) == text
    assert CONTROL.search(ESCAPE)
    assert not CONTROL.search(printable(ESCAPE + spreadsheet_cell(text + ESCAPE)))


def test_a_table_is_the_same_after_it_was_replaced(place, tmp_path):
    table = FeatureTable.load(place / "lab.npz")
    for _ in range(2):
        table.save(tmp_path / "t.npz")
    assert (tmp_path / "t.npz").read_bytes() == (place / "lab.npz").read_bytes()
