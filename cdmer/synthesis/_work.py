"""The clips of a few identities, made by one worker."""

from dataclasses import dataclass

from cdmer._cv2 import one_cv2_thread
from cdmer._parameters import ParameterError
from cdmer._workers import one_blas_thread
from cdmer.synthesis._files import is_whole, write_clip

# Nothing that an item could be blamed for.
_NOT_ITS_FAULT = (ImportError, MemoryError, ParameterError)


@dataclass(frozen=True)
class Outcome:
    """Result for an item: a row of the manifest, or of the table of failures."""

    row: dict
    failed: bool = False
    found: bool = False  # the frames were there already


def work(request, root, identities):
    """Make the clips of some identities.

    Parameters
    ----------
    request : Request
    root : Path
        Folder of the corpus.
    identities : sequence of int

    Returns
    -------
    list of Outcome
        In the order of the manifest.
    """
    with one_blas_thread(), one_cv2_thread():
        items = (item for number in identities for item in request.items(number))
        return [_make(request, root, item) for item in items]


def _make(request, root, item):
    try:
        draw, _ = request.draw(item)
        found = is_whole(root / item.path, len(draw.course))
        frames = None if found else request.render(item)[1]
    except _NOT_ITS_FAULT:
        raise
    except Exception as error:
        return Outcome(_failure(item, error), failed=True)
    if not found:
        write_clip(root, item.path, frames)
    return Outcome(_row(request, item, draw), found=found)


def _row(request, item, draw):
    onset, apex, offset = draw.moments
    expression = draw.expression
    # A renderer that goes by the class shows it in its own way.
    own_way = request.renderer.classes is not None
    action_units, emotion = ((), None) if own_way else (expression.action_units, expression.emotion)
    row = {
        "path": item.path,
        "subject": item.subject,
        "label": item.label,
        "name": item.name,
        "corpus": request.name,
        "onset": onset,
        "apex": apex,
        "offset": offset,
        "fps": request.fps,
        "action_units": "+".join(code for code, _ in action_units),
        "intensities": "+".join(f"{intensity:.4f}" for _, intensity in action_units),
        "emotion": emotion,
        "source": expression.source or item.source,
        "seed": item.seed,
    }
    return {name: "" if value is None else value for name, value in row.items()}


def _failure(item, error):
    return {
        "clip": item.path,
        "label": item.label,
        "source": item.source,
        "seed": item.seed,
        "error": f"{type(error).__name__}: {error}",
    }
