"""Colour to grey."""

import numpy as np

from cdmer.preprocessing._base import FrameTransformer

# ITU-R BT.601, red, green and blue, in thousandths.
LUMA = (299, 587, 114)


class ToGrey(FrameTransformer):
    """Turn colour clips into grey ones; grey clips pass unchanged.

    The grey level is the luma of ITU-R BT.601, ``0.299 R + 0.587 G + 0.114 B``, rounded to the
    nearest integer, a half up. Frames hold red, green and blue in this order.

    Notes
    -----
    The weighted sum is exact, in integers, and so the same on every machine. OpenCV's ``cvtColor``
    rounds the weights first: about one colour in 800 gets a grey level there that differs, by one.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import ToGrey
    >>> clip = np.zeros((10, 32, 32, 3), dtype=np.uint8)
    >>> clip[..., 1] = 255
    >>> grey = ToGrey().transform([clip])[0]
    >>> grey.shape, int(grey[0, 0, 0])
    ((10, 32, 32), 150)
    """

    def _stream(self, frames, clip, name):
        for frame in frames:
            yield to_grey(frame)


def to_grey(frame):
    """Grey levels of one frame, shape (H, W); a grey frame itself."""
    if frame.ndim == 2:
        return frame
    red, green, blue = (w * frame[..., c].astype(np.uint32) for c, w in enumerate(LUMA))
    return ((red + green + blue + 500) // 1000).astype(np.uint8)
