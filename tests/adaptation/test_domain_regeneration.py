"""TSRG, DRFS-T and DRLS against the published iteration and the condition for a minimum."""

import numpy as np
import pytest
from reference import dense_domain_regeneration
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from cdmer.adaptation import DRFST, DRLS, TSRG


def rows(n_source, n_target, n_features, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_source + n_target) % 3
    X = rng.normal(size=(len(y), n_features)) + 1
    X[:, :3] += np.eye(3)[y]
    X[n_source:] += 0.3
    return X / np.sqrt(n_features), y, np.repeat([1, -2], [n_source, n_target])


def problem(method, X, y, domain):
    """Response, kernel of its rows, kernel of the other domain's rows: as in the docstrings."""
    source = domain > 0
    K = X @ X.T  # rows are sorted by domain already
    if method is DRLS:
        return np.eye(3)[y[source]], K[:, source], K[:, ~source]
    if method is TSRG:
        return X[source], K[:, source], K[:, ~source]
    return X[~source], K[:, ~source], K[:, source]


def found(model):
    return model.dual_coef_ if isinstance(model, DRLS) else model.coef_


METHODS = pytest.mark.parametrize("method", [TSRG, DRFST, DRLS])


@METHODS
@pytest.mark.parametrize("shape", [(12, 9, 5), (9, 12, 200)], ids=["n>d", "n<d"])
def test_equals_the_published_iteration(method, shape):
    X, y, domain = rows(*shape)
    for mmd_weight, l1_weight in ((0.001, 0.001), (1.0, 0.1), (100.0, 0.5)):
        model = method(mmd_weight=mmd_weight, l1_weight=l1_weight).fit(X, y, domain)
        expected, n_iter = dense_domain_regeneration(
            *problem(method, X, y, domain), mmd_weight, l1_weight
        )
        np.testing.assert_allclose(found(model), expected, atol=1e-7)
        assert model.n_iter_ == n_iter


def test_blocks_of_features_stop_by_themselves():
    """What a block would still have moved while others go on is small."""
    X, y, domain = rows(9, 12, 700)
    model = TSRG(l1_weight=0.1).fit(X, y, domain)
    expected, n_iter = dense_domain_regeneration(*problem(TSRG, X, y, domain), 1.0, 0.1)
    np.testing.assert_allclose(model.coef_, expected, atol=1e-5)
    assert model.n_iter_ == n_iter


@METHODS
def test_subgradient(method):
    """With a penalty that grows slowly the result meets the condition for a minimum."""
    X, y, domain = rows(12, 9, 30)
    lam, mu = 2.0, 0.2
    model = method(mmd_weight=lam, l1_weight=mu, growth=1.003, max_iter=20_000).fit(X, y, domain)
    R, K, K_other = problem(method, X, y, domain)
    P = found(model)
    delta = K.mean(axis=1) - K_other.mean(axis=1)
    gradient = 2 * (K @ (K.T @ P - R) + lam * np.outer(delta, delta @ P))
    off = P == 0
    assert 0 < off.sum() < off.size
    assert np.abs(gradient[off]).max() <= mu * 1.001
    np.testing.assert_allclose(gradient[~off], -mu * np.sign(P[~off]), atol=1e-3 * mu)

    def objective(P):
        misfit = np.sum((R - K.T @ P) ** 2) + lam * np.sum((delta @ P) ** 2)
        return misfit + mu * np.abs(P).sum()

    rng = np.random.default_rng(0)
    for scale in (1e-4, 1e-2):
        for _ in range(50):
            assert objective(P + scale * rng.normal(size=P.shape)) > objective(P)
    fast = method(mmd_weight=lam, l1_weight=mu).fit(X, y, domain)
    assert objective(found(fast)) >= objective(P)  # what the authors' growth costs


def test_what_the_classifier_sees():
    X, y, domain = rows(12, 9, 30)
    source = domain > 0
    tsrg = TSRG(l1_weight=0.01).fit(X, y, domain)
    np.testing.assert_array_equal(tsrg.transform(X, domain)[source], X[source])
    new = X[~source] @ X.T @ tsrg.coef_
    np.testing.assert_allclose(tsrg.transform(X[~source]), new)
    svm = SVC(kernel="linear").fit(X[source], y[source])
    np.testing.assert_array_equal(tsrg.predict(X[~source]), svm.predict(new))

    drfst = DRFST(l1_weight=0.01).fit(X, y, domain)
    np.testing.assert_array_equal(drfst.transform(X[~source]), X[~source])
    made = X[source] @ X.T @ drfst.coef_
    np.testing.assert_allclose(drfst.transform(X, domain)[source], made)
    svm = SVC(kernel="linear").fit(made, y[source])
    np.testing.assert_array_equal(drfst.predict(X[~source]), svm.predict(X[~source]))


def test_drfst_is_tsrg_with_the_domains_swapped():
    X, y, domain = rows(12, 9, 30)
    tsrg = TSRG(l1_weight=0.01).fit(X, y, domain)
    drfst = DRFST(l1_weight=0.01).fit(X, y, -domain)
    swapped = np.concatenate([drfst.coef_[9:], drfst.coef_[:9]])  # its source rows come first
    np.testing.assert_allclose(swapped, tsrg.coef_, atol=1e-10)


def test_drls_path_equals_single_fits():
    X, y, domain = rows(12, 9, 30)
    settings = [{"mmd_weight": m, "l1_weight": w} for m in (0.01, 1, 100) for w in (0.01, 0.5)]
    for index, model in DRLS().iter_path(X, y, sample_domain=domain, settings=settings):
        alone = DRLS(**settings[index]).fit(X, y, domain)
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-9)
        assert model.n_iter_ == alone.n_iter_


@METHODS
def test_bad_input(method):
    X, y, domain = rows(12, 9, 5)
    for name in ("mmd_weight", "l1_weight"):
        with pytest.raises(ValueError, match=name):
            method(**{name: -1.0}).fit(X, y, domain)
    with pytest.raises(ValueError, match="growth"):
        method(growth=1.0).fit(X, y, domain)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=5 .*max\|P - B\| = [0-9]"):
        method(max_iter=5).fit(X, y, domain)
