"""What records of a store hold: types, ranges and lengths, whoever wrote them."""

import math

import numpy as np

# Tables of counts take the square of it, for every job.
MOST_CLASSES = 100
_MOST_SEED = 2**32 - 1
_MOST_LEVEL = 64
_MOST_REPEATED = 2**22
# Texts of a fold in a configuration, and their names in tables of results.
_FOLD = ("experiment", "kind", "source", "target", "name")
_ABOUT = (*_FOLD[:4], "fold")


def check_info(info):
    """Check what was asked for in a run.

    Parameters
    ----------
    info : object
        See `Results.info`. Entries that are not known here may be anything.

    Raises
    ------
    ValueError
        If an entry is missing that lists of runs and results are made from, or one is of another
        kind.
    """
    for path, (needed, good, what) in _INFO.items():
        value, *names = info, *path.split(".")
        while names and isinstance(value, dict) and names[0] in value:
            value = value[names.pop(0)]
        if names and needed:
            raise ValueError(f"info: expected an entry {path!r}, got none")
        if not names and not good(value):
            raise ValueError(f"info: expected {what} in {path!r}, got {value!r:.60}")
    unknown = set(info.get("order", ())) - set(info.get("methods", ()))
    if unknown:
        raise ValueError(f"info: no method in 'methods' is called {min(unknown)!r:.60}")


def check_config(config):
    """Check those parts of a job's configuration that results are made from.

    Returns
    -------
    dict
        ``experiment, kind, source, target, fold, selection, seed``.

    Raises
    ------
    ValueError
        If one is missing or of another kind.
    """
    fold = config.get("fold") if isinstance(config, dict) else None
    texts = list(map(fold.get, _FOLD)) if isinstance(fold, dict) else [None]
    if set(map(type, texts)) != {str}:
        raise ValueError(f"config: expected a fold with the texts {_FOLD}")
    if texts[0] == "mean":
        raise ValueError("config: expected another experiment than 'mean', which tables add")
    seed = config.get("seed", "")
    if not _is_text(config.get("selection")) or not (seed is None or _is_count(seed, _MOST_SEED)):
        raise ValueError("config: expected a text as selection and a whole number as seed, or none")
    about = dict(zip(_ABOUT, texts, strict=True))
    about["selection"], about["seed"] = config["selection"], seed
    return about


def check_details(details, seconds, error):
    """Check what is kept beside predictions: see `JobResult`.

    Raises
    ------
    ValueError
        If something is of another kind.
    """
    if not isinstance(details, dict):
        raise ValueError(f"details: expected names and values, got {details!r:.60}")
    for name in _DETAILS.keys() & details.keys():
        good, what = _DETAILS[name]
        if not good(details[name]):
            raise ValueError(f"details: expected {what} in {name!r}, got {details[name]!r:.60}")
    if not _are_seconds(seconds):
        raise ValueError(f"seconds: expected numbers by name, got {seconds!r:.60}")
    if error is None:
        return
    parts = {"type", "message", "traceback"}
    if not (_is_dict_of(_is_text)(error) and set(error) == parts):
        raise ValueError(f"error: expected the texts {sorted(parts)}, got {error!r:.60}")


def check_codes(name, values, shape, least, n_classes):
    """Check positions in the class list.

    Parameters
    ----------
    name : str
        For messages.
    values : tuple
    shape : tuple of int
    least : int
        -1 where there may be abstentions, else 0.
    n_classes : int

    Raises
    ------
    ValueError
        If they are no whole numbers of this shape, or out of range.
    """
    if len(shape) == 1 and len(values) == shape[0] and set(map(type, values)) == {int}:
        found = set(values)
        if min(found) >= least and max(found) < n_classes:  # most, in a third of the time
            return
    try:
        codes = np.array(values)
    except (ValueError, OverflowError):  # lists of several lengths
        codes = np.empty(0)
    good = codes.dtype.kind == "i" and codes.shape == shape
    if not good or (codes.size and not least <= codes.min() <= codes.max() < n_classes):
        raise ValueError(
            f"{name}: expected whole numbers from {least} to {n_classes - 1} in shape {shape}, got "
            f"{values!r:.60}"
        )


def check_test_set(clips, corpora, subjects, truth):
    """Check names and truth of tested clips, which are tuples.

    Raises
    ------
    ValueError
        If there are none, lengths differ, or names are no texts.
    """
    parts = (clips, corpora, subjects, truth)
    if not clips or len({len(part) for part in parts}) > 1:
        raise ValueError("test set: expected one clip or more, and as many of everything")
    if not all(_is_text(name) for part in parts[:3] for name in part):
        raise ValueError("test set: expected texts as clips, corpora and subjects")


def check_truth(test_sets, scheme):
    """Check the true classes of test sets against a scheme: ``classes`` and ``multilabel``.

    Raises
    ------
    ValueError
        If they are none of it.
    """
    n_classes = len(scheme["classes"])
    for test_set in test_sets:
        n_clips = len(test_set.clips)
        if scheme["multilabel"]:
            check_codes("test set: truth", test_set.truth, (n_clips, n_classes), 0, 2)
        else:
            check_codes("test set: truth", test_set.truth, (n_clips,), 0, n_classes)


