"""Local binary patterns of mean orthogonal planes, as a scikit-learn transformer."""

import array_api_compat
import numpy as np

from cdmer._vision.histograms import region_histograms
from cdmer._vision.patterns import binned
from cdmer.features._descriptor import shares
from cdmer.features._lbp_top import PlanePatterns
from cdmer.features._projections import band_sums, map_patterns


class LBPMOP(PlanePatterns):
    r"""Local binary patterns of mean orthogonal planes (LBP-MOP) of a clip [1]_.

    Instead of all planes of a region, as `LBPTOP` does, LBP-MOP describes three: the mean of the
    region's frames (XY), the mean of its rows as a picture of columns over time (XT), and the mean
    of its columns as a picture of rows over time (YT). The features are the relative frequencies
    of the local binary patterns of these three pictures, region by region.

    Parameters
    ----------
    radius : int, default=3
        Radius of the circle of neighbours, in pixels and in frames.
    n_points : int, default=8
        Number of neighbours, from 1 to 16.
    uniform : bool, default=True
        Whether to count all patterns that are not uniform in one bin, see `LBPTOP`.
    interpolation : {"bilinear", "nearest"}, default="bilinear"
        Interpolation of values between pixels.
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
    Means of the same number of grey levels are compared through their sums, in exact integer
    arithmetic with the rule for ties of `LBPTOP`. XY averages all frames. Neighbours may lie
    outside the region; a border of `radius` pixels, and in XT and YT of `radius` frames, has no
    codes.

    References
    ----------
    .. [1] Y. Wang, J. See, R. C.-W. Phan and Y.-H. Oh, "Efficient spatio-temporal local binary
       patterns for spontaneous facial micro-expression recognition", PLoS ONE 10(5), 2015,
       https://doi.org/10.1371/journal.pone.0124674

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import LBPMOP
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 10, 40, 40), dtype=np.uint8)
    >>> LBPMOP().fit_transform(clips).shape
    (2, 15045)
    """

    def _describe(self, data, boxes):
        xp = array_api_compat.array_namespace(data)
        of_frames = xp.sum(data, axis=0, dtype=xp.int64)[:, None, :]
        codes = self._patterns(of_frames, data.shape[0])
        histograms = [self._shares(xp.permute_dims(codes, (1, 0, 2)), boxes)]
        for sums, of_boxes in band_sums(data, boxes, self.radius):
            codes = self._patterns(sums, max(data.shape[1:]))
            histograms.append(self._shares(codes, of_boxes))
        return xp.concat(histograms, axis=-1)

    def _patterns(self, sums, n_summed):
        return map_patterns(sums, 255 * n_summed, self.radius, self.n_points, self.interpolation)

    def _shares(self, codes, boxes):
        counts = region_histograms(codes, 2**self.n_points, np.asarray(boxes))
        return shares(binned(counts, self.n_points, self.uniform))
