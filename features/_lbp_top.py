"""Local binary patterns on three orthogonal planes, as a scikit-learn transformer."""

from numbers import Integral

import array_api_compat
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.parallel import Parallel, delayed

from cdmer.features._clips import grey_frames, named_clips, to_device
from cdmer.features._grid import RegionGrid
from cdmer.features._histograms import region_histograms
from cdmer.features._patterns import n_uniform_patterns, orthogonal_patterns, uniform_patterns
from cdmer.features._sampling import INTERPOLATIONS

_PLANES = ("xy", "xt", "yt")
# Counting needs 2 ** n_points bins per cell of the grid.
_MOST_POINTS = 16


class LBPTOP(TransformerMixin, BaseEstimator):
    r"""Local binary patterns on three orthogonal planes (LBP-TOP) of a clip [1]_.

    Every voxel gets one code per plane,

    .. math:: \mathrm{LBP} = \sum_{p=0}^{P-1} 2^p \, [g_p \ge g_c],

    with :math:`g_c` its grey level and :math:`g_p` those of P neighbours on a circle of radius R
    around it. Neighbour p lies at the angle :math:`\theta = 2\pi p / P`, at

    - XY: :math:`(x + R\cos\theta,\; y - R\sin\theta)`,
    - XT: :math:`(x + R\cos\theta,\; t - R\sin\theta)`,
    - YT: :math:`(y + R\cos\theta,\; t - R\sin\theta)`.

    The features of a clip are, region by region and plane by plane, the relative frequencies of
    the codes. Voxels less than R away from the border of the clip, in space or time, have no
    code. This border is cut off once, for all three planes alike, and the regions partition what
    remains: :math:`(T - 2R) \times (H - 2R) \times (W - 2R)` voxels.

    Parameters
    ----------
    radius : int, default=3
        Radius R of the circle, in pixels along x and y and in frames along t.
    n_points : int, default=8
        Number P of neighbours, 1 to 16.
    uniform : bool, default=True
        Count uniform patterns (at most two changes between 0 and 1 around the circle) one by one
        in rising order of their code, and all other patterns in one last bin: P (P - 1) + 3 bins,
        59 for P = 8. False counts each of the 2 ** P codes, in rising order.
    interpolation : {"bilinear", "nearest"}, default="bilinear"
        How grey levels are read between pixels. "nearest" takes the nearest pixel, and rounds a
        half away from the centre voxel.
    grid : RegionGrid, default=None
        Regions of the face. None stands for ``RegionGrid()``, 85 regions.
    device : str or torch.device, default=None
        Where PyTorch is to compute, such as ``"cuda"``. None computes with the library and on
        the device that the frames come in.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Attributes
    ----------
    grid_ : RegionGrid
        The regions used.
    feature_groups_ : ndarray of int64, shape (n_features_out,)
        Region that each column belongs to, an index into ``grid_.names``.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not
        grey uint8 (TypeError for another dtype), or too short or too small for the radius and
        the grid. The message names the parameter or the clip.

    Notes
    -----
    Ties decide many bits, because skin is smooth and grey levels are integers; the rule is
    therefore part of the definition. The bilinear mean of the neighbouring grey levels is compared
    in exact integer arithmetic. A neighbour equal to the centre counts as :math:`\ge`, always:
    a flat patch has the code with all bits set, and results do not depend on machine, library or
    device. Sampling points that fall onto a pixel are not interpolated.

    Where the weights are irrational they are replaced by fractions with a common denominator,
    close enough that the outcome can differ from the comparison of real numbers only where the
    neighbour falls short of the centre by less than 3e-5 grey levels, and is then a tie. For P = 8
    and R up to 10 no such grey levels exist: the outcome is that of real numbers for every uint8
    input.

    The features published with TGSR [2]_ count the same codes in another order: level by level,
    inside a level plane by plane, inside a plane region by region, column by column of the face.
    Their cells differ too, see `RegionGrid`.

    A clip is handled in slabs of frames. Beside its frames, memory holds its codes (about 6 bytes
    per voxel for up to 8 points) and a few MiB.

    References
    ----------
    .. [1] G. Zhao and M. Pietikäinen, "Dynamic texture recognition using local binary patterns
       with an application to facial expressions", IEEE Transactions on Pattern Analysis and
       Machine Intelligence 29(6), 2007, https://doi.org/10.1109/TPAMI.2007.1110
    .. [2] X. Jiang, Y. Zong, W. Zheng, J. Liu and M. Wei, "Seeking salient facial regions for
       cross-database micro-expression recognition", ICPR 2022, https://arxiv.org/abs/2111.15361

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> rng = np.random.default_rng(0)
    >>> clips = [rng.integers(0, 256, size=(n, 40, 40), dtype=np.uint8) for n in (10, 12)]
    >>> lbp_top = LBPTOP(radius=1, grid=RegionGrid(levels=(1, 2))).fit(clips)
    >>> lbp_top.transform(clips).shape
    (2, 885)
    >>> lbp_top.get_feature_names_out()[[0, -1]]
    array(['l1r0c0_xy_0', 'l2r1c1_yt_other'], dtype=object)
    """

    def __init__(
        self,
        radius=3,
        n_points=8,
        uniform=True,
        interpolation="bilinear",
        grid=None,
        device=None,
        n_jobs=None,
    ):
        self.radius = radius
        self.n_points = n_points
        self.uniform = uniform
        self.interpolation = interpolation
        self.grid = grid
        self.device = device
        self.n_jobs = n_jobs

    def fit(self, X=None, y=None):
        """Check the parameters; nothing is learnt from clips.

        Parameters
        ----------
        X : ignored
            Clips; their frames are not read.
        y : ignored

        Returns
        -------
        LBPTOP
            The transformer itself.
        """
        _check_integer("radius", self.radius, 1)
        _check_integer("n_points", self.n_points, 1, _MOST_POINTS)
        if not isinstance(self.uniform, bool | np.bool):
            raise TypeError(f"uniform: expected True or False, got {self.uniform!r}")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"interpolation: expected one of {INTERPOLATIONS}, got {self.interpolation!r}"
            )
        if not isinstance(self.grid, RegionGrid | None):
            raise TypeError(f"grid: expected a RegionGrid or None, got {self.grid!r}")
        _check_device(self.device)
        self.grid_ = RegionGrid() if self.grid is None else self.grid
        columns_per_region = len(_PLANES) * self._n_bins
        self.feature_groups_ = np.repeat(np.arange(self.grid_.n_regions), columns_per_region)
        return self

    def transform(self, X):
        """Describe clips.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip` with grey frames or a uint8 array of shape (T, H, W)
            of any library that follows the array API. Clips may differ in length and size.

        Returns
        -------
        array of float64, shape (n_clips, n_features_out)
            Columns region by region, then planes XY, XT, YT, then bins; each histogram sums to 1.
            The array belongs to the library, and lies on the device, of the frames; frames moved
            from NumPy to `device` give a NumPy array.
        """
        ready = self._ready()
        rows = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(ready._describe)(clip, name) for name, clip in named_clips(X)
        )
        return array_api_compat.array_namespace(*rows).stack(rows)

    def get_feature_names_out(self, input_features=None):
        """Name the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects, shape (n_features_out,)
            Region, plane and code: ``"l8r3c5_xt_240"`` is code 240 in plane XT of row 3, column 5
            of the 8 × 8 grid; ``"…_other"`` counts the codes that are not uniform.
        """
        grid = self._ready().grid_
        codes = range(2**self.n_points)
        if self.uniform:
            codes = [*uniform_patterns(self.n_points), "other"]
        return np.asarray(
            [f"{r}_{plane}_{c}" for r in grid.names for plane in _PLANES for c in codes],
            dtype=object,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        tags.array_api_support = True
        return tags

    def _ready(self):
        """Give itself, or a fitted copy: nothing is learnt, so nobody has to call `fit` first."""
        return self if hasattr(self, "grid_") else clone(self).fit()

    @property
    def _n_bins(self):
        return n_uniform_patterns(self.n_points) + 1 if self.uniform else 2**self.n_points

    def _describe(self, clip, name):
        """Features of one clip, shape (n_features_out,)."""
        frames = grey_frames(clip, name)
        self._check_size(frames.shape, name)
        moved = frames if self.device is None else to_device(frames, self.device)
        planes = orthogonal_patterns(moved, self.radius, self.n_points, self.interpolation)
        counts = [
            self._binned(region_histograms(codes, 2**self.n_points, self.grid_)) for codes in planes
        ]
        xp = array_api_compat.array_namespace(*counts)
        counts = xp.astype(xp.stack(counts, axis=1), xp.float64)
        features = xp.reshape(counts / xp.sum(counts, axis=-1, keepdims=True), (-1,))
        back = self.device is not None and array_api_compat.is_numpy_array(frames)
        return features.cpu().numpy() if back else features

    def _check_size(self, shape, name):
        finest, border = max(self.grid_.levels), 2 * self.radius
        needed = (border + 1, border + finest, border + finest)
        if any(size < least for size, least in zip(shape, needed, strict=True)):
            raise ValueError(
                f"{name}: got {shape[0]} frames of {shape[1]} x {shape[2]} pixels; radius "
                f"{self.radius} and a grid of {finest} x {finest} regions need at least "
                f"{needed[0]} frames of {needed[1]} x {needed[2]} pixels"
            )

    def _binned(self, counts):
        """Sort counts of codes, shape (n_regions, 2 ** n_points), into bins."""
        if not self.uniform:
            return counts
        xp = array_api_compat.array_namespace(counts)
        codes = uniform_patterns(self.n_points)
        codes = xp.asarray(codes, device=array_api_compat.device(counts))
        uniform = xp.take(counts, codes, axis=1)
        others = xp.sum(counts, axis=1, keepdims=True) - xp.sum(uniform, axis=1, keepdims=True)
        return xp.concat([uniform, others], axis=1)


def _check_integer(name, value, least, most=None):
    bounds = f">= {least}" if most is None else f"from {least} to {most}"
    message = f"{name}: expected an integer {bounds}, got {value!r}"
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(message)
    if value < least or (most is not None and value > most):
        raise ValueError(message)


def _check_device(device):
    if device is None:
        return
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"device={device!r} needs PyTorch: pip install 'cdmer[deep]', or leave device=None"
        ) from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device: expected None or a device that PyTorch can use here, got {device!r}"
        ) from error
