"""Model files: what they say, and what is refused on the way in and out."""

import json
import os
import re
import zipfile

import numpy as np
import pytest
from crafted_models import rewritten
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from cdmer.adaptation import TGSR, SourceOnly
from cdmer.models import UntrustedModelError, load_model, save_model

CLASSES = ("negative", "positive", "surprise")


def test_the_file_says_what_it_is(saved):
    path, model = saved
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".pkl", ".pickle"))]
        document = json.loads(archive.read("model.json"))
    assert document["format"] == "cdmer.FittedModel"
    assert document["classes"] == list(CLASSES)
    assert document["sources"] == {"webcam-25fps": 9}
    assert document["targets"] == {"nir-25fps": 9}
    assert set(document["versions"]) == {"cdmer", "numpy", "scipy", "scikit-learn"}
    assert model.versions == document["versions"]
    assert repr(load_model(path)) == (
        "FittedModel(negative, positive, surprise; fitted on webcam-25fps (9 clips), adapted to "
        "nir-25fps (9 clips))"
    )
    assert document["keeps_training_rows"] is False


def test_the_reference_is_the_mean_of_the_rows_that_new_clips_are_like(fitted, packed, tmp_path):
    pipeline, rows = fitted
    _, _, domain = packed
    path = tmp_path / "m"
    with_target = save_model(path, pipeline, rows, class_names=CLASSES, sample_domain=domain)
    assert_allclose(with_target.reference, rows[domain < 0].mean(axis=0))
    without = save_model(path, pipeline, rows, class_names=CLASSES, corpora=["a", "b"] * 9)
    assert_allclose(without.reference, rows.mean(axis=0))
    assert without.sources == {"a": 9, "b": 9}
    assert without.targets == {}


@pytest.mark.parametrize(
    ("y", "given", "names"),
    [
        ([0, 1, 2], CLASSES, CLASSES),
        ([0, 2, 2], CLASSES, ("negative", "surprise")),  # no clip of the middle class
        (["neg", "pos", "sur"], None, ("neg", "pos", "sur")),
        (["pos", "neg", "neg"], ["sur", "neg", "pos"], ("neg", "pos")),
    ],
)
def test_classes_are_named_in_the_order_of_the_scores(y, given, names, fitted, tmp_path):
    describe, rows = fitted[0][0], fitted[1]
    pipeline = make_pipeline(describe, SourceOnly().fit(rows, y * 6))
    path = tmp_path / "m"
    save_model(path, pipeline, rows, class_names=given)
    assert load_model(path).classes == names


class OwnStep(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def double(X):
    return 2 * X


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [FunctionTransformer(double), SourceOnly()],
            r"got \S*double, which load_model would refuse",
        ),
        ([FunctionTransformer(os.system), SourceOnly()], r"system, which load_model"),
        ([OwnStep(), SourceOnly()], r"got \S*OwnStep"),
        ([RandomForestClassifier(n_estimators=2)], r"sklearn.tree._tree.Tree"),
        ([SVC(decision_function_shape="ovo")], r"decision_function_shape='ovr'"),
    ],
    ids=["function", "system", "class", "forest", "ovo"],
)
def test_what_could_not_be_loaded_is_not_saved(steps, message, fitted, packed, tmp_path):
    describe, rows = fitted[0][0], fitted[1]
    for step in steps[:-1]:
        step.fit(rows)
    pipeline = make_pipeline(describe, *steps[:-1], steps[-1].fit(rows, packed[1]))
    path = tmp_path / "model.skops"
    path.write_text("an older one")
    with pytest.raises(ValueError, match=f"pipeline: .*{message}"):
        save_model(path, pipeline, rows, class_names=CLASSES)
    assert path.read_text() == "an older one"
    assert list(tmp_path.iterdir()) == [path]


