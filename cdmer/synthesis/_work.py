"""What a worker does: a few identities, clip by clip."""

from dataclasses import dataclass

from cdmer._cv2 import one_cv2_thread
from cdmer._parameters import ParameterError
from cdmer._threads import one_blas_thread
from cdmer.synthesis._files import is_whole, write_clip

# Nothing that an item could be blamed for.
_NOT_ITS_FAULT = (ImportError, MemoryError, ParameterError)


@dataclass(frozen=True)
class Outcome:
    """What became of an item: a row of the manifest, or of the table of failures."""

    row: dict
    failed: bool = False
    found: bool = False  # the frames were there already


def work(plan, root, identities):
    """Make the clips of some identities.

    Parameters
    ----------
    plan : Plan
    root : Path
        Folder of the corpus.
    identities : sequence of int

    Returns
    -------
    list of Outcome
        In the order of the manifest.
    """
    with one_blas_thread(), one_cv2_thread():
        return [_make(plan, root, item) for number in identities for item in plan.items(number)]


def _make(plan, root, item):
    try:
        draw, _ = plan.draw(item)
        found = is_whole(root / item.path, len(draw.course))
        frames = None if found else plan.render(item)[1]
    except _NOT_ITS_FAULT:
        raise
    except Exception as error:
        return Outcome(_failure(item, error), failed=True)
    if not found:
        write_clip(root, item.path, frames)
    return Outcome(_row(plan, item, draw), found=found)


def _row(plan, item, draw):
    onset, apex, offset = draw.moments
    expression = draw.expression
    # A renderer that goes by the class shows it in its own way.
    own_way = plan.renderer.classes is not None
    units, emotion = ((), None) if own_way else (expression.units, expression.emotion)
    row = {
        "path": item.path,
        "subject": item.subject,
        "label": item.label,
        "name": item.name,
        "corpus": plan.name,
        "onset": onset,
        "apex": apex,
        "offset": offset,
        "fps": plan.fps,
        "action_units": "+".join(code for code, _ in units),
        "intensities": "+".join(f"{intensity:.4f}" for _, intensity in units),
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
