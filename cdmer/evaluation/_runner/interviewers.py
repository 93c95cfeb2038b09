"""Methods that ask a model at an endpoint: which classes they ask about."""

from sklearn.base import clone
from sklearn.utils import get_tags

from cdmer._parameters import at_setting


def interviewers(estimator):
    """Find the parts of an estimator that ask an endpoint.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    dict of str to estimator
        By what comes before the names of their parameters: ``"pipeline__step__"``.
    """
    parts = {"": estimator} | {f"{k}__": v for k, v in estimator.get_params(deep=True).items()}
    return {
        prefix: part
        for prefix, part in parts.items()
        if getattr(part, "asks_endpoint", False) is True
    }


def set_interviewers(value, only=lambda part: True, **params):
    """Give an estimator with parameters set on all its parts that ask an endpoint.

    Parameters
    ----------
    value : object
        An estimator, or what else a setting may hold; that, and estimators that ask nobody,
        are given back as they are.
    only : callable, default=lambda part: True
        Whether a part is meant.
    **params

    Returns
    -------
    object
    """
    if not is_estimator(value):
        return value
    prefixes = [prefix for prefix, part in interviewers(value).items() if only(part)]
    found = {f"{prefix}{name}": given for prefix in prefixes for name, given in params.items()}
    return clone(value).set_params(**found) if found else value


def is_estimator(value):
    """Whether a value is an estimator."""
    return hasattr(value, "get_params") and not isinstance(value, type)


def set_classes(estimator, settings, scheme):
    """Set the classes of a benchmark in parts that ask an endpoint, or compare those they have.

    Parameters
    ----------
    estimator : estimator
    settings : list of dict or None
    scheme : LabelScheme, ActionUnitScheme or None
        None where it is not known yet; then nothing is done.

    Returns
    -------
    estimator, settings
        With the scheme's classes where `class_names` was None.

    Raises
    ------
    ValueError
        If a part asks about other classes, or in another order, which would give wrong codes; or
        for one class per clip where the scheme has several, or the other way round.
    """
    if scheme is None:
        return estimator, settings

    def with_classes(value):
        return set_interviewers(
            value, lambda part: part.class_names is None, class_names=scheme.classes
        )

    estimator = with_classes(estimator)
    settings = settings and [
        {key: with_classes(value) for key, value in one.items()} for one in settings
    ]
    held = [value for one in settings or () for value in one.values() if is_estimator(value)]
    if any(map(interviewers, [estimator, *held])):
        for setting in settings or [{}]:
            for part in interviewers(at_setting(estimator, setting)).values():
                _check_classes(part, scheme)
    return estimator, settings


def _check_classes(part, scheme):
    several = get_tags(part).classifier_tags.multi_label
    if several != hasattr(scheme, "indicator"):
        has = "one class" if several else "several classes"
        raise ValueError(
            f"scheme: {scheme.name!r} gives a clip {has}; {type(part).__name__} asks for "
            + ("several" if several else "one")
        )
    names = part.read_class_names()
    if names != tuple(scheme.classes):
        raise ValueError(
            f"class_names: expected the classes of scheme {scheme.name!r}, in their order, "
            f"{tuple(scheme.classes)}, got {names}; None takes them from the benchmark"
        )
