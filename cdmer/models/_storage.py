"""Models in files: skops' archive of the pipeline, and a document with classes and versions."""

import io
import json
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from cdmer._files.writing import atomic_file, remove_unfinished
from cdmer._parameters import check_number
from cdmer.models._fitted import FittedModel, fitted_model, library_versions
from cdmer.models._parts import take_apart
from cdmer.models._trust import (
    UntrustedModelError,
    check_size,
    import_skops,
    read_json,
    trusted_types,
)

_FORMAT, _VERSION = "cdmer.FittedModel", 1
_DOCUMENT = "model.json"


def save_model(path, pipeline, training, *, class_names=None, sample_domain=None, corpora=None):
    """Save a fitted pipeline for use on new clips.

    Parameters
    ----------
    path : path-like
        The file, whole or not at all; an existing one is replaced. Nothing is appended to the name.
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
        what its descriptor takes or gives, or it holds objects that `load_model` would refuse,
        such as functions and classes of the caller's own, and forests. Nothing is written then.
    OSError
        If the folder does not exist or cannot be written to.

    Notes
    -----
    The file is a ZIP archive in skops' format, without pickles; ``model.json`` in it holds classes,
    corpora and versions.

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
    ...     save_model(path, pipeline, clips, class_names=classes)
    ...     predict_clip(load_model(path), corpus[0]).label
    FittedModel(negative, positive, surprise; fitted on webcam-25fps (6 clips))
    'surprise'
    """
    skops = import_skops()
    model = fitted_model(pipeline, training, class_names, sample_domain, corpora)
    try:
        data = skops.dumps({"pipeline": pipeline, "reference": model.reference})
    except Exception as error:  # each type of object fails in its own way
        raise ValueError(
            f"pipeline: skops cannot save it, {type(error).__name__}: {error}"
        ) from error
    refused = sorted(set(skops.get_untrusted_types(data=data)) - set(trusted_types()))
    if refused:
        raise ValueError(
            f"pipeline: expected cdmer's and scikit-learn's own estimators and plain parameters, "
            f"got {', '.join(refused)}, which load_model would refuse"
        )
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(_DOCUMENT, json.dumps(_to_document(model), indent=2))
    path = Path(path)
    with atomic_file(path) as file:
        file.write(buffer.getbuffer())
    remove_unfinished(path.parent, re.escape(path.name))
    return model


def load_model(path, *, max_bytes=2**30):
    """Read a model that `save_model` has written.

    Only types from a list are built: the estimators of cdmer and scikit-learn, arrays and plain
    data. A file that asks for anything else, such as a function, is refused before anything is
    built. The numbers in a file are not checked.

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
    ImportError
        If skops is missing: ``pip install "cdmer[models]"``.
    UntrustedModelError
        A ValueError: if the file asks for other types.
    ValueError
        If it is no model, truncated or changed, of another version of the format, or larger than
        `max_bytes`. The message names it.
    OSError
        If it cannot be read.
    """
    check_number("max_bytes", max_bytes, least=1, whole=True)
    skops = import_skops()
    path = Path(path)
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path}: expected a model of at most {max_bytes} bytes (max_bytes)")
    data = path.read_bytes()
    try:
        document = _read_document(data, max_bytes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # one per estimator
            content = skops.loads(data, trusted=trusted_types())
        model = _from_document(document, **content)
    except skops.exceptions.UntrustedTypesFoundException as error:
        raise UntrustedModelError(f"{path}: refused, {str(error).splitlines()[0]}") from error
    except Exception as error:  # whatever a damaged or crafted file makes zipfile or NumPy say
        raise ValueError(
            f"{path}: no model, or damaged; {type(error).__name__}: {error}"
        ) from error
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
        "versions": model.versions,
    }


def _read_document(data, max_bytes):
    """Document of an archive, checked to be a model that may be read."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        document = read_json(archive, _DOCUMENT)
        if document["format"] != _FORMAT:
            raise ValueError(f"expected the format {_FORMAT}, got {document['format']!r}")
        if document["format_version"] != _VERSION:
            raise ValueError(
                f"expected version {_VERSION} of the format, got {document['format_version']!r}; "
                f"it was saved by cdmer {document.get('versions', {}).get('cdmer')}"
            )
        check_size(archive, max_bytes)
    return document


def _from_document(document, pipeline, reference):
    classes, size = tuple(document["classes"]), document["frame_size"]
    model = FittedModel(
        pipeline,
        classes,
        reference,
        dict(document["sources"]),
        dict(document["targets"]),
        None if size is None else (int(size[0]), int(size[1])),
        dict(document["versions"]),
    )
    if len(classes) != len(pipeline.classes_) or not all(isinstance(c, str) for c in classes):
        raise ValueError(f"expected a name for each class, got {classes!r}")
    parts = take_apart(pipeline)
    expected = None if parts is None else parts.descriptor.feature_groups_.shape
    if (None if reference is None else np.shape(reference)) != expected:
        raise ValueError(f"expected a reference of shape {expected}")
    return model


def _compare_versions(path, versions):
    here = library_versions()
    changed = [f"{n} {v}, here {here.get(n)}" for n, v in versions.items() if here.get(n) != v]
    if changed:
        warnings.warn(
            f"{path}: saved with {'; '.join(changed)}; predictions may differ, or fail",
            stacklevel=3,
        )
