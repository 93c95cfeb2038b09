"""Photographed faces: found, and brought to their place."""

from dataclasses import dataclass

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._faces.face import EXTENT, axes
from cdmer._parameters import ParameterError
from cdmer.preprocessing import CascadeDetector, Face, FaceNotFoundError, ToGrey
from cdmer.synthesis._shape import EYE_X, EYE_Y, FaceShape, eye_centres

# Where the eyes are in the box of a face without landmarks, as shares of its sides.
_EYES_IN_BOX = np.array([[0.31, 0.39], [0.69, 0.39]])
_MARGIN = 0.25  # that is put round a picture, since detectors miss a face that fills it


@dataclass(frozen=True, eq=False)
class NeutralFace:
    """Picture of a neutral face, and where its parts are.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        Grey, or red, green and blue.
    landmarks : array of shape (68, 2), default=None
        x and y of each point in pixels, where (0, 0) is the centre of the first pixel, in the order
        of iBUG 300-W (and of dlib's predictor), as for `cdmer.features.LandmarkRegions`, and as
        `cdmer.preprocessing.MediaPipeLandmarker` finds them. Without them, a detector looks for the
        face.
    name : str, default=None
        Name in messages, such as that of its file.
    """

    image: np.ndarray
    landmarks: np.ndarray | None = None
    name: str | None = None

    def __post_init__(self):
        image = self.image
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
            kind = getattr(image, "dtype", type(image).__name__)
            raise ParameterError(f"image: expected a NumPy array of uint8, got {kind}")
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3) or not image.size:
            raise ParameterError(
                f"image: expected shape (H, W) or (H, W, 3), at least one pixel, got {image.shape}"
            )
        if self.landmarks is not None:
            object.__setattr__(self, "landmarks", _checked(self.landmarks, image.shape))


def _checked(landmarks, shape):
    points = np.array(landmarks, dtype=np.float64)
    if points.shape != (68, 2):
        raise ParameterError(f"landmarks: expected an array of shape (68, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise ParameterError("landmarks: expected finite coordinates, got NaN or infinity")
    height, width = shape[:2]
    outside = (points < -0.5).any(axis=1) | (points > (width - 0.5, height - 0.5)).any(axis=1)
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        x, y = points[i]
        raise ParameterError(
            f"landmarks: expected points inside the image of {height} x {width} pixels, got "
            f"{outside.sum()} outside, first point {i} at ({x:.1f}, {y:.1f})"
        )
    return points


def place(face, name, detector=None):
    """Say where a picture has to be cut out, and where the parts of the face are in what is cut.

    Parameters
    ----------
    face : NeutralFace
    name : str
        For messages.
    detector : callable, default=None
        As for `cdmer.preprocessing.CropAlign`, where there are no landmarks.

    Returns
    -------
    scale, origin : complex
        Scale and turn, and where (0, 0) lies: a place w of the face, x + iy in half picture widths,
        is at ``scale * w + origin`` in the image, in pixels.
    shape : FaceShape or None
        None where there are no landmarks.

    Raises
    ------
    FaceNotFoundError
        A ValueError: if the detector finds no face.
    ParameterError
        If it finds more than one, or landmarks are not those of a face.
    """
    if face.landmarks is None:
        eyes, shape = _found_eyes(face.image, name, detector), None
    else:
        eyes, shape = eye_centres(face.landmarks), face.landmarks
    right, left = (complex(*eye) for eye in eyes)
    if abs(left - right) < 4:
        raise ParameterError(
            f"{name}: expected eyes at least 4 pixels apart, got {abs(left - right):.1f}"
        )
    scale = (left - right) / (2 * EYE_X)
    origin = (left + right) / 2 - scale * 1j * EYE_Y
    if shape is not None:
        places = (shape @ (1, 1j) - origin) / scale
        shape = FaceShape.from_landmarks(np.stack([places.real, places.imag], axis=1))
        if not shape.brow_y < shape.eye_y < shape.nose_y < shape.mouth_y < shape.chin:
            raise ParameterError(
                f"{name}: expected landmarks in the order of iBUG 300-W, brows above eyes, nose, "
                "mouth and chin, the person's right first"
            )
    return scale, origin, shape


def _found_eyes(image, name, detector):
    """Eyes of the only face, ndarray of shape (2, 2), the person's right one first."""
    height, width = image.shape[:2]
    margin = 0
    if detector is None:
        detector, margin = CascadeDetector(), round(_MARGIN * min(height, width))
    edges = [(margin, margin), (margin, margin), (0, 0)][: image.ndim]
    found = detector(np.pad(image, edges, mode="edge"))
    if not isinstance(found, list | tuple) or not all(isinstance(one, Face) for one in found):
        raise ParameterError(f"{name}: expected a list of Face of the detector, got {found!r}")
    if not found:
        raise FaceNotFoundError(
            f"{name}: no face found in the image of {height} x {width} pixels; give landmarks"
        )
    if len(found) > 1:
        boxes = ", ".join(f"({f.left - margin:g}, {f.top - margin:g})" for f in found)
        raise ParameterError(
            f"{name}: expected one face in the image, got {len(found)}, at {boxes}; cut one out or "
            "give landmarks"
        )
    [one] = found
    if one.landmarks is not None:
        return np.asarray(one.landmarks, dtype=np.float64)[:2] - margin
    size = np.array([one.right - one.left, one.bottom - one.top])
    return np.array([one.left, one.top]) + _EYES_IN_BOX * size - 0.5 - margin


def cut_out(image, scale, origin, n):
    """Bring a face to its place.

    Parameters
    ----------
    image : ndarray of uint8
    scale, origin : complex
        See `place`.
    n : int

    Returns
    -------
    ndarray of float32, shape (n, n)
        Grey levels, 0 to 1, over [-EXTENT, EXTENT]; beyond the image, its edge is repeated.
    """
    cv2 = import_cv2()
    grey = ToGrey().transform([image[None]])[0][0].astype(np.float32) / 255
    shrinks = abs(scale) * 2 * EXTENT / n
    if shrinks > 1:
        grey = cv2.GaussianBlur(grey, (0, 0), 0.45 * shrinks)
    x, y = axes(n)
    where = scale * (x + 1j * y) + origin
    picture = cv2.remap(
        grey,
        where.real.astype(np.float32),
        where.imag.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.clip(picture, 0, 1)
