"""Frames of video files."""

import os
import re
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from cdmer._clips import FrameArray
from cdmer._cv2 import import_cv2
from cdmer._fingerprint import fingerprint
from cdmer._images.decoders import is_watched, show_others, watch_decoders, watch_each
from cdmer._images.reading import MAX_PIXELS
from cdmer._parameters import check_flag, check_number
from cdmer.corpora._media.containers import check_container
from cdmer.corpora._media.frames import stamp
from cdmer.corpora._media.mp4 import count_played

# FFmpeg takes a name with %d and another suffix than these for pictures that are numbered so.
_PATTERN = re.compile("%[0-9]*d")
_SUFFIXES = (
    ".avi",
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".wmv",
)
# Lines of the decoder that one message lists at most.
_LISTED = 3


@dataclass(frozen=True)
class VideoFile:
    """Frames of a video file, or of a part of it; calling it reads them, iterating one by one.

    Parameters
    ----------
    path : str
        A file that OpenCV can play: AVI, MP4, QuickTime, Matroska, WebM, MPEG, WMV, FLV, Ogg, Y4M
        or GIF, by its content. Playlists and other files that name further files are refused.
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
            If OpenCV cannot play the file, its frames are huge or differ in size, all of them
            together take more memory than the environment variable ``CDMER_MAX_CLIP_BYTES`` allows
            (2 GiB by default), the decoder says that it is damaged, or it ends before `stop`, or,
            where that is None, before the frame that the file announces as its last.
        OSError
            If it is missing or cannot be read.
        """
        frames, damage = watch_decoders(self._gather)
        self._refuse(damage)
        return frames

    def __iter__(self):
        """Read the frames one by one; one is in memory at a time, besides those of the decoder.

        Yields
        ------
        ndarray of uint8, shape (H, W) or (H, W, 3)
            As a call gives them.

        Raises
        ------
        ValueError, OSError
            As a call does, but for no number of frames. That the file is damaged is told where the
            decoder gets to the damage, that it ends early after the last frame.
        """
        pictures = self._decode()
        if is_watched(self, pictures):
            return self._converted(pictures)
        return self._watched()

    def _converted(self, pictures):
        cv2 = import_cv2()
        for picture in pictures:
            show_others()
            yield cv2.cvtColor(picture, self._conversion(cv2))

    def _watched(self):
        cv2 = import_cv2()
        # Threads of the decoder would run ahead, and tell of damage while nobody watches.
        with closing(self._decode(threads=1)) as pictures:
            is_sound = False
            for picture, damage in watch_each(pictures):
                if damage and not is_sound:
                    # The lines may be about what another thread decodes.
                    self._refuse(watch_decoders(self._exhaust)[1])
                    is_sound = True
                if picture is not None:
                    yield cv2.cvtColor(picture, self._conversion(cv2))

    def _gather(self):
        """All frames, in one array."""
        cv2 = import_cv2()
        with _playing(self.path) as video:
            frames = FrameArray(self._expected(_announced(self.path, video)), self.path)
            for picture in self._pictures(video):
                shape = picture.shape if self.colour else picture.shape[:2]
                cv2.cvtColor(picture, self._conversion(cv2), dst=frames.place(shape))
        return frames.array()

    def _decode(self, threads=None):
        with _playing(self.path, threads) as video:
            yield from self._pictures(video)

    def _exhaust(self):
        for _ in self._decode():
            pass

    def _pictures(self, video):
        """Frames one by one, ndarrays of shape (H, W, 3), blue first; the next overwrites each."""
        cv2 = import_cv2()
        announced, rate = _announced(self.path, video), _rate(video) or 0
        at, slots, picture, size = 0, 0, None, None
        while (self.stop is None or at < self.stop) and video.grab():
            if at >= self.start:
                decoded, picture = video.retrieve(picture)
                if not decoded:
                    break
                size = picture.shape if size is None else size
                if picture.shape != size:
                    raise ValueError(f"{self.path}: frames differ in size")
                yield picture
            at += 1
            # Where frames are not evenly spaced, the number announced is that of a full row.
            slots = max(at, round(video.get(cv2.CAP_PROP_POS_MSEC) * rate / 1000) + 1)
        expected = announced - slack(announced) if self.stop is None else self.stop
        reached = slots if self.stop is None else at
        if reached < expected or at <= self.start:
            expected = max(expected, self.start + 1)
            raise ValueError(
                f"{self.path}: the video ends after {at} frames, expected at least {expected}"
            )

    def _refuse(self, damage):
        if damage:
            lines = "; ".join(damage[:_LISTED])
            raise ValueError(f"{self.path}: damaged, the decoder says: {lines}")

    def _conversion(self, cv2):
        return cv2.COLOR_BGR2RGB if self.colour else cv2.COLOR_BGR2GRAY

    def expected_frames(self):
        """Number of frames, int: that of `stop`, or what the file announces, true or not.

        None where it announces none, as recordings of browsers do.
        """
        announced = self.header()[0] if self.stop is None else 0
        return self._expected(announced) if announced or self.stop is not None else None

    def _expected(self, announced):
        return max(1, (announced if self.stop is None else self.stop) - self.start)

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
            Frames of the whole video, of an MP4 or QuickTime file those that its edit list plays;
            0 if it does not say. Some formats only estimate it.
        fps : float or None
            Frames per second.

        Raises
        ------
        ValueError
            If OpenCV cannot play the file, or its frames are huge.
        OSError
            If it is missing or cannot be read.
        """
        return watch_decoders(self._read_header)[0]

    def _read_header(self):
        with _playing(self.path) as video:
            return _announced(self.path, video), _rate(video)

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
def _playing(path, threads=None):
    """Open a video file, and close it when the block ends; by default each core decodes."""
    # OpenCV would take an address on the net or the number of a camera, too, and calls a file that
    # must not be read no video.
    if os.path.isdir(path):
        raise ValueError(f"{path}: OpenCV cannot play the file, it is a folder")
    check_container(path)
    path = os.path.abspath(path)
    if _PATTERN.search(path) and not path.lower().endswith(_SUFFIXES):
        raise ValueError(f"{path}: OpenCV cannot play the file, its name is a pattern of names")
    cv2 = import_cv2()
    settings = [] if threads is None else [cv2.CAP_PROP_N_THREADS, threads]
    video = cv2.VideoCapture(path, cv2.CAP_FFMPEG, settings)
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


def _announced(path, video):
    played = count_played(path)
    stored = max(0, int(video.get(import_cv2().CAP_PROP_FRAME_COUNT)))
    return stored if played is None else played


def _rate(video):
    rate = video.get(import_cv2().CAP_PROP_FPS)
    return float(rate) if np.isfinite(rate) and rate > 0 else None


def slack(n_frames):
    """Number of frames by which the announced length of a video may be off.

    Where the header of a file does not count frames, duration times rate is announced.
    """
    return 1 + n_frames // 50
