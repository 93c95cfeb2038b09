"""Methods to be evaluated, checked and paired with the ways of choosing their settings."""

from dataclasses import dataclass

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from cdmer._parameters import ParameterError
from cdmer.evaluation._fit import adapting_parts
from cdmer.evaluation._runner.estimate import check_settings
from cdmer.evaluation._runner.identity import identify
from cdmer.evaluation._runner.interviewers import is_estimator, set_classes
from cdmer.evaluation.selection import CRITERIA

FIXED, NESTED, ORACLE, LABEL_FREE = "fixed", "nested-loso", "oracle", "label-free:"


@dataclass(frozen=True, eq=False)
class Method:
    """An estimator to evaluate, with settings to choose from and its citation.

    Parameters
    ----------
    estimator : estimator
        A classifier or a pipeline. It is cloned.
    param_grid : dict, list of dict or None, default=None
        Settings to choose from, as in `sklearn.model_selection.ParameterGrid`. None: the estimator
        runs as it is, whatever the selection.
    citation : str, default=""
        Where the method was published, for the report.
    selection : str, list of str or None, default=None
        In place of the benchmark's: see `cdmer.evaluation.benchmark`.

    Examples
    --------
    >>> from cdmer.adaptation import TCA
    >>> from cdmer.evaluation import Method
    >>> Method(TCA(), {"n_components": [5, 10, 20]}, "Pan et al. 2011")  # doctest: +ELLIPSIS
    Method(estimator=TCA(), param_grid={'n_components': [5, 10, 20]}, citation='Pan et al. ...)
    """

    estimator: object
    param_grid: object = None
    citation: str = ""
    selection: object = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A method under one way of choosing its setting.

    Parameters
    ----------
    label : str
        Identifies it in tables: the method's name, and the selection unless it is "fixed".
    name : str
    selection : str
    estimator : estimator
    settings : list of dict or None
    spec : dict
        Estimator and settings as JSON can hold them.
    citation : str
    """

    label: str
    name: str
    selection: str
    estimator: object
    settings: list | None
    spec: dict
    citation: str

    @property
    def has_chance(self):
        """Whether a `random_state` was left open, here or in an estimator of a setting, a bool."""
        values = [value for setting in self.settings or () for value in setting.values()]
        return any(_open_seeds(part) for part in (self.estimator, *filter(is_estimator, values)))

    def seeded(self, seed):
        """Give estimator and settings, with the seed in every `random_state` that was left open."""
        if seed is None:
            return self.estimator, self.settings
        settings = self.settings and [
            {k: _seeded(v, seed) if is_estimator(v) else v for k, v in setting.items()}
            for setting in self.settings
        ]
        return _seeded(self.estimator, seed), settings


def _seeded(estimator, seed):
    return clone(estimator).set_params(**dict.fromkeys(_open_seeds(estimator), seed))


def _open_seeds(estimator):
    return sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and value is None
    )


def check_selection(selection):
    """Give selections as a list of their names.

    Raises
    ------
    ParameterError
        If there is none, or one is unknown.
    """
    if not isinstance(selection, str | list | tuple):
        raise ParameterError(f"selection: expected a str or a list of them, got {selection!r}")
    given = [selection] if isinstance(selection, str) else list(selection)
    known = [FIXED, *(f"{LABEL_FREE}{name}" for name in CRITERIA), NESTED, ORACLE]
    if not given:
        raise ParameterError(f"selection: got none, expected one or more of {known}")
    for name in given:
        if name not in known:
            raise ParameterError(f"selection: expected one of {known}, got {name!r}")
    return list(dict.fromkeys(given))


def read_methods(methods, selection, protocol, strict, scheme):
    """Check methods and pair each with its selections.

    Parameters
    ----------
    methods : dict of str to (estimator or Method)
    selection : str or list of str
    protocol : Protocol
    strict : bool
        Whether every parameter has to be identified by its content, as a store needs it.
    scheme : LabelScheme, ActionUnitScheme or None
        Its classes are those that vision-language models are asked about.

    Returns
    -------
    list of Candidate

    Raises
    ------
    ValueError, TypeError
        If there is none, a `param_grid` names a parameter that does not exist, or a method asks for
        what the protocol forbids, or about other classes than the scheme's. The message names the
        method.
    """
    if not isinstance(methods, dict) or not methods:
        raise ParameterError(
            "methods: expected a dict of named estimators, got "
            + ("none" if isinstance(methods, dict) else type(methods).__name__)
        )
    selection = check_selection(selection)
    candidates = []
    for name, given in methods.items():
        method = given if isinstance(given, Method) else Method(given)
        _check_estimator(name, method.estimator)
        _check_roles(name, method.estimator, protocol)
        own = selection if method.selection is None else check_selection(method.selection)
        estimator, settings = _set_classes(
            name, method.estimator, _read_settings(name, method), scheme
        )
        for how in own if settings is not None else [FIXED]:
            if how.startswith(LABEL_FREE) and not protocol.allows_unlabelled_target:
                raise ValueError(
                    f"selection: {how!r} looks at unlabelled clips of the target, which "
                    f"{type(protocol).__name__} forbids; take {NESTED!r} or {FIXED!r}"
                )
            try:
                spec = {
                    "estimator": identify(estimator, strict),
                    "settings": None if how == FIXED else identify(settings, strict),
                }
            except TypeError as error:
                raise TypeError(f"methods: {name!r}: {error}") from None
            label = name if how == FIXED else f"{name}, {how}"
            candidates.append(
                Candidate(
                    label,
                    name,
                    how,
                    estimator,
                    None if how == FIXED else settings,
                    spec,
                    method.citation,
                )
            )
    labels = [candidate.label for candidate in candidates]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"methods: expected names that differ, got {twice[0]!r} twice")
    return candidates


def _check_estimator(name, estimator):
    if not isinstance(name, str) or not name.strip():
        raise ParameterError(f"methods: expected names that are not empty, got {name!r}")
    if isinstance(estimator, type) or not all(
        hasattr(estimator, part) for part in ("fit", "predict", "get_params")
    ):
        raise TypeError(
            f"methods: {name!r}: expected a scikit-learn classifier or pipeline, got {estimator!r}"
        )


def _check_roles(name, estimator, protocol):
    try:
        asking = adapting_parts(estimator)
    except TypeError as error:
        raise TypeError(f"methods: {name!r}: {error}") from None
    if asking and not protocol.allows_unlabelled_target:
        raise ValueError(
            f"methods: {name!r}: {asking[0]} adapts to unlabelled clips of the target, which "
            f"{type(protocol).__name__} forbids"
        )


def _set_classes(name, estimator, settings, scheme):
    try:
        return set_classes(estimator, settings, scheme)
    except ValueError as error:
        raise ParameterError(f"methods: {name!r}: {error}") from None


def _read_settings(name, method):
    if method.param_grid is None:
        return None
    try:
        check_settings(method.param_grid, f"methods: {name!r}: param_grid")
        settings = list(ParameterGrid(method.param_grid))
    except (TypeError, ValueError) as error:
        raise ParameterError(f"methods: {name!r}: param_grid: {error}") from None
    known = method.estimator.get_params(deep=True)
    for parameter in dict.fromkeys(key for setting in settings for key in setting):
        if parameter not in known:
            raise ParameterError(
                f"methods: {name!r}: param_grid: expected parameters of "
                f"{type(method.estimator).__name__}, {sorted(known)}, got {parameter!r}"
            )
    return settings
