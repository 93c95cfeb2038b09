"""A fitted pipeline taken apart where clips become rows of features."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from cdmer._steps import flat_steps
from cdmer.adaptation import class_scores
from cdmer.features import ClipDescriptor
from cdmer.preprocessing import FrameTransformer


class PipelineParts(NamedTuple):
    """Parts of a pipeline: from clip to clip, from clip to row, and what follows.

    Parameters
    ----------
    steps : list of transformers
        Steps from clip to clip.
    descriptor : ClipDescriptor
        Step from clip to row; its columns are grouped by facial region.
    classifier : Pipeline
        The learned steps and the classifier.
    """

    steps: list
    descriptor: ClipDescriptor
    classifier: Pipeline

    def prepare(self, clips):
        """Apply the steps before the descriptor to clips."""
        for step in self.steps:
            clips = step.transform(clips)
        return clips

    def features(self, clips):
        """Features of clips, ndarray of float64, shape (n_clips, n_features)."""
        return np.asarray(self.descriptor.transform(self.prepare(clips)), dtype=np.float64)


def take_apart(pipeline):
    """Split a fitted pipeline at its descriptor.

    Parameters
    ----------
    pipeline : estimator
        Pipelines in it, other than within its steps' own parameters, count as their steps.

    Returns
    -------
    PipelineParts or None
        None where no descriptor of facial regions precedes the classifier.
    """
    steps = list(flat_steps(pipeline))
    for i, step in enumerate(steps[:-1]):
        if isinstance(step, ClipDescriptor):
            ready = step if hasattr(step, "grid_") else clone(step).fit()  # it learns nothing
            return PipelineParts(steps[:i], ready, make_pipeline(*steps[i + 1 :]))
    return None


def take_frames(pipeline):
    """Split a fitted pipeline where clips stop being what was recorded, frame by frame.

    Parameters
    ----------
    pipeline : estimator

    Returns
    -------
    first : list of FrameTransformer
        Steps in front that keep frames apart: crop, grey, size.
    rest : list of estimator
        All others.
    """
    steps = list(flat_steps(pipeline))
    n = next((i for i, one in enumerate(steps) if not isinstance(one, FrameTransformer)), 0)
    return steps[:n], steps[n:]


def states_probabilities(classifier):
    """Whether a classifier gives probabilities, and not scores alone."""
    return hasattr(classifier, "predict_proba")


def score_classes(classifier, X):
    """Probabilities where the classifier states them, else its scores.

    Parameters
    ----------
    classifier : estimator
        Fitted.
    X : clips or array of shape (n_samples, n_features)

    Returns
    -------
    ndarray of float64, shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If there is not one column per class, or a score is NaN or infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is refused below
        if states_probabilities(classifier):
            scores = np.asarray(classifier.predict_proba(X), dtype=np.float64)
        else:
            scores = np.asarray(class_scores(classifier, X), dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(classifier.classes_):
        raise ValueError(
            f"pipeline: expected one score for each of {len(classifier.classes_)} classes, got "
            f"{scores.shape[-1]}"
        )
    if not np.isfinite(scores).all():
        raise ValueError(
            "pipeline: it gives no finite score of every class, got "
            f"{', '.join(f'{score:.3g}' for score in scores[~np.isfinite(scores).all(axis=1)][0])}"
        )
    return scores
