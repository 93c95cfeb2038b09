"""Feature tables, and entries of the feature cache, that somebody made to harm."""

import io
import json
import os
import shutil
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from nursery import accepted, refused

from cdmer.extraction import FeatureTable

N = 4
COLUMNS = {
    "key": [f"c/s{i}/n{i}" for i in range(N)],
    "corpus": ["c"] * N,
    "subject": [f"s{i}" for i in range(N)],
    "name": [f"n{i}" for i in range(N)],
    "label": ["positive", "negative", None, "surprise"],
    "onset": [0, 1, None, 3],
    "apex": [None] * N,
    "offset": [9] * N,
    "fps": [25.0, 200, None, 1e3],
    "action_units": ["", "1+2", "", ""],
    "apex_spotted_by": [None] * N,
    "objective_class": [None] * N,
}
FAILURES = {"key": ["c/s9/n9"], "error": ["OSError"], "message": ["gone"]}
ABOUT = {
    "kind": "cdmer.FeatureTable",
    "version": 2,
    "clips": COLUMNS,
    "failures": FAILURES,
    "transformer": "Step()",
    "corpus": "c",
}
X = np.arange(12.0).reshape(N, 3)
LOAD = (
    "from cdmer.extraction import FeatureTable; print(FeatureTable.load({path!r}).features.sum())"
)


