"""Predictions for one clip, and the facial regions that they rest on."""

from dataclasses import dataclass

import numpy as np

from cdmer._clips import named_clips
from cdmer._steps import prepare_alone
from cdmer.models._fitted import FittedModel
from cdmer.models._parts import score_classes, states_probabilities, take_apart
from cdmer.preprocessing import ToGrey


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
    """

    grid: object
    boxes: np.ndarray
    drops: np.ndarray

    @property
    def names(self):
        """Name of every region, a list of str."""
        return list(self.grid.names)

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
    label : str
        Name of the predicted class.
    classes : tuple of str
        Names of all classes that the pipeline knows.
    scores : ndarray of float64, shape (n_classes,)
        Score of each class.
    are_probabilities : bool
        Whether the scores are the probabilities that the classifier states. Otherwise they are its
        decision function: larger is likelier, and they compare within one clip only.
    clip : Clip or ndarray
        The clip as the descriptor got it.
    face : ndarray of uint8, shape (H, W)
        Its frame at the apex, or the middle one where none is known.
    regions : RegionDrops or None
        Regions and their drops; None where the descriptor has no facial regions.
    """

    label: str
    classes: tuple[str, ...]
    scores: np.ndarray
    are_probabilities: bool
    clip: object
    face: np.ndarray
    regions: RegionDrops | None

    def __str__(self):
        kind = "probabilities" if self.are_probabilities else "scores (not probabilities)"
        pairs = zip(self.classes, self.scores, strict=True)
        lines = [self.label, f"{kind}: " + ", ".join(f"{name} {s:.4g}" for name, s in pairs)]
        if self.regions is None:
            lines.append("regions: the descriptor has none")
        else:
            strongest = [f"{name} ({drop:.3g})" for name, drop in self.regions.strongest()]
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
    Scores are probabilities where the pipeline ends in a classifier with ``predict_proba``. What a
    support vector machine or TGSR gives is not turned into any: there is no calibration behind it.
    For two classes they are −d/2 and d/2, with d the decision function. The predicted class is what
    the pipeline's ``predict`` says; where that goes by another rule than the largest score (votes
    of pairs of classes in scikit-learn's SVC), the two may differ.

    Regions are replaced one at a time. Two that say the same cover for one another: both drops are
    then small. Large regions hold small ones of a finer grid, but their columns are their own.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
    arXiv:1311.2901.
    """
    if not isinstance(model, FittedModel):
        raise TypeError(f"model: expected a FittedModel, got {type(model).__name__}")
    [(_, clip)] = named_clips([clip])
    try:
        return _predict(model, clip)
    except (ValueError, TypeError, OSError, ImportError, MemoryError):
        raise
    except Exception as error:  # of a pipeline that is not as `fit` leaves it
        raise ValueError(f"model: the pipeline failed, {type(error).__name__}: {error}") from error


def _predict(model, clip):
    parts = take_apart(model.pipeline)
    if parts is None:
        return _prediction(model, model.pipeline, [clip], clip, None)
    clip = prepare_alone(parts.steps, clip)
    row = np.asarray(parts.descriptor.transform([clip]), dtype=np.float64)
    rows = _occluded(row[0], model.reference, parts.descriptor.feature_groups_)
    boxes = parts.descriptor.boxes(clip)
    return _prediction(model, parts.classifier, rows, clip, (parts.descriptor.grid_, boxes))


def _prediction(model, classifier, X, clip, regions):
    """Prediction from clips or rows, of which the first is the clip's own."""
    scores = score_classes(classifier, X)
    position = list(model.pipeline.classes_).index(classifier.predict(X[:1])[0])
    if regions is not None:
        regions = RegionDrops(*regions, drops=_drops(scores[:, position]))
    return Prediction(
        model.classes[position],
        model.classes,
        scores[0],
        states_probabilities(classifier),
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
