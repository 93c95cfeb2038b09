"""TKL: features against the formulas, eigenvalues against the optimality conditions."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.svm import SVC

from cdmer.adaptation import TKL

CASES = [
    {},
    {"eta": 1.0},
    {"eta": 0.0},
    {"kernel": "rbf", "gamma": 0.1},
    {"kernel": "rbf", "gamma": 0.3, "eta": 1.1},
]
each_case = pytest.mark.parametrize("setting", CASES, ids=str)


def rows(n_source=25, n_target=18, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features)) * np.geomspace(1.5, 0.5, n_features)
    X[n_source:] = 0.8 * X[n_source:] + 0.3
    return X, np.arange(len(X)) % 3, np.repeat([1, -2], [n_source, n_target])


def kernel(setting, A, B):
    if setting.get("kernel", "linear") == "linear":
        return linear_kernel(A, B)
    return rbf_kernel(A, B, gamma=setting["gamma"])


def extended_eigenvectors(setting, X, X_target, k):
    """Φ = K(x, x_t) Φ_t Λ_t⁻¹ for the k largest eigenvalues."""
    values, vectors = np.linalg.eigh(kernel(setting, X_target, X_target))
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    return kernel(setting, X, X_target) @ vectors / values


@each_case
@pytest.mark.parametrize("seed", range(3))
def test_eigenvalues_are_optimal(setting, seed):
    X, y, domain = rows(seed=seed)
    model = TKL(**setting).fit(X, y, domain)
    values, eta, k = model.eigenvalues_, model.eta, model.n_components_
    assert k == 8 == len(values)
    slack = values - eta * np.append(values[1:], 0)
    assert values.min() >= 0
    assert slack.min() >= -1e-6 * values.max()

    Xs, Xt = X[domain > 0], X[domain < 0]
    phi, K = extended_eigenvectors(setting, Xs, Xt, k), kernel(setting, Xs, Xs)

    def misfit(values):
        return ((phi * values @ phi.T - K) ** 2).sum()

    # The feasible cone is spanned by (η^(j-1), …, η, 1, 0, …, 0), j = 1 … k: at the minimum of a
    # convex function the derivative is nowhere negative along these and zero along λ itself.
    gradient = 2 * np.diagonal(phi.T @ (phi * values @ phi.T - K) @ phi)
    rays = np.array([[eta ** (j - i) if i <= j else 0.0 for i in range(k)] for j in range(k)])
    size = (phi**2).sum(axis=0) * np.linalg.norm(K)  # what the derivative is a difference of
    assert (rays @ gradient >= -1e-6 * (rays @ size)).all()
    assert abs(values @ gradient) <= 1e-6 * (values @ size)

    # In coordinates along the rays the constraints are signs, which SLSQP keeps exactly.
    rays /= np.linalg.norm(phi**2 @ rays.T, axis=0)[:, None]
    for start in (np.linalg.lstsq(rays.T, values, rcond=None)[0], np.ones(k)):
        other = minimize(
            lambda t: misfit(rays.T @ t) / misfit(0 * values),
            np.maximum(start, 0),
            method="SLSQP",
            bounds=[(0, None)] * k,
            options={"ftol": 1e-12, "maxiter": 500},
        )
        assert misfit(values) <= misfit(rays.T @ other.x) * (1 + 1e-6)


@each_case
def test_inner_products_are_the_learned_kernel(setting):
    X, y, domain = rows()
    model = TKL(**setting).fit(X, y, domain)
    phi = extended_eigenvectors(setting, X, X[domain < 0], model.n_components_)
    learned = phi * model.eigenvalues_ @ phi.T
    features = model.transform(X, domain)
    assert features.shape == (len(X), model.n_components_)
    np.testing.assert_allclose(features @ features.T, learned, atol=1e-8)
    # The map is the same for both domains and for new rows, but for the rounding of two products
    # of other shapes.
    np.testing.assert_allclose(features, model.transform(X), rtol=0, atol=1e-10)

    source = domain > 0
    svm = SVC(kernel="precomputed").fit(learned[np.ix_(source, source)], y[source])
    np.testing.assert_allclose(
        model.decision_function(X), svm.decision_function(learned[:, source]), atol=5e-3
    )


@pytest.mark.parametrize("n_features", [4, 60], ids=["n>d", "n<d"])
def test_without_target_rows_the_kernel_is_the_plain_one(n_features):
    X, y, _ = rows(n_features=n_features)
    for setting in ({}, {"kernel": "rbf", "gamma": 0.2}):
        model = TKL(**setting).fit(X, y)
        features = model.transform(X)
        np.testing.assert_allclose(features @ features.T, kernel(setting, X, X), atol=1e-8)
    plain = SVC(kernel="linear", C=1.0).fit(X, y)
    decision = TKL().fit(X, y).decision_function(X)
    np.testing.assert_allclose(decision, plain.decision_function(X), atol=5e-3)


@pytest.mark.parametrize(
    ("n_target", "expected"), [(1, 1), (2, 1), (10, 1), (11, 1), (12, 2), (40, 30), (215, 200)]
)
def test_number_of_components(n_target, expected):
    X, y, domain = rows(12, n_target, n_features=220)
    model = TKL().fit(X, y, domain)
    assert model.n_components_ == expected == model.transform(X[:2]).shape[1]


def test_no_more_components_than_the_rank():
    X, y, domain = rows(12, 30, n_features=5)
    assert TKL().fit(X, y, domain).n_components_ == 5


def test_a_target_of_one_row_has_a_closed_form():
    """One component: the features are multiples of k(x, x_t), least squares gives the factor."""
    X, y, domain = rows(25, 1)
    model = TKL().fit(X, y, domain)
    Xs, phi = X[:25], X @ X[25] / np.sqrt(X[25] @ X[25]) / np.sqrt(X[25] @ X[25])
    factor = phi[:25] @ Xs @ Xs.T @ phi[:25] / (phi[:25] @ phi[:25]) ** 2
    np.testing.assert_allclose(model.eigenvalues_, [factor], rtol=1e-6)
    np.testing.assert_allclose(np.abs(model.transform(X)[:, 0]), np.sqrt(factor) * np.abs(phi))


def test_damping_of_zero_and_of_infinity():
    """Least squares with signs alone; with very much only the first is left."""
    X, y, domain = rows()
    free = TKL(eta=0.0).fit(X, y, domain).eigenvalues_
    phi = extended_eigenvectors({}, X[:25], X[25:], 8)
    fit = np.linalg.solve((phi.T @ phi) ** 2, np.sum(phi * (X[:25] @ X[:25].T @ phi), axis=0))
    assert fit.min() > 0
    np.testing.assert_allclose(free, fit, rtol=1e-6)
    assert (free[:-1] < 2 * free[1:]).any()  # so the constraint of the other cases is not idle
    strong = TKL(eta=1e9).fit(X, y, domain).eigenvalues_
    assert strong[1] <= 1.001e-9 * strong[0]


def test_path_is_separate_fits():
    X, y, domain = rows()
    settings = [{"eta": eta} for eta in (2.0, 1.0, 1.5)]
    for index, model in TKL().iter_path(X, y, sample_domain=domain, settings=settings):
        single = TKL(**settings[index]).fit(X, y, domain)
        np.testing.assert_array_equal(model.eigenvalues_, single.eigenvalues_)
        np.testing.assert_array_equal(model.decision_function(X), single.decision_function(X))


def test_bad_input():
    X, y, domain = rows()
    with pytest.raises(ValueError, match="^eta: "):
        TKL(eta=-1.0).fit(X, y, domain)
    with pytest.raises(ValueError, match="^X: the kernel of the target rows is zero"):
        TKL().fit(np.where((domain < 0)[:, None], 0.0, X), y, domain)


def test_a_kernel_that_vanishes_is_refused():
    """Rows far apart at a narrow width: no source row has anything in common with a target row."""
    X = np.random.default_rng(0).normal(size=(40, 5)) * 1e3
    with pytest.raises(ValueError, match="^gamma, kernel: .* vanishes"):
        TKL(kernel="rbf", gamma=1.0).fit(X, np.arange(40) % 2, np.repeat([1, -2], 20))
