"""What the CPU gives, on a GPU: `pytest --gpu`."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from cdmer._devices import exact, find_device
from cdmer.features import DeepFeatures, Frames
from cdmer.nets import NETWORKS, ICEGANClassifier, NetClassifier, STSTNet, fit_folds
from cdmer.nets._folds.module import StackedModule
from cdmer.nets._folds.ststnet import StackedSTSTNet
from cdmer.nets.adaptation import CDAN, DAN

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore:batch_size")]
FOLDS = [np.arange(4, 24), np.r_[:10, 14:24], np.arange(17), np.r_[20:2:-1]]
CUDA = torch.device("cuda")


def rows(shape, n=24, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape)), np.arange(n) % 3


def assert_same(model, other, rtol, atol):
    np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, rtol=rtol, atol=atol)
    expected = other.network_.state_dict()
    for name, tensor in model.network_.state_dict().items():
        torch.testing.assert_close(
            tensor.cpu(), expected[name].cpu(), rtol=rtol, atol=atol, msg=name
        )


@pytest.fixture
def stacks(monkeypatch):
    """Folds must not be fitted one by one; gives the kinds of stack that were made."""
    made = []
    for kind in (StackedSTSTNet, StackedModule):
        begin = kind.__init__

        def noted(self, *given, kind=kind, begin=begin):
            made.append(kind)
            begin(self, *given)

        monkeypatch.setattr(kind, "__init__", noted)
    monkeypatch.setattr(
        "cdmer.nets._folds.fit_folds._fit_alone", lambda *_: pytest.fail("fitted alone")
    )
    return made


@pytest.mark.parametrize(
    ("network", "params", "shape", "kind"),
    [
        ("STSTNet", {"size": 28, "dropout": 0.0}, (3, 28, 28), StackedSTSTNet),
        ("STSTNet", {"size": 40, "dropout": 0.0}, (3, 40, 40), StackedSTSTNet),
        ("MLP", {"dropout": 0.0}, (5,), StackedModule),
        ("OffApexNet", {"size": 8}, (2, 8, 8), StackedModule),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_folds_at_once_are_the_loop_on_the_cpu(network, params, shape, kind, precision, stacks):
    X, y = rows(shape)
    estimator = NetClassifier(
        network,
        network_params=params,
        n_epochs=3,
        batch_size=8,
        class_weight="balanced",
        precision=precision,
        random_state=3,
        device="cuda",
    )
    models = fit_folds(estimator, X, y, FOLDS)
    assert set(stacks) == {kind if precision == "float32" else StackedModule}
    tolerance = 1e-3 if precision == "float32" else 1e-8
    for model, fold in zip(models, FOLDS, strict=True):
        assert next(model.network_.parameters()).device.type == "cuda"
        expected = clone(estimator).set_params(device="cpu").fit(X[fold], y[fold])
        assert_same(model, expected, tolerance, tolerance)


@pytest.mark.parametrize("network", ["STSTNet", "MLP"])
def test_a_fold_is_alone_and_learns_with_dropout(network, stacks):
    X, y = rows((3, 28, 28) if network == "STSTNet" else (5,))
    X[y == 0] += 0.5
    estimator = NetClassifier(
        network, n_epochs=30, batch_size=8, learning_rate=1e-3, random_state=3, device="cuda"
    )
    models = fit_folds(estimator, X, y, FOLDS)
    assert_same(fit_folds(estimator, X, y, FOLDS[1:2])[0], models[1], 1e-4, 1e-5)
    assert all(model.loss_curve_[-1] < 0.9 * model.loss_curve_[0] for model in models)


@pytest.mark.parametrize("adaptation", [None, DAN(), CDAN()])
def test_a_fit_is_that_of_the_cpu(adaptation):
    X, y = rows((5,))
    domain = np.where(np.arange(24) < 16, 0, -1)
    estimator = NetClassifier(
        "MLP",
        network_params={"dropout": 0.0},
        n_epochs=5,
        batch_size=8,
        precision="float64",
        adaptation=adaptation,
        random_state=0,
        device="cuda",
    )
    model = clone(estimator).fit(X, y, sample_domain=domain)
    expected = clone(estimator).set_params(device="cpu").fit(X, y, sample_domain=domain)
    assert_same(model, expected, 1e-7, 1e-7)
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-7)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("network", ["STSTNet", "ATNet", "ELRCN", "R3D18"])
def test_mixed_precision_learns(network, precision):
    params = {
        "ATNet": {"size": 32, "widths": (4, 4, 8, 8), "n_steps": 4, "n_flow": 6, "lstm_size": 8},
        "ELRCN": {
            "trunk": "resnet10",
            "widths": (4,) * 4,
            "size": 32,
            "n_steps": 3,
            "lstm_size": 8,
        },
        "R3D18": {"n_frames": 4, "size": 32, "widths": (4, 4, 8, 8)},
    }.get(network, {})
    parts = NETWORKS[network](**params).expected_input
    X, y = rows((sum(part.size for part in parts),), n=12)
    model = NetClassifier(
        network,
        network_params=params,
        n_epochs=15,
        learning_rate=2e-3,
        precision=precision,
        random_state=0,
        device="cuda",
    )
    model.fit(X, y)
    assert np.isfinite(model.loss_curve_).all()
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_single_precision_is_not_rounded_to_ten_bits():
    before = torch.backends.cudnn.conv.fp32_precision
    torch.manual_seed(0)
    conv, x = nn.Conv2d(64, 64, 3).to(CUDA), torch.randn(8, 64, 32, 32, device=CUDA)
    expected = copy.deepcopy(conv).double()(x.double())

    def error():
        return float(((conv(x) - expected).abs().max() / expected.abs().max()).detach())

    with exact(CUDA), exact(CUDA):
        assert error() < 1e-5
    assert torch.backends.cudnn.conv.fp32_precision == before


def test_memory_that_is_short():
    """Batches are halved, with a warning, and give the same."""
    network, clips = STSTNet(), np.random.default_rng(0).integers(0, 256, (64, 9, 96, 96), np.uint8)

    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv3d(1, 256, 3)

        def embed(self, x):
            return self.conv(x).mean((2, 3, 4))

    network = Wide()
    expected = DeepFeatures(network, prepare=Frames(), device="cuda", batch_size=2).fit_transform(
        list(clips)
    )
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2 * 2**30 / total)
    try:
        with pytest.warns(UserWarning, match="ran out of memory: from now on at most"):
            found = DeepFeatures(
                network, prepare=Frames(), device="cuda", batch_size=64
            ).fit_transform(list(clips))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_ice_gan_trains_and_draws(precision):
    X, y = rows((2, 32, 32), n=12)
    X = (0.5 + 0.1 * X).clip(0, 1).astype(np.float32)
    model = ICEGANClassifier(
        size=32,
        width=8,
        n_epochs=2,
        batch_size=6,
        precision=precision,
        random_state=0,
        device="cuda",
    ).fit(X, y)
    assert set(model.predict(X)) <= {0, 1, 2}
    drawn = model.generate(X[:, :1], 1, random_state=0)
    assert np.isfinite(drawn).all()


def test_auto_finds_the_gpu():
    assert find_device("auto").type == "cuda"
    assert next(NetClassifier(n_epochs=1).fit(*rows((5,))).network_.parameters()).is_cuda
