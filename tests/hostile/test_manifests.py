"""Manifests read what lies in their folder, and numbers and tables of any kind do no harm."""

import os

import cv2
import numpy as np
import pytest
from nursery import accepted, refused

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

LOAD = "from cdmer.corpora import load_manifest; corpus = load_manifest({!r})\n"
READ = LOAD + "print(len(corpus), int(corpus[0].frames.mean()), [f.kind for f in corpus.faults])"
HEADER = "path,subject,label\n"


@pytest.fixture
def root(tmp_path):
    """A corpus of a folder, and frames and a video outside of it."""
    for folder, grey in (("corpus/a", 10), ("secret/frames", 200)):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(3):
            picture = np.full((8, 8), grey, dtype=np.uint8)
            cv2.imwrite(str(tmp_path / folder / f"{number}.png"), picture)
    writer = cv2.VideoWriter(
        str(tmp_path / "secret" / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (32, 24)
    )
    for _ in range(4):
        writer.write(np.full((24, 32, 3), 200, dtype=np.uint8))
    writer.release()
    return tmp_path / "corpus"


def load(nursery, root, text, code=READ):
    path = root / "mine.csv"
    path.write_text(HEADER + text)
    return nursery.python(code.format(str(path)))


def link(root, name, target):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(target)


OUTSIDE = {
    "a frame": lambda root: link(root, "b/0.png", "../../secret/frames/0.png"),
    "a frame, by its whole path": lambda root: link(
        root, "b/0.png", root.parent / "secret" / "frames" / "0.png"
    ),
    "a frame over two links": lambda root: (
        link(root, "hop", "../secret"),
        link(root, "b/0.png", "../hop/frames/0.png"),
    ),
    "a frame of another case": lambda root: link(root, "b/0.PNG", "../../secret/frames/0.png"),
    "the last frame": lambda root: (
        link(root, "b/0.png", "../a/0.png"),
        link(root, "b/9.png", "../../secret/frames/0.png"),
    ),
    "a device": lambda root: link(root, "b/0.png", "/dev/zero"),
    "the folder": lambda root: link(root, "b", "../secret/frames"),
    "a folder above": lambda root: link(root, "hop", "../secret"),
    "a video": lambda root: link(root, "b", "../secret/v.avi"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_links_that_lead_outside(nursery, root, case):
    OUTSIDE[case](root)
    row = "hop/frames,1,x\n" if case == "a folder above" else "b,1,x\n"
    refused(load(nursery, root, row, LOAD), "mine.csv", "leads out of", "allow_outside=True")


@pytest.mark.parametrize("row", ["../secret/frames", "../secret/v.avi", "a/../../secret/v.avi"])
@pytest.mark.parametrize("whole", [False, True])
def test_paths_that_lead_outside(nursery, root, row, whole):
    row = os.path.normpath(root / row) if whole else row
    refused(load(nursery, root, f"{row},1,x\n", LOAD), "mine.csv", "leads out of")


def test_links_that_stay_within(nursery, root):
    link(root, "b/0.png", "../a/0.png")
    link(root, "b/1.png", root / "a" / "1.png")
    link(root, "c", "a")
    assert accepted(load(nursery, root, "b,1,x\nc,2,y\n")) == "2 10 []\n"
    link(root, "d/0.png", "../../secret/frames/0.png")
    code = LOAD.replace("{!r})", "{!r}, allow_outside=True)") + "print(corpus[0].frames.mean())"
    assert accepted(load(nursery, root, "d,1,x\n", code)) == "200.0\n"


@pytest.mark.parametrize(
    "number",
    ["9" * 6000, "1e400", "-1", "nan", "inf", "1_0", "٣", "0x10", "1.5", "9" * 18, "=1+1", "\x01"],
)
@pytest.mark.parametrize("column", ["onset", "start", "fps"])
def test_numbers(nursery, root, number, column):
    (root / "mine.csv").write_text(f"path,subject,label,{column}\na,1,x,{number}\n")
    outcome = nursery.python(READ.format(str(root / "mine.csv")))
    if column == "start":
        refused(outcome, "mine.csv", "row 2")
    elif column == "fps" and number in ("1.5", "9" * 18, "9" * 6000, "1_0", "٣"):
        assert accepted(outcome).startswith("1 10 [")
    else:
        assert accepted(outcome) == "1 10 ['cell']\n"


@pytest.mark.parametrize("name", ["9" * 30 + ".png", "9" * 200 + ".png", "٣" * 20 + "1.png"])
def test_numbers_of_frames(nursery, root, name):
    os.rename(root / "a" / "2.png", root / "a" / name)
    outcome = load(nursery, root, "a,1,x\n")
    if name.startswith("9"):
        refused(outcome, "mine.csv", "too large")
    else:
        refused(outcome, "mine.csv", "both frame 1")


def table(root, **columns):
    parquet.write_table(
        pyarrow.table({"path": ["a"], "subject": ["1"], "label": ["x"]} | columns), root
    )


def repeated(text):
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 10**4), [text])


PARQUET = {
    "nested": lambda path: table(path, more=[[1, 2]]),
    "a struct": lambda path: table(path, more=[{"a": {"b": 1}}]),
    "many rows": lambda path: parquet.write_table(
        pyarrow.table({n: ["a"] * 100_001 for n in ("path", "subject", "label")}), path
    ),
    "many columns": lambda path: table(path, **{f"c{i}": [1] for i in range(1001)}),
    "a long text in every row": lambda path: parquet.write_table(
        pyarrow.table({name: repeated("x" * 2**20) for name in ("path", "subject", "label")}), path
    ),
    "zeros": lambda path: path.write_bytes(b"PAR1" + bytes(2**12) + b"PAR1"),
    "a footer of gigabytes": lambda path: path.write_bytes(b"PAR1" * 9 + b"\xff\xff\xff\x7fPAR1"),
    "nothing": lambda path: path.touch(),
    "half": lambda path: (table(path), os.truncate(path, 300)),
}


@pytest.mark.parametrize("case", PARQUET)
def test_parquet(nursery, root, case):
    path = root / "mine.parquet"
    PARQUET[case](path)
    refused(nursery.python(LOAD.format(str(path))), "mine.parquet")


def test_flipped_bits_of_parquet(nursery, root):
    table(root / "mine.parquet")
    code = (
        "import random, pathlib\nfrom cdmer.corpora._manifest_files import read_manifest\n"
        f"path = pathlib.Path({str(root / 'mine.parquet')!r}); content = path.read_bytes()\n"
        "rng = random.Random(0)\n"
        "for _ in range(150):\n"
        "    data = bytearray(content); data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)\n"
        "    path.write_bytes(data)\n"
        "    try:\n        read_manifest(path)\n"
        "    except (ValueError, OSError) as error:\n        assert 'mine.parquet' in str(error)\n"
    )
    accepted(nursery.python(code))
