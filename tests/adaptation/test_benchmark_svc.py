"""BenchmarkSVC: libsvm's votes with its own tie-break."""

import numpy as np
import pytest
from sklearn.svm import SVC

from cdmer.adaptation import BenchmarkSVC


def votes(X, y, order, rows):
    """One-against-one by hand: a machine per pair, ties to the class that comes first."""
    count = np.zeros((len(rows), len(order)), dtype=int)
    for i in range(len(order)):
        for j in range(i + 1, len(order)):
            pair = np.isin(y, [order[i], order[j]])
            machine = SVC(kernel="linear").fit(X[pair], y[pair] == order[i])
            first = machine.predict(rows)
            count[:, i] += first
            count[:, j] += ~first
    return np.array(order)[count.argmax(axis=1)], (np.sort(count, axis=1)[:, -2:].min(axis=1))


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]])
def test_ties_go_to_the_label_seen_first(order):
    rng = np.random.default_rng(0)
    y = np.concatenate([order, rng.integers(0, 3, 87)])
    X = rng.normal(size=(90, 40)) + 0.3 * rng.normal(size=(3, 40))[y]
    new = rng.normal(size=(300, 40))
    expected, second = votes(X, y, order, new)
    assert (second == 1).any()  # one vote each: ties do occur
    np.testing.assert_array_equal(BenchmarkSVC().fit(X, y).predict(new), expected)


def test_with_sorted_labels_it_is_svc():
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, 3, 60))
    X, new = rng.normal(size=(60, 10)), rng.normal(size=(200, 10))
    svc, ours = SVC(kernel="linear").fit(X, y), BenchmarkSVC().fit(X, y)
    np.testing.assert_array_equal(ours.predict(new), svc.predict(new))
    np.testing.assert_array_equal(ours.decision_function(new), svc.decision_function(new))


def test_scores_belong_to_sorted_classes():
    X, y = np.array([[3.0], [1.0], [2.0]]), np.array(["c", "a", "b"])
    for rows in (slice(None), slice(2)):
        model = BenchmarkSVC(C=10.0).fit(X[rows], y[rows])
        scores = model.decision_function(X[rows])
        if scores.ndim == 1:
            scores = np.column_stack([-scores, scores])
        np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], y[rows])
