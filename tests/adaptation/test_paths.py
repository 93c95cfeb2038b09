"""Many settings of a method are what separate fits give, with a path or without."""

from inspect import isabstract

import numpy as np
import pytest
from method_contract import check_settings
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer import adaptation
from cdmer.adaptation import (
    CORAL,
    DRFST,
    DRLS,
    GFK,
    JDA,
    KGSL,
    KLIEP,
    KMM,
    STM,
    TCA,
    TGSR,
    TKL,
    TSRG,
    TTRM,
    ULSIF,
    AdaptiveClassifier,
    BenchmarkSVC,
    FeatureAdapter,
    GridVoting,
    LargestScore,
    MetaClassifier,
    MethodVoting,
    OptimalTransport,
    PathClassifier,
    PseudoLabeling,
    Reweighter,
    SourceOnly,
    SubspaceAlignment,
)
from cdmer.evaluation._fit import iter_settings

GRIDS = {
    "TCA": (TCA(), {"n_components": [1, 5, 3], "mu": [0.1, 1.0]}),
    "JDA": (JDA(max_iter=2), {"n_components": [2, 4]}),
    "SubspaceAlignment": (SubspaceAlignment(), {"n_components": [1, 5, 3, 50]}),
    "GFK": (GFK(), {"n_components": [1, 5, 3, 50]}),
    "TKL": (TKL(), {"eta": [0.1, 2.0]}),
    "CORAL": (CORAL(), {"reg": [0.1, 1.0]}),
    "OptimalTransport": (OptimalTransport(), {"reg": [0.0, 0.1]}),
    "KMM": (KMM(), {"B": [2.0, 1000.0]}),
    "ULSIF": (ULSIF(), {"alpha": [0.1, 10.0], "kernel": ["linear", "rbf"]}),
    "KLIEP": (KLIEP(), {"gamma": [None, 0.01]}),
    "STM": (STM(), {"trade_off": [0.1, 10.0]}),
    "DRLS": (DRLS(), {"mmd_weight": [0.1, 10.0], "l1_weight": [0.01, 0.5]}),
    "TSRG": (TSRG(), {"mmd_weight": [0.1, 10.0]}),
    "DRFST": (DRFST(), {"l1_weight": [0.01, 0.5]}),
    "TGSR": (TGSR(groups=4), {"mmd_weight": [0.1, 10.0], "n_selected": [1, 3, None]}),
    "KGSL": (KGSL(groups=4, tol=1e-2), {"l1_weight": [0.01, 0.1]}),
    "TTRM": (TTRM(groups=4, tol=1e-2), {"l1_weight": [0.01, 0.1]}),
    "SourceOnly": (SourceOnly(), {"estimator": [None, SVC(C=0.01, kernel="linear")]}),
    "BenchmarkSVC": (BenchmarkSVC(), {"C": [0.01, 1.0]}),
    "PseudoLabeling": (PseudoLabeling(), {"n_rounds": [1, 3]}),
    "GridVoting": (
        GridVoting(GFK(), {"estimator": [None, SVC(C=0.01, kernel="linear")]}),
        {"estimator": [GFK(), SubspaceAlignment(), SourceOnly(), PseudoLabeling()]},
    ),
    "MethodVoting": (MethodVoting(), {"estimators": [[SourceOnly()], [SourceOnly(), GFK()]]}),
}


def rows():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 3
    X = rng.normal(size=(40, 60)) + 1
    X[:, :3] += np.eye(3)[y]
    return X, y, rng.permutation(np.repeat([1, -2], 20))


def test_every_method_is_here():
    public = {name: getattr(adaptation, name) for name in adaptation.__all__}
    assert set(GRIDS) == {
        name
        for name, thing in public.items()
        if isinstance(thing, type)
        and issubclass(thing, AdaptiveClassifier)
        and not isabstract(thing)
    }


@pytest.mark.parametrize(("method", "grid"), GRIDS.values(), ids=GRIDS.keys())
def test_settings_are_separate_fits(method, grid):
    check_settings(method, grid, *rows())


