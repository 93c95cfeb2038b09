"""Correlation alignment (CORAL)."""

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from cdmer._parameters import check_number
from cdmer.adaptation._kernels import principal_directions
from cdmer.adaptation._meta import FeatureAdapter


class CORAL(OneToOneFeatureMixin, FeatureAdapter):
    r"""Correlation alignment.

    Gives the source rows the target's covariance; target rows stay as they are:

    .. math::
        x_s \mapsto x_s C_s^{-1/2} C_t^{1/2},\qquad C = \operatorname{cov}(X) + \epsilon I.

    Both roots are a multiple of the identity plus a matrix of the rank of the rows, so that no
    matrix of n_features × n_features is ever formed. Means are not moved: centre and scale each
    corpus first, with `DomainStandardizer`, as the paper does; `reg` is meant for such columns.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Fitted on the moved source rows. None: ``SVC(kernel="linear", C=1.0)``.
    reg : float, default=1.0
        Ridge ε of the covariances, in units of the columns' variance.

    Attributes
    ----------
    source_directions_ : ndarray of shape (n_features, r_s)
        Principal directions of the source rows.
    source_scales_ : ndarray of shape (r_s,)
        Factors of C_s^(-1/2) along them, less 1/√ε, that of all other directions.
    target_directions_ : ndarray of shape (n_features, r_t)
        Principal directions of the target rows.
    target_scales_ : ndarray of shape (r_t,)
        Factors of C_t^(1/2) along them, less √ε, that of all other directions.
    estimator_ : classifier
        Fitted clone of the inner classifier.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    B. Sun, J. Feng, K. Saenko, "Return of Frustratingly Easy Domain Adaptation", AAAI 2016,
    arXiv:1511.05547.
    """

    _path_parameters = ("reg",)

    def __init__(self, estimator=None, reg=1.0):
        self.estimator = estimator
        self.reg = reg

    def _prepare(self, rows, models):
        parts = []
        for X in (rows.source, rows.target) if len(rows.target) else ():
            directions, singular = principal_directions(X)
            parts.append((directions, singular**2 / max(len(X) - 1, 1)))
        return parts

    def _learn(self, rows, shared):
        check_number("reg", self.reg, above=0)
        if not shared:
            return
        root = np.sqrt(self.reg)
        (self.source_directions_, variance_s), (self.target_directions_, variance_t) = shared
        self.source_scales_ = 1 / np.sqrt(variance_s + self.reg) - 1 / root
        self.target_scales_ = np.sqrt(variance_t + self.reg) - root

    def _map(self, X, is_source):
        if not (is_source and self._adapts):
            return X
        root = np.sqrt(self.reg)
        whitened = X / root
        whitened += (X @ self.source_directions_ * self.source_scales_) @ self.source_directions_.T
        coloured = whitened @ self.target_directions_ * self.target_scales_
        coloured = coloured @ self.target_directions_.T
        whitened *= root
        coloured += whitened
        return coloured
