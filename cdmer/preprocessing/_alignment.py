"""How a head moved between two pictures: a shift, a turn and, where asked for, a change of size.

A movement is two complex numbers, turn and shift. A place p of the first picture, x + iy in pixels
from its centre with y down, is found at ``turn * p + shift`` in the second one; the absolute value
of `turn` is the scale, 1 for rigid motion.
"""

import math

import numpy as np

from cdmer._cv2 import import_cv2

# Both pictures are smoothed: what is finer than that are noise and compression.
SMOOTHING = 1.5
# Least side of the coarsest pictures.
COARSEST = 24
# A step of less than so many pixels is the last.
STILL = 0.003
# Tukey's biweight leaves out what is further off than so many standard deviations. 4.685 is usual,
# where points are few; of thousands of pixels more can be left out, those of the expression first.
TUKEY = 2.5
# Points of iBUG 300-W that the skin's motion hardly reaches: bridge of the nose, corners of eyes.
STABLE = [27, 28, 29, 30, 36, 39, 42, 45]


class GreyLevels:
    """First picture, which others are compared with.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W)
    scales : bool
        Whether the size may change.
    max_iter : int
        Most steps on each level of the pyramid.
    """

    def __init__(self, picture, scales, max_iter):
        self.max_iter = max_iter
        self.picture = picture
        self.levels = [_Level(image, scales) for image in _pyramid(picture)]

    def follow(self, picture, turn, shift):
        """Find where the head went, from a first guess of its movement.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W)
        turn, shift : complex

        Returns
        -------
        turn, shift : complex
        """
        images = _pyramid(picture)
        for number in range(len(images) - 1, -1, -1):
            level, factor = self.levels[number], 2**number
            turn, shift = level.follow(
                images[number], turn, shift / factor, self.max_iter, robust=number == 0
            )
            shift *= factor
        return turn, shift

    def correlation(self, picture, turn, shift):
        """Correlate grey levels with those of the first picture, after the movement is undone.

        Returns
        -------
        float
            Normalised correlation, from -1 to 1; 0 where one of the pictures is flat, or less than
            half of the face is left.
        """
        return self.levels[0].correlation(_smooth(picture), turn, shift)


class _Level:
    """Gradients of one size of the first picture, and where they count."""

    def __init__(self, image, scales):
        cv2 = import_cv2()
        height, width = image.shape
        self.image = image
        x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32((height - 1) / 2)
        # Steps in turn and size are counted in pixels at this distance from the centre.
        self.radius = max(1.0, min(height, width) / 2)
        right = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
        columns = [right, down, (down * x - right * y) / self.radius]
        columns += [(right * x + down * y) / self.radius] * scales
        # Last come contrast and brightness, which may change as well.
        columns += [image / np.float32(64), np.ones_like(image)]
        self.columns = np.stack([column.ravel() for column in columns])
        # A face fills the middle of the picture; what is behind it moves otherwise.
        inside = 1 - (2 * x / width) ** 2 - (2 * y / height) ** 2
        self.weights = np.clip(3 * inside, 0, 1).ravel()

    def follow(self, image, turn, shift, max_iter, robust):
        """Gauss-Newton steps, each undone on the side of the first picture."""
        light = None
        for _ in range(max_iter):
            moved, weights = self._undo(image, turn, shift)
            change = moved - self.image.ravel()
            if robust and light is not None:
                weights = weights * _biweight(change - light @ self.columns[-2:], weights)
            weighted = self.columns * weights
            step = np.linalg.lstsq(weighted @ self.columns.T, weighted @ change, rcond=1e-6)[0]
            light = step[-2:]
            by = complex(step[0], step[1])
            around = np.exp(1j * step[2] / self.radius)
            if len(step) == 6:
                around *= 1 + step[3] / self.radius
            turn = turn / complex(around)
            shift -= turn * by
            if len(step) == 5:
                turn /= abs(turn)
            if abs(by) + np.abs(step[2:-2]).sum() < STILL:
                break
        return turn, shift

    def _undo(self, image, turn, shift):
        """Grey levels as they would be without the movement, and weights, each shape (H * W,)."""
        moved = undo(image, turn, shift, import_cv2().INTER_LINEAR, math.nan).ravel()
        there = np.isfinite(moved)
        return np.where(there, moved, 0), self.weights * there

    def correlation(self, image, turn, shift):
        moved, weights = self._undo(image, turn, shift)
        total = weights.sum(dtype=np.float64)
        if not total > 0.5 * self.weights.sum(dtype=np.float64):
            return 0.0
        first, second = (
            levels - (weights * levels).sum(dtype=np.float64) / total
            for levels in (self.image.ravel(), moved)
        )
        spread = (weights * first**2).sum() * (weights * second**2).sum()
        return float((weights * first * second).sum() / math.sqrt(spread)) if spread > 0 else 0.0


def _biweight(change, weights):
    """Weight of each pixel by what its change is beside that of most others."""
    off = np.abs(change)
    spread = 1.4826 * np.median(off[weights > 0]) if weights.any() else 0.0
    # Half a grey level: the rounding of pictures that are alike otherwise.
    return np.clip(1 - (off / np.float32(TUKEY * max(spread, 0.05))) ** 2, 0, None) ** 2


def _pyramid(picture):
    """Smoothed pictures, each half as large as the one before, a list of float32 arrays."""
    cv2 = import_cv2()
    image = picture.astype(np.float32)
    images = [_smooth(image)]
    while min(image.shape) >= 2 * COARSEST:
        height, width = image.shape
        image = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        images.append(_smooth(image))
    return images


def _smooth(picture):
    return import_cv2().GaussianBlur(picture.astype(np.float32), (0, 0), SMOOTHING)


def undo(picture, turn, shift, interpolation, border=None):
    """Bring a picture to where it would be without the movement.

    Parameters
    ----------
    picture : ndarray of uint8 or float32, shape (H, W) or (H, W, 3)
    turn, shift : complex
    interpolation : int
        A flag of OpenCV.
    border : float, default=None
        Grey level beyond the border; None repeats the pixels at the border.

    Returns
    -------
    ndarray of the same shape and type
    """
    cv2 = import_cv2()
    height, width = picture.shape[:2]
    centre = complex(width - 1, height - 1) / 2
    first = shift + centre - turn * centre
    matrix = np.array([[turn.real, -turn.imag, first.real], [turn.imag, turn.real, first.imag]])
    return cv2.warpAffine(
        picture,
        matrix,
        (width, height),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT,
        borderValue=0.0 if border is None else border,
    )


class Landmarks:
    """Stable points of the first picture, which those of others are compared with.

    Parameters
    ----------
    points : ndarray of float64, shape (68, 2)
    size : (int, int)
        Height and width of the picture.
    scales : bool
        Whether the size may change.
    """

    def __init__(self, points, size, scales):
        self.centre = complex(size[1] - 1, size[0] - 1) / 2
        self.first, self.scales = self._places(points), scales

    def _places(self, points):
        return points[STABLE] @ (1, 1j) - self.centre

    def follow(self, points):
        """Find the movement of least squares, [4]_ of `Register`; see `GreyLevels.follow`."""
        second = self._places(points)
        first = self.first - self.first.mean()
        turn = np.vdot(first, second - second.mean())
        turn /= np.vdot(first, first).real if self.scales else abs(turn)
        return complex(turn), complex(second.mean() - turn * self.first.mean())
