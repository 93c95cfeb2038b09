"""Subspace alignment (SA) and the geodesic flow kernel (GFK)."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from cdmer._parameters import check_number
from cdmer.adaptation._kernels import principal_directions
from cdmer.adaptation._meta import FeatureAdapter


class _Subspaces(ClassNamePrefixFeaturesOutMixin, FeatureAdapter):
    """Map made of the principal directions of each domain."""

    _path_parameters = ("n_components",)

    def __init__(self, estimator=None, n_components=20):
        self.estimator = estimator
        self.n_components = n_components

    def _prepare(self, rows, models):
        for model in models:
            check_number("n_components", model.n_components, least=1, whole=True)
        most = max(model.n_components for model in models)
        domains = {"source": rows.source, "target": rows.target}
        found = []
        for name, X in domains.items():
            if not len(X):
                found.append(found[0])
                continue
            directions, _ = principal_directions(X, most)
            if not directions.shape[1]:
                raise ValueError(
                    f"X: the {name} rows ({len(X)}) are all alike, expected at least two that "
                    "differ, or there is no principal direction"
                )
            found.append(directions)
        # Products of the leading directions are the leading block of the product.
        return *found, found[0].T @ found[1]

    def _cut(self, shared):
        source, target, product = shared
        k = min(self.n_components, source.shape[1], target.shape[1])
        self.n_components_ = k
        return source[:, :k], target[:, :k], product[:k, :k]


class SubspaceAlignment(_Subspaces):
    r"""Subspace alignment.

    Principal directions are found per domain, on centred rows; rows, not centred, are projected,
    the source's onto its own directions turned towards the target's:

    .. math::
        x_s \mapsto x_s P_s P_s^\top P_t,\qquad x_t \mapsto x_t P_t.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the aligned source rows. None: ``SVC(kernel="linear", C=1.0)``.
    n_components : int, default=20
        Number of directions per domain, clipped to what both domains have.

    Attributes
    ----------
    source_map_, target_map_ : ndarray of shape (n_features, n_components_)
        Matrices that source rows and target rows are multiplied with.
    n_components_ : int
        Number of directions that were used.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    B. Fernando, A. Habrard, M. Sebban, T. Tuytelaars, "Unsupervised Visual Domain Adaptation Using
    Subspace Alignment", ICCV 2013, doi:10.1109/ICCV.2013.368.
    """

    def _learn(self, rows, shared):
        source, target, product = self._cut(shared)
        self.source_map_, self.target_map_ = source @ product, target

    def _map(self, X, is_source):
        return X @ (self.source_map_ if is_source else self.target_map_)


class GFK(_Subspaces):
    r"""Geodesic flow kernel.

    The inner product of two rows projected onto all subspaces on the geodesic Φ between the
    domains' principal subspaces:

    .. math::
        k(x, z) = x^\top G z,\qquad G = \int_0^1 \Phi(t) \Phi(t)^\top dt,

    in closed form by the principal angles. `transform` gives features whose inner products are this
    kernel, so a linear machine on them is the paper's machine on the kernel.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the source rows' features. None: ``SVC(kernel="linear", C=1.0)``.
    n_components : int, default=20
        Dimension of the subspaces, clipped to what both domains have.

    Attributes
    ----------
    map_ : ndarray of shape (n_features, 2 * n_components_)
        Matrix M that rows are multiplied with: ``G = M Mᵀ``.
    angles_ : ndarray of shape (n_components_,)
        Principal angles between the subspaces, in radians, smallest first.
    n_components_ : int
        Dimension that was used.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    B. Gong, Y. Shi, F. Sha, K. Grauman, "Geodesic Flow Kernel for Unsupervised Domain Adaptation",
    CVPR 2012, doi:10.1109/CVPR.2012.6247911.
    """

    def _learn(self, rows, shared):
        source, target, product = self._cut(shared)
        U, cosines, Vt = np.linalg.svd(product)
        start = source @ U
        # The target's directions are start cos(angle) + away sin(angle).
        away = target @ Vt.T - start * cosines
        sines = np.linalg.norm(away, axis=0)
        away = away / np.where(sines > 1e-12, sines, 1.0)  # towards angle 0 its share vanishes
        self.angles_ = angle = np.arctan2(sines, cosines)
        # Integrals of cos², cos sin and sin² of t·angle over t from 0 to 1.
        straight = (1 + np.sinc(2 * angle / np.pi)) / 2
        mixed = np.sin(angle) * np.sinc(angle / np.pi) / 2
        sideways = (1 - np.sinc(2 * angle / np.pi)) / 2
        # Symmetric root of each 2 x 2 matrix [[straight, mixed], [mixed, sideways]].
        root = np.sqrt(np.maximum(straight * sideways - mixed**2, 0))
        scale = 1 / np.sqrt(straight + sideways + 2 * root)
        self.map_ = np.hstack(
            [
                start * (scale * (straight + root)) + away * (scale * mixed),
                start * (scale * mixed) + away * (scale * (sideways + root)),
            ]
        )

    def _map(self, X, is_source):
        return X @ self.map_
