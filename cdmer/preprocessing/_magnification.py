"""Small motion made large: Eulerian video magnification."""

import math

import numpy as np

from cdmer._cv2 import one_cv2_thread
from cdmer._parameters import ParameterError, check_choice, check_number
from cdmer.preprocessing._base import FrameTransformer

# Li et al. (2018), and Guo et al. (2019) after them.
PRESETS = {"casme2": 20, "samm": 20, "smic": 8}
# Length of the pyramid's filter: a picture with a shorter side is not reduced any more.
TAPS = 5


class MotionMagnification(FrameTransformer):
    r"""Magnify small motion in clips: Eulerian video magnification, linear [1]_.

    Each frame x(t) gets the difference of two first-order low-passes in time,

    .. math:: \ell_j(t) = (1 - r_j)\, \ell_j(t - 1) + r_j\, x(t), \quad \ell_j(0) = x(0),
              \qquad b(t) = \ell_1(t) - \ell_2(t),

    added to it, amplified per spatial frequency. In the Laplacian pyramid of b, a level of the
    representative wavelength :math:`\lambda` pixels is multiplied by

    .. math:: \alpha_\lambda = \min\left(\alpha,\; 2 \max\left(0,
              \frac{\lambda}{8 \delta} - 1\right)\right),
              \qquad \delta = \frac{\lambda_c}{8\,(1 + \alpha)};

    the finest level and the coarsest, the low-pass residual, are left out. :math:`\lambda` is
    :math:`\sqrt{H^2 + W^2}/3` for the residual and half of it for each next finer level.

    Parameters
    ----------
    alpha : float, default=20
        Amplification, at least 0.
    r1, r2 : float, default=0.4, 0.05
        Rates of the faster and the slower low-pass, per frame; 0 < r2 < r1 <= 1.
    lambda_c : float, default=16
        Spatial wavelength in pixels, above 0. Levels of less than about half of it are amplified
        less.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value.
    ValueError
        Where frames are computed, if they are too small for a level between the finest and the
        coarsest. The message names the clip.

    Notes
    -----
    This follows the authors' ``amplify_spatial_lpyr_temporal_iir``: :math:`\delta`, the factor 2
    ("exaggeration"), the wavelengths and the levels left out are theirs, and so is the number of
    levels: the shorter side is halved, rounding down, as long as it has five pixels, the length of
    the filter. 112 × 112 pixels give six levels, of which four are amplified. Two things differ.
    Their :math:`\alpha_\lambda` becomes negative where :math:`\lambda < 8\delta`, which takes
    motion out; here it stops at 0. They reduce chrominance; here red, green and blue are magnified
    alike, one by one.

    A point that moves by a small a(t), along a wavelength that is amplified fully, then moves by
    a(t) plus :math:`\alpha` times the band-passed a(t).

    The sum is rounded to the nearest integer and cut to 0…255. ``alpha=0`` and clips that stand
    still give the frames bit for bit. Onset, apex and offset stay as they are.

    The low-passes remember all that they need of earlier frames: one frame at a time is in memory.

    References
    ----------
    .. [1] H.-Y. Wu, M. Rubinstein, E. Shih, J. Guttag, F. Durand and W. Freeman, "Eulerian video
       magnification for revealing subtle changes in the world", ACM Transactions on Graphics
       31(4), SIGGRAPH 2012, https://doi.org/10.1145/2185520.2185561

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import MotionMagnification
    >>> x, t = np.arange(64), np.arange(50)[:, None, None]
    >>> shift = 0.2 * np.sin(0.5 * t)
    >>> clip = np.rint(128 + 40 * np.sin(0.2 * (x + shift)) + np.zeros((50, 64, 1)))
    >>> magnified = MotionMagnification(alpha=8).transform([clip.astype(np.uint8)])[0]
    >>> magnified.shape, bool(magnified.std(axis=0).mean() > 2 * clip.std(axis=0).mean())
    ((50, 64, 64), True)
    """

    def __init__(self, alpha=20, r1=0.4, r2=0.05, lambda_c=16):
        self.alpha = alpha
        self.r1 = r1
        self.r2 = r2
        self.lambda_c = lambda_c

    @classmethod
    def preset(cls, name):
        """Magnify as published for a corpus [1]_.

        Parameters
        ----------
        name : {"casme2", "samm", "smic"}
            The corpus.

        Returns
        -------
        MotionMagnification
            alpha 20 for CASME II and SAMM, 8 for SMIC; the other parameters at their defaults.

        Raises
        ------
        ParameterError
            If there is no such preset.

        References
        ----------
        .. [1] X. Li, X. Hong, A. Moilanen, X. Huang, T. Pfister, G. Zhao and M. Pietikäinen,
           "Towards reading hidden emotions: A comparative study of spontaneous micro-expression
           spotting and recognition methods", IEEE Transactions on Affective Computing 9(4), 2018,
           https://doi.org/10.1109/TAFFC.2017.2667642; the other parameters as restated by Guo et
           al., 2019, https://arxiv.org/abs/1907.09160
        """
        check_choice("name", name, PRESETS)
        return cls(alpha=PRESETS[name])

    def _check_parameters(self):
        check_number("alpha", self.alpha, least=0)
        check_number("r1", self.r1, above=0, most=1)
        check_number("r2", self.r2, above=0, most=1)
        check_number("lambda_c", self.lambda_c, above=0)
        if self.r2 >= self.r1:
            raise ParameterError(f"r2: expected a number below r1 ({self.r1!r}), got {self.r2!r}")

    def _stream(self, frames, clip, name):
        gains = None
        for frame, band in band_passed(frames, self.r1, self.r2):
            if gains is None:
                gains = self._gains(*frame.shape[:2], name)
            with one_cv2_thread() as cv2:
                moved = amplified(cv2, band, gains)
            moved += frame
            yield np.clip(np.rint(moved, out=moved), 0, 255, out=moved).astype(np.uint8)

    def _gains(self, height, width, name):
        gains = level_gains(height, width, self.alpha, self.lambda_c)
        if len(gains) < 3:
            raise ValueError(
                f"{name}: frames of {height} x {width} pixels are too small to magnify motion in; "
                f"expected at least {2 * TAPS} x {2 * TAPS}"
            )
        return gains


