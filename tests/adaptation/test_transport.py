"""Optimal transport: plans against linear programming and the form of the entropic solution."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import cdist
from sklearn.svm import SVC

from cdmer.adaptation import OptimalTransport

pytest.importorskip("ot")


def rows(n_source=12, n_target=9, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features))
    domain = rng.permutation(np.repeat([1, -2], [n_source, n_target]))
    X[domain < 0] = 0.7 * X[domain < 0] + 1.0
    return X, np.arange(len(X)) % 3, domain


def stated_cost(X, domain):
    cost = cdist(X[domain > 0], X[domain < 0], "sqeuclidean")
    return cost / cost.max()


def check_margins(plan, tolerance=1e-6):
    n_source, n_target = plan.shape
    assert (plan >= 0).all()
    np.testing.assert_allclose(plan.sum(axis=1) * n_source, 1, atol=tolerance)
    np.testing.assert_allclose(plan.sum(axis=0) * n_target, 1, atol=tolerance)


SHAPES = pytest.mark.parametrize("shape", [(12, 9, 3), (8, 8, 40), (5, 11, 2), (6, 1, 4)])


@SHAPES
@pytest.mark.parametrize("seed", range(2))
def test_exact_plan_costs_what_linear_programming_finds(shape, seed):
    X, y, domain = rows(*shape, seed=seed)
    plan = OptimalTransport().fit(X, y, domain).plan_
    check_margins(plan, 1e-9)
    cost = stated_cost(X, domain)
    n_source, n_target = cost.shape
    sums = np.vstack(
        [np.kron(np.eye(n_source), np.ones(n_target)), np.kron(np.ones(n_source), np.eye(n_target))]
    )
    masses = np.repeat([1 / n_source, 1 / n_target], [n_source, n_target])
    least = linprog(cost.ravel(), A_eq=sums, b_eq=masses, bounds=(0, None)).fun
    np.testing.assert_allclose((plan * cost).sum(), least, rtol=1e-9)


@pytest.mark.parametrize("reg", [0.01, 0.1, 10.0])
def test_entropic_plan_has_the_form_of_the_solution(reg):
    """The one plan with its margins whose logarithm is a_i + b_j - C_ij / reg."""
    X, y, domain = rows()
    plan = OptimalTransport(reg=reg).fit(X, y, domain).plan_
    check_margins(plan)
    rest = np.log(plan) + stated_cost(X, domain) / reg
    rest = rest - rest.mean(axis=0) - rest.mean(axis=1, keepdims=True) + rest.mean()
    np.testing.assert_allclose(rest, 0, atol=1e-9)


def test_entropy_from_none_to_all():
    X, y, domain = rows()
    cost = stated_cost(X, domain)
    exact = (OptimalTransport().fit(X, y, domain).plan_ * cost).sum()
    small = (OptimalTransport(reg=5e-3).fit(X, y, domain).plan_ * cost).sum()
    np.testing.assert_allclose(small, exact, rtol=0.05)
    assert small >= exact - 1e-6
    spread = OptimalTransport(reg=1e6).fit(X, y, domain)
    np.testing.assert_allclose(spread.plan_, 1 / (12 * 9), rtol=1e-4)
    np.testing.assert_allclose(
        spread.moved_, np.tile(X[domain < 0].mean(axis=0), (12, 1)), rtol=1e-3, atol=1e-4
    )


def class_penalty(plan, codes):
    """Sum over target rows and classes of a concave function of the class's mass, as in POT."""
    masses = np.stack([plan[codes == code].sum(axis=0) for code in np.unique(codes)])
    return np.sqrt(masses + 1e-3).sum()


