"""Where rows lie before and after adaptation, in the plane of their largest variance."""

import inspect

import numpy as np
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline


def embed(model, rows, truth):
    """Project the rows of a fold before and after what a method does to them.

    Parameters
    ----------
    model : estimator
        Fitted on the rows.
    rows : FoldRows
    truth : ndarray of int
        Class of each row that was adapted to, for its colour. Nothing is computed from it.

    Returns
    -------
    dict of str to ndarray, or None
        See `JobResult`; None where rows are no finite numbers, or the method does not move them.
    """
    if rows.X.ndim != 2 or truth.ndim != 1 or not len(truth):
        return None
    moved = _moved(model, rows.X, rows.domain)
    if moved is None or not (np.isfinite(rows.X).all() and np.isfinite(moved).all()):
        return None
    target = rows.domain < 0
    return {
        "before": principal_plane(rows.X),
        "after": principal_plane(moved),
        "target": target,
        "codes": np.concatenate([rows.y[~target], truth]),
    }


def _moved(model, X, domain):
    """Rows as the last step that moves them leaves them; None if no step does."""
    steps, moved = _steps(model), None
    for step in steps:
        if not hasattr(step, "transform"):
            break
        known = inspect.signature(step.transform).parameters
        X = step.transform(X, **({"sample_domain": domain} if "sample_domain" in known else {}))
        if getattr(X, "ndim", 0) != 2:
            return None
        moved = X
    if moved is None:
        return None
    return np.asarray(moved.toarray() if issparse(moved) else moved, dtype=np.float64)


def _steps(model):
    if not isinstance(model, Pipeline):
        return [model]
    parts = [part for _, part in model.steps if part is not None and part != "passthrough"]
    return [step for part in parts for step in _steps(part)]


def principal_plane(X):
    """First two principal components.

    Parameters
    ----------
    X : ndarray of float, shape (n_rows, n_features)

    Returns
    -------
    ndarray of float32, shape (n_rows, 2)
        Of either sign of a component, the one whose largest entry is positive.
    """
    centred = X - X.mean(axis=0)
    # Rows are few and columns many: the components follow from the products of rows.
    values, vectors = np.linalg.eigh(centred @ centred.T)
    plane = np.zeros((len(X), 2))
    found = min(2, len(values))
    plane[:, :found] = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :found]
    largest = np.abs(plane).argmax(axis=0)
    signs = np.where(plane[largest, np.arange(2)] < 0, -1.0, 1.0)
    return (plane * signs).astype(np.float32)
