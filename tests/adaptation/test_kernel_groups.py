"""KGSL and TTRM: each turn against its condition for a minimum, and the whole as a descent."""

import numpy as np
import pytest
from scipy.optimize import minimize, nnls
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel

from cdmer.adaptation import KGSL, TTRM
from cdmer.adaptation._regression.kernel_groups import project_to_simplex


def rows(seed=0, n_features=12):
    rng = np.random.default_rng(seed)
    y = np.arange(36) % 3
    X = np.abs(rng.normal(size=(36, n_features)))
    X[:, :3] += 2 * np.eye(3)[y]
    X[24:] += 0.2
    return X / X.sum(axis=1, keepdims=True), y, np.repeat([1, -2], [24, 12])


def group_kernels(model, X, Y):
    blocks = np.split(np.arange(X.shape[1]), len(model.groups_))
    if model.kernel == "linear":
        return np.stack([X[:, b] @ Y[:, b].T for b in blocks])
    if model.kernel == "rbf":
        return np.stack([rbf_kernel(X[:, b], Y[:, b]) for b in blocks])
    difference, total = (op(X[:, None], Y[None]) for op in (np.subtract, np.add))
    share = difference**2 / (total / 2)
    return np.stack([1 - share[:, :, b].sum(axis=2) for b in blocks])


def responses(model, y):
    one_hot = np.eye(3)[y[:24]]
    if isinstance(model, TTRM):
        return np.concatenate([one_hot, model.auxiliary_labels_])
    return one_hot


KERNELS = pytest.mark.parametrize("kernel", ["linear", "chi2", "rbf"])


@KERNELS
def test_objective_and_scores_are_the_formulas(kernel):
    X, y, domain = rows()
    model = KGSL(groups=4, kernel=kernel).fit(X, y, domain)
    kernels = group_kernels(model, model.X_fit_, model.X_fit_)
    P, beta, L = model.dual_coef_, model.group_weights_, responses(model, y)
    misfit = np.sum((L - np.tensordot(beta, kernels, axes=1).T @ P) ** 2)
    assert model.objective_ == pytest.approx(misfit + 0.1 * beta.sum() + 0.1 * np.abs(P).sum())
    scores = np.tensordot(beta, group_kernels(model, X, model.X_fit_), axes=1) @ P
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-10)


@KERNELS
def test_coefficients_are_a_lasso(kernel):
    """One turn, with a penalty that grows slowly, meets the condition for a minimum."""
    X, y, domain = rows()
    model = KGSL(groups=4, kernel=kernel).fit(X, y, domain)
    kernels, L = group_kernels(model, X[:24], X[:24]), np.eye(3)[y[:24]]
    beta, mu = model.group_weights_, model.l1_weight
    model.growth = 1.003
    P = model._regress(kernels, beta, L)
    K = np.tensordot(beta, kernels, axes=1)
    gradient = 2 * K @ (K.T @ P - L)
    assert (P != 0).any()
    assert np.abs(gradient[P == 0]).max(initial=0) <= 1.01 * mu
    np.testing.assert_allclose(gradient[P != 0], -mu * np.sign(P[P != 0]), atol=0.01 * mu)


