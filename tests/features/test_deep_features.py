"""Features of networks: what torch computes, whatever way clips take to get there."""

import ast
import hashlib
import inspect
import os
import pickle
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

import cdmer.features
import cdmer.preprocessing
from cdmer.corpora import Clip, Corpus, FrameFolder, make_synthetic_corpus
from cdmer.evaluation._runner.identity import identify
from cdmer.extraction import extract
from cdmer.extraction._cache import FeatureCache
from cdmer.features import DeepFeatures, FlowImages, Frames
from cdmer.features._deep.made_by import default_preparation, known_names
from cdmer.features._deep.workers import look_ahead, prepare_ahead
from cdmer.nets import C3D, NETWORKS, R3D18, MicroExpFuseNet, STSTNet
from cdmer.preprocessing import Resize, TemporalInterpolation

VIDEO = {"n_frames": 8, "size": 24, "widths": (4, 4, 8, 8)}


@pytest.fixture(scope="module")
def corpus():
    return make_synthetic_corpus("webcam-25fps", n_clips=5, size=48, random_state=0)


class Release(nn.Module):
    """STSTNet up to its features in plain torch, under other names."""

    def __init__(self):
        super().__init__()
        for i, n_filters in enumerate((3, 5, 8), 1):
            self.add_module(f"conv{i}", nn.Conv2d(3, n_filters, 3, padding=2))
            self.add_module(f"bn{i}", nn.BatchNorm2d(n_filters))
        self.fc = nn.Linear(400, 7)

    def forward(self, x):
        maps = []
        for i in (1, 2, 3):
            y = getattr(self, f"bn{i}")(torch.relu(getattr(self, f"conv{i}")(x)))
            maps.append(nn.functional.max_pool2d(y, 3, 3, 1))
        return nn.functional.avg_pool2d(torch.cat(maps, 1), 2).flatten(1)


NAMES = {
    f"{ours}{i}": f"streams.{i - 1}.{theirs}"
    for i in (1, 2, 3)
    for ours, theirs in (("conv", "conv"), ("bn", "norm"))
}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    torch.manual_seed(3)
    network = Release().eval()
    for i in (1, 2, 3):
        getattr(network, f"bn{i}").running_mean.uniform_(-1, 1)
        getattr(network, f"bn{i}").running_var.uniform_(0.5, 2)
    path = tmp_path_factory.mktemp("weights") / "ststnet.safetensors"
    save_file(network.state_dict(), path)
    return network, str(path)


@pytest.mark.parametrize("final", ["head", None])
def test_flow_network_equals_plain_torch(corpus, release, final):
    # The file's final layer is for seven classes; the features before it do not ask for it.
    network, path = release
    model = DeepFeatures("STSTNet", weights=path, names=NAMES | {"fc": final}, batch_size=2)
    features = model.fit_transform(corpus)
    with torch.no_grad():
        expected = network(torch.from_numpy(FlowImages().transform(corpus))).numpy()
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-5)
    assert len(model.weights_report_.loaded) == 21
    assert model.get_feature_names_out().tolist() == [f"deepfeatures{i}" for i in range(400)]


def plain_r3d18(weights, x):
    """R3D-18 by its functions alone, from its state dict."""

    def layer(x, name, norm, stride, padding):
        x = nn.functional.conv3d(x, weights[f"{name}.weight"], None, stride, padding)
        parts = ("running_mean", "running_var", "weight", "bias")
        return nn.functional.batch_norm(x, *(weights[f"{norm}.{part}"] for part in parts))

    x = torch.relu(layer(x, "stem.0", "stem.1", (1, 2, 2), (1, 3, 3)))
    for stage in range(1, 5):
        for block in range(2):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = torch.relu(layer(x, f"{at}.conv1.0", f"{at}.conv1.1", stride, 1))
            y = layer(y, f"{at}.conv2.0", f"{at}.conv2.1", 1, 1)
            if f"{at}.downsample.0.weight" in weights:
                x = layer(x, f"{at}.downsample.0", f"{at}.downsample.1", stride, 0)
            x = torch.relu(x + y)
    return x.mean((2, 3, 4))


