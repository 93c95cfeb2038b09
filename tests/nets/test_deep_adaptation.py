"""Adaptation losses at work: on a pair with a large gap each beats its own source-only network."""

from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from cdmer.nets import NetClassifier
from cdmer.nets.adaptation import CDAN, DAN, DANN, MCC, DeepCORAL

SEEDS = range(5)
LOSSES = {
    "DAN": DAN(),
    "DeepCORAL": DeepCORAL(weight=100),
    "DANN": DANN(),
    "CDAN": CDAN(),
    "CDAN+E": CDAN(entropy=True),
    "MCC": MCC(),
}


def make_pair(seed, n=150):
    """Three classes in the plane; the target is turned by 50 degrees and moved.

    Returns stacked rows, true labels, and the domain of each row.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 2 * n)
    X = np.array([[2, 0], [0, 1.5], [-2, -0.5]])[y] + rng.normal(0, 0.35, (2 * n, 2))
    angle = np.deg2rad(50)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    X[n:] = X[n:] @ turn + [1, -1]
    return X, np.array(["negative", "positive", "surprise"])[y], np.repeat([0, -1], n)


def make_model(adaptation=None, seed=0, **params):
    settings = {
        "network": "MLP",
        "network_params": {"hidden_layer_sizes": (32, 32)},
        "n_epochs": 60,
        "batch_size": 50,
        "learning_rate": 2e-3,
        "device": "cpu",
        "progress": False,
    }
    return NetClassifier(adaptation=adaptation, random_state=seed, **(settings | params))


@cache
def target_accuracy(name, seed):
    X, y, domain = make_pair(seed)
    hidden = np.where(domain < 0, "?", y)
    model = make_model(LOSSES.get(name), seed).fit(X, hidden, sample_domain=domain)
    return np.mean(model.predict(X[domain < 0]) == y[domain < 0])


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_beats_its_source_only_network(name):
    adapted = [target_accuracy(name, seed) for seed in SEEDS]
    source_only = [target_accuracy("none", seed) for seed in SEEDS]
    # Margins of the means are 0.15 to 0.3; that of any one seed may have either sign.
    assert np.mean(adapted) > np.mean(source_only) + 0.05


# What the estimator owes, with few epochs


def short(adaptation, **params):
    return make_model(clone(adaptation), **({"n_epochs": 3, "batch_size": 16} | params))


def weights_of(model):
    return [p.detach().numpy() for p in model.network_.parameters()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", LOSSES)
def test_target_labels_change_nothing(name):
    X, y, domain = make_pair(0, n=40)
    true = short(LOSSES[name]).fit(X, y, sample_domain=domain)
    unknown = y.astype(object)
    unknown[domain < 0] = None
    poisoned = np.where(domain < 0, "positive", y)
    for labels in (unknown, poisoned):
        other = short(LOSSES[name]).fit(X, labels, sample_domain=domain)
        assert same(weights_of(true), weights_of(other))
        np.testing.assert_array_equal(true.decision_function(X), other.decision_function(X))


@pytest.mark.parametrize("name", LOSSES)
def test_target_rows_and_the_weight_have_a_say(name):
    X, y, domain = make_pair(0, n=40)
    adapted = weights_of(short(LOSSES[name]).fit(X, y, sample_domain=domain))
    moved = X + 0.5 * (domain < 0)[:, None]
    assert not same(adapted, weights_of(short(LOSSES[name]).fit(moved, y, sample_domain=domain)))
    heavier = short(LOSSES[name]).set_params(adaptation__weight=3.0)
    assert not same(adapted, weights_of(heavier.fit(X, y, sample_domain=domain)))


@pytest.mark.parametrize("name", LOSSES)
def test_without_target_rows_nothing_is_adapted(name):
    X, y, domain = make_pair(0, n=40)
    X, y = X[domain >= 0], y[domain >= 0]
    model, plain = short(LOSSES[name]).fit(X, y), short(MCC(weight=0.0)).fit(X, y)
    assert model.reads_target
    # Both networks are drawn before the layers of the loss.
    assert same(weights_of(model), weights_of(plain))


@pytest.mark.parametrize("name", LOSSES)
def test_fits_repeat_and_leave_the_loss_as_it_was(name):
    X, y, domain = make_pair(0, n=40)
    model = short(LOSSES[name])
    before = model.adaptation.get_params()
    first = weights_of(model.fit(X, y, sample_domain=domain))
    again = weights_of(clone(model).fit(X, y, sample_domain=domain))
    assert same(first, again)
    assert vars(model.adaptation) == before


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("precision", ["float64", "bf16"])
def test_losses_take_every_precision(name, precision):
    X, y, domain = make_pair(0, n=40)
    model = short(LOSSES[name], precision=precision).fit(X, y, sample_domain=domain)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("name", LOSSES)
def test_sides_of_very_different_size(name):
    X, y, domain = make_pair(0, n=40)
    for kept in (np.arange(80) < 41, np.arange(80) >= 30):  # one target row; few source rows
        model = short(LOSSES[name], batch_size=8)
        model.fit(X[kept], y[kept], sample_domain=domain[kept])
        assert np.isfinite(model.predict_proba(X)).all()


def test_grids_reach_the_parameters_of_the_loss():
    X, y, domain = make_pair(0, n=40)
    param_grid = {"adaptation__weight": [0.1, 1.0], "adaptation": [DAN(), MCC()]}
    search = GridSearchCV(
        short(DAN()), param_grid, cv=StratifiedKFold(2, shuffle=True, random_state=0)
    )
    search.fit(X, y, sample_domain=domain)
    assert search.cv_results_["params"][3]["adaptation__weight"] == 1.0
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.adaptation.weight == search.best_params_["adaptation__weight"]


def test_wrong_parameters_are_named_by_fit():
    X, y, domain = make_pair(0, n=40)
    with pytest.raises(ValueError, match="temperature: expected a finite number > 0, got -1"):
        short(MCC(temperature=-1)).fit(X, y, sample_domain=domain)
