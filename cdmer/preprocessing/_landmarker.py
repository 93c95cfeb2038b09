"""Landmarks all over a face, by MediaPipe's network."""

from dataclasses import dataclass

import numpy as np

from cdmer._images.decoders import quiet_networks
from cdmer.preprocessing._detectors import check_frame
from cdmer.preprocessing._mediapipe import as_image, base_options, import_mediapipe, not_run
from cdmer.preprocessing._network_file import NetworkFile

_N_POINTS = 478
# Of the 478 points, the one for each of the 68 of iBUG 300-W, or the two whose mean is.
_JAW = (127, 234, 93, (132, 58), (58, 172), 136, 150, 176, 152)
_JAW += (400, 379, 365, (397, 288), (288, 361), 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = ((168, 6), (197, 195), 5, 4, 98, 97, 2, 326, 327)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
_POINTS = _JAW + _BROWS + _NOSE + _EYES + _LIPS
_PAIRS = np.array([point if isinstance(point, tuple) else (point, point) for point in _POINTS])


@dataclass(frozen=True, repr=False)
class MediaPipeLandmarker(NetworkFile):
    """Find 68 landmarks of a face with the face mesh [1]_, a network that MediaPipe runs.

    A landmarker for `cdmer.features.LandmarkRegions`, and a source of the landmarks of
    `cdmer.synthesis.NeutralFace`. Needs the extra ``mediapipe``.

    Parameters
    ----------
    model_path : path-like
        The network, ``face_landmarker.task``,
        https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker.
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
    The mesh has 478 points, of which those are taken that lie where the 68 points of iBUG 300-W
    [2]_ do; six of these are the mean of two. The correspondence is that of [3]_ but for one point
    of the jaw, made alike on both sides, and the wings of the nose. Points of the jaw follow the
    outline of the face in three dimensions, and do not glide to the visible edge when the head
    turns, as annotated ones do.

    References
    ----------
    .. [1] Y. Kartynnik, A. Ablavatski, I. Grishchenko and M. Grundmann, "Real-time facial surface
       geometry from monocular video on mobile GPUs", 2019, https://arxiv.org/abs/1907.06724
    .. [2] C. Sagonas, G. Tzimiropoulos, S. Zafeiriou and M. Pantic, "300 faces in-the-wild
       challenge", ICCV Workshops 2013, https://doi.org/10.1109/ICCVW.2013.59
    .. [3] P. Yan, "Mediapipe_2_Dlib_Landmarks", 2024,
       https://github.com/PeizhiYan/Mediapipe_2_Dlib_Landmarks
    """

    _network = "face landmarker"

    score_threshold: float = 0.5

    def __call__(self, frame):
        """Find the landmarks of the face in a frame.

        Parameters
        ----------
        frame : ndarray of uint8, shape (H, W) or (H, W, 3)
            Grey, or red, green and blue.

        Returns
        -------
        ndarray of float64, shape (68, 2), or None
            x and y of each point in pixels, where (0, 0) is the centre of the first pixel, in the
            order of iBUG 300-W. None if no face is found.

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if the file is still to be given; see `with_file`.
        """
        frame, path = check_frame(frame), self._given_path()
        with quiet_networks():
            found = self._mesh(frame, path)
        if not found:
            return None
        points = np.array([(point.x, point.y) for point in found[0]], dtype=np.float64)
        if points.shape != (_N_POINTS, 2) or not np.isfinite(points).all():
            raise ValueError(
                f"{path}: expected {_N_POINTS} finite points of a face, got {points.shape}"
            )
        height, width = frame.shape[:2]
        return (points * (width, height))[_PAIRS].mean(axis=1) - 0.5

    def _mesh(self, frame, path):
        """Points of the faces, shares of width and height, a list of lists."""
        mp = import_mediapipe(type(self).__name__)
        options = mp.tasks.vision.FaceLandmarkerOptions(
            **base_options(mp, path),
            num_faces=1,
            min_face_detection_confidence=self.score_threshold,
        )
        try:
            with mp.tasks.vision.FaceLandmarker.create_from_options(options) as network:
                return network.detect(as_image(mp, frame)).face_landmarks
        except (RuntimeError, ValueError) as error:
            raise not_run(path, self._network, error) from error
