"""Local binary patterns on three orthogonal planes, as a scikit-learn transformer."""

import array_api_compat

from cdmer._array import to_device
from cdmer._clips import named_clips, read_frames
from cdmer._parameters import check_choice, check_flag, check_number
from cdmer._vision.histograms import region_histograms
from cdmer._vision.patterns import PLANES, binned, orthogonal_patterns, pattern_names
from cdmer._vision.sampling import INTERPOLATIONS
from cdmer.features._descriptor import ClipDescriptor, shares

# Counting needs 2 ** n_points bins per cell of the grid.
MOST_POINTS = 16


class PlanePatterns(ClipDescriptor):
    """Base of descriptors that count local binary patterns in the planes XY, XT and YT."""

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
        super().__init__(grid, device, n_jobs)

    @property
    def _border(self):
        return self.radius, self.radius

    def _check_parameters(self):
        check_number("radius", self.radius, least=1, whole=True)
        check_number("n_points", self.n_points, least=1, most=MOST_POINTS, whole=True)
        check_flag("uniform", self.uniform)
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)

    def _columns(self):
        return [f"{p}_{c}" for p in PLANES for c in pattern_names(self.n_points, self.uniform)]


class LBPTOP(PlanePatterns):
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
        Number P of neighbours, from 1 to 16.
    uniform : bool, default=True
        Whether to count uniform patterns (at most two changes between 0 and 1 around the circle)
        one by one, in rising order of their code, and all others in one last bin: P (P - 1) + 3
        bins, 59 for P = 8. False counts each of the 2 ** P codes, in rising order.
    interpolation : {"bilinear", "nearest"}, default="bilinear"
        Interpolation of grey levels between pixels. "nearest" takes the nearest pixel, and rounds a
        half away from the centre voxel.
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

    def codes(self, clip):
        """Compute the codes that `transform` counts.

        Parameters
        ----------
        clip : Clip or array of uint8 of shape (T, H, W)
            One clip.

        Returns
        -------
        dict of str to array of shape (T - 2 * radius, H - 2 * radius, W - 2 * radius)
            Codes in the planes ``"xy"``, ``"xt"`` and ``"yt"``: uint8 for up to 8 points, else
            int32.

        Raises
        ------
        TypeError, ValueError
            As `transform`.
        """
        ((name, clip),) = named_clips([clip])
        ready = self._ready()
        frames = read_frames(clip, name, colour=False)
        ready._place(frames, name)  # checks the size
        if self.device is not None:
            frames = to_device(frames, self.device)
        planes = orthogonal_patterns(frames, self.radius, self.n_points, self.interpolation)
        return dict(zip(PLANES, planes, strict=True))

    def _describe(self, data, boxes):
        planes = orthogonal_patterns(data, self.radius, self.n_points, self.interpolation)
        counts = [region_histograms(codes, 2**self.n_points, boxes) for codes in planes]
        xp = array_api_compat.array_namespace(*counts)
        return xp.concat([shares(binned(c, self.n_points, self.uniform)) for c in counts], axis=-1)