def grey_levels(clips, n_frames, size):
    steps = make_pipeline(Resize(size, size), TemporalInterpolation(n_frames))
    return torch.from_numpy(np.stack([clip.frames for clip in steps.transform(clips)])).float()


def standard(x):
    each = x.flatten(1).double()
    x = (x.double() - each.mean(1)[:, None, None, None]) / each.std(1, correction=0)[
        :, None, None, None
    ]
    return x.float()


def test_video_network_equals_plain_torch(corpus, tmp_path):
    network = R3D18(**VIDEO)
    torch.save(network.state_dict(), tmp_path / "r3d18.pt")
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    model = DeepFeatures(
        "R3D18", weights=tmp_path / "r3d18.pt", network_params=VIDEO, mean=mean, std=std
    )
    levels = make_pipeline(
        Resize(24, 24), TemporalInterpolation(8), Frames(colour=True, scaling="relative")
    )
    model.set_params(prepare=levels)
    grey = grey_levels(corpus, 8, 24) / 255
    x = torch.stack([(grey - m) / s for m, s in zip(mean, std, strict=True)], dim=1)
    expected = plain_r3d18(network.state_dict(), x)
    np.testing.assert_allclose(model.fit_transform(corpus), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pool", ["mean", "max", None])
def test_named_layer(corpus, pool):
    network = C3D(channels=1, size=16, width=2, n_hidden=8).eval()
    with torch.no_grad():
        x = standard(grey_levels(corpus, 16, 16))[:, None]
        maps = network.pool2(torch.relu(network.conv2(network.pool1(torch.relu(network.conv1(x))))))
    expected = {"mean": maps.mean((2, 3, 4)), "max": maps.amax((2, 3, 4)), None: maps.flatten(1)}
    model = DeepFeatures(network, "pool2", pool=pool, batch_size=3)
    np.testing.assert_allclose(model.fit_transform(corpus), expected[pool], rtol=1e-5, atol=1e-6)
    assert len(model.get_feature_names_out()) == expected[pool].shape[1]


@pytest.mark.filterwarnings("default:weights")
def test_the_way_there_changes_nothing(corpus):
    def model(**changed):
        return DeepFeatures("R3D18", network_params=VIDEO, random_state=0, **changed)

    with pytest.warns(UserWarning, match="random"):
        expected = model(batch_size=2).fit_transform(corpus)
    again = model(batch_size=2, n_jobs=3).fit(corpus)
    np.testing.assert_array_equal(again.transform(corpus), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).transform(corpus), expected)
    assert not hasattr(clone(again), "prepare_")
    for batch_size in (1, 16):
        features = model(batch_size=batch_size).fit_transform(corpus)
        np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
    arrays = [clip.frames for clip in corpus]
    np.testing.assert_array_equal(model(batch_size=2).fit_transform(arrays), expected)
    double = model(precision="float64").fit_transform(corpus)
    assert double.dtype == np.float64
    np.testing.assert_allclose(double, expected, rtol=1e-3, atol=1e-5)
    half = model(precision="bf16").fit_transform(corpus)
    assert 0 < np.abs(half - expected).max() < 0.05 * np.abs(expected).max()


class Numbers(Frames):
    """Frames that are numbers from the start."""


@pytest.mark.parametrize("scaling", ["standard", "relative", "pixels"])
def test_bytes_scaled_behind_the_transfer_equal_numbers_made_before(corpus, scaling):
    clips = [*corpus[:2], np.full((9, 30, 30), 7, np.uint8)]
    network = R3D18(**VIDEO).eval()
    steps = Resize(24, 24), TemporalInterpolation(8)
    of_bytes, of_numbers = (
        DeepFeatures(
            network, prepare=make_pipeline(*steps, kind(colour=True, scaling=scaling))
        ).transform(clips)
        for kind in (Frames, Numbers)
    )
    np.testing.assert_allclose(of_bytes, of_numbers, rtol=1e-4, atol=1e-5)
    assert np.ptp(of_bytes[:2], axis=0).any()


