"""Weights, checkpoints, generators and networks in files of strangers."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from nursery import accepted, refused
from tensor_files import Made, Numbers, archive, entry, plain, safetensors, tensor

torch = pytest.importorskip("torch")

from cdmer.nets import ICEGANClassifier, NetClassifier  # noqa: E402
from cdmer.nets._weights.tensor_file import open_tensors, write_tensors  # noqa: E402

THREE = np.array([1, 2, 3], "<f4").tobytes()
LOAD = """
import torch
torch.set_num_threads(1)
from cdmer.nets import STSTNet, load_weights
network = STSTNet()
load_weights(network, {path!r}, {{"w": "head.bias"}}, strict=False)
print(network.head.bias.tolist())
"""
DEEP = "[" * 200_000 + "]" * 200_000
# Names that take for ever to be written or hashed, each of them twice the one before.
LAUGHS = b"\x80\x02}K\x00q\x00" + b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(60))
NESTED_KEY = b"\x80\x02})" + b"\x85" * 500_000 + b"K\x01s."


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


HEADERS = {
    "empty": (b"", "got an empty file"),
    "length beyond the end": (b"\xff" * 7 + b"\x7f{", "no whole safetensors file"),
    "length above all": (b"\xff" * 8 + b"{}", "no whole safetensors file"),
    "no JSON": (safetensors("{nothing}"), "no JSON"),
    "no object": (safetensors("[]"), "expected an object, got list"),
    "deep": (safetensors('{"w":' + DEEP + "}"), "nested too deeply"),
    "thousands of digits": (safetensors('{"w":' + "9" * 5001 + "}"), "no JSON"),
    "a name twice": (
        safetensors('{"w":ENTRY,"w":ENTRY}'.replace("ENTRY", json.dumps(entry())), THREE),
        "'w' comes twice",
    ),
    "many names twice": (safetensors("{" + '"a":0,"b":0,' * 10**6 + '"a":0}'), "comes twice"),
    "overlapping": (
        safetensors({"w": entry(), "v": entry(begin=4, end=16)}, THREE + b"\0" * 4),
        "after those of the tensor before",
    ),
    "hole": (safetensors({"w": entry(begin=4, end=16)}, b"\0" * 16), "after those of"),
    "short": (safetensors({"w": entry()}, THREE[:8]), "expected a file of"),
    "long": (safetensors({"w": entry()}, THREE + b"\0"), "expected a file of"),
    "eight bits": (safetensors({"w": entry(dtype="F8_E4M3")}, THREE), "got F8_E4M3"),
    "type of another kind": (safetensors({"w": entry(dtype=[[]])}, THREE), "got list"),
    "negative": (safetensors({"w": entry((-3,))}, THREE), "expected whole numbers"),
    "fraction": (safetensors({"w": entry((3.0,))}, THREE), "expected whole numbers"),
    "truth": (safetensors({"w": entry((True,), end=4)}, THREE[:4]), "expected whole numbers"),
    "overflow": (safetensors({"w": entry((2**62, 4))}, THREE), "expected 73786976294838206464"),
    "beyond 64 bits": (safetensors({"w": entry((2**64,))}, THREE), "expected whole numbers"),
    "infinite place": (
        safetensors('{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,Infinity]}}', THREE),
        "expected whole numbers",
    ),
    "three places": (
        safetensors({"w": entry() | {"data_offsets": [0, 6, 12]}}, THREE),
        "expected whole numbers",
    ),
    "many axes": (safetensors({"w": entry((1,) * 1000, end=4)}, THREE[:4]), "whole numbers"),
    "no numbers": (safetensors({"w": entry((0, 10**18), end=0)}), "does not fit STSTNet"),
    "another key": (safetensors({"w": entry() | {"a": 1}}, THREE), "expected dtype, shape and"),
    "metadata of numbers": (safetensors({"__metadata__": {"a": 1}}), "metadata of text"),
    "metadata of another kind": (safetensors({"__metadata__": "a"}), "metadata of text"),
    "NaN": (
        safetensors({"w": entry()}, np.array([1, np.nan, 3], "<f4").tobytes()),
        "expected finite numbers in 'w', got 1 of 3",
    ),
    "infinite": (
        safetensors({"w": entry()}, np.array([1, np.inf, -np.inf], "<f4").tobytes()),
        "expected finite numbers in 'w', got 2 of 3",
    ),
    "seal of another kind": (safetensors({"__metadata__": {"cdmer": "[1]"}}), "is damaged"),
    "no seal": (safetensors({"__metadata__": {"cdmer": "{}"}}), "another version of cdmer"),
    "deep seal": (safetensors({"__metadata__": {"cdmer": DEEP}}), "nested too deeply"),
    "half a seal": (
        safetensors({"__metadata__": {"cdmer": '{"format": 2, "digests": 3}'}}),
        "is damaged",
    ),
    "older seal": (
        safetensors({"__metadata__": {"cdmer.generator": "{}"}}),
        "another version of cdmer",
    ),
    "web page": (b"\n<!DOCTYPE html><html>", "got a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
}
CALLS = {
    "posix.system": Made(os.system, "touch sprung"),
    "__builtin__.eval": Made(eval, "1"),
    "bytearray": Made(bytearray, 10**11),
    "torch._utils._rebuild_sparse_tensor": Made(
        torch._utils._rebuild_sparse_tensor, torch.sparse_coo, (Numbers(3), Numbers(3), (3,))
    ),
    "torch._utils._rebuild_qtensor": Made(torch._utils._rebuild_qtensor, Numbers(3), 0, (3,)),
    "torch._utils._rebuild_meta_tensor_no_storage": Made(
        torch._utils._rebuild_meta_tensor_no_storage, torch.float32, (10**9,), (1,), False
    ),
    "numpy": np.zeros(3),
    "_rebuild_from_type_v2": Made(torch._tensor._rebuild_from_type_v2, 0, torch.Tensor, (), {}),
}
ARCHIVES = {
    **{name: (archive({"w": call}, {}), f"{name}") for name, call in CALLS.items()},
    **{f"plain {name}": (plain({"w": call}, {}), name) for name, call in CALLS.items()},
    "a pickle alone": (pickle.dumps(Made(os.system, "touch sprung")), "posix.system"),
    "a pickle of protocol 0": (pickle.dumps(Made(os.system, "touch sprung"), 0), "it holds"),
    "hook": (
        archive(
            {
                "w": Made(
                    torch._utils._rebuild_tensor_v2,
                    *(Numbers(3), 0, (3,), (1,), True, OrderedDict(a=os.system)),
                )
            },
            {"0": THREE},
        ),
        "posix.system",
    ),
    "attribute of a function": (
        archive(b"\x80\x02ccollections\nOrderedDict\n}U\x01aK\x01sb.", {}),
        "pickle is damaged",
    ),
    "deflated": (
        archive({"w": tensor(2**24)}, {"0": b"\0" * 2**26}, zipfile.ZIP_DEFLATED),
        "stored without compression",
    ),
    "record too short": (archive({"w": tensor(3)}, {"0": THREE[:4]}), "not the 12 bytes"),
    "record of nothing": (archive({"w": tensor(10**12, shape=(10**12,))}, {"0": b""}), "bytes"),
    "no record": (archive({"w": tensor(3)}, {}), "has not the 12 bytes"),
    "record elsewhere": (
        archive({"w": tensor(3, key="../../x")}, {"0": THREE}),
        "has not the 12 bytes",
    ),
    "view beyond": (archive({"w": tensor(3, 1)}, {"0": THREE}), "reaches beyond the 3"),
    "view before": (archive({"w": tensor(3, -1)}, {"0": THREE}), "damaged"),
    "view backwards": (archive({"w": tensor(3, 2, stride=(-1,))}, {"0": THREE}), "damaged"),
    "wide view": (archive({"w": tensor(3, stride=(10**12,))}, {"0": THREE}), "reaches beyond"),
    "view of all": (
        archive({"w": tensor(3, shape=(10**12,), stride=(0,))}, {"0": THREE}),
        "does not fit STSTNet",
    ),
    "storage of two sizes": (
        archive({"w": tensor(3), "v": tensor(2, shape=(2,))}, {"0": THREE}),
        "two types or sizes",
    ),
    "deep": (archive(nested(300), {}), "got dict under 'a'"),
    "laughing": (archive(LAUGHS + b"h<K\x01s.", {}), "damaged"),
    "laughing value": (archive(LAUGHS + b"U\x01ah<s.", {}), "damaged|got"),
    "deep name": (archive(NESTED_KEY, {}), "damaged"),
    "far memo": (archive(b"\x80\x02}r\xff\xff\xff\xff.", {}), "got none"),
    "no stop": (archive(b"\x80\x02}", {}), "expected safetensors or a torch file"),
    "long text": (archive(b"\x80\x02X\xff\xff\xff\x7fabc.", {}), "expected safetensors or a"),
    "huge bytes": (archive(b"\x80\x05\x96" + b"\xff" * 7 + b"\x7fabc.", {}), "expected safete"),
    "only marks": (archive(b"\x80\x02" + b"(" * 10**6 + b".", {}), "damaged"),
    "only dicts": (archive(b"\x80\x02" + b"}" * (2**21 - 9) + b".", {}), "got none"),
    "too long": (archive(b"\x80\x02" + b"}" * 2**21 + b".", {}), "larger than 2097152 bytes"),
    "big-endian": (
        archive({"w": tensor(3)}, {"0": THREE}, more={"byteorder": b"big"}),
        "big-endian",
    ),
    "TorchScript": (
        archive({"w": tensor(3)}, {"0": THREE}, more={"constants.pkl": b""}),
        "TorchScript",
    ),
    "no pickle": (archive({}, {}).replace(b"data.pkl", b"date.pkl"), "another kind"),
    "half an archive": (archive({"w": tensor(3)}, {"0": THREE})[:200], "damaged archive"),
    "plain: numbers without end": (
        plain({"w": tensor(10**12, shape=(10**12,))}, {"0": THREE}),
        "has not the size",
    ),
    "plain: numbers that are not there": (
        plain({"w": tensor(3)}, {"0": THREE}, keys=[]),
        "a storage is missing",
    ),
    "plain: numbers twice": (plain({"w": tensor(3)}, {"0": THREE}, keys=["0", "0"]), "not the"),
    "plain: unknown numbers": (plain({"w": tensor(3)}, {"1": THREE}), "has not the size"),
    "plain: another count": (
        plain({"w": tensor(3)}, {"0": THREE}, counts={"0": 2**63}),
        "has not the size",
    ),
    "plain: short": (plain({"w": tensor(3)}, {"0": THREE})[:-4], "reaches beyond its end"),
    "plain: numbered keys": (plain({"w": tensor(3)}, {"0": THREE}, keys=[0]), "is damaged"),
}


def tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        for name in ("storages", "tensors", "pickle"):
            info = tarfile.TarInfo(name)
            info.size = 4
            file.addfile(info, io.BytesIO(b"\x80\x02}."))
    return stream.getvalue()


ARCHIVES["tar"] = tar(), "expected safetensors or a torch file"


@pytest.mark.parametrize("case", HEADERS)
def test_safetensors(case, nursery, tmp_path):
    content, said = HEADERS[case]
    path = tmp_path / "w.safetensors" if content else tmp_path / "w.pth"
    path.write_bytes(content)
    refused(nursery.python(LOAD.format(path=str(path))), f"{path}: ", said)


@pytest.mark.parametrize("case", ARCHIVES)
def test_torch_files(case, nursery, tmp_path):
    content, said = ARCHIVES[case]
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    line = refused(nursery.python(LOAD.format(path=str(path)), cwd=tmp_path), f"{path}: ")
    assert any(one in line for one in said.split("|")), line
    assert len(line) < 1000
    assert not (tmp_path / "sprung").exists()


SOUND = {
    "sealed by nobody": ("w.safetensors", safetensors({"w": entry()}, THREE)),
    "other metadata": (
        "w.bin",
        safetensors({"__metadata__": {"format": "pt"}, "w": entry()}, THREE),
    ),
    "archive": ("w.pth", archive({"w": tensor(3)}, {"0": THREE})),
    "archive without a folder": ("w.pth", archive({"w": tensor(3)}, {"0": THREE}, folder="")),
    "plain": ("w.pth", plain({"w": tensor(3)}, {"0": THREE})),
    "a part of a storage": (
        "w.pth",
        archive({"w": tensor(5, 1)}, {"0": b"\0" * 4 + THREE + b"\0" * 4}),
    ),
    "every second number": (
        "w.pth",
        archive({"w": tensor(5, stride=(2,))}, {"0": np.array([1, 9, 2, 9, 3], "<f4").tobytes()}),
    ),
    "numbers at an odd place": (
        "w.pth",
        plain({"w": tensor(3), "x" * 5: tensor(1, 0, (1,), key="1")}, {"1": b"\0" * 4, "0": THREE}),
    ),
    "parameter": (
        "w.pth",
        archive(
            {"w": Made(torch._utils._rebuild_parameter, tensor(3), True, OrderedDict())},
            {"0": THREE},
        ),
    ),
    "Python 2": (
        "w.pth",
        archive(
            Made(OrderedDict, [["w", tensor(3)]]),
            {"0": THREE},
        ),
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_sound_files_are_read_right(case, nursery, tmp_path):
    name, content = SOUND[case]
    (tmp_path / name).write_bytes(content)
    path = str(tmp_path / name)
    assert accepted(nursery.python(LOAD.format(path=path))) == "[1.0, 2.0, 3.0]\n"


def no_file(path, kind):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


LOADERS = {
    "weights": LOAD,
    "features": """
