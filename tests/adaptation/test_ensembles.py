"""PseudoLabeling and GridVoting against plain loops."""

import math

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

from cdmer.adaptation import (
    GFK,
    TCA,
    TGSR,
    GridVoting,
    MethodVoting,
    PseudoLabeling,
    SourceOnly,
    class_scores,
)


def rows(n_classes=3, n_source=24, n_target=20, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features))
    y = np.arange(len(X)) % n_classes
    X[:, :n_classes] += 1.5 * np.eye(n_classes)[y]
    domain = rng.permutation(np.repeat([1, -2], [n_source, n_target]))
    X[domain < 0] += rng.normal(size=n_features)
    return X, np.array(["a", "b", "c", "d"])[y], domain


# Scores


def test_scores_of_two_classes_are_opposite():
    X, y, _ = rows(2)
    svm = LinearSVC().fit(X, y)
    scores = class_scores(svm, X)
    np.testing.assert_allclose(scores[:, 1] - scores[:, 0], svm.decision_function(X))
    np.testing.assert_allclose(scores.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_array_equal(svm.classes_[scores.argmax(axis=1)], svm.predict(X))


def test_scores_of_what_a_classifier_offers():
    X, y, _ = rows(3)
    svm, neighbours = SVC().fit(X, y), KNeighborsClassifier().fit(X, y)
    np.testing.assert_array_equal(class_scores(svm, X), svm.decision_function(X))
    np.testing.assert_array_equal(class_scores(neighbours, X), neighbours.predict_proba(X))
    with pytest.raises(ValueError, match="^estimator: .*object has"):
        class_scores(object(), X)


# Pseudo-labels


def margin(scores):
    first, second = sorted(scores, reverse=True)[:2]
    return first - second


def self_trained(make, X_source, y_source, X_target, n_rounds):
    """The docstring's rounds, row by row; the last estimator, and labels and rows it was given."""
    classes = sorted(set(y_source))
    model, labels, taken = make().fit(X_source, y_source), None, None
    for r in range(1, n_rounds + 1):
        scores = class_scores(model, X_target)
        labels = [classes[list(row).index(max(row))] for row in scores]
        quota = math.ceil(r * len(X_target) / (n_rounds * len(classes)))
        taken = set()
        for label in classes:
            own = [i for i in range(len(X_target)) if labels[i] == label]
            own.sort(key=lambda i: margin(scores[i]), reverse=True)
            taken |= set(own[:quota])
        chosen = sorted(taken)
        model = make().fit(
            np.concatenate([X_source, X_target[chosen]]),
            np.concatenate([y_source, [labels[i] for i in chosen]]),
        )
    return model, labels, chosen


def neighbours():
    return KNeighborsClassifier(9, weights="distance")  # has predict_proba alone


def logistic():
    return LogisticRegression(C=0.3)


INNER = {
    "default": (None, lambda: SVC(kernel="linear", C=1.0)),
    "LogisticRegression": (logistic(), logistic),
    "KNeighbors": (neighbours(), neighbours),
}


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_rounds", [1, 2, 7])
def test_pseudo_labels_are_those_of_the_plain_loop(inner, n_classes, n_rounds):
    X, y, domain = rows(n_classes)
    source, (estimator, make) = domain > 0, INNER[inner]
    model = PseudoLabeling(estimator, n_rounds=n_rounds).fit(X, y, domain)
    last, labels, chosen = self_trained(make, X[source], y[source], X[~source], n_rounds)
    np.testing.assert_array_equal(model.pseudo_labels_, labels)
    np.testing.assert_array_equal(np.flatnonzero(model.taken_), chosen)
    np.testing.assert_allclose(class_scores(model, X), class_scores(last, X), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(model.predict(X), last.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("n_target", [1, 2, 7, 20])
def test_quotas_keep_a_class_from_taking_over(n_classes, n_target):
    X, y, domain = rows(n_classes, n_target=n_target)
    X[domain < 0, 0] += 6.0  # so that the source favours the first class
    model = PseudoLabeling().fit(X, y, domain)
    source, quota = domain > 0, math.ceil(n_target / n_classes)
    for label in model.classes_:
        own = model.pseudo_labels_ == label
        assert (own & model.taken_).sum() == min(own.sum(), quota)
    if n_target == 20:
        assert (model.pseudo_labels_ == "a").sum() > quota  # the quota had something to do
    # The classifier is a fresh fit on the source rows and those that were taken.
    X_both = np.concatenate([X[source], X[~source][model.taken_]])
    y_both = np.concatenate([y[source], model.pseudo_labels_[model.taken_]])
    fresh = SVC(kernel="linear", C=1.0).fit(X_both, y_both)
    np.testing.assert_allclose(model.decision_function(X), fresh.decision_function(X), atol=1e-9)


def test_one_round_trusts_the_source_classifier():
    X, y, domain = rows()
    source = domain > 0
    # Labels are those of the largest score, which SVC.predict gives where it breaks ties.
    svm = SVC(kernel="linear", break_ties=True)
    model = PseudoLabeling(svm, n_rounds=1).fit(X, y, domain)
    plain = clone(svm).fit(X[source], y[source])
    np.testing.assert_array_equal(model.pseudo_labels_, plain.predict(X[~source]))


def test_pseudo_labeling_without_target_rows_is_the_plain_estimator():
    X, y, _ = rows()
    plain = SVC(kernel="linear", C=1.0).fit(X, y)
    model = PseudoLabeling().fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), plain.decision_function(X), atol=1e-9)
    assert not hasattr(model, "taken_")


@pytest.mark.parametrize("n_rounds", [0, 1.5, True])
def test_number_of_rounds_is_checked(n_rounds):
    X, y, domain = rows()
    with pytest.raises(ValueError, match="^n_rounds: "):
        PseudoLabeling(n_rounds=n_rounds).fit(X, y, domain)


# Votes


GRIDS = {
    "TCA": (TCA(), [{"n_components": k} for k in (1, 2, 3, 5, 8, 9)]),
    "TGSR": (
        TGSR(groups=6),
        [{"mmd_weight": w, "n_selected": k} for w in (0.1, 10.0) for k in (1, 2, 4)],
    ),
    "GFK": (GFK(), [{"n_components": k} for k in (1, 2, 4, 6)]),
}


def as_grid(settings):
    return {name: sorted({setting[name] for setting in settings}) for name in settings[0]}


def voted(models, X):
    """Votes counted one by one; how many rows the summed scores had to decide."""
    classes, ties = models[0].classes_, 0
    scores = [class_scores(model, X) for model in models]
    scores = [(s - s.min(axis=1, keepdims=True)) / np.ptp(s, axis=1, keepdims=True) for s in scores]
    predictions = [model.predict(X).tolist() for model in models]
    winners = []
    for row in range(len(X)):
        votes = [sum(p[row] == label for p in predictions) for label in classes]
        best = [i for i in range(len(classes)) if votes[i] == max(votes)]
        ties += len(best) > 1
        winners.append(classes[max(best, key=lambda i: sum(s[row, i] for s in scores))])
    return winners, ties


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("method", GRIDS)
def test_prediction_is_the_majority_of_separate_fits(method, n_classes):
    estimator, settings = GRIDS[method]
    n_ties = 0
    for seed in range(3):
        X, y, domain = rows(n_classes, seed=seed)
        model = GridVoting(estimator, as_grid(settings)).fit(X, y, domain)
        assert model.settings_ == settings
        single = [
            type(estimator)(**(estimator.get_params() | setting)).fit(X, y, domain)
            for setting in settings
        ]
        new = rows(n_classes, n_target=60, seed=seed + 10)[0]
        expected, ties = voted(single, new)
        np.testing.assert_array_equal(model.predict(new), expected)
        n_ties += ties
        for one, other in zip(model.estimators_, single, strict=True):
            scores = class_scores(one, new)
            np.testing.assert_allclose(scores, class_scores(other, new), atol=5e-3)  # libsvm's
    assert n_ties > 0  # or their rule was not tested


@pytest.mark.parametrize("n_classes", [2, 3])
def test_decision_function_is_votes_and_a_fraction(n_classes):
    X, y, domain = rows(n_classes)
    model = GridVoting(TCA(), {"n_components": [1, 2, 5, 9]}).fit(X, y, domain)
    scores = class_scores(model, X)
    votes = np.array([(m.predict(X)[:, None] == model.classes_) for m in model.estimators_]).sum(0)
    if n_classes == 2:
        assert scores.ndim == 2
        difference = model.decision_function(X) - (votes[:, 1] - votes[:, 0])
        assert np.abs(difference).max() < 1
    else:
        assert np.abs(model.decision_function(X) - votes).max() < 0.5
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(X))