def npy(array, **changed):
    """Bytes of an array, whose header may lie."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    if not changed:
        return file.getvalue()
    plain = {"descr": "'<f8'", "fortran_order": "False", "shape": "(4, 3)"} | changed
    text = "{" + ", ".join(f"'{k}': {v}" for k, v in plain.items()) + "}"
    text = text.ljust(118 if len(text) < 118 else len(text)) + "\n"
    head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")
    return head + np.ascontiguousarray(array).tobytes()


def members(**changed):
    """Members of a sound table, with some replaced; None leaves one out."""
    found = {
        "table.json": json.dumps(ABOUT),
        "features.npy": npy(X),
        "feature_names.npy": npy(np.array(["a", "b", "ü"])),
        "feature_groups.npy": npy(np.array([0, 0, 1])),
    }
    for name, content in changed.items():
        found[name.replace("__", ".")] = content
    return {name: content for name, content in found.items() if content is not None}


def about(**changed):
    return members(table__json=json.dumps(ABOUT | changed))


def column(name, values):
    return about(clips=COLUMNS | {name: values})


def write(path, content, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def attempt(nursery, tmp_path):
    """Load a file of these members in a process of its own."""

    def run(content, method=zipfile.ZIP_STORED):
        path = write(tmp_path / "t.npz", content, method)
        return nursery.python(LOAD.format(path=str(path)))

    return run


def test_the_sound_one_is_accepted(attempt):
    assert accepted(attempt(members())).strip() == str(X.sum())
    assert accepted(attempt(members(feature_groups__npy=None))).strip() == str(X.sum())


HUGE = 10**30
ARRAYS = {
    "features of zeros, deflated": None,
    "shape beyond memory": {"features__npy": npy(X, shape="(1000000000, 1000000)")},
    "shape beyond numbers": {"features__npy": npy(X, shape=f"({HUGE}, {HUGE})")},
    "axes of none and without end": {"features__npy": npy(X[:0], shape=f"(0, {HUGE})")},
    "negative shape": {"features__npy": npy(X, shape="(-4, -3)")},
    "shape that is too small": {"features__npy": npy(X, shape="(4, 2)")},
    "shape of one axis": {"features__npy": npy(X.ravel(), shape="(12,)")},
    "three axes": {"features__npy": npy(X, shape="(2, 2, 3)")},
    "many axes": {"features__npy": npy(X, shape=str((1,) * 100 + (12,)))},
    "shape of texts": {"features__npy": npy(X, shape="('a', 'b')")},
    "code as shape": {"features__npy": npy(X, shape="(__import__('os').getpid(),)")},
    "deep header": {"features__npy": npy(X, shape="(" * 3000 + ")" * 3000)},
    "objects": {"features__npy": npy(np.array([[None]] * N))},
    "object type": {"features__npy": npy(X, descr="'|O'")},
    "fields": {"features__npy": npy(X, descr="[('a', '<f8')]")},
    "type of no size": {"feature_names__npy": npy(X[:0], descr="'<U0'", shape="(3,)")},
    "unknown type": {"features__npy": npy(X, descr="'<z9'")},
    "complex features": {"features__npy": npy(X + 1j)},
    "features as text": {"features__npy": npy(X.astype(str))},
    "features as bool": {"features__npy": npy(X > 2)},
    "features of 32 bits": {"features__npy": npy(X.astype(np.float32))},
    "features of another byte order": {"features__npy": npy(X.astype(">f8"))},
    "whole numbers as features": {"features__npy": npy(X.astype(int))},
    "NaN": {"features__npy": npy(np.where(X == 7, np.nan, X))},
    "infinite": {"features__npy": npy(np.where(X == 7, np.inf, X))},
    "both infinities": {
        "features__npy": npy(np.where(X == 7, np.inf, np.where(X == 5, -np.inf, X)))
    },
    "no features": {"features__npy": None},
    "no names": {"feature_names__npy": None},
    "a row too few": {"features__npy": npy(X[:3])},
    "names of another number": {"feature_names__npy": npy(np.array(["a"]))},
    "names as numbers": {"feature_names__npy": npy(np.arange(3))},
    "groups as texts": {"feature_groups__npy": npy(np.array(["a", "b", "c"]))},
    "groups of two axes": {"feature_groups__npy": npy(np.zeros((3, 1), int))},
    "a member more": {"more__npy": npy(X)},
    "a path": {"../../x__npy": npy(X)},
    "an empty array": {"features__npy": b""},
    "no array": {"features__npy": b"\x93NUMPY\x09\x00"},
    "half an array": {"features__npy": npy(X)[:-9]},
    "more than an array": {"features__npy": npy(X) + bytes(8)},
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(attempt, case):
    changed, method = ARRAYS[case], zipfile.ZIP_STORED
    if changed is None:
        changed, method = {"features__npy": npy(np.zeros((N, 20_000)))}, zipfile.ZIP_DEFLATED
    line = refused(attempt(members(**changed), method), "t.npz")
    if case in ("NaN", "infinite"):
        assert "row 2, column 1 (clip 'c/s2/n2')" in line
    assert "\\x" not in line


DOCUMENTS = {
    "no document": members(table__json=None),
    "no JSON": members(table__json="table"),
    "200,000 brackets": members(table__json="[" * 200_000),
    "400 levels": members(table__json="[" * 400 + "]" * 400),
    "a list": members(table__json="[]"),
    "null": members(table__json="null"),
    "another encoding": members(table__json=json.dumps(ABOUT).encode("utf-16")),
    "bytes that are no text": members(table__json=b'{"kind": "\xff"}'),
    "a key twice": members(table__json='{"kind": 1, ' + json.dumps(ABOUT)[1:]),
    "5,001 digits": members(table__json='{"version": ' + "1" * 5001 + "}"),
    "another kind": about(kind="cdmer.Model"),
    "another version": about(version=3),
    "version as text": about(version="2"),
    "version of many digits": about(version=HUGE),
    "clips as list": about(clips=[]),
    "clips as text": about(clips="key"),
    "clips as null": about(clips=None),
    "a column less": about(clips={k: v for k, v in COLUMNS.items() if k != "label"}),
    "a column more": about(clips=COLUMNS | {"emotion": [None] * N}),
    "failures as null": about(failures=None),
    "a failure without key": about(failures=FAILURES | {"key": [None]}),
    "lengths of failures": about(failures=FAILURES | {"error": []}),
    "transformer as list": about(transformer=[]),
    "transformer as null": about(transformer=None),
    "corpus as object": about(corpus={}),
    "corpus as number": about(corpus=3),
    "column as text": column("key", "abcd"),
    "column as number": column("key", 4),
    "column as null": column("label", None),
    "column of another length": column("label", ["a"]),
    "all columns longer": about(clips={k: v * 2 for k, v in COLUMNS.items()}),
    "key: null": column("key", [None] * N),
    "one and the same key": column("key", ["k"] * N),
    "keys as lists": column("key", [["k"]] * N),
    "keys as numbers": column("key", [1, 2, 3, 4]),
    "half a character": column("name", ["\ud800", "b", "c", "d"]),
    "subjects as lists": column("subject", [["x"]] * N),
    "subjects as numbers": column("subject", [1, 2, 3, 4]),
    "corpora as objects": column("corpus", [{}] * N),
    "corpora missing": column("corpus", [None] * N),
    "labels as flags": column("label", [True] * N),
    "onset 1e400": members(
        table__json=json.dumps(ABOUT).replace("[0, 1, null, 3]", "[1e400,1,1,1]")
    ),
    "onset NaN": column("onset", [float("nan")] * N),
    "onset 10**30": column("onset", [HUGE] * N),
    "onset 2**63": column("offset", [2**63] * N),
    "onset as float": column("onset", [0.5] * N),
    "onset as text": column("apex", ["1"] * N),
    "onset as flag": column("onset", [True] * N),
    "fps 0": column("fps", [0] * N),
    "fps below 0": column("fps", [-25.0] * N),
    "fps NaN": column("fps", [float("nan")] * N),
    "fps infinite": column("fps", [float("inf")] * N),
    "fps of many digits": column("fps", [10**400] * N),
    "fps as text": column("fps", ["25"] * N),
    "action units as lists": column("action_units", [["1"]] * N),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_documents(attempt, case):
    refused(attempt(DOCUMENTS[case]), "t.npz")


def encrypted(path):
    """Set the bit that says so, in both headers of a member."""
    write(path, members())
    content = bytearray(path.read_bytes())
    for head, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(head) + flag] |= 1
    path.write_bytes(content)


def odd_compression(path):
    write(path, members())
    content = bytearray(path.read_bytes())
    for head, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(head) + place] = 97
    path.write_bytes(content)


def corrupted_deflate(path):
    write(path, members(), zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)


def a_size_that_lies(path):
    """Say that a member is 4 GB, stored and packed."""
    write(path, members())
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    content[place + 20 : place + 28] = (2**32 - 2).to_bytes(4, "little") * 2
    path.write_bytes(content)


def one_member_twice(path):
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in [*members().items(), ("features.npy", npy(X + 1))]:
            archive.writestr(name, content)


def many_that_share_bytes(path):
    """Every entry of the directory leads to the first member."""
    content = {"table.json": json.dumps(ABOUT)} | {f"m{i}.npy": npy(X) for i in range(200)}
    write(path, content)


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(2**36)


WAYS = [
    encrypted,
    odd_compression,
    corrupted_deflate,
    a_size_that_lies,
    one_member_twice,
    many_that_share_bytes,
    sparse,
    os.mkfifo,
    os.mkdir,
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to(path),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18)),
]


@pytest.mark.parametrize("make", WAYS)
def test_files(nursery, tmp_path, make):
    make(tmp_path / "t.npz")
    refused(nursery.python(LOAD.format(path=str(tmp_path / "t.npz"))), "t.npz")


def test_the_command_says_it_in_one_line(nursery, tmp_path):
    (tmp_path / "b.toml").write_text(
        'corpora = [{source = "features:t.npz"}]\nstore = "s.sqlite"\n'
        '[protocol]\nclass = "WithinCorpusLOSO"\n[methods.SVM]\nclass = "SVC"\n'
    )
    for content in (column("key", ["k"] * N), members(features__npy=npy(X + 1j))):
        write(tmp_path / "t.npz", content)
        refused(nursery.cdmer("benchmark", "-q", "b.toml", cwd=tmp_path), "t.npz")


def test_a_full_disk_is_named(nursery, tmp_path):
    write(tmp_path / "t.npz", members())
    code = (
        "import resource\n"
        "from cdmer.extraction import FeatureTable\n"
        f"table = FeatureTable.load({str(tmp_path / 't.npz')!r})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
        f"table.save({str(tmp_path / 'u.npz')!r})\n"
    )
    refused(nursery.python(code), "u.npz")
    assert os.listdir(tmp_path) == ["t.npz"]


# In memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": X + 1j}, "features: expected numbers, got complex128"),
        ({"features": X.astype(str)}, "features: expected numbers, got <U"),
        ({"features": np.where(X == 7, np.nan, X)}, "got nan in row 2, column 1"),
        ({"feature_groups": [0.5, 1, 2]}, "feature_groups: expected whole numbers"),
        ({"clips": pd.DataFrame(COLUMNS | {"key": ["k"] * N})}, "key: 'k' occurs twice"),
        ({"clips": pd.DataFrame(COLUMNS | {"key": [None] * N})}, "key: expected a text, got None"),
        ({"transformer": None}, "expected a text"),
    ],
)
def test_tables_in_memory(tmp_path, changed, message):
    write(tmp_path / "t.npz", members())
    table = FeatureTable.load(tmp_path / "t.npz")
    parts = {name: getattr(table, name) for name in table.__dataclass_fields__}
    with pytest.raises(ValueError, match=message):
        FeatureTable(**(parts | changed))


# The feature cache ------------------------------------------------------------------------------

CACHED = """
import warnings
import numpy as np
from cdmer.corpora import make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.features import LBPTOP, RegionGrid
corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    table = extract(corpus, LBPTOP(radius=1, n_points=4, grid=RegionGrid((1,))), cache_dir="cache",
                    progress=False)
