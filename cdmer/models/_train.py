"""Train a recogniser on recordings of one's own, and judge it on people left out."""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import has_fit_parameter

from cdmer._parameters import ParameterError, check_choice, check_number
from cdmer._text import counted
from cdmer.corpora import Corpus, LabelScheme
from cdmer.extraction import extract
from cdmer.features import DESCRIPTORS
from cdmer.models._fitted import FittedModel, fitted_model
from cdmer.models._learners import LABEL_FREE, SVM, make_learner
from cdmer.models._limits import ClipLimits
from cdmer.models._measures import ClipMeasures
from cdmer.models._storage import write_model
from cdmer.models._training_clips import (
    check_classes,
    choose_preparation,
    classify,
    frame_size,
    part,
)
from cdmer.preprocessing import SeveralFacesWarning


@dataclass(frozen=True, eq=False, repr=False)
class TrainedModel:
    """A recogniser that was trained, and how it was judged.

    `train_model` returns it.

    Parameters
    ----------
    model : FittedModel
        What `predict_clip` takes.
    results : Results
        Predictions for clips that were left out, and their scores.
    failures : pandas.DataFrame
        Clips that could not be described, in columns ``key, error, message``.
    notes : list of str
        What else a reader has to know: clips left out, people unknown, how faces were cut out.
    """

    model: FittedModel
    results: object
    failures: object
    notes: list = field(default_factory=list)

    def __repr__(self):
        return f"TrainedModel({self.model!r})"

    def save(self, path):
        """Save the model: see `save_model`.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        FittedModel
            The model.

        Raises
        ------
        ImportError, ValueError, OSError
            As `save_model`.
        """
        return write_model(path, self.model)