def test_a_vote_of_one_is_that_one():
    X, y, domain = rows()
    model = GridVoting(TCA(), {"n_components": [4]}).fit(X, y, domain)
    expected = TCA(n_components=4).fit(X, y, domain).predict(X)
    np.testing.assert_array_equal(model.predict(X), expected)


def test_default_grid_is_gfk_with_one_to_forty_components():
    X, y, domain = rows()
    model = GridVoting().fit(X, y, domain)
    assert model.settings_ == [{"n_components": k} for k in range(1, 41)]
    assert {type(m) for m in model.estimators_} == {GFK}


def test_several_grids():
    X, y, domain = rows()
    grids = [{"n_components": [2, 3]}, {"kernel": ["rbf"], "n_components": [4]}]
    model = GridVoting(TCA(), grids).fit(X, y, domain)
    assert [m.n_components for m in model.estimators_] == [2, 3, 4]
    assert [m.kernel for m in model.estimators_] == ["linear", "linear", "rbf"]


def test_methods_vote_once_each():
    X, y, domain = rows()
    methods = [SourceOnly(), GFK(n_components=2), TCA(n_components=3)]
    model = MethodVoting(methods).fit(X, y, domain)
    alone = [clone(method).fit(X, y, domain) for method in methods]
    expected, ties = voted(alone, X)
    assert ties > 0
    np.testing.assert_array_equal(model.predict(X), expected)
    assert not hasattr(methods[0], "classes_")  # clones are fitted


def test_votes_refuse_methods_that_do_not_adapt():
    X, y, domain = rows()
    with pytest.raises(ValueError, match=r"estimator: expected an adaptive .*got SVC"):
        GridVoting(SVC(), {"C": [1.0]}).fit(X, y, domain)
    with pytest.raises(ValueError, match=r"estimators: expected adaptive .*got \['SVC'\]"):
        MethodVoting([SourceOnly(), SVC()]).fit(X, y, domain)
    with pytest.raises(ValueError, match="estimators: got none"):
        MethodVoting([]).fit(X, y, domain)
