"""Histograms of the directions of optical flow: HOOF and FHOFO."""

import math

import array_api_compat

from cdmer._parameters import check_flag, check_number
from cdmer._vision.histograms import region_histograms
from cdmer.features._flow.descriptor import FlowHistogram
from cdmer.features._flow.directions import (
    components,
    direction_bins,
    folded_direction_bins,
    lengths,
)


class HOOF(FlowHistogram):
    """Histograms of oriented optical flow (HOOF) [1]_.

    Each flow vector votes for the bin of its direction, with its length. The features of a clip
    are, region by region, the shares of the bins in the votes of all pixels and frames; zero
    throughout where nothing moves.

    Parameters
    ----------
    n_bins : int, default=8
        Number n of bins, at least 2. Angles count from "to the right" towards "down", clockwise on
        the screen; bin k holds those from 2πk/n up to, but not including, 2π(k + 1)/n.
    folded : bool, default=False
        Whether to bin the smallest signed angle with the horizontal axis, as [1]_ does, so that
        motion to the left and to the right count alike: vectors to the left are mirrored to the
        right, and bin k holds the angles from -π/2 + πk/n ("up" for k = 0) up to, but not
        including, -π/2 + π(k + 1)/n.
    flow : OpticalFlow, default=None
        Motion to describe, and how it is measured; its `n_jobs` is not used. None stands for
        ``OpticalFlow()``: from the onset to each later frame. [1]_ takes the motion between
        successive frames, ``OpticalFlow(reference="previous")``.
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid()``, 85 regions.
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

    References
    ----------
    .. [1] R. Chaudhry, A. Ravichandran, G. Hager and R. Vidal, "Histograms of oriented optical
       flow and Binet-Cauchy kernels on nonlinear dynamical systems for the recognition of human
       actions", CVPR 2009, https://doi.org/10.1109/CVPR.2009.5206821

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import HOOF, RegionGrid
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 5, 48, 48), dtype=np.uint8)
    >>> hoof = HOOF(grid=RegionGrid(levels=(1, 2))).fit(clips)
    >>> hoof.transform(clips).shape
    (2, 40)
    >>> hoof.get_feature_names_out()[[0, -1]]
    array(['l1r0c0_bin0', 'l2r1c1_bin7'], dtype=object)
    """

    def __init__(self, n_bins=8, folded=False, flow=None, grid=None, device=None, n_jobs=None):
        self.n_bins = n_bins
        self.folded = folded
        super().__init__(flow, grid, device, n_jobs)

    def _check_parameters(self):
        check_number("n_bins", self.n_bins, least=2, whole=True)
        check_flag("folded", self.folded)
        super()._check_parameters()

    def _columns(self):
        return [f"bin{k}" for k in range(self.n_bins)]

    def _count(self, field, boxes):
        u, v = components(field)
        sort = folded_direction_bins if self.folded else direction_bins
        return region_histograms(sort(u, v, self.n_bins), self.n_bins, boxes, lengths(u, v))


class FHOFO(FlowHistogram):
    r"""Fuzzy histograms of optical flow orientations (FHOFO) [1]_.

    The length of a vector is ignored, so that weak expressions count as much as strong ones. Each
    vector has one vote, which it shares out between the two bins whose centres are next to its
    direction, so that a small error of the flow changes the features little: with
    :math:`d_k` the angle between the vector and the centre of bin k, and n bins, bin k gets

    .. math:: \mu_k = \max\left(0,\; 1 - \frac{n}{2\pi} d_k\right).

    The features of a clip are, region by region, the shares of the bins in the votes of all pixels
    and frames; zero throughout where nothing moves.

    Parameters
    ----------
    n_bins : int, default=8
        Number n of bins, at least 2. The centre of bin k is 2π(k + 1/2)/n, counted from "to the
        right" towards "down", clockwise on the screen: the middle of the bins of `HOOF`.
    min_magnitude : float, default=0.1
        Least length in pixels of vectors that vote; those of length 0 never do. The direction of
        shorter ones is noise. In a resting face of 112 × 112 pixels with sensor noise of 1.5 grey
        levels about nine vectors in ten of "dis" are shorter than 0.1 pixels
        (``benchmarks/optical_flow.py``).
    flow : OpticalFlow, default=None
        Motion to describe, and how it is measured; its `n_jobs` is not used. None stands for
        ``OpticalFlow()``: from the onset to each later frame.
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid()``, 85 regions.
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
    What is taken from [1]_ is the idea: orientation alone, and soft votes. The triangular
    membership, the threshold and the flow are choices of this library and not known to be those of
    the paper. Triangles of this width are the narrowest whose memberships sum to 1 everywhere.

    References
    ----------
    .. [1] S. L. Happy and A. Routray, "Fuzzy histogram of optical flow orientations for
       micro-expression recognition", IEEE Transactions on Affective Computing 10(3), 2019,
       https://doi.org/10.1109/TAFFC.2017.2723386

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import FHOFO, RegionGrid
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 5, 48, 48), dtype=np.uint8)
    >>> FHOFO(grid=RegionGrid(levels=(1, 2))).fit_transform(clips).shape
    (2, 40)
    """

    def __init__(self, n_bins=8, min_magnitude=0.1, flow=None, grid=None, device=None, n_jobs=None):
        self.n_bins = n_bins
        self.min_magnitude = min_magnitude
        super().__init__(flow, grid, device, n_jobs)

    def _check_parameters(self):
        check_number("n_bins", self.n_bins, least=2, whole=True)
        check_number("min_magnitude", self.min_magnitude, least=0)
        super()._check_parameters()

    def _columns(self):
        return [f"bin{k}" for k in range(self.n_bins)]

    def _count(self, field, boxes):
        xp = array_api_compat.array_namespace(field)
        u, v = components(xp.astype(field, xp.float64))
        magnitude = lengths(u, v)
        votes = xp.astype((magnitude >= self.min_magnitude) & (magnitude > 0), xp.float64)
        # In bins from the centre of bin 0: between -n/2 - 1/2 and n/2 - 1/2.
        place = xp.atan2(v, u) * (self.n_bins / (2 * math.pi)) - 0.5
        before = xp.floor(place)
        share = votes * (place - before)
        before = xp.remainder(xp.astype(before, xp.int64), self.n_bins)
        after = xp.remainder(before + 1, self.n_bins)
        return region_histograms(before, self.n_bins, boxes, votes - share) + region_histograms(
            after, self.n_bins, boxes, share
        )
