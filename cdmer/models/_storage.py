"""Models in files: skops' archive of the pipeline, and a document with classes and versions."""

import hashlib
import io
import json
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from cdmer._files.archives import open_archive
from cdmer._files.kinds import is_model
from cdmer._files.reading import parse_json, read_regular
from cdmer._files.writing import atomic_file, remove_unfinished
from cdmer._parameters import check_number
from cdmer._workers import one_blas_thread
from cdmer.models._building import build_objects
from cdmer.models._fitted import FittedModel, fitted_model, library_versions
from cdmer.models._fitted_state import check_state
from cdmer.models._parts import score_classes, take_apart
from cdmer.models._records import check_fields, from_records, to_records
from cdmer.models._schema import check_protocol, check_schema, refused_types
from cdmer.models._trust import UntrustedModelError, import_skops

_FORMAT, _VERSION = "cdmer.FittedModel", 3
_DOCUMENT = "model.json"


def save_model(
    path,
    pipeline,
    training,
    *,
    class_names=None,
    sample_domain=None,
    corpora=None,
    preparation=None,
    limits=None,
    calibration=None,
    evaluation=None,
):
    """Save a fitted pipeline for use on new clips.

    Parameters
    ----------
    path : path-like
        The file, whole or not at all; a model that is there is replaced. Nothing is appended to the
        name.
    pipeline : Pipeline
        Fitted. It takes clips: steps from clip to clip, a descriptor, learned steps, a classifier.
        Where features were computed apart, ``make_pipeline(descriptor, classifier)`` joins what
        gave them and what was fitted on them.
    training : sequence of clips, or array of shape (n_rows, n_features)
        Clips that it was fitted on, whose frames are read, or the rows that its descriptor gave for
        them. `predict_clip` replaces regions by their mean.
    class_names : sequence of str, default=None
        Names that the numbers in ``pipeline.classes_`` are positions of, such as ``classes`` of a
        label scheme. May be left out if the classes are names already.
    sample_domain : array-like of int of shape (n_rows,), default=None
        As in `fit`: ``>= 0`` for source rows, ``< 0`` for target rows. The mean is that of the
        target rows if there are any, because a new clip counts as one. None: all are source rows.
    corpora : sequence of str of length n_rows, default=None
        Corpus of each row, for the record. None: those that the clips name.
    preparation : Preparation, default=None
        What happened to the recordings, for the record and for those who read new ones. Its steps
        belong in front of the pipeline.
    limits : ClipLimits, default=None
        What clips must be like for `predict_clip` to name a class. None: learnt from `training`, if
        that is clips; otherwise the model has none.
    calibration : Calibration, default=None
        What turns scores into probabilities. None: the model has none.
    evaluation : dict, default=None
        How well the pipeline does on people left out, for the record: plain JSON, without paths.

    Returns
    -------
    FittedModel
        Result of `load_model` for the file.

    Raises
    ------
    ImportError
        If skops is missing: ``pip install "cdmer[models]"``.
    NotFittedError
        A ValueError: if the pipeline is not fitted.
    ValueError
        If it gives no score per class, names and classes do not fit together, `training` is not
        what its descriptor takes or gives, or it holds what `load_model` would refuse, such as
        functions and classes of the caller's own, forests, and arrays with NaN. Nothing is written
        then.
    FileExistsError
        If a file is there that is no model.
    OSError
        If the folder does not exist or cannot be written to.

    Notes
    -----
    The file is a ZIP archive in skops' format, without pickles; ``model.json`` in it holds classes,
    corpora, versions, preparation, limits, calibration and evaluation, and a digest by which
    `load_model` notices a file that was damaged.

    Many classifiers are made of the rows that they were fitted on: support vectors, and the rows
    that a kernel compares with. A model then holds features of the clips of real people, and who
    gets the file gets these; ``keeps_training_rows`` of the result, and of ``model.json``, says so.
    There are no frames, paths, and names of people in a model.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.pipeline import make_pipeline
    >>> from cdmer.adaptation import SourceOnly
    >>> from cdmer.corpora import get_scheme, make_synthetic_corpus, pack
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> from cdmer.models import load_model, predict_clip, save_model
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=6, n_subjects=2, random_state=0)
    >>> clips, y, _ = pack(corpus, [], "cdmer-130")
    >>> pipeline = make_pipeline(LBPTOP(grid=RegionGrid((1, 2))), SourceOnly()).fit(clips, y)
    >>> classes = get_scheme("cdmer-130").classes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.skops")
    ...     save_model(path, pipeline, clips, class_names=classes).keeps_training_rows
    ...     predict_clip(load_model(path), corpus[0]).label
    True
    'surprise'
    """
    import_skops()  # before the work
    model = fitted_model(
        pipeline,
        training,
        class_names,
        sample_domain,
        corpora,
        preparation=preparation,
        limits=limits,
        calibration=calibration,
        evaluation=evaluation,
    )
    return write_model(path, model)


