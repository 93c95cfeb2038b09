"""The default inner classifier against scikit-learn's machine."""

import numpy as np
import pytest
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import cdmer.adaptation._gram_svc
from cdmer.adaptation import GramSVC

# As scikit-learn says of its own machine: libsvm ends at a tolerance.
FAILS = {
    "check_sample_weight_equivalence_on_dense_data": "weights are not quite repeated rows",
}


def rows(n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 50)), np.arange(30) % n_classes
    return X, np.array(["a", "b", "c"])[y], rng.choice([0.0, 0.5, 2.0], size=30)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("most_rows", [5000, 10], ids=["products", "rows"])
def test_it_is_the_linear_machine(n_classes, weighted, most_rows, monkeypatch):
    monkeypatch.setattr(cdmer.adaptation._gram_svc, "MOST_ROWS", most_rows)
    X, y, weights = rows(n_classes)
    weights = weights if weighted else None
    expected = SVC(kernel="linear", C=0.1).fit(X, y, weights)
    model = GramSVC(C=0.1).fit(X, y, weights)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    scores = expected.decision_function(X)
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(29), r"sample_weight: .*\(30,\), got shape \(29,\)"),
        (np.zeros(30), "sample_weight: expected a weight above zero"),
    ],
)
def test_weights_are_checked(weights, message):
    X, y, _ = rows(3)
    with pytest.raises(ValueError, match=message):
        GramSVC().fit(X, y, weights)


@parametrize_with_checks([GramSVC()], expected_failed_checks=lambda _: FAILS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
