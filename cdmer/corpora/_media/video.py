"""Frames of video files."""

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._fingerprint import fingerprint
from cdmer._images import MAX_PIXELS
from cdmer._parameters import check_flag, check_number
from cdmer.corpora._media.frames import stamp


@dataclass(frozen=True)
class VideoFile:
    """Frames of a video file, or of a part of it; calling it reads them.

    Parameters
    ----------
    path : str
        A file that OpenCV can play.
    start : int, default=0
        The first frame, counted from 0.
    stop : int or None, default=None
        The frame after the last; None for the end of the video.
    colour : bool, default=False
        Give red, green and blue in place of grey levels.

    Raises
    ------
    ParameterError
        If `start` or `stop` is no whole number, or `stop` is not above `start`.

    Notes
    -----
    Frames before `start` are decoded, too, and thrown away: to seek in a compressed video does not
    lead to the same frame with every codec.
    """

    path: str
    start: int = 0
    stop: int | None = None
    colour: bool = False

    def __post_init__(self):
        check_number("start", self.start, least=0, whole=True)
        if self.stop is not None:
            check_number("stop", self.stop, above=self.start, whole=True)
        check_flag("colour", self.colour)

    def __call__(self):
        """Read the frames.

        Returns
        -------
        ndarray of uint8, shape (T, H, W) or (T, H, W, 3)
            Colours in the order red, green, blue.

        Raises
        ------
        ValueError
            If OpenCV cannot play the file, its frames are huge, or it ends before `stop`, or, where
            that is None, before the frame that the file announces as its last.
        OSError
            If it is missing.
        """
        cv2 = import_cv2()
        convert = cv2.COLOR_BGR2RGB if self.colour else cv2.COLOR_BGR2GRAY
        frames, at = [], 0
        with _playing(self.path) as video:
            announced = _announced(video)
            while (self.stop is None or at < self.stop) and video.grab():
                if at >= self.start:
                    decoded, frame = video.retrieve()
                    if not decoded:
                        break
                    frames.append(cv2.cvtColor(frame, convert))
                at += 1
        expected = announced - slack(announced) if self.stop is None else self.stop
        expected = max(expected, self.start + 1)
        if at < expected:
            raise ValueError(
                f"{self.path}: the video ends after {at} frames, expected at least {expected}"
            )
        return np.stack(frames)

    @property
    def n_frames(self):
        """Number of frames, int, or None where it is unknown until the video is read."""
        return None if self.stop is None else self.stop - self.start

    @property
    def fps(self):
        """Frames per second that the file announces, float, or None; opens the file."""
        return self.header()[1]

    def header(self):
        """Read what the file announces, without decoding a frame.

        Returns
        -------
        n_frames : int
            Frames of the whole video; 0 if it does not say. Some formats only estimate it.
        fps : float or None
            Frames per second.

        Raises
        ------
        ValueError
            If OpenCV cannot play the file, or its frames are huge.
        OSError
            If it is missing.
        """
        cv2 = import_cv2()
        with _playing(self.path) as video:
            n_frames, rate = _announced(video), video.get(cv2.CAP_PROP_FPS)
        return n_frames, float(rate) if np.isfinite(rate) and rate > 0 else None

    def part(self, start, stop):
        """Source of the frames at positions `start` to `stop`, the latter exclusive, from 0."""
        return replace(self, start=self.start + start, stop=self.start + stop)

    def fingerprint(self):
        """Identify the frames without reading them.

        Returns
        -------
        str
            A hash of the file's name, size and time of change, of `start`, `stop` and `colour`,
            but not of the path to the file.

        Raises
        ------
        OSError
            If the file is missing.
        """
        file = (os.path.basename(self.path), *stamp(self.path))
        return fingerprint("video", file, self.start, self.stop, self.colour)


@contextmanager
def _playing(path):
    """Open a video file, and close it when the block ends."""
    os.stat(path)  # OpenCV would take an address on the net or the number of a camera, too
    cv2 = import_cv2()
    video = cv2.VideoCapture(path)
    try:
        if not video.isOpened():
            raise ValueError(f"{path}: OpenCV cannot play the file, it is no video or is truncated")
        width, height = (
            int(video.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width * height > MAX_PIXELS:
            raise ValueError(
                f"{path}: expected frames of at most {MAX_PIXELS} pixels, got {width} x {height}"
            )
        yield video
    finally:
        video.release()


def _announced(video):
    return max(0, int(video.get(import_cv2().CAP_PROP_FRAME_COUNT)))


def slack(n_frames):
    """Number of frames by which the announced length of a video may be off.

    Where the header of a file does not count frames, duration times rate is announced.
    """
    return 1 + n_frames // 50
