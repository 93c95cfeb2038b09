"""Label-free selection: criteria by hand, splitters that cannot leak, scorers in GridSearchCV."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdmer.adaptation import DRLS, TCA, TGSR, DomainStandardizer, SourceOnly, density_ratio
from cdmer.evaluation._fit import fit_adaptive
from cdmer.evaluation.selection import (
    CRITERIA,
    SourceKFold,
    TargetSplit,
    deep_embedded_validation,
    importance_weighted_accuracy,
    information_maximization,
    make_scorer,
    make_splitter,
    reverse_validation,
    score_settings,
    select,
    soft_neighborhood_density,
    source_accuracy,
)

each_criterion = pytest.mark.parametrize("criterion", CRITERIA)
GRID = {"n_components": [1, 2, 4, 8]}


def rows(seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    X = rng.normal(size=(60, 12))
    X[:, :3] += 2 * np.eye(3)[y]
    domain = rng.permutation(np.repeat([1, 2, -3], [20, 20, 20]))
    X[domain < 0] += 0.5
    return X, y, domain


def test_criteria_by_hand():
    y, p = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    w = np.array([1.0, 3.0, 0.5, 0.5])
    assert source_accuracy(y, p) == 0.75
    assert importance_weighted_accuracy(y, p, w) == pytest.approx(2 / 5)
    # Losses w·[wrong] are 0, 3, 0, 0 with mean 3/4; cov with w is 21/16, var of w is 17/16.
    eta = -(21 / 16) / (17 / 16)
    assert deep_embedded_validation(y, p, w) == pytest.approx(1 - (0.75 + eta * 1.25 - eta))
    # Equal weights: the control variate has nothing to say.
    assert deep_embedded_validation(y, p, np.ones(4)) == pytest.approx(0.75)

    certain = np.log(np.array([[1.0, 1e-300], [1e-300, 1.0]]))
    assert information_maximization(certain) == pytest.approx(np.log(2))
    assert information_maximization(certain[[0, 0]]) == pytest.approx(0)
    assert information_maximization(np.zeros((5, 3))) == pytest.approx(0, abs=1e-12)


def test_soft_neighborhood_density_by_loops():
    scores = np.random.default_rng(0).normal(size=(7, 3))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    total = 0.0
    for i in range(7):
        near = [
            np.exp(p[i] @ p[j] / np.linalg.norm(p[i]) / np.linalg.norm(p[j]) / 0.05)
            for j in range(7)
            if j != i
        ]
        share = np.array(near) / sum(near)
        total -= (share * np.log(share)).sum()
    assert soft_neighborhood_density(scores) == pytest.approx(total / 7)
    # Two groups of certain rows: each row's neighbours are the rest of its group, alike.
    grouped = np.repeat([[50.0, 0.0], [0.0, 50.0]], 4, axis=0)
    assert soft_neighborhood_density(grouped) == pytest.approx(np.log(3), abs=1e-6)


def test_deep_embedded_validation_has_less_variance():
    """What its control variate is for: the same mean as weighting alone, less spread."""
    rng = np.random.default_rng(0)
    plain, controlled = [], []
    for _ in range(2000):
        w = rng.exponential(size=60)
        wrong = (rng.random(60) < 0.3).astype(int)
        plain.append(1 - np.mean(w * wrong))
        controlled.append(deep_embedded_validation(np.zeros(60), wrong, w))
    assert np.mean(controlled) == pytest.approx(0.7, abs=0.01)
    assert np.mean(plain) == pytest.approx(0.7, abs=0.01)
    assert np.var(controlled) < 0.9 * np.var(plain)


def test_reverse_validation_goes_there_and_back():
    X, y, domain = rows()
    source, target = domain > 0, domain < 0
    model = TCA(n_components=4).fit(X, y, domain)
    found = reverse_validation(model, X[source], y[source], X[target])
    back = np.concatenate([X[target], X[source]])
    guessed = np.concatenate([model.predict(X[target]), np.zeros(40, int)])
    returned = TCA(n_components=4).fit(back, guessed, np.repeat([1, -2], [20, 40]))
    assert found == pytest.approx((returned.predict(X[source]) == y[source]).mean())
    # One class predicted throughout: it is what comes back.
    constant = TCA(n_components=4).fit(X, np.where(source, y, 0), domain)
    one = X[target][model.predict(X[target]) == 1]
    assert reverse_validation(constant, X[source], y[source], one) == pytest.approx(1 / 3, abs=0.1)


def test_source_folds():
    X, y, domain = rows()
    folds = list(SourceKFold(domain, n_splits=4).split(X, y))
    assert len(folds) == SourceKFold(domain, 4).get_n_splits() == 4
    target = set(np.flatnonzero(domain < 0))
    for train, test in folds:
        assert target <= set(train)
        assert not target & set(test)
        assert not set(train) & set(test)
        assert len(train) + len(test) == 60
    assert (
        sorted(np.concatenate([test for _, test in folds])) == np.flatnonzero(domain > 0).tolist()
    )


def test_source_folds_read_no_target_label_and_keep_subjects_together():
    X, y, domain = rows()
    subjects = np.arange(60) // 4
    expected = list(SourceKFold(domain, 3, subjects).split(X, y))
    for _, test in expected:
        train_subjects = set(subjects[np.setdiff1d(np.flatnonzero(domain > 0), test)])
        assert not set(subjects[test]) & train_subjects
    hidden = y.astype(object)
    hidden[domain < 0] = None
    for labels in (hidden, hidden.tolist(), pd.Series(hidden)):
        for (train, test), (train_e, test_e) in zip(
            SourceKFold(domain, 3).split(X, labels, subjects), expected, strict=True
        ):
            np.testing.assert_array_equal(train, train_e)
            np.testing.assert_array_equal(test, test_e)


def test_target_split():
    X, _, domain = rows()
    ((train, test),) = TargetSplit(domain).split(X)
    np.testing.assert_array_equal(train, np.arange(60))
    np.testing.assert_array_equal(test, np.flatnonzero(domain < 0))


@each_criterion
@pytest.mark.parametrize("routing", [False, True])
def test_grid_search_with_scorer_and_splitter_equals_select(criterion, routing):
    X, y, domain = rows()
    hidden = np.where(domain > 0, y, -1)
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            TCA(LogisticRegression()),
            GRID,
            scoring=make_scorer(criterion, X[domain < 0]),
            cv=make_splitter(criterion, domain, 4),
        ).fit(X, hidden, sample_domain=domain)
    chosen = select(
        TCA(LogisticRegression()), GRID, X, hidden, domain, criterion, n_splits=4, progress=False
    )
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], chosen.scores[criterion])
    assert chosen.best_params == search.best_params_
    np.testing.assert_array_equal(chosen.estimator.predict(X), search.predict(X))


@each_criterion
def test_target_labels_change_no_score(criterion):
    X, y, domain = rows()
    param_grid = {"l1_weight": [0.01, 0.3]}
    tables = []
    for fill in (y[domain < 0], -1, np.random.default_rng(0).integers(0, 3, 20)):
        labels = y.copy()
        labels[domain < 0] = fill
        tables.append(
            score_settings(DRLS(), param_grid, X, labels, domain, [criterion], progress=False)
        )
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)


@pytest.mark.parametrize(
    ("method", "param_grid"),
    [
        (TGSR(groups=4), {"n_selected": [1, 2, 4], "mmd_weight": [0.1, 10.0]}),
        (make_pipeline(DomainStandardizer(), TCA()), {"tca__n_components": [1, 3]}),
        (
            make_pipeline(DomainStandardizer(), TCA()),
            {"tca__n_components": [1, 3], "domainstandardizer__with_std": [True, False]},
        ),
        (make_pipeline(StandardScaler(), SourceOnly()), {"sourceonly__estimator__C": [0.1, 1.0]}),
    ],
    ids=["path", "pipeline with a path", "pipeline", "no adaptation"],
)
@pytest.mark.parametrize("routing", [False, True])
def test_all_criteria_by_loops(method, param_grid, routing):
    """Every criterion of every setting against a loop of separate fits."""
    if "sourceonly__estimator__C" in param_grid:
        method = make_pipeline(StandardScaler(), SourceOnly(LogisticRegression()))
    X, y, domain = rows()
    X_target = X[domain < 0]
    with sklearn.config_context(enable_metadata_routing=routing):
        table = score_settings(
            method, param_grid, X, y, domain, list(CRITERIA), n_splits=3, progress=False
        )
        for row, setting in enumerate(ParameterGrid(param_grid)):
            expected = {name: [] for name in CRITERIA}
            for train, test in SourceKFold(domain, 3).split(X, y):
                model = fit_adaptive(
                    sklearn.base.clone(method).set_params(**setting),
                    X[train],
                    y[train],
                    domain[train],
                )
                p = model.predict(X[test])
                w = density_ratio(X[test], X_target)
                expected["source"].append(source_accuracy(y[test], p))
                expected["iwv"].append(importance_weighted_accuracy(y[test], p, w))
                expected["dev"].append(deep_embedded_validation(y[test], p, w))
                expected["reverse"].append(reverse_validation(model, X[test], y[test], X_target))
            model = fit_adaptive(sklearn.base.clone(method).set_params(**setting), X, y, domain)
            scores = (
                model.predict_log_proba(X_target)
                if hasattr(model, "predict_log_proba")
                else np.log(model.predict_proba(X_target))
                if hasattr(model, "predict_proba")
                else model.decision_function(X_target)
            )
            expected["entropy"].append(information_maximization(scores))
            expected["snd"].append(soft_neighborhood_density(scores))
            for name, values in expected.items():
                assert table[name][row] == pytest.approx(np.mean(values), abs=1e-7), name


@each_criterion
def test_settings_that_fail_score_nan_and_are_not_chosen(criterion):
    X, y, domain = rows()
    param_grid = {"mu": [-1.0, 1.0], "n_components": [2, 3]}
    with pytest.warns(FitFailedWarning, match="mu: expected a finite number > 0, got -1.0"):
        chosen = select(TCA(), param_grid, X, y, domain, criterion, progress=False)
    assert chosen.best_params["mu"] == 1.0
    assert chosen.scores[criterion].isna().tolist() == [True, True, False, False]
    alone = select(TCA(), {"n_components": [2, 3]}, X, y, domain, criterion, progress=False)
    np.testing.assert_allclose(chosen.scores[criterion][2:], alone.scores[criterion], atol=1e-9)
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(ValueError, match="param_grid: no setting could be fitted"),
    ):
        select(TCA(), {"mu": [-1.0]}, X, y, domain, criterion, progress=False)


def test_bad_input():
    X, y, domain = rows()
    with pytest.raises(ValueError, match="criterion: expected one of"):
        select(TCA(), GRID, X, y, domain, "accuracy on the target")
    with pytest.raises(ValueError, match="criterion: expected one of"):
        make_splitter("oracle", domain)
    with pytest.raises(ValueError, match=r"sample_domain: .*target rows .*got 60 and 0"):
        select(TCA(), GRID, X, y, np.abs(domain), progress=False)
    with pytest.raises(ValueError, match=r"sample_domain: .*\(60,\)"):
        list(SourceKFold(domain[:-1]).split(X, y))
    with pytest.raises(ValueError, match=r"y: expected one per entry .*\(60\), got 9"):
        list(SourceKFold(domain).split(X, y[:9]))
    with pytest.raises(ValueError, match=r"groups: expected one per entry .*\(60\), got 4"):
        list(SourceKFold(domain, 3, np.arange(4)).split(X, y))
    with pytest.raises(ValueError, match="Invalid parameter 'no_such'"):
        select(TCA(), {"no_such": [1]}, X, y, domain, progress=False)
    with pytest.raises(ValueError, match="y_pred: expected the shape of y_true"):
        importance_weighted_accuracy(y, y[:5], np.ones(60))
    with pytest.raises(ValueError, match="temperature: expected a finite number > 0"):
        soft_neighborhood_density(X, temperature=0)
    for weight in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="weights: expected one finite number >= 0 per row"):
            importance_weighted_accuracy(y, y, np.full(60, weight))
    with pytest.raises(ValueError, match="two rows"):
        soft_neighborhood_density([[1.0, 2.0]])
    with pytest.raises(ValueError, match="scores: expected shape"):
        information_maximization(y)
    with pytest.raises(ValueError, match="without NaN or plus infinity"):
        information_maximization([[0, np.inf]])
    with pytest.raises(ValueError, match=r"y: expected one per entry .*\(60\), got 59"):
        select(TCA(), GRID, X, y[:-1], domain, "entropy", progress=False)
    with pytest.raises(ValueError, match=r"criterion: expected one of .*, got \['iwv'\]"):
        select(TCA(), GRID, X, y, domain, ["iwv"], progress=False)
    half_way = make_pipeline(DomainStandardizer(), LogisticRegression())
    with pytest.raises(TypeError, match="LogisticRegression takes no sample_domain, and a step be"):
        select(half_way, {"logisticregression__C": [1.0]}, X, y, domain, progress=False)


@each_criterion
def test_a_step_that_works_in_place_changes_no_score(criterion):
    X, y, domain = rows()[:3]
    before = X.copy()
    copied, in_place = (
        score_settings(
            make_pipeline(StandardScaler(copy=copy), LogisticRegression()),
            {"logisticregression__C": [0.01, 1.0]},
            X,
            y,
            domain,
            [criterion],
        )
        for copy in (True, False)
    )
    pd.testing.assert_frame_equal(copied, in_place)
    np.testing.assert_array_equal(X, before)


def test_a_plain_classifier_is_fitted_on_source_rows_alone():
    X, y, domain = rows()[:3]
    chosen = select(LogisticRegression(), {"C": [1.0]}, X, y, domain, progress=False)
    alone = LogisticRegression().fit(X[domain >= 0], y[domain >= 0])
    np.testing.assert_array_equal(chosen.estimator.coef_, alone.coef_)
