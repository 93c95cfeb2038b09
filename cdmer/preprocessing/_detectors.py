"""Faces in frames, and a detector that needs no download."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components

from cdmer._cv2 import import_cv2
from cdmer._parameters import check_number
from cdmer.preprocessing._grey import ToGrey

# Boxes that have more of their union in common show the same face. Windows in the same place have
# 0.4 if one has 1.6 times the side of the other.
SAME_FACE = 0.4
# Sides of the cascade's own window, and of the smallest that it needs in a frame.
_WINDOW, _SMALLEST = 24, 72
# Hits for which the score is a half: true faces in photographs have 10 to 40, what is taken for
# one mostly less than 10.
_HALF = 16


class Face(NamedTuple):
    """A face in a frame.

    Parameters
    ----------
    top, bottom, left, right : float
        Edges of its box in pixels: the box of the whole frame is 0, height, 0, width.
    score : float
        Confidence of the detector, above 0; comparable within one detector only.
    landmarks : ndarray of shape (n_landmarks, 2) or None
        x (to the right) and y (down) of points of the face; the centre of the first pixel is 0, 0.
        First come the person's right eye and left eye, then what the detector gives. None where it
        gives no eyes.
    """

    top: float
    bottom: float
    left: float
    right: float
    score: float
    landmarks: np.ndarray | None = None


def check_frame(frame):
    """Check a frame.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W) or (H, W, 3)

    Returns
    -------
    ndarray of uint8
        The frame, contiguous: OpenCV and networks read memory as it lies.

    Raises
    ------
    TypeError
        If it is no array of uint8.
    ValueError
        If it has another shape, or no pixels.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        kind = getattr(frame, "dtype", type(frame).__name__)
        raise TypeError(f"frame: expected a NumPy array of uint8, got {kind}")
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3) or not frame.size:
        raise ValueError(f"frame: expected shape (H, W) or (H, W, 3), got {frame.shape}")
    return np.ascontiguousarray(frame)


