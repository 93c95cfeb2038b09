"""A frame turned, scaled and shifted, so that nothing aliases."""

import math

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._limits import check_clip_bytes


class CutOut:
    """Turn, scale and shift frames of one size, all in the same way.

    Parameters
    ----------
    turn : complex
        What one pixel to the right in the new frame is in the old one. Places are x + iy, y down,
        from the upper left corner of the frame.
    old, new : complex
        A place in the old frame, and where it is in the new one.
    size : (int, int)
        Height and width of the new frame.
    name : str
        Name of the clip in messages.
    """

    def __init__(self, turn, old, new, size, name):
        self.size, self.name = size, name
        # Rounding errors must not make two samples of one.
        self.n = n = max(1, math.ceil(abs(turn) - 1e-6))
        step = turn / n
        # Samples lie in the middle of their cells; OpenCV counts from the first pixel's centre.
        middle = 0.5 + 0.5j
        first = old - turn * new + step * middle - middle
        self.matrix = np.array(
            [[step.real, -step.imag, first.real], [step.imag, step.real, first.imag]]
        )
        self._old = None

    def __call__(self, frame):
        """Cut out of a frame.

        Parameters
        ----------
        frame : ndarray of uint8, shape (H, W) or (H, W, 3)

        Returns
        -------
        ndarray of uint8, shape (height, width) or (height, width, 3)

        Raises
        ------
        ValueError
            If the samples of one frame take more memory than `check_clip_bytes` allows.
        """
        cv2 = import_cv2()
        height, width = self.size
        if self._old is None:
            n_samples = self.n**2 * height * width
            check_clip_bytes(4 * n_samples * math.prod(frame.shape[2:]), self.name)
            # As large as the frame, so that OpenCV computes with the same coordinates; what is not
            # looked at is neither converted nor, in most systems, given memory.
            self._old = np.zeros(frame.shape, dtype=np.float32)
            self._part = self._looked_at(*frame.shape[:2])
        self._old[self._part] = frame[self._part]
        samples = cv2.warpAffine(
            self._old,
            self.matrix,
            (self.n * width, self.n * height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        means = cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA)
        return np.rint(means).astype(np.uint8)

    def _looked_at(self, height, width):
        """Slices of the rows and columns that samples are interpolated from."""
        corners = np.array(
            [(x, y, 1) for x in (0, self.n * self.size[1]) for y in (0, self.n * self.size[0])]
        )
        slices = []
        for places, length in zip(self.matrix @ corners.T, (width, height), strict=True):
            # OpenCV rounds coordinates; two pixels are far more than it rounds by. Beyond the
            # border the nearest pixel is looked at.
            first, last = np.clip([places.min() - 2, places.max() + 2], 0, length - 1)
            slices.append(slice(math.floor(first), math.ceil(last) + 1))
        return tuple(reversed(slices))
