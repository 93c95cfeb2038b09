"""Parameters: setting them, and checks that are worded alike everywhere."""

import math
from dataclasses import fields, replace

import numpy as np
from sklearn.base import clone

from cdmer._text import did_you_mean


class ParameterError(ValueError, TypeError):
    """A parameter has the wrong type or value; like scikit-learn's, it can be caught as either."""


class FrozenParameters:
    """Parameters of a frozen dataclass, for clones and searches as those of an estimator."""

    def get_params(self, deep=True):
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Not read: no parameter has parameters of its own.

        Returns
        -------
        dict
            Values by name.
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params):
        """Set parameters in place, checked as by the constructor.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self : object
            The same object; its hash is another one.

        Raises
        ------
        ValueError
            If there is no such parameter, or a value is refused.
        """
        known = [field.name for field in fields(self)]
        for name in params:
            if name not in known:
                raise ParameterError(
                    f"params: expected parameters of {type(self).__name__}, {known}, got {name!r}"
                )
        checked = replace(self, **params)
        for name in params:
            object.__setattr__(self, name, getattr(checked, name))
        return self


def check_number(name, value, *, least=None, above=None, most=None, below=None, whole=False):
    """Check a parameter that is a number.

    Raises
    ------
    ParameterError
        If it is not a finite number, not a whole one where asked for, or outside its range.
    """
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    good = isinstance(value, kinds) and not isinstance(value, bool | np.bool_)
    good = good and is_finite(value)
    good = good and (least is None or value >= least) and (above is None or value > above)
    good = good and (most is None or value <= most) and (below is None or value < below)
    if not good:
        bounds = [f">= {least}"] * (least is not None) + [f"> {above}"] * (above is not None)
        bounds += [f"<= {most}"] * (most is not None) + [f"< {below}"] * (below is not None)
        kind = "a whole number" if whole else "a finite number"
        expected = " ".join([kind, " and ".join(bounds)]).rstrip()
        raise ParameterError(f"{name}: expected {expected}, got {value!r}")


def is_finite(number):
    """Whether a number is finite; whole ones beyond all floating-point numbers are not."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def check_choice(name, value, choices):
    """Check a parameter that is one of a few strings (or None).

    Raises
    ------
    ParameterError
        If it is none of them.
    """
    # Arrays and the like compare element by element; they are no choice.
    if not isinstance(value, str | None) or value not in choices:
        raise ParameterError(
            f"{name}: expected one of {tuple(choices)}, got {value!r}{did_you_mean(value, choices)}"
        )


def check_flag(name, value):
    """Check a parameter that is True or False.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name}: expected True or False, got {value!r}")


def at_setting(estimator, setting):
    """Clone an estimator and set parameters, cloned too: a grid may hold estimators."""
    return clone(estimator).set_params(**clone(setting, safe=False))
