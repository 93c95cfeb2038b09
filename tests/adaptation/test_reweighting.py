"""KMM, uLSIF and KLIEP against the optimality conditions of the problems that they state."""

import numpy as np
import pytest
import sklearn
from scipy.optimize import linprog, minimize
from scipy.spatial.distance import pdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from cdmer.adaptation import KLIEP, KMM, ULSIF, density_ratio
from cdmer.adaptation._reweighting import mixture_shares

METHODS = [KMM(), ULSIF(), ULSIF(kernel="linear"), KLIEP()]
each_method = pytest.mark.parametrize(
    "method", METHODS, ids=["KMM", "ULSIF(rbf)", "ULSIF(linear)", "KLIEP"]
)


def rows(n_source=20, n_target=12, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features)) + 0.5
    X[n_source:, 0] += 1.0
    X[n_source:] *= 0.7
    y = np.arange(len(X)) % 3
    return X, y, np.repeat([1, -2], [n_source, n_target])


# KMM


KMM_CASES = [
    {},
    {"B": 2.0, "epsilon": 0.0},
    {"kernel": "rbf", "gamma": 0.5},
    {"kernel": "rbf", "gamma": 0.5, "B": 1.7, "epsilon": 0.05},
    {"kernel": "rbf", "B": 1.0, "epsilon": 0.3},
    {"kernel": "rbf", "gamma": 5.0, "B": 0.8, "epsilon": 0.25},  # the mean cannot reach 1
]


def stated_kmm(setting, X, domain):
    Xs, Xt = X[domain > 0], X[domain < 0]
    n = len(Xs)

    def kernel(A, B):
        if setting.get("kernel", "linear") == "linear":
            return linear_kernel(A, B)
        return rbf_kernel(A, B, gamma=setting.get("gamma"))

    B, epsilon = setting.get("B", 1000.0), setting.get("epsilon", (np.sqrt(n) - 1) / np.sqrt(n))
    return kernel(Xs, Xs), n / len(Xt) * kernel(Xs, Xt).sum(axis=1), B, epsilon


