"""Clips of another size."""

import math

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._limits import check_clip_bytes
from cdmer._parameters import check_choice, check_number
from cdmer.preprocessing._base import FrameTransformer

INTERPOLATIONS = ("auto", "area", "linear", "cubic")


class Resize(FrameTransformer):
    """Resize the frames of clips; the ratio of the sides is not kept.

    Parameters
    ----------
    height, width : int, default=112
        New size in pixels.
    interpolation : {"auto", "area", "linear", "cubic"}, default="auto"
        Interpolation by OpenCV: means over the area of each new pixel, or linear or cubic
        interpolation between old ones, which alias where the picture shrinks. "auto" means area
        along a side that shrinks and linear along one that grows; if one does either, the picture
        shrinks first and is rounded in between.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value.

    Notes
    -----
    Frames of the wanted size pass unchanged. Onset, apex and offset stay as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import Resize
    >>> clip = np.zeros((10, 170, 170), dtype=np.uint8)
    >>> Resize(112, 112).transform([clip])[0].shape
    (10, 112, 112)
    """

    def __init__(self, height=112, width=112, interpolation="auto"):
        self.height = height
        self.width = width
        self.interpolation = interpolation

    def _check_parameters(self):
        check_number("height", self.height, least=1, whole=True)
        check_number("width", self.width, least=1, whole=True)
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)

    def _stream(self, frames, clip, name):
        cv2 = import_cv2()
        new = self.height, self.width
        for frame in frames:
            picture = frame
            if frame.shape[:2] != new:
                check_clip_bytes(math.prod((*new, *frame.shape[2:])), name)  # each by itself
                picture = np.ascontiguousarray(frame)
                for (height, width), how in self._passes(frame.shape[:2], new):
                    flag = getattr(cv2, f"INTER_{how.upper()}")
                    picture = cv2.resize(picture, (width, height), interpolation=flag)
            yield picture

    def _passes(self, old, new):
        """Sizes to go through, each with the interpolation that leads there."""
        if self.interpolation != "auto":
            return [(new, self.interpolation)]
        small = tuple(map(min, old, new))
        shrink, grow = [(small, "area")] * (small != old), [(new, "linear")] * (small != new)
        return shrink + grow
