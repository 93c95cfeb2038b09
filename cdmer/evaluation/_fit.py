"""Fitting adaptive methods and pipelines that hold them, one setting or many."""

from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter


def fit_adaptive(model, X, y, sample_domain):
    """Fit a method in place, whether metadata routing is on or off, and give it back.

    Parameters
    ----------
    model : estimator
        ``fit(X, y, sample_domain)``, or a Pipeline of which some steps take `sample_domain`.
    X : array-like of shape (n_samples, ...)
    y : array-like of shape (n_samples,)
    sample_domain : array-like of int of shape (n_samples,)

    Returns
    -------
    estimator

    Raises
    ------
    TypeError
        If the method takes no `sample_domain`.
    """
    return model.fit(X, y, **_domain_parameters(model, sample_domain))


def _domain_parameters(model, sample_domain):
    last = model
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    # Estimators of other libraries may take it among further keywords.
    if has_fit_parameter(last, "kwargs") or has_fit_parameter(last, "params"):
        return {"sample_domain": sample_domain}
    if not has_fit_parameter(last, "sample_domain"):
        raise TypeError(
            f"{type(last).__name__} takes no sample_domain; wrap a plain classifier in "
            "cdmer.adaptation.SourceOnly"
        )
    if get_config()["enable_metadata_routing"]:
        return {"sample_domain": sample_domain}
    return dict.fromkeys(_domain_names(model), sample_domain)


def _domain_names(model, prefix=""):
    """Names under which the steps take `sample_domain` when routing is off."""
    if not isinstance(model, Pipeline):
        return [f"{prefix}sample_domain"] if has_fit_parameter(model, "sample_domain") else []
    return [name for step, part in model.steps for name in _domain_names(part, f"{prefix}{step}__")]


def iter_settings(estimator, settings, X, y, sample_domain):
    """Fit one model per setting, along the method's path where it has one.

    In a pipeline whose settings are all of its last step the steps before are fitted once.

    Parameters
    ----------
    estimator : estimator
    settings : list of dict
    X : array-like of shape (n_samples, ...)
    y : array-like of shape (n_samples,)
    sample_domain : array-like of int of shape (n_samples,)

    Yields
    ------
    index : int
    model : estimator
        Fitted.
    """
    if hasattr(estimator, "iter_path"):
        yield from estimator.iter_path(X, y, sample_domain=sample_domain, settings=settings)
        return
    if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
        name, last = estimator.steps[-1]
        own = [
            {key.removeprefix(f"{name}__"): value for key, value in setting.items()}
            for setting in settings
            if all(key.startswith(f"{name}__") for key in setting)
        ]
        if hasattr(last, "iter_path") and len(own) == len(settings):
            head = clone(estimator[:-1])
            names = _domain_names(head)
            if get_config()["enable_metadata_routing"]:
                names = ["sample_domain"] if names else []
            mapped = head.fit_transform(X, y, **dict.fromkeys(names, sample_domain))
            for index, model in last.iter_path(
                mapped, y, sample_domain=sample_domain, settings=own
            ):
                yield index, Pipeline([*head.steps, (name, model)])
            return
    for index, setting in enumerate(settings):
        model = clone(estimator).set_params(**setting)
        yield index, fit_adaptive(model, X, y, sample_domain)