@pytest.mark.parametrize("setting", KMM_CASES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_kmm_solves_its_problem(setting, seed):
    X, y, domain = rows(seed=seed)
    weights = KMM(**setting).fit(X, y, domain).weights_
    K, kappa, B, epsilon = stated_kmm(setting, X, domain)
    n = len(K)
    assert weights.min() >= 0
    assert weights.max() <= B
    assert abs(weights.mean() - 1) <= epsilon + 1e-6

    def objective(beta):
        return 0.5 * beta @ K @ beta - kappa @ beta

    # The objective is convex: it is above its tangent, whose least value over the polytope,
    # by linear programming, bounds from below what any weights could reach.
    gradient = K @ weights - kappa
    least = linprog(
        gradient,
        A_ub=[np.ones(n), -np.ones(n)],
        b_ub=[n * (1 + epsilon), n * (epsilon - 1)],
        bounds=(0, B),
    ).fun
    scale = abs(objective(weights))
    assert gradient @ weights - least <= 1e-6 * scale
    other = minimize(
        objective,
        np.full(n, min(1.0, B)),
        jac=lambda beta: K @ beta - kappa,
        method="SLSQP",
        bounds=[(0, B)] * n,
        options={"ftol": 1e-12, "maxiter": 1000},
        constraints=[
            {"type": "ineq", "fun": lambda beta: n * epsilon + n - beta.sum()},
            {"type": "ineq", "fun": lambda beta: n * epsilon - n + beta.sum()},
        ],
    )
    assert other.success, other.message
    np.testing.assert_allclose(objective(weights), other.fun, atol=1e-6 * scale)


def test_kmm_cases_meet_each_bound():
    """Without active constraints the test above would show little."""
    X, y, domain = rows()
    met = set()
    for setting in KMM_CASES:
        weights = KMM(**setting).fit(X, y, domain).weights_
        *_, B, epsilon = stated_kmm(setting, X, domain)
        met |= {"zero"} if weights.min() < 1e-6 else set()
        met |= {"B"} if weights.max() > B - 1e-6 else set()
        met |= {"least mean"} if weights.mean() < 1 - epsilon + 1e-6 else set()
        met |= {"no bound"} if abs(weights.mean() - 1) < epsilon - 1e-2 else set()
    assert met == {"zero", "B", "least mean", "no bound"}


def test_kmm_of_a_target_like_the_source_weighs_all_alike():
    X, y, domain = rows(12, 12)
    X[12:] = X[:12]
    weights = KMM(kernel="rbf", gamma=2.0).fit(X, y, domain).weights_
    np.testing.assert_allclose(weights, 1, atol=1e-4)


def test_kmm_refuses_a_largest_weight_that_no_mean_near_one_allows():
    X, y, domain = rows()
    with pytest.raises(ValueError, match=r"^B: .*0\.9.*got 0\.8"):
        KMM(B=0.8, epsilon=0.1).fit(X, y, domain)
    KMM(B=0.9, epsilon=0.11).fit(X, y, domain)


# uLSIF


def median_gamma(X):
    return 1 / np.median(pdist(X, "sqeuclidean"))


def direct_ulsif(X, domain, alpha, kernel):
    Xs, Xt = X[domain > 0], X[domain < 0]
    gamma = median_gamma(X)
    Ps, Pt = (A @ Xt.T if kernel == "linear" else rbf_kernel(A, Xt, gamma=gamma) for A in (Xs, Xt))
    H, h = Ps.T @ Ps / len(Xs), Pt.sum(axis=0) / len(Xt)
    return np.maximum(0, Ps @ np.linalg.solve(H + alpha * np.eye(len(Xt)), h))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("shape", [(20, 12, 3), (9, 14, 30)], ids=["n>d", "n<d"])
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 100.0])
def test_ulsif_is_its_formula(kernel, shape, alpha):
    X, y, domain = rows(*shape)
    weights = ULSIF(alpha=alpha, kernel=kernel).fit(X, y, domain).weights_
    expected = direct_ulsif(X, domain, alpha, kernel)
    np.testing.assert_allclose(weights, expected, rtol=1e-7, atol=1e-9)
    ratio = density_ratio(X[domain > 0], X[domain < 0], alpha=alpha, kernel=kernel)
    np.testing.assert_allclose(ratio, weights, rtol=1e-10)


def test_ulsif_gamma_is_passed_on():
    X, y, domain = rows()
    by_hand = ULSIF(gamma=median_gamma(X)).fit(X, y, domain).weights_
    np.testing.assert_allclose(ULSIF().fit(X, y, domain).weights_, by_hand, rtol=1e-10)
    other = ULSIF(gamma=3.0).fit(X, y, domain).weights_
    assert np.abs(other - by_hand).max() > 0.01


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_ulsif_path_is_separate_fits(kernel):
    X, y, domain = rows()
    settings = [{"alpha": alpha} for alpha in (10.0, 0.01, 1.0, 0.3)]
    path = dict(ULSIF(kernel=kernel).iter_path(X, y, sample_domain=domain, settings=settings))
    assert sorted(path) == [0, 1, 2, 3]
    for index, setting in enumerate(settings):
        single = ULSIF(kernel=kernel, **setting).fit(X, y, domain)
        np.testing.assert_array_equal(path[index].weights_, single.weights_)
        np.testing.assert_array_equal(path[index].decision_function(X), single.decision_function(X))


def test_density_ratio_elsewhere():
    """The same function of x at the source rows and at others."""
    X, _, domain = rows()
    source, target = X[domain > 0], X[domain < 0]
    at_source = density_ratio(source, target)
    np.testing.assert_allclose(density_ratio(source, target, source[::-1]), at_source[::-1])
    assert density_ratio(source, target, target).shape == (12,)
    with pytest.raises(ValueError, match="3 columns"):
        density_ratio(source, target[:, :2])
    with pytest.raises(ValueError, match="alpha"):
        density_ratio(source, target, alpha=0)