def train_model(
    corpus,
    descriptor="bi-woof",
    classifier=None,
    *,
    preparation=None,
    scheme=None,
    target=None,
    n_folds=10,
    n_jobs=None,
    cache_dir=None,
    store=None,
    random_state=0,
    progress=None,
):
    """Train a recogniser on clips of one's own, and find out how good it is on people left out.

    The features of every clip are computed once. The classifier is fitted to the clips of all
    people but one, and predicts the clips of this one, person after person; where people are
    unknown, or all clips show one, parts of the clips are left out instead. The scores of the clips
    left out calibrate probabilities. Then it is fitted to all clips, and joined to the steps that
    gave the features.

    Parameters
    ----------
    corpus : Corpus
        Clips with labels, such as `load_manifest` gives. Frames are read clip by clip.
    descriptor : str or transformer, default="bi-woof"
        Name in `cdmer.features.DESCRIPTORS`, or what gives a row of features for each clip.
    classifier : str, estimator or None, default=None
        ``"svm"`` for a linear support vector machine and ``"logistic"`` for logistic regression, of
        standardised columns and with classes of equal weight; ``"label-free"`` for
        `label_free_pipeline`; the name of a class of `cdmer.adaptation`, such as ``"TCA"``; or an
        unfitted classifier of rows. None: "label-free" with `target`, "svm" without.
    preparation : Preparation, dict or None, default=None
        What happens to clips before the descriptor sees them. A dict has fields of a Preparation;
        those that it lacks are what `Preparation.suited` gives for the descriptor, and faces are
        cut out if they take less than 0.6 of the frame's height in most of a few clips.
    scheme : str, LabelScheme or None, default=None
        Label scheme of the classes; clips that it leaves out are not used. None: "three", if it
        knows all labels, as of databases; otherwise labels as they are.
    target : Corpus or None, default=None
        Clips without labels, such as of another camera, that an adaptive classifier is adapted to.
        Their labels are not read. They are seen in every fold.
    n_folds : int, default=10
        Number of parts of the clips, where no person can be left out.
    n_jobs : int or None, default=None
        Number of joblib workers. The result does not depend on it.
    cache_dir : path-like or None, default=None
        Folder for features of clips: see `cdmer.extraction.extract`.
    store : path-like, ResultStore or None, default=None
        Where finished folds are kept: see `cdmer.evaluation.benchmark`.
    random_state : int, default=0
        Seed of parts of the clips, and of classifiers that left theirs open.
    progress : bool or None, default=None
        None shows bars on terminals alone, False never.

    Returns
    -------
    TrainedModel

    Raises
    ------
    ValueError
        If there are fewer than two classes, a class has a single clip, no clip can be described,
        frames have several sizes and no face is cut out, `target` shares clips with the corpus, or
        a parameter has a wrong value. The message says what to do.
    TypeError
        If a corpus, descriptor or classifier is something else.
    ImportError, MemoryError, OSError
        As `cdmer.extraction.extract`.

    Notes
    -----
    Clips that cannot be described are left out, and listed in `TrainedModel.failures`. The model's
    record, `FittedModel.evaluation`, holds the scores with intervals over people, how they were
    left out, and the confusion matrix; it names nobody.

    The model predicts for a clip of the training what the classifier that was fitted to all clips
    gives for its features: prediction does exactly what training did.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> from cdmer.models import predict_clip, train_model
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=12, n_subjects=4, random_state=0)
    >>> descriptor = LBPTOP(radius=1, grid=RegionGrid((1, 2)))
    >>> trained = train_model(corpus, descriptor, preparation={"crop": False}, progress=False)
    >>> trained.model.evaluation["left out"], trained.model.evaluation["n_people"]
    ('one person at a time', 4)
    >>> predict_clip(trained.model, corpus[0]).classes
    ('negative', 'positive', 'surprise')
    """
    import pandas as pd

    for name, one in (("corpus", corpus), ("target", target)):
        if not (isinstance(one, Corpus) or (one is None and name == "target")):
            raise TypeError(f"{name}: expected a Corpus, got {type(one).__name__}")
    check_number("n_folds", n_folds, least=2, whole=True)
    check_number("random_state", random_state, least=0, most=2**32 - 1, whole=True)
    if isinstance(descriptor, str):
        check_choice("descriptor", descriptor, tuple(DESCRIPTORS))
        descriptor = DESCRIPTORS[descriptor]()
    found, scheme_name, notes = classify(corpus, scheme)
    kept = [i for i, one in enumerate(found) if one is not None]
    classes = {corpus[i].key: found[i] for i in kept}
    check_classes(list(classes.values()))
    _check_apart(corpus, target)
    corpus = part(corpus, kept)
    preparation, note = choose_preparation(preparation, descriptor, corpus)
    notes += [note] if note else []
    corpora = [corpus] if target is None else [corpus, target]
    size = None if preparation.crop else frame_size(corpora)
    options = {"n_jobs": n_jobs, "cache_dir": cache_dir, "progress": progress}
    tables = [_extract(one, descriptor, preparation, options) for one in corpora]
    failures = pd.concat([table.failures for table in tables], ignore_index=True)
    named = [classes[key] for key in tables[0].clips["key"]]
    check_classes(named)
    measures = _measure(corpora, tables, preparation, options)
    limits = ClipLimits.from_rows(np.concatenate(measures))
    notes += _unanswered(limits, measures[0], tables[0].clips["key"])
    learner = _learner(classifier, descriptor, tables[0].feature_groups, target, random_state)

    # These take longer to load than a prediction, which does without.
    from cdmer.evaluation import benchmark
    from cdmer.models._judging import (
        calibrate,
        choose_protocol,
        evaluate,
        fold_failures,
        seen_people,
    )

    labels = LabelScheme.from_labels(named)
    rows = _Rows(tables, named, labels)
    protocol, left_out, doubt = choose_protocol(rows, n_folds, random_state)
    doubts = [one for one in (doubt, seen_people(corpus, target)) if one]
    notes += doubts
    doubt = "; ".join(doubts)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\d+ of \d+ jobs failed", UserWarning)
        results = benchmark(
            {_name(learner): learner},
            rows.tables,
            protocol,
            scheme=labels,
            seeds=[random_state],
            n_jobs=n_jobs,
            store=store,
            progress=progress,
        )
    notes += fold_failures(results)
    evaluation = evaluate(results, rows, left_out, doubt)
    evaluation |= {"scheme": scheme_name, "protocol": repr(protocol)}
    calibration, why = calibrate(results)
    notes += [why] if why else []
    fitted = _fit(learner, rows)
    steps = [one for _, one in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    model = fitted_model(
        make_pipeline(*preparation.steps(), descriptor, *steps),
        rows.X,
        labels.classes,
        rows.domain,
        rows.corpora,
        preparation=preparation,
        limits=limits,
        calibration=calibration,
        evaluation=evaluation,
    )
    return TrainedModel(replace(model, frame_size=size), results, failures, notes)


class _Rows:
    """Rows of features, labelled ones first; tables of them by corpus, for a benchmark.

    Target rows have the first class in place of labels: nothing reads it, and none are tested.
    """

    def __init__(self, tables, named, labels):
        self.unlabelled = []
        self.tables = _labelled(tables[0], named)
        taken = {table.corpus for table in self.tables}
        for table in tables[1:]:
            for one in _labelled(table, [labels.classes[0]] * len(table.features)):
                name = one.corpus
                while name in taken:
                    name += " (target)"
                taken.add(name)
                self.unlabelled.append(name)
                self.tables.append(replace(one, corpus=name))
        self.X = np.concatenate([table.features for table in self.tables])
        self.corpora = [t.corpus for t in self.tables for _ in range(len(t.features))]
        is_target = np.array([name in self.unlabelled for name in self.corpora])
        number = {table.corpus: i for i, table in enumerate(self.tables, start=1)}
        places = np.array([number[name] for name in self.corpora])
        self.domain = np.where(is_target, -places, places)
        given = [label for table in self.tables for label in table.clips["label"]]
        codes = np.array([labels.classes.index(label) for label in given])
        self.y = np.where(is_target, -1, codes)

    @property
    def sources(self):
        return [table for table in self.tables if table.corpus not in self.unlabelled]


def _labelled(table, named):
    """Tables by corpus, with classes in place of labels and without what might show them."""
    hidden = {"label": named, "action_units": "", "objective_class": None}
    clips = table.clips.assign(**hidden)
    return replace(table, clips=clips, failures=table.failures.iloc[:0]).split()


def _check_apart(corpus, target):
    """Refuse clips that are labelled and unlabelled at once."""
    shared = sorted({clip.key for clip in corpus} & {clip.key for clip in target or ()})
    if shared:
        raise ValueError(
            f"target: expected clips that are not in the corpus, got {counted(len(shared), 'clip')}"
            f" of it, such as {shared[0]!r}; who is left out must not be seen"
        )


def _extract(corpus, descriptor, preparation, options):
    with warnings.catch_warnings():  # failures are listed
        warnings.filterwarnings("ignore", r"\d+ of \d+ clips could not be described")
        return extract(corpus, descriptor, preparation=preparation, on_error="record", **options)


def _measure(corpora, tables, preparation, options):
    """Measures of the clips that were described, an array of rows per corpus."""
    as_recorded = replace(preparation, register=None, spot=None, magnify=None, n_frames=None)
    rows = []
    for corpus, table in zip(corpora, tables, strict=True):
        described = set(table.clips["key"])
        clips = part(corpus, [i for i, clip in enumerate(corpus) if clip.key in described])
        with warnings.catch_warnings():  # said of the same clips before
            warnings.simplefilter("ignore", SeveralFacesWarning)
            rows.append(_extract(clips, ClipMeasures(), as_recorded, options).features)
    return rows


def _unanswered(limits, rows, keys):
    """What to say of training clips that the model itself would give no class, a list of str."""
    found = [(key, limits.reason(row)) for key, row in zip(keys, rows, strict=True)]
    found = [(key, answer) for key, answer in found if answer is not None]
    if not found:
        return []
    key, (reason, detail) = found[0]
    return [
        f"{len(found)} of {counted(len(rows), 'clip')} would get no class of the model, though "
        f"they count in its scores; first {key!r}: {reason} ({detail})"
    ]


def _learner(classifier, descriptor, groups, target, random_state):
    """The classifier of rows, its seeds set."""
    if classifier is None:
        classifier = SVM if target is None else LABEL_FREE
    name = classifier
    if isinstance(classifier, str):
        classifier = make_learner(classifier, descriptor, groups)
    elif isinstance(classifier, type) or not hasattr(classifier, "fit"):
        raise TypeError(f"classifier: expected a name or a classifier, got {classifier!r}")
    else:
        name = _name(classifier)
    last = _last(classifier)
    takes = has_fit_parameter(last, "sample_domain")
    if target is not None and not takes:
        raise ParameterError(
            f"target: {name} does not adapt to clips without labels; take another method, such as "
            f"{LABEL_FREE!r}"
        )
    if target is None and takes and getattr(last, "reads_target", True):
        raise ParameterError(
            f"target: {name} adapts to clips without labels, expected some, got none"
        )
    open_seeds = [
        key
        for key, value in classifier.get_params().items()
        if key.split("__")[-1] == "random_state" and value is None
    ]
    return clone(classifier).set_params(**dict.fromkeys(open_seeds, random_state))


def _last(classifier):
    while isinstance(classifier, Pipeline):
        classifier = classifier.steps[-1][1]
    return classifier


def _name(learner):
    return type(_last(learner)).__name__


def _fit(learner, rows):
    """Fit to all rows; those of the target have no labels."""
    if not rows.unlabelled:
        return clone(learner).fit(rows.X, rows.y)
    with config_context(enable_metadata_routing=True):
        return clone(learner).fit(rows.X, rows.y, sample_domain=rows.domain)
