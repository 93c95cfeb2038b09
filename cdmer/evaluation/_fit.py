"""Fitting adaptive methods and pipelines that hold them, one setting or many."""

import functools
import inspect
import warnings
from copy import copy
from itertools import islice

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline

from cdmer._array import take_rows
from cdmer._domains import warn_once
from cdmer._parameters import at_setting
from cdmer.adaptation import AdaptiveClassifier


def fit_adaptive(model, X, y, sample_domain, people=None):
    """Fit a method in place on the rows that it may see, and give it back.

    Parameters
    ----------
    model : estimator
        ``fit(X, y, sample_domain)``, or a Pipeline of which some steps take `sample_domain`: it is
        given all rows, whether metadata routing is on or off. Any other classifier is given the
        source rows alone.
    X : array-like of shape (n_samples, ...)
    y : array-like of shape (n_samples,)
    sample_domain : array-like of int of shape (n_samples,)
    people : ndarray of object, shape (n_samples,), or None, default=None
        Who is recorded, for parts that take `sample_domain` and ask for ``groups``: see
        `asks_groups`.

    Returns
    -------
    estimator

    Raises
    ------
    TypeError
        If some step takes `sample_domain` and the last one does not.
    """
    if takes_domain(model):
        # Copies: some pipelines of other libraries write into the labels that they are given.
        y, sample_domain = copy(y), copy(sample_domain)
        with warn_once(already=True):  # some protocols show no target row
            return model.fit(X, y, **_fit_parameters(model, sample_domain, people))
    source = np.flatnonzero(np.asarray(sample_domain) >= 0)
    if len(source) < len(sample_domain):
        X, y = take_rows(X, source), take_rows(y, source)
    return model.fit(X, y)


def takes_domain(model):
    """Whether a method or a part of it takes `sample_domain`.

    Raises
    ------
    TypeError
        If a step of a pipeline takes it and the last one does not: that one would be fitted on
        target rows as if they were labelled.
    """
    takes = bool(_parts_with_domain(model))
    if takes and not _passes_domain(_last(model)):
        raise TypeError(
            f"{type(_last(model)).__name__} takes no sample_domain, and a step before it does; "
            "wrap a plain classifier in cdmer.adaptation.SourceOnly"
        )
    return takes


def adapting_parts(model):
    """Names of the parts of a method that use target rows while fitting, a list of str.

    All that take `sample_domain` do, unless they say otherwise by ``reads_target = False``.

    Raises
    ------
    TypeError
        See `takes_domain`.
    """
    takes_domain(model)
    return [
        type(part).__name__
        for part in _parts_with_domain(model)
        if getattr(part, "reads_target", True)
    ]


def _parts_with_domain(model):
    nested = getattr(model, "get_params", dict)
    parts = [model, *nested().values()]
    parts = [p for p in parts if hasattr(type(p), "fit")]
    return [p for p in parts if _takes_keyword(p) and _is_leaf(p)]


def _passes_domain(part):
    """Whether `sample_domain` is of use to the fit of a part: a search asks only to pass it on."""
    if "sample_domain" in _fit_keywords(type(part)):
        return True
    return _takes_keyword(part) and bool(_parts_with_domain(part))


def _is_leaf(part):
    # Pipelines and searches pass on what their parts take; these are looked at themselves.
    return "sample_domain" in _fit_keywords(type(part)) or not _from_sklearn(part)


def _takes_keyword(part):
    # Estimators of other libraries may take it among further keywords.
    return not {"sample_domain", "kwargs", "params"}.isdisjoint(_fit_keywords(type(part)))


@functools.cache
def _fit_keywords(kind):
    # Looking a signature up takes a good part of a millisecond, and every fit asks.
    return frozenset(inspect.signature(kind.fit).parameters)


def _from_sklearn(part):
    return type(part).__module__.split(".")[0] == "sklearn"


def _last(model):
    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    return model


def asks_groups(part):
    """Whether a part asks for the people of the rows: requests ``groups`` for its `fit`.

    A parameter of that name is not enough: nothing is handed out unasked.
    """
    if "groups" not in _fit_keywords(type(part)) or not hasattr(part, "get_metadata_routing"):
        return False
    return part.get_metadata_routing().fit.requests.get("groups") is True


def _fit_parameters(model, sample_domain, people):
    given = _parameters_named("sample_domain", sample_domain, _passes_domain, model)
    if people is not None:
        given |= _parameters_named("groups", people, asks_groups, model)
    return given


def _parameters_named(name, value, wanted, model):
    """A parameter of `fit` under the names by which the steps of a model take it."""
    names = _names_in_steps(name, wanted, model)
    if names and get_config()["enable_metadata_routing"]:
        names = [name]
    return dict.fromkeys(names, value)


def _names_in_steps(name, wanted, model, prefix=""):
    """Names under which the steps take a parameter when routing is off."""
    if not isinstance(model, Pipeline):
        return [f"{prefix}{name}"] if wanted(model) else []
    return [
        found
        for step, part in model.steps
        for found in _names_in_steps(name, wanted, part, f"{prefix}{step}__")
    ]


def iter_settings(estimator, settings, X, y, sample_domain, people=None):
    """Fit one model per setting, along the method's path where it has one.

    In a pipeline whose settings are all of its last step, an adaptive one, the steps before are
    fitted once.

    Parameters
    ----------
    estimator : estimator
    settings : list of dict
    X : array-like of shape (n_samples, ...)
    y : array-like of shape (n_samples,)
    sample_domain : array-like of int of shape (n_samples,)
    people : ndarray of object, shape (n_samples,), or None, default=None
        See `fit_adaptive`.

    Yields
    ------
    index : int
    model : estimator
        Fitted.
    """
    if hasattr(estimator, "iter_path"):
        path = estimator.iter_path(X, y, sample_domain=sample_domain, settings=settings)
        with warn_once(already=True):  # rows are read before the first model comes
            first = list(islice(path, 1))
        yield from first
        yield from path
        return
    if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
        name, last = estimator.steps[-1]
        own = [
            {key.removeprefix(f"{name}__"): value for key, value in setting.items()}
            for setting in settings
            if all(key.startswith(f"{name}__") for key in setting)
        ]
        adapts = isinstance(last, AdaptiveClassifier) or hasattr(last, "iter_path")
        if adapts and len(own) == len(settings):
            head = clone(estimator[:-1])
            with warn_once(already=True):
                mapped = head.fit_transform(X, y, **_fit_parameters(head, sample_domain, people))
            for index, model in iter_settings(last, own, mapped, y, sample_domain, people):
                yield index, Pipeline([*head.steps, (name, model)])
            return
    for index, setting in enumerate(settings):
        yield index, fit_adaptive(at_setting(estimator, setting), X, y, sample_domain, people)


def iter_fitted(estimator, settings, X, y, domain, people=None):
    """Fit settings along the path; where it breaks, go on with those that are left, one by one.

    Yields None for a setting that cannot be fitted.
    """
    left = dict.fromkeys(range(len(settings)))
    try:
        for index, model in iter_settings(estimator, settings, X, y, domain, people):
            del left[index]
            yield index, model
    except ValueError:
        for index in left:
            model = None
            try:
                model = fit_adaptive(at_setting(estimator, settings[index]), X, y, domain, people)
            except ValueError as error:
                warn_of_failure(error)
            yield index, model


def warn_of_failure(error):
    """Warn that a setting could not be fitted."""
    warnings.warn(f"a setting could not be fitted: {error}", FitFailedWarning, stacklevel=2)
