"""What every adaptive classifier owes its users, as tests that any of them can be held to."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from cdmer.adaptation import TGSR
from cdmer.evaluation._fit import iter_settings
from cdmer.evaluation.selection import select

# libsvm stops at a tolerance of 1e-3, and where it stands then depends on the order of the rows.
LIBSVM = 5e-3


def rows(n_features=12, n=40, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, n_features))
    X[:, :3] += np.eye(3)[y] * 2
    domain = rng.permutation(np.repeat([1, 2, -3, -4], n // 4))
    X[domain < 0] += 0.3
    return X, y, domain


def fitted_bits(method, X, y, domain):
    """Everything that the fit can change, as bytes: fitted attributes through their predictions."""
    model = clone(method).fit(X, y, sample_domain=domain)
    return model.predict(X).tolist(), model.decision_function(X).tobytes()


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


def check_settings(method, grid, X, y, domain):
    """Each setting of a grid comes once and is the plain fit; equal settings get equal scores."""
    grid = {name: [*values, values[0]] for name, values in grid.items()}
    settings = list(ParameterGrid(grid))
    seen = []
    for index, model in iter_settings(method, settings, X, y, domain):
        alone = clone(method).set_params(**clone(settings[index], safe=False))
        alone.fit(X, y, sample_domain=domain)
        np.testing.assert_allclose(
            model.decision_function(X), alone.decision_function(X), atol=1e-3
        )
        np.testing.assert_array_equal(model.predict(X), alone.predict(X))
        assert str(model.get_params()) == str(alone.get_params())
        assert model.n_features_in_ == X.shape[1]
        seen.append(index)
    assert sorted(seen) == list(range(len(settings)))
    assert not hasattr(method, "classes_")  # the method itself stays unfitted
    scores = select(method, grid, X, y, domain, "entropy").scores["entropy"]
    assert (scores > 0).all()
    first = {}
    for setting, score in zip(settings, scores, strict=True):
        np.testing.assert_allclose(score, first.setdefault(str(setting), score), rtol=1e-9)
    for score, setting in zip(scores[:-1], settings[:-1], strict=True):
        alone = clone(method).set_params(**clone(setting, safe=False))
        plain = select(alone, {}, X, y, domain, "entropy").scores["entropy"][0]
        np.testing.assert_allclose(score, plain, rtol=1e-2)


class MethodContract:
    """Tests of what the fixture `method` gives."""

    @pytest.mark.parametrize("n_features", [12, 60], ids=["n>d", "n<d"])
    def test_target_labels_change_no_bit(self, method, n_features):
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

    def test_permuted_rows_permute_the_result(self, method):
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

    @pytest.mark.parametrize(
        "labels",
        [["neg", "pos", "sur"], [10, 20, 30], [False, True, True], [0.0, 1.0, 2.0]],
        ids=["str", "int", "bool", "float"],
    )
    def test_any_kind_of_label(self, method, labels):
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

    def test_inputs_are_left_alone_and_refits_are_fresh(self, method):
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

    def test_pickle_and_clone(self, method):
        X, y, domain = rows()
        model = clone(method).fit(X, y, sample_domain=domain)
        copy = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))
        assert not hasattr(clone(model), "classes_")

    def test_target_rows_alone_decide_nothing_without_sample_domain(self, method):
        X, y, _ = rows()
        np.testing.assert_array_equal(
            clone(method).fit(X, y).decision_function(X),
            clone(method).fit(X, y, sample_domain=np.ones(len(y), int)).decision_function(X),
        )

    def test_pipeline_and_searches_with_routing_on_and_off(self, method):
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
    def test_bad_input_is_named(self, method, change, message):
        X, y, domain = change(*rows())
        with pytest.raises(ValueError, match=message):
            clone(method).fit(X, y, sample_domain=domain)

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
    def test_awkward_data_gives_an_answer_or_an_error_with_a_name(self, method, kind):
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
