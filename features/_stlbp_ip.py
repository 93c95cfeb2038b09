"""Local binary patterns of integral projections, as a scikit-learn transformer."""

import array_api_compat

from cdmer._parameters import ParameterError, check_flag, check_number
from cdmer._vision.histograms import region_histograms
from cdmer._vision.patterns import binned, pattern_names
from cdmer.features._descriptor import ClipDescriptor, shares
from cdmer.features._lbp_top import MOST_POINTS
from cdmer.features._projections import band_sums, line_patterns, map_patterns


class STLBPIP(ClipDescriptor):
    r"""Spatiotemporal local binary patterns with integral projection (STLBP-IP) of a clip [1]_.

    From every frame the first one is subtracted: what stays is motion, not the person. Each
    region of these difference images is projected, :math:`h_t(x) = \sum_y D_t(x, y)` and
    :math:`v_t(y) = \sum_x D_t(x, y)`, and the projections are described twice:

    - appearance: one-dimensional local binary patterns along :math:`h_t` and :math:`v_t`, in which
      a place is compared with the W - 1 places around it, :math:`2^{W-1}` codes each;
    - motion: the projections, one below the other in time, are two pictures (x over t and y over
      t); their local binary patterns on a circle of radius R.

    The features are the four histograms' relative frequencies, region by region.

    Parameters
    ----------
    window : int, default=9
        Size W of the one-dimensional patterns; odd, from 3 to 13.
    radius : int, default=3
        Radius R of the circle of neighbours, in pixels and in frames.
    n_points : int, default=8
        Number of neighbours on the circle, from 1 to 16.
    uniform : bool, default=True
        Whether the motion histograms count all patterns that are not uniform in one bin, see
        `LBPTOP`. The one-dimensional patterns form no circle; all of them are counted.
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

    Notes
    -----
    Everything is computed in integers, with the rule for ties of `LBPTOP`. A border of
    ``max(R, W // 2)`` pixels and R frames has no codes, for all four histograms alike; neighbours
    may lie outside the region.

    Whether the published figures count uniform patterns alone, and which regions they use, is not
    known to us.

    References
    ----------
    .. [1] X. Huang, S.-J. Wang, G. Zhao and M. Pietikäinen, "Facial micro-expression recognition
       using spatiotemporal local binary pattern with integral projection", ICCV Workshops 2015,
       https://doi.org/10.1109/ICCVW.2015.10

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import STLBPIP, RegionGrid
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 10, 40, 40), dtype=np.uint8)
    >>> STLBPIP(grid=RegionGrid((4,))).fit_transform(clips).shape
    (2, 10080)
    """

    def __init__(
        self,
        window=9,
        radius=3,
        n_points=8,
        uniform=True,
        grid=None,
        device=None,
        n_jobs=None,
    ):
        self.window = window
        self.radius = radius
        self.n_points = n_points
        self.uniform = uniform
        super().__init__(grid, device, n_jobs)

    @property
    def _border(self):
        return self.radius, max(self.radius, self.window // 2)

    def _check_parameters(self):
        check_number("window", self.window, least=3, most=13, whole=True)
        if self.window % 2 == 0:
            raise ParameterError(f"window: expected an odd number, got {self.window!r}")
        check_number("radius", self.radius, least=1, whole=True)
        check_number("n_points", self.n_points, least=1, most=MOST_POINTS, whole=True)
        check_flag("uniform", self.uniform)

    def _columns(self):
        lines = [f"{a}line_{c}" for a in "xy" for c in range(2 ** (self.window - 1))]
        codes = pattern_names(self.n_points, self.uniform)
        return lines + [f"{plane}_{c}" for plane in ("xt", "yt") for c in codes]

    def _describe(self, data, boxes):
        in_time, in_space = self._border
        xp = array_api_compat.array_namespace(data)
        appearance, motion = [], []
        for sums, of_boxes in band_sums(data, boxes, in_space):
            maps = sums - sums[:1, :, :]  # projections of the difference images
            # Both kinds of codes exist up to their own reach; keep them inside the common border.
            cut = in_space - self.window // 2
            lines = line_patterns(maps, self.window)
            lines = lines[in_time:-in_time, :, cut : lines.shape[2] - cut]
            counts = region_histograms(lines, 2 ** (self.window - 1), of_boxes)
            appearance.append(shares(counts))
            cut = in_space - self.radius
            # Differences of two sums of differences of grey levels.
            most = 2 * 255 * max(data.shape[1:])
            codes = map_patterns(maps, most, self.radius, self.n_points, "bilinear")
            codes = codes[:, :, cut : codes.shape[2] - cut]
            counts = region_histograms(codes, 2**self.n_points, of_boxes)
            motion.append(shares(binned(counts, self.n_points, self.uniform)))
        return xp.concat([*appearance, *motion], axis=-1)
