"""Histograms of gradient orientation on three orthogonal planes, as scikit-learn transformers."""

from functools import lru_cache

import array_api_compat
import numpy as np

from cdmer._parameters import check_number
from cdmer._vision.histograms import region_histograms
from cdmer._vision.patterns import PLANES
from cdmer.features._descriptor import ClipDescriptor, shares

# Axes (t, y, x = 0, 1, 2) whose differences span each plane: across first, then up.
_AXES = {"xy": (2, 1), "xt": (2, 0), "yt": (1, 0)}
# Differences of two grey levels.
_LARGEST = 255


class HIGOTOP(ClipDescriptor):
    r"""Histograms of image gradient orientation on three orthogonal planes (HIGO-TOP) [1]_.

    The gradient of a voxel in a plane consists of the two central differences along the plane's
    axes: :math:`(g_x, g_y)` in XY, :math:`(g_x, g_t)` in XT and :math:`(g_y, g_t)` in YT. Its
    orientation :math:`\theta = \operatorname{atan2}(g_\text{second}, g_\text{first})`, taken modulo
    :math:`\pi`, votes for the bin k with
    :math:`|\theta - k\pi/B| \le \pi/2B`, circularly: bin 0 is centred on the first axis. Every
    voxel has one vote, however steep its gradient; voxels without any gradient have none. The
    features are the shares of the votes, region by region and plane by plane.

    Parameters
    ----------
    n_bins : int, default=8
        Number B of orientations, from 2 to 36.
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid()``, 85 regions.
    device : str or torch.device, default=None
        Device on which PyTorch computes, such as ``"cuda"``. None computes with the library and on
        the device of the frames.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Attributes
    ----------
    grid_ : RegionGrid or LandmarkRegions
        The regions used.
    feature_groups_ : ndarray of int64, shape (n_features_out,)
        Region that each column belongs to, an index into ``grid_.names``.

    Raises
    ------
    ParameterError
        By `fit`, if a parameter has the wrong type or value.
    TypeError, ValueError
        By `transform`, if a clip is not grey uint8, or too short or too small.

    See Also
    --------
    HOGTOP : Votes weighted by the length of the gradient.

    Notes
    -----
    Orientations are unsigned, so a clip and its negative have the same features. In XT and YT the
    ratio of the two differences is (minus) the speed of an edge: what moves left and what moves
    right still differ.

    Gradients of uint8 frames are pairs of integers. With 8 bins centred on the axes no such pair
    lies on the edge between two bins, and the bin of each of the 511 × 511 pairs is looked up:
    results do not depend on machine, library or device. Where pairs can lie on an edge (45° with
    two bins) they fall to the higher angle.

    The number of bins, the votes and the normalisation of the published figures of HIGO-TOP are not
    stated in [1]_ beyond what is above.

    References
    ----------
    .. [1] X. Li, X. Hong, A. Moilanen, X. Huang, T. Pfister, G. Zhao and M. Pietikäinen, "Towards
       reading hidden emotions: a comparative study of spontaneous micro-expression spotting and
       recognition methods", IEEE Transactions on Affective Computing 9(4), 2018,
       https://doi.org/10.1109/TAFFC.2017.2667642

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import HIGOTOP
    >>> ramp = np.tile(np.arange(40, dtype=np.uint8), (10, 40, 1))  # brighter to the right, still
    >>> HIGOTOP().fit_transform([ramp])[0, :8]
    array([1., 0., 0., 0., 0., 0., 0., 0.])
    """

    _border = (1, 1)

    def __init__(self, n_bins=8, grid=None, device=None, n_jobs=None):
        self.n_bins = n_bins
        super().__init__(grid, device, n_jobs)

    def _check_parameters(self):
        check_number("n_bins", self.n_bins, least=2, most=36, whole=True)

    def _columns(self):
        return [f"{plane}_{k}" for plane in PLANES for k in range(self.n_bins)]

    def _describe(self, data, boxes):
        xp = array_api_compat.array_namespace(data)
        bin_of = xp.asarray(_orientation_bins(self.n_bins), device=array_api_compat.device(data))
        differences = _central_differences(xp, data)
        histograms = []
        for plane in PLANES:
            first, second = (differences[axis] for axis in _AXES[plane])
            pair = (first + _LARGEST) * (2 * _LARGEST + 1) + (second + _LARGEST)
            bins = xp.reshape(xp.take(bin_of, xp.reshape(pair, (-1,))), pair.shape)
            votes = region_histograms(bins, self.n_bins + 1, boxes, self._weights(first, second))
            histograms.append(shares(votes[:, : self.n_bins]))
        return xp.concat(histograms, axis=-1)

    def _weights(self, first, second):
        return None


class HOGTOP(HIGOTOP):
    r"""Histograms of oriented gradients on three orthogonal planes (HOG-TOP) of a clip [1]_.

    As `HIGOTOP`, except that every voxel's vote counts as much as its gradient is long:
    :math:`\sqrt{g_\text{first}^2 + g_\text{second}^2}`.

    Parameters
    ----------
    n_bins : int, default=8
        Number of orientations, from 2 to 36.
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid()``, 85 regions.
    device : str or torch.device, default=None
        Device on which PyTorch computes, such as ``"cuda"``. None computes with the library and on
        the device of the frames.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Attributes
    ----------
    grid_ : RegionGrid or LandmarkRegions
        The regions used.
    feature_groups_ : ndarray of int64, shape (n_features_out,)
        Region that each column belongs to, an index into ``grid_.names``.

    Raises
    ------
    ParameterError
        By `fit`, if a parameter has the wrong type or value.
    TypeError, ValueError
        By `transform`, if a clip is not grey uint8, or too short or too small.

    References
    ----------
    .. [1] X. Li, X. Hong, A. Moilanen, X. Huang, T. Pfister, G. Zhao and M. Pietikäinen, "Towards
       reading hidden emotions: a comparative study of spontaneous micro-expression spotting and
       recognition methods", IEEE Transactions on Affective Computing 9(4), 2018,
       https://doi.org/10.1109/TAFFC.2017.2667642

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import HOGTOP
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 10, 40, 40), dtype=np.uint8)
    >>> HOGTOP().fit_transform(clips).shape
    (2, 2040)
    """

    def _weights(self, first, second):
        xp = array_api_compat.array_namespace(first)
        return xp.sqrt(xp.astype(first * first + second * second, xp.float64))


def _central_differences(xp, frames):
    """Next minus previous grey level along t, y and x, inside a border of one voxel."""
    grey = xp.astype(frames, xp.int32)
    inner = slice(1, -1)
    return (
        grey[2:, inner, inner] - grey[:-2, inner, inner],
        grey[inner, 2:, inner] - grey[inner, :-2, inner],
        grey[inner, inner, 2:] - grey[inner, inner, :-2],
    )


@lru_cache
def _orientation_bins(n_bins):
    """Bin of every pair of differences, ndarray of uint8, shape (511 * 511,); n_bins for (0, 0)."""
    values = np.arange(-_LARGEST, _LARGEST + 1)
    angle = np.arctan2(values[None, :], values[:, None])  # rows: the first difference
    # Twelve decimals put a pair that lies on an edge onto it.
    place = np.round(np.mod(angle, np.pi) * n_bins / np.pi + 0.5, 12)
    bins = np.floor(place).astype(np.uint8) % n_bins
    bins[_LARGEST, _LARGEST] = n_bins
    return bins.reshape(-1)
