"""Fitting a candidate on a fold: as it is, or at a setting that is chosen."""

import time
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from cdmer._array import read_only
from cdmer._parameters import at_setting
from cdmer.adaptation import class_scores
from cdmer.evaluation._fit import fit_adaptive, iter_fitted
from cdmer.evaluation._metrics.counts import count_pairs, macro_f1_of_action_units, uf1_of_counts
from cdmer.evaluation._runner.methods import FIXED, LABEL_FREE, NESTED
from cdmer.evaluation.selection import select


@dataclass(frozen=True)
class FoldRows:
    """What a method is given of a fold: training rows first, then rows to adapt to.

    Its arrays are read-only: a method that works in place changes no row of another's.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
    y : ndarray of int, shape (n_rows,) or (n_rows, n_action_units)
        -1 in rows to adapt to.
    domain : ndarray of int, shape (n_rows,)
        Number of the corpus; negative in rows to adapt to.
    people : ndarray of object, shape (n_rows,)
        Who is recorded; "" where that is not known.
    """

    X: np.ndarray
    y: np.ndarray
    domain: np.ndarray
    people: np.ndarray

    @property
    def train(self):
        """Positions of the labelled rows."""
        return np.flatnonzero(self.domain >= 0)

    @property
    def groups(self):
        """People of the labelled rows, "" in the others; None if one of them is not known."""
        known = all(self.people[self.train])
        return read_only(np.where(self.domain >= 0, self.people, "")) if known else None

    @property
    def parts(self):
        """X, y, domain and groups, as a method is fitted on them."""
        return self.X, self.y, self.domain, self.groups

    def take(self, rows):
        """Give `parts` of some rows."""
        return tuple(None if values is None else read_only(values[rows]) for values in self.parts)


@dataclass
class Chosen:
    """A fitted model and how it was selected.

    Parameters
    ----------
    model : estimator
    params : dict or None
        The chosen setting; None where there was nothing to choose.
    score : float or None
        Its score by the criterion of the selection.
    seconds : dict of str to float
        ``select`` and ``fit``.
    """

    model: object
    params: dict | None = None
    score: float | None = None
    seconds: dict = field(default_factory=dict)


def choose(estimator, settings, selection, rows, test, n_classes):
    """Fit an estimator on a fold.

    Parameters
    ----------
    estimator : estimator
        It is fitted in place, unless there are settings.
    settings : list of dict or None
    selection : str
    rows : FoldRows
    test : tuple of (X, y) or None
        The tested rows and their truth, for "oracle" alone; None otherwise, so that nothing else
        can look at them.
    n_classes : int
        Length of the scheme's class list.

    Returns
    -------
    Chosen

    Raises
    ------
    ValueError
        If no setting can be fitted, or people are not known and "nested-loso" asks for them.
    """
    started = time.perf_counter()
    if selection == FIXED or settings is None:
        model = fit_adaptive(estimator, *rows.parts)
        return Chosen(model, seconds={"fit": time.perf_counter() - started})
    if selection.startswith(LABEL_FREE):
        return _label_free(estimator, settings, selection.removeprefix(LABEL_FREE), rows)
    if selection == NESTED:
        scores = _nested_scores(estimator, settings, rows, n_classes)
        best = _best(scores, selection)
        selected = time.perf_counter()
        model = at_setting(estimator, settings[best])
        fit_adaptive(model, *rows.parts)
        seconds = {"select": selected - started, "fit": time.perf_counter() - selected}
        return Chosen(model, settings[best], float(scores[best]), seconds)
    return _oracle(estimator, settings, rows, test, n_classes)


def _label_free(estimator, settings, criterion, rows):
    if rows.y.ndim == 2:
        raise ValueError(
            f"selection: 'label-free:{criterion}' scores one class per clip; action units take "
            f"{FIXED!r} or {NESTED!r}"
        )
    started = time.perf_counter()
    people = rows.people[rows.train]
    n_people = len(set(people)) if all(people) else 1
    chosen = select(
        estimator,
        [{k: [v] for k, v in setting.items()} for setting in settings],
        rows.X,
        rows.y,
        rows.domain,
        criterion,
        n_splits=min(n_people, 5) if n_people > 1 else 5,
        groups=rows.groups if n_people > 1 else None,
        progress=False,
    )
    # `select` fits the chosen setting once more at its end; the two are not timed apart.
    return Chosen(
        chosen.estimator,
        chosen.best_params,
        chosen.best_score,
        {"select": time.perf_counter() - started, "fit": 0.0},
    )


def _nested_scores(estimator, settings, rows, n_classes):
    """Score settings on training rows: one person left out after the other, predictions pooled."""
    train, domain = rows.train, rows.domain
    people = rows.people[train]
    if not all(people) or len(set(people)) < 2:
        raise ValueError(
            f"selection: {NESTED!r} leaves people of the training rows out, and "
            + ("their subjects are not known" if not all(people) else "there is only one")
        )
    predicted = np.zeros((len(settings), *rows.y[train].shape), dtype=np.int64)
    fitted = np.ones(len(settings), dtype=bool)
    for person in dict.fromkeys(people):
        held = people == person
        inner = np.setdiff1d(np.arange(len(domain)), train[held])
        for index, model in iter_fitted(estimator, settings, *rows.take(inner)):
            if model is None:
                fitted[index] = False
            else:
                found = model.predict(read_only(rows.X[train[held]]))
                shape = predicted[index, held].shape
                predicted[index, held] = class_codes(found, shape, n_classes, abstains(model))
    scores = np.array([_main_score(rows.y[train], p, n_classes) for p in predicted])
    return np.where(fitted, scores, np.nan)


