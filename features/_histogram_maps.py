"""Maps of histogram features that need no label: Hellinger's, and a choice of planes."""

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from cdmer._vision.patterns import PLANES


class HellingerMap(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Square roots of histogram entries.

    Euclidean distance after the map is Hellinger's distance between histograms: rare bins count for
    more, frequent ones for less.

    References
    ----------
    R. Arandjelović, A. Zisserman, "Three Things Everyone Should Know to Improve Object Retrieval",
    CVPR 2012, doi:10.1109/CVPR.2012.6248018.

    Examples
    --------
    >>> from cdmer.features import HellingerMap
    >>> HellingerMap().fit_transform([[0.25, 0.75]]).round(3)
    array([[0.5  , 0.866]])
    """

    def fit(self, X, y=None):
        """Check the rows; nothing is learnt from them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Not read.

        Returns
        -------
        self : HellingerMap

        Raises
        ------
        ValueError
            If X is not a finite matrix of numbers >= 0.
        """
        self._checked(X, reset=True)
        return self

    def transform(self, X):
        """Take square roots.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return np.sqrt(self._checked(X, reset=False))

    def _checked(self, X, reset):
        X = validate_data(self, X, dtype=np.float64, reset=reset)
        if X.min() < 0:
            raise ValueError(
                "Negative values in data: HellingerMap takes histograms, expected numbers >= 0, "
                f"got {X.min():.3g}"
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


class PlaneSelector(SelectorMixin, BaseEstimator):
    """Keep the columns of some of LBP-TOP's three planes.

    The planes XT and YT hold motion; XY holds what a face looks like, and how it is lit.

    Parameters
    ----------
    column_planes : array-like of str of shape (n_features,)
        Plane of each column: see `lbp_top_planes`.
    planes : sequence of str, default=("xt", "yt")
        Planes to keep.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import PlaneSelector
    >>> PlaneSelector(["xy", "xt", "yt"]).fit_transform(np.array([[1.0, 2.0, 3.0]]))
    array([[2., 3.]])
    """

    def __init__(self, column_planes, planes=("xt", "yt")):
        self.column_planes = column_planes
        self.planes = planes

    def fit(self, X, y=None):
        """Check that the columns match.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Not read.

        Returns
        -------
        self : PlaneSelector

        Raises
        ------
        ValueError
            If there is not one plane per column, or none of the planes to keep among them.
        """
        X = validate_data(self, X, dtype=np.float64)
        columns = np.asarray(self.column_planes)
        if columns.shape != (X.shape[1],):
            raise ValueError(
                f"column_planes: expected one plane per column of X, shape ({X.shape[1]},), got "
                f"{columns.shape}"
            )
        self.support_ = np.isin(columns, list(self.planes))
        if not self.support_.any():
            raise ValueError(
                f"planes: expected some of {np.unique(columns).tolist()}, got {self.planes!r}"
            )
        return self

    def _get_support_mask(self):
        check_is_fitted(self)
        return self.support_


def lbp_top_planes(layout="cdmer", *, levels=(1, 2, 4, 8), n_bins=59):
    """Plane of each column of LBP-TOP features.

    Parameters
    ----------
    layout : {"cdmer", "published"}, default="cdmer"
        "cdmer": region by region, as `LBPTOP` has them. "published": level by level and plane by
        plane, as the features published with TGSR have them.
    levels : sequence of int, default=(1, 2, 4, 8)
        Grids of regions.
    n_bins : int, default=59
        Bins per histogram.

    Returns
    -------
    ndarray of str, shape (n_features,)
        "xy", "xt" or "yt".

    Raises
    ------
    ValueError
        If the layout is unknown.

    Examples
    --------
    >>> from cdmer.features import lbp_top_planes
    >>> lbp_top_planes(levels=(1,), n_bins=2).tolist()
    ['xy', 'xy', 'xt', 'xt', 'yt', 'yt']
    """
    if layout == "cdmer":
        return np.tile(np.repeat(PLANES, n_bins), sum(n * n for n in levels))
    if layout == "published":
        return np.concatenate([np.repeat(PLANES, n * n * n_bins) for n in levels])
    raise ValueError(f"layout: expected 'cdmer' or 'published', got {layout!r}")
