"""Main directional mean optical flow."""

import array_api_compat

from cdmer._parameters import check_number
from cdmer._vision.histograms import region_histograms
from cdmer.features._flow.descriptor import FlowDescriptor, slabs
from cdmer.features._flow.directions import components, direction_bins, lengths


class MDMO(FlowDescriptor):
    r"""Main directional mean optical flow (MDMO) [1]_.

    In each region of each frame the vectors are sorted by direction into bins; the bin with most
    vectors is the main one, and the mean of its vectors the motion of the region. These are
    averaged over the frames. The features are, region by region, the length :math:`\rho` of that
    average, as a share of the largest of all regions, and its angle :math:`\theta` in radians:
    0 to the right, :math:`\pi/2` down, from :math:`-\pi` to :math:`\pi`.

    Both means are means of vectors, not of lengths and angles: -179° and 179° average to 180°, not
    to 0°, and vectors that cancel out give 0.

    Parameters
    ----------
    n_bins : int, default=8
        Number n of bins, at least 2; bin k holds the angles from 2πk/n up to, but not including,
        2π(k + 1)/n. Of bins with equally many vectors the first one is the main bin. Vectors of
        length 0 have no direction and are left out.
    flow : OpticalFlow, default=None
        Motion to describe, and how it is measured; its `n_jobs` is not used. None stands for
        ``OpticalFlow(method="farneback")``: from the onset to each later frame.
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid(levels=(6,))``: 36 regions, 72 features.
        `LandmarkRegions` are 36 regions that follow the face, as those of [1]_ do.
    device : str or torch.device, default=None
        Device on which PyTorch computes, such as ``"cuda"``; flow is measured on the CPU. None
        computes with the library and on the device of the frames.
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
    TypeError, ValueError
        By `fit`, if a parameter has the wrong type or value. By `transform`, if a clip is not
        grey uint8 (TypeError for another dtype), or too short or too small for the flow and the
        grid. The message names the parameter or the clip.

    Notes
    -----
    Where nothing moves in the average, :math:`\rho` and :math:`\theta` are 0. The alignment of the
    face by its own flow, which precedes MDMO in [1]_, is not part of it.

    References
    ----------
    .. [1] Y.-J. Liu, J.-K. Zhang, W.-J. Yan, S.-J. Wang, G. Zhao and X. Fu, "A main directional
       mean optical flow feature for spontaneous micro-expression recognition", IEEE Transactions
       on Affective Computing 7(4), 2016, https://doi.org/10.1109/TAFFC.2015.2485205

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import MDMO
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 5, 48, 48), dtype=np.uint8)
    >>> mdmo = MDMO().fit(clips)
    >>> mdmo.transform(clips).shape
    (2, 72)
    >>> mdmo.get_feature_names_out()[:2]
    array(['l6r0c0_rho', 'l6r0c0_theta'], dtype=object)
    """

    _default_levels = (6,)
    _default_flow = {"method": "farneback"}

    def __init__(self, n_bins=8, flow=None, grid=None, device=None, n_jobs=None):
        self.n_bins = n_bins
        super().__init__(flow, grid, device, n_jobs)

    def _check_parameters(self):
        check_number("n_bins", self.n_bins, least=2, whole=True)
        super()._check_parameters()

    def _columns(self):
        return ["rho", "theta"]

    def _describe(self, data, boxes):
        xp = array_api_compat.array_namespace(data)
        u, v = (
            xp.mean(xp.concat(of_frames), axis=0)
            for of_frames in zip(*(self._main_means(f, boxes) for f in slabs(data)), strict=True)
        )
        rho = lengths(u, v)
        largest = xp.max(rho)
        rho = rho / xp.where(largest > 0, largest, xp.ones_like(largest))
        theta = xp.where(rho > 0, xp.atan2(v, u), xp.zeros_like(rho))
        return xp.stack([rho, theta], axis=-1)

    def _main_means(self, field, boxes):
        """Mean vector of each frame's and region's main bin, two arrays (n_fields, n_regions)."""
        xp = array_api_compat.array_namespace(field)
        device = array_api_compat.device(field)
        u, v = components(xp.astype(field, xp.float64))
        n_fields, n_bins = field.shape[0], self.n_bins
        # Bins of different frames are kept apart: one pass counts them all.
        first_bin = n_bins * xp.arange(n_fields, dtype=xp.int32, device=device)
        codes = direction_bins(u, v, n_bins) + first_bin[:, None, None]

        def per_bin(weights):
            sums = region_histograms(codes, n_fields * n_bins, boxes, weights)
            return xp.permute_dims(xp.reshape(sums, (-1, n_fields, n_bins)), (1, 0, 2))

        counts = per_bin(xp.astype((u != 0) | (v != 0), xp.float64))
        bins = xp.arange(n_bins, dtype=xp.float64, device=device)
        rank = n_bins * counts - bins  # no two alike, so libraries agree on the largest
        main = xp.astype(rank == xp.max(rank, axis=-1, keepdims=True), xp.float64)
        count = xp.sum(counts * main, axis=-1)
        count = xp.where(count > 0, count, xp.ones_like(count))
        return tuple(xp.sum(per_bin(w) * main, axis=-1) / count for w in (u, v))