@pytest.mark.parametrize("last", [GFK(n_components=3), KGSL(groups=4, tol=1e-2)])
def test_steps_before_an_adaptive_one_are_fitted_once(last, monkeypatch):
    X, y, domain = rows()
    name = "n_components" if isinstance(last, GFK) else "l1_weight"
    settings = [{f"last__{name}": value} for value in (1, 1, 2)]
    pipeline = Pipeline([("scale", StandardScaler()), ("last", last)])
    fits, fit = [], StandardScaler.fit
    monkeypatch.setattr(StandardScaler, "fit", lambda *args: fits.append(args) or fit(*args))
    found = dict(iter_settings(pipeline, settings, X, y, domain))
    assert len(fits) == 1
    assert sorted(found) == [0, 1, 2]
    for index, model in found.items():
        alone = clone(pipeline).set_params(**settings[index])
        alone.fit(X, y, last__sample_domain=domain)
        np.testing.assert_array_equal(model.predict(X), alone.predict(X))


def test_settings_that_share_an_estimator_leave_it_alone():
    X, y, domain = rows()
    machine = SVC(kernel="linear")
    settings = [{"estimator": machine, "estimator__C": C} for C in (1e-3, 10.0)]
    path = dict(GFK().iter_path(X, y, sample_domain=domain, settings=settings))
    assert [path[index].estimator_.C for index in (0, 1)] == [1e-3, 10.0]
    assert machine.C == 1.0


@pytest.mark.parametrize(
    "vote",
    [
        GridVoting(KGSL(groups=4, tol=1e-2), {"group_weight": [0.1, 0.1, 0.2]}),
        GridVoting(GridVoting(GFK()), {"param_grid": [{"n_components": [1]}] * 2}),
        GridVoting(MethodVoting(), {"estimators": [[SourceOnly()], [GFK(n_components=2)]]}),
        MethodVoting([GridVoting(GFK(), {"n_components": [1, 2]}), SourceOnly()]),
    ],
    ids=["no path", "grid in grid", "methods in grid", "grid in methods"],
)
def test_votes_over_methods_of_every_kind(vote):
    X, y, domain = rows()
    model = clone(vote).fit(X, y, sample_domain=domain)
    assert len(model.estimators_) == len(getattr(model, "settings_", model.estimators_))
    assert all(hasattr(voter, "classes_") for voter in model.estimators_)
    assert set(model.predict(X)) <= set(y)


def test_a_vote_in_a_pipeline():
    X, y, domain = rows()
    vote = GridVoting(KGSL(groups=4, tol=1e-2), {"group_weight": [0.1, 0.2]})
    pipeline = make_pipeline(StandardScaler(), vote)
    settings = [{"gridvoting__estimator__l1_weight": weight} for weight in (0.1, 0.1, 0.01)]
    found = dict(iter_settings(pipeline, settings, X, y, domain))
    scores = [found[index].decision_function(X) for index in range(3)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert np.abs(scores[0] - scores[2]).max() > 1e-6


# Classes that forget something


def test_a_model_that_a_path_leaves_out_is_missed():
    class Forgetful(LargestScore, PathClassifier):
        _path_parameters = ("weight",)

        def __init__(self, weight=1.0):
            self.weight = weight

        def _fit_path(self, rows, models):
            self.classes_ = rows.classes
            yield self

        def _scores(self, X):
            return X[:, : len(self.classes_)]

    X, y, domain = rows()
    assert Forgetful().fit(X, y, sample_domain=domain).predict(X).shape == (40,)
    settings = [{"weight": 1.0}, {"weight": 2.0}]
    with pytest.raises(RuntimeError, match=r"Forgetful._fit_path: .* 2 models once, 1 did not"):
        list(Forgetful().iter_path(X, y, sample_domain=domain, settings=settings))


@pytest.mark.parametrize(
    ("base", "missing"),
    [
        (AdaptiveClassifier, "_fit, predict"),
        (PathClassifier, "_fit_path, predict"),
        (MetaClassifier, "_fit"),
        (FeatureAdapter, "_learn, _map"),
        (Reweighter, "_source_weights"),
        (LargestScore, "_scores"),
    ],
)
def test_a_class_that_forgets_a_method_of_its_base_is_an_error(base, missing):
    kind = type("Mine", (base,), {})
    names = ".*".join(f"'?{name}'?" for name in missing.split(", "))
    with pytest.raises(TypeError, match=f"abstract class '?Mine'? .*{names}"):
        kind()