from cdmer.features import DeepFeatures
DeepFeatures("STSTNet", weights={path!r}).fit()
""",
    "generator": "from cdmer.nets import load_generator; load_generator({path!r})",
    "renderer": "from cdmer.synthesis import GANRenderer; GANRenderer({path!r})",
    "detector": "from cdmer.preprocessing import YuNetDetector; YuNetDetector({path!r})",
    "checkpoint": """
import numpy as np
from cdmer.nets import NetClassifier
X, y = np.zeros((8, 3), np.float32), [0, 1] * 4
settings = dict(n_epochs=1, batch_size=8, random_state=0, progress=False)
NetClassifier("MLP", checkpoint={path!r}, **settings).fit(X, y)
""",
}


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("loader", LOADERS)
def test_only_regular_files(loader, kind, nursery, tmp_path):
    if (loader, kind) == ("checkpoint", "folder"):
        return  # in which each fit has a file of its own
    path = tmp_path / "w.safetensors"
    no_file(path, kind)
    refused(nursery.python(LOADERS[loader].format(path=str(path))), path)


@pytest.mark.parametrize("loader", [name for name in LOADERS if name != "detector"])
def test_files_larger_than_any_memory(loader, nursery, tmp_path):
    """They take no place on the disk: zeros that nobody has written."""
    path, size = tmp_path / "w.safetensors", 400 * 2**30
    head = safetensors({"w": entry((size // 4,), end=size)})
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
    refused(nursery.python(LOADERS[loader].format(path=str(path))), path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"<!DOCTYPE html>", "got a web page"),
        (b"rubbish", "is no network YuNet"),
        (b"", "got an empty file"),
        (b"\x1f\x8b\x08", "got a file packed by gzip"),
        (None, "expected a file of at most"),
    ],
    ids=["pointer", "web page", "rubbish", "nothing", "packed", "large"],
)
def test_networks_of_detectors(content, said, nursery, tmp_path):
    path = tmp_path / "yunet.onnx"
    path.write_bytes(content or b"")
    if content is None:
        os.truncate(path, 2**40)
    code = f"""
