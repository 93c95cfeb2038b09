"""Predictions for one clip, and the facial regions that they rest on."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from sklearn.pipeline import make_pipeline

from cdmer._clips import (
    collect_frames,
    expected_length,
    is_clip,
    iterate_frames,
    known_length,
    named_clips,
    read_frames,
)
from cdmer._steps import prepare_alone
from cdmer.models._fitted import FittedModel
from cdmer.models._measures import ClipMeasures
from cdmer.models._parts import score_classes, states_probabilities, take_apart, take_frames
from cdmer.models._regions import face_margin, name_parts
from cdmer.preprocessing import FaceNotFoundError, ToGrey


@dataclass(frozen=True, eq=False)
class RegionDrops:
    """Contribution of each facial region to the score of the predicted class.

    Parameters
    ----------
    grid : RegionGrid or LandmarkRegions
        The regions.
    boxes : ndarray of int, shape (n_regions, 4)
        Top, bottom, left and right of each in pixels of the frames; bottom and right are exclusive.
    drops : ndarray of float64, shape (n_regions,)
        Fall of the score of the predicted class when the region's features are replaced by their
        mean; below 0 where it rises.
    parts : tuple of str, default=()
        The part of the face that each region lies on, in words, such as "left brow"; see Notes of
        `predict_clip`. Empty where nobody has named them.
    """

    grid: object
    boxes: np.ndarray
    drops: np.ndarray
    parts: tuple[str, ...] = ()

    @property
    def names(self):
        """Name of every region, a list of str."""
        return list(self.grid.names)

    @property
    def texts(self):
        """Part and name of every region, a list of str such as ``"left brow (l8r2c5)"``."""
        return [
            part if part == name.replace("_", " ") else f"{part} ({name})"
            for part, name in zip(self.parts or self.names, self.names, strict=True)
        ]

    def strongest(self, n=5):
        """Regions with the largest drops above 0.

        Parameters
        ----------
        n : int, default=5
            Largest number of regions.

        Returns
        -------
        list of (str, float)
            Name and drop, by falling drop; of equal ones the first.
        """
        order = np.argsort(-self.drops, kind="stable")[:n]
        return [(self.names[i], float(self.drops[i])) for i in order if self.drops[i] > 0]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of a fitted pipeline for one clip.

    Parameters
    ----------
    label : str or None
        Name of the predicted class; None where the model has nothing to say about the clip.
    classes : tuple of str
        Names of all classes that the pipeline knows.
    scores : ndarray of float64, shape (n_classes,), or None
        Score of each class; None without a class.
    are_probabilities : bool
        Whether the scores are probabilities: calibrated ones where the model has a calibration,
        else those that the classifier states. Otherwise they are its decision function: larger is
        likelier, and they compare within one clip only.
    clip : Clip or ndarray
        The clip as the descriptor got it; without a class, as it was given.
    face : ndarray of uint8, shape (H, W), or None
        Its frame at the apex, or the middle one where none is known; None without a class.
    regions : RegionDrops or None
        Regions and their drops; None where the descriptor has no facial regions, or there is no
        class.
    reason : str or None, default=None
        Why there is no class: "no movement", "face lost", "several shots", "too short", "too long"
        or "no face". None where there is one.
    detail : str, default=""
        What was found in the clip, a sentence; empty where there is a class.
    """

    label: str | None
    classes: tuple[str, ...]
    scores: np.ndarray | None
    are_probabilities: bool
    clip: object
    face: np.ndarray | None
    regions: RegionDrops | None
    reason: str | None = None
    detail: str = ""

    def __str__(self):
        if self.label is None:
            return f"no class: {self.reason}\n{self.detail}"
        kind = "probabilities" if self.are_probabilities else "scores (not probabilities)"
        pairs = zip(self.classes, self.scores, strict=True)
        lines = [self.label, f"{kind}: " + ", ".join(f"{name} {s:.4g}" for name, s in pairs)]
        if self.regions is None:
            lines.append("regions: the descriptor has none")
        else:
            texts = dict(zip(self.regions.names, self.regions.texts, strict=True))
            strongest = [f"{texts[name]} {drop:.3g}" for name, drop in self.regions.strongest()]
            lines.append(f"regions that spoke for it: {', '.join(strongest) or 'none'}")
        return "\n".join(lines)


