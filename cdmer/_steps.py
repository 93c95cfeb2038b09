"""The steps that an estimator is made of."""

import re
from dataclasses import replace

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from cdmer._clips import is_clip

# They change how a result is computed, not which.
_UNSAID = {"memory", "n_jobs", "verbose"}


def flat_steps(estimator):
    """Steps of an estimator, in order; pipelines within a pipeline count as their steps.

    Parameters
    ----------
    estimator : estimator or Pipeline
        An estimator that is no pipeline is its own only step.

    Yields
    ------
    estimator
        Without None and ``"passthrough"``.
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from flat_steps(step)
    elif estimator is not None and not (isinstance(estimator, str) and estimator == "passthrough"):
        yield estimator


def stateless_steps(transformer):
    """List the steps of a transformer that learns nothing.

    Parameters
    ----------
    transformer : transformer or Pipeline
        Pipelines may hold pipelines.

    Returns
    -------
    list of transformer
        In order, without ``"passthrough"``.

    Raises
    ------
    TypeError
        If a step is no transformer.
    ValueError
        If a step has something to learn, or there is none.
    """
    steps = list(flat_steps(transformer))
    if not steps:
        raise ValueError("transformer: got a pipeline without steps, expected a descriptor")
    for step in steps:
        if isinstance(step, type) or not (
            hasattr(step, "transform") and isinstance(step, BaseEstimator)
        ):
            raise TypeError(f"transformer: expected a transformer of clips, got {step!r}")
        if get_tags(step).requires_fit:
            raise ValueError(
                f"transformer: {type(step).__name__} has to be fitted (its tag requires_fit is "
                "True). Clips are described one by one, before anybody splits them: a step that "
                "learns from them would carry test clips into training. It belongs into the "
                "methods that are evaluated"
            )
    return steps


def prepare_alone(steps, clip):
    """Pass one clip through steps from clip to clip, which read its frames once.

    Steps that need one frame at a time let frames flow. Before a step that needs more of them, and
    at the end, they are computed and held: whoever asks for them again, such as the descriptor
    after a step that spotted the apex, decodes nothing again.

    Parameters
    ----------
    steps : list of transformer
    clip : Clip or array
        Frames of an array are in memory anyway.

    Returns
    -------
    Clip or array
        With its frames in memory.
    """
    for step in steps:
        if getattr(step, "needs", "all") != "frame":
            clip = _held(clip)
        [clip] = step.transform([clip])
    return _held(clip)


def _held(clip):
    if is_clip(clip) and callable(clip.source):
        return replace(clip, source=clip.frames)
    return clip


def any_part(transformer, says):
    """Whether a transformer, or a part of it that says so, has an attribute that is True.

    Parameters
    ----------
    transformer : object
        Steps of a pipeline and parameters that hold transformers are its parts. An object with the
        attribute speaks for its parts.
    says : str
        Name of the attribute, such as ``"measures_flow"``.

    Returns
    -------
    bool
    """
    own = getattr(transformer, says, None)
    if own is not None:
        return own is True
    if isinstance(transformer, list | tuple):
        parts = transformer
    elif hasattr(transformer, "get_params") and not isinstance(transformer, type):
        parts = transformer.get_params(deep=False).values()
    else:
        return False
    return any(any_part(part, says) for part in parts)


def steps_text(steps):
    """Write steps and parameters in one line, the same in every process.

    Parameters
    ----------
    steps : list of transformer

    Returns
    -------
    str
        ``"Step(parameter=value, …) → Step(…)"``, defaults included. The digest that a step
        gives of a file by ``file_digests()`` comes behind its path: ``weights='a.pt' (sha256 …)``.
    """
    return " → ".join(f"{type(step).__name__}({', '.join(_parameters(step))})" for step in steps)


def _parameters(step):
    digests = step.file_digests() if hasattr(step, "file_digests") else {}
    for name, value in sorted(step.get_params(deep=False).items()):
        if name not in _UNSAID:
            # The repr of functions and the like has their address in memory.
            text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(value).split()))
            seal = f" (sha256 {digests[name]})" if name in digests else ""
            yield f"{name}={text}{seal}"
