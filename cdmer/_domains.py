"""Source rows and target rows, by the sign of `sample_domain`."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d


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
    """
    if y is None:
        raise ValueError(
            f"{estimator_name} requires y to be passed, but the target y is None: expected one "
            "label per row (those of target rows are not read)"
        )
    labels = _as_column(y)
    if len(labels) != n_samples:
        raise ValueError(f"y: expected one label per row of X ({n_samples}), got {len(labels)}")

    if sample_domain is None:
        source = np.ones(n_samples, dtype=bool)
    else:
        domain = np.asarray(sample_domain)
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

    y_source = labels[source]
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
    if hasattr(y, "iloc"):  # pandas: its own NA must not meet NumPy's casting rules
        y = y.to_numpy()
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
    domain = np.asarray(sample_domain)
    if domain.shape != (n_samples,) or domain.dtype.kind not in "iu":
        raise ValueError(
            f"sample_domain: expected one integer per row of X, shape ({n_samples},), got "
            f"{domain.dtype} of shape {domain.shape}"
        )
    return domain >= 0
