"""Detectors of faces that run a network from a file of the caller's."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._images.decoders import quiet_networks
from cdmer._parameters import check_number
from cdmer.preprocessing._detectors import Face, check_frame, scale_back, shrink
from cdmer.preprocessing._eyes import settle_eyes
from cdmer.preprocessing._mediapipe import as_image, base_options, import_mediapipe, not_run
from cdmer.preprocessing._network_file import NetworkFile


@dataclass(frozen=True, repr=False)
class NetworkDetector(NetworkFile, ABC):
    """Base of detectors that run a network from a file."""

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

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if the file is still to be given; see `with_file`.
        """
        frame, path = check_frame(frame), self._given_path()
        with quiet_networks():
            return [settle_eyes(face) for face in self._faces(frame, path)]

    @abstractmethod
    def _faces(self, frame, path):
        """Faces in a frame that was checked, a list of Face with landmarks."""


@dataclass(frozen=True, repr=False)
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
    size : int, default=640
        Larger frames are shrunk until their longer side has this many pixels, at least 32; if no
        face is found then, one is looked for in the frame as it is.
    model_name, model_sha256 : str, default=None
        Name of the file, and digest of its content, by which caches, stores and models know the
        network. None: those of the file. With a digest that is given, the content must agree; in
        saved models they stand in place of the path.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is no regular one, empty, packed, a web page, or a pointer of Git LFS; when a
        frame is searched, if it holds no such network.
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    Of 136 photographs with a face, that of 136 is found with frames shrunk to 640 pixels, in 23 ms
    per full-HD frame, down to faces of 60 pixels. On the frames as they are, it is that of 118 in
    190 ms: YuNet misses faces wider than about 500 pixels. Faces may be turned by 35 degrees.

    Nose and mouth say which eye is which. Eyes that no face has (not 0.2 to 0.7 of the box's width
    apart, or not above nose and mouth as the face stands) are left out: it has no landmarks then,
    and `CropAlign` goes by its box. Faces that stand on their heads are found, too, often with
    landmarks as of upright ones; `CropAlign` leaves them out.

    References
    ----------
    .. [1] W. Wu, H. Peng and S. Yu, "YuNet: a tiny millisecond-level face detector", Machine
       Intelligence Research 20, 2023, https://doi.org/10.1007/s11633-023-1423-y
    """

    _network = "YuNet"
    _again = ": --detector yunet:FILE, or with_file(path)"

    score_threshold: float = 0.8
    size: int = 640

    def __post_init__(self):
        check_number("size", self.size, least=32, whole=True)
        super().__post_init__()

    def _faces(self, frame, path):
        small = shrink(frame, max(frame.shape[:2]) / self.size)
        found = self._detect(small, path)
        if found or small is frame:
            return [scale_back(face, small.shape[:2], frame.shape[:2]) for face in found]
        return self._detect(frame, path)

    def _detect(self, frame, path):
        cv2 = import_cv2()
        # OpenCV's networks expect blue first.
        picture = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR if frame.ndim == 2 else cv2.COLOR_RGB2BGR)
        # A new one for each picture: it is bound to one size, and no thread disturbs another.
        size = frame.shape[1], frame.shape[0]
        try:
            network = cv2.FaceDetectorYN.create(path, "", size, self.score_threshold)
            rows = network.detect(picture)[1]
        except cv2.error as error:
            raise ValueError(
                f"{path}: is no network YuNet that OpenCV can run, or was cut off ({error.err})"
            ) from error
        if rows is None:
            return []
        if not np.isfinite(rows).all():
            raise ValueError(f"{path}: expected finite places of faces, got others")
        return [_of_yunet(row) for row in rows.astype(np.float64)]


@dataclass(frozen=True, repr=False)
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
    model_name, model_sha256 : str, default=None
        As for `YuNetDetector`.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is no regular one, empty, packed, a web page, or a pointer of Git LFS; when a
        frame is searched, if it holds no such network.
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.
    ImportError
        When a frame is searched, if MediaPipe is not installed.

    Notes
    -----
    The network was made for faces near the camera: it finds 127 of 136 in photographs, down to a
    width of 220 pixels in full HD, in 8 ms. Landmarks are right on faces turned by up to 75
    degrees; what eyes are checked against is as for `YuNetDetector`.

    References
    ----------
    .. [1] V. Bazarevsky, Y. Kartynnik, A. Vakunov, K. Raveendran and M. Grundmann, "BlazeFace:
       sub-millisecond neural face detection on mobile GPUs", 2019,
       https://arxiv.org/abs/1907.05047
    """

    _network = "BlazeFace"
    _again = ": --detector mediapipe:FILE, or with_file(path)"

    score_threshold: float = 0.5

    def _faces(self, frame, path):
        mp = import_mediapipe(type(self).__name__)
        options = mp.tasks.vision.FaceDetectorOptions(
            **base_options(mp, path), min_detection_confidence=self.score_threshold
        )
        try:
            with mp.tasks.vision.FaceDetector.create_from_options(options) as network:
                found = network.detect(as_image(mp, frame)).detections
        except (RuntimeError, ValueError) as error:
            raise not_run(path, self._network, error) from error
        return [_of_mediapipe(detection, *frame.shape[:2]) for detection in found]


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
    return Face(
        float(box.origin_y),
        float(box.origin_y + box.height),
        float(box.origin_x),
        float(box.origin_x + box.width),
        float(detection.categories[0].score),
        points - 0.5,
    )