def test_tensors_are_not_saved(fitted, packed, tmp_path):
    torch = pytest.importorskip("torch")
    describe, rows = fitted[0][0], fitted[1]
    learnt = TGSR(groups=5, n_selected=3).fit(torch.tensor(rows), packed[1])
    with pytest.raises(ValueError, match="pipeline: skops cannot save it"):
        save_model(tmp_path / "m", make_pipeline(describe, learnt), rows, class_names=CLASSES)
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_named(fitted, packed, tmp_path):
    pipeline, rows = fitted
    path = tmp_path / "m"

    def save(pipeline=pipeline, training=rows, class_names=CLASSES, **more):
        save_model(path, pipeline, training, class_names=class_names, **more)

    with pytest.raises(NotFittedError):
        save(clone(pipeline))
    for names in (None, CLASSES[:2], ("a", "a", "b"), "abc", (1, 2, 3)):
        with pytest.raises(ValueError, match=r"class_names: expected distinct names.*\[0, 1, 2\]"):
            save(class_names=names)
    with pytest.raises(ValueError, match="training: expected rows of 885 features"):
        save(training=rows[:, :-1])
    with pytest.raises(ValueError, match="training contains NaN"):
        save(training=np.full_like(rows, np.nan))
    with pytest.raises(ValueError, match="sample_domain: expected one integer per row"):
        save(sample_domain=packed[2][:-1])
    with pytest.raises(ValueError, match="corpora: expected the name of each of 18 rows"):
        save(corpora=["a", "b"])
    with pytest.raises(ValueError, match="no descriptor of facial regions"):
        save(SourceOnly().fit(rows, packed[1]))
    with pytest.raises(OSError, match="there is no folder"):
        save_model(tmp_path / "no" / "m", pipeline, rows, class_names=CLASSES)
    assert not path.exists()


def text(value):
    node = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "__id__": 1}
    return node | {"content": json.dumps(value), "is_json": True}


def attacks(marker):
    """Nodes that run a command, or hand out something that does, when they are built."""
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [text(f"touch {marker}")],
        "__id__": 2,
    }
    system = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    call = {"__class__": "system", "__module__": "os", "__loader__": "ConstructorFromReduceNode"}
    caller = {"__class__": "methodcaller", "__module__": "operator"}
    fetch = {"__class__": "fetch_published_features", "__module__": "cdmer.corpora._published"}
    method = {"__class__": "Pipeline", "__module__": "sklearn.pipeline", "__loader__": "MethodNode"}
    empty = method | {"__loader__": "ObjectNode", "__id__": 4}
    popen = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"}
    kind = {"__class__": "eval", "__module__": "builtins", "__loader__": "TypeNode"}
    found = {
        "call": call | {"content": arguments},
        "function": system,
        "operator": caller | {"__loader__": "OperatorFuncNode", "attrs": arguments},
        "function of cdmer": fetch | {"__loader__": "FunctionNode"},
        "method": method | {"content": {"func": "fit", "obj": empty}},
        "class": popen,
        "builtin": kind,
    }
    return {name: node | {"__id__": 3} for name, node in found.items()}


@pytest.mark.parametrize("attack", attacks(""))
def test_a_file_that_asks_for_more_is_refused(attack, saved, tmp_path):
    marker = tmp_path / "marker"

    def schema(old):
        old["content"]["reference"] = attacks(marker)[attack]
        return old

    path = rewritten(saved[0], tmp_path / "evil.skops", schema=schema)
    with pytest.raises(UntrustedModelError, match=re.escape(f"{path}: refused, ") + "Untrusted"):
        load_model(path)
    assert not marker.exists()


def test_the_attack_would_work_on_a_loader_that_trusts(saved, tmp_path):
    import skops.io

    marker = tmp_path / "marker"

    def schema(old):
        old["content"]["reference"] = attacks(marker)["call"]
        return old

    path = rewritten(saved[0], tmp_path / "evil.skops", schema=schema)
    skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    assert marker.exists()


def attempt(path):
    """Message of the error that loading gives; None where it gives the model after all."""
    try:
        loaded = load_model(path)
    except ValueError as error:
        return str(error)
    # Changed was what no reader looks at, such as the time of a member.
    assert loaded.classes == CLASSES
    return None


def test_a_damaged_file_is_named(saved, tmp_path):
    whole, rng = saved[0].read_bytes(), np.random.default_rng(0)
    path = tmp_path / "damaged.skops"
    for length in [0, 1, 30, *rng.integers(0, len(whole), 20)]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=re.escape(f"{path}: no model, or damaged; ")):
            load_model(path)
    refused = 0
    for place in rng.integers(0, len(whole), 60):
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        message = attempt(path)
        assert message is None or str(path) in message
        refused += message is not None
    assert refused > 40


