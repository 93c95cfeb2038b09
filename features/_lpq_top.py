"""Local phase quantisation on three orthogonal planes, as a scikit-learn transformer."""

from functools import lru_cache

import array_api_compat
import numpy as np

from cdmer._parameters import ParameterError, check_number
from cdmer._vision.histograms import region_histograms
from cdmer._vision.patterns import PLANES
from cdmer.features._descriptor import ClipDescriptor, shares

# Row and column axis of each plane (t, y, x = 0, 1, 2).
_AXES = {"xy": (1, 2), "xt": (0, 2), "yt": (0, 1)}
# Coefficients of uint8 frames this close to zero are zero but for rounding.
_ZERO = 1e-8
# Voxels handled at once: their neighbourhoods, window² float64 numbers each, stay in the cache of a
# CPU; a GPU wants few large steps.
_CHUNK = {"cpu": 2**13, "other": 2**21}


class LPQTOP(ClipDescriptor):
    r"""Local phase quantisation on three orthogonal planes (LPQ-TOP) of a clip [1]_, [2]_.

    In the plane, the M × M neighbourhood of a voxel is transformed to four frequencies,

    .. math:: F(u) = \sum_{|r|, |c| \le (M-1)/2} f(r, c)\, e^{-2\pi i (u_r r + u_c c)},
        \quad u \in \{(0, a), (a, 0), (a, a), (a, -a)\},\; a = 1/M,

    and the signs of the eight numbers :math:`\Re F, \Im F`, once they are decorrelated, make a code
    of eight bits: it holds phase alone, which blur leaves as it is. The features of a clip are,
    region by region and plane by plane, the relative frequencies of the 256 codes.

    Decorrelation supposes that neighbouring voxels correlate by :math:`\rho_s` per pixel and
    :math:`\rho_t` per frame; it multiplies the eight numbers by the eigenvectors of the covariance
    that follows from it.

    Parameters
    ----------
    windows : tuple of three int, default=(5, 5, 5)
        Sizes M of the neighbourhood in the planes XY, XT and YT; odd, from 3 to 15.
    correlation : tuple of two float, or None, default=(0.1, 0.1)
        Correlations :math:`(\rho_s, \rho_t)` of neighbouring pixels and frames, above 0 and below
        1. None leaves the numbers as they are.
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
    A bit is 1 where its number is at least zero. A flat neighbourhood has code 255; numbers within
    1e-8 of zero count as zero, so brightness that is added to a whole clip changes no code.

    Two voxels at a distance of Δ rows and columns correlate by
    :math:`\exp(-\sqrt{\sum_i (\Delta_i \ln \rho_i)^2})`, that is :math:`\rho^{|\Delta|}` where
    both axes have the same :math:`\rho`. This model is the same upside down and mirrored, so the
    numbers fall into four kinds that do not correlate, by their parity along rows and columns:
    even and even (3 of them), odd and odd (1), odd and even (2), even and odd (2). Each kind is
    decorrelated by itself, which leaves no eigenvector undetermined. Bits go kind by kind, within
    a kind by falling variance; the first entry of each eigenvector beyond 0.001 is positive.
    Without decorrelation bits 0 to 3 are the real parts in the order of the frequencies above,
    bits 4 to 7 the imaginary ones. Published codes may number their bits differently; the sizes of
    the windows that gave the published figures are not stated.

    One matrix holds transform and decorrelation: codes are the signs of its product with the
    neighbourhoods, in float64.

    References
    ----------
    .. [1] V. Ojansivu and J. Heikkilä, "Blur insensitive texture classification using local phase
       quantization", ICISP 2008, https://doi.org/10.1007/978-3-540-69905-7_27
    .. [2] B. Jiang, M. Valstar and M. Pantic, "Action unit detection using sparse appearance
       descriptors in space-time video volumes", FG 2011, https://doi.org/10.1109/FG.2011.5771416

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import LPQTOP, RegionGrid
    >>> clips = np.random.default_rng(0).integers(0, 256, size=(2, 10, 40, 40), dtype=np.uint8)
    >>> LPQTOP(grid=RegionGrid((1,))).fit_transform(clips).shape
    (2, 768)
    """

    def __init__(
        self, windows=(5, 5, 5), correlation=(0.1, 0.1), grid=None, device=None, n_jobs=None
    ):
        self.windows = windows
        self.correlation = correlation
        super().__init__(grid, device, n_jobs)

    @property
    def _border(self):
        reach = max(self.windows) // 2
        return reach, reach

    def _check_parameters(self):
        if not isinstance(self.windows, tuple | list) or len(self.windows) != 3:
            raise ParameterError(f"windows: expected three sizes, got {self.windows!r}")
        for size in self.windows:
            check_number("windows", size, least=3, most=15, whole=True)
            if size % 2 == 0:
                raise ParameterError(f"windows: expected odd sizes, got {self.windows!r}")
        if self.correlation is None:
            return
        if not isinstance(self.correlation, tuple | list) or len(self.correlation) != 2:
            raise ParameterError(
                f"correlation: expected two numbers or None, got {self.correlation!r}"
            )
        for value in self.correlation:
            check_number("correlation", value, above=0, most=1 - 1e-6)

    def _columns(self):
        return [f"{plane}_{code}" for plane in PLANES for code in range(256)]

    def _describe(self, data, boxes):
        histograms = []
        for plane, size in zip(PLANES, self.windows, strict=True):
            pair = self.correlation
            if pair is not None:
                pair = tuple(float(pair[0 if axis else 1]) for axis in _AXES[plane])
            codes = _phase_codes(data, _AXES[plane], size, self._border[0], _transform(size, pair))
            histograms.append(shares(region_histograms(codes, 256, boxes)))
        return array_api_compat.array_namespace(data).concat(histograms, axis=-1)


