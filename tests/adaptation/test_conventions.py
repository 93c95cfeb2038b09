"""What others write: domains 0 and 1, nullable labels, weights of rows."""

import warnings
from inspect import isabstract

import numpy as np
import pandas as pd
import pytest
import sklearn
from method_contract import rows
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cdmer.adaptation
from cdmer.adaptation import (
    CORAL,
    GFK,
    KMM,
    TCA,
    TGSR,
    TTRM,
    AdaptiveClassifier,
    BenchmarkSVC,
    DomainStandardizer,
    FeatureAdapter,
    GridVoting,
    MetaClassifier,
    MethodVoting,
    PathClassifier,
    PseudoLabeling,
    Reweighter,
    SourceOnly,
)
from cdmer.evaluation import HoldOutDatabase, benchmark
from cdmer.evaluation._fit import fit_adaptive, iter_settings
from cdmer.evaluation.selection import select

SMALL = {
    "GridVoting": GridVoting(GFK(), {"n_components": [1, 2]}),
    "MethodVoting": MethodVoting([SourceOnly(), TCA(n_components=3), CORAL()]),
    "TTRM": TTRM(tol=1e-2),
}
METHODS = {
    name: SMALL.get(name) or thing()
    for name in cdmer.adaptation.__all__
    if isinstance(thing := getattr(cdmer.adaptation, name), type)
    and issubclass(thing, AdaptiveClassifier)
    and not isabstract(thing)
}
# No inner classifier whose fit could take weights.
UNWEIGHTED = {"DRLS", "KGSL", "STM", "TGSR", "TTRM"}
every_method = pytest.mark.parametrize("name", METHODS)


def said(recorded):
    return [str(w.message) for w in recorded if "sample_domain" in str(w.message)]


@every_method
def test_domains_without_target_rows_warn_once(name):
    X, y, domain = rows()
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        clone(METHODS[name]).fit(X, y, sample_domain=(domain < 0).astype(int))
    (message,) = said(recorded)
    assert "expected >= 0 for source rows and < 0 for target rows" in message
    assert "got [0, 1]. Where 0 means source and 1 target, pass -sample_domain" in message


@every_method
def test_domains_as_meant_do_not_warn(name):
    X, y, domain = rows()
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        clone(METHODS[name]).fit(X, y, sample_domain=domain)
        clone(METHODS[name]).fit(X, y)
        fit_adaptive(clone(METHODS[name]), X, y, np.abs(domain))  # source rows alone, on purpose
    assert said(recorded) == []


def test_negated_zeros_and_ones_are_what_the_warning_says():
    X, y, domain = rows()
    theirs = (domain < 0).astype(int)
    expected = TCA().fit(X, y, sample_domain=domain).decision_function(X)
    found = TCA().fit(X, y, sample_domain=-theirs).decision_function(X)
    np.testing.assert_array_equal(found, expected)


def test_other_readers_of_domains_warn_too():
    X, y, domain = rows()
    for fit in (
        DomainStandardizer(class_balanced=True).fit,
        DomainStandardizer().fit_transform,
        TCA().fit_transform,
    ):
        with pytest.warns(UserWarning, match="marks no target row") as recorded:
            fit(X, y, sample_domain=np.abs(domain))
        assert len(said(recorded)) == 1
    with pytest.warns(UserWarning, match="marks no target row"):
        list(TCA().iter_path(X, y, sample_domain=np.abs(domain), settings=[{"mu": 1.0}]))


def test_own_fits_on_source_rows_are_silent():
    X, y, domain = rows()
    pipeline = make_pipeline(DomainStandardizer(), TCA(n_components=2))
    grid = [{"tca__mu": 0.1}, {"tca__mu": 1.0}]
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        list(iter_settings(pipeline, grid, X, y, np.abs(domain)))
        list(iter_settings(TCA(), [{"mu": 0.1}, {"mu": 1.0}], X, y, np.abs(domain)))
        select(TCA(), {"n_components": [1, 2]}, X, y, domain, "source")
    assert said(recorded) == []
    with pytest.warns(UserWarning, match="marks no target row"):  # what comes after is not
        TCA().fit(X, y, sample_domain=np.abs(domain))


def nullable(kind, y, missing):
    """Labels in a type of pandas, missing in target rows; codes where it holds numbers."""
    if kind == "Categorical":
        return pd.Series(pd.Categorical.from_codes(np.where(missing, -1, y), [5, 6, 7]))
    if kind == "category of text":
        return pd.Series(pd.Categorical.from_codes(np.where(missing, -1, y), ["a", "b", "c"]))
    if kind.startswith("string"):
        values = np.array(["neg", "pos", "sur"])[y].astype(object)
    elif kind == "boolean":
        values = (y > 0).astype(object)
    else:
        values = y.astype(object)
    values[missing] = pd.NA
    if kind == "Int64 array":
        return pd.array(values, dtype="Int64")
    if kind == "Int64 index":
        return pd.Index(pd.array(values, dtype="Int64"))
    return pd.Series(values, dtype=kind, index=np.arange(len(y))[::-1])