def test_random_weights_leave_the_generators_alone(corpus):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with pytest.warns(UserWarning, match="random"):
        DeepFeatures("STSTNet", random_state=11).fit_transform(corpus)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_given_module_is_left_alone(corpus):
    network = STSTNet()
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first = DeepFeatures(network, "streams.0.conv").fit_transform(corpus)
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert all(torch.equal(tensor, before[k]) for k, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    with torch.no_grad():
        network.streams[0].conv.weight.zero_()
    assert not np.allclose(DeepFeatures(network, "streams.0.conv").fit_transform(corpus), first)


def test_changed_file_of_weights_is_read_again(corpus, tmp_path):
    path = tmp_path / "w.safetensors"
    rows = []
    for _ in range(2):
        network = STSTNet(size=8).eval()
        save_file(network.state_dict(), path)
        model = DeepFeatures("STSTNet", weights=path, network_params={"size": 8})
        rows.append(model.fit_transform(corpus))
        with torch.no_grad():
            x = torch.from_numpy(FlowImages(size=8).transform(corpus))
            np.testing.assert_allclose(rows[-1], network.embed(x), rtol=1e-5, atol=1e-4)
    assert not np.allclose(*rows)


@pytest.fixture
def folders(tmp_path):
    """A corpus of JPEG files, the third of whose clips is cut off."""
    clips = []
    for clip in make_synthetic_corpus("webcam-25fps", n_clips=5, size=40, random_state=0):
        folder = tmp_path / clip.name
        folder.mkdir()
        names = tuple(f"{i:03d}.jpg" for i in range(10))
        for name, frame in zip(names, clip.frames, strict=False):
            cv2.imwrite(str(folder / name), frame)
        clips.append(Clip(FrameFolder(str(folder), names), clip.name, clip.subject, "c", "x"))
    damaged = tmp_path / clips[2].name / "004.jpg"
    damaged.write_bytes(damaged.read_bytes()[:100])
    return Corpus(clips, "c")


@pytest.mark.filterwarnings("ignore:weights")
def test_extraction_goes_on_after_a_damaged_clip(folders, tmp_path):
    model = DeepFeatures("R3D18", network_params=VIDEO, random_state=0)
    with pytest.warns(UserWarning, match="1 of 5 clips"):
        table = extract(folders, model, cache_dir=tmp_path / "k", on_error="record")
    assert table.failures["key"].tolist() == [folders[2].key]
    good = [folders[i] for i in (0, 1, 3, 4)]
    np.testing.assert_allclose(table.features, model.transform(good), rtol=1e-5, atol=1e-6)
    # All at once, the error names clip and file, and no thread is left.
    with pytest.raises(RuntimeError, match=f"{folders[2].key}.*004.jpg"):
        model.set_params(n_jobs=2).transform(folders)


@pytest.mark.filterwarnings("ignore:weights")
def test_in_a_pipeline(corpus):
    pipe = make_pipeline(
        Resize(46, 46), DeepFeatures("STSTNet", random_state=0), LogisticRegression()
    )
    y = [0, 1, 0, 1, 0]
    assert pipe.fit(corpus, y).predict(corpus).shape == (5,)
    frame = clone(pipe[:-1]).set_output(transform="pandas").fit_transform(corpus)
    assert list(frame.columns[:2]) == ["deepfeatures0", "deepfeatures1"]
    parameter = {"deepfeatures__prepare": FlowImages(flow_method="farneback")}
    assert not np.allclose(clone(pipe[:-1]).set_params(**parameter).fit_transform(corpus), frame)


SMALL = {
    "C3D": {"width": 2, "n_hidden": 8},
    "ELRCN": {"trunk": "resnet10", "size": 40, "lstm_size": 4},
    "MicroExpFuseNet": {"n_frames": 18, "n_filters": 2, "n_hidden": (8, 4)},
    "MicroExpSTCNN": {"n_frames": 18},
    "R3D18": VIDEO,
}


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"MLP"}))
def test_every_network_names_its_preparation(name):
    network = NETWORKS[name](**SMALL.get(name, {}))
    assert hasattr(default_preparation(network), "transform")