def write_model(path, model):
    """Write a model to a file, and give it back: see `save_model`."""
    skops, pipeline = import_skops(), model.pipeline
    try:
        data = skops.dumps({"pipeline": pipeline, "reference": model.reference})
    except Exception as error:  # each type of object fails in its own way
        raise ValueError(
            f"pipeline: skops cannot save it, {type(error).__name__}: {error}"
        ) from error
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        schema = json.loads(archive.read("schema.json"))
        check_protocol(schema)
        refused = refused_types(schema)
        if refused:
            raise ValueError(
                f"pipeline: expected estimators of cdmer, those of scikit-learn that load_model "
                f"can check, and plain parameters, got {', '.join(refused)}, which load_model "
                "would refuse"
            )
        check_state(pipeline)
        document = _to_document(model)
        document["digest"] = _digest(archive, document)
        archive.writestr(_DOCUMENT, json.dumps(document, indent=2))
    path = Path(path)
    with atomic_file(path, is_model) as file:
        file.write(buffer.getbuffer())
    remove_unfinished(path.parent, re.escape(path.name))
    return model


def load_model(path, *, max_bytes=2**30):
    """Read a model that `save_model` has written.

    The file may come from anybody. Only types from a list are built: estimators of cdmer and
    scikit-learn, arrays and plain data. A file that asks for anything else, such as a function, is
    refused before anything is built. Then, before anything is computed, the state of every
    estimator is checked: finite numbers, shapes that fit together, and all numbers by which
    compiled code (libsvm) finds its way in memory. What a model predicts is up to who made it.

    Parameters
    ----------
    path : path-like
        The file.
    max_bytes : int, default=2**30
        Largest size in memory of what is read from the file.

    Returns
    -------
    FittedModel

    Warns
    -----
    UserWarning
        If cdmer, NumPy, SciPy or scikit-learn had another version when the model was saved.

    Raises
    ------
    UntrustedModelError
        A ValueError: if the file asks for other types.
    ValueError
        If it is no model, no regular file, damaged, of another version of the format, larger than
        `max_bytes`, or what is in it is not the state of a fitted pipeline. The message names it.
    OSError
        If it cannot be read.
    """
    check_number("max_bytes", max_bytes, least=1, whole=True)
    path = Path(path)
    data = read_regular(path, max_bytes)
    try:
        with (
            open_archive(io.BytesIO(data), "archive", most_bytes=max_bytes) as archive,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # one per estimator
            document = _read_document(archive)
            schema = check_schema(archive, max_bytes)
            model = _from_document(document, **build_objects(schema, archive))
    except UntrustedModelError as error:
        raise UntrustedModelError(f"{path}: refused, {str(error).splitlines()[0]}") from error
    except Exception as error:  # whatever a damaged or crafted file makes zipfile or NumPy say
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        message = " ".join(str(error).split())
        raise ValueError(f"{path}: no model, or damaged; {kind}{message}") from error
    _compare_versions(path, model.versions)
    return model


def _to_document(model):
    return {
        "format": _FORMAT,
        "format_version": _VERSION,
        "classes": model.classes,
        "sources": model.sources,
        "targets": model.targets,
        "frame_size": model.frame_size,
        "keeps_training_rows": model.keeps_training_rows,
        "versions": model.versions,
        **to_records(model),
    }


def _digest(archive, document):
    """SHA-256 of a document, and of the names, sizes and check sums of what it came with.

    It tells accidents from what was saved, and no more: anybody can compute it. Whatever reads a
    member compares its content with the check sum.
    """
    content = {name: value for name, value in document.items() if name != "digest"}
    members = sorted(
        (info.filename, info.file_size, info.CRC)
        for info in archive.infolist()
        if info.filename != _DOCUMENT
    )
    return hashlib.sha256(json.dumps([content, members], sort_keys=True).encode()).hexdigest()


def _read_document(archive):
    """Document of an archive, checked to be that of a model which is as it was saved."""
    document = parse_json(archive.read(_DOCUMENT), _DOCUMENT)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        found = document.get("format") if isinstance(document, dict) else document
        raise ValueError(f"expected the format {_FORMAT}, got {found!r}")
    if document["format_version"] != _VERSION:
        raise ValueError(
            f"expected version {_VERSION} of the format, got {document['format_version']!r}; it "
            f"was saved by cdmer {document.get('versions', {}).get('cdmer')}: fit and save it again"
        )
    if document["digest"] != _digest(archive, document):
        raise ValueError("what is in the file is not what was saved, by its digest")
    return document


def _from_document(document, pipeline, reference):
    classes, size = document["classes"], document["frame_size"]
    if not _are_names(classes) or len(set(classes)) != len(classes):
        raise ValueError(f"expected distinct names of the classes, got {classes!r}")
    for corpora in (document["sources"], document["targets"]):
        if not _are_names(list(corpora)) or not all(type(n) is int for n in corpora.values()):
            raise ValueError(f"expected the numbers of clips of corpora, got {corpora!r}")
    versions = document["versions"]
    if not _are_names(list(versions.values())):
        raise ValueError(f"expected versions of libraries, got {versions!r}")
    if size is not None and [type(n) for n in size] != [int, int]:
        raise ValueError(f"expected height and width of frames, got {size!r}")
    size = None if size is None else tuple(size)
    check_state([pipeline, reference])
    model = FittedModel(
        pipeline,
        tuple(classes),
        reference,
        document["sources"],
        document["targets"],
        size,
        versions,
        **from_records(document),
    )
    if len(classes) != len(pipeline.classes_):
        raise ValueError(f"expected a name for each class, got {classes!r}")
    if document["keeps_training_rows"] is not model.keeps_training_rows:
        raise ValueError(f"expected keeps_training_rows {model.keeps_training_rows}")
    check_fields(model)
    _check_parts(model)
    return model


def _check_parts(model):
    """Check that the parts of a model fit together, its scores for a row included."""
    parts = take_apart(model.pipeline)
    expected = None if parts is None else parts.descriptor.feature_groups_.shape
    if (None if model.reference is None else np.shape(model.reference)) != expected:
        raise ValueError(f"expected a reference of shape {expected}")
    if parts is not None:
        # For one row, waiting for threads would take longer than computing.
        with warnings.catch_warnings(), one_blas_thread():
            warnings.simplefilter("ignore")
            score_classes(parts.classifier, model.reference[None])


def _are_names(names):
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def _compare_versions(path, versions):
    here = library_versions()
    changed = [f"{n} {v}, here {here.get(n)}" for n, v in versions.items() if here.get(n) != v]
    if changed:
        warnings.warn(
            f"{path}: saved with {'; '.join(changed)}; predictions may differ, or fail",
            stacklevel=3,
        )