print(table.features.sum(), table.n_cached, len(caught), *(str(w.message)[:40] for w in caught))
"""


def spoil_entry(path, how):
    if how == "folder of the entry is a file":
        shutil.rmtree(path.parent)
        path.parent.write_text("")
        return
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
        (path / "kept").touch()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/zero")
    elif how == "link to a file":
        (path.parents[2] / "precious").write_text("precious")
        path.symlink_to(path.parents[2] / "precious")
    elif how == "link to nothing":
        path.symlink_to(path.parents[2] / "nothing")
    elif how == "unreadable":
        path.write_bytes(content)
        path.chmod(0)
    elif how == "sparse":
        with open(path, "wb") as file:
            file.truncate(2**36)


@pytest.mark.parametrize(
    ("how", "kept_out"),
    [
        ("folder", True),
        ("pipe", True),
        ("folder of the entry is a file", True),
        ("device", False),
        ("link to a file", False),
        ("link to nothing", False),
        ("unreadable", False),
        ("sparse", False),
    ],
)
def test_what_lies_in_the_place_of_an_entry(nursery, tmp_path, how, kept_out):
    first = accepted(nursery.python(CACHED, cwd=tmp_path)).split()
    paths = sorted(tmp_path.glob("cache/*/*.npy"))
    assert first[1:] == ["0", "0"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    folders = {tmp_path / "cache", *(path.parent for path in paths)}
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    spoil_entry(paths[0], how)
    again = accepted(nursery.python(CACHED, cwd=tmp_path)).split(maxsplit=3)
    assert again[0] == first[0]
    if how != "unreadable" or os.geteuid():
        assert again[1] == "2"
    assert again[2] == str(int(kept_out)), again
    if kept_out:
        assert "could not be kept" in again[3]
    else:
        assert accepted(nursery.python(CACHED, cwd=tmp_path)).split() == [first[0], "3", "0"]
    if how == "link to a file":
        assert (tmp_path / "precious").read_text() == "precious"
