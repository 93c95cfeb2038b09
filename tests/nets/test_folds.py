"""All folds at once give what each fold gives by itself."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import KFold
from torch import nn

from cdmer.nets import HorizontalFlip, NetClassifier, STSTNet, fit_folds, stacks_well
from cdmer.nets._folds.layers import draw_mask
from cdmer.nets._folds.ststnet import StackedSTSTNet
from cdmer.nets.adaptation import DeepCORAL

pytestmark = pytest.mark.filterwarnings("ignore:batch_size")
LABELS = np.array(["happy", "sad", "angry"])
# The third leaves a batch of one row, which is joined; the last has its rows in another order.
FOLDS = [np.arange(4, 24), np.r_[:10, 14:24], np.arange(17), np.r_[20:2:-1]]
QUICK = {"n_epochs": 20, "batch_size": 8, "precision": "float64", "random_state": 3}


class Own(nn.Module):
    """A module that knows nothing of the library, with a layer that is used twice."""

    def __init__(self, n_classes, n_inputs):
        super().__init__()
        self.noise = nn.Dropout(0.2)
        self.layers = nn.Sequential(nn.Linear(n_inputs, 7), nn.BatchNorm1d(7), nn.ELU())
        self.scores = nn.Linear(7, n_classes)

    def forward(self, x):
        return self.scores(self.noise(self.layers(self.noise(x))))


class MixesRows(Own):
    """What it says of a row depends on the other rows."""

    def forward(self, x):
        return super().forward(x - x.mean(0))


def rows(shape, n=24, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, *shape)), LABELS[np.arange(n) % 3]


def one_by_one(estimator, X, y, folds=FOLDS):
    return [clone(estimator).fit(X[fold], y[fold]) for fold in folds]


def assert_same(models, expected, atol=1e-9, rtol=0):
    assert len(models) == len(expected)
    for model, other in zip(models, expected, strict=True):
        np.testing.assert_array_equal(model.classes_, other.classes_)
        assert model.n_epochs_ == other.n_epochs_
        assert getattr(model, "n_features_in_", None) == getattr(other, "n_features_in_", None)
        np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, atol=atol, rtol=rtol)
        states = model.network_.state_dict(), other.network_.state_dict()
        assert states[0].keys() == states[1].keys()
        for name, tensor in states[0].items():
            torch.testing.assert_close(tensor, states[1][name], atol=atol, rtol=rtol, msg=name)
        assert not model.network_.training


@pytest.fixture
def never_alone(monkeypatch):
    """Folds must not fall back to being fitted one by one."""
    monkeypatch.setattr(
        "cdmer.nets._folds.fit_folds._fit_alone", lambda *_: pytest.fail("fitted alone")
    )


STST = {"network": "STSTNet", "learning_rate": 0.01}


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ((3, 6, 6), STST | {"network_params": {"size": 6}}),
        (
            (2, 9, 9),
            STST
            | {"network_params": {"size": 9, "dropout": 0.0, "channels": ("u", "v")}}
            | {"class_weight": {"happy": 1, "sad": 3, "angry": 0.5}, "weight_decay": 0.1},
        ),
        (
            (3 * 36,),
            STST
            | {"network_params": {"size": 6}, "sampler": "balanced"}
            | {"optimizer": "sgd", "momentum": 0.9},
        ),
        ((5,), {"network": "MLP", "network_params": {"dropout": 0.3}, "class_weight": "balanced"}),
        ((2, 4, 4), {"network": "OffApexNet", "network_params": {"size": 4}, "n_epochs": 2}),
        ((5,), {"network": Own, "optimizer": "adamw", "weight_decay": 0.1}),
        (
            (3, 6, 6),
            STST | {"network_params": {"size": 6}, "augment": HorizontalFlip(), "n_epochs": 3},
        ),
    ],
    ids=["ststnet", "weights", "balanced", "mlp", "offapexnet", "own", "augment"],
)
def test_what_the_loop_gives(shape, parameters, never_alone):
    X, y = rows(shape)
    estimator = NetClassifier(**QUICK | parameters)
    models = fit_folds(estimator, X, y, FOLDS)
    assert_same(models, one_by_one(estimator, X, y), atol=1e-8)


def test_filters_that_batch_normalisation_turns_round(never_alone):
    """The largest value is where the map is smallest; and where all are equal, the first."""
    X, y = rows((3, 6, 6))
    network = STSTNet(size=6)
    with torch.no_grad():
        network.streams[1].norm.weight.copy_(torch.tensor([-1.0, 0.5, -2.0, 0.0, 1.0]))
    estimator = NetClassifier(network, **QUICK | {"n_epochs": 4})
    assert_same(fit_folds(estimator, X, y, FOLDS), one_by_one(estimator, X, y))


def test_in_single_precision():
    """On pictures from 0 to 255 on a grey ground, where sums are much larger than differences."""
    rng = np.random.default_rng(0)
    X = np.full((24, 3, 28, 28), 128.0)
    X[:, :, 8:20, 8:20] += rng.normal(scale=20, size=(24, 3, 12, 12))
    y = LABELS[np.arange(24) % 3]
    estimator = NetClassifier("STSTNet", n_epochs=3, learning_rate=5e-5, random_state=0)
    assert_same(fit_folds(estimator, X, y, FOLDS), one_by_one(estimator, X, y), 1e-4, 1e-4)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_dropout_draws_what_torch_draws(p):
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        expected = [nn.Dropout(p)(torch.ones(9, 3, n)) for n in (2, 5)] if p else None
        found = [draw_mask(p, (9, 3, n), torch.float32, generator) for n in (2, 5)]
        for ours, theirs in zip(
            found, expected or [torch.ones(9, 3, n) for n in (2, 5)], strict=True
        ):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize("parameters", [STST | {"network_params": {"size": 6}}, {"network": Own}])
def test_a_fold_is_alone(parameters):
    """Other folds, threads and repetitions make no difference."""
    X, y = rows((3, 6, 6)) if "network_params" in parameters else rows((5,))
    estimator = NetClassifier(**QUICK | {"n_epochs": 4} | parameters)
    models = fit_folds(estimator, X, y, FOLDS)
    assert_same(fit_folds(estimator, X, y, FOLDS[:1]), models[:1])
    torch.set_num_threads(2)
    again = fit_folds(estimator, X, y, FOLDS)
    assert torch.get_num_threads() == 2
    for model, other in zip(models, again, strict=True):
        pairs = zip(model.network_.parameters(), other.network_.parameters(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize("network", ["STSTNet", "MLP"])
def test_a_bad_fold_fails_alone(network):
    X, y = rows((3 * 36,), n=30)
    y[24:] = "happy"
    X[29] = 1.7e308
    folds = [FOLDS[0], np.arange(24, 29), np.r_[:6, 29], FOLDS[1]]
    parameters = {"size": 6} if network == "STSTNet" else None
    estimator = NetClassifier(network, network_params=parameters, **QUICK)
    state = torch.get_rng_state()
    models = fit_folds(estimator, X, y, folds, on_error="return")
    assert torch.equal(torch.get_rng_state(), state)
    assert_same([models[0], models[3]], one_by_one(estimator, X, y, [folds[0], folds[3]]))
    for i, kind in ((1, ValueError), (2, FloatingPointError)):
        with pytest.raises(kind) as caught:
            clone(estimator).fit(X[folds[i]], y[folds[i]])
        assert (type(models[i]), str(models[i])) == (type(caught.value), str(caught.value))
    with pytest.raises(FloatingPointError, match="epoch 1 with learning_rate=0.001"):
        fit_folds(estimator, X, y, folds[2:])
    with pytest.raises(ValueError, match="class"):
        fit_folds(estimator, X, y, folds[:2])


def test_folds_without_a_class():
    X, y = rows((5,))
    folds = [FOLDS[0], np.flatnonzero(y != "sad")]
    estimator = NetClassifier("MLP", **QUICK)
    models = fit_folds(estimator, X, y, folds)
    assert models[1].classes_.tolist() == ["angry", "happy"]
    assert_same(models, one_by_one(estimator, X, y, folds))


@pytest.mark.parametrize("network", [MixesRows, nn.Sequential(nn.Linear(5, 3), nn.Dropout1d())])
def test_what_cannot_be_stacked_goes_one_by_one(network):
    X, y = rows((5,))
    estimator = NetClassifier(network, **QUICK)
    assert not stacks_well(estimator, (5,), 3)
    assert_same(fit_folds(estimator, X, y, FOLDS), one_by_one(estimator, X, y), atol=0)


def test_stacks_well():
    def answers(shape=(5,), n_classes=3, **parameters):
        return stacks_well(NetClassifier(**{"device": "cpu"} | parameters), shape, n_classes)

    assert answers(network="MLP")
    assert answers(network=Own)
    assert answers((3, 28, 28), network="STSTNet")
    assert answers((2352,), network="STSTNet")
    assert not answers((3, 27, 27), network="STSTNet")
    assert not answers((3, 28, 28), network="STSTNet", augment=HorizontalFlip())
    assert not answers((2, 28, 28), network="OffApexNet")
    for parameters in (
        {"adaptation": DeepCORAL()},
        {"early_stopping": True},
        {"warm_start": True},
        {"checkpoint": "folder", "random_state": 0},
        {"precision": "bf16"},
        {"n_epochs": 0},
        {"network": "no such"},
    ):
        assert not answers(**parameters)


def test_only_what_the_class_makes_takes_the_closed_form():
    def suits(network, settings=NetClassifier()):  # noqa: B008
        return StackedSTSTNet.suits(network, (3, 28, 28), settings, torch.device("cpu"))

    changed, frozen = STSTNet(), STSTNet()
    changed.streams[0].norm.momentum = 0.5
    frozen.head.bias.requires_grad_(False)
    assert suits(STSTNet(dropout=0.1))
    assert not suits(changed)
    assert not suits(frozen)


def test_arguments():
    X, y = rows((5,))
    with pytest.raises(ValueError, match="on_error"):
        fit_folds(NetClassifier(), X, y, FOLDS, on_error="ignore")
    with pytest.raises(TypeError, match="expected a NetClassifier"):
        fit_folds(nn.Linear(5, 3), X, y, FOLDS)
    with pytest.raises(ValueError, match="for fold 0 shape .24,. of bool"):
        fit_folds(NetClassifier(), X, y, [np.ones(24, dtype=bool)])
    assert fit_folds(NetClassifier(), X, y, []) == []


@pytest.mark.parametrize(
    ("parameter", "value"), [("adaptation", DeepCORAL()), ("early_stopping", True)]
)
def test_what_folds_cannot_say_is_refused(parameter, value):
    X, y = rows((5,))
    with pytest.raises(ValueError, match=f"estimator: .* expected {parameter} off"):
        fit_folds(NetClassifier(**{parameter: value}), X, y, FOLDS)


@pytest.mark.parametrize("fold", [[0, 24], [-1, 3]])
def test_positions_that_are_no_rows(fold):
    X, y = rows((5,))
    with pytest.raises(ValueError, match="folds: expected positions from 0 to 23, .* fold 1"):
        fit_folds(NetClassifier(), X, y, [FOLDS[0], fold])


def test_labels_and_folds_that_do_not_fit_are_named():
    X, y = rows((6,))
    for given, n in ((y[1:], "23"), (None, "None")):
        with pytest.raises(ValueError, match=f"y: expected a label for each of the 24 .*got {n}"):
            fit_folds(NetClassifier(**QUICK), X, given, FOLDS)
    with pytest.raises(ValueError, match="folds: expected positions of training rows alone, not"):
        fit_folds(NetClassifier(**QUICK), X, y, list(KFold(5).split(X)))


@pytest.mark.filterwarnings("default:batch_size")
def test_small_sets_are_warned_of_once():
    X, y = rows((6,))
    with pytest.warns(UserWarning, match="17 training rows fill no batch of 64") as seen:
        fit_folds(NetClassifier(**(QUICK | {"batch_size": 64, "n_epochs": 1})), X, y, FOLDS)
    assert len(seen) == 1
