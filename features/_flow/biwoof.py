"""Bi-weighted oriented optical flow."""

import array_api_compat

from cdmer._parameters import check_choice, check_number
from cdmer._vision.histograms import region_histograms
from cdmer._vision.optical_flow import METHODS, flows
from cdmer.features._descriptor import ClipDescriptor, shares
from cdmer.features._flow.clip_flow import onset_and_apex_frames
from cdmer.features._flow.directions import components, direction_bins, lengths
from cdmer.features._flow.strain import optical_strain


class BiWOOF(ClipDescriptor):
    """Bi-weighted oriented optical flow (Bi-WOOF) between onset and apex [1]_.

    Each flow vector votes for the bin of its direction, with its length; the votes of a region are
    divided by their sum. This histogram is weighted a second time, by the sum of the optical strain
    in the region. The features of all regions together are scaled to Euclidean length 1; they are
    zero throughout where nothing moves.

    Parameters
    ----------
    n_bins : int, default=8
        Number n of bins, at least 2. Angles count from "to the right" towards "down", clockwise on
        the screen; bin k holds those from -π + 2πk/n up to, but not including, -π + 2π(k + 1)/n.
        An angle of π counts as -π.
    flow_method : {"dis", "farneback", "tvl1"}, default="dis"
        Method of `optical_flow`. [1]_ uses a TV-L1 flow.
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid(levels=(5,))``: 25 regions, 200 features.
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
        grey uint8 (TypeError for another dtype), is too short or too small for the flow and the
        grid, has no apex, or one that does not come after the onset. The message names the
        parameter or the clip.

    Notes
    -----
    Only two frames are described, the onset (the first frame where none is annotated) and the
    apex. Strain is that of `optical_strain`, taken over the whole picture before it is summed up.

    "dis" is the default because scikit-image's "tvl1" takes about 100 times as long, which leaves
    some 5 clips per second, and is no closer to motions that are known: under sensor noise its
    mean error was 0.86, 0.58 and 0.55 of the mean motion for peaks of 0.5, 1.5 and 3 pixels, that
    of "dis" 0.89, 0.54 and 0.42 (``benchmarks/optical_flow.py``).

    References
    ----------
    .. [1] S.-T. Liong, J. See, K. Wong and R. C.-W. Phan, "Less is more: micro-expression
       recognition from video using apex frame", Signal Processing: Image Communication 62, 2018,
       https://doi.org/10.1016/j.image.2017.11.006

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import BiWOOF
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> BiWOOF().fit_transform(clips).shape
    (3, 200)
    """

    measures_flow = needs_apex = True
    _default_levels = (5,)
    _fewest_frames = 2

    def __init__(self, n_bins=8, flow_method="dis", grid=None, device=None, n_jobs=None):
        self.n_bins = n_bins
        self.flow_method = flow_method
        super().__init__(grid, device, n_jobs)

    def _check_parameters(self):
        check_number("n_bins", self.n_bins, least=2, whole=True)
        check_choice("flow_method", self.flow_method, METHODS)

    def _columns(self):
        return [f"bin{k}" for k in range(self.n_bins)]

    def _measure(self, frames, clip, name):
        pair = onset_and_apex_frames(frames, clip, name, self.flow_method)
        return flows([pair], self.flow_method)

    def _describe(self, data, boxes):
        xp = array_api_compat.array_namespace(data)
        u, v = components(data)
        # Turned by half a turn, the bins that start at -π start at 0.
        bins = direction_bins(-u, -v, self.n_bins)
        histograms = shares(region_histograms(bins, self.n_bins, boxes, lengths(u, v)))
        strain = optical_strain(xp.astype(data, xp.float64))
        weighted = histograms * region_histograms(xp.zeros_like(bins), 1, boxes, strain)
        length = xp.sqrt(xp.sum(weighted**2))
        return weighted / xp.where(length > 0, length, xp.ones_like(length))
