"""Stores of results, and caches of answers, that somebody made to harm."""

import io
import json
import os
import sqlite3
import zipfile

import numpy as np
import pytest
from nursery import accepted, refused

from cdmer.evaluation._store.records import JobResult, TestSet, canonical_json, digest
from cdmer.evaluation._store.rows import JOB_COLUMNS, checksum
from cdmer.evaluation._store.runs import COLUMNS, _key
from cdmer.evaluation._store.store import ResultStore

CLASSES = ["negative", "positive", "surprise"]
INFO = {
    "title": "a run",
    "protocol": {"class": "WithinCorpusLOSO", "parameters": {}},
    "scheme": {"name": "three", "classes": CLASSES, "multilabel": False},
    "corpora": [],
    "regions": {"levels": [1]},
}
FOLD = {"experiment": "E", "name": "f", "source": "a", "target": "b", "kind": "k"}
CLIPS = 6
TESTED = TestSet(
    tuple(f"c/s{i}/n" for i in range(CLIPS)),
    ("c",) * CLIPS,
    tuple(f"s{i}" for i in range(CLIPS)),
    (0, 1, 2) * 2,
)
CONFIG = {"fold": FOLD, "selection": "fixed", "seed": None}
EMBEDDING = {
    "before": np.ones((4, 2), np.float32),
    "after": np.zeros((4, 2), np.float32),
    "target": np.arange(4) > 1,
    "codes": np.arange(4) % 3,
}
JOB = JobResult(
    canonical_json(CONFIG),
    TESTED.key,
    predicted=(0, 1, 2, 2, 1, 0),
    scores=np.arange(18.0).reshape(6, 3),
    details={"params": {"C": 1.0}, "region_weights": [0.5]},
    seconds={"select": 0.1, "fit": 0.2, "predict": 0.3},
    embedding=EMBEDDING,
)


def make(path):
    """A sound store of one job, closed."""
    with ResultStore(path) as store:
        store.add(JOB, TESTED)
        store.add_run(INFO, [("SVM", JOB.key)])
    return path


def edit(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(*(statement if isinstance(statement, tuple) else (statement,)))
    connection.commit()
    connection.close()


def set_job(path, **changed):
    """Change columns of the job, with the check sum that they have."""
    connection = sqlite3.connect(path)
    row = connection.execute(f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs").fetchone()
    row = dict(zip(JOB_COLUMNS, row, strict=True)) | changed
    names = [*row, "checksum"]
    connection.execute(
        f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in names)}",
        (*row.values(), checksum(JOB_COLUMNS, row.values())),
    )
    connection.commit()
    connection.close()


def set_run(path, jobs=None, **changed):
    connection = sqlite3.connect(path)
    row = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM runs").fetchone()
    row = dict(zip(COLUMNS, row, strict=True)) | changed
    jobs = [("SVM", JOB.key)] if jobs is None else jobs
    row["key"] = _key(row["info"], jobs)
    connection.execute("DELETE FROM runs")
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)",
        (*row.values(), checksum(COLUMNS, row.values())),
    )
    connection.execute("DELETE FROM run_jobs")
    connection.executemany(
        "INSERT INTO run_jobs VALUES (?, ?, ?, ?)",
        [(row["run"], place, *job) for place, job in enumerate(jobs)],
    )
    connection.commit()
    connection.close()


def set_config(path, **changed):
    config = canonical_json(CONFIG | changed)
    set_job(path, config=config, key=digest(config))
    set_run(path, [("SVM", digest(config))])


def set_tested(path, text):
    edit(path, ("INSERT INTO test_sets VALUES (?, ?)", (digest(text), text)))
    set_job(path, test_set=digest(text))


@pytest.fixture
def store(tmp_path):
    return make(tmp_path / "s.sqlite")


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    with ResultStore(make(tmp_path_factory.mktemp("sound") / "s.sqlite"), read_only=True) as store:
        return store.results().to_frame().to_csv(index=False)


