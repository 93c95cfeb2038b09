"""Detectors of faces that run a network from a file of the caller's."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._files.reading import foreign_kind, read_regular
from cdmer._parameters import check_number
from cdmer.preprocessing._detectors import Face, check_frame

# Both networks have less than a megabyte.
_MOST_BYTES = 2**27


@dataclass(frozen=True)
class NetworkDetector(ABC):
    """Base of detectors that run a network from a file."""

    _network: ClassVar[str]

    model_path: str
    score_threshold: float
    model_sha256: str = field(init=False)

    def __post_init__(self):
        path = Path(self.model_path)
        if path.is_dir() or not path.exists():
            raise FileNotFoundError(
                f"model_path: there is no file {str(path)!r}; expected the network "
                f"{self._network}, which cdmer does not download"
            )
        check_number("score_threshold", self.score_threshold, least=0, most=1)
        digest = _digest(path, self._network)
        # Frozen: caches know a detector by its parameters.
        object.__setattr__(self, "model_path", str(path))
        object.__setattr__(self, "model_sha256", digest)

    def __call__(self, frame):
        """Find the faces in a frame.

        Parameters
        ----------
        frame : ndarray of uint8, shape (H, W) or (H, W, 3)
            Grey, or red, green and blue.

        Returns
        -------
        list of Face
            In the network's order, with the landmarks that the class lists.
        """
        return self._faces(check_frame(frame))

    @abstractmethod
    def _faces(self, frame):
        """Faces in a frame that was checked, a list of Face."""


@dataclass(frozen=True)
class YuNetDetector(NetworkDetector):
    """Find faces with YuNet [1]_, a small network that OpenCV runs.

    Each face has landmarks of shape (5, 2): right eye, left eye, tip of the nose, right and left
    corner of the mouth.

    Parameters
    ----------
    model_path : path-like
        The network, ``face_detection_yunet_2023mar.onnx`` of the OpenCV model zoo,
        https://github.com/opencv/opencv_zoo.
    score_threshold : float, default=0.8
        Lowest score of a face, from 0 to 1.

    Attributes
    ----------
    model_sha256 : str
        Digest of the file, by which caches and stores know the network.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is no regular one, or a web page, or a pointer of Git LFS; when a frame is
        searched, if it holds no such network.
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    References
    ----------
    .. [1] W. Wu, H. Peng and S. Yu, "YuNet: a tiny millisecond-level face detector", Machine
       Intelligence Research 20, 2023, https://doi.org/10.1007/s11633-023-1423-y
    """

    _network = "YuNet"

    score_threshold: float = 0.8

    def _faces(self, frame):
        cv2 = import_cv2()
        # OpenCV's networks expect blue first.
        picture = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR if frame.ndim == 2 else cv2.COLOR_RGB2BGR)
        # A new one for each picture: it is bound to one size, and no thread disturbs another.
        size = frame.shape[1], frame.shape[0]
        try:
            network = cv2.FaceDetectorYN.create(self.model_path, "", size, self.score_threshold)
            rows = network.detect(picture)[1]
        except cv2.error as error:
            raise ValueError(
                f"{self.model_path}: is no network YuNet that OpenCV can run ({error.err})"
            ) from error
        if rows is None:
            return []
        if not np.isfinite(rows).all():
            raise ValueError(f"{self.model_path}: expected finite places of faces, got others")
        return [_of_yunet(row) for row in rows.astype(np.float64)]


@dataclass(frozen=True)
class MediaPipeDetector(NetworkDetector):
    """Find faces with BlazeFace [1]_, a network that MediaPipe runs.

    Each face has landmarks of shape (4, 2): right eye, left eye, tip of the nose, middle of the
    mouth. Needs the extra ``mediapipe``.

    Parameters
    ----------
    model_path : path-like
        The network, ``blaze_face_short_range.tflite``,
        https://ai.google.dev/edge/mediapipe/solutions/vision/face_detector.
    score_threshold : float, default=0.5
        Lowest score of a face, from 0 to 1.

    Attributes
    ----------
    model_sha256 : str
        Digest of the file, by which caches and stores know the network.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is no regular one, or a web page, or a pointer of Git LFS; when a frame is
        searched, if it holds no such network.
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.
    ImportError
        When a frame is searched, if MediaPipe is not installed.

    References
    ----------
    .. [1] V. Bazarevsky, Y. Kartynnik, A. Vakunov, K. Raveendran and M. Grundmann, "BlazeFace:
       sub-millisecond neural face detection on mobile GPUs", 2019,
       https://arxiv.org/abs/1907.05047
    """

    _network = "BlazeFace"

    score_threshold: float = 0.5

    def _faces(self, frame):
        try:
            import mediapipe as mp
        except ImportError as error:
            raise ImportError(
                "MediaPipeDetector needs MediaPipe: pip install 'cdmer[mediapipe]'"
            ) from error
        if frame.ndim == 2:
            frame = np.repeat(frame[..., None], 3, axis=2)
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=frame)
        options = mp.tasks.vision.FaceDetectorOptions(
            base_options=mp.tasks.BaseOptions(model_asset_path=self.model_path),
            running_mode=mp.tasks.vision.RunningMode.IMAGE,
            min_detection_confidence=self.score_threshold,
        )
        try:
            with mp.tasks.vision.FaceDetector.create_from_options(options) as network:
                found = network.detect(image).detections
        except RuntimeError as error:
            raise ValueError(
                f"{self.model_path}: is no network BlazeFace that MediaPipe can run ({error})"
            ) from error
        return [_of_mediapipe(detection, *frame.shape[:2]) for detection in found]


def _digest(path, network):
    content = read_regular(path, _MOST_BYTES)
    foreign = foreign_kind(content[:512])
    if foreign:
        raise ValueError(f"model_path: expected the network {network} in {path}, got {foreign}")
    return hashlib.sha256(content).hexdigest()


def _of_yunet(row):
    """Columns: left, top, width, height, x and y of five points, score."""
    left, top, width, height = row[:4].tolist()
    return Face(
        top, top + height, left, left + width, float(row[14]), row[4:14].reshape(5, 2).copy()
    )


def _of_mediapipe(detection, height, width):
    """Points are given as shares of width and height; the first two are the eyes."""
    box = detection.bounding_box
    points = np.array([(point.x * width, point.y * height) for point in detection.keypoints[:4]])
    # Seen by the camera, the right eye is on the left.
    points[:2] = points[np.argsort(points[:2, 0], kind="stable")]
    return Face(
        box.origin_y,
        box.origin_y + box.height,
        box.origin_x,
        box.origin_x + box.width,
        detection.categories[0].score,
        points - 0.5,
    )