def _phase_codes(frames, axes, size, border, transform):
    """Codes of the voxels inside the border.

    Frames are handled as one flat row of voxels, in which a step along an axis is a constant
    stride, so that each place of the window is one contiguous piece of memory. Cosines are even and
    sines odd: they see the sums and the differences of the pairs of places opposite each other.
    """
    xp = array_api_compat.array_namespace(frames)
    device = array_api_compat.device(frames)
    n_frames, height, width = frames.shape
    strides = (height * width, width, 1)
    steps = [sum(n * strides[axis] for n, axis in zip(p, axes, strict=True)) for p in _half(size)]
    grey = xp.astype(xp.reshape(frames, (-1,)), xp.int16)  # sums of two fit, and differences
    even, centre, odd = (xp.asarray(part, device=device) for part in transform)
    start = border * sum(strides)  # the first voxel whose neighbourhood is complete
    stop = n_frames * height * width - start
    chunk = _CHUNK["cpu" if "cpu" in str(device).lower() else "other"]
    codes = []
    for first in range(start, stop, chunk):
        last = min(first + chunk, stop)
        after = xp.stack([grey[first + s : last + s] for s in steps])
        before = xp.stack([grey[first - s : last - s] for s in steps])
        real = even @ xp.astype(after + before, xp.float64)
        real += centre * xp.astype(grey[first:last], xp.float64)
        imaginary = odd @ xp.astype(after - before, xp.float64)
        code = xp.zeros(last - first, dtype=xp.uint8, device=device)
        for numbers in (imaginary, real):
            signs = xp.astype(numbers >= -_ZERO, xp.uint8)
            for bit in range(3, -1, -1):
                code += code
                code += signs[bit, :]
        codes.append(code)
    outside = xp.zeros(start, dtype=xp.uint8, device=device)
    codes = xp.reshape(xp.concat([outside, *codes, outside]), (n_frames, height, width))
    inner = slice(border, -border)
    return codes[inner, inner, inner]


def _half(size):
    """Places (row, column) of a window after its centre, row by row; the others are opposite."""
    reach = range(-(size // 2), size // 2 + 1)
    return [(r, c) for r in reach for c in reach if (r, c) > (0, 0)]


@lru_cache
def _transform(size, correlation):
    """Matrices from a neighbourhood to the eight numbers whose signs are coded.

    Parameters
    ----------
    size : int
        Side of the window.
    correlation : tuple of two float, or None
        Correlation of neighbours along the rows' axis and along the columns' axis.

    Returns
    -------
    even : ndarray of float64, shape (4, n_pairs)
        For the sums of opposite places, in the order of `_half`.
    centre : ndarray of float64, shape (4, 1)
        For the centre, to be added to these.
    odd : ndarray of float64, shape (4, n_pairs)
        For the differences: place in `_half` minus the one opposite.
    """
    half = _half(size)
    # The window in this order: `_half`, opposite places, centre.
    row, column = np.array(half + [(-r, -c) for r, c in half] + [(0, 0)]).T
    frequencies = np.array([(0, 1), (1, 0), (1, 1), (1, -1)]) / size
    phase = 2 * np.pi * (frequencies[:, :1] * row + frequencies[:, 1:] * column)
    rows = np.concatenate([np.cos(phase), -np.sin(phase)])
    if correlation is not None:
        decay = np.log(correlation)
        distance = np.hypot(decay[0] * (row[:, None] - row), decay[1] * (column[:, None] - column))
        covariance = np.exp(-distance)
        rows = np.concatenate([_decorrelated(kind, covariance) for kind in _kinds(rows)])
    n = len(half)
    return rows[:4, :n].copy(), rows[:4, -1:].copy(), rows[4:, :n].copy()


def _kinds(rows):
    """Combine cosines and sines to numbers of one parity along rows and along columns."""
    half = np.sqrt(0.5)
    cosines, sines = rows[:4], rows[4:]
    return (
        np.stack([cosines[0], cosines[1], half * (cosines[2] + cosines[3])]),
        np.stack([half * (cosines[2] - cosines[3])]),
        np.stack([sines[1], half * (sines[2] + sines[3])]),
        np.stack([sines[0], half * (sines[2] - sines[3])]),
    )


def _decorrelated(rows, covariance):
    """Linear combinations of rows that do not correlate, by falling variance."""
    _, vectors = np.linalg.eigh(rows @ covariance @ rows.T)
    vectors = vectors[:, ::-1].T
    leading = np.argmax(np.abs(vectors) > 1e-3, axis=1)
    return vectors * np.sign(vectors[np.arange(len(rows)), leading])[:, None] @ rows
