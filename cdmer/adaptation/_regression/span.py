"""Least squares with a mean-discrepancy term, solved in the span of its rows."""

from dataclasses import dataclass, replace

import array_api_compat
import numpy as np


@dataclass(frozen=True)
class SpanLeastSquares:
    r"""Datafit ``‖L − X_s C‖² + λ‖δᵀC‖²`` in the coordinates of an orthonormal basis Q.

    Q spans the rows of X_s and δ, and is turned so that ``QᵀX_sᵀX_sQ`` is diagonal. Then the
    Hessian is diagonal plus λ times a matrix of rank one, and any ridge step costs O(r) by the
    Sherman-Morrison formula, whatever λ and the ridge: Q does not depend on either.

    Parameters
    ----------
    basis : array of shape (n_features, r)
        Q.
    curvature : array of shape (r,)
        Diagonal of ``QᵀX_sᵀX_sQ``.
    discrepancy : array of shape (r,)
        ``Qᵀδ``, with δ the difference between source mean and target mean.
    correlation : array of shape (n_classes, r)
        ``LᵀX_sQ``.
    """

    basis: object
    curvature: object
    discrepancy: object
    correlation: object

    @classmethod
    def from_rows(cls, X_source, X_target, one_hot):
        """Build it from rows.

        Parameters
        ----------
        X_source : array of shape (n_source, n_features)
        X_target : array of shape (n_target, n_features)
            Without rows, δ is zero.
        one_hot : array of shape (n_source, n_classes)
            L, in the namespace of X_source.
        """
        xp = array_api_compat.array_namespace(X_source)
        # LAPACK is twice as fast on the tall matrix as on the wide one.
        Q, singular, _ = xp.linalg.svd(X_source.T, full_matrices=False)
        curvature = singular**2
        if X_target.shape[0]:
            delta = xp.mean(X_source, axis=0) - xp.mean(X_target, axis=0)
            rest = delta - Q @ (delta @ Q)
            rest = rest - Q @ (rest @ Q)  # twice: the first pass leaves rounding of size |delta|
            length = float(xp.linalg.vector_norm(rest))
            # Within the span already (few columns, or no discrepancy): rest is rounding alone.
            if length > np.finfo(np.float64).eps ** 0.75 * float(xp.linalg.vector_norm(delta)):
                Q = xp.concat([Q, (rest / length)[:, None]], axis=1)
                curvature = xp.concat([curvature, xp.zeros_like(curvature[:1])])
        else:
            delta = xp.zeros_like(X_source[0, :])
        return cls(Q, curvature, delta @ Q, one_hot.T @ X_source @ Q)

    def restricted(self, outputs):
        """Keep some outputs, given as a slice."""
        return replace(self, correlation=self.correlation[outputs, :])

    def ridge_step(self, position, weight, ridge):
        """Step w that minimises ``f(position + w) + ridge ‖w‖²``, for many settings at once.

        Parameters
        ----------
        position : array of shape (n_settings, n_classes, r)
            Where each setting stands, in the coordinates of Q.
        weight : array of shape (n_settings, 1, 1)
            λ of each setting.
        ridge : float
            Positive.

        Returns
        -------
        array of shape (n_settings, n_classes, r)
        """
        delta = self.discrepancy
        inverse = 1 / (ridge + self.curvature)
        inverse_delta = inverse * delta
        bend = delta @ inverse_delta
        # In place where the arrays are large: what is left of an iteration beside the products.
        step = position * self.curvature
        step -= self.correlation
        step *= -inverse
        # The gradient's part along delta. One fraction, and no sum of what delta pulls before and
        # after the correction: the two nearly cancel where λ is large and the ridge small.
        pull = weight[..., 0] * (position @ delta + step @ delta) / (1 + weight[..., 0] * bend)
        step -= pull[..., None] * inverse_delta
        return step
