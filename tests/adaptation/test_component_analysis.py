"""TCA and JDA against the generalised eigenproblems that define them."""

import numpy as np
import pytest
from scipy.linalg import eigh
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel

from cdmer.adaptation import JDA, TCA


def rows(n_source, n_target, n_features, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features)) * np.geomspace(3, 0.3, n_features)
    y = np.arange(len(X)) % 3
    X[:, :3] += np.eye(3)[y]
    X[n_source:] += 0.5
    order = rng.permutation(len(X))
    domain = np.repeat([1, -2], [n_source, n_target])
    return X[order], y[order], domain[order]


def sorted_by_domain(X, y, domain):
    order = np.argsort(domain < 0, kind="stable")
    return X[order], y[order], domain[order]


def dense_matrices(X, domain):
    """H, and the vector whose outer product is L, for rows sorted by domain."""
    n, source = len(X), domain >= 0
    H = np.eye(n) - 1 / n
    return H, np.where(source, 1 / source.sum(), -1 / (~source).sum())


@pytest.mark.parametrize("shape", [(14, 9, 6), (14, 9, 60)], ids=["n>d", "n<d"])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_tca_is_the_generalised_eigenproblem(shape, kernel):
    data = rows(*shape)
    model = TCA(n_components=4, mu=0.7, kernel=kernel, gamma=0.05).fit(*data[:2], data[2])
    X, _, domain = sorted_by_domain(*data)
    K = X @ X.T if kernel == "linear" else rbf_kernel(X, gamma=0.05)
    H, e = dense_matrices(X, domain)
    constraint, objective = K @ H @ K, K @ np.outer(e, e) @ K + 0.7 * np.eye(len(K))
    values, vectors = eigh(constraint, objective, subset_by_index=[len(K) - 4, len(K) - 1])
    vectors = vectors[:, ::-1] / np.linalg.norm(vectors[:, ::-1], axis=0)
    cosines = np.abs(np.sum(vectors * model.coef_, axis=0))
    np.testing.assert_allclose(cosines, 1, atol=1e-8)
    # The condition itself, without any other solver.
    W = model.coef_
    quotients = np.sum(W * (constraint @ W), axis=0) / np.sum(W * (objective @ W), axis=0)
    np.testing.assert_allclose(quotients, values[::-1], rtol=1e-9)
    left, right = constraint @ W, (objective @ W) * quotients
    np.testing.assert_allclose(left, right, atol=1e-8 * np.abs(left).max())
    np.testing.assert_allclose(np.linalg.norm(W, axis=0), 1)


def test_tca_brings_the_means_together_as_far_as_the_objective_says():
    """No direction of the same dimension has a better quotient: random ones never beat it."""
    data = rows(14, 9, 30)
    X, _, domain = sorted_by_domain(*data)
    K = X @ X.T
    H, e = dense_matrices(X, domain)
    constraint, objective = K @ H @ K, K @ np.outer(e, e) @ K + np.eye(len(K))
    W = TCA(n_components=1).fit(*data[:2], data[2]).coef_[:, 0]
    best = (W @ constraint @ W) / (W @ objective @ W)
    rng = np.random.default_rng(0)
    for _ in range(500):
        w = rng.normal(size=len(K))
        assert (w @ constraint @ w) / (w @ objective @ w) <= best * (1 + 1e-10)
    for _ in range(500):  # neighbours too
        w = W + 1e-3 * rng.normal(size=len(K))
        assert (w @ constraint @ w) / (w @ objective @ w) <= best * (1 + 1e-10)


def test_components_follow_new_rows():
    X, y, domain = rows(14, 9, 30)
    model = TCA(n_components=3).fit(X, y, domain)
    np.testing.assert_allclose(model.transform(X[:5]), model.transform(X)[:5])
    XS, _, _ = sorted_by_domain(X, y, domain)
    np.testing.assert_allclose(model.transform(X), X @ XS.T @ model.coef_)


@pytest.mark.parametrize("balance", [None, 0.3])
def test_jda_is_the_generalised_eigenproblem_of_its_last_labels(balance):
    data = rows(15, 12, 40)
    X, y, domain = sorted_by_domain(*data)
    source = domain >= 0
    one, two = (
        JDA(LogisticRegression(max_iter=1000), 3, mu=0.5, balance=balance, max_iter=n).fit(
            *data[:2], data[2]
        )
        for n in (1, 2)
    )
    # The second round's matrix is made of the labels that the first round's model predicts.
    guessed = one.predict(X[~source])
    K = X @ X.T
    H, e = dense_matrices(X, domain)
    weight, class_weight = (1, 1) if balance is None else (1 - balance, balance)
    M = weight * np.outer(e, e)
    for label in range(3):
        e = np.zeros(len(X))
        e[source] = (y[source] == label) / (y[source] == label).sum()
        if not (guessed == label).any():
            continue
        e[~source] = -(guessed == label).astype(float) / (guessed == label).sum()
        M = M + class_weight * np.outer(e, e)
    constraint, objective = K @ H @ K, K @ M @ K + 0.5 * np.eye(len(K))
    values, vectors = eigh(constraint, objective, subset_by_index=[len(K) - 3, len(K) - 1])
    for found, expected in zip(two.coef_.T, vectors[:, ::-1].T, strict=True):
        cosine = abs(found @ expected) / np.linalg.norm(found) / np.linalg.norm(expected)
        assert cosine == pytest.approx(1, abs=1e-8)
    np.testing.assert_allclose(
        two.coef_.T @ constraint @ two.coef_, len(X) * np.eye(3), atol=1e-8 * len(X)
    )


def test_jda_draws_classes_together():
    """With true classes far off in the target, matching classes moves their means closer."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    X = np.eye(3)[y] @ rng.normal(size=(3, 20)) * 3 + rng.normal(size=(120, 20))
    domain = np.repeat([1, -2], 60)
    X[60:] += np.eye(3)[y[60:]] @ rng.normal(size=(3, 20))

    def class_gap(model):
        Z = model.transform(X)
        Z = Z / Z.std(axis=0)
        return sum(
            np.sum((Z[:60][y[:60] == c].mean(0) - Z[60:][y[60:] == c].mean(0)) ** 2)
            for c in range(3)
        )

    joint = class_gap(JDA(n_components=5, mu=0.1).fit(X, y, domain))
    marginal = class_gap(JDA(n_components=5, mu=0.1, balance=0.0).fit(X, y, domain))
    assert joint < marginal


@pytest.mark.parametrize("method", [TCA(), JDA()])
def test_bad_input(method):
    X, y, domain = rows(14, 9, 6)
    with pytest.raises(ValueError, match="all alike"):
        method.fit(np.ones_like(X), y, domain)
    for bad in (0, 2.5, True):
        with pytest.raises(ValueError, match="n_components"):
            method.__class__(n_components=bad).fit(X, y, domain)
    with pytest.raises(ValueError, match="mu"):
        method.__class__(mu=0.0).fit(X, y, domain)
    with pytest.raises(ValueError, match="kernel"):
        method.__class__(kernel="no such").fit(X, y, domain)
    # More components than the rows have: as many as they have.
    assert method.fit(X, y, domain).n_components_ == 6