def csv(nursery, path):
    return nursery.cdmer("report", path, "--format", "csv", cwd=path.parent)


def test_the_sound_one_is_accepted(nursery, store, sound):
    assert accepted(csv(nursery, store)) == sound
    assert "a run" in accepted(nursery.cdmer("report", store, "--list"))
    accepted(nursery.cdmer("report", store, "-q", "-o", store.parent / "r.html"))


# What is in the schema --------------------------------------------------------------------------

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
SCHEMAS = {
    "view": ["CREATE VIEW v AS SELECT 1"],
    "endless view in place of a table": [
        "DROP TABLE run_jobs",
        f"CREATE VIEW run_jobs AS {ENDLESS} SELECT x AS run, x AS position, x AS label, x AS key "
        "FROM c",
    ],
    "trigger": [
        "CREATE TRIGGER t AFTER INSERT ON runs BEGIN INSERT INTO test_sets "
        f"{ENDLESS} SELECT x, x FROM c LIMIT 3000000; END"
    ],
    "trigger that rewrites": [
        "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN UPDATE jobs SET predicted = '[]'; END"
    ],
    "table more": ["CREATE TABLE more (a)"],
    "index": ["CREATE INDEX i ON jobs (finished)"],
    "index on an expression": ["CREATE INDEX i ON jobs (length(config))"],
    "virtual table": ["CREATE VIRTUAL TABLE f USING fts5(a)"],
    "default with an expression": [
        "DROP TABLE test_sets",
        "CREATE TABLE test_sets (key TEXT PRIMARY KEY, clips TEXT NOT NULL DEFAULT (random()))",
    ],
    "check": [
        "DROP TABLE test_sets",
        "CREATE TABLE test_sets (key TEXT PRIMARY KEY, clips TEXT NOT NULL CHECK (length(clips)))",
    ],
    "generated column": [
        "DROP TABLE test_sets",
        "CREATE TABLE test_sets (key TEXT PRIMARY KEY, clips TEXT AS (hex(zeroblob(9e8))))",
    ],
    "collation": [
        "DROP TABLE test_sets",
        "CREATE TABLE test_sets (key TEXT PRIMARY KEY COLLATE NOCASE, clips TEXT NOT NULL)",
    ],
    "a column more": ["ALTER TABLE jobs ADD COLUMN more TEXT"],
    "a table less": ["DROP TABLE run_jobs"],
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_schemas(nursery, store, case):
    edit(store, *SCHEMAS[case])
    before = store.read_bytes()
    for arguments in (["--list"], ["--format", "csv"]):
        refused(nursery.cdmer("report", store, *arguments), "s.sqlite")
    code = f"from cdmer.evaluation import ResultStore; ResultStore({str(store)!r}).results()"
    refused(nursery.python(code), "s.sqlite")
    if case != "a table less":
        assert store.read_bytes() == before


def test_what_analyze_leaves_is_harmless(nursery, store, sound):
    edit(store, "ANALYZE")
    assert accepted(csv(nursery, store)) == sound


# What is in the rows ----------------------------------------------------------------------------


def npz(method=zipfile.ZIP_STORED, **changed):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, array in (EMBEDDING | changed).items():
            if array is not None:
                member = io.BytesIO()
                np.save(member, array, allow_pickle=True)
                archive.writestr(f"{name}.npy", member.getvalue())
    return file.getvalue()


HUGE = 10**30
DEEP = "[" * 100_000 + "]" * 100_000
ERROR = {"type": "a", "message": "b", "traceback": "c"}
JOBS = {
    "details: null": {"details": "null"},
    "details: list": {"details": "[1]"},
    "details: text": {"details": '"a"'},
    "details: no JSON": {"details": "{"},
    "details: deep": {"details": '{"params": ' + DEEP + "}"},
    "details: bytes": {"details": b"{}"},
    "details: params": {"details": '{"params": [1]}'},
    "details: weights": {"details": '{"region_weights": "a"}'},
    "details: NaN": {"details": '{"region_weights": [NaN]}'},
    "details: parameters": {"details": '{"n_parameters": "many"}'},
    "details: usage": {"details": '{"usage": {"requests": null}}'},
    "details: abstentions": {"details": '{"abstentions": [1, 2]}'},
    "seconds: null": {"seconds": "null"},
    "seconds: list": {"seconds": "[]"},
    "seconds: text": {"seconds": '"1"'},
    "seconds: texts": {"seconds": '{"fit": "a"}'},
    "seconds: 1e400": {"seconds": '{"fit": 1e400}'},
    "seconds: many digits": {"seconds": f'{{"fit": {"9" * 4000}}}'},
    "predicted: 10**30": {"predicted": f"[{HUGE},1,2,2,1,0]"},
    "predicted: 2**62": {"predicted": f"[{2**62},1,2,2,1,0]"},
    "predicted: out of range": {"predicted": "[3,1,2,2,1,0]"},
    "predicted: below": {"predicted": "[-2,1,2,2,1,0]"},
    "predicted: too few": {"predicted": "[0]"},
    "predicted: none": {"predicted": "[]"},
    "predicted: texts": {"predicted": '["a","b","c","d","e","f"]'},
    "predicted: fractions": {"predicted": "[0.5,1,2,2,1,0]"},
    "predicted: flags": {"predicted": "[true,true,true,true,true,true]"},
    "predicted: null inside": {"predicted": "[null,1,2,2,1,0]"},
    "predicted: ragged": {"predicted": "[[1],[1,2],1,2,2,1]"},
    "predicted: object": {"predicted": '{"0": 1}'},
    "predicted: number": {"predicted": "3"},
    "predicted: null": {"predicted": "null"},
    "predicted: missing": {"predicted": None},
    "predicted: deep": {"predicted": DEEP},
    "scores: odd length": {"scores": b"123"},
    "scores: another number": {"scores": bytes(8 * 12)},
    "scores: none": {"scores": b""},
    "scores: text": {"scores": "a" * 8 * 18},
    "error: beside predictions": {"error": json.dumps(ERROR)},
    "error: text": {"error": '"a"', "predicted": None, "scores": None},
    "error: a part less": {"error": '{"type": "a"}', "predicted": None, "scores": None},
    "error: scores": {"error": json.dumps(ERROR), "predicted": None},
    "finished: bytes": {"finished": b"now"},
    "embedding: text": {"embedding": "PK"},
    "config: of another key": {"config": canonical_json(CONFIG | {"seed": 3})},
    "config: bytes": {"config": b"{}"},
}


@pytest.mark.parametrize("case", JOBS)
def test_jobs(nursery, store, case):
    set_job(store, **JOBS[case])
    refused(csv(nursery, store), "s.sqlite: job", JOB.key)


EMBEDDINGS = {
    "no archive": b"PK\x03\x04" + bytes(50),
    "deflated": npz(zipfile.ZIP_DEFLATED, before=np.zeros((500_000, 2), np.float32)),
    "a part less": npz(codes=None),
    "a part more": npz(more=np.zeros(3)),
    "objects": npz(codes=np.array([None] * 4)),
    "lengths": npz(target=np.arange(3) > 1),
    "three columns": npz(after=np.zeros((4, 3), np.float32)),
    "NaN": npz(after=np.full((4, 2), np.nan, np.float32)),
    "codes out of range": npz(codes=np.arange(4)),
    "codes below": npz(codes=np.arange(4) - 1),
    "codes of text": npz(codes=np.array(list("abcd"))),
}


@pytest.mark.parametrize("case", EMBEDDINGS)
def test_embeddings(nursery, store, case):
    set_job(store, embedding=EMBEDDINGS[case])
    out = store.parent / "r.html"
    refused(nursery.cdmer("report", store, "-o", out), "s.sqlite: job", "embedding")
    assert not out.exists()


CONFIGS = {
    "no fold": {"fold": None},
    "fold as text": {"fold": "E"},
    "fold without a name": {"fold": {k: v for k, v in FOLD.items() if k != "name"}},
    "experiment as number": {"fold": FOLD | {"experiment": 3}},
    "experiment of the mean": {"fold": FOLD | {"experiment": "mean"}},
    "seed 10**30": {"seed": HUGE},
    "seed as text": {"seed": "1"},
    "seed below 0": {"seed": -1},
    "selection as list": {"selection": ["fixed"]},
}


@pytest.mark.parametrize("case", CONFIGS)
def test_configs(nursery, store, case):
    set_config(store, **CONFIGS[case])
    refused(csv(nursery, store), "s.sqlite: job", "config")


PARTS = json.loads(TESTED.text)
TEST_SETS = {
    "no JSON": "[[",
    "deep": DEEP,
    "three lists": canonical_json(PARTS[:3]),
    "object": "{}",
    "null": "null",
    "texts": canonical_json(["a", "b", "c", "d"]),
    "none": "[[],[],[],[]]",
    "lengths": canonical_json([PARTS[0][:2], *PARTS[1:]]),
    "clips as numbers": canonical_json([list(range(6)), *PARTS[1:]]),
    "corpora as lists": canonical_json([PARTS[0], [["c"]] * 6, *PARTS[2:]]),
    "truth out of range": canonical_json([*PARTS[:3], [0, 1, 3] * 2]),
    "truth below": canonical_json([*PARTS[:3], [-1, 1, 2] * 2]),
    "truth 10**30": canonical_json([*PARTS[:3], [HUGE, 1, 2] * 2]),
    "truth as texts": canonical_json([*PARTS[:3], ["a"] * 6]),
    "truth as rows": canonical_json([*PARTS[:3], [[0, 1, 0]] * 6]),
}


@pytest.mark.parametrize("case", TEST_SETS)
def test_test_sets(nursery, store, case):
    set_tested(store, TEST_SETS[case])
    refused(csv(nursery, store), "s.sqlite")


def scheme(**changed):
    return {"scheme": INFO["scheme"] | changed}


INFOS = {
    "no JSON": "{",
    "deep": '{"title": ' + DEEP + "}",
    "a list": "[]",
    "no title": {"title": None},
    "title as list": {"title": ["a"]},
    "no protocol": {"protocol": None},
    "protocol as text": {"protocol": "LOSO"},
    "class as number": {"protocol": {"class": 3}},
    "parameters as list": {"protocol": {"class": "a", "parameters": []}},
    "words as list": {"protocol": {"class": "a", "words": []}},
    "no classes": scheme(classes=[]),
    "a class twice": scheme(classes=["a", "a", "b"]),
    "classes as text": scheme(classes="abc"),
    "classes as numbers": scheme(classes=[1, 2, 3]),
    "classes as lists": scheme(classes=[["a"], ["b"], ["c"]]),
    "many classes": scheme(classes=[str(i) for i in range(100_000)]),
    "fewer classes": scheme(classes=["a", "b"]),
    "multilabel as text": scheme(multilabel="no"),
    "multilabel": scheme(multilabel=True),
    "corpora as text": {"corpora": "c"},
    "corpora as null": {"corpora": None},
    "a corpus without counts": {"corpora": [{"name": "c"}]},
    "methods as list": {"methods": ["SVM"]},
    "method as text": {"methods": {"SVM": "SVC"}},
    "order of others": {"order": ["TCA"], "methods": {}},
    "seeds as text": {"seeds": "0"},
    "versions as list": {"versions": ["1"]},
    "notes as text": {"notes": "a"},
    "notes as numbers": {"notes": [1]},
    "regions as text": {"regions": "1"},
    "regions of many": {"regions": {"levels": [10**9]}},
    "regions of none": {"regions": {"levels": []}},
    "command as number": {"command": 3},
    "config as list": {"config": []},
}


@pytest.mark.parametrize("case", INFOS)
def test_infos(nursery, store, case):
    changed = INFOS[case]
    text = changed if isinstance(changed, str) else json.dumps(INFO | changed)
    set_run(store, info=text)
    refused(csv(nursery, store), "s.sqlite")


@pytest.mark.parametrize(
    "changed",
    [
        {"created": None},
        {"created": b"now"},
        {"asked": "often"},
        {"asked": 1.5},
        {"jobs": [(b"SVM", JOB.key)]},
        {"jobs": [(f"m{i}", JOB.key) for i in range(3)], "info": "{}"},
    ],
)
def test_runs(nursery, store, changed):
    if changed.get("created", "") is None:
        edit(store, "UPDATE runs SET created = ''")
    else:
        set_run(store, **changed)
    for arguments in (["--list"], ["--format", "csv"]):
        refused(nursery.cdmer("report", store, *arguments), "s.sqlite")


def test_numbers_of_runs_without_end(nursery, store):
    set_run(store, asked=2**63 - 1)
    code = (
        "from cdmer.evaluation import ResultStore\n"
        f"ResultStore({str(store)!r}).add_run({INFO!r}, [])"
    )
    refused(nursery.python(code), "s.sqlite")


def test_one_job_under_many_names(nursery, tmp_path):
    n = 20_000
    tested = TestSet(tuple(map(str, range(n))), ("c",) * n, ("s",) * n, (0,) * n)
    job = JobResult(canonical_json(CONFIG), tested.key, predicted=(0,) * n)
    path = tmp_path / "s.sqlite"
    with ResultStore(path) as store:
        store.add(job, tested)
        store.add_run(INFO, [(f"m{i}", job.key) for i in range(5000)])
    refused(csv(nursery, path), "s.sqlite", "several methods")


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(84)),
        lambda path: path.write_bytes(b"x" * 5000),
    ],
)
def test_files(nursery, tmp_path, place):
    path = tmp_path / "s.sqlite"
    place(path)
    refused(nursery.cdmer("report", path, "--list"), "s.sqlite")
    code = f"from cdmer.evaluation import ResultStore; ResultStore({str(path)!r})"
    refused(nursery.python(code), "s.sqlite")