def test_a_network_may_name_any_transformer():
    public = {name: getattr(cdmer.features, name) for name in cdmer.features.__all__}
    public |= {name: getattr(cdmer.preprocessing, name) for name in cdmer.preprocessing.__all__}
    transformers = {
        name: thing
        for name, thing in public.items()
        if hasattr(thing, "transform") and not inspect.isabstract(thing)
    }
    known = known_names()
    assert len(transformers) > 20
    assert set(transformers) - set(known) == {"DeepFeatures"}
    assert all(known[name] is public[name] for name in set(transformers) - {"DeepFeatures"})


def test_several_parts(corpus):
    network = MicroExpFuseNet(n_frames=18, size=12, n_filters=2, n_hidden=(8, 4)).eval()
    rows = DeepFeatures(network).fit_transform(corpus)
    made = DeepFeatures(network).fit().prepare_.transform(corpus).astype(np.float32)
    np.testing.assert_allclose(rows, network.embed(torch.from_numpy(made)).detach(), rtol=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"network": "VGG"}, "network: expected one of .*got 'VGG'"),
        ({"network_params": {"colour": 1}}, "network: 'STSTNet' .* cannot be made"),
        ({"layer": "fc"}, "layer: .*'streams.0.conv'.* got 'fc'"),
        ({"random_state": None}, "random_state: expected a whole number where weights are random"),
        ({"weights": 3}, "weights: expected a path"),
        ({"weights": "default"}, 'weights: "default" downloads'),
        ({"weights": "nowhere.safetensors"}, "nowhere.safetensors: there is no such file"),
        ({"device": "nowhere"}, "device: expected"),
        ({"batch_size": 0}, "batch_size: expected a whole number >= 1"),
        ({"precision": "int8"}, "precision: expected one of"),
        ({"pool": "sum"}, "pool: expected one of"),
        ({"std": 0}, "std: expected a finite number > 0"),
        ({"prepare": FlowImages}, "prepare: expected a transformer"),
        ({"network": "MLP", "network_params": {"n_inputs": 3}}, "prepare: .* of 3 columns"),
        ({"network": nn.Linear(3, 3)}, "layer: Linear has no embed"),
        ({"network": nn.Linear(3, 3), "layer": ""}, "prepare: .*does not say what it wants"),
        ({"network": "torchvision:r3d_18"}, "torchvision is missing: pip install torchvision"),
        ({"network": "timm:resnet18"}, "timm is missing: pip install timm"),
    ],
)
@pytest.mark.filterwarnings("ignore:weights")
def test_bad_parameters(changed, message, monkeypatch):
    for library in ("torchvision", "timm"):
        monkeypatch.setitem(sys.modules, library, None)
    model = DeepFeatures("STSTNet", random_state=0).set_params(**changed)
    with pytest.raises((ValueError, ImportError, OSError), match=message):
        model.fit()


def test_weights_that_do_not_fit(release, corpus, tmp_path):
    network, path = release
    wrapped = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    save_file(wrapped, tmp_path / "wrapped.safetensors")
    with pytest.raises(ValueError, match="does not fit STSTNet.*nothing|does not fit STSTNet"):
        DeepFeatures("STSTNet", weights=tmp_path / "wrapped.safetensors").fit()
    with pytest.raises(ValueError, match="names: no tensor's name is or begins with 'conv1'"):
        DeepFeatures("STSTNet", weights=tmp_path / "wrapped.safetensors", names="released").fit()
    partial = NAMES | {"conv3": None}
    with pytest.raises(ValueError, match="missing: streams.2.conv.weight"):
        DeepFeatures("STSTNet", weights=path, names=partial).fit()
    model = DeepFeatures("STSTNet", weights=path, names=partial, strict=False, random_state=0)
    with pytest.warns(UserWarning, match=r"stays random.*streams\.2\.conv\.weight"):
        model.fit()
    assert "streams.2.conv.weight" in model.weights_report_.missing


