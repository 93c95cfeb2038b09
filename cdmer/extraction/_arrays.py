"""What is known about rows of features from anywhere: checked, and as texts."""

import numpy as np
from sklearn.utils.validation import check_array

from cdmer._parameters import ParameterError
from cdmer._text import is_missing


def check_features(X, feature_names):
    """Check features and name their columns.

    Returns
    -------
    features : ndarray of float64, shape (n_rows, n_features)
    names : ndarray of str, shape (n_features,)

    Raises
    ------
    ValueError
        If X is no finite matrix, or names do not fit or occur twice.
    """
    features = check_array(X, dtype=np.float64, input_name="X", estimator="FeatureTable")
    if feature_names is None:
        columns = getattr(X, "columns", [f"x{i}" for i in range(features.shape[1])])
        feature_names = [str(column) for column in columns]
    names = np.asarray(feature_names, dtype=str)
    if names.shape != features.shape[1:]:
        raise ValueError(
            f"feature_names: expected {features.shape[1]}, one per column of X, got shape "
            f"{names.shape}"
        )
    check_distinct("feature_names", names)
    return features, names


def check_finite(features, keys):
    """Refuse features that are NaN or infinite, and name the first."""
    with np.errstate(all="ignore"):
        if np.isfinite(features.sum()):  # far less than asking each
            return
    row, column = next(zip(*np.nonzero(~np.isfinite(features)), strict=True), (None, None))
    if row is not None:
        raise ValueError(
            f"features: expected finite numbers, got {features[row, column]} in row {row}, column "
            f"{column} (clip {keys.iloc[row]!r})"
        )


def check_distinct(argument, names):
    """Refuse names that occur twice."""
    found, counts = np.unique(np.asarray(names, dtype=str), return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{argument}: {str(found[counts > 1][0])!r} occurs twice")


def texts(argument, values, n_rows, *, required=False):
    """Give a text per row; "" where it is missing.

    Parameters
    ----------
    argument : str
        For messages.
    values : str, array-like of shape (n_rows,) or None
        One string stands for all rows.
    n_rows : int
    required : bool, default=False
        Whether none may be missing.

    Raises
    ------
    ValueError
        If there is not one per row, or one is missing that must not be.
    """
    if isinstance(values, str | None):
        values = [values] * n_rows
    values = list(values)
    if len(values) != n_rows:
        raise ValueError(f"{argument}: expected one per row of X ({n_rows}), got {len(values)}")
    found = ["" if is_missing(value) else _text(argument, value) for value in values]
    if required and "" in found:
        raise ValueError(
            f"{argument}: expected a text in every row, got {values[found.index('')]!r} in row "
            f"{found.index('')}"
        )
    return found


def _text(argument, value):
    if isinstance(value, bool | np.bool_ | int | np.integer | str):
        return str(value).strip()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # a column of integers in which some are missing
    raise ParameterError(
        f"{argument}: expected texts or whole numbers, got {value!r} of type {type(value).__name__}"
    )
