"""The face cut out of a clip, upright and of one size."""

import math
from collections import deque
from itertools import islice

import numpy as np

from cdmer._notes import note
from cdmer._parameters import ParameterError, check_flag, check_number
from cdmer._text import counted
from cdmer.preprocessing._base import FrameTransformer
from cdmer.preprocessing._choose_face import (
    SeveralFacesWarning,
    check_face,
    choose_face,
    note_of_several,
)
from cdmer.preprocessing._cut_out import CutOut
from cdmer.preprocessing._detectors import CascadeDetector, Face
from cdmer.preprocessing._eyes import turned_over, upright_faces

# A face is looked for this many times a second; where the rate is unknown, in this many frames.
_LOOKS = 25
_MOST_RATE = 1000.0  # whatever a file states, cameras are slower
# Frames that wait until the face is found: a second of full HD in colour, at 40 per second.
_MOST_WAITING = 2**28
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

    The face is looked for from the first frame on, for a second at most, and what is found first
    holds for the whole clip, the frames before it too: following it from frame to frame would add
    the tremor of the detector to the motion that is to be seen.

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
    face : {"largest", "central"}, int or (float, float), default="largest"
        Which of several faces in a frame: that with the largest product of area and score; that
        nearest to the middle of the frame; a number, counted from 0, from the left of the frame to
        the right; or x and y of a pixel that lies in the face, or nearest to it. The centre of the
        first pixel is 0, 0.

    Warns
    -----
    SeveralFacesWarning
        A UserWarning: if ``"largest"`` or ``"central"`` had to choose between faces of comparable
        size and score.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if a parameter has the wrong type or
        value.
    FaceNotFoundError
        A ValueError: when the frames of a clip are read (for arrays by `transform`), if there is no
        face, or not the one that is asked for, in the frames of the first second.

    Notes
    -----
    The first second is that of the clip's `fps`, or 25 frames where it is unknown. Of more than 25
    frames per second every other one is looked at, or every third, and so on, so that clips without
    a face are told in 25 looks. Frames that wait for a face take at most 256 MiB: of larger ones,
    fewer are looked at.

    Faces that stand on their heads are not taken: they are a fault of the recording, and no
    detector finds them reliably. They are those whose eyes lie the wrong way round, and those that
    score higher in the frame turned by half a circle; networks take many of them for upright ones.
    So the detector gets two frames where it finds a face at once.

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

    def __init__(
        self, detector=None, height=112, width=112, margin=0.1, align=True, face="largest"
    ):
        self.detector = detector
        self.height = height
        self.width = width
        self.margin = margin
        self.align = align
        self.face = face

    def _check_parameters(self):
        if self.detector is not None and not callable(self.detector):
            raise ParameterError(
                f"detector: expected a callable that takes a frame, or None, got {self.detector!r}"
            )
        check_number("height", self.height, least=1, whole=True)
        check_number("width", self.width, least=1, whole=True)
        check_number("margin", self.margin, least=0)
        check_flag("align", self.align)
        check_face(self.face)

    def _stream(self, frames, clip, name):
        seen, face = self._look(frames, clip, name)
        if self.align and face.landmarks is not None:
            placed = self._by_eyes(face, name)
        else:
            placed = self._by_box(face, name)
        cut_out = CutOut(*placed, (self.height, self.width), name)
        while seen:
            yield cut_out(seen.popleft())
        for frame in frames:
            yield cut_out(frame)

    def _look(self, frames, clip, name):
        """Frames up to the first with a face, a deque, and that face."""
        rate = getattr(clip, "fps", None)
        rate = min(float(rate), _MOST_RATE) if rate is not None and rate > 0 else _LOOKS
        step = max(1, round(rate / _LOOKS))
        seen, others, upside_down = deque(), 0, 0
        for i, frame in enumerate(islice(frames, math.ceil(rate))):
            if i % step == 0:
                found, upright = self._find(frame, name)
                chosen = choose_face(upright, self.face, frame.shape[:2])
                if chosen is not None:
                    text = note_of_several(chosen, upright, self.face, name)
                    if text is not None:
                        note(SeveralFacesWarning(text))
                    seen.append(frame)
                    return seen, chosen
                others = max(others, len(upright))
                upside_down += len(upright) < len(found)
            if (i + 2) * frame.nbytes > _MOST_WAITING:
                seen.append(frame)
                break
            seen.append(frame.copy())
        raise self._not_found(seen, others, upside_down, name)

    def _not_found(self, seen, others, upside_down, name):
        height, width = seen[0].shape[:2]
        where = "the first frame" if len(seen) == 1 else f"the first {len(seen)} frames"
        where = f"{where}, of {height} x {width} pixels"
        if others:
            return FaceNotFoundError(
                f"{name}: expected face {self.face}, counted from 0, got {counted(others, 'face')} "
                f"at most in {where}"
            )
        detector = self._detector()
        called = getattr(detector, "__name__", repr(detector))
        upside_down = upside_down or self._detect(turned_over(seen[-1]), name)
        hint = "; one stands on its head: turn the recording" if upside_down else ""
        return FaceNotFoundError(
            f"{name}: {called} found no {'upright ' * bool(hint)}face in {where}{hint}"
        )

    def _detector(self):
        return CascadeDetector() if self.detector is None else self.detector

    def _find(self, frame, name):
        """All faces of a frame, and the upright ones among them."""
        self._check_pixel(frame, name)
        found = self._detect(frame, name)
        turned = self._detect(turned_over(frame), name) if found else []
        return found, upright_faces(found, turned, frame.shape[:2])

    def _detect(self, frame, name):
        found = self._detector()(frame)
        if not isinstance(found, list | tuple) or not all(isinstance(face, Face) for face in found):
            raise TypeError(f"{name}: expected a list of Face of the detector, got {found!r}")
        # Of numbers such as those of small NumPy types, areas would overflow.
        return [Face(*map(float, face[:5]), face.landmarks) for face in found]

    def _check_pixel(self, frame, name):
        if isinstance(self.face, list | tuple):
            (x, y), (height, width) = self.face, frame.shape[:2]
            if x > width - 0.5 or y > height - 0.5:
                raise ValueError(
                    f"{name}: face: expected a pixel of frames of {height} x {width} pixels, got "
                    f"{x:g},{y:g}"
                )

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