def test_group_weights_are_the_nonnegative_lasso():
    """One turn against nnls: the linear term moves into the data by a row of ones."""
    rng = np.random.default_rng(0)
    model = KGSL(groups=5, group_weight=0.4)
    kernels, P, L = rng.normal(size=(5, 8, 8)), rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
    images = np.einsum("gnm,nc->gmc", kernels, P).reshape(5, -1)
    # |A b - L|² + λ 1'b = |[A; t 1'] b - [L; -λ/(2t)]|² up to a constant and t² (1'b)²; t -> 0.
    t = 1e-5
    A = np.vstack([images.T, t * np.ones(5)])
    expected, _ = nnls(A, np.append(L.ravel(), -0.4 / (2 * t)))
    np.testing.assert_allclose(model._weight_groups(kernels, P, L), expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kernel", ["linear", "chi2"])
def test_rounds_lower_the_objective(kernel):
    X, y, domain = rows()
    values = [
        KGSL(groups=4, kernel=kernel, growth=1.01, max_iter=n).fit(X, y, domain).objective_
        for n in (1, 2, 4, 8)
    ]
    assert np.all(np.diff(values) <= 1e-6)


def test_auxiliary_set_selection_is_its_quadratic_program():
    X, y, domain = rows()
    model = TTRM(groups=4, selection_weight=0.01).fit(X, y, domain)
    source, target = X[:24], X[24:]
    K, cross = target @ target.T, target @ source.T
    linear = 0.01 - cross.mean(axis=1) - K.mean(axis=1)

    def objective(a):
        return a @ K @ a + linear @ a

    best = minimize(
        objective,
        np.full(12, 0.1),
        jac=lambda a: 2 * K @ a + linear,
        bounds=[(0, 1)] * 12,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 10_000},
    )
    assert objective(model.selection_) <= best.fun + 1e-8
    gradient = 2 * K @ model.selection_ + linear
    inside = (model.selection_ > 1e-6) & (model.selection_ < 1 - 1e-6)
    np.testing.assert_allclose(gradient[inside], 0, atol=1e-6)
    assert gradient[model.selection_ <= 1e-6].min(initial=0) >= -1e-6
    assert model.selection_[model.auxiliary_].min() >= 0.1 * model.selection_.max()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_ttrm_labels_are_projections_of_what_it_predicts():
    X, y, domain = rows()
    model = TTRM(groups=4, selection_weight=0.0, growth=1.003, tol=1e-8, max_iter=500)
    model.fit(X, y, domain)
    assert len(model.auxiliary_)
    predicted = model.decision_function(X[24:][model.auxiliary_])
    np.testing.assert_allclose(model.auxiliary_labels_, project_to_simplex(predicted), atol=1e-3)
    np.testing.assert_allclose(model.auxiliary_labels_.sum(axis=1), 1)
    np.testing.assert_array_equal(model.X_fit_[24:], X[24:][model.auxiliary_])


def test_projection_to_the_simplex():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 4)) * 2
    projected = project_to_simplex(points)
    np.testing.assert_allclose(projected.sum(axis=1), 1)
    assert projected.min() >= 0
    corners = np.vstack([np.eye(4), rng.dirichlet(np.ones(4), size=500)])
    for point, p in zip(points, projected, strict=True):
        # The projection's inequality: no point of the simplex lies in the direction of the rest.
        assert ((corners - p) @ (point - p)).max() <= 1e-12


@pytest.mark.parametrize("method", [KGSL, TTRM])
def test_bad_input(method):
    X, y, domain = rows()
    with pytest.raises(ValueError, match="group_weight"):
        method(group_weight=-1).fit(X, y, domain)
    with pytest.raises(ValueError, match="no group is left at 1000"):
        method(group_weight=1000.0).fit(X, y, domain)
    with pytest.raises(ValueError, match="kernel"):
        method(kernel="no such").fit(X, y, domain)
    with pytest.raises(ValueError, match="kernel"):
        method(kernel=["linear"]).fit(X, y, domain)
    for growth in (1.0, 0.5, "fast"):
        with pytest.raises(ValueError, match="growth: expected a finite number > 1"):
            method(growth=growth).fit(X, y, domain)
    with pytest.raises(ValueError, match="X: kernel='chi2' takes histograms"):
        method(kernel="chi2").fit(X - 1, y, domain)
    with pytest.raises(ValueError, match="groups"):
        method(groups=5).fit(X, y, domain)
    with pytest.warns(ConvergenceWarning, match="max_iter=1 "):
        method(max_iter=1).fit(X, y, domain)
    assert np.isfinite(method().fit(X[:25], y[:25], domain[:25]).decision_function(X)).all()