@pytest.mark.parametrize("method", [TCA(), SourceOnly(), TGSR()], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Int64", "i"),
        ("UInt8", "u"),
        ("int64[pyarrow]", "i"),
        ("Int64 array", "i"),
        ("Int64 index", "i"),
        ("Categorical", "i"),
        ("boolean", "b"),
        ("Float64", "f"),
        ("string", "U"),
        ("string[pyarrow]", "U"),
        ("category of text", "U"),
    ],
)
@pytest.mark.parametrize("hidden", [True, False], ids=["missing", "whole"])
def test_labels_keep_their_kind(kind, expected, method, hidden):
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    X, y, domain = rows()
    labels = nullable(kind, y, (domain < 0) & hidden)
    model = clone(method).fit(X, labels, sample_domain=domain)
    plain = np.asarray(nullable(kind, y, np.zeros(len(y), bool)).tolist())
    reference = clone(method).fit(X, plain, sample_domain=domain)
    found = model.predict(X)
    assert found.dtype.kind == expected
    np.testing.assert_array_equal(found, reference.predict(X))


@pytest.mark.parametrize("kind", ["Int64", "boolean", "string", "Categorical"])
def test_missing_labels_of_source_rows_are_refused(kind):
    X, y, domain = rows()
    labels = nullable(kind, y, np.arange(40) == np.flatnonzero(domain > 0)[3])
    with pytest.raises((ValueError, TypeError)):
        TCA().fit(X, labels, sample_domain=domain)


def test_domains_may_be_nullable_integers():
    X, y, domain = rows()
    expected = TCA().fit(X, y, sample_domain=domain).predict(X, sample_domain=domain)
    numbers = pd.Series(domain, dtype="Int64")
    found = TCA().fit(X, y, sample_domain=numbers).predict(X, sample_domain=numbers)
    np.testing.assert_array_equal(found, expected)
    numbers[3] = pd.NA
    with pytest.raises(ValueError, match="sample_domain: expected integers"):
        TCA().fit(X, y, sample_domain=numbers)


def weighted_rows():
    X, y, domain = rows()
    weights = np.random.default_rng(3).uniform(0.1, 3, len(y))
    return X, y, domain, weights


@every_method
def test_weights_of_rows_are_heeded_or_refused_by_name(name):
    X, y, domain, weights = weighted_rows()
    method = METHODS[name]
    if name in UNWEIGHTED:
        message = f"sample_weight: expected None, {name} cannot weight rows"
        with pytest.raises(TypeError, match=message):
            clone(method).fit(X, y, sample_domain=domain, sample_weight=weights)
        if isinstance(method, PathClassifier):
            path = method.iter_path(X, y, sample_weight=weights, settings=[{}])
            with pytest.raises(TypeError, match=message):
                next(path)
        return
    plain = clone(method).fit(X, y, sample_domain=domain).decision_function(X)
    ones = np.where(domain < 0, np.nan, 1.0)  # those of target rows are never read
    found = clone(method).fit(X, y, sample_domain=domain, sample_weight=ones)
    np.testing.assert_allclose(found.decision_function(X), plain, atol=1e-9)
    # Without some rows: machines whose classes lie far apart heed no other weights.
    weights[::2] = 0
    found = clone(method).fit(X, y, sample_domain=domain, sample_weight=weights)
    assert not np.allclose(found.decision_function(X), plain)
    poisoned = np.where(domain < 0, -np.inf, weights)
    again = clone(method).fit(X, y, sample_domain=domain, sample_weight=poisoned)
    np.testing.assert_array_equal(again.decision_function(X), found.decision_function(X))


@every_method
def test_no_weights_are_no_parameter(name):
    X, y, domain = rows()
    expected = clone(METHODS[name]).fit(X, y, sample_domain=domain).predict(X)
    found = clone(METHODS[name]).fit(X, y, sample_domain=domain, sample_weight=None).predict(X)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(TypeError, match=f"weights: expected X, y, .*{name}.fit takes no such"):
        clone(METHODS[name]).fit(X, y, weights=domain)


@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if isinstance(m, MetaClassifier) and n != "BenchmarkSVC"]
)
def test_weights_reach_the_inner_classifier(name):
    X, y, domain, weights = weighted_rows()
    inner = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    method = clone(METHODS[name]).set_params(estimator=inner)
    model = clone(method).fit(X, y, sample_domain=domain, sample_weight=weights)
    source = domain >= 0
    seen, w = X[source], weights[source]
    if isinstance(method, FeatureAdapter):
        # The map is that of a fit without weights.
        mapped = clone(method).fit(X, y, sample_domain=domain).transform(X, domain)
        if name != "JDA":  # which guesses classes by the inner classifier
            np.testing.assert_allclose(model.transform(X, domain), mapped)
        seen = model.transform(X, domain)[source]
    if isinstance(method, Reweighter):
        w = w * model.weights_
        plain = clone(method).fit(X, y, sample_domain=domain)
        np.testing.assert_array_equal(model.weights_, plain.weights_)
    labels = y[source]
    if isinstance(method, PseudoLabeling):
        seen = np.concatenate([seen, X[~source][model.taken_]])
        labels = np.concatenate([labels, model.pseudo_labels_[model.taken_]])
        w = np.concatenate([w, np.full(model.taken_.sum(), w.mean())])
    expected = clone(inner).fit(seen, labels, sample_weight=w)
    np.testing.assert_allclose(model.estimator_.coef_, expected.coef_, rtol=1e-6, atol=1e-8)