def check_repeats(named, distinct):
    """Bound what a run takes that names jobs again and again.

    Parameters
    ----------
    named, distinct : iterable of JobResult
        As often as the run names them, and each once.

    Raises
    ------
    ValueError
        If those that come again hold too many predictions.
    """
    repeated = sum(len(job.predicted or ()) for job in named)
    repeated -= sum(len(job.predicted or ()) for job in distinct)
    if repeated > _MOST_REPEATED:
        raise ValueError(
            f"jobs: expected at most {_MOST_REPEATED} predictions of jobs that several methods "
            f"name, got {repeated}"
        )


def check_embedding(arrays, n_classes=None):
    """Check arrays of rows before and after adaptation: see `JobResult`.

    Raises
    ------
    ValueError
        If there are others, or types, shapes or values do not fit.
    """
    kinds = {"before": "f", "after": "f", "target": "b", "codes": "iu"}
    if set(arrays) != set(kinds):
        raise ValueError(f"embedding: expected {sorted(kinds)}, got {sorted(arrays)!r:.60}")
    for name, kind in kinds.items():
        array = arrays[name]
        shape = (len(arrays["codes"]), 2) if kind == "f" else arrays["codes"].shape
        if array.dtype.kind not in kind or arrays["codes"].ndim != 1 or array.shape != shape:
            raise ValueError(f"embedding: {name}: got {array.dtype} of shape {array.shape}")
        if kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"embedding: {name}: expected finite numbers")
    codes = arrays["codes"]
    if n_classes is not None and len(codes) and not 0 <= codes.min() <= codes.max() < n_classes:
        raise ValueError(f"embedding: codes: expected 0 to {n_classes - 1}")


def _is_text(value):
    return isinstance(value, str)


def _is_text_or_none(value):
    return value is None or isinstance(value, str)


def _is_flag(value):
    return isinstance(value, bool)


def _is_dict(value):
    return isinstance(value, dict)


def _is_count(value, most=2**62):
    return type(value) is int and 0 <= value <= most


def _is_number(value):
    return (type(value) is int and abs(value) < 2**62) or (
        type(value) is float and math.isfinite(value)
    )


def _is_list_of(good):
    return lambda value: isinstance(value, list) and all(map(good, value))


def _is_dict_of(good):
    return lambda value: isinstance(value, dict) and all(map(good, value.values()))


def _is_class_list(value):
    return (
        _is_list_of(_is_text)(value)
        and 0 < len(value) <= MOST_CLASSES
        and len(set(value)) == len(value)
    )


def _is_corpus(value):
    counts = ("n_clips", "n_subjects", "n_failed")
    return (
        isinstance(value, dict)
        and all(_is_text(value.get(name)) for name in ("name", "digest"))
        and all(_is_count(value.get(name)) for name in counts)
        and _is_dict_of(_is_count)(value.get("counts"))
    )


def _is_method(value):
    return isinstance(value, dict) and "estimator" in value and _is_text(value.get("citation", ""))


def _are_regions(value):
    if value is None:
        return True
    levels = value.get("levels") if isinstance(value, dict) else None
    return (
        _is_list_of(lambda level: _is_count(level, _MOST_LEVEL) and level > 0)(levels)
        and 0 < len(levels) <= _MOST_LEVEL
    )


_are_seconds = _is_dict_of(_is_number)
# By path: whether it has to be there, what it must be, and that in words.
_INFO = {
    "title": (True, _is_text, "a text"),
    "protocol.class": (True, _is_text, "a text"),
    "protocol.parameters": (False, _is_dict, "names and values"),
    "protocol.words": (False, _is_text, "a text"),
    "protocol.allows_unlabelled_target": (False, _is_flag, "true or false"),
    "scheme.name": (True, _is_text, "a text"),
    "scheme.classes": (True, _is_class_list, f"1 to {MOST_CLASSES} different texts"),
    "scheme.multilabel": (True, _is_flag, "true or false"),
    "corpora": (False, _is_list_of(_is_corpus), "a list of corpora with counts"),
    "descriptor": (False, _is_text_or_none, "a text"),
    "methods": (False, _is_dict_of(_is_method), "estimators by name"),
    "order": (False, _is_list_of(_is_text), "a list of texts"),
    "seeds": (False, _is_list_of(lambda v: _is_count(v, _MOST_SEED)), "a list of whole numbers"),
    "versions": (False, _is_dict_of(_is_text), "texts by name"),
    "notes": (False, _is_list_of(_is_text), "a list of texts"),
    "regions": (False, _are_regions, f"levels of 1 to {_MOST_LEVEL} rows of regions"),
    "command": (False, _is_text, "a text"),
    "config": (False, _is_text, "a text"),
}
_DETAILS = {
    "params": (lambda v: v is None or isinstance(v, dict), "names and values"),
    "region_weights": (_is_list_of(_is_number), "a list of numbers"),
    "score_kind": (_is_text, "a text"),
    "n_parameters": (_is_count, "a whole number"),
    "usage": (_is_dict_of(_is_count), "whole numbers by name"),
    "abstentions": (_is_dict_of(_is_count), "whole numbers by name"),
}