def test_other_files_are_no_models(tmp_path, saved):
    path = tmp_path / "other"
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match=r"other.npz: no model.*model.json"):
        load_model(tmp_path / "other.npz")
    path.write_text("text")
    with pytest.raises(ValueError, match=r"other: no model, or damaged; archive: dam"):
        load_model(path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing")
    rewritten(saved[0], path, document=lambda d: d | {"format": "x"})
    with pytest.raises(ValueError, match="expected the format cdmer.FittedModel, got 'x'"):
        load_model(path)
    rewritten(saved[0], path, document=lambda d: d | {"format_version": 2})
    with pytest.raises(
        ValueError, match=r"version 3 of the format, got 2; .*fit and save it again"
    ):
        load_model(path)
    rewritten(saved[0], path, document=lambda d: d | {"classes": ["one"]})
    with pytest.raises(ValueError, match="expected a name for each class"):
        load_model(path)
    rewritten(saved[0], path, schema=lambda s: s["content"]["pipeline"] | {"protocol": 2})
    with pytest.raises(ValueError, match="no model, or damaged"):
        load_model(path)


def test_other_versions_warn(saved, tmp_path, recwarn):
    load_model(saved[0])
    assert not recwarn.list

    def older(document):
        return document | {"versions": document["versions"] | {"numpy": "1.0", "cdmer": "0.0.1"}}

    path = rewritten(saved[0], tmp_path / "older", document=older)
    with pytest.warns(UserWarning, match=r"older: saved with cdmer 0.0.1, here .*; numpy 1.0, her"):
        load_model(path)


def test_what_unpacks_to_too_much_is_refused_unread(saved, tmp_path):
    path = tmp_path / "bomb.skops"
    zeros = ("zeros.npy", bytes(2**26), zipfile.ZIP_DEFLATED)

    def array(number):
        return {
            "__class__": "ndarray",
            "__module__": "numpy",
            "__loader__": "NdArrayNode",
            "__id__": number,
            "type": "numpy",
            "file": "zeros.npy",
        }

    def once(schema):
        schema["content"]["reference"] = array(1)
        return schema

    def often(schema):
        parts = [array(number) for number in range(1, 101)]
        schema["content"]["reference"] = {
            "__class__": "list",
            "__module__": "builtins",
            "__loader__": "ListNode",
            "__id__": 101,
            "content": parts,
        }
        return schema

    rewritten(saved[0], path, schema=once, members=[zeros])
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match=r"bomb.skops: .*'zeros.npy' is compressed"):
        load_model(path)
    zeros = ("zeros.npy", bytes(2**26), zipfile.ZIP_STORED)
    rewritten(saved[0], path, schema=once, members=[zeros])
    with pytest.raises(ValueError, match=r"bomb.skops: expected a file of at most 33554432 bytes"):
        load_model(path, max_bytes=2**25)
    rewritten(saved[0], path, schema=often, members=[zeros])  # 6.7 GB of the same 64 MiB
    with pytest.raises(ValueError, match=r"expected at most 1073741824 bytes unpacked, got 67"):
        load_model(path)
    spaces = {"schema.json": b" " * (2**25 + 1)}
    rewritten(saved[0], path, replaced=spaces)
    with pytest.raises(ValueError, match="schema.json: expected at most 33554432 bytes"):
        load_model(path)

    def archive_within(schema):
        schema["content"]["reference"] = array(1) | {"__loader__": "SparseMatrixNode"}
        return schema

    rewritten(saved[0], path, schema=archive_within, members=[zeros])
    with pytest.raises(UntrustedModelError, match=r"Untrusted types .*SparseMatrixNode"):
        load_model(path)
    with pytest.raises(ValueError, match=r"model.skops: expected a file of at most 1000 bytes"):
        load_model(saved[0], max_bytes=1000)
    with pytest.raises(ValueError, match="max_bytes: expected a whole number"):
        load_model(saved[0], max_bytes=0.5)
