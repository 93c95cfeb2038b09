"""Kernels between rows, and principal directions from the smaller of the two Gram matrices."""

import numpy as np
from scipy.linalg import eigh
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS, pairwise_kernels


def gram(X, Y, kernel, gamma=None):
    """Kernel between the rows of X and of Y.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    Y : ndarray of shape (m, n_features)
    kernel : str
        A name that `sklearn.metrics.pairwise.pairwise_kernels` knows, such as "linear" or "rbf".
    gamma : float or None, default=None
        Coefficient of the kernels that have one; None: one over the number of columns.

    Returns
    -------
    ndarray of shape (n, m)

    Raises
    ------
    ValueError
        If the kernel is unknown or the rows are not what it takes.
    """
    if not isinstance(kernel, str) or kernel not in PAIRWISE_KERNEL_FUNCTIONS:
        raise ValueError(
            f"kernel: expected one of {sorted(PAIRWISE_KERNEL_FUNCTIONS)}, got {kernel!r}"
        )
    if kernel == "linear":
        return X @ Y.T
    return pairwise_kernels(X, Y, metric=kernel, filter_params=True, gamma=gamma)


def principal_directions(X, n_components=None):
    """Leading right singular vectors of the centred rows.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    n_components : int or None, default=None
        How many; None, or more than the rank: as many as the rank.

    Returns
    -------
    directions : ndarray of shape (n_features, k)
        Orthonormal, largest singular value first. No direction for rows that are all alike.
    singular : ndarray of shape (k,)
    """
    centred = X - X.mean(axis=0)
    tall = X.shape[0] >= X.shape[1]
    square = centred.T @ centred if tall else centred @ centred.T
    values, vectors = leading_eigenpairs(square, n_components)
    singular = np.sqrt(values)
    if tall:
        return vectors, singular
    return (centred.T @ vectors) / singular, singular


def leading_eigenpairs(symmetric, n_components=None, tolerance=None):
    """Eigenpairs of a positive semidefinite matrix, largest first, without those that are rounding.

    Parameters
    ----------
    symmetric : ndarray of shape (n, n)
    n_components : int or None, default=None
        How many at most.
    tolerance : float or None, default=None
        Share of the largest eigenvalue below which one counts as zero; None: n times the machine
        precision.

    Returns
    -------
    values : ndarray of shape (k,)
    vectors : ndarray of shape (n, k)
        The sign of each is such that its entry of largest size is positive, so that it follows
        permutations of the rows.
    """
    n = len(symmetric)
    least = 0 if n_components is None else max(0, n - n_components)
    values, vectors = eigh(symmetric, subset_by_index=[least, n - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    tolerance = n * np.finfo(float).eps if tolerance is None else tolerance
    kept = values > max(tolerance * values[0], np.finfo(float).tiny)
    values, vectors = values[kept], vectors[:, kept]
    return values, vectors * signs(vectors)


def signs(vectors):
    """Sign of the largest entry of each column."""
    if not vectors.size:
        return np.ones(vectors.shape[1])
    return np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