# KLIEP


def em_shares(A, n_iter=20_000):
    x = np.full(A.shape[1], 1 / A.shape[1])
    for _ in range(n_iter):
        x *= (A / (A @ x)[:, None]).mean(axis=0)
    return x


def likelihood(A, x):
    return np.log(A @ x).mean()


def mixtures(seed):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(7, 2))
    sharp = np.exp(-((rng.normal(size=(30, 1, 2)) - centres) ** 2).sum(axis=2))
    return {
        "uniform": rng.uniform(0.01, 1, size=(15, 6)),
        "kernel": sharp,
        "scaled": sharp * np.geomspace(1e-3, 1e3, 7),
        "wide": rng.exponential(size=(5, 12)),
        "zeros": np.vstack([np.eye(4), np.triu(np.ones((4, 4)))]),
    }


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["uniform", "kernel", "scaled", "wide", "zeros"])
def test_mixture_shares_are_optimal(seed, kind):
    A = mixtures(seed)[kind]
    x, gap, n_iter = mixture_shares(A, 1e-6, 100)
    assert n_iter < 20
    assert gap < 1e-6
    assert x.min() >= 0
    np.testing.assert_allclose(x.sum(), 1, rtol=1e-12)
    # Over the simplex: the derivative is 1 in each part that has a share, and nowhere above.
    slope = (A / (A @ x)[:, None]).mean(axis=0)
    np.testing.assert_allclose(gap, slope.max() - 1, atol=1e-12)
    np.testing.assert_allclose(slope[x > 1e-2], 1, atol=1e-4)
    assert likelihood(A, em_shares(A, 5000)) <= likelihood(A, x) + gap + 1e-12
    other = minimize(
        lambda x: -likelihood(A, x),
        np.full(A.shape[1], 1 / A.shape[1]),
        method="SLSQP",
        jac=lambda x: -(A / (A @ x)[:, None]).mean(axis=0),
        bounds=[(0, 1)] * A.shape[1],
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
        options={"ftol": 1e-13, "maxiter": 500},
    )
    best = np.maximum(other.x, 0) / np.maximum(other.x, 0).sum()
    assert likelihood(A, best) <= likelihood(A, x) + gap + 1e-12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gamma", [None, 0.05, 3.0])
def test_kliep_solves_its_problem(seed, gamma):
    X, y, domain = rows(seed=seed)
    model = KLIEP(gamma=gamma).fit(X, y, domain)
    assert model.gap_ < model.tol
    np.testing.assert_allclose(model.weights_.mean(), 1, rtol=1e-9)
    Xs, Xt = X[domain > 0], X[domain < 0]
    gamma = median_gamma(X) if gamma is None else gamma
    Ps, Pt = (rbf_kernel(A, Xt, gamma=gamma) for A in (Xs, Xt))
    mass = Ps.mean(axis=0)
    # The constraint makes z = alpha * mass a point of the simplex; EM solves it very slowly, but
    # needs nothing that the library has.
    A = Pt / mass
    z = em_shares(A)
    # The weights determine the target's ratios where the kernel is far from singular.
    if np.linalg.cond(Ps) < 1e6:
        alpha = np.linalg.lstsq(Ps, model.weights_, rcond=None)[0]
        np.testing.assert_allclose(Ps @ alpha, model.weights_, atol=1e-8)
        assert alpha.min() > -1e-8
        assert np.log(Pt @ alpha).mean() > likelihood(A, z) - model.tol
    np.testing.assert_allclose(model.weights_, Ps @ (z / mass), atol=0.02)


def test_kliep_stopped_early_says_so():
    X, y, domain = rows()
    with pytest.warns(ConvergenceWarning, match="KLIEP stopped after 1 steps .*tol=1e-06"):
        model = KLIEP(max_iter=1).fit(X, y, domain)
    assert model.n_iter_ == 1
    assert model.gap_ > model.tol
    np.testing.assert_allclose(model.weights_.mean(), 1, rtol=1e-9)


