"""The rows of X: checked, given their roles in a training, and put in order."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_array, validate_data

from cdmer._parameters import ParameterError
from cdmer._text import is_missing


class Rows(NamedTuple):
    """Rows of one fit by their roles.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
    codes : ndarray of int, shape (n_samples,)
        Position of each row's class; -1 for rows without a label.
    training, validation, target : ndarray of int
        Positions of the rows that are learnt from, that early stopping looks at, and that have no
        labels.
    class_weights : ndarray of float, shape (n_classes,)
        One on the mean of the training rows.
    """

    X: np.ndarray
    codes: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    target: np.ndarray
    class_weights: np.ndarray


def read_rows(model, X, reset):
    """Check the X of an estimator with the parameter `precision`.

    Parameters
    ----------
    model : estimator
        Learns the number and the names of columns, where X has such.
    X : array-like of shape (n_samples, ...)
    reset : bool
        Whether that is to be learnt, or compared.

    Returns
    -------
    ndarray of float32, or of float64 if that is the precision
        In C order: dropout draws in the order of memory, so that results would follow that of X.

    Raises
    ------
    ValueError
        As scikit-learn's `check_array` does.
    """
    dtype = np.float64 if model.precision == "float64" else np.float32
    if getattr(X, "ndim", 2) <= 2:
        if reset or hasattr(model, "n_features_in_"):
            return validate_data(model, X, dtype=dtype, order="C", reset=reset)
        return check_array(X, dtype=dtype, order="C", input_name="X", estimator=model)
    X = check_array(X, dtype=dtype, order="C", allow_nd=True, input_name="X", estimator=model)
    if reset:
        for name in ("n_features_in_", "feature_names_in_"):
            vars(model).pop(name, None)
    return X


def assign_roles(X, source, classes, codes, groups, settings, generator):
    """Split rows into training rows, those that early stopping looks at, and target rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
    source : ndarray of bool, shape (n_samples,)
    classes : ndarray of shape (n_classes,)
    codes : ndarray of int, shape (n_source,)
        Position of the class of each source row.
    groups : array-like of shape (n_samples,) or None
    settings : NetClassifier
        Its parameters are read.
    generator : torch.Generator
        Draws subjects.

    Returns
    -------
    Rows

    Raises
    ------
    ParameterError
        If early stopping lacks the subjects, or `class_weight` is wrong.
    """
    positions = np.flatnonzero(source)
    held = np.zeros(len(positions), dtype=bool)
    if settings.early_stopping:
        if groups is None:
            raise ParameterError(
                "groups: early stopping holds out whole subjects, expected the subject of "
                "each row, got None"
            )
        groups = np.asarray(groups)
        if groups.shape != source.shape:
            raise ParameterError(
                f"groups: expected shape {source.shape}, one subject per row of X, "
                f"got {groups.shape}"
            )
        missing = np.flatnonzero([is_missing(group) for group in groups] & source)
        if len(missing):
            raise ParameterError(
                f"groups: expected the subject of each source row, got {groups[missing[0]]!r} for "
                f"row {missing[0]}"
            )
        held = hold_out_subjects(groups[source], codes, settings.validation_fraction, generator)
    all_codes = np.full(len(X), -1)
    all_codes[source] = codes
    return Rows(
        X=X,
        codes=all_codes,
        training=positions[~held],
        validation=positions[held],
        target=np.flatnonzero(~source) if settings.reads_target else positions[:0],
        class_weights=scaled_class_weights(settings.class_weight, classes, codes[~held]),
    )


def hold_out_subjects(groups, codes, share, generator):
    """Choose subjects to validate on.

    Subjects come in random order until their rows are the share asked for. One without whom some
    class would be absent from the rows that stay is passed over.

    Parameters
    ----------
    groups : ndarray of shape (n,)
    codes : ndarray of int, shape (n,)
    share : float
    generator : torch.Generator

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each row belongs to one of them.

    Raises
    ------
    ValueError
        If no subject can be spared.
    """
    subjects, whose = np.unique(groups, return_inverse=True)
    n_classes = len(np.unique(codes))
    held = np.zeros(len(codes), dtype=bool)
    for subject in torch.randperm(len(subjects), generator=generator).tolist():
        more = held | (whose == subject)
        if len(np.unique(codes[~more])) == n_classes:
            held = more
        if held.sum() >= share * len(codes):
            break
    if not held.any():
        raise ValueError(
            "groups: early stopping needs a subject without whom every class still has training "
            f"rows, got {len(subjects)} subject(s) of which none can be spared"
        )
    return held


def scaled_class_weights(class_weight, classes, codes):
    """Weights of the classes, scaled so that the mean over the rows is one.

    Raises
    ------
    ParameterError
        If `class_weight` is no such setting, or leaves the rows without weight.
    """
    good = class_weight is None or isinstance(class_weight, dict) or class_weight == "balanced"
    if not good:
        raise ParameterError(
            f'class_weight: expected None, "balanced" or a dict of class to weight, '
            f"got {class_weight!r}"
        )
    try:
        weights = compute_class_weight(class_weight, classes=classes, y=classes[codes])
    except (TypeError, ValueError) as error:
        raise ParameterError(f"class_weight: {error}") from None
    mean = weights[codes].mean()
    if not np.isfinite(weights).all() or (weights < 0).any() or mean == 0:
        raise ParameterError(
            f"class_weight: expected numbers >= 0, not all of them zero, got {class_weight!r}"
        )
    return weights / mean


def epoch_batches(rows, batch_size, balanced, generator):
    """Go once through the rows, at random.

    With target rows each batch has as many rows of both; the shorter side begins anew, in another
    order, when it is used up. A last batch of one row, from which BatchNorm could learn no
    variance, is joined to the batch before.

    Parameters
    ----------
    rows : Rows
    batch_size : int
        Rows of each side per batch.
    balanced : bool
        Whether source rows are drawn with replacement, each class as often as any other.
    generator : torch.Generator

    Yields
    ------
    source, target : ndarray of int
        Positions of rows; `target` is empty if no row is a target row.
    """
    n_target = len(rows.target)
    length = max(len(rows.training), n_target)
    if balanced:
        codes = torch.from_numpy(rows.codes[rows.training])
        chances = 1 / torch.bincount(codes).double()[codes]
        order = torch.multinomial(chances, length, replacement=True, generator=generator).numpy()
    else:
        order = _shuffled(len(rows.training), length, generator)
    source = rows.training[order]
    target = rows.target[_shuffled(n_target, length if n_target else 0, generator)]
    starts = batch_starts(length, batch_size)
    for start, stop in zip(starts, [*starts[1:], length], strict=True):
        yield source[start:stop], target[start:stop]


def batch_starts(length, batch_size):
    """Where the batches of so many rows begin, a list of int."""
    starts = list(range(0, length, batch_size))
    if length - starts[-1] == 1 < min(batch_size, length):
        starts.pop()
    return starts


def _shuffled(n, length, generator):
    """Permutations of n positions, one after the other, cut to a length."""
    found = np.empty(0, dtype=np.int64)
    while len(found) < length:
        found = np.concatenate([found, torch.randperm(n, generator=generator).numpy()])
    return found[:length]
