"""A fitted pipeline with what is needed to use it on a new clip."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from cdmer._clips import named_clips
from cdmer._domains import source_mask
from cdmer._text import printable
from cdmer.models._calibration import Calibration
from cdmer.models._fitted_state import keeps_rows
from cdmer.models._limits import ClipLimits
from cdmer.models._measures import ClipMeasures
from cdmer.models._parts import states_probabilities, take_apart, take_frames
from cdmer.models._records import check_fields
from cdmer.preprocessing import Preparation

_LIBRARIES = ("cdmer", "numpy", "scipy", "scikit-learn")


def library_versions():
    """Versions of the libraries that a fitted pipeline depends on, a dict of str to str."""
    return {name: _version(name) for name in _LIBRARIES}


@cache
def _version(name):
    return version(name)  # parses a file


@dataclass(frozen=True, eq=False, repr=False)
class FittedModel:
    """A fitted pipeline, the names of its classes and the clips that it was fitted on.

    `save_model` and `load_model` give it, `predict_clip` takes it.

    Parameters
    ----------
    pipeline : estimator
        Fitted; takes clips.
    classes : tuple of str
        Names of ``pipeline.classes_``, in their order.
    reference : ndarray of float64, shape (n_features,), or None
        Mean of each column of the descriptor; None without facial regions.
    sources, targets : dict of str to int
        Corpora that it was fitted on and adapted to, and their numbers of clips.
    frame_size : tuple of (int, int) or None
        Height and width of the frames of the first clip that it was fitted on; None where it was
        given features.
    versions : dict of str to str
        Versions of the libraries that it was fitted with.
    preparation : Preparation or None
        What happened to the recordings before the descriptor saw them; None where nobody said. The
        steps are the pipeline's own.
    limits : ClipLimits or None
        What clips must be like for the model to say anything about them; None: it names a class for
        every clip.
    calibration : Calibration or None
        What turns its scores into probabilities, and how well; None: they are what the classifier
        states.
    evaluation : dict or None
        How well it did on people left out, as whoever fitted it says: plain JSON.
    """

    pipeline: object
    classes: tuple[str, ...]
    reference: np.ndarray | None
    sources: dict[str, int] = field(default_factory=dict)
    targets: dict[str, int] = field(default_factory=dict)
    frame_size: tuple[int, int] | None = None
    versions: dict[str, str] = field(default_factory=library_versions)
    preparation: Preparation | None = None
    limits: ClipLimits | None = None
    calibration: Calibration | None = None
    evaluation: dict | None = None

    def __repr__(self):
        sources, targets = (_listed(corpora) for corpora in (self.sources, self.targets))
        adapted = f", adapted to {targets}" if targets else ""
        keeps = "; keeps rows of training clips" if self.keeps_training_rows else ""
        names = ", ".join(self.classes)
        return printable(f"FittedModel({names}; fitted on {sources or '?'}{adapted}{keeps})")

    @property
    def keeps_training_rows(self):
        """Whether it holds features of clips that it was fitted on, as they are or mapped.

        Support vectors are such rows, and those that a kernel compares new rows with. Who gets the
        model gets these, too.
        """
        return keeps_rows(self.pipeline)


def fitted_model(pipeline, training, class_names, sample_domain, corpora, **records):
    """Gather what belongs to a fitted pipeline; the arguments are those of `save_model`.

    `records` are the fields of a FittedModel that `save_model` takes as they are.
    """
    check_is_fitted(pipeline)
    classes = _name_classes(pipeline, class_names)
    _check_scores(pipeline)
    parts = take_apart(pipeline)
    features, clips = _read_training(training, parts)
    n_rows = len(clips) if features is None else len(features)
    is_target = np.zeros(n_rows, dtype=bool)
    if sample_domain is not None:
        is_target = ~source_mask(sample_domain, n_rows)
    alike = is_target if is_target.any() else ~is_target
    names = _name_corpora(corpora, clips, n_rows)
    sources, targets = (
        dict(Counter(n for n, one in zip(names, mask, strict=True) if one and n is not None))
        for mask in (~is_target, is_target)
    )
    if records.get("limits") is None and clips is not None:
        records["limits"] = _learn_limits(pipeline, clips)
    model = FittedModel(
        pipeline,
        classes,
        None if features is None else features[alike].mean(axis=0),
        sources,
        targets,
        None if clips is None else _frame_size(clips[0]),
        **records,
    )
    check_fields(model)
    return model


def _learn_limits(pipeline, clips):
    """Limits that the clips set, behind the steps that keep their frames apart."""
    for step in take_frames(pipeline)[0]:
        clips = step.transform(clips)
    return ClipLimits.from_rows(ClipMeasures().transform(clips))


def _name_classes(pipeline, class_names):
    """Names of ``pipeline.classes_``, a tuple of str."""
    labels = np.asarray(pipeline.classes_).tolist()
    of_text = all(isinstance(label, str) for label in labels)
    if class_names is None and of_text:
        return tuple(labels)
    names = [] if class_names is None or isinstance(class_names, str) else list(class_names)
    if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        if of_text and set(labels) <= set(names):
            return tuple(labels)
        codes = all(isinstance(label, int) and not isinstance(label, bool) for label in labels)
        if codes and min(labels) >= 0 and max(labels) < len(names):
            return tuple(names[label] for label in labels)
    raise ValueError(
        f"class_names: expected distinct names, among them those of the classes {labels} (numbers "
        f"are positions in class_names), got {class_names!r}"
    )


def _check_scores(pipeline):
    """Refuse classifiers that give no score per class."""
    if states_probabilities(pipeline):
        return
    if not hasattr(pipeline, "decision_function"):
        raise ValueError(
            "pipeline: expected a classifier with predict_proba or decision_function, "
            f"{type(pipeline).__name__} has neither"
        )
    # For three classes there are three pairs: numbers of columns would not show the difference.
    for name, value in pipeline.get_params().items():
        if name.rpartition("__")[2] == "decision_function_shape" and value == "ovo":
            raise ValueError(f"pipeline: expected {name}='ovr', a score per class, got 'ovo'")


def _read_training(training, parts):
    """Features and clips, each None where there is none."""
    if getattr(training, "ndim", 0) == 2:
        if parts is None:
            raise ValueError(
                "training: expected clips, got rows; the pipeline has no descriptor of facial "
                "regions that such rows could come from"
            )
        features = check_array(training, dtype=np.float64, input_name="training")
    else:
        clips = [clip for _, clip in named_clips(training)]
        return None if parts is None else parts.features(clips), clips
    n_features = len(parts.descriptor.feature_groups_)
    if features.shape[1] != n_features:
        raise ValueError(
            f"training: expected rows of {n_features} features, as the pipeline's "
            f"{type(parts.descriptor).__name__} gives them, got {features.shape[1]}"
        )
    return features, None


def _name_corpora(corpora, clips, n_rows):
    """Name of each row's corpus, a list of (str or None)."""
    if corpora is None:
        return [getattr(clip, "corpus", None) for clip in clips or [None] * n_rows]
    names = [] if isinstance(corpora, str) else list(corpora)
    if len(names) != n_rows or not all(isinstance(name, str) for name in names):
        raise ValueError(f"corpora: expected the name of each of {n_rows} rows, got {corpora!r}")
    return [str(name) for name in names]


def _frame_size(clip):
    height, width = getattr(clip, "frames", clip).shape[1:3]
    return int(height), int(width)


def _listed(corpora):
    return ", ".join(f"{name} ({n} clips)" for name, n in corpora.items())
