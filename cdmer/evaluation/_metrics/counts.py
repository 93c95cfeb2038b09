"""Metrics of counts, for many confusion matrices at once.

A confusion matrix has true classes in rows and predicted classes in columns. Action units, of which
a clip shows several, have one 2 x 2 matrix each, absent first. Matrices of C classes may have
C + 1 columns: the last one counts abstentions, which are wrong, and about the true class alone.
"""

import numpy as np

ABSTAINED = "abstained"


def f1_of_classes(counts):
    """F1 of each class, 0 where no clip is involved: shape (..., C, C) to shape (..., C)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * hits, involved_of_classes(counts))


def involved_of_classes(counts):
    """Clips of a class plus clips predicted to be of it: (..., C, C) to (..., C)."""
    return counts.sum(axis=-1) + counts[..., : counts.shape[-2]].sum(axis=-2)


def count_pairs(place, true, predicted, shape):
    """Count true against predicted classes.

    Parameters
    ----------
    place : ndarray of int, shape (n_predictions,)
        Which of the matrices each prediction counts in.
    true, predicted : ndarray of int, shape (n_predictions,)
        Positions in the class list; a prediction of -1 is an abstention.
    shape : tuple of int
        ``(..., C, C)``, or ``(..., C, C + 1)`` where there are abstentions.

    Returns
    -------
    ndarray of int
    """
    n_classes, n_columns = shape[-2:]
    column = np.where(predicted < 0, n_classes, predicted)
    flat = (place * n_classes + true) * n_columns + column
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def named_columns(counts, classes):
    """Counts and the names of their columns, without one for abstentions if there are none."""
    n = len(classes)
    if counts[:, n:].any():
        return counts, [*classes, ABSTAINED]
    return counts[:, :n], list(classes)


def uf1_of_counts(counts):
    """UF1: counts of shape (..., C, C) to shape (...)."""
    return f1_of_classes(counts).mean(axis=-1)


def uar_of_counts(counts):
    """UAR: counts of shape (..., C, C) to shape (...); a class without clips counts as 0."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(hits, counts.sum(axis=-1)).mean(axis=-1)


def war_of_counts(counts):
    """Accuracy: counts of shape (..., C, C) to shape (...)."""
    hits = np.trace(counts, axis1=-2, axis2=-1)
    return _ratio(hits, counts.sum(axis=(-1, -2)))


def macro_f1_of_action_units(counts):
    """Mean over action units of the mean F1 of absent and present: (..., A, 2, 2) to (...)."""
    return f1_of_classes(counts).mean(axis=(-1, -2))


def binary_f1_of_action_units(counts):
    """Mean over action units of the F1 of present: (..., A, 2, 2) to (...)."""
    return f1_of_classes(counts)[..., 1].mean(axis=-1)


def _ratio(part, whole):
    # In the memory order of `whole`: many times as fast where confusion matrices do not come last.
    return np.divide(part, whole, out=np.zeros_like(whole, dtype=float), where=whole > 0)