def _oracle(estimator, settings, rows, test, n_classes):
    """Take the setting that scores best on the tested clips: labels nobody has in practice."""
    started = time.perf_counter()
    X, y = test
    best, place = Chosen(None), None
    for index, model in iter_fitted(estimator, settings, *rows.parts):
        if model is None:
            continue
        codes = class_codes(model.predict(X), y.shape, n_classes, abstains(model))
        score = _main_score(y, codes, n_classes)
        # First of equals in their order, in whichever order they were fitted.
        if best.model is None or (score, -index) > (best.score, -place):
            best, place = Chosen(model, settings[index], score), index
    if best.model is None:
        raise ValueError("param_grid: no setting could be fitted")
    best.seconds = {"select": time.perf_counter() - started, "fit": 0.0}
    return best


def _best(scores, selection):
    if np.isnan(scores).all():
        raise ValueError(f"param_grid: no setting could be fitted and scored by {selection!r}")
    return int(np.nanargmax(scores))


def last_step(model):
    """Give what predicts: the last step of a pipeline, the classifier behind `PerActionUnit`."""
    while isinstance(model, Pipeline | PerActionUnit):
        if isinstance(model, Pipeline):
            model = model.steps[-1][1]
        else:
            model = model.models_[0] if getattr(model, "whole_", False) else model.estimator
    return model


def abstains(model):
    """Whether a classifier may leave a clip unanswered, as its class says."""
    return getattr(last_step(model), "abstains", False) is True


def class_codes(predicted, shape, n_classes, may_abstain=False):
    """Give predictions as class codes, or 0 and 1 per action unit; anything else is none.

    Parameters
    ----------
    predicted : array-like
    shape : tuple of int
    n_classes : int
    may_abstain : bool, default=False
        Whether -1, "no answer", may be among them.

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
    """
    codes = np.asarray(predicted)
    allowed = list(range(n_classes)) if len(shape) == 1 else [0, 1]
    allowed = [-1, *allowed] if may_abstain else allowed
    if codes.shape != shape or not np.isin(codes, allowed).all():
        strange = codes[~np.isin(codes, allowed)].ravel()[:3].tolist() if codes.size else []
        raise ValueError(
            f"predictions: expected class codes of {allowed} in shape {shape}, got shape "
            f"{codes.shape}" + (f" with {strange}" if strange else "")
        )
    return codes.astype(int)


def _main_score(truth, predicted, n_classes):
    """UF1 over the fixed class list; for action units the mean of their macro F1."""
    if truth.ndim == 2:
        n_action_units = truth.shape[1]
        action_unit = np.tile(np.arange(n_action_units), len(truth))
        counts = count_pairs(action_unit, truth.ravel(), predicted.ravel(), (n_action_units, 2, 3))
        return float(macro_f1_of_action_units(counts))
    return float(uf1_of_counts(count_pairs(0, truth, predicted, (n_classes, n_classes + 1))))


class PerActionUnit(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Several classes per clip: one clone of a classifier for each action unit.

    An action unit that all training clips show, or none, is predicted so. A classifier that takes
    tables of 0 and 1 itself is fitted on the whole table.

    Parameters
    ----------
    estimator : classifier
    """

    def __init__(self, estimator):
        self.estimator = estimator

    # For classifiers that ask for them in their turn.
    __metadata_request__fit = {"groups": True}

    def fit(self, X, y, sample_domain, groups=None):
        """Fit on rows of which those with a negative `sample_domain` have no labels."""
        source = sample_domain >= 0
        self.whole_ = get_tags(self.estimator).classifier_tags.multi_label
        if self.whole_:
            self.models_ = [fit_adaptive(clone(self.estimator), X, y, sample_domain, groups)]
            return self
        self.models_ = []
        for column in y.T:
            shown = np.unique(column[source])
            model = int(shown[0])
            if len(shown) > 1:
                model = fit_adaptive(clone(self.estimator), X, column, sample_domain, groups)
            self.models_.append(model)
        return self

    def predict(self, X):
        """Predict 0 and 1 per clip and action unit."""
        if self.whole_:
            return np.asarray(self.models_[0].predict(X))
        return np.column_stack(
            [
                np.full(len(X), model) if isinstance(model, int) else model.predict(X)
                for model in self.models_
            ]
        )

    def action_unit_scores(self, X):
        """Scores of each action unit, of shape (n_clips, n_action_units); NaN if constant."""
        if self.whole_:
            raise ValueError("the classifier scores all action units at once")
        return np.column_stack(
            [
                np.full(len(X), np.nan) if isinstance(model, int) else class_scores(model, X)[:, 1]
                for model in self.models_
            ]
        )


def wrap_action_units(estimator, settings):
    """Wrap a classifier for action units, and rename the parameters of its settings."""
    if settings is not None:
        settings = [{f"estimator__{k}": v for k, v in setting.items()} for setting in settings]
    return PerActionUnit(estimator), settings


def fold_rows(X, hidden, truth, domain, people, fold):
    """Put together what a method is given; truth of rows to adapt to does not come along."""
    train, adapt = fold.train, fold.adapt
    y = truth[train]
    y = np.concatenate([y, np.full((len(adapt), *y.shape[1:]), -1)])
    rows = np.concatenate([train, adapt])
    given = X[rows] if hidden is X else np.concatenate([X[train], hidden[adapt]])
    return FoldRows(read_only(given), read_only(y), read_only(domain), people[rows])