def predict_clip(model, clip):
    r"""Predict the class of a clip, and find the facial regions that support it.

    A fitted pipeline takes the clip as a row of its target corpus: nothing is fitted anew. With x
    the clip's features, m their mean on the clips that the pipeline was fitted on, and s the score
    of the class predicted for x, the drop of region g is

    .. math:: s(x) - s(x^{(g)}), \qquad x^{(g)}_j = m_j \text{ if column } j \text{ is of region }
        g, \text{ else } x_j.

    It asks nothing of the classifier but scores: whatever the learned steps do to the columns, they
    do it after the replacement, and the classifier sees one more row per region.

    Parameters
    ----------
    model : FittedModel
        Result of `load_model`.
    clip : Clip, or array of uint8 of shape (T, H, W)
        Prepared as the clips that the model was fitted on: grey, and the face cut out, unless the
        pipeline does so itself.

    Returns
    -------
    Prediction
        Its label is None, and it has a reason, where the model has `limits` and the clip is beyond
        them, or where the pipeline's own `CropAlign` finds no face.

    Raises
    ------
    TypeError
        If `model` is no FittedModel, or `clip` is no clip.
    ValueError
        If the clip does not suit the pipeline, such as an apex that is missing (the message names
        the clip), the pipeline fails, or gives scores that are NaN or infinite: such scores name no
        class.

    Notes
    -----
    A clip is judged by its length before its frames are read, where its source knows how many they
    are, and no more frames are read than the longest clip may have. Then `ClipMeasures` looks at
    the frames, behind the steps in front of the pipeline that keep frames apart, such as a crop.

    Scores are probabilities where the model has a calibration, or the pipeline ends in a classifier
    with ``predict_proba``. What a support vector machine or TGSR gives is not turned into any
    without a calibration.
    For two classes they are −d/2 and d/2, with d the decision function. The predicted class is what
    the pipeline's ``predict`` says; where that goes by another rule than the largest score (votes
    of pairs of classes in scikit-learn's SVC), the two may differ.

    Regions have names that people know beside their own. Where the pipeline cuts the face out, by
    `CropAlign`, these are parts of a face ("left brow", "right mouth corner", "chin"), by the
    middle of the region and the proportions of a mean face, whose eyes are where `CropAlign` puts
    them; large regions are halves and quarters. Left and right are the person's own: the left brow
    is on the right of the picture. Regions at landmarks go by their own names. Otherwise nobody
    knows where in the frame the face is, and the names are places ("top left of the picture").

    Regions are replaced one at a time. Two that say the same cover for one another: both drops are
    then small. Large regions hold small ones of a finer grid, but their columns are their own.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
    arXiv:1311.2901.
    """
    if not isinstance(model, FittedModel):
        raise TypeError(f"model: expected a FittedModel, got {type(model).__name__}")
    [(name, clip)] = named_clips([clip])
    if not is_clip(clip):
        read_frames(clip, name)  # checked before anything is judged
    try:
        return _predict(model, clip, name)
    except (ValueError, TypeError, OSError, ImportError, MemoryError):
        raise
    except Exception as error:  # of a pipeline that is not as `fit` leaves it
        if isinstance(error, RuntimeError) and isinstance(error.__cause__, ValueError | OSError):
            raise ValueError(str(error)) from error  # a step names the clip that it cannot read
        raise ValueError(f"model: the pipeline failed, {type(error).__name__}: {error}") from error


def _predict(model, clip, name):
    first, rest = take_frames(model.pipeline)
    try:
        found = _judge_length(model.limits, clip)
        if found is None:
            seen = clip
            for step in first:
                [seen] = step.transform([seen])
            seen = _read(seen, model.limits, name)
            found = _judge(model.limits, seen)
    except FaceNotFoundError as error:
        found = "no face", str(error)
    if found is None:
        return _classify(model, make_pipeline(*rest), seen)
    return Prediction(None, model.classes, None, False, clip, None, None, *found)


