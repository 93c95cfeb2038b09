"""The field's metrics: pooled over folds, over a fixed class list.

Each function takes the pooled predictions of all folds. Averaging scores of folds is another number
under the same name: the same predictions of one published network give 0.735 pooled, 0.669 as the
mean of folds over the classes present, and 0.450 over all three classes per fold.
"""

import numpy as np

from cdmer.evaluation._metrics.checks import check_predictions
from cdmer.evaluation._metrics.counts import (
    f1_of_classes,
    uar_of_counts,
    uf1_of_counts,
    war_of_counts,
)


def confusion(y_true, y_pred, *, classes):
    """Confusion matrix: true classes in rows, predicted classes in columns.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_clips,)
        True and predicted class of each clip, in the same order.
    classes : sequence
        The protocol's fixed class list; classes are never taken from the data.

    Returns
    -------
    ndarray of int, shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If the lengths differ, there is no clip, or a value is not in `classes`.

    Examples
    --------
    >>> from cdmer.evaluation import confusion
    >>> confusion(["neg", "pos"], ["neg", "neg"], classes=["neg", "pos", "sur"])
    array([[1, 0, 0],
           [1, 0, 0],
           [0, 0, 0]])
    """
    true, predicted, n_classes = check_predictions(y_true, y_pred, classes)
    counts = np.bincount(true * n_classes + predicted, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def class_f1(y_true, y_pred, *, classes):
    """F1 of each class, ``2TP / (2TP + FP + FN)``; 0 for a class without clips and predictions.

    Parameters are those of `confusion`.

    Returns
    -------
    ndarray of float, shape (n_classes,)
    """
    return f1_of_classes(confusion(y_true, y_pred, classes=classes))


def uf1(y_true, y_pred, *, classes):
    """Unweighted F1: the plain mean of the classes' F1 over the pooled predictions.

    The metric of MEGC2019, and under the name M-F1 that of the CDMER benchmark. Parameters are
    those of `confusion`.

    Returns
    -------
    float

    References
    ----------
    J. See, M. H. Yap, J. Li, X. Hong, S.-J. Wang, "MEGC 2019: The Second Facial Micro-Expressions
    Grand Challenge", FG 2019, doi:10.1109/FG.2019.8756611.
    """
    return float(uf1_of_counts(confusion(y_true, y_pred, classes=classes)))


macro_f1 = uf1


def uar(y_true, y_pred, *, classes):
    """Unweighted average recall: the plain mean of the classes' recalls, not of their precisions.

    A class without clips has no recall and counts as 0. Parameters are those of `confusion`.

    Returns
    -------
    float
    """
    return float(uar_of_counts(confusion(y_true, y_pred, classes=classes)))


def war(y_true, y_pred, *, classes):
    """Weighted average recall, which is the accuracy. Parameters are those of `confusion`.

    Returns
    -------
    float
    """
    return float(war_of_counts(confusion(y_true, y_pred, classes=classes)))