def test_kliep_refuses_kernels_it_cannot_use():
    X, y, domain = rows()
    with pytest.raises(ValueError, match="gamma, kernel"):
        KLIEP(kernel="linear").fit(X - X.mean(axis=0), y, domain)
    with pytest.raises(ValueError, match="gamma"):
        KLIEP(gamma=1e6).fit(X, y, domain)  # no target row is near any source row


# All three


@each_method
def test_weights_reach_the_inner_estimator(method):
    X, y, domain = rows()
    model = sklearn.clone(method).fit(X, y, domain)
    source = domain > 0
    assert np.ptp(model.weights_) > 0.1  # or the comparison would show nothing
    svm = SVC(kernel="linear", C=1).fit(X[source], y[source], sample_weight=model.weights_)
    np.testing.assert_allclose(model.decision_function(X), svm.decision_function(X), atol=5e-3)
    plain = SVC(kernel="linear", C=1).fit(X[source], y[source])
    assert np.abs(model.decision_function(X) - plain.decision_function(X)).max() > 1e-3


@each_method
def test_weights_are_in_the_order_of_the_source_rows(method):
    X, y, domain = rows()
    expected = sklearn.clone(method).fit(X, y, domain).weights_
    order = np.random.default_rng(0).permutation(len(X))
    weights = sklearn.clone(method).fit(X[order], y[order], domain[order]).weights_
    unknown = np.full(len(X), np.nan)
    unknown[order[domain[order] > 0]] = weights
    np.testing.assert_allclose(unknown[domain > 0], expected, atol=1e-4)


@each_method
def test_without_target_rows_all_weights_are_one(method):
    X, y, _ = rows()
    model = sklearn.clone(method).fit(X, y)
    np.testing.assert_array_equal(model.weights_, np.ones(len(X)))
    plain = SVC(kernel="linear", C=1.0).fit(X, y)
    # Inner products of rows one by one and by a matrix product: the same but for rounding.
    np.testing.assert_allclose(
        model.decision_function(X), plain.decision_function(X), rtol=0, atol=1e-10
    )
    if isinstance(method, KLIEP):
        assert (model.n_iter_, model.gap_) == (1, 0.0)


@each_method
def test_inner_estimator_without_weights_is_refused(method):
    X, y, domain = rows()
    for inner in (KNeighborsClassifier(), make_pipeline(StandardScaler(), KNeighborsClassifier())):
        with pytest.raises(ValueError, match="^estimator: .*sample_weight.*KNeighborsClassifier"):
            sklearn.clone(method).set_params(estimator=inner).fit(X, y, domain)


@each_method
def test_pipelines_as_inner_estimators(method):
    X, y, domain = rows()
    source, inner = domain > 0, make_pipeline(StandardScaler(), SVC(kernel="linear"))
    model = sklearn.clone(method).set_params(estimator=inner).fit(X, y, domain)
    expected = sklearn.clone(inner).fit(X[source], y[source], svc__sample_weight=model.weights_)
    np.testing.assert_array_equal(model.decision_function(X), expected.decision_function(X))


@each_method
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_huge_columns_are_refused(method):
    X, y, domain = rows()
    with pytest.raises(ValueError, match="inf|NaN|finite|gamma|no weight"):
        sklearn.clone(method).fit(X * 1e200, y, domain)


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_last_step_of_nested_pipelines(routing):
    X = np.random.default_rng(0).normal(size=(30, 4)) + 1
    y, domain = np.arange(30) % 3, np.repeat([1, -2], 15)
    inner = make_pipeline(Normalizer(), make_pipeline(StandardScaler(), SVC(kernel="linear")))
    with sklearn.config_context(enable_metadata_routing=routing):
        model = KMM(inner).fit(X, y, sample_domain=domain)
    flat = StandardScaler().fit_transform(Normalizer().fit_transform(X[:15]))
    alone = SVC(kernel="linear").fit(flat, y[:15], sample_weight=model.weights_)
    np.testing.assert_allclose(
        model.decision_function(X[:15]), alone.decision_function(flat), atol=1e-8
    )
