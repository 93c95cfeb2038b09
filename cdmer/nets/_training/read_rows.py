"""Reading X, in which rows are numbers or arrays of several axes."""

import numpy as np
from sklearn.utils.validation import check_array, validate_data


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
