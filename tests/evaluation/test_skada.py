"""skada's pipelines and scorers take our estimators, and our selection takes theirs.

skada switches metadata routing on for the whole process when it is imported; the fixture puts it
back.
"""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from cdmer.adaptation import TCA, TGSR, DomainStandardizer, SourceOnly
from cdmer.evaluation.selection import CRITERIA, make_scorer, make_splitter, select


@pytest.fixture
def skada():
    before = sklearn.get_config()
    module = pytest.importorskip("skada")
    pytest.importorskip("skada.metrics")
    sklearn.set_config(**(before | {"enable_metadata_routing": True}))
    yield module
    sklearn.set_config(**before)


def rows():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 2
    X = rng.normal(size=(90, 8))
    X[:, 0] += 2 * y
    X[60:] += 0.5
    domain = np.repeat([1, -2], [60, 30])
    return X, np.where(domain > 0, y, -1), domain, y  # skada masks target labels by -1


@pytest.mark.parametrize(
    "method", [TCA(n_components=3), TGSR(), SourceOnly(LogisticRegression())], ids=str
)
def test_our_methods_in_their_pipelines(skada, method):
    X, y, domain, _ = rows()
    pipe = skada.make_da_pipeline(StandardScaler(), method)
    pipe.fit(X, y, sample_domain=domain)
    alone = sklearn.base.clone(method).fit(StandardScaler().fit_transform(X), y, domain)
    expected = alone.predict(StandardScaler().fit_transform(X))
    np.testing.assert_array_equal(pipe.predict(X[60:], sample_domain=domain[60:]), expected[60:])


def test_their_adapters_before_our_methods(skada):
    X, y, domain, _ = rows()
    pipe = skada.make_da_pipeline(skada.CORALAdapter(reg=0.1), DomainStandardizer(), TGSR())
    pipe.fit(X, y, sample_domain=domain)
    assert set(pipe.predict(X[60:], sample_domain=domain[60:])) <= {0, 1}


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "in their pipeline"])
def test_their_scorers_on_our_methods(skada, wrapped):
    X, y, domain, truth = rows()
    method = TCA(LogisticRegression(), n_components=3)
    splits = skada.model_selection.SourceTargetShuffleSplit(n_splits=2, random_state=0)
    metrics = skada.metrics
    for scorer in (
        metrics.PredictionEntropyScorer(),
        metrics.SoftNeighborhoodDensity(),
        metrics.CircularValidation(),
        metrics.SupervisedScorer(),
        metrics.ImportanceWeightedScorer(),
    ):
        params = {"sample_domain": domain}
        if isinstance(scorer, metrics.SupervisedScorer):
            params["target_labels"] = truth
        model = sklearn.base.clone(method)
        if isinstance(scorer, metrics.ImportanceWeightedScorer):
            if not wrapped:
                continue  # it asks for a score that takes weights, which their pipeline provides
            model.set_score_request(sample_weight=True)
        estimator = skada.make_da_pipeline(model) if wrapped else model
        scores = cross_val_score(
            estimator, X, y, cv=splits, params=params, scoring=scorer, error_score="raise"
        )
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_our_selection_on_their_methods(skada, criterion):
    X, y, domain, _ = rows()
    theirs = skada.make_da_pipeline(
        skada.SubspaceAlignmentAdapter(n_components=2), LogisticRegression()
    )
    param_grid = {"subspacealignmentadapter__n_components": [1, 2, 3]}
    chosen = select(theirs, param_grid, X, y, domain, criterion, progress=False)
    search = GridSearchCV(
        theirs,
        param_grid,
        scoring=make_scorer(criterion, X[domain < 0]),
        cv=make_splitter(criterion, domain),
    ).fit(X, y, sample_domain=domain)
    assert chosen.best_params == search.best_params_
    np.testing.assert_allclose(chosen.scores[criterion], search.cv_results_["mean_test_score"])