def test_whole_weights_are_repeated_rows():
    X, y, _, _ = weighted_rows()
    times = np.random.default_rng(4).integers(1, 4, len(y))
    again = np.repeat(np.arange(len(y)), times)
    for method in (SourceOnly(), KMM(), BenchmarkSVC()):
        weighted = clone(method).fit(X, y, sample_weight=times)
        repeated = clone(method).fit(X[again], y[again])
        np.testing.assert_allclose(
            weighted.decision_function(X), repeated.decision_function(X), atol=5e-3
        )


def test_paths_take_weights():
    X, y, domain, weights = weighted_rows()
    settings = [{"n_components": 2}, {"n_components": 5}]
    path = TCA().iter_path(X, y, sample_domain=domain, sample_weight=weights, settings=settings)
    for index, model in path:
        alone = TCA(**settings[index]).fit(X, y, sample_domain=domain, sample_weight=weights)
        np.testing.assert_allclose(model.decision_function(X), alone.decision_function(X))


def test_voters_that_cannot_weight_say_so():
    X, y, domain, weights = weighted_rows()
    for vote in (MethodVoting([CORAL(), TGSR()]), GridVoting(TGSR(), {"mmd_weight": [1.0]})):
        with pytest.raises(TypeError, match="sample_weight: expected None, TGSR cannot weight"):
            vote.fit(X, y, sample_domain=domain, sample_weight=weights)


def test_inner_classifiers_that_take_no_weights_are_named():
    X, y, domain, weights = weighted_rows()
    for method in (SourceOnly(KNeighborsClassifier()), TCA(KNeighborsClassifier())):
        method.fit(X, y, sample_domain=domain)
        with pytest.raises(ValueError, match="whose fit takes sample_weight, got KNeighborsCl"):
            method.fit(X, y, sample_domain=domain, sample_weight=weights)


def spoilt(weights, **at):
    for place, value in at.items():
        weights[int(place[1:])] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(39), r"expected one number per row of X, shape \(40,\), got shape \(39,\)"),
        (np.ones((40, 1)), r"expected one number per row of X, shape \(40,\), got shape \(40, 1\)"),
        (1.0, r"expected one number per row of X, shape \(40,\), got shape \(\)"),
        (spoilt(np.ones(40), _5=-1.0), "expected finite numbers >= 0 for source rows, got -1.0"),
        (spoilt(np.ones(40), _5=np.nan), "expected finite numbers >= 0 for source rows, got nan"),
        (spoilt(np.ones(40), _5=np.inf), "expected finite numbers >= 0 for source rows, got inf"),
        (["heavy"] * 40, "expected numbers, got"),
        (np.arange(40) % 3 != 1, r"expected some above zero in each class .* got none in \[1\]"),
    ],
)
def test_bad_weights_are_named(weights, message):
    X, y, _ = rows()
    for method in (SourceOnly(), TCA()):
        with pytest.raises(ValueError, match=f"sample_weight: {message}"):
            method.fit(X, y, sample_weight=weights)


@every_method
def test_requests_say_what_fit_takes(name):
    requests = METHODS[name].get_metadata_routing().fit.requests
    expected = {"sample_domain"} | ({"sample_weight"} if name not in UNWEIGHTED else set())
    assert {key for key, value in requests.items() if value is True} == expected


@pytest.mark.parametrize("name", ["SourceOnly", "CORAL", "KMM", "GridVoting"])
def test_pipelines_pass_weights_on(name):
    X, y, domain, weights = weighted_rows()
    scaled = StandardScaler().fit(X).transform(X)
    expected = clone(METHODS[name]).fit(scaled, y, sample_domain=domain, sample_weight=weights)
    expected = expected.decision_function(scaled)
    pipeline = make_pipeline(StandardScaler(), clone(METHODS[name]))
    step = name.lower()
    pipeline.fit(X, y, **{f"{step}__sample_domain": domain, f"{step}__sample_weight": weights})
    np.testing.assert_allclose(pipeline.decision_function(X), expected)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, clone(METHODS[name]))
        pipeline.fit(X, y, sample_domain=domain, sample_weight=weights)
    np.testing.assert_allclose(pipeline.decision_function(X), expected)


def test_a_protocol_that_hides_the_target_is_silent():
    from cdmer.corpora import PublishedFeatures

    X, y, domain = rows()
    classes = ("negative", "positive", "surprise")
    corpora = [
        PublishedFeatures(X[domain == n], y[domain == n], classes, name)
        for name, n in (("here", 1), ("there", 2))
    ]
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        results = benchmark(
            {"SVM": SourceOnly()}, corpora, HoldOutDatabase(), scheme="three", progress=False
        )
        assert len(results.predictions)
    assert said(recorded) == []
