"""Weights of others, under their names, in a network of ours."""

import re
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cdmer.nets import STSTNet, load_weights, save_weights


class Release(nn.Module):
    """STSTNet in plain torch, as releases have it: numbered layers, one after the other."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, kernel_size=3, padding=2), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(3, 5, kernel_size=3, padding=2), nn.BatchNorm2d(5)
        self.conv3, self.bn3 = nn.Conv2d(3, 8, kernel_size=3, padding=2), nn.BatchNorm2d(8)
        self.fc = nn.Linear(5 * 5 * 16, 3)

    def forward(self, x):
        pool = nn.functional.max_pool2d
        x1 = pool(self.bn1(torch.relu(self.conv1(x))), kernel_size=3, stride=3, padding=1)
        x2 = pool(self.bn2(torch.relu(self.conv2(x))), kernel_size=3, stride=3, padding=1)
        x3 = pool(self.bn3(torch.relu(self.conv3(x))), kernel_size=3, stride=3, padding=1)
        x = nn.functional.avg_pool2d(torch.cat((x1, x2, x3), 1), kernel_size=2, stride=2)
        return self.fc(x.view(x.size(0), -1))


NAMES = {
    "conv1": "streams.0.conv",
    "bn1": "streams.0.norm",
    "conv2": "streams.1.conv",
    "bn2": "streams.1.norm",
    "conv3": "streams.2.conv",
    "bn3": "streams.2.norm",
    "fc": "head",
}


def by_pattern(name):
    layer, what = name.split(".")
    if layer == "fc":
        return f"head.{what}"
    kind = {"conv": "conv", "bn": "norm"}[layer[:-1]]
    return f"streams.{int(layer[-1]) - 1}.{kind}.{what}"


@pytest.fixture
def release():
    """A network with trained-looking weights and statistics."""
    torch.manual_seed(0)
    network = Release()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if "running_var" in name:
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor.normal_()  # scales below 0 too: pool and normalisation do not commute
            else:
                tensor.fill_(7)
    return network.eval()


@pytest.fixture
def pictures():
    return 255 * torch.rand(6, 3, 28, 28, generator=torch.Generator().manual_seed(1))


def saved(state, kind, folder):
    """The state, or the path of a file of this kind that holds it."""
    if kind == "state":
        return state
    path = Path(folder) / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "torch")
    return path


@pytest.mark.parametrize("names", [NAMES, by_pattern], ids=["dict", "callable"])
@pytest.mark.parametrize("kind", ["state", "safetensors", "torch", "torch before 1.6"])
def test_a_release_scores_as_its_own_network(kind, names, release, pictures, tmp_path):
    network = STSTNet().eval()
    report = load_weights(network, saved(release.state_dict(), kind, tmp_path), names)
    assert torch.equal(network(pictures), release(pictures))
    assert report.loaded == tuple(network.state_dict())
    assert report.fits
    assert str(report).startswith("loaded: streams.0.conv.weight, streams.0.conv.bias, ")
    assert str(report).endswith(" and 18 more")
    assert network.streams[0].norm.num_batches_tracked == 7


def test_kind_of_file_is_told_by_what_it_holds(release, pictures, tmp_path):
    path = saved(release.state_dict(), "safetensors", tmp_path)
    network = STSTNet().eval()
    load_weights(network, str(path.rename(tmp_path / "weights.bin")), NAMES)
    assert torch.equal(network(pictures), release(pictures))


def test_given_tensors_are_copied(release):
    state = release.state_dict()
    before = {name: tensor.clone() for name, tensor in state.items()}
    network = STSTNet()
    load_weights(network, state, NAMES)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    assert all(torch.equal(state[name], before[name]) for name in before)


def test_longest_beginning_counts_and_none_leaves_out(release):
    network = STSTNet()
    head = network.head.bias.clone()
    state = {f"module.{name}": tensor for name, tensor in release.state_dict().items()}
    names = {f"module.{theirs}": ours for theirs, ours in NAMES.items()}
    names |= {"module": "", "module.fc.bias": None}
    report = load_weights(network, state, names, strict=False)
    assert report.left_out == ("module.fc.bias",)
    assert report.missing == ("head.bias",)
    assert torch.equal(network.head.bias, head)
    assert torch.equal(network.head.weight, release.fc.weight)


def test_beginnings_end_at_dots():
    network = nn.ModuleDict({"a": nn.Linear(1, 1), "ab": nn.Linear(1, 1), "c": nn.Linear(1, 1)})
    state = {"ab.weight": torch.tensor([[5.0]]), "x.weight": torch.tensor([[6.0]])}
    report = load_weights(network, state, {"x": "c"}, strict=False)
    assert report.loaded == ("ab.weight", "c.weight")
    with pytest.raises(ValueError, match=r"names: no tensor's name is or begins with 'a'; "):
        load_weights(network, state, {"a": "c"}, strict=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("fc.bias"), "missing: head.bias"),
        (lambda s: s.update({"fc2.bias": torch.zeros(3)}), "unexpected: fc2.bias"),
        (
            lambda s: s.update({"fc.bias": torch.zeros(5)}),
            "differing: head.bias (expected float32 of shape (3,), got float32 of shape (5,))",
        ),
        (
            lambda s: s.update({"fc.bias": torch.zeros(3, dtype=torch.int8)}),
            "differing: head.bias (expected float32 of shape (3,), got int8 of shape (3,))",
        ),
    ],
    ids=["missing", "unexpected", "shape", "integers"],
)
def test_what_does_not_fit_is_told_and_nothing_is_filled(change, said, release, tmp_path):
    state = dict(release.state_dict())
    change(state)
    path = saved(state, "torch", tmp_path)
    network = STSTNet()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    message = f"{path}: does not fit STSTNet, which is left as it was; loaded: "
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        load_weights(network, path, NAMES)
    assert said in str(caught.value)
    assert str(caught.value).endswith("strict=False fills what fits")
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())
    report = load_weights(network, path, NAMES, strict=False)
    assert said in str(report)
    assert not report.fits
    assert torch.equal(network.streams[1].conv.weight, release.conv2.weight)


def test_a_new_head_for_other_classes(release):
    network = STSTNet(n_classes=5)
    report = load_weights(network, release.state_dict(), NAMES, strict=False)
    assert set(report.differing) == {"head.weight", "head.bias"}
    assert report.missing == ()
    report = load_weights(network, release.state_dict(), NAMES | {"fc": None}, strict=False)
    assert report.left_out == ("fc.weight", "fc.bias")
    assert report.missing == ("head.weight", "head.bias")


def test_unmapped_names_say_where_they_went(release):
    names = NAMES | {"fc": "classifier"}
    report = load_weights(STSTNet(), release.state_dict(), names, strict=False)
    assert report.unexpected == {"fc.weight": "classifier.weight", "fc.bias": "classifier.bias"}
    assert "unexpected: fc.weight (as classifier.weight), fc.bias" in str(report)


def test_files_without_counters_of_batches_fit(release, pictures):
    state = {k: v for k, v in release.state_dict().items() if "num_batches" not in k}
    network = STSTNet().eval()
    report = load_weights(network, state, NAMES)
    assert len(report.loaded) == 20
    assert report.missing == ()
    assert torch.equal(network(pictures), release(pictures))


def test_precision_is_the_networks(release):
    half = {k: v.half() if v.is_floating_point() else v for k, v in release.state_dict().items()}
    network = STSTNet()
    load_weights(network, half, NAMES)
    assert network.head.weight.dtype == torch.float32
    assert torch.equal(network.head.weight, release.fc.weight.half().float())


def test_nothing_that_fits_is_an_error_even_if_not_strict(release):
    state = {f"module.{name}": tensor for name, tensor in release.state_dict().items()}
    with pytest.raises(ValueError, match=r"path_or_state: does not fit STSTNet, .*missing: stre"):
        load_weights(STSTNet(), state, strict=False)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            {"conv9": "head"},
            "names: no tensor's name is or begins with 'conv9'; path_or_state "
            "holds conv1.weight, conv1.bias, bn1.weight, bn1.bias, bn1.running_mean and 18 more",
        ),
        (
            NAMES | {"conv2": "streams.0.conv"},
            "names: sends both 'conv1.weight' and 'conv2.weight' to 'streams.0.conv.weight'",
        ),
        ({"fc": 3}, "names: expected a name or None for 'fc.weight', got 3"),
        (lambda name: 3, "names: expected a name or None for 'conv1.weight', got 3"),
        ("head", "names: expected a dict, a callable, \"released\" or None, got 'head'"),
    ],
    ids=["unused", "twice", "no name", "no name called", "no map"],
)
def test_bad_names(names, message, release):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_weights(STSTNet(), release.state_dict(), names)


def test_missing_file(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path):
        message = f"{path}: there is no such file; expected weights of STSTNet as safetensors"
        with pytest.raises(FileNotFoundError, match=re.escape(message)):
            load_weights(STSTNet(), path)


def test_missing_safetensors_names_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    message = r'safetensors\.torch is missing: pip install "cdmer\[deep\]"'
    with pytest.raises(ImportError, match=message):
        save_weights(STSTNet(), tmp_path / "weights.safetensors")


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["torch", "torch before 1.6"])
def test_nothing_in_a_file_runs(kind, tmp_path):
    sprung = tmp_path / "sprung"
    path = saved({"fc.bias": Trap(sprung)}, kind, tmp_path)
    message = f"{path}: expected safetensors or a torch file of tensors alone, it holds "
    with pytest.raises(ValueError, match=re.escape(message)):
        load_weights(STSTNet(), path)
    assert not sprung.exists()


def test_a_pickled_network_is_refused(release, tmp_path):
    path = tmp_path / "model.pt"
    torch.save(release, path)
    with pytest.raises(
        ValueError, match=r"it holds .*Release, which could run code\. Where you tr"
    ):
        load_weights(STSTNet(), path)


@pytest.mark.parametrize("kind", ["safetensors", "torch", "torch before 1.6"])
def test_damaged_files_are_refused(kind, release, tmp_path):
    path = saved(release.state_dict(), kind, tmp_path)
    whole = path.read_bytes()
    damaged = [b"", b"\x00" * 64, b"weights", whole[:5], whole[:40], whole[: len(whole) // 2]]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: (expected|is no whole)"):
            load_weights(STSTNet(), path, NAMES)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (torch.zeros(3), "expected a dict of tensors by name, got Tensor"),
        ([torch.zeros(3)], "expected a dict of tensors by name, got list"),
        ({}, "expected a dict of tensors by name, got none"),
        ({"epoch": 3}, "expected tensors by name, got int under 'epoch'"),
        ({3: torch.zeros(3)}, "expected tensors by name, got Tensor under 3"),
        (
            {"state_dict": OrderedDict(a=torch.zeros(3))},
            "expected tensors by name, got OrderedDict under 'state_dict'; hand over that part "
            "alone",
        ),
    ],
    ids=["tensor", "list", "empty", "number", "numbered", "nested"],
)
def test_other_content_is_named(held, message, tmp_path):
    path = saved(held, "torch", tmp_path)
    with pytest.raises(ValueError, match=re.escape(f"{path}: {message}")):
        load_weights(STSTNet(), path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((STSTNet, {}), "network: expected a torch.nn.Module, got <class"),
        ((STSTNet(), 3), "path_or_state: expected a path or a dict of tensors, got 3"),
        ((STSTNet(), {"a": np.zeros(3)}), "path_or_state: expected tensors by name, got ndarray"),
        ((STSTNet(), {}, None, "yes"), "strict: expected True or False, got 'yes'"),
    ],
    ids=["network", "path", "arrays", "strict"],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_weights(*arguments)


def test_any_module_can_be_filled():
    network, other = nn.Linear(2, 3), nn.Linear(2, 3)
    report = load_weights(network, other.state_dict())
    assert report.loaded == ("weight", "bias")
    assert torch.equal(network.weight, other.weight)


def test_saved_weights_are_loaded_to_the_bit(release, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(release, path)
    found = type(release)()
    assert load_weights(found, path).fits
    assert all(torch.equal(t, found.state_dict()[k]) for k, t in release.state_dict().items())
    assert load_weights(STSTNet(), path, NAMES).fits
    save_weights(STSTNet(), path)  # which replaces what it wrote
    assert load_weights(STSTNet(), path).fits


def test_weights_that_are_shared_or_infinite_are_kept(tmp_path):
    network = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    network[1].weight = network[0].weight
    network.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    network.register_buffer("short", torch.ones(3, dtype=torch.bfloat16))
    network.register_buffer("which", torch.tensor([True, False]))
    save_weights(network, tmp_path / "w.safetensors")
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        network[0].weight.zero_()
    network.which.fill_(True)
    assert load_weights(network, tmp_path / "w.safetensors").fits
    assert all(torch.equal(t, state[k]) for k, t in network.state_dict().items())


def test_bad_saves(tmp_path):
    with pytest.raises(TypeError, match=r"network: expected a torch.nn.Module, got 3"):
        save_weights(3, tmp_path / "w")
    network = nn.Linear(2, 2).to(torch.float8_e4m3fn)
    with pytest.raises(TypeError, match="weight: expected numbers that files can hold, got torch"):
        save_weights(network, tmp_path / "w")
    (tmp_path / "w").write_text("a thesis")
    with pytest.raises(FileExistsError, match="which cdmer has not written"):
        save_weights(nn.Linear(2, 2), tmp_path / "w")
