"""SA against its formula, GFK against numerical integration along the geodesic."""

import numpy as np
import pytest
from scipy.integrate import quad_vec
from sklearn.decomposition import PCA
from sklearn.svm import SVC

from cdmer.adaptation import GFK, SubspaceAlignment


def rows(n_source, n_target, n_features, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_source + n_target, n_features)) * np.geomspace(3, 0.3, n_features)
    X[n_source:] = (
        X[n_source:]
        @ np.linalg.qr(np.eye(n_features) + 0.3 * rng.normal(size=(n_features, n_features)))[0]
    )
    y = np.arange(len(X)) % 3
    return X + 1, y, np.repeat([1, -2], [n_source, n_target])


SHAPES = pytest.mark.parametrize("shape", [(25, 20, 8), (12, 10, 50)], ids=["n>d", "n<d"])


def directions(X, domain, k):
    return [
        PCA(k, svd_solver="full").fit(X[side]).components_.T for side in (domain > 0, domain < 0)
    ]


@SHAPES
def test_subspace_alignment_is_its_formula(shape):
    X, y, domain = rows(*shape)
    model = SubspaceAlignment(n_components=4).fit(X, y, domain)
    source, target = directions(X, domain, 4)
    # Directions are known up to sign, so products of mapped rows are compared.
    mapped = model.transform(X, domain)
    expected = np.where((domain > 0)[:, None], X @ source @ source.T @ target, X @ target)
    np.testing.assert_allclose(mapped @ mapped.T, expected @ expected.T, atol=1e-8)
    # New rows are target rows.
    np.testing.assert_allclose(np.abs(model.transform(X)), np.abs(X @ target), atol=1e-8)


def geodesic_kernel(source, target):
    """Integral of Φ(t)Φ(t)ᵀ over the geodesic from one subspace to the other."""
    U, cosines, Vt = np.linalg.svd(source.T @ target)
    angle = np.arccos(np.clip(cosines, -1, 1))
    start = source @ U
    away = (target @ Vt.T - start * cosines) / np.sin(angle)

    def projector(t):
        basis = start * np.cos(t * angle) + away * np.sin(t * angle)
        return basis @ basis.T

    # The path begins and ends where it should, and is orthonormal on the way.
    np.testing.assert_allclose(projector(0), source @ source.T, atol=1e-8)
    np.testing.assert_allclose(projector(1), target @ target.T, atol=1e-8)
    middle = projector(0.37)
    np.testing.assert_allclose(middle @ middle, middle, atol=1e-8)
    return quad_vec(projector, 0, 1, epsabs=1e-10)[0]


@SHAPES
def test_gfk_is_the_integral_along_the_geodesic(shape):
    X, y, domain = rows(*shape)
    model = GFK(n_components=3).fit(X, y, domain)
    G = geodesic_kernel(*directions(X, domain, 3))
    np.testing.assert_allclose(model.map_ @ model.map_.T, G, atol=1e-7)
    kernel = X @ G @ X.T
    np.testing.assert_allclose(model.transform(X) @ model.transform(X).T, kernel, atol=1e-6)
    # A linear machine on the features is the machine on the kernel.
    source = domain > 0
    svm = SVC(kernel="precomputed").fit(kernel[np.ix_(source, source)], y[source])
    np.testing.assert_array_equal(model.predict(X), svm.predict(kernel[:, source]))


def test_gfk_of_a_subspace_with_itself_is_its_projector():
    X, y, _ = rows(20, 20, 6)
    X[20:] = X[:20] + 5  # the same principal directions
    model = GFK(n_components=2).fit(X, y, np.repeat([1, -2], 20))
    P = PCA(2).fit(X[:20]).components_
    np.testing.assert_allclose(model.map_ @ model.map_.T, P.T @ P, atol=1e-8)
    np.testing.assert_allclose(model.angles_, 0, atol=1e-6)


def test_gfk_at_right_angles():
    """Orthogonal subspaces: half of each, and the mixed integral 1/π."""
    rng = np.random.default_rng(0)
    X = np.zeros((40, 4))
    X[:20, 0], X[20:, 1] = rng.normal(size=20), rng.normal(size=20)
    model = GFK(n_components=1).fit(X, np.arange(40) % 2, np.repeat([1, -2], 20))
    G = model.map_ @ model.map_.T
    np.testing.assert_allclose(np.abs(G[:2, :2]), [[0.5, 1 / np.pi], [1 / np.pi, 0.5]], atol=1e-8)


@pytest.mark.parametrize("method", [SubspaceAlignment, GFK])
def test_bad_input(method):
    X, y, domain = rows(12, 10, 50)
    with pytest.raises(ValueError, match=r"the target rows \(1\) are all alike"):
        method().fit(X[:13], y[:13], domain[:13])
    flat = np.where((domain < 0)[:, None], 1.0, X)
    with pytest.raises(ValueError, match=r"the target rows \(10\) are all alike"):
        method().fit(flat, y, domain)
    with pytest.raises(ValueError, match="n_components"):
        method(n_components=0).fit(X, y, domain)
    # More components than both domains have: as many as they have.
    assert method(n_components=40).fit(X, y, domain).n_components_ == 9
    constant = X.copy()
    constant[:, 0] = 3.0
    assert np.isfinite(method().fit(constant, y, domain).transform(constant)).all()
