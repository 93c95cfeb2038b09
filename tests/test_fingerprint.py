import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cdmer._fingerprint import fingerprint
from cdmer.features import LBPTOP, RegionGrid


@dataclass
class Pair:
    a: object
    b: object = 0


@dataclass
class Other:
    a: object
    b: object = 0


DIFFERENT = [
    None,
    True,
    1,
    1.0,
    "1",
    b"1",
    "",
    (),
    (1,),
    ((1,),),
    (1, 2),
    (2, 1),
    ("ab", "c"),
    ("a", "bc"),
    ("abc",),
    {},
    {"a": 1},
    {"b": 1},
    {"a": 1, "b": 2},
    frozenset(),
    {1},
    {1, 2},
    0.1,
    0.1 + 2**-56,
    np.arange(3),
    np.arange(3.0),
    np.arange(3)[:, None],
    np.arange(1, 4),
    Pair(1),
    Pair(1, 1),
    Other(1),
    Pair(Pair(1)),
    Pair,
    RegionGrid(),
    RegionGrid((1, 2)),
    LBPTOP(),
    LBPTOP(radius=1),
    LBPTOP(grid=RegionGrid((1, 2))),
    PCA(),
    PCA(3),
    np.arange(5000),
    np.arange(5000) % 4999,
]


def test_different_values_have_different_names():
    names = [fingerprint(value) for value in DIFFERENT]
    assert len(set(names)) == len(DIFFERENT)
    assert fingerprint(1, 2) != fingerprint((1, 2))
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert all(len(name) == 64 for name in names)


def test_equal_values_have_equal_names():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint([1, 2]) == fingerprint((1, 2))
    assert fingerprint(np.float64(0.5), np.int64(3)) == fingerprint(0.5, 3)
    frames = np.arange(24).reshape(4, 6)
    assert fingerprint(np.asfortranarray(frames)) == fingerprint(frames)
    assert fingerprint(LBPTOP(n_jobs=2, device="cpu")) == fingerprint(LBPTOP())


def test_the_version_takes_part(monkeypatch):
    before = fingerprint(1)
    monkeypatch.setattr("cdmer._fingerprint.__version__", "0.0.0")
    assert fingerprint(1) != before


@pytest.mark.parametrize("value", [object(), print, np.array([None]), Pair(lambda: 0), iter("a")])
def test_values_without_content_are_refused(value):
    with pytest.raises(TypeError, match="cannot name the content of"):
        fingerprint(value)


def test_names_are_the_same_in_every_process():
    code = """
from cdmer._fingerprint import fingerprint
from cdmer.features import LBPTOP, RegionGrid
print(fingerprint({"a", "b", "c"}, {"x": 1.5}, LBPTOP(grid=RegionGrid((1, 2)))))
"""
    there = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = fingerprint({"a", "b", "c"}, {"x": 1.5}, LBPTOP(grid=RegionGrid((1, 2))))
    assert there.stdout.strip() == here