@pytest.mark.parametrize("ending", ["-wal", "-journal", "-shm"])
@pytest.mark.parametrize("place", [os.mkfifo, lambda path: path.symlink_to("precious"), os.mkdir])
def test_logs_beside_it(nursery, store, ending, place):
    (store.parent / "precious").write_text("precious")
    place(store.with_name(store.name + ending))
    refused(nursery.cdmer("report", store, "--list"), "s.sqlite")
    code = f"from cdmer.evaluation import ResultStore; ResultStore({str(store)!r})"
    refused(nursery.python(code), "s.sqlite")
    assert (store.parent / "precious").read_text() == "precious"


def journal_that_names(store, victim):
    """A rollback journal of no page, whose end names a file that SQLite removes afterwards."""
    name = str(victim).encode()
    head = bytes.fromhex("d9d505f920a163d7") + (0).to_bytes(4, "big") + bytes(4)
    head += (store.stat().st_size // 4096).to_bytes(4, "big") + (512).to_bytes(4, "big")
    head += (4096).to_bytes(4, "big")
    tail = (2**30 // 4096 + 1).to_bytes(4, "big") + name + len(name).to_bytes(4, "big")
    tail += (sum(c - 256 * (c > 127) for c in name)).to_bytes(4, "big")
    tail += bytes.fromhex("d9d505f920a163d7")
    store.with_name(store.name + "-journal").write_bytes(head.ljust(512, b"\0") + tail)


def test_a_journal_cannot_remove_other_files(nursery, store):
    victim = store.parent / "victim"
    for guarded in (True, False):  # SQLite alone does remove it
        victim.write_text("precious")
        edit(store, "PRAGMA journal_mode = DELETE")
        journal_that_names(store, victim)
        if guarded:
            code = f"from cdmer.evaluation import ResultStore; ResultStore({str(store)!r})"
            refused(nursery.python(code), "s.sqlite-journal")
            refused(nursery.cdmer("report", store, "--list"), "s.sqlite-journal")
            assert victim.read_text() == "precious"
            store.with_name(store.name + "-journal").unlink()
        else:
            edit(store, "SELECT count(*) FROM jobs")
            assert not victim.exists()


def test_a_limit_of_file_sizes_is_not_the_fault_of_the_store(nursery, store, sound):
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from cdmer.evaluation import ResultStore\n"
        f"with ResultStore({str(store)!r}, read_only=True) as store: results = store.results()\n"
        "assert len(results.jobs) == 1\n"
        f"results.report({str(store.parent / 'r.html')!r})\n"
    )
    line = refused(nursery.python(code), "r.html")
    assert "s.sqlite" not in line
    assert not (store.parent / "r.html").exists()


# The cache of answers ---------------------------------------------------------------------------

ANSWERS = """
import json, os, sys
from pathlib import Path
from cdmer.zero_shot._answers import Reply
from cdmer.zero_shot._budget import Budget, Limits
from cdmer.zero_shot._cache import AnswerCache
from cdmer.zero_shot._database import open_answers
class Question:
    text, picture = "which?", None
database = open_answers("cache")
cache = AnswerCache(database, "here")
found = cache.find_or_claim("key")
if found is True:
    with database.writing() as connection:
        cache.store(connection, "key", Question, Reply("surprise", "", "stop", 3, 4))
budget = Budget(database, "here", Limits(requests_per_minute=9, tokens_per_minute=10**6))
request, wait = budget.reserve()
with database.writing() as connection:
    budget.settle(connection, request, 5, "answered")
modes = sorted({os.stat(p).st_mode & 0o777 for p in Path("cache").iterdir()})
print(found, modes, os.stat("cache").st_mode & 0o777)
database.close()
"""


def test_answers_are_for_their_owner_alone(nursery, tmp_path):
    assert accepted(nursery.python(ANSWERS, cwd=tmp_path)) == f"True {[0o600]} {0o700}\n"
    (tmp_path / "cache" / "answers.sqlite").chmod(0o644)  # of an earlier version
    (tmp_path / "cache").chmod(0o755)  # the user's choice
    again = accepted(nursery.python(ANSWERS, cwd=tmp_path))
    assert again.startswith("Reply(text='surprise'")
    assert again.endswith(f" {[0o600]} {0o755}\n")


CLAIMS = ["", "null", "[]", '["h"]', "3", DEEP, '["h", null, 1.0, "s"]', b"\xff", '{"a": 1}']


@pytest.mark.parametrize(
    "statement",
    [
        *[("INSERT OR REPLACE INTO claims VALUES ('key', ?)", (claim,)) for claim in CLAIMS],
        "UPDATE answers SET text = x'ff'",
        "UPDATE answers SET prompt_tokens = 'many'",
        "UPDATE answers SET completion_tokens = 1e300",
        "UPDATE answers SET checksum = x'00'",
    ],
)
def test_damaged_claims_and_answers_are_asked_again(nursery, tmp_path, statement):
    accepted(nursery.python(ANSWERS, cwd=tmp_path))
    path = tmp_path / "cache" / "answers.sqlite"
    edit(path, *(["DELETE FROM answers"] if isinstance(statement, tuple) else []), statement)
    assert accepted(nursery.python(ANSWERS, cwd=tmp_path)).startswith("True")
    assert accepted(nursery.python(ANSWERS, cwd=tmp_path)).startswith("Reply(text='surprise'")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE requests SET tokens = 'many'",
        "UPDATE requests SET tokens = 9223372036854775807",
        "UPDATE requests SET started = 'later'",
        "UPDATE requests SET started = 9e999",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON claims BEGIN DELETE FROM answers; END",
    ],
)
def test_damaged_requests(nursery, tmp_path, statement):
    accepted(nursery.python(ANSWERS, cwd=tmp_path))
    edit(tmp_path / "cache" / "answers.sqlite", statement)
    refused(nursery.python(ANSWERS, cwd=tmp_path), "answers.sqlite")