def test_bad_clips_are_named(corpus):
    arrays = [clip.frames for clip in corpus[:2]]
    network = R3D18(channels=1, n_frames=8, size=24, widths=(4, 4, 4, 4))
    with pytest.raises(ValueError, match="^clip 1: got 1 frame|^clip 1: .*at least 2"):
        DeepFeatures(network).transform([arrays[0], arrays[1][:1]])
    unlike = make_pipeline(Resize(24, 24), Frames())
    with pytest.raises(ValueError, match="clip 0: prepare gave another input; .*R3D18 expects"):
        DeepFeatures(network, prepare=unlike).transform(arrays)
    free = nn.Sequential(nn.Conv3d(1, 2, 3))
    with pytest.raises(ValueError, match="clip 1: prepare gave shape .* for the clips before"):
        DeepFeatures(free, "0", prepare=unlike).transform([arrays[0], arrays[1][:7]])
    with pytest.raises(ValueError, match="mean: expected one number, or one for each of 1 chan"):
        DeepFeatures(network, mean=(0.1, 0.2, 0.3)).transform(arrays)
    with torch.no_grad():
        network.stem[0].weight.fill_(1e30)
        network.layer1[0].conv1[0].weight.fill_(1e30)
    with pytest.raises(ValueError, match="clip 0: its features are not finite"):
        DeepFeatures(network).transform(arrays)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.rows = nn.Conv2d(3, 1, 3), nn.LSTM(28, 2, batch_first=True)

    def forward(self, x):
        return self.rows(self.conv(x)[:, 0] + self.conv(x)[:, 0])


def test_layers_without_one_tensor_per_clip(corpus):
    for layer, message in [("conv", "'conv' was 2 times"), ("rows", "gives tuple")]:
        model = DeepFeatures(Twice(), layer, prepare=FlowImages(size=30))
        with pytest.raises(ValueError, match=message):
            model.transform(corpus)


def test_out_of_memory_halves_the_batch(corpus, monkeypatch):
    network = STSTNet()
    expected = DeepFeatures(network).fit_transform(corpus)
    embed = STSTNet.embed

    def small(self, x):
        if len(x) > 2:
            raise torch.cuda.OutOfMemoryError
        return embed(self, x)

    monkeypatch.setattr(STSTNet, "embed", small)
    with pytest.warns(UserWarning, match="out of memory.*the result is the same"):
        features = DeepFeatures(network).transform(corpus)
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not hasattr(torch, "AcceleratorError"), reason="torch before 2.8")
def test_errors_of_a_device_are_not_taken_for_those_of_input(corpus):
    class Broken(nn.Module):
        def forward(self, x):
            raise torch.AcceleratorError("an illegal memory access was encountered")

    with pytest.raises(torch.AcceleratorError, match="illegal memory access"):
        DeepFeatures(Broken(), "", prepare=FlowImages(size=28)).transform(corpus)


def make_class(n):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, n, 3)

        def embed(self, x):
            return self.conv(x).mean((2, 3))

    return Net


def test_classes_of_one_name_are_not_mistaken_for_each_other(corpus, monkeypatch):
    for n in (2, 5):
        model = DeepFeatures(make_class(n), prepare=FlowImages(size=28), random_state=0)
        assert model.transform(corpus[:2]).shape == (2, n)
    for n in (2, 5):  # a cell of a notebook that is run again
        kind = make_class(n)
        kind.__qualname__, kind.__module__ = "Net", "__main__"
        model = DeepFeatures(kind, prepare=FlowImages(size=28), random_state=0)
        assert model.transform(corpus[:2]).shape == (2, n)


def test_parameters_that_are_set_after_a_fit_count(corpus):
    network = STSTNet()
    model = DeepFeatures(network).fit()
    first = model.transform(corpus[:2])
    other = FlowImages(scaling="pixels")
    second = model.set_params(prepare=other).transform(corpus[:2])
    np.testing.assert_array_equal(
        second, DeepFeatures(network, prepare=other).transform(corpus[:2])
    )
    assert (first != second).any()
    with pytest.raises(ValueError, match="batch_size: expected"):
        model.set_params(batch_size=0).transform(corpus[:2])


