"""Model files of strangers: refused in one line, or they predict as the sound ones."""

import json
import os
import zipfile

import cv2
import numpy as np
import pytest
from crafted_models import nodes, rewritten
from nursery import accepted, refused
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer.adaptation import GramSVC
from cdmer.features import LBPTOP, RegionGrid
from cdmer.models import save_model

pytest.importorskip("skops.io")
CLASSES = ("negative", "positive", "surprise")
MACHINE = "pipeline/steps/1/1/steps/1/1"
SCALER = "pipeline/steps/1/1/steps/0/1"
DESCRIPTOR = "pipeline/steps/0/1"
LIMITS = {
    "fewest_frames": 2,
    "most_frames": 100,
    "shortest_seconds": 0.1,
    "longest_seconds": 4.0,
    "movement": 0.0,
    "likeness": -1,
    "continuity": -1,
    "detail": 0.0,
}
CALIBRATION = {
    "slope": 1.0,
    "bias": [0.0, 0.0, 0.0],
    "of_probabilities": False,
    "n_clips": 12,
    "n_people": 3,
    "log_loss": 1.0,
    "brier": 0.6,
    "calibration_error": 0.1,
    "log_loss_before": 1.2,
    "log_loss_prior": 1.1,
}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Sound models by name, and a folder of frames as ``clip``."""
    folder = tmp_path_factory.mktemp("strangers")
    describe = LBPTOP(radius=1, n_points=2, grid=RegionGrid((1, 2)))
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(12, len(describe.fit().feature_groups_))))
    y = np.arange(12) % 3
    found = {"clip": folder / "clip"}
    found["clip"].mkdir()
    for i in range(5):
        face = rng.integers(0, 256, size=(16, 16), dtype=np.uint8)
        cv2.imwrite(str(found["clip"] / f"{i}.png"), face)
    for name, machine in {
        "svc": SVC(),
        "gram": GramSVC(),
        "knn": KNeighborsClassifier(2, algorithm="brute"),
        "logistic": LogisticRegression(),
    }.items():
        found[name] = folder / f"{name}.skops"
        pipeline = make_pipeline(describe, make_pipeline(StandardScaler(), machine).fit(X, y))
        save_model(found[name], pipeline, X, class_names=CLASSES)
    return found


def predict(nursery, path, models, *more):
    return nursery.cdmer("predict", path, models["clip"], "--no-crop", *more)


def plain(node, value):
    """Make a node one of plain data, with an id of its own."""
    new = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    new |= {"content": value if isinstance(value, str) else json.dumps(value), "is_json": True}
    identity = max(node["__id__"], 10**15) + id(new) % 10**6
    node.clear()
    node.update(new, __id__=identity)


def with_plain(path, value):
    """Change of a schema: the node at a path says something else."""

    def change(schema):
        plain(nodes(schema)[path], value)
        return schema

    return change


@pytest.mark.parametrize("name", ["svc", "gram", "knn", "logistic"])
def test_sound_models_predict_and_so_do_rewritten_ones(name, nursery, models, tmp_path):
    expected = accepted(predict(nursery, models[name], models))
    assert expected.splitlines()[0] in CLASSES
    copy = rewritten(models[name], tmp_path / "copy.skops")
    assert accepted(predict(nursery, copy, models)) == expected


def cast(dtype):
    return lambda array: array.astype(dtype)


def filled(value):
    return lambda array: np.full_like(array, value)


def first_is(value):
    def change(array):
        array = array.copy()
        array.flat[0] = value
        return array

    return change


ARRAYS = {
    # the two of the report
    ("svc", "_n_support"): lambda a: np.array([10**6, 4 - 10**6, 4], a.dtype) + 0 * a,
    ("svc", "_dual_coef_"): lambda a: a[:1, :1],
    ("gram", "svc_/_n_support"): lambda a: np.array([10**6, a.sum() - 10**6, 0], a.dtype),
    ("svc", "_n_support "): cast(np.int64),
    ("svc", "_n_support  "): lambda a: np.append(a, a[:1] * 0),
    ("svc", "_n_support   "): first_is(100),
    ("svc", "support_"): first_is(-1),
    ("svc", "support_ "): first_is(10**6),
    ("svc", "support_  "): lambda a: a[:2],
    ("gram", "svc_/support_"): first_is(10**6),
    ("gram", "svc_/support_ "): first_is(-(10**6)),
    ("gram", "svc_/_dual_coef_"): lambda a: a[:, :1],
    ("gram", "X_fit_"): lambda a: a[:5],
    ("gram", "X_fit_ "): lambda a: a[:, :3],
    ("svc", "support_vectors_"): lambda a: a[:, :2],
    ("svc", "support_vectors_ "): lambda a: a[:1],
    ("svc", "support_vectors_  "): lambda a: np.asfortranarray(a),
    ("svc", "support_vectors_   "): cast(np.float32),
    ("svc", "_intercept_"): lambda a: a[:0],
    ("svc", "_intercept_ "): lambda a: a[:1],
    ("svc", "intercept_"): lambda a: a[:1],
    ("svc", "dual_coef_"): lambda a: a[:1],
    ("svc", "_probA"): lambda a: np.ones(1),
    ("svc", "_probB"): lambda a: np.ones(3),
    ("svc", "classes_"): lambda a: a[::-1],
    ("svc", "classes_ "): lambda a: np.append(a, 3),
    ("svc", "classes_  "): filled(1),
    ("svc", "_dual_coef_ "): filled(np.nan),
    ("svc", "support_vectors_    "): filled(np.inf),
    ("svc", "_dual_coef_  "): filled(1e308),
    ("gram", "X_fit_  "): first_is(np.nan),
    ("logistic", "coef_"): filled(np.nan),
    ("logistic", "coef_ "): lambda a: a[:2],
    ("logistic", "intercept_"): lambda a: a[:1],
    ("logistic", "coef_  "): filled(1e308),
    ("logistic", "coef_   "): lambda a: a.astype(complex),
    ("knn", "_y"): first_is(10**9),
    ("knn", "_y "): first_is(-1),
    ("knn", "_y  "): lambda a: a[:3],
    ("knn", "_fit_X"): lambda a: a[:, :1],
    ("knn", "_fit_X "): lambda a: a[:1],
    ("knn", "_fit_X  "): first_is(np.nan),
}


@pytest.mark.parametrize(("name", "array"), ARRAYS)
def test_arrays_of_machines_are_checked(name, array, nursery, models, tmp_path):
    place = f"{MACHINE}/{array.strip()}"

    def change(arrays):
        arrays[place] = ARRAYS[name, array](arrays[place])

    path = rewritten(models[name], tmp_path / "crafted.skops", arrays=change)
    refused(predict(nursery, path, models), "crafted.skops: ")


@pytest.mark.parametrize("attribute", ["mean_", "scale_", "var_"])
@pytest.mark.parametrize("change", [lambda a: a[:1], first_is(np.nan), first_is(-np.inf)])
def test_arrays_of_scalers_are_checked(attribute, change, nursery, models, tmp_path):
    def short(arrays):
        arrays[f"{SCALER}/{attribute}"] = change(arrays[f"{SCALER}/{attribute}"])

    path = rewritten(models["svc"], tmp_path / "crafted.skops", arrays=short)
    refused(predict(nursery, path, models), "crafted.skops", attribute)


@pytest.mark.parametrize("change", [lambda a: a[:3], first_is(np.nan), lambda a: a[None]])
def test_the_reference_is_checked(change, nursery, models, tmp_path):
    def other(arrays):
        arrays["reference"] = change(arrays["reference"])

    path = rewritten(models["svc"], tmp_path / "crafted.skops", arrays=other)
    refused(predict(nursery, path, models), "crafted.skops")


@pytest.mark.parametrize("change", [first_is(10**9), first_is(-1), lambda a: a[:-1]])
def test_regions_of_columns_follow_from_the_descriptor(change, nursery, models, tmp_path):
    place = f"{DESCRIPTOR}/feature_groups_"

    def other(arrays):
        arrays[place] = change(arrays[place])

    path = rewritten(models["svc"], tmp_path / "crafted.skops", arrays=other)
    refused(predict(nursery, path, models), "crafted.skops", "feature_groups_")


SETTINGS = [
    ("svc", f"{MACHINE}/kernel", "precomputed"),
    ("svc", f"{MACHINE}/kernel", "custom"),
    ("svc", f"{MACHINE}/_sparse", True),
    ("svc", f"{MACHINE}/_gamma", "NaN"),
    ("svc", f"{MACHINE}/_gamma", -1.0),
    ("svc", f"{MACHINE}/coef0", "Infinity"),
    ("svc", f"{MACHINE}/degree", 2**40),
    ("svc", f"{MACHINE}/n_features_in_", 3),
    ("svc", f"{MACHINE}/n_features_in_", "null"),
    ("svc", f"{MACHINE}/shape_fit_/0", 1),
    ("svc", f"{MACHINE}/shape_fit_/1", 10**9),
    ("svc", f"{MACHINE}/_n_support", [4, 4, 4]),
    ("svc", f"{MACHINE}/support_vectors_", "[]"),
    ("svc", MACHINE, "null"),
    ("svc", "pipeline/steps", "[]"),
    ("svc", "pipeline", "1"),
    ("svc", "reference", '"text"'),
    ("knn", f"{MACHINE}/n_samples_fit_", 10**6),
    ("knn", f"{MACHINE}/n_neighbors", 10**6),
    ("knn", f"{MACHINE}/n_neighbors", -1),
    ("knn", f"{MACHINE}/effective_metric_", "mahalanobis"),
    ("knn", f"{MACHINE}/_fit_method", "kd_tree"),
    ("knn", f"{MACHINE}/outputs_2d_", True),
    ("svc", f"{DESCRIPTOR}/n_jobs", 10**6),
    ("svc", f"{DESCRIPTOR}/radius", 10**9),
    ("svc", f"{DESCRIPTOR}/n_points", 60),
    ("svc", f"{DESCRIPTOR}/grid/levels/1", 10**6),
    ("svc", f"{DESCRIPTOR}/grid/levels/1", 10**200),
    ("svc", f"{DESCRIPTOR}/grid/levels/1", -1),
    ("svc", f"{DESCRIPTOR}/grid/overlap", "NaN"),
    ("svc", f"{DESCRIPTOR}/grid_/levels/1", 3),
]


@pytest.mark.parametrize(("name", "place", "value"), SETTINGS)
def test_plain_values_are_checked(name, place, value, nursery, models, tmp_path):
    if isinstance(value, str) and place.endswith(("kernel", "metric_", "_method")):
        value = json.dumps(value)
    changed = with_plain(place, value)
    path = rewritten(models[name], tmp_path / "crafted.skops", schema=changed)
    refused(predict(nursery, path, models), "crafted.skops: no model, or damaged; ")


@pytest.mark.parametrize("attribute", ["predict", "decision_function", "_impl", "n_support_"])
def test_no_attribute_stands_in_for_what_a_class_defines(attribute, nursery, models, tmp_path):
    def schema(old):
        state = nodes(old)[MACHINE]["content"]
        state["content"][attribute] = {**state["content"]["verbose"], "__id__": 7}
        plain(state["content"][attribute], '"one_class"')
        state["key_types"]["content"].append(state["key_types"]["content"][0])
        return old

    path = rewritten(models["svc"], tmp_path / "crafted.skops", schema=schema)
    refused(predict(nursery, path, models), "crafted.skops", attribute)


def array_node(identity):
    node = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode"}
    return node | {"type": "numpy", "file": "big.npy"} | identity


def collection(parts):
    node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
    return node | {"__id__": 10**16, "content": parts}


BIG = b"\x93NUMPY\x01\x00v\x00" + (
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000,), }".ljust(117) + b"\n"
)


@pytest.mark.parametrize(
    "identities",
    [
        [{} for _ in range(100)],
        [{"__id__": None} for _ in range(100)],
        [{"__id__": 0} for _ in range(100)],
        [{"__id__": False} for _ in range(100)],
        [{"__id__": i + 0.5} for i in range(100)],
        [{"__id__": [i]} for i in range(100)],
        [{"__id__": {"a": i}} for i in range(100)],
        [{"__id__": str(i)} for i in range(100)],
        [{"__id__": i + 1} for i in range(100)],
        [{"__id__": i + 1, "extra": i} for i in range(100)],
    ],
    ids=["none", "null", "0", "false", "floats", "lists", "dicts", "texts", "numbers", "more"],
)
def test_a_member_counts_each_time_that_it_is_read(identities, nursery, models, tmp_path):
    def schema(old):
        old["content"]["reference"] = collection([array_node(one) for one in identities])
        return old

    big = ("big.npy", BIG + bytes(40_000_000), zipfile.ZIP_STORED)
    path = rewritten(models["svc"], tmp_path / "crafted.skops", schema=schema, members=[big])
    outcome = nursery.python(f"from cdmer.models import load_model\nload_model({str(path)!r})")
    line = refused(outcome, "crafted.skops")
    assert "see max_bytes" in line or "expected an id of each node" in line


def doublings(old, depth=60):
    inner = {**collection([]), "__id__": 1}
    for level in range(2, depth):
        known = {key: inner[key] for key in ("__class__", "__module__", "__loader__", "__id__")}
        inner = {**collection([inner, known | {"content": []}]), "__id__": level}
    old["content"]["reference"] = inner
    return old


def bare_ids(old):
    old["content"]["reference"] = collection([{**collection([]), "__id__": 5}, {"__id__": 5}])
    return old


def cycle(old):
    old["content"]["reference"] = {**collection([{**collection([]), "__id__": 5}]), "__id__": 5}
    return old


def deep(old):
    for level in range(300):
        old["content"]["reference"] = {
            **collection([old["content"]["reference"]]),
            "__id__": 10**16 + level,
        }
    return old


def deep_text(old):
    plain(old["content"]["reference"], "[" * 100_000)
    return old


def other_loader(loader, module="builtins", name="list"):
    def change(old):
        node = {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 5}
        old["content"]["reference"] = node | {"content": [], "file": "big.npy"}
        return old

    return change


SCHEMAS = {
    "doublings": doublings,
    "bare ids": bare_ids,
    "cycle": cycle,
    "deep": deep,
    "deep text": deep_text,
    "cached": other_loader("CachedNode"),
    "bytes": other_loader("BytesNode", name="bytes"),
    "bytearray": other_loader("BytearrayNode", name="bytearray"),
    "random state": other_loader("RandomStateNode", "numpy.random.mtrand", "RandomState"),
    "generator": other_loader("RandomGeneratorNode", "numpy.random._generator", "Generator"),
    "dtype": other_loader("DTypeNode", "numpy", "dtype"),
    "sparse": other_loader("SparseMatrixNode", "scipy.sparse", "csr_matrix"),
    "masked": other_loader("MaskedArrayNode", "numpy.ma", "MaskedArray"),
    "set": other_loader("SetNode", name="set"),
    "tree": other_loader("TreeNode", "sklearn.tree._tree", "Tree"),
    "forest": other_loader("ObjectNode", "sklearn.ensemble._forest", "RandomForestClassifier"),
    "kmeans": other_loader("ObjectNode", "sklearn.cluster._kmeans", "KMeans"),
    "imputer": other_loader("ObjectNode", "sklearn.impute._knn", "KNNImputer"),
    "old protocol": lambda old: old | {"protocol": True},
    "new protocol": lambda old: old | {"protocol": 10**9},
    "list": lambda old: [old],
    "null": lambda old: None,
    "number": lambda old: 1,
}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_checked(kind, nursery, models, tmp_path):
    path = rewritten(models["svc"], tmp_path / "crafted.skops", schema=SCHEMAS[kind])
    refused(predict(nursery, path, models), "crafted.skops")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 75), }",
        "{'descr': '|V1000000000', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<U250000000', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<c16', 'fortran_order': False, 'shape': (0,), }",
        "(" * 50,
    ],
)
def test_headers_of_arrays_are_checked(header, nursery, models, tmp_path):
    with zipfile.ZipFile(models["svc"]) as archive:
        schema = json.loads(archive.read("schema.json"))
    member = nodes(schema)["reference"]["file"]
    content = b"\x93NUMPY\x01\x00\xf6\x00" + header.encode().ljust(245) + b"\n"
    path = rewritten(models["svc"], tmp_path / "crafted.skops", replaced={member: content})
    refused(predict(nursery, path, models), "crafted.skops", member)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["a", "a", "b"]},
        {"classes": ["a"]},
        {"classes": "abc"},
        {"classes": [1, 2, 3]},
        {"classes": None},
        {"sources": ["x"]},
        {"sources": {"x": "many"}},
        {"targets": None},
        {"frame_size": [1]},
        {"frame_size": ["a", "b"]},
        {"frame_size": 5},
        {"versions": None},
        {"versions": {"numpy": [1]}},
        {"keeps_training_rows": False},
        {"format_version": 2},
        {"format_version": [3]},
        {"limits": 5},
        {"limits": {}},
        {"limits": LIMITS | {"movement": float("nan")}},
        {"limits": LIMITS | {"movement": -1}},
        {"limits": LIMITS | {"likeness": 10**400}},
        {"limits": LIMITS | {"fewest_frames": -5}},
        {"limits": LIMITS | {"fewest_frames": 10**6}},
        {"limits": LIMITS | {"most_frames": 1e300}},
        {"limits": LIMITS | {"shortest_seconds": -1.0}},
        {"limits": LIMITS | {"longest_seconds": "4"}},
        {"limits": LIMITS | {"longest_seconds": None}},
        {"limits": LIMITS | {"detail": [0.4]}},
        {"limits": LIMITS | {"more": "x" * 10**6}},
        {"calibration": []},
        {"calibration": CALIBRATION | {"slope": float("inf")}},
        {"calibration": CALIBRATION | {"slope": -1.0}},
        {"calibration": CALIBRATION | {"bias": [0.0, 0.0]}},
        {"calibration": CALIBRATION | {"bias": [0.0, 0.0, float("nan")]}},
        {"calibration": CALIBRATION | {"bias": [0.0] * 10**6}},
        {"calibration": CALIBRATION | {"bias": "abc"}},
        {"calibration": CALIBRATION | {"n_people": 10**9}},
        {"calibration": CALIBRATION | {"of_probabilities": 1}},
        {"calibration": CALIBRATION | {"of_probabilities": True}},
        {"calibration": CALIBRATION | {"brier": "x" * 10**6}},
        {"preparation": 1},
        {"preparation": {"crop": True, "run": "rm"}},
        {"preparation": {"crop": "yes"}},
        {"preparation": {"size": -1}},
        {"preparation": {"detector": "x" * 10**6}},
        {"preparation": {"detector": {"path": "/etc/passwd"}}},
        {"preparation": {"detector": "yunet:/etc/passwd"}},
        {"evaluation": [1]},
        {"evaluation": {"UF1": float("nan")}},
        {"evaluation": {"text": "x" * 10**5}},
        {"evaluation": {"many": [0.5] * 10**6}},
        {"evaluation": {"where": "/home/somebody/corpus"}},
        {"format": None},
    ],
    ids=lambda change: str(change)[:100],
)
def test_the_document_is_checked(change, nursery, models, tmp_path):
    path = rewritten(models["svc"], tmp_path / "crafted.skops", document=lambda d: d | change)
    refused(predict(nursery, path, models), "crafted.skops")


def test_sound_records_are_taken(nursery, models, tmp_path):
    records = {"limits": LIMITS, "calibration": CALIBRATION, "preparation": {"spot": "flow"}}
    records["evaluation"] = {"UF1": 0.5, "people": 3}
    path = rewritten(models["svc"], tmp_path / "m.skops", document=lambda d: d | records)
    assert "\nprobabilities: " in accepted(predict(nursery, path, models))


def test_a_document_is_an_object(nursery, models, tmp_path):
    path = rewritten(models["svc"], tmp_path / "crafted.skops", document=lambda d: [1])
    refused(predict(nursery, path, models), "crafted.skops", "expected the format")


@pytest.mark.parametrize("place", [f"{MACHINE}/_dual_coef_", "reference"])
def test_a_change_without_a_new_digest_is_noticed(place, nursery, models, tmp_path):
    def change(arrays):
        arrays[place] = arrays[place] * 1.0000001

    path = rewritten(models["svc"], tmp_path / "m.skops", arrays=change, signed=False)
    refused(predict(nursery, path, models), "m.skops", "by its digest")
    path = rewritten(
        models["svc"],
        tmp_path / "m.skops",
        document=lambda d: d | {"classes": ["positive", "negative", "surprise"]},
        signed=False,
    )
    refused(predict(nursery, path, models), "m.skops", "by its digest")


def test_members_are_stored_once(nursery, models, tmp_path):
    path = tmp_path / "twice.skops"
    more = [("schema.json", b"{}", zipfile.ZIP_STORED)]
    with pytest.warns(UserWarning, match="Duplicate name"):
        rewritten(models["svc"], path, members=more)
    refused(predict(nursery, path, models), "twice.skops", "comes twice")
    more = [("zeros.npy", bytes(10**6), zipfile.ZIP_DEFLATED)]
    path = rewritten(models["svc"], tmp_path / "deflated.skops", members=more)
    refused(predict(nursery, path, models), "deflated.skops", "is compressed")


def test_only_regular_files_are_opened(nursery, models, tmp_path):
    os.mkfifo(tmp_path / "pipe.skops")
    refused(predict(nursery, tmp_path / "pipe.skops", models), "pipe.skops", "a named pipe")
    refused(nursery.cdmer("predict", "/dev/zero", models["clip"]), "/dev/zero", "a device")
    refused(nursery.cdmer("predict", tmp_path / "none", models["clip"]), "none")


def test_names_do_not_steer_terminals(nursery, models, tmp_path):
    names = ["a\x1b[2Ja", "b\u202eb", "c\x9bc"]
    path = rewritten(
        models["svc"],
        tmp_path / "names.skops",
        document=lambda d: d | {"classes": names, "versions": {"numpy": "\x1b[31m"}},
    )
    for more in ((), ("--json",)):
        outcome = predict(nursery, path, models, *more)
        text = accepted(outcome) + outcome.stderr
        assert not set(text) & set("\x1b\u202e\x9b")


def test_scores_that_are_no_numbers_name_no_class(nursery, models):
    outcome = nursery.python(
        f"""
import numpy as np
from cdmer.models import load_model, predict_clip
model = load_model({str(models["logistic"])!r})
model.pipeline[1][1].coef_ = np.full((3, 75), np.nan)
predict_clip(model, np.zeros((5, 16, 16), dtype=np.uint8))
"""
    )
    refused(outcome, "no finite score of every class, got nan")
