"""Jobs, wherever they run: each a method on a fold with a seed."""

import time
import traceback
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from cdmer._array import read_only
from cdmer._threads import one_blas_thread
from cdmer.evaluation._runner.choose import (
    Chosen,
    abstains,
    choose,
    class_codes,
    fold_rows,
    last_step,
    wrap_action_units,
)
from cdmer.evaluation._runner.costs import costs
from cdmer.evaluation._runner.embedding import embed
from cdmer.evaluation._runner.methods import ORACLE
from cdmer.evaluation._runner.together import fit_together


@dataclass(frozen=True, eq=False)
class Task:
    """What to do; small, so that it travels.

    Parameters
    ----------
    estimator : estimator
        With its seed.
    grid : list of dict or None
    selection : str
    train, adapt, test : ndarray of int
        Positions of rows.
    domain : ndarray of int, shape (n_train + n_adapt,)
        Number of the corpus of every row that is fitted on; negative in rows to adapt to.
    n_classes : int
    embeddings : bool
        Whether to keep where the rows lie before and after adaptation.
    """

    estimator: object
    grid: list | None
    selection: str
    train: np.ndarray
    adapt: np.ndarray
    test: np.ndarray
    domain: np.ndarray
    n_classes: int
    embeddings: bool


def work(tasks, X, hidden, truth, people):
    """Fit and predict.

    Parameters
    ----------
    tasks : list of Task
        One, or folds that a network is trained on in one go.
    X : ndarray
        Rows of all corpora.
    hidden : ndarray
        The same without annotations, for rows whose labels must not be seen.
    truth : ndarray of int
        Read for the training rows; for the tested rows by the selection "oracle" alone.
    people : ndarray of object

    Returns
    -------
    list of dict
        Per task: fields of a `JobResult` but its `config` and `test_set`.
    """
    with one_blas_thread():
        if len(tasks) > 1:
            started = time.perf_counter()
            try:
                models, *prepared = fit_together(tasks, X, hidden, truth)
            except Exception:  # one by one, each task says what is wrong with it
                models = None
            if models is not None:
                seconds = (time.perf_counter() - started) / len(tasks)
                return [
                    _or_error(_told_of, task, model, seconds, *prepared, truth, people)
                    for task, model in zip(tasks, models, strict=True)
                ]
        return [_or_error(_attempt, task, X, hidden, truth, people) for task in tasks]


def _or_error(function, *given):
    try:
        return function(*given)
    except Exception as error:  # whatever a method does wrong costs its own job only
        return {"error": _told(error)}


def _told_of(task, model, seconds, X, hidden, truth, people):
    """Outcome of a task whose network is trained already, or failed to be."""
    if isinstance(model, Exception):
        raise model
    rows = fold_rows(X, hidden, truth, task.domain, people, task.train, task.adapt)
    chosen = Chosen(model, seconds={"fit": seconds})
    return _outcome(task, chosen, rows, read_only(hidden[task.test]), truth)


def _told(error):
    try:
        message = str(error)
    except Exception:  # some cannot even say what they are
        message = ""
    return {
        "type": type(error).__name__,
        "message": message,
        "traceback": "".join(traceback.format_exception(error)),
    }


def _attempt(task, X, hidden, truth, people):
    rows = fold_rows(X, hidden, truth, task.domain, people, task.train, task.adapt)
    X_test = read_only(hidden[task.test])
    estimator, grid = clone(task.estimator), task.grid
    if truth.ndim == 2:
        estimator, grid = wrap_action_units(estimator, grid)
    test = (X_test, truth[task.test]) if task.selection == ORACLE else None
    chosen = choose(estimator, grid, task.selection, rows, test, task.n_classes)
    return _outcome(task, chosen, rows, X_test, truth)


def _outcome(task, chosen, rows, X_test, truth):
    started = time.perf_counter()
    predicted = chosen.model.predict(X_test)
    seconds = chosen.seconds | {"predict": time.perf_counter() - started}
    shape = (len(task.test), *truth.shape[1:])
    details = {}
    if chosen.params is not None:
        details["params"] = {
            k.removeprefix("estimator__") if truth.ndim == 2 else k: _plain(v)
            for k, v in chosen.params.items()
        }
        details["selection_score"] = chosen.score
    scores, kind = _scores(chosen.model, X_test, task.n_classes, truth.ndim)
    if scores is not None:
        details["score_kind"] = kind
    last = last_step(chosen.model)
    weights = getattr(last, "group_norms_", None)
    if weights is not None:
        details["region_weights"] = np.asarray(weights, dtype=float).tolist()
    details |= costs(last)
    codes = class_codes(predicted, shape, task.n_classes, abstains(chosen.model))
    return {
        "predicted": _tuples(codes),
        "scores": scores,
        "details": details,
        "embedding": embed(chosen.model, rows, truth[task.adapt]) if task.embeddings else None,
        "seconds": seconds,
    }


def _tuples(codes):
    return tuple(codes.tolist()) if codes.ndim == 1 else tuple(map(tuple, codes.tolist()))


def _scores(model, X, n_classes, n_dimensions):
    """Probabilities or scores in the order of the class list, and which of the two they are."""
    if n_dimensions == 2:
        try:
            return model.action_unit_scores(X), "score"
        except ValueError:
            return None, None
    kind = "probability" if hasattr(model, "predict_proba") else "score"
    source = getattr(model, "predict_proba", getattr(model, "decision_function", None))
    classes = getattr(model, "classes_", None)
    if source is None or classes is None:
        return None, None
    given = np.asarray(source(X), dtype=np.float64)
    if given.ndim == 1:
        given = np.column_stack([-given, given]) / 2
    if given.shape != (len(X), len(classes)) or not np.isin(classes, np.arange(n_classes)).all():
        return None, None
    if not np.isfinite(given).all():
        raise ValueError(
            f"predictions: expected finite scores, got {np.sum(~np.isfinite(given))} "
            "that are NaN or infinite"
        )
    scores = np.full((len(X), n_classes), np.nan)
    scores[:, np.asarray(classes, dtype=int)] = given
    return scores, kind


def _plain(value):
    """A parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and np.isfinite(value):
        return value
    return repr(value)
