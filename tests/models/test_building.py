"""Models are read without skops: the same objects, and none of what it loads."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer._files.archives import open_archive
from cdmer.models._building import build_objects
from cdmer.models._schema import check_schema


def built(path):
    with open_archive(path, "archive", most_bytes=2**30) as archive:
        return build_objects(check_schema(archive, 2**30), archive)


SHARED = np.arange(3.0)
VALUES = [
    {"a": [1, (2.5, None)], "b": {"c": True}},
    {3: "x", 4: "y"},
    [float("inf"), -1, "text", []],
    np.array([["a", None], [1, 2.5]], dtype=object),
    np.array(["a", None, [1, 2]], dtype=object),
    np.array([["x", "yy"]]),
    np.float32(2.5),
    [np.int64(3), np.bool_(True), np.str_("a")],
    range(2, 9, 3),
    [np.float64, int, np.sqrt],
    np.zeros((0, 4), dtype=np.uint8),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_those_that_skops_reads(value, tmp_path):
    path = tmp_path / "value.skops"
    skops.io.dump({"value": value, "shared": [SHARED, SHARED]}, path)
    expected = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    found = built(path)
    assert repr(found) == repr(expected)
    assert type(found["value"]) is type(value)
    if isinstance(value, np.ndarray):
        assert found["value"].dtype == value.dtype
    assert found["shared"][0] is found["shared"][1]


def test_estimators_are_those_that_skops_reads(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 3
    fitted = make_pipeline(StandardScaler(), SVC()).fit(X, y)
    skops.io.dump(fitted, tmp_path / "fitted.skops")
    found = built(tmp_path / "fitted.skops")
    expected = skops.io.load(tmp_path / "fitted.skops")
    assert repr(found) == repr(fitted)
    assert found[1].__dict__.keys() == expected[1].__dict__.keys()
    assert_array_equal(found.decision_function(X), fitted.decision_function(X))


def test_other_versions_of_the_format_are_refused(tmp_path):
    path = tmp_path / "value.skops"
    skops.io.dump([1], path)
    with open_archive(path, "archive", most_bytes=2**20) as archive:
        schema = json.loads(archive.read("schema.json"))

    class Other:
        def read(self, name):
            return json.dumps(schema | {"protocol": 3}).encode()

    with pytest.raises(ValueError, match="expected version 2 of skops' format, got 3"):
        check_schema(Other(), 2**20)


def crafted(value, change):
    """An archive of skops with a list of one value, whose node becomes other nodes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps([value]))) as old:
        schema = json.loads(old.read("schema.json"))
        schema["content"] = change(schema["content"][0])
        with zipfile.ZipFile(buffer, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name) if name.endswith("npy") else json.dumps(schema))
    return buffer


def test_arrays_of_an_unknown_kind_are_not_read_uncounted():
    def many(node):
        return [node | {"type": "other", "__id__": 10**15 + i} for i in range(50)]

    with pytest.raises(ValueError, match="type: expected one of .*, got 'other'"):
        built(crafted(np.zeros(10**5, dtype=np.uint8), many))


def test_an_array_is_no_number_of_a_wider_type():
    def wider(node):
        return [node | {"__class__": "longdouble"}]

    with pytest.raises(ValueError, match=r"expected one number, got shape \(100000,\)"):
        built(crafted(np.zeros(10**5, dtype=np.uint8), wider))


def test_no_object_is_called_to_make_a_key():
    def called(node):
        return [node | {"key_types": node["key_types"] | {"content": [function]}}]

    function = {"__class__": "sqrt", "__module__": "numpy", "__loader__": "FunctionNode"}
    function |= {"__id__": 10**15, "content": None}
    with pytest.raises(ValueError, match="expected types of keys, got .*sqrt"):
        built(crafted({"a": 1}, called))


# What takes longer to load than a prediction, and nobody needs for one.
HEAVY = ("torch", "skops", "matplotlib", "cdmer.evaluation", "skimage", "dask", "pytest")


def test_a_prediction_loads_what_it_needs(saved, tmp_path):
    np.save(tmp_path / "clip.npy", np.random.default_rng(0).integers(0, 255, (9, 48, 48), np.uint8))
    program = (
        "import sys, numpy\n"
        "from cdmer.models import load_model, predict_clip\n"
        f"model = load_model({str(saved[0])!r})\n"
        f"predict_clip(model, numpy.load({str(tmp_path / 'clip.npy')!r}))\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (outcome.stdout, outcome.stderr) == ("[]\n", "")
