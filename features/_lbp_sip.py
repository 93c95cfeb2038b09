"""Local binary patterns with six intersection points, as a scikit-learn transformer."""

import array_api_compat

from cdmer._parameters import check_number
from cdmer._vision.histograms import region_histograms
from cdmer.features._descriptor import ClipDescriptor, shares

# Steps along t, y and x; the points lie at 0°, 90°, 180° and 270° of the plane XY, then on t.
_IN_SPACE = ((0, 0, 1), (0, -1, 0), (0, 0, -1), (0, 1, 0))
_IN_TIME = ((1, 0, 0), (-1, 0, 0))


class LBPSIP(ClipDescriptor):
    r"""Local binary patterns with six intersection points (LBP-SIP) of a clip [1]_.

    The three orthogonal planes through a voxel meet the sphere of radius R around it in three lines
    and six points. LBP-SIP compares those six with the voxel, :math:`[g_p \ge g_c]`, and nothing
    else: a code of four bits for the neighbours right, above, left and below, and one of two bits
    for the neighbours later and earlier. The features of a clip are, region by region, the relative
    frequencies of the 16 codes in space and the 4 codes in time: 20 per region.

    Parameters
    ----------
    radius : int, default=3
        Distance R of the neighbours, in pixels and in frames.
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
    .. [1] Y. Wang, J. See, R. C.-W. Phan and Y.-H. Oh, "LBP with six intersection points: reducing
       redundant information in LBP-TOP for micro-expression recognition", ACCV 2014,
       https://doi.org/10.1007/978-3-319-16865-4_34

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import LBPSIP
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 10, 40, 40), dtype=np.uint8)
    >>> LBPSIP(radius=1).fit_transform(clips).shape
    (2, 1700)
    """

    def __init__(self, radius=3, grid=None, device=None, n_jobs=None):
        self.radius = radius
        super().__init__(grid, device, n_jobs)

    @property
    def _border(self):
        return self.radius, self.radius

    def _check_parameters(self):
        check_number("radius", self.radius, least=1, whole=True)

    def _columns(self):
        return [f"space_{c}" for c in range(16)] + [f"time_{c}" for c in range(4)]

    def _describe(self, data, boxes):
        histograms = [
            shares(region_histograms(self._codes(data, steps), 2 ** len(steps), boxes))
            for steps in (_IN_SPACE, _IN_TIME)
        ]
        return array_api_compat.array_namespace(data).concat(histograms, axis=-1)

    def _codes(self, frames, steps):
        """Codes of the voxels inside the border, bit p for step p."""
        xp = array_api_compat.array_namespace(frames)

        def shifted(step):
            return frames[
                tuple(
                    slice(self.radius * (1 + s), size - self.radius * (1 - s))
                    for s, size in zip(step, frames.shape, strict=True)
                )
            ]

        centre = shifted((0, 0, 0))
        codes = xp.zeros_like(centre)
        for step in reversed(steps):
            codes = codes + codes + xp.astype(shifted(step) >= centre, xp.uint8)
        return codes