def _judge_length(limits, clip):
    """Reason and detail where it is known, before a frame is read, that the length is wrong."""
    if limits is None:
        return None
    n_frames = expected_length(clip) if is_clip(clip) else len(clip)
    found = limits.reason_of_length(n_frames, getattr(clip, "fps", None)) if n_frames else None
    # What a file announces may be less than it holds.
    is_announced = is_clip(clip) and known_length(clip) is None
    return None if found and is_announced and found[0] == "too short" else found


def _read(clip, limits, name):
    """The clip with its frames in memory, no more of them than tell that it is too long."""
    if not is_clip(clip) or isinstance(clip.source, np.ndarray):
        return clip
    if limits is None or expected_length(clip):
        return replace(clip, source=clip.frames)  # all of them, which is faster than one by one
    frames = islice(iterate_frames(clip, name), limits.longest(clip.fps) + 1)
    frames, numbers = collect_frames(frames, None, name), clip.frame_numbers
    return replace(
        clip, source=frames, frame_numbers=None if numbers is None else numbers[: len(frames)]
    )


def _judge(limits, clip):
    if limits is None:
        return None
    found = limits.reason_of_length(*_length(clip))
    return limits.reason(ClipMeasures().transform([clip])[0]) if found is None else found


def _length(clip):
    return len(clip.source if is_clip(clip) else clip), getattr(clip, "fps", None)


def _classify(model, pipeline, clip):
    """Prediction of the steps that a clip has still to go through."""
    parts = take_apart(pipeline)
    if parts is None:
        return _prediction(model, pipeline, [clip], clip, None)
    clip = prepare_alone(parts.steps, clip)
    row = np.asarray(parts.descriptor.transform([clip]), dtype=np.float64)
    rows = _occluded(row[0], model.reference, parts.descriptor.feature_groups_)
    grid, boxes = parts.descriptor.grid_, parts.descriptor.boxes(clip)
    height, width = np.shape(clip.source if is_clip(clip) else clip)[1:3]
    named = name_parts(grid, boxes, (height, width), face_margin(model.pipeline))
    return _prediction(model, parts.classifier, rows, clip, (grid, boxes, named))


def _prediction(model, classifier, X, clip, regions):
    """Prediction from clips or rows, of which the first is the clip's own."""
    scores = score_classes(classifier, X)
    if model.calibration is not None:
        scores = model.calibration.apply(scores)
    position = list(model.pipeline.classes_).index(classifier.predict(X[:1])[0])
    if regions is not None:
        grid, boxes, parts = regions
        regions = RegionDrops(grid, boxes, _drops(scores[:, position]), parts)
    return Prediction(
        model.classes[position],
        model.classes,
        scores[0],
        model.calibration is not None or states_probabilities(classifier),
        clip,
        _shown_frame(clip),
        regions,
    )


def _drops(scores):
    """Fall of the first score to each of the others; exactly 0 where they differ by rounding."""
    drops = scores[0] - scores[1:]
    return np.where(np.abs(drops) > 1e-12 * np.abs(scores).max(), drops, 0)


def _occluded(row, reference, groups):
    """The row, and below it one copy per region with the region's columns replaced.

    Parameters
    ----------
    row, reference : ndarray of float64, shape (n_features,)
    groups : ndarray of int, shape (n_features,)
        Region of each column.

    Returns
    -------
    ndarray of float64, shape (1 + n_regions, n_features)
    """
    regions = np.arange(groups.max() + 1)
    occluded = np.where(groups == regions[:, None], reference, row)
    return np.concatenate([row[None], occluded])


def _shown_frame(clip):
    """Frame at the apex, or the middle one, grey."""
    frames = np.asarray(getattr(clip, "frames", clip))
    position = len(frames) // 2
    if getattr(clip, "apex", None) is not None:
        position = min(clip.position("apex"), len(frames) - 1)
    [grey] = ToGrey().transform([frames[position : position + 1]])
    return grey[0]
