"""What every adaptive classifier owes its users."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import cdmer.adaptation
from cdmer.adaptation import (
    CORAL,
    GFK,
    JDA,
    KGSL,
    TCA,
    TGSR,
    TKL,
    TTRM,
    ULSIF,
    GridVoting,
    MethodVoting,
    OptimalTransport,
    PseudoLabeling,
    SourceOnly,
    SubspaceAlignment,
)

CLASSES = {
    name: thing
    for name in cdmer.adaptation.__all__
    if isinstance(thing := getattr(cdmer.adaptation, name), type)
}
# Of few settings and methods; by default they have 40 and more, of which every check below would
# fit each, again and again. TTRM's descent to its own tolerance is held by its tests.
SMALL = {
    "GridVoting": GridVoting(GFK(), {"n_components": [1, 2, 3]}),
    "MethodVoting": MethodVoting([SourceOnly(), TCA(n_components=3), CORAL()]),
    "TTRM": TTRM(tol=1e-2),
}
DEFAULTS = {name: SMALL.get(name) or cls() for name, cls in CLASSES.items()}
METHODS = {name: made for name, made in DEFAULTS.items() if name != "DomainStandardizer"} | {
    "SourceOnly(LogisticRegression)": SourceOnly(LogisticRegression()),
    "TGSR(groups)": TGSR(groups=4, n_selected=2),
    "TCA(rbf)": TCA(LogisticRegression(), n_components=3, kernel="rbf"),
    "JDA(balance)": JDA(n_components=4, balance=0.3),
    "SubspaceAlignment(3)": SubspaceAlignment(n_components=3),
    "GFK(3)": GFK(n_components=3),
    "TKL(rbf)": TKL(kernel="rbf", gamma=0.01),
    # L-BFGS ends where the loss no longer falls, some 1e-3 from the minimum of such large columns.
    "CORAL(small)": CORAL(LogisticRegression(solver="newton-cholesky"), reg=0.01),
    "ULSIF(LogisticRegression)": ULSIF(LogisticRegression()),
    "OptimalTransport(reg)": OptimalTransport(reg=0.1),
    "OptimalTransport(class_reg)": OptimalTransport(reg=0.1, class_reg=0.1),
    "KGSL(groups)": KGSL(groups=4, tol=1e-2),
    "TTRM(groups)": TTRM(groups=4, selection_weight=0.0, tol=1e-2),
    "PseudoLabeling(LogisticRegression)": PseudoLabeling(LogisticRegression()),
    "GridVoting(TGSR)": GridVoting(TGSR(groups=4), {"n_selected": [1, 2], "mmd_weight": [0.1, 1]}),
}
# libsvm stops at a tolerance of 1e-3, and where it stands then depends on the order of the rows.
LIBSVM = 5e-3
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def rows(n_features=12, n=40, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, n_features))
    X[:, :3] += np.eye(3)[y] * 2
    domain = rng.permutation(np.repeat([1, 2, -3, -4], n // 4))
    X[domain < 0] += 0.3
    return X, y, domain


@parametrize_with_checks([*DEFAULTS.values(), METHODS["TCA(rbf)"]])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def fitted_bits(method, X, y, domain):
    """Everything that the fit can change, as bytes: fitted attributes through their predictions."""
    model = clone(method).fit(X, y, sample_domain=domain)
    return model.predict(X).tolist(), model.decision_function(X).tobytes()


@each_method
@pytest.mark.parametrize("n_features", [12, 60], ids=["n>d", "n<d"])
def test_target_labels_change_no_bit(method, n_features):
    X, y, domain = rows(n_features)
    expected = fitted_bits(method, X, y, domain)
    target = domain < 0
    shuffled, hidden = y.copy(), y.copy()
    shuffled[target] = np.random.default_rng(1).permutation(y[target])
    hidden[target] = -1
    unseen = np.where(target, 17, y)
    nan = np.where(target, np.nan, y)
    none = np.where(target, None, y)
    mixed = y.astype(object)
    mixed[target] = [("text", 1.5, None, np.nan, pd.NA)[i % 5] for i in range(target.sum())]
    poisons = [shuffled, mixed]
    if n_features == 12:  # how labels are read does not depend on the columns of X
        poisons += [hidden, unseen, nan, none, none.tolist(), pd.Series(mixed)]
    for labels in poisons:
        assert fitted_bits(method, X, labels, domain) == expected


@each_method
def test_permuted_rows_permute_the_result(method):
    X, y, domain = rows(120)
    order = np.random.default_rng(2).permutation(len(y))
    model = clone(method).fit(X, y, sample_domain=domain)
    permuted = clone(method).fit(X[order], y[order], sample_domain=domain[order])
    np.testing.assert_array_equal(permuted.predict(X[order]), model.predict(X)[order])
    inner = getattr(model, "estimator_", None)
    exact = isinstance(model, TGSR) or isinstance(inner, LogisticRegression)
    tolerance = 1e-9 if exact else LIBSVM
    expected = model.decision_function(X)[order]
    np.testing.assert_allclose(
        permuted.decision_function(X[order]), expected, rtol=0, atol=tolerance
    )


@each_method
@pytest.mark.parametrize(
    "labels",
    [["neg", "pos", "sur"], [10, 20, 30], [False, True, True], [0.0, 1.0, 2.0]],
    ids=["str", "int", "bool", "float"],
)
def test_any_kind_of_label(method, labels):
    X, y, domain = rows()
    y = np.array(labels)[y]
    model = clone(method).fit(X, y, sample_domain=domain)
    assert model.classes_.dtype == y.dtype
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert set(model.predict(X)) <= set(y)
    hidden = y.astype(object)
    hidden[domain < 0] = None
    model = clone(method).fit(X, hidden, sample_domain=domain)
    assert model.classes_.dtype == y.dtype


@each_method
def test_inputs_are_left_alone_and_refits_are_fresh(method):
    X, y, domain = rows()
    before = X.copy(), y.copy(), domain.copy()
    state = np.random.get_state()  # noqa: NPY002 - the global state is the point
    config = sklearn.get_config()
    model = clone(method).fit(X, y, sample_domain=domain)
    model.predict(X)
    for array, copy in zip((X, y, domain), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(after[1], state[1])
    assert after[2:] == state[2:], "drew from the global random state"
    assert sklearn.get_config() == config
    X2, y2, domain2 = rows(24, seed=1)
    again = model.fit(X2, y2, sample_domain=domain2).decision_function(X2)
    fresh = clone(method).fit(X2, y2, sample_domain=domain2).decision_function(X2)
    np.testing.assert_array_equal(again, fresh)


@each_method
def test_pickle_and_clone(method):
    X, y, domain = rows()
    model = clone(method).fit(X, y, sample_domain=domain)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))
    assert not hasattr(clone(model), "classes_")


@each_method
def test_target_rows_alone_decide_nothing_without_sample_domain(method):
    X, y, _ = rows()
    np.testing.assert_array_equal(
        clone(method).fit(X, y).decision_function(X),
        clone(method).fit(X, y, sample_domain=np.ones(len(y), int)).decision_function(X),
    )


@each_method
def test_pipeline_and_searches_with_routing_on_and_off(method):
    X, y, domain = rows()
    pipe = Pipeline([("scale", StandardScaler()), ("adapt", clone(method))])
    grid = {"scale__with_std": [True, False]}
    off = clone(pipe).fit(X, y, adapt__sample_domain=domain).decision_function(X)
    GridSearchCV(clone(pipe), grid, cv=2).fit(X, y, adapt__sample_domain=domain)
    with sklearn.config_context(enable_metadata_routing=True):
        on = clone(pipe).fit(X, y, sample_domain=domain).decision_function(X)
        search = GridSearchCV(clone(pipe), grid, cv=2).fit(X, y, sample_domain=domain)
        assert search.best_score_ > 0
        scores = cross_validate(clone(pipe), X, y, cv=2, params={"sample_domain": domain})
        assert np.isfinite(scores["test_score"]).all()
    np.testing.assert_array_equal(off, on)


@each_method
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, d: (np.where(X > 2, np.nan, X), y, d), "NaN"),
        (lambda X, y, d: (X[:, 0], y, d), "2D array"),
        (lambda X, y, d: (X, np.zeros_like(y), d), r"y: .*one class"),
        (lambda X, y, d: (X, None, d), r"requires y to be passed"),
        (lambda X, y, d: (X, y[:-1], d), r"y: .*\(40\), got 39"),
        (lambda X, y, d: (X, np.where(d > 0, np.nan, y), d), "NaN"),
        (lambda X, y, d: (X, y, -np.ones(len(y), int)), r"sample_domain: no source rows"),
        (lambda X, y, d: (X, y, d[:-1]), r"sample_domain: .*\(40,\).*got \(39,\)"),
        (lambda X, y, d: (X, y, d + 0.5), r"sample_domain: expected integers"),
        (lambda X, y, d: (X, y, ["source"] * len(y)), r"sample_domain: expected integers"),
    ],
    ids=[
        "nan",
        "1-D",
        "one class",
        "no y",
        "short y",
        "nan y",
        "no source",
        "short domain",
        "float domain",
        "text domain",
    ],
)
def test_bad_input_is_named(method, change, message):
    X, y, domain = change(*rows())
    with pytest.raises(ValueError, match=message):
        clone(method).fit(X, y, sample_domain=domain)


def awkward(kind):
    X, y, domain = rows()
    if kind == "constant columns":
        X[:, 5:9] = 3.0
    elif kind == "repeated rows":
        X[20:] = X[:20]
    elif kind == "rank one":
        X = np.outer(X[:, 0] + y, np.ones(12))
    elif kind == "one target row":
        keep = np.flatnonzero((domain > 0) | (np.arange(40) == np.flatnonzero(domain < 0)[0]))
        X, y, domain = X[keep], y[keep], domain[keep]
    elif kind == "one source row of a class":
        y = np.where((y == 2) & (np.arange(40) != np.flatnonzero((y == 2) & (domain > 0))[0]), 1, y)
    elif kind == "target class unknown to the source":
        y = np.where((y == 2) & (domain > 0), 1, y)
    elif kind == "zero column means, tiny scale":
        X = (X - X.mean(axis=0)) * 1e-6
    elif kind == "large scale":
        X = X * 30
    return X, y, domain


@each_method
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "kind",
    [
        "constant columns",
        "repeated rows",
        "rank one",
        "one target row",
        "one source row of a class",
        "target class unknown to the source",
        "zero column means, tiny scale",
        "large scale",
    ],
)
def test_awkward_data_gives_an_answer_or_an_error_with_a_name(method, kind):
    X, y, domain = awkward(kind)
    try:
        model = clone(method).fit(X, y, sample_domain=domain)
    except ValueError as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert kind in ("one target row", "rank one", "zero column means, tiny scale")
        assert ": " in refused
        assert "expected" in refused
        return
    assert np.isfinite(model.decision_function(X)).all()
    assert set(model.predict(X)) <= set(y[domain > 0])


def test_source_only_takes_rows_of_any_container():
    X, y, domain = rows()
    expected = SourceOnly().fit(X, y, sample_domain=domain).decision_function(X)
    for container in (X.tolist(), pd.DataFrame(X)):
        model = SourceOnly().fit(container, y, sample_domain=domain)
        np.testing.assert_array_equal(model.decision_function(container), expected)


def test_source_only_offers_what_its_estimator_offers():
    assert not hasattr(SourceOnly(), "predict_proba")
    assert hasattr(SourceOnly(LogisticRegression()), "predict_proba")
    X, y, domain = rows()
    proba = SourceOnly(LogisticRegression()).fit(X, y, sample_domain=domain).predict_proba(X)
    assert proba.shape == (40, 3)
