"""A frame turned, scaled and shifted, so that nothing aliases."""

import math

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._limits import check_clip_bytes


def cut_out(frame, turn, old, new, size, name):
    """Turn, scale and shift a frame.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W) or (H, W, 3)
    turn : complex
        What one pixel to the right in the new frame is in the old one. Places are x + iy, y down,
        from the upper left corner of the frame.
    old, new : complex
        A place in the old frame, and where it is in the new one.
    size : (int, int)
        Height and width of the new frame.
    name : str
        Name of the clip in messages.

    Returns
    -------
    ndarray of uint8, shape (height, width) or (height, width, 3)
    """
    cv2 = import_cv2()
    # Rounding errors must not make two samples of one.
    n = max(1, math.ceil(abs(turn) - 1e-6))
    step = turn / n
    # Samples lie in the middle of their cells; OpenCV counts from the centre of the first pixel.
    middle = 0.5 + 0.5j
    first = old - turn * new + step * middle - middle
    matrix = np.array([[step.real, -step.imag, first.real], [step.imag, step.real, first.imag]])
    height, width = size
    check_clip_bytes(4 * n**2 * height * width * math.prod(frame.shape[2:]), name)
    samples = cv2.warpAffine(
        np.asarray(frame, dtype=np.float32, order="C"),
        matrix,
        (n * width, n * height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    means = cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA)
    return np.rint(means).astype(np.uint8)
