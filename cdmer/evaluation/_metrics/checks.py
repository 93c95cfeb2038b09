"""Checks that keep predictions, clips and classes together."""

import numpy as np


def check_predictions(y_true, y_pred, classes):
    """Turn class labels into positions in the class list.

    Returns
    -------
    true, predicted : ndarrays of int, shape (n_clips,)
    n_classes : int

    Raises
    ------
    ValueError
        See `cdmer.evaluation.confusion`.
    """
    index_true, index_pred = getattr(y_true, "index", None), getattr(y_pred, "index", None)
    indexed = hasattr(index_true, "equals") and hasattr(index_pred, "equals")  # pandas, not lists
    if indexed and not index_true.equals(index_pred):
        raise ValueError(
            "y_pred: its index differs from that of y_true; align both to one order of clips"
        )
    classes = list(classes)
    if len(classes) < 2 or len(set(classes)) != len(classes):
        raise ValueError(f"classes: expected at least two distinct classes, got {classes}")
    true = _positions(y_true, classes, "y_true")
    predicted = _positions(y_pred, classes, "y_pred")
    if len(true) != len(predicted):
        raise ValueError(f"y_pred: expected {len(true)} values as in y_true, got {len(predicted)}")
    return true, predicted, len(classes)


def _positions(values, classes, name):
    values = np.asarray(values)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name}: expected a list of classes, one per clip, got {values.shape}")
    place = {c: i for i, c in enumerate(classes)}
    try:
        return np.array([place[v] for v in values.tolist()])
    except KeyError as error:
        raise ValueError(f"{name}: expected classes of {classes}, got {error.args[0]!r}") from None
