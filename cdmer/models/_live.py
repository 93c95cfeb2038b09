"""Predictions for frames that keep coming: a window of the last seconds, again and again."""

from collections import deque
from typing import NamedTuple

import numpy as np

from cdmer._limits import check_clip_bytes
from cdmer._parameters import check_number
from cdmer.corpora import Clip
from cdmer.models._fitted import FittedModel
from cdmer.models._prediction import Prediction, predict_clip

_MOST_RATE = 10_000  # frames per second, of the fastest cameras
_MOST_SECONDS = 3600


class StreamPrediction(NamedTuple):
    """Prediction for one window of a stream.

    Parameters
    ----------
    frame : int
        Number of the last frame of the window, from 0; frames that were lost count.
    seconds : float
        Its time.
    prediction : Prediction or None
        None where the pipeline could not take the window.
    error : str
        Why there is no prediction; empty where there is one.
    """

    frame: int
    seconds: float
    prediction: Prediction | None
    error: str = ""


def predict_stream(model, frames, fps, window, step):
    """Predict the last seconds of a stream of frames, again and again.

    Each window is a clip of its own and goes through the model's pipeline from the first step on: a
    face is looked for at its beginning, what is judged against the onset is judged against its
    first frame.

    Parameters
    ----------
    model : FittedModel
        Result of `load_model`.
    frames : iterable of ndarray of uint8, shape (H, W) or (H, W, 3)
        All frames have one size, and may go on for ever. A whole number in place of a frame says
        that so many frames were lost there: no window reaches over them.
    fps : float
        Frames per second.
    window, step : float
        Length of a window, and time from one to the next, in seconds; rounded to frames, at least
        two and one. A window and no more is kept in memory.

    Yields
    ------
    StreamPrediction
        As soon as a window is full, and from then on after every step.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `fps`, `window` or `step` is out of range, or what comes
        is neither a frame nor a number of frames.
    ValueError
        If a window takes more memory than the environment variable ``CDMER_MAX_CLIP_BYTES``
        allows, or frames differ in shape.
    TypeError
        If `model` is no FittedModel.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from cdmer.adaptation import SourceOnly
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> from cdmer.models import FittedModel, predict_stream
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=6, n_subjects=2, random_state=0)
    >>> labels = [clip.label for clip in corpus]
    >>> pipeline = make_pipeline(LBPTOP(grid=RegionGrid((1, 2))), SourceOnly())
    >>> mean = pipeline.fit(corpus, labels)[0].transform(corpus).mean(axis=0)
    >>> model = FittedModel(pipeline, tuple(pipeline.classes_), mean)
    >>> camera = (frame for clip in corpus for frame in clip.frames)
    >>> answers = predict_stream(model, camera, fps=25, window=0.4, step=0.2)
    >>> [round(next(answers).seconds, 2) for _ in range(3)]
    [0.36, 0.56, 0.76]
    """
    if not isinstance(model, FittedModel):
        raise TypeError(f"model: expected a FittedModel, got {type(model).__name__}")
    check_number("fps", fps, above=0, most=_MOST_RATE)
    check_number("window", window, above=0, most=_MOST_SECONDS)
    check_number("step", step, above=0, most=_MOST_SECONDS)
    length, hop = max(2, round(window * fps)), max(1, round(step * fps))
    kept, n, due = deque(maxlen=length), 0, 0
    for frame in frames:
        if not isinstance(frame, np.ndarray):
            check_number("frames: those that were lost", frame, least=0, whole=True)
            n += int(frame)
            kept.clear()
            continue
        if kept and frame.shape != kept[0].shape:
            raise ValueError(
                f"frames: expected shape {kept[0].shape}, as before, got {frame.shape}"
            )
        if not kept:
            check_clip_bytes(length * frame.nbytes, "window")
        kept.append(np.array(frame))  # whose memory may be that of the next frame
        n += 1
        if len(kept) == length and n >= due:
            due = n + hop
            yield _answer(model, kept, n - 1, fps)


def _answer(model, kept, frame, fps):
    seconds = frame / fps
    clip = Clip(
        _Window(tuple(kept)),
        name=f"{seconds - (len(kept) - 1) / fps:.2f} s to {seconds:.2f} s",
        subject="",
        corpus="stream",
        fps=float(fps),
    )
    try:
        return StreamPrediction(frame, seconds, predict_clip(model, clip))
    except (ValueError, RuntimeError) as error:
        return StreamPrediction(frame, seconds, None, str(error))


class _Window:
    """Frames of a window as the source of a clip."""

    def __init__(self, frames):
        self.kept = frames

    def __iter__(self):
        return iter(self.kept)

    def __call__(self):
        return np.stack(self.kept)

    @property
    def n_frames(self):
        return len(self.kept)


def usual_window(model, fps):
    """Length of a window that suits a model, where nobody says.

    Parameters
    ----------
    model : FittedModel
    fps : float

    Returns
    -------
    float
        Seconds: a quarter of the longest clip that its `limits` allow, which is that of the
        training, and a second at least; a second without limits.
    """
    limits = model.limits
    if limits is None:
        return 1.0
    seconds = limits.longest_seconds
    return (limits.most_frames / fps if seconds is None else seconds) / 4
