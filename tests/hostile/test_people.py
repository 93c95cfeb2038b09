"""What is made to be shared tells neither who was recorded nor where files lie."""

import pytest
from nursery import accepted

PATHS = [
    "/home/A Person/bad/a2.png: expected a JPEG",
    "clip 'm/p/n': OSError: /home/O'Brien, J/x (1)/a b.png: x",
    "'C:\\\\Users\\\\Ann\\\\x.png'",
    "C:\\Users\\Ann B\\x.png: no",
    "\\\\srv\\share\\ann\\x.avi",
    "//srv/share/ann/x.avi",
    "~/ann/x.png",
    "~ann/faces/x.png",
    "see /home/ann, /srv/ann/d and (/srv/ann/f)",
    'source = "features:/home/ann/x.npz"',
    "file:///home/ann/x y.png",
    "PosixPath('/home/ann/x')",
    "{'/home/ann/x': 1}",
    'File "/home/ann/m.py", line 3, in fit',
    "--path=/home/ann/x",
    "D:/ann/x",
]
SAME = [
    "http://localhost:8000/v1/chat",
    "m/A Person/n5",
    "2/3 and/or 1/2 km/h",
    "a / b",
    "raw/{subject}/{clip}",
    "../here/x",
]
RUN = """
import os, re, sys, sqlite3, warnings
warnings.simplefilter("ignore")
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from cdmer.corpora import Clip, Corpus
from cdmer.evaluation import CDMERPairs, WithinCorpusLOSO, ResultStore, benchmark
from cdmer.extraction import FeatureTable, extract
from cdmer.features import HOGTOP, RegionGrid
from cdmer.preprocessing import Resize
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

class Broken:
    shape = (5, 16, 16)
    def fingerprint(self): return "broken"
    def __len__(self): return 5
    def __array__(self, *_, **__): raise OSError("{folder}/A Person/a2.png: expected a JPEG")
    def load(self): raise OSError("{folder}/A Person/a2.png: expected a JPEG")
    def __call__(self): raise OSError("{folder}/A Person/a2.png: expected a JPEG")

class Telling(ClassifierMixin, BaseEstimator):
    def __init__(self, weights="{folder}/A Person/w.pt"): self.weights = weights
    def fit(self, X, y): raise ValueError("no A_Person, m/A Person/n5 nor Ann-Lee in {folder}/x/y")
    def predict(self, X): raise ValueError

rng = np.random.default_rng(0)
def corpus(name):
    clips = []
    for who in ("A Person", "Ann Lee", "15"):
        for i, label in enumerate(("negative", "positive", "surprise")):
            frames = rng.integers(0, 255, (5, 16, 16)).astype(np.uint8)
            clips.append(Clip(frames, f"n{{i}}-{{label}}", who, name, label, 0, 2, 4))
    return clips
def tables(**settings):
    rows = rng.normal(size=(9, 4))
    people = [w for w in ("A Person", "Ann Lee", "15") for _ in range(3)]
    labels = ["negative", "positive", "surprise"] * 3
    names = [f"take-{{i}}" for i in range(9)]
    import dataclasses
    from cdmer.extraction._table import failures_frame
    found = []
    for n in ("m", "k"):
        t = FeatureTable.from_arrays(rows, labels, people, n, name=names)
        lost = [(f"{{n}}/A Person/n5", "OSError",
                 f"clip '{{n}}/A Person/n5': OSError: {folder}/bad/a2.png: expected a JPEG")]
        found.append(dataclasses.replace(t, failures=failures_frame(lost)))
    return found
def run(store, **more):
    return benchmark({{"KNN": KNeighborsClassifier(1), "Telling": Telling()}}, tables(),
        WithinCorpusLOSO(), store=store, progress=False, **more)
NAMES = ("A Person", "A_Person", "Ann Lee", "Ann-Lee", "n5", "a2.png", "take-")
def leaks(path, texts):
    content = path.read_bytes().decode("utf-8", "replace")
    # Pictures, whose random letters may spell anything.
    content = re.sub("base64,[A-Za-z0-9+/=]+", "", content)
    return [t for t in texts if t in content]
{code}
"""
ATTEMPTS = {
    "a report": """
run("s.sqlite", config_text='source = "features:{folder}/x.npz"').report("r.html")
assert not leaks(Path("r.html"), [*NAMES, "{folder}", "w.pt/"]), leaks(Path("r.html"), NAMES)
assert leaks(Path("r.html"), ["person "])
""",
    "with names": """
run("s.sqlite").report("r.html", pseudonyms=False)
assert leaks(Path("r.html"), ["A Person", "Ann Lee"]) == ["A Person", "Ann Lee"]
assert not leaks(Path("r.html"), ["{folder}"])
""",
    "a store": """
with ResultStore("s.sqlite") as store:
    results = run(store)
for path in Path().glob("s.sqlite*"):
    assert not leaks(path, ["{folder}"]), path
assert "A Person" in set(results.predictions["subject"])
for text in (results.to_latex(), results.to_markdown(), results.to_frame().to_csv()):
    assert "{folder}" not in text and "A Person" not in text
""",
    "one store, two reports": """
import re
def people(store):
    run(store).report("r.html")
    return sorted(set(re.findall("person [0-9a-f]{{8}}", Path("r.html").read_text())))
one = people("s.sqlite")
rng = np.random.default_rng(0)
assert one and people("s.sqlite") == one
rng = np.random.default_rng(0)
assert people("t.sqlite") != one
rng = np.random.default_rng(0)
assert people(None) != one
""",
}


@pytest.mark.parametrize("text", PATHS)
def test_no_folder_is_left(nursery, text):
    code = f"from cdmer._text import without_folders\nprint(without_folders({text!r}))"
    out = accepted(nursery.python(code))
    for folder in ("home", "ann", "Ann", "srv", "A Person", "O'Brien", "Users"):
        kept = out.replace("see ann", "")  # the last part of a path stays
        assert folder not in kept


@pytest.mark.parametrize("text", SAME)
def test_what_is_no_absolute_path_stays(nursery, text):
    code = f"from cdmer._text import without_folders\nprint(without_folders({text!r}))"
    assert accepted(nursery.python(code)) == f"{text}\n"


def test_letters_that_are_alike_but_for_one_way_of_telling(nursery):
    code = """
from types import SimpleNamespace
from cdmer.evaluation._pseudonyms import _Names
results = SimpleNamespace(_salt=b"salt", info={}, classes=(), _clips={"m/Kim/a7": ("m", "Kim")})
hidden = _Names(results).hidden("Kim and K\u0131m")
assert hidden.startswith("person ") and hidden.endswith(" and a name"), hidden
"""
    accepted(nursery.python(code))


@pytest.mark.parametrize("name", ATTEMPTS)
def test_reports_and_stores(nursery, tmp_path, name):
    folder = tmp_path / "secret-folder"
    code = ATTEMPTS[name].replace("{{", "{").replace("}}", "}").replace("{folder}", str(folder))
    accepted(nursery.python(RUN.format(folder=folder, code=code), cwd=tmp_path))
