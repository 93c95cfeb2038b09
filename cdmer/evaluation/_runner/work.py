"""Jobs, as workers do them: each a method on a fold with a seed."""

import time
import traceback
from collections import Counter
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from cdmer._array import read_only
from cdmer._modules import is_module
from cdmer._workers import one_blas_thread
from cdmer.evaluation._runner.choose import (
    Chosen,
    abstains,
    choose,
    class_codes,
    fold_rows,
    last_step,
    wrap_action_units,
)
from cdmer.evaluation._runner.embedding import embed
from cdmer.evaluation._runner.methods import ORACLE
from cdmer.evaluation._runner.together import fit_together
from cdmer.evaluation._store.records import JobResult
from cdmer.evaluation.protocols import Fold


@dataclass(frozen=True, eq=False)
class Job:
    """A method on a fold with a seed: what a worker does, and the name that its result goes by.

    Truth of the tested clips is no part of it, so that it can be sent anywhere.

    Parameters
    ----------
    label : str
        The method's, with its selection.
    estimator : estimator
        With its seed.
    settings : list of dict or None
    selection : str
    fold : Fold
    domain : ndarray of int, shape (n_train + n_adapt,)
        Number of the corpus of every row that is fitted on; negative in rows to adapt to.
    seed : int or None
    n_classes : int
    embeddings : bool
        Whether to keep where the rows lie before and after adaptation.
    config, key, test_set : str
        As in `JobResult`.
    """

    label: str
    estimator: object
    settings: list | None
    selection: str
    fold: Fold
    domain: np.ndarray
    seed: int | None
    n_classes: int
    embeddings: bool
    config: str
    key: str
    test_set: str

    def result(self, **fields):
        """Give the `JobResult` of these fields."""
        return JobResult(self.config, self.test_set, **fields)


def work(jobs, X, hidden, truth, people):
    """Fit and predict.

    Parameters
    ----------
    jobs : list of Job
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
    list of JobResult
    """
    with one_blas_thread():
        if len(jobs) > 1:
            started = time.perf_counter()
            try:
                models, *prepared = fit_together(jobs, X, hidden, truth)
            except Exception:  # one by one, each job says what is wrong with it
                models = None
            if models is not None:
                seconds = (time.perf_counter() - started) / len(jobs)
                return [
                    _result_or_error(_predict_by, job, model, seconds, *prepared, truth, people)
                    for job, model in zip(jobs, models, strict=True)
                ]
        return [_result_or_error(_fit_and_predict, job, X, hidden, truth, people) for job in jobs]


def _result_or_error(function, job, *given):
    try:
        return function(job, *given)
    except Exception as error:  # whatever a method does wrong costs its own job only
        return job.result(error=_error_fields(error))


def _error_fields(error):
    try:
        message = str(error)
    except Exception:  # some cannot even say what they are
        message = ""
    return {
        "type": type(error).__name__,
        "message": message,
        "traceback": "".join(traceback.format_exception(error)),
    }


def _predict_by(job, model, seconds, X, hidden, truth, people):
    """Give the result of a job whose network is trained already, or failed to be."""
    if isinstance(model, Exception):
        raise model
    rows = fold_rows(X, hidden, truth, job.domain, people, job.fold)
    chosen = Chosen(model, seconds={"fit": seconds})
    return _predict(job, chosen, rows, read_only(hidden[job.fold.test]), truth)


def _fit_and_predict(job, X, hidden, truth, people):
    rows = fold_rows(X, hidden, truth, job.domain, people, job.fold)
    X_test = read_only(hidden[job.fold.test])
    estimator, settings = clone(job.estimator), job.settings
    if truth.ndim == 2:
        estimator, settings = wrap_action_units(estimator, settings)
    test = (X_test, truth[job.fold.test]) if job.selection == ORACLE else None
    chosen = choose(estimator, settings, job.selection, rows, test, job.n_classes)
    return _predict(job, chosen, rows, X_test, truth)


def _predict(job, chosen, rows, X_test, truth):
    started = time.perf_counter()
    predicted = chosen.model.predict(X_test)
    seconds = chosen.seconds | {"predict": time.perf_counter() - started}
    shape = (len(job.fold.test), *truth.shape[1:])
    details = {}
    if chosen.params is not None:
        details["params"] = {
            k.removeprefix("estimator__") if truth.ndim == 2 else k: _plain(v)
            for k, v in chosen.params.items()
        }
        details["selection_score"] = chosen.score
    scores, kind = _scores(chosen.model, X_test, job.n_classes, truth.ndim)
    if scores is not None:
        details["score_kind"] = kind
    last = last_step(chosen.model)
    weights = getattr(last, "group_norms_", None)
    if weights is not None:
        details["region_weights"] = np.asarray(weights, dtype=float).tolist()
    details |= costs(last)
    codes = class_codes(predicted, shape, job.n_classes, abstains(chosen.model))
    return job.result(
        predicted=_tuples(codes),
        scores=scores,
        details=details,
        embedding=embed(chosen.model, rows, truth[job.fold.adapt]) if job.embeddings else None,
        seconds=seconds,
    )


def costs(model):
    """Find how large a model is, what was asked of an endpoint, and where it did not answer.

    Parameters
    ----------
    model : estimator
        Fitted, after `predict`.

    Returns
    -------
    dict
        Of these, as JSON can hold it, what the model has: ``n_parameters`` of its `network_`;
        ``usage``, its `usage_`; ``abstentions``, how often each reason occurs in `abstentions_`.
    """
    found = {}
    network = getattr(model, "network_", None)
    if is_module(network):
        from cdmer.nets import count_parameters

        found["n_parameters"] = int(count_parameters(network))
    if hasattr(model, "usage_"):
        found["usage"] = {name: int(number) for name, number in model.usage_.items()}
    if hasattr(model, "abstentions_"):
        found["abstentions"] = dict(sorted(Counter(model.abstentions_.values()).items()))
    return found


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
