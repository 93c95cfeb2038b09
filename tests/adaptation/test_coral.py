"""CORAL against its formula with dense matrix roots."""

import time

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power, sqrtm
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from cdmer.adaptation import CORAL


def rows(n_source, n_target, n_features, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features)) + 0.5
    X[:n_source] = X[:n_source] @ (
        np.eye(n_features) + rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    )
    domain = rng.permutation(np.repeat([1, -2], [n_source, n_target]))
    return X, np.arange(len(X)) % 3, domain


def covariance(X, reg=0.0):
    return np.cov(X, rowvar=False) + reg * np.eye(X.shape[1])


SHAPES = pytest.mark.parametrize(
    "shape", [(40, 30, 7), (12, 10, 25), (40, 9, 20)], ids=["n>d", "n<d", "mixed"]
)


@SHAPES
@pytest.mark.parametrize("reg", [0.01, 1.0, 50.0])
def test_source_rows_are_moved_by_the_formula(shape, reg):
    X, y, domain = rows(*shape)
    source = domain > 0
    model = CORAL(reg=reg).fit(X, y, domain)
    whiten = fractional_matrix_power(covariance(X[source], reg), -0.5)
    colour = sqrtm(covariance(X[~source], reg))
    expected = X[source] @ whiten.real @ colour.real
    np.testing.assert_allclose(model.transform(X, domain)[source], expected, atol=1e-8)
    # What the classifier was fitted on.
    svm = SVC(kernel="linear").fit(expected, y[source])
    np.testing.assert_allclose(model.decision_function(X), svm.decision_function(X), atol=5e-3)


@SHAPES
def test_target_rows_stay_as_they_are(shape):
    X, y, domain = rows(*shape)
    model = CORAL().fit(X, y, domain)
    moved = model.transform(X, domain)
    np.testing.assert_array_equal(moved[domain < 0], X[domain < 0])
    np.testing.assert_array_equal(model.transform(X), X)  # new rows are target rows
    assert np.abs(moved[domain > 0] - X[domain > 0]).max() > 0.1
    np.testing.assert_array_equal(CORAL().fit_transform(X, y, sample_domain=domain), moved)


def test_moved_source_rows_have_the_targets_covariance():
    X, y, domain = rows(60, 50, 6)
    source, reg = domain > 0, 1e-7
    moved = CORAL(LogisticRegression(), reg=reg).fit(X, y, domain).transform(X, domain)[source]
    expected = covariance(X[~source], reg)
    assert np.abs(covariance(X[source]) - expected).max() > 0.5  # there is something to do
    np.testing.assert_allclose(covariance(moved, reg), expected, atol=1e-5)


def test_equal_covariances_move_nothing():
    X, y, _ = rows(20, 20, 30)
    X[20:] = X[:20] + 3.0
    domain = np.repeat([1, -2], 20)
    np.testing.assert_allclose(CORAL(reg=0.1).fit(X, y, domain).transform(X, domain), X, atol=1e-8)


def test_rows_in_any_order_and_in_parts():
    X, y, domain = rows(20, 15, 10)
    model = CORAL().fit(X, y, domain)
    moved = model.transform(X, domain)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_allclose(model.transform(X[order], domain[order]), moved[order], atol=1e-10)
    for row in range(5):
        single = model.transform(X[[row]], domain[[row]])
        np.testing.assert_allclose(single, moved[[row]], atol=1e-10)


def test_path_is_separate_fits():
    X, y, domain = rows(20, 15, 30)
    settings = [{"reg": reg} for reg in (10.0, 0.1, 1.0)]
    for index, model in CORAL().iter_path(X, y, sample_domain=domain, settings=settings):
        single = CORAL(**settings[index]).fit(X, y, domain)
        np.testing.assert_array_equal(model.transform(X, domain), single.transform(X, domain))
        np.testing.assert_array_equal(model.decision_function(X), single.decision_function(X))


def test_without_target_rows_nothing_moves():
    X, y, _ = rows(20, 15, 10)
    model = CORAL().fit(X, y)
    np.testing.assert_array_equal(model.transform(X, np.ones(len(X), int)), X)
    plain = SVC(kernel="linear", C=1.0).fit(X, y)
    # Inner products of rows one by one and by a matrix product: the same but for rounding.
    np.testing.assert_allclose(
        model.decision_function(X), plain.decision_function(X), rtol=0, atol=1e-10
    )


def test_size_of_the_benchmark():
    """A root of a 15045 x 15045 matrix would take hours, and the matrix alone 1.8 GB."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(201, 15045)), np.arange(201) % 3
    start = time.perf_counter()
    CORAL().fit(X, y, np.repeat([1, -2], [120, 81]))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("reg", [0, -1.0, np.nan, "small"])
def test_reg_is_positive(reg):
    X, y, domain = rows(20, 15, 10)
    with pytest.raises(ValueError, match="^reg: expected a finite number > 0"):
        CORAL(reg=reg).fit(X, y, domain)
