"""STM: hinge losses, rounds that descend, and weights that solve their quadratic program."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.svm import SVC

from cdmer.adaptation import KMM, STM
from cdmer.adaptation._stm import margins


def rows(n_classes, n_source=24, n_target=15, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features))
    y = np.arange(len(X)) % n_classes
    X[:, :n_classes] += 1.2 * np.eye(n_classes)[y]  # classes that overlap: some losses, not all
    X[n_source:] = 0.8 * X[n_source:] + 0.5
    return X, y, np.repeat([1, -2], [n_source, n_target])


def stated_losses(decisions, y, n_classes):
    """Hinge losses from scikit-learn's one-against-one values: positive for a pair's first class.

    With two classes it gives one column, positive for the second class.
    """
    if n_classes == 2:
        return np.maximum(0, 1 - np.where(y == 1, 1, -1) * decisions)
    loss, pairs = np.zeros(len(y)), [(i, j) for i in range(n_classes) for j in range(n_classes)]
    for column, (i, j) in enumerate([(i, j) for i, j in pairs if i < j]):
        for k in range(len(y)):
            if y[k] in (i, j):
                loss[k] += max(0, 1 - (1 if y[k] == i else -1) * decisions[k, column])
    return loss


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("C", [0.05, 10.0])
def test_margins_are_those_of_an_explicit_linear_machine(n_classes, C):
    X, y, _ = rows(n_classes)
    weights = np.random.default_rng(1).uniform(0, 2, size=len(X))
    svm = SVC(kernel="linear", C=C, decision_function_shape="ovo", tol=1e-8)
    svm.fit(X, y, sample_weight=weights)
    norms, loss = margins(svm, X @ X.T, y)
    np.testing.assert_allclose(norms, (svm.coef_**2).sum(), rtol=1e-9)
    expected = stated_losses(svm.decision_function(X), y, n_classes)
    np.testing.assert_allclose(loss, expected, atol=1e-9)
    assert (loss > 0.1).any()
    assert (loss < 1e-6).any()
    # The right losses: those that close the gap between the primal and the dual problem, where
    # each pair's dual objective is the sum of its coefficients' sizes less half the squared norm.
    primal = norms / 2 + C * weights @ loss
    dual = np.abs(svm.dual_coef_).sum() - norms / 2
    np.testing.assert_allclose(primal, dual, rtol=1e-5)


CASES = pytest.mark.parametrize(
    ("n_classes", "setting"),
    [
        (2, {}),
        (3, {}),
        (3, {"trade_off": 30.0, "C": 0.3, "B": 3.0, "epsilon": 0.1}),
        (2, {"trade_off": 200.0, "C": 0.1, "B": 5.0, "epsilon": 0.3}),
        (3, {"trade_off": 100.0, "kernel": "rbf", "gamma": 0.2, "B": 2.0, "epsilon": 0.2}),
    ],
    ids=str,
)


def kernels(setting, X, domain):
    def kernel(A, B):
        if setting.get("kernel", "linear") == "linear":
            return linear_kernel(A, B)
        return rbf_kernel(A, B, gamma=setting["gamma"])

    Xs, Xt = X[domain > 0], X[domain < 0]
    return kernel(Xs, Xs), kernel(Xs, Xt), kernel(Xt, Xt)


def bounds(setting, n):
    return setting.get("B", 1000.0), setting.get("epsilon", (np.sqrt(n) - 1) / np.sqrt(n))


def decisions(model, K):
    model.svm_.set_params(decision_function_shape="ovo")
    return model.svm_.decision_function(K)


@CASES
def test_weights_solve_their_program(n_classes, setting):
    X, y, domain = rows(n_classes)
    model = STM(**setting).fit(X, y, domain)
    assert model.n_iter_ >= 2
    K, Kst, _ = kernels(setting, X, domain)
    n, weights = len(K), model.weights_
    B, epsilon = bounds(setting, n)
    assert weights.min() >= 0
    assert weights.max() <= B
    assert abs(weights.mean() - 1) <= epsilon + 1e-6

    # The weights answer the machine of the round before.
    with pytest.warns(ConvergenceWarning, match=f"max_iter={model.n_iter_ - 1} rounds"):
        before = STM(**setting, max_iter=model.n_iter_ - 1).fit(X, y, domain)
    loss = stated_losses(decisions(before, K), y[domain > 0], n_classes)
    trade_off, C = model.trade_off, model.C

    def objective(s):  # up to a constant
        return C * s @ loss + trade_off * (s @ K @ s / n**2 - 2 * s @ Kst.mean(axis=1) / n)

    def gradient(s):
        return C * loss + 2 * trade_off * (K @ s / n**2 - Kst.mean(axis=1) / n)

    # By convexity no weights are better by more than the tangent's fall over the polytope.
    slope = gradient(weights)
    least = linprog(
        slope,
        A_ub=[np.ones(n), -np.ones(n)],
        b_ub=[n * (1 + epsilon), n * (epsilon - 1)],
        bounds=(0, B),
    ).fun
    # Of the terms that the objective adds up, some of which cancel.
    scale = C * weights @ loss
    scale += trade_off * (weights @ K @ weights / n**2 + 2 * weights @ Kst.mean(axis=1) / n)
    assert slope @ weights - least <= 1e-6 * scale
    other = minimize(
        objective,
        weights,
        jac=gradient,
        method="SLSQP",
        bounds=[(0, B)] * n,
        options={"ftol": 1e-12, "maxiter": 500},
        constraints=[
            {"type": "ineq", "fun": lambda s: n * epsilon + n - s.sum()},
            {"type": "ineq", "fun": lambda s: n * epsilon - n + s.sum()},
        ],
    )
    assert other.fun >= objective(weights) - 1e-6 * scale


@CASES
def test_objective_is_as_stated_and_falls(n_classes, setting):
    X, y, domain = rows(n_classes)
    model = STM(**setting).fit(X, y, domain)
    objectives = np.array(model.objective_)
    assert len(objectives) == model.n_iter_ >= 2
    K, Kst, Ktt = kernels(setting, X, domain)
    # Each half of a round can only lower it, but for what libsvm leaves: stopping where no
    # condition is off by 1e-3, its duality gap is at most 1e-3 times the penalties' sum.
    B, epsilon = bounds(setting, len(K))
    precision = 1e-3 * (n_classes - 1) * model.C * len(K) * (1 + epsilon)
    assert (np.diff(objectives) <= precision).all()
    assert objectives[-1] < objectives[0] - precision

    source, n, s = domain > 0, len(K), model.weights_
    loss = stated_losses(decisions(model, K), y[source], n_classes)
    distance = s @ K @ s / n**2 - 2 * s @ Kst.mean(axis=1) / n + Ktt.mean()
    # A machine of our own with the same weights, solved more precisely, and its dual objective.
    svm = SVC(kernel="precomputed", C=model.C, tol=1e-9).fit(K, y[source], sample_weight=s + 1e-8)
    least = np.abs(svm.dual_coef_).sum() - margins(svm, K, y[source])[0] / 2
    stated = least + model.trade_off * distance
    assert stated - 1e-6 * abs(stated) <= objectives[-1] <= stated + precision
    if setting.get("kernel", "linear") == "linear":
        moved = s @ X[source] / n - X[~source].mean(axis=0)
        np.testing.assert_allclose(distance, moved @ moved, atol=1e-10)
        # Norms of the explicit normals that a linear machine with these weights has.
        refit = SVC(kernel="linear", C=model.C).fit(X[source], y[source], sample_weight=s + 1e-8)
        explicit = (refit.coef_**2).sum() / 2 + model.C * s @ loss + model.trade_off * distance
        np.testing.assert_allclose(objectives[-1], explicit, atol=1e-6 + 2 * precision)


def test_starts_from_the_weights_of_kernel_mean_matching():
    X, y, domain = rows(3)
    setting = {"kernel": "rbf", "gamma": 0.5, "B": 2.0, "epsilon": 0.1}
    with pytest.warns(ConvergenceWarning, match="max_iter=1 "):
        first = STM(trade_off=7.0, max_iter=1, **setting).fit(X, y, domain)
    # The kernel is definite, so there is one solution.
    expected = KMM(**setting).fit(X, y, domain).weights_
    np.testing.assert_allclose(first.weights_, expected, atol=1e-4)


def test_a_large_trade_off_leaves_the_losses_no_say():
    X, y, domain = rows(3)
    setting = {"kernel": "rbf", "gamma": 0.5, "B": 2.0, "epsilon": 0.1}
    model = STM(trade_off=1e7, **setting).fit(X, y, domain)
    expected = KMM(**setting).fit(X, y, domain).weights_
    np.testing.assert_allclose(model.weights_, expected, atol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("setting", [{}, {"kernel": "rbf", "gamma": 0.3, "C": 2.0}], ids=str)
def test_without_target_rows_it_is_the_plain_machine(n_classes, setting):
    X, y, _ = rows(n_classes)
    model = STM(**setting).fit(X, y)
    plain = SVC(**({"kernel": "linear"} | setting), tol=1e-3).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), plain.decision_function(X), atol=5e-3)
    np.testing.assert_array_equal(model.weights_, 1)
    assert (model.n_iter_, model.objective_) == (1, [])


def test_prediction_is_the_machine_of_the_final_weights():
    X, y, domain = rows(3)
    model = STM(trade_off=30.0, B=3.0).fit(X, y, domain)
    source = domain > 0
    svm = SVC(kernel="linear").fit(X[source], y[source], sample_weight=model.weights_ + 1e-8)
    np.testing.assert_allclose(model.decision_function(X), svm.decision_function(X), atol=5e-3)


def test_path_is_separate_fits():
    X, y, domain = rows(3)
    settings = [{"trade_off": value} for value in (30.0, 1.0)]
    for index, model in STM().iter_path(X, y, sample_domain=domain, settings=settings):
        single = STM(**settings[index]).fit(X, y, domain)
        np.testing.assert_array_equal(model.weights_, single.weights_)
        np.testing.assert_array_equal(model.decision_function(X), single.decision_function(X))


@pytest.mark.parametrize(
    ("name", "value"), [("trade_off", 0), ("C", -1.0), ("B", 0.5), ("epsilon", -0.1)]
)
def test_bad_parameters_are_named(name, value):
    X, y, domain = rows(2)
    with pytest.raises(ValueError, match=f"^{name}: "):
        STM(**{name: value}).fit(X, y, domain)