def test_class_penalty_is_traded_for_cost():
    """Its rounds go downhill from the entropic plan; a small weight stays there."""
    X, y, domain = rows()
    codes, cost, reg = y[domain > 0], stated_cost(X, domain), 0.1

    def objective(plan):
        return (plan * cost).sum() + reg * (plan * (np.log(plan) - 1)).sum()

    plain = OptimalTransport(reg=reg).fit(X, y, domain).plan_
    for class_reg in (0.1, 0.5):
        plan = OptimalTransport(reg=reg, class_reg=class_reg).fit(X, y, domain).plan_
        check_margins(plan, 1e-3)
        assert class_penalty(plan, codes) < class_penalty(plain, codes)
        assert objective(plan) > objective(plain)
        total = objective(plan) + class_reg * class_penalty(plan, codes)
        assert total < objective(plain) + class_reg * class_penalty(plain, codes)
    tiny = OptimalTransport(reg=reg, class_reg=1e-9).fit(X, y, domain).plan_
    np.testing.assert_allclose(tiny, plain, atol=1e-6)


@pytest.mark.parametrize("setting", [{}, {"reg": 0.1}, {"reg": 0.1, "class_reg": 0.1}], ids=str)
def test_rows_go_to_the_means_of_where_their_mass_goes(setting):
    X, y, domain = rows()
    source = domain > 0
    model = OptimalTransport(**setting).fit(X, y, domain)
    expected = np.array([np.average(X[~source], axis=0, weights=plan) for plan in model.plan_])
    np.testing.assert_allclose(model.moved_, expected, atol=1e-10)
    np.testing.assert_allclose(12 * model.plan_ @ X[~source], expected, atol=1e-2)
    moved = model.transform(X, domain)
    np.testing.assert_allclose(moved[source], expected, atol=1e-10)
    np.testing.assert_array_equal(moved[~source], X[~source])
    np.testing.assert_array_equal(model.transform(X), X)  # new rows are target rows
    svm = SVC(kernel="linear", C=1.0).fit(model.moved_, y[source])
    np.testing.assert_allclose(
        model.decision_function(X), svm.decision_function(X), rtol=0, atol=1e-10
    )


def test_new_source_rows_move_like_the_nearest():
    X, y, domain = rows()
    model = OptimalTransport(reg=0.1).fit(X, y, domain)
    source, new = X[domain > 0], np.random.default_rng(1).normal(size=(7, 3))
    moved = model.transform(new, np.ones(7, int))
    for row, goal in zip(new, moved, strict=True):
        nearest = min(range(len(source)), key=lambda i: ((row - source[i]) ** 2).sum())
        np.testing.assert_allclose(goal - row, model.moved_[nearest] - source[nearest], atol=1e-12)


def test_a_shifted_copy_is_moved_onto_itself():
    """Each row goes to its own image: any other pairing of a translation costs more."""
    X, y, _ = rows(10, 10)
    X[10:] = X[:10] + [3.0, -1.0, 0.5]
    model = OptimalTransport().fit(X, y, np.repeat([1, -2], 10))
    np.testing.assert_allclose(model.plan_, np.eye(10) / 10, atol=1e-12)
    np.testing.assert_allclose(model.moved_, X[10:], atol=1e-12)


def test_without_target_rows_nothing_moves():
    X, y, _ = rows()
    model = OptimalTransport().fit(X, y)
    np.testing.assert_array_equal(model.transform(X, np.ones(len(X), int)), X)
    plain = SVC(kernel="linear", C=1.0).fit(X, y)
    # Inner products of rows one by one and by a matrix product: the same but for rounding.
    np.testing.assert_allclose(
        model.decision_function(X), plain.decision_function(X), rtol=0, atol=1e-10
    )


def test_path_is_separate_fits():
    X, y, domain = rows()
    settings = [{"reg": 0.1}, {"reg": 0.0}, {"reg": 0.2, "class_reg": 0.1}]
    path = OptimalTransport().iter_path(X, y, sample_domain=domain, settings=settings)
    for index, model in path:
        single = OptimalTransport(**settings[index]).fit(X, y, domain)
        np.testing.assert_array_equal(model.plan_, single.plan_)
        np.testing.assert_array_equal(model.decision_function(X), single.decision_function(X))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"class_reg": 0.5}, "^class_reg: needs reg > 0"),
        ({"reg": -1.0}, "^reg: "),
        ({"reg": 0.1, "class_reg": -1.0}, "^class_reg: "),
    ],
)
def test_bad_parameters_are_named(setting, message):
    X, y, domain = rows()
    with pytest.raises(ValueError, match=message):
        OptimalTransport(**setting).fit(X, y, domain)