def band_passed(frames, r1, r2):
    """Filter a clip in time by the difference of two first-order low-passes.

    Parameters
    ----------
    frames : iterable of ndarray of uint8, shape (...)
        The frames.
    r1, r2 : float
        See `MotionMagnification`.

    Yields
    ------
    frame : ndarray of uint8, shape (...)
    band : ndarray of float32, shape (...)
        Overwritten by the next one.
    """
    fast = None
    for frame in frames:
        if fast is None:
            fast = frame.astype(np.float32)
            slow, band = fast.copy(), np.empty_like(fast)
        # Written as a step towards the frame: where nothing moves, nothing is rounded either.
        for low, rate in ((fast, r1), (slow, r2)):
            np.subtract(frame, low, out=band)
            band *= np.float32(rate)
            low += band
        yield frame, np.subtract(fast, slow, out=band)


def level_gains(height, width, alpha, lambda_c):
    """Amplification of each level of the pyramid.

    Parameters
    ----------
    height, width : int
        Size of the picture in pixels.
    alpha, lambda_c : float
        See `MotionMagnification`.

    Returns
    -------
    list of float
        From the finest level to the low-pass residual; both are 0.
    """
    n_levels, side = 1, min(height, width)
    while side >= TAPS:
        n_levels, side = n_levels + 1, side // 2
    delta = lambda_c / 8 / (1 + alpha)
    wavelengths = [math.hypot(height, width) / 3 / 2**k for k in reversed(range(n_levels))]
    gains = [min(alpha, 2 * max(0, w / (8 * delta) - 1)) for w in wavelengths]
    return [0.0, *gains[1:-1], 0.0] if n_levels > 1 else [0.0]


def amplified(cv2, picture, gains):
    r"""Multiply the levels of a picture's Laplacian pyramid and add them up again.

    Parameters
    ----------
    cv2 : module
        OpenCV.
    picture : ndarray of float32, shape (H, W) or (H, W, 3)
        The picture.
    gains : list of float
        One per level, the finest first; the last one for the low-pass residual.

    Returns
    -------
    ndarray of float32, of the picture's shape

    Notes
    -----
    With the Gaussian pyramid :math:`G_0, …, G_L` and U for enlarging, level l is
    :math:`G_l - U G_{l+1}`. Because U is linear, the sum is built from the top by
    :math:`R_l = g_l G_l + U (R_{l+1} - g_l G_{l+1})`: one enlargement per level, not two.
    """
    gaussian = [picture]
    for _ in gains[1:]:
        gaussian.append(cv2.pyrDown(gaussian[-1]))
    total = np.float32(gains[-1]) * gaussian[-1]
    for gain, fine, coarse in zip(gains[-2::-1], gaussian[-2::-1], gaussian[:0:-1], strict=True):
        size = fine.shape[1::-1]
        total = cv2.pyrUp(total - np.float32(gain) * coarse, dstsize=size)
        total += np.float32(gain) * fine
    return total
