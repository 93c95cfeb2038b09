"""What a worker does with one clip, and what it sends back."""

import os
import sys
import traceback
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from cdmer._array import to_numpy
from cdmer._clip_transformer import as_objects
from cdmer._cv2 import one_cv2_thread
from cdmer._notes import gathered_notes
from cdmer._parameters import ParameterError
from cdmer._steps import flat_steps, prepare_alone
from cdmer._workers import one_blas_thread


@dataclass(frozen=True)
class Failure:
    """Why a clip has no row, in strings: not every exception survives the way between processes."""

    key: str
    kind: str
    message: str
    trace: str

    @classmethod
    def of(cls, clip, error):
        """Write down an exception."""
        kind, message = type(error).__name__, str(error)
        if clip.key not in message:
            message = f"clip {clip.key!r}: {kind}: {message}"
        return cls(clip.key, kind, message, "".join(traceback.format_exception(error)))

    def error(self, preface=""):
        """Make the exception to raise."""
        error = ValueError(preface + self.message)
        error.add_note(f"Where it happened:\n{self.trace}")
        return error


@dataclass(frozen=True)
class Outcome:
    """Features of a clip, shape (n_columns,), or the failure in their place.

    `kept_out` says what was in their place in the cache, if they could not go there; `notes` are
    warnings of steps, such as of several faces.
    """

    row: np.ndarray | None = None
    failure: Failure | None = None
    cached: bool = False
    kept_out: str | None = None
    notes: tuple[Warning, ...] = ()


def work(clip, transformer, cache, parent):
    """Features of one clip, from the cache or computed; runs in a worker."""
    with _one_thread(parent), gathered_notes() as notes:
        return replace(_outcome(clip, transformer, cache), notes=tuple(notes))


def _outcome(clip, transformer, cache):
    if cache is None:
        row, failure = _attempt(clip, _row, transformer, clip)
        return Outcome(row, failure)
    # Errors of the cache's own files pass: they are not the clip's.
    named, failure = _attempt(clip, cache.name, clip)
    if failure is not None:
        return Outcome(failure=failure)
    name, clip = named
    row = cache.load(name)
    if row is not None:
        return Outcome(row, cached=True)
    row, failure = _attempt(clip, _row, transformer, clip)
    try:
        if failure is None:
            cache.store(name, row)
    except FileExistsError as error:
        return Outcome(row, kept_out=str(error))
    return Outcome(row, failure)


def _attempt(clip, function, *arguments):
    """Result and None, or None and the failure, if the clip may be to blame for it."""
    try:
        return function(*arguments), None
    except Exception as error:
        cause = error
        while cause is not None:  # steps that name the clip raise their own error from the first
            if isinstance(cause, ImportError | MemoryError | ParameterError):
                raise
            cause = cause.__cause__
        return None, Failure.of(clip, error)


def _row(transformer, clip):
    steps = list(flat_steps(transformer))
    n = next((i for i, step in enumerate(steps) if not hasattr(step, "needs")), len(steps))
    rows = as_objects([prepare_alone(steps[:n], clip)])
    for step in steps[n:]:
        rows = step.transform(rows)
    rows = to_numpy(rows)
    if rows.ndim > 2 and len(rows) == 1:  # a picture; networks give it its shape again
        rows = rows.reshape(1, -1)
    if rows.ndim != 2 or len(rows) != 1 or rows.dtype.kind not in "biuf":
        raise ParameterError(
            "transformer: expected one row of numbers per clip, got for one clip an array of "
            f"{rows.dtype}, shape {rows.shape}"
        )
    row = np.array(rows[0], dtype=np.float64)
    if not np.isfinite(row).all():
        raise ValueError(
            f"clip {clip.key!r}: {np.sum(~np.isfinite(row))} of its {len(row)} features are NaN or "
            "infinite"
        )
    return row


@contextmanager
def _one_thread(parent):
    """Keep BLAS, in processes of their own, and OpenCV to one thread.

    OpenCV is not imported for it. Only the clip during which a worker imports it escapes, and what
    in cdmer depends on the number of OpenCV's threads limits it by itself.
    """
    with ExitStack() as stack:
        if os.getpid() != parent:
            stack.enter_context(one_blas_thread())
        if "cv2" in sys.modules:
            stack.enter_context(one_cv2_thread())
        yield
