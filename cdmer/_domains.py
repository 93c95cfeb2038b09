"""Source rows and target rows, by the sign of `sample_domain`."""

import warnings
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

# Whether a fit that is under way has warned already: None outside of `warn_once`.
_WARNED = ContextVar("_WARNED", default=None)


@contextmanager
def warn_once(already=False):
    """Let all that is fitted inside warn of missing target rows once, or never.

    Parameters
    ----------
    already : bool, default=False
        Whether there is nothing to warn of: source rows alone are meant.
    """
    outer = _WARNED.get()
    token = _WARNED.set([already] if already or outer is None else outer)
    try:
        yield
    finally:
        _WARNED.reset(token)


def warn_without_target(domain):
    """Warn if numbers of domains were given and none of them is that of a target row.

    Parameters
    ----------
    domain : ndarray of int, shape (n_samples,)
    """
    state = _WARNED.get()
    if (domain < 0).any() or (state and state[0]):
        return
    if state:
        state[0] = True
    warnings.warn(
        "sample_domain: marks no target row, so nothing is adapted; expected >= 0 for source rows "
        f"and < 0 for target rows, such as 1 and -2, got {np.unique(domain)[:5].tolist()}. Where 0 "
        "means source and 1 target, pass -sample_domain; for source rows alone, pass None",
        stacklevel=2,
    )


def split_domains(y, sample_domain, n_samples, estimator_name, *, least_classes=2):
    """Find the source rows and read their labels, and theirs alone.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels. Entries of target rows may be anything and are never looked at.
    sample_domain : array-like of int of shape (n_samples,) or None
        ``>= 0`` for source rows, ``< 0`` for target rows; None makes every row a source row.
    n_samples : int
        Number of rows of X.
    estimator_name : str
        For messages.
    least_classes : int, default=2
        1 for estimators that know their classes without `y`.

    Returns
    -------
    source : ndarray of bool, shape (n_samples,)
        True for source rows.
    y_source : ndarray of shape (n_source,)
        Labels of the source rows in their order.

    Raises
    ------
    ValueError
        If y is missing, lengths differ, `sample_domain` is not made of integers, no row is a
        source row, or the source labels are not classes or only one class where two are needed.

    Warns
    -----
    UserWarning
        If `sample_domain` is given and marks no target row.
    """
    if y is None:
        raise ValueError(
            f"{estimator_name} requires y to be passed, but the target y is None: expected one "
            "label per row (those of target rows are not read)"
        )
    # pandas: its own NA in target rows must not decide the type of the others.
    labels = y if hasattr(y, "to_numpy") and hasattr(y, "take") else _as_column(y)
    if len(labels) != n_samples:
        raise ValueError(f"y: expected one label per row of X ({n_samples}), got {len(labels)}")

    if sample_domain is None:
        source = np.ones(n_samples, dtype=bool)
    else:
        domain = read_domain(sample_domain)
        if domain.shape != (n_samples,):
            raise ValueError(
                f"sample_domain: expected shape ({n_samples},), one number per row of X, "
                f"got {domain.shape}"
            )
        if domain.dtype.kind not in "iu":
            raise ValueError(
                f"sample_domain: expected integers (>= 0 source, < 0 target), got {domain.dtype}"
            )
        source = domain >= 0
        if not source.any():
            raise ValueError(
                "sample_domain: no source rows; expected at least one row with a number >= 0, "
                f"got {np.unique(domain).tolist()}"
            )
        warn_without_target(domain)

    if isinstance(labels, np.ndarray):
        y_source = labels[source]
    else:
        y_source = column_or_1d(labels.take(np.flatnonzero(source)).to_numpy(), warn=True)
    if y_source.dtype == object:  # np.asarray keeps ints as objects where a target row holds None
        y_source = np.asarray(y_source.tolist())
    y_source = check_array(
        y_source, ensure_2d=False, dtype=None, input_name="y", estimator=estimator_name
    )
    check_classification_targets(y_source)
    classes = np.unique(y_source)
    if len(classes) < least_classes:
        raise ValueError(
            f"y: {estimator_name} needs at least two classes among the source rows, got only one "
            f"class: {classes.tolist()}"
        )
    return source, y_source


def _as_column(y):
    return column_or_1d(y if hasattr(y, "ndim") else _ragged_free(y), warn=True)


def _ragged_free(y):
    """A list such as [0, 1, None] as an array; NumPy alone would make text of [0, "a"]."""
    array = np.asarray(y)
    return np.asarray(y, dtype=object) if array.dtype.kind in "US" and array.ndim == 1 else array


def source_mask(sample_domain, n_samples):
    """Find the source rows among rows to transform; None makes every row a target row.

    Raises
    ------
    ValueError
        If `sample_domain` is not made of integers, one per row.
    """
    if sample_domain is None:
        return np.zeros(n_samples, dtype=bool)
    domain = read_domain(sample_domain)
    if domain.shape != (n_samples,) or domain.dtype.kind not in "iu":
        raise ValueError(
            f"sample_domain: expected one integer per row of X, shape ({n_samples},), got "
            f"{domain.dtype} of shape {domain.shape}"
        )
    return domain >= 0


def read_domain(sample_domain):
    """Give numbers of domains as an ndarray; nullable integers of pandas are integers too."""
    if hasattr(sample_domain, "to_numpy"):
        sample_domain = sample_domain.to_numpy()
    return np.asarray(sample_domain)


def read_weights(sample_weight, source, y_source):
    """Read the weights of the source rows, and theirs alone.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,)
        Entries of target rows may be anything and are never looked at.
    source : ndarray of bool, shape (n_samples,)
    y_source : ndarray of shape (n_source,)
        Labels of the source rows.

    Returns
    -------
    ndarray of float64, shape (n_source,)

    Raises
    ------
    ValueError
        If there is not one per row, one of a source row is no finite number or negative, or a class
        has none above zero.
    """
    weights = read_domain(sample_weight)
    if weights.shape != source.shape:
        raise ValueError(
            f"sample_weight: expected one number per row of X, shape {source.shape}, got shape "
            f"{weights.shape}"
        )
    try:
        weights = weights[source].astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight: expected numbers, got {error}") from None
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            "sample_weight: expected finite numbers >= 0 for source rows, got "
            f"{weights[~(weights >= 0) | ~np.isfinite(weights)][0]}"
        )
    gone = np.setdiff1d(y_source, y_source[weights > 0]).tolist()
    if gone:
        raise ValueError(
            "sample_weight: expected some above zero in each class of the source rows, got none in "
            f"{gone}"
        )
    return weights