import numpy as np
from cdmer.preprocessing import YuNetDetector
YuNetDetector({str(path)!r})(np.zeros((64, 64), np.uint8))
"""
    refused(nursery.python(code), path, said)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    path = tmp_path_factory.mktemp("generator") / "g.safetensors"
    X, y = np.full((8, 2, 16, 16), 0.5), ["negative", "positive"] * 4
    model = ICEGANClassifier(size=16, width=4, n_epochs=1, batch_size=4, random_state=0)
    model.fit(X, y).save_generator(path)
    return path


def rewritten(path, target, kind=None, change=None, tensors=None):
    """Write a file again with something changed, and digests that are right."""
    with open_tensors(path) as file:
        kept = {name: file.read(name).clone() for name in file.entries} | (tensors or {})
        content = file.sealed["content"] | (change or {})
        kind = kind or file.sealed["kind"]
    write_tensors(target, kind, {k: t for k, t in kept.items() if t is not None}, content)


GENERATORS = {
    "width 2000": ({"width": 2000}, "of the size that it says"),
    "width 4096": ({"width": 4096, "size": 4096}, "of the size that it says"),
    "width 100000": ({"width": 100_000}, "width: expected a whole number >= 1 and <= 4096"),
    "size 2**20": ({"size": 2**20}, "size: expected a whole number >= 1 and <= 4096"),
    "size 1e400": ({"size": float("inf")}, "size: expected a whole number"),
    "size of another kind": ({"size": [16]}, "size: expected a whole number"),
    "a billion classes": ({"n_classes": 10**9}, "n_classes: expected a whole number"),
    "three classes": ({"n_classes": 3}, "n_classes: expected 2"),
    "other graphs": ({"graph_reasoning": False}, "of the size that it says"),
    "no graphs": ({"graph_reasoning": None}, "graph_reasoning: expected True or False"),
    "many classes": ({"classes": list(range(10_000))}, "classes: expected a list of 1 to 4096"),
    "classes of another kind": ({"classes": [[], {}]}, "classes: expected a list"),
    "one class twice": ({"classes": ["a", "a"]}, "classes: expected a list"),
    "no classes": ({"classes": None}, "classes: expected a list"),
}


@pytest.mark.parametrize("case", GENERATORS)
def test_generators(case, generator, nursery, tmp_path):
    change, said = GENERATORS[case]
    path = tmp_path / "g.safetensors"
    rewritten(generator, path, change=change)
    code = LOADERS["generator"].format(path=str(path))
    refused(nursery.python(code), f"{path}: holds no generator", said)


def test_generators_of_the_command(generator, nursery, tmp_path):
    path = tmp_path / "g.safetensors"
    rewritten(generator, path, change={"width": 2000})
    outcome = nursery.cdmer("synthesize", "--generator", path, "-o", tmp_path / "out")
    refused(outcome, f"{path}: holds no generator")


@pytest.mark.parametrize("spoilt", [float("nan"), float("inf")])
def test_generators_that_are_no_numbers(spoilt, generator, nursery, tmp_path):
    path = tmp_path / "g.safetensors"
    rewritten(generator, path, tensors={"last.bias": torch.tensor([spoilt])})
    code = LOADERS["generator"].format(path=str(path))
    refused(nursery.python(code), path, "expected finite numbers in 'last.bias'")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "c.safetensors"
    X, y = np.zeros((8, 3), np.float32), [0, 1] * 4
    settings = {"n_epochs": 1, "batch_size": 8, "random_state": 0, "progress": False}
    NetClassifier("MLP", checkpoint=path, **settings).fit(X, y)
    return path


CHECKPOINTS = {
    "epoch -1": ({"change": {"epoch": -1}}, "epoch: expected 1 to 1"),
    "epoch 10**30": ({"change": {"epoch": 10**30}}, "epoch: expected 1 to 1"),
    "epoch of text": ({"change": {"epoch": "1"}}, "no whole checkpoint"),
    "no losses": ({"change": {"losses": None}}, "no whole checkpoint"),
    "validation": ({"change": {"validation_losses": [1, 2, 3]}}, "validation loss for each"),
    "no rows at once": ({"change": {"rows_at_once": 0}}, "rows at once above 0"),
    "scaler": ({"change": {"scaler": 3}}, None),
    "another kind": ({"kind": "weights"}, "holds no checkpoint"),
    "another fit": ({"change": {"fit": "x"}}, "belongs to a fit with other rows"),
    "no generator": ({"tensors": {"random.order": None}}, "random.order is missing"),
    "generator": ({"tensors": {"random.order": torch.zeros(5056).byte()}}, "no whole checkpoint"),
    "short generator": ({"tensors": {"random.order": torch.zeros(1).byte()}}, "expected shape"),
    "more": ({"tensors": {"network.more": torch.zeros(1)}}, "no whole checkpoint"),
    "other prefix": ({"tensors": {"more.more": torch.zeros(1)}}, "no whole checkpoint"),
    "best of nothing": ({"tensors": {"best.more": torch.zeros(1)}}, "no whole checkpoint"),
    "optimizer": ({"tensors": {"optimizer.9999.exp_avg": torch.zeros(1)}}, "no whole checkpoint"),
    "optimizer's shape": ({"tensors": {"optimizer.0.exp_avg": torch.zeros(9)}}, "expected shape"),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_checkpoints(case, checkpoint, nursery, tmp_path):
    change, said = CHECKPOINTS[case]
    path = tmp_path / "c.safetensors"
    rewritten(checkpoint, path, **change)
    outcome = nursery.python(LOADERS["checkpoint"].format(path=str(path)))
    if said is None:
        accepted(outcome)  # a scaler of gradients that this fit does not use
    else:
        refused(outcome, "checkpoint: ", path, said)


def test_nothing_else_is_replaced(nursery, tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("three years of work")
    code = f"from cdmer.nets import STSTNet, save_weights; save_weights(STSTNet(), {str(path)!r})"
    refused(nursery.python(code), path, "which cdmer has not written")
    assert path.read_text() == "three years of work"


def test_tensors_that_are_given(nursery):
    load = """
import torch, warnings
warnings.simplefilter("ignore")
from cdmer.nets import STSTNet, load_weights
load_weights(STSTNet(), {{"w": {made}}}, {{"w": "head.bias"}}, strict=False)
"""
    for made, said in [
        ("torch.full((3,), torch.nan)", "path_or_state: expected finite numbers in 'w'"),
        ("torch.ones(1).expand(10**12)", "does not fit STSTNet"),
        ("torch.empty(3, device='meta')", "'w' is on no device"),
        ("torch.ones(3).to_sparse()", "'w' is quantised or sparse"),
        ("torch.quantize_per_tensor(torch.ones(3), 1, 0, torch.qint8)", "'w' is quantised"),
    ]:
        refused(nursery.python(load.format(made=made)), said)