def test_models_by_name(corpus, monkeypatch):
    """Calls by torchvision's documented signature; the library itself does not take part."""
    asked = []

    def get_model(name, weights=None, **config):
        asked.append((name, weights, config))
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())

    models = ModuleType("torchvision.models")
    models.get_model = get_model
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    model = DeepFeatures(
        "torchvision:some_net",
        "1",
        "default",
        prepare=FlowImages(),
        network_params={"progress": False},
    )
    assert model.fit_transform(corpus).shape == (5, 4)
    assert asked == [("some_net", "DEFAULT", {"progress": False})]


def test_no_more_than_asked_for_is_prepared_ahead():
    started = []
    with ThreadPoolExecutor(2) as pool:
        results = look_ahead(pool, lambda i: started.append(i) or i, range(50), n_ahead=3)
        assert next(results) == 0
        assert len(started) <= 4
        assert [*results] == list(range(1, 50))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_rows_come_in_order_from_any_workers(backend):
    """Whatever their size; one that is unlike the first does not fit into its place."""

    def prepare(i):
        if i == 60:
            raise ValueError("60: no such thing")
        return os.getpid(), np.full((i % 7 == 6) + 3, i, np.uint8)

    def row(i):
        return prepare(i)[1]

    def process(i):
        return np.array([os.getpid()])

    with parallel_config(backend=backend):
        rows = (found.copy() for found in prepare_ahead(row, range(60), 2, 5))
        for i, found in enumerate(rows):
            np.testing.assert_array_equal(found, row(i))
        assert i == 59
        with pytest.raises(ValueError, match="60: no such thing"):
            [*prepare_ahead(row, range(50, 70), 2, 5)]
        where = {found.item() for found in prepare_ahead(process, range(60), 2, 5)} - {os.getpid()}
    assert bool(where) == (backend == "loky")


def test_a_killed_worker_ends_the_call_and_not_the_next():
    # Workers import nothing of this module, such as torch, for functions within functions.
    def die(i):
        return os.kill(os.getpid(), signal.SIGKILL) if i == 3 else np.zeros(2)

    def process(i):
        return np.array([os.getpid()])

    with pytest.raises(TerminatedWorkerError):
        [*prepare_ahead(die, range(20), 2, 5)]
    assert len([*prepare_ahead(process, range(20), 2, 5)]) == 20
    assert not [*Path("/dev/shm").glob(f"cdmer-{os.getpid()}-*")]
    # joblib's own processes are another matter.
    assert Parallel(2)(delayed(abs)(i) for i in (-1, -2)) == [1, 2]


def test_descriptors_load_without_torch():
    for path in Path(cdmer.features.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
                later = ("torch", "cdmer.nets", "cdmer.preprocessing")
                assert not [n for n in names if n and n.startswith(later)], path


def test_torch_absent_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r'torch is missing: pip install "cdmer\[deep\]"'):
        DeepFeatures("STSTNet", random_state=0).fit()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_gpu_gives_the_same(corpus, precision):
    network = R3D18(**VIDEO)
    expected = DeepFeatures(network, device="cpu").fit_transform(corpus)
    features = DeepFeatures(network, device="cuda", precision=precision, batch_size=2, n_jobs=2)
    tolerance = 1e-3 if precision == "float32" else 0.05
    np.testing.assert_allclose(
        features.fit_transform(corpus), expected, atol=tolerance * np.abs(expected).max()
    )


def test_a_file_that_changes_is_another_descriptor(tmp_path, corpus):
    """Cache, table and store name weights by what the file holds."""
    path = tmp_path / "weights.safetensors"
    network = STSTNet()
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.1)
        save_file(network.state_dict(), path)
        model = DeepFeatures("STSTNet", weights=str(path))
        table = extract(corpus, model, cache_dir=tmp_path / "cache")
        np.testing.assert_allclose(table.features, model.fit_transform(corpus), atol=1e-4)
        name = FeatureCache(tmp_path / "cache", [make_pipeline(model)]).steps
        found.append((name, table.transformer, str(identify(model))))
    for first, same, other in zip(*found, strict=True):
        assert first == same != other
    assert hashlib.sha256(path.read_bytes()).hexdigest() in found[2][1]
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 2 * len(corpus)
    path.unlink()
    assert model.file_digests() == DeepFeatures("STSTNet", weights="default").file_digests() == {}