def shrink(frame, factor):
    """Shrink a frame; each new pixel is a mean, so that nothing aliases.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W) or (H, W, 3)
    factor : float
        1 or less leaves the frame as it is.

    Returns
    -------
    ndarray of uint8
    """
    if factor <= 1:
        return frame
    cv2 = import_cv2()
    height, width = (max(1, round(side / factor)) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def scale_back(face, small, shape):
    """A face found in a shrunk frame, in pixels of the frame itself.

    Parameters
    ----------
    face : Face
    small, shape : (int, int)
        Height and width of the frame in which it was found, and of the frame itself.
    """
    if tuple(small) == tuple(shape):
        return face
    down, across = shape[0] / small[0], shape[1] / small[1]
    points = face.landmarks
    if points is not None:
        points = (points + 0.5) * (across, down) - 0.5  # of pixels, the centres are counted
    box = face.top * down, face.bottom * down, face.left * across, face.right * across
    return Face(*box, face.score, points)


@dataclass(frozen=True)
class CascadeDetector:
    """Find frontal faces with the cascade of local binary patterns that scikit-image contains.

    Needs no download. A window goes over the frame in several sizes, and a boosted cascade of
    multi-block local binary patterns [1]_ separates faces from the rest. Hits that lie over one
    another are one face.

    Parameters
    ----------
    scale_factor : float, default=1.1
        Ratio of one size of the window to the next smaller one, above 1. Smaller ratios find more
        faces, and take longer.
    step_ratio : float, default=1.0
        Steps of the window, as a multiple of the smallest: one pixel of the window's own scale.
    min_size : float, default=0.2
        Side of the smallest window as a share of the frame's shorter side; it has at least 24
        pixels, with which the cascade was trained.
    min_hits : int, default=4
        Fewest hits of the window that make a face.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    Two hits belong together if their boxes have more than two fifths of their union in common, and
    so do all hits that such pairs connect. Their mean box, in whole pixels, is the face. Of n hits
    the score is ``n / (n + 16)``: it rises with them and stays below 1. scikit-image's own
    grouping, in the order in which hits come in, is not used: where it was built with OpenMP that
    order changes from run to run, and a few small hits inside a face pull its box about.

    A frame in which the smallest window has more than 72 pixels is shrunk until it has 72, three
    times what the cascade looks at: full HD to 640 x 360 pixels. That takes 0.6 of the time. Of 52
    frames with a drawn or photographed face of a quarter to nine tenths of their height, the face
    is found in as many.

    Of upright faces in photographs it finds nine in ten or more, of those turned by 20 degrees in
    the plane of the picture about half, from 35 degrees on none.

    The window is never as large as the frame: of a face that fills it, nothing is found.

    References
    ----------
    .. [1] S. Liao, X. Zhu, Z. Lei, L. Zhang and S. Z. Li, "Learning multi-scale block local binary
       patterns for face recognition", ICB 2007, https://doi.org/10.1007/978-3-540-74549-5_87

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from cdmer.preprocessing import CascadeDetector
    >>> [face] = CascadeDetector()(astronaut())
    >>> face.top < 150 < face.bottom, face.left < 220 < face.right
    (True, True)
    """

    scale_factor: float = 1.1
    step_ratio: float = 1.0
    min_size: float = 0.2
    min_hits: int = 4

    def __post_init__(self):
        check_number("scale_factor", self.scale_factor, above=1)
        check_number("step_ratio", self.step_ratio, above=0)
        check_number("min_size", self.min_size, above=0, most=1)
        check_number("min_hits", self.min_hits, least=1, whole=True)

    def __call__(self, frame):
        """Find the faces in a frame.

        Parameters
        ----------
        frame : ndarray of uint8, shape (H, W) or (H, W, 3)
            Grey, or red, green and blue.

        Returns
        -------
        list of Face
            In the order of their topmost hits; without landmarks.
        """
        frame = check_frame(frame)
        whole = ToGrey().transform([frame[None]])[0][0]
        smallest = self.min_size * min(whole.shape)
        grey = shrink(whole, smallest / _SMALLEST)
        side = min(grey.shape)
        hits = _cascade().detect_multi_scale(
            grey,
            scale_factor=self.scale_factor,
            step_ratio=self.step_ratio,
            min_size=(max(_WINDOW, self.min_size * side),) * 2,
            max_size=(side, side),
            # Every hit by itself: no two boxes have more than the whole of one in common.
            min_neighbor_number=1,
            intersection_score_threshold=1,
        )
        boxes = sorted(
            (hit["r"], hit["r"] + hit["height"], hit["c"], hit["c"] + hit["width"]) for hit in hits
        )
        groups = [group for group in _grouped(boxes) if len(group) >= self.min_hits]
        scored = [(np.mean(group, axis=0), len(group) / (len(group) + _HALF)) for group in groups]
        found = [scale_back(Face(*box, score), grey.shape, whole.shape) for box, score in scored]
        return [Face(*np.rint(face[:4]).tolist(), face.score) for face in found]


@cache
def _cascade():
    """The cascade of this process; it cannot be pickled."""
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())


def _grouped(boxes):
    """Gather boxes that show the same face.

    Parameters
    ----------
    boxes : list of (int, int, int, int)
        Top, bottom, left and right.

    Returns
    -------
    list of ndarray of shape (n_boxes_of_face, 4)
    """
    if not boxes:
        return []
    boxes = np.array(boxes, dtype=np.float64)
    starts, ends = boxes[:, ::2], boxes[:, 1::2]
    areas = np.prod(ends - starts, axis=1)
    common = np.minimum(ends[:, None], ends) - np.maximum(starts[:, None], starts)
    common = np.prod(common.clip(min=0), axis=2)
    union = areas[:, None] + areas - common
    n_faces, face = connected_components(common > SAME_FACE * union, directed=False)
    return [boxes[face == i] for i in range(n_faces)]
