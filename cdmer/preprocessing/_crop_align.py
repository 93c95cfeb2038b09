"""The face cut out of a clip, upright and of one size."""

import math
from itertools import chain

import numpy as np

from cdmer._parameters import ParameterError, check_flag, check_number
from cdmer.preprocessing._base import FrameTransformer
from cdmer.preprocessing._cut_out import CutOut
from cdmer.preprocessing._detectors import CascadeDetector, Face

# Places of the eyes in a square of side 1 without margin, seen from its centre: x + iy, y down.
RIGHT_EYE, LEFT_EYE = -0.2 - 0.15j, 0.2 - 0.15j


class FaceNotFoundError(ValueError):
    """A detector found no face in a clip.

    Parameters
    ----------
    message : str
        Names the clip and the detector.
    """

    def __init__(self, message):
        super().__init__(message)


class CropAlign(FrameTransformer):
    """Cut the face out of clips, the same way in all frames of a clip.

    The face is looked for in the first frame, and what is found there holds for the whole clip:
    following it from frame to frame would add the tremor of the detector to the motion that is to
    be seen. The largest of several faces is taken; of faces of the same size the one with the
    highest score, then the first.

    Where the detector gives the eyes, the clip is turned, scaled and shifted so that they come to
    fixed places. Otherwise, or with ``align=False``, the box of the face is cut out.

    Parameters
    ----------
    detector : callable, default=None
        Function of a frame, ndarray of uint8 of shape (H, W) or (H, W, 3), that gives a list of
        `Face`. None stands for ``CascadeDetector()``, which gives no eyes.
    height, width : int, default=112
        Size of the new frames in pixels.
    margin : float, default=0.1
        Margin on each side, as a share of the face.
    align : bool, default=True
        Whether to bring the eyes, where the detector gives them, to fixed places.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value.
    FaceNotFoundError
        A ValueError: when the frames of a clip are read (for arrays by `transform`), if there is no
        face in the first one.

    Notes
    -----
    By its box, the face is enlarged by the margin about its centre, then along one side until the
    ratio of the sides is that of the new frames.

    By its eyes, the face fills a square of side ``S = min(height, width) / (1 + 2 * margin)`` in
    the middle of the new frame: both eyes are ``0.15 * S`` above the centre, the person's right eye
    ``0.2 * S`` to the left of it, the left eye as far to the right. For 112 × 112 pixels and a
    margin of 0.1 the places are (37.3, 42.0) and (74.7, 42.0), from the upper left corner of the
    frame.

    Where the new frame reaches over the border of the old one, the nearest pixel is repeated. Grey
    levels are interpolated linearly. If the face shrinks by a factor s, every new pixel is the mean
    of n × n places, with n the next whole number from s on, so that nothing aliases. The result is
    rounded once; a face that is cut out at whole pixels and its own size keeps its grey levels.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import CropAlign, Face
    >>> def detector(frame):
    ...     return [Face(top=20, bottom=120, left=30, right=130, score=1)]
    >>> clip = np.zeros((10, 140, 200, 3), dtype=np.uint8)
    >>> CropAlign(detector).fit_transform([clip])[0].shape
    (10, 112, 112, 3)
    """

    def __init__(self, detector=None, height=112, width=112, margin=0.1, align=True):
        self.detector = detector
        self.height = height
        self.width = width
        self.margin = margin
        self.align = align

    def _check_parameters(self):
        if self.detector is not None and not callable(self.detector):
            raise ParameterError(
                f"detector: expected a callable that takes a frame, or None, got {self.detector!r}"
            )
        check_number("height", self.height, least=1, whole=True)
        check_number("width", self.width, least=1, whole=True)
        check_number("margin", self.margin, least=0)
        check_flag("align", self.align)

    def _stream(self, frames, clip, name):
        seen, face = self._look(frames, clip, name)
        if self.align and face.landmarks is not None:
            placed = self._by_eyes(face, name)
        else:
            placed = self._by_box(face, name)
        cut_out = CutOut(*placed, (self.height, self.width), name)
        for frame in chain(seen, frames):
            yield cut_out(frame)

    def _look(self, frames, clip, name):
        """Frames that were looked at, a list, and the face of the clip."""
        first = next(frames)
        return [first], self._find(first, name)

    def _find(self, frame, name):
        """The largest face of a frame."""
        detector = CascadeDetector() if self.detector is None else self.detector
        found = detector(frame)
        if not isinstance(found, list | tuple) or not all(isinstance(face, Face) for face in found):
            raise TypeError(f"{name}: expected a list of Face of the detector, got {found!r}")
        # Of numbers such as those of small NumPy types, areas would overflow.
        faces = [Face(*map(float, face[:5]), face.landmarks) for face in found]
        if not faces:
            called = getattr(detector, "__name__", repr(detector))
            height, width = frame.shape[:2]
            raise FaceNotFoundError(
                f"{name}: {called} found no face in the first frame, of {height} x {width} pixels"
            )
        return max(faces, key=lambda f: ((f.bottom - f.top) * (f.right - f.left), f.score))

    def _by_box(self, face, name):
        """Scale, and the same place in the old frame and in the new one; see `CutOut`."""
        height, width = face.bottom - face.top, face.right - face.left
        if not (height > 0 and width > 0 and math.isfinite(height * width)):
            raise ValueError(f"{name}: expected a face with a box of positive size, got {face}")
        scale = (1 + 2 * self.margin) * max(height / self.height, width / self.width)
        centre = complex((face.left + face.right) / 2, (face.top + face.bottom) / 2)
        return scale, centre, complex(self.width, self.height) / 2

    def _by_eyes(self, face, name):
        """Scale and turn, and the same place in the old frame and in the new one."""
        points = np.asarray(face.landmarks, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise ValueError(
                f"{name}: expected landmarks of shape (n_landmarks, 2), the eyes first, got shape "
                f"{points.shape}"
            )
        right, left = (complex(x, y) for x, y in points[:2] + 0.5)
        if not 0 < abs(left - right) < math.inf:
            raise ValueError(f"{name}: expected two eyes apart from one another, got {points[:2]}")
        side = min(self.height, self.width) / (1 + 2 * self.margin)
        turn = (left - right) / (side * (LEFT_EYE - RIGHT_EYE))
        centre = complex(self.width, self.height) / 2
        return turn, right, centre + side * RIGHT_EYE
