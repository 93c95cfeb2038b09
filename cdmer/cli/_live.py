"""A model asked about a camera, or a file as if it were one, while frames come."""

import json
import threading
import time
from collections import deque
from pathlib import Path

import click

from cdmer.cli._options import remark, say
from cdmer.cli._predict_clips import open_clip
from cdmer.cli._predict_words import in_words, said

_MEASURED = 15  # frames by which the rate of a camera that states none is measured
_RATES = 1, 1000  # frames per second that are believed
_WAIT = 5.0  # seconds without a frame after which a camera has ended


def live_options(command):
    """Give a command the options of live use, which it takes as keyword arguments."""
    options = (
        click.option(
            "--camera", type=click.IntRange(min=0), metavar="N", help="Watch this camera, from 0."
        ),
        click.option(
            "--as-camera",
            type=click.Path(path_type=Path),
            help="Watch this video as if it were a camera, every frame of it.",
        ),
        click.option(
            "--window",
            type=click.FloatRange(min=0, min_open=True, max=3600),
            metavar="SECONDS",
            help="Length of what is classified. [default: that of the longest clip of the "
            "training, at least 1]",
        ),
        click.option(
            "--every",
            type=click.FloatRange(min=0, min_open=True, max=3600),
            metavar="SECONDS",
            help="Time from one answer to the next. [default: half a window]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def check_live(clips, others, camera, as_camera, window, every):
    """Refuse options that do not go together.

    Parameters
    ----------
    clips : sequence of Path
    others : list of str
        Options that were given and are for clips alone.
    camera, as_camera, window, every : object or None
        See `live_options`.

    Raises
    ------
    click.UsageError
        If they do not.
    """
    sources = (camera is not None) + (as_camera is not None)
    if sources + bool(clips) != 1:
        found = "several of them" if sources else "none of them"
        raise click.UsageError(f"expected clips, --camera or --as-camera, got {found}")
    if sources and others:
        raise click.UsageError(f"{', '.join(others)}: for clips, not for a camera")
    for name, value in (("window", window), ("every", every)):
        if not sources and value is not None:
            raise click.UsageError(f"--{name}: expected --camera or --as-camera beside it")


def predict_live(model, camera, as_camera, window, every, as_json, quiet):
    """Print an answer for every window, in a line each, until the frames end.

    Parameters
    ----------
    model : FittedModel
    camera : int or None
        Number of a camera.
    as_camera : Path or None
        A video in its place.
    window, every : float or None
        Seconds.
    as_json, quiet : bool

    Raises
    ------
    ValueError
        If there is no such camera, it gives no more frames, or the video is shorter than a window.
    OSError
        If there is no such video.
    """
    from cdmer._notes import gathered_notes
    from cdmer.models import predict_stream, usual_window

    source = _File(as_camera) if camera is None else _Camera(camera)
    with source:
        fps = source.fps
        window = usual_window(model, fps) if window is None else window
        source.keep(max(2, round(window * fps)))
        every = window / 2 if every is None else every
        answers = predict_stream(model, source, fps, window, every)
        n, lost, told = 0, 0, set()
        while True:
            with gathered_notes() as notes:
                answer = next(answers, None)
            if answer is None:
                break
            n += 1
            say(_line(answer, as_json))
            for text in {_general(note) for note in notes} - told:
                told.add(text)
                remark(text)
            if source.n_lost > lost and not quiet:
                remark(
                    f"{source.n_lost - lost} frames dropped: answers take longer than --every "
                    f"({every:g} s)"
                )
            lost = source.n_lost
    if not n:
        raise ValueError(
            f"{source.name}: ends before one window of {window:g} s is full; see --window"
        )


def _general(note):
    """A note without the name of the window, so that it comes once."""
    return str(note).partition(": ")[2] or str(note)


def _line(answer, as_json):
    if as_json:
        time = {"time": round(answer.seconds, 3), "frame": answer.frame}
        if answer.prediction is None:
            return json.dumps(time | {"error": answer.error})
        return json.dumps(time | said(answer.prediction))
    words = f"error: {answer.error}" if answer.prediction is None else in_words(answer.prediction)
    return f"{answer.seconds:.2f} s: {words}"


class _File:
    """Frames of a video or of a folder, every one, as fast as they are taken."""

    n_lost = 0

    def __init__(self, path):
        self.name, (self.clip, _) = str(path), open_clip(path)
        if self.clip.fps is None:
            raise ValueError(f"{path}: states no frame rate; a video does")
        self.fps = self.clip.fps

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def keep(self, n):
        """Nothing waits here."""

    def __iter__(self):
        from cdmer._clips import iterate_frames

        return iterate_frames(self.clip, self.name)


class _Camera:
    """Grey frames of a camera, read by a thread of their own.

    What is not taken in time is dropped, the oldest first: a number in place of frames tells how
    many.
    """

    def __init__(self, number):
        self.name, self.number = f"camera {number}", number
        self.n_lost, self.error, self.video = 0, None, None
        self.ready, self.stopped = threading.Condition(), False
        self.waiting, self.most, self.gap = deque(), 2, 0

    def __enter__(self):
        from cdmer._cv2 import import_cv2
        from cdmer._images.decoders import quiet_networks

        cv2 = import_cv2()
        with quiet_networks():
            self.video, first = _opened(cv2, self.number)
        if first is None:
            raise ValueError(
                f"no {self.name}: OpenCV finds none of this number, or it gives no picture (in use "
                "by another program, or not permitted?); --as-camera takes a video"
            )
        rate = self.video.get(cv2.CAP_PROP_FPS)
        try:
            with quiet_networks():
                self.fps = float(rate) if _RATES[0] <= rate <= _RATES[1] else self._measured()
        except BaseException:  # such as Ctrl-C
            self.video.release()
            raise
        return self

    def _measured(self):
        started = time.monotonic()
        n = sum(self.video.read()[0] for _ in range(_MEASURED))
        rate = n / max(1e-3, time.monotonic() - started)
        return min(max(rate, _RATES[0]), _RATES[1])

    def keep(self, n):
        """Let so many frames wait, and start."""
        self.most = n
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        from cdmer._cv2 import import_cv2
        from cdmer._images.decoders import quiet_networks

        cv2 = import_cv2()
        while not self.stopped:
            try:
                with quiet_networks():  # many cameras give damaged pictures now and then
                    came, frame = self.video.read()
                frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if came else None
            except Exception as error:  # whatever it is, it ends this thread; the other says it
                frame, self.error = None, " ".join(str(error).split())
            with self.ready:
                if frame is None:
                    self.stopped = True
                else:
                    if len(self.waiting) == self.most:
                        self.waiting.popleft()
                        self.gap += 1
                        self.n_lost += 1
                    self.waiting.append(frame)
                self.ready.notify()

    def __iter__(self):
        while True:
            with self.ready:
                there = self.ready.wait_for(lambda: self.waiting or self.stopped, _WAIT)
                gap, self.gap = self.gap, 0
                frame = self.waiting.popleft() if self.waiting else None
            if gap:
                yield gap
            if frame is not None:
                yield frame
            elif self.stopped or not there:
                raise ValueError(
                    f"{self.name}: gives no more frames{'' if self.error is None else ': '}"
                    f"{self.error or ''}"
                )

    def __exit__(self, *error):
        self.stopped = True
        if hasattr(self, "thread"):
            self.thread.join(_WAIT)
            if self.thread.is_alive():
                return  # in the camera, which must not be closed meanwhile
        if self.video is not None:
            self.video.release()


def _opened(cv2, number):
    """A camera, and its first frame or None."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # every way to a camera that there is not would be told
    try:
        video = cv2.VideoCapture(number)
        came, frame = video.read() if video.isOpened() else (False, None)
    finally:
        cv2.utils.logging.setLogLevel(level)
    return video, frame if came else None
