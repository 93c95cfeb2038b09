"""Settings to choose from: lists of values, and ranges."""

from decimal import Decimal

import numpy as np

from cdmer._text import unknown
from cdmer.evaluation.config import _endpoints, _networks

_UNSAID = _networks.UNSAID | _endpoints.UNSAID
_MOST_COUNTED = 10**18
# Parameters whose tables are values as they are.
PLAIN_TABLES = ("network_params", "request_params", "class_weight")


def read_param_grid(section, build_value, estimator=None):
    """Read the key ``param_grid`` of a table: a table, or an array of tables.

    Parameters
    ----------
    section : Section
    build_value : callable
        ``(section, key, value)``: gives what a value stands for.
    estimator : estimator or None, default=None
        Whose parameters may be named. None: any.

    Returns
    -------
    dict or list of dict
        As `sklearn.model_selection.ParameterGrid` takes it; None where the key is missing.

    Raises
    ------
    ValueError
        If a name is not a parameter of the estimator, or values are no array or range.
    """
    given = section.content.get("param_grid")
    if given is None:
        return None
    if isinstance(given, list) and given:
        return [
            _read_table(section, f"param_grid, {i}", one, build_value, estimator)
            for i, one in enumerate(given, start=1)
        ]
    return _read_table(section, "param_grid", given, build_value, estimator)


def _read_table(section, key, table, build_value, estimator):
    if not isinstance(table, dict) or not table:
        raise section.fault(key, f"expected a table of parameters, got {table!r}")
    inner = section.within(key, table)
    if hasattr(estimator, "get_params"):
        known = [name for name in estimator.get_params() if name.split("__")[-1] not in _UNSAID]
        for name in table:
            if name not in known:
                what = f"parameter of {type(estimator).__name__}"
                raise inner.fault(name, unknown(what, name, known))
    read = {name: _read_values(inner, name, value, build_value) for name, value in table.items()}
    if hasattr(estimator, "get_params"):
        try:
            _networks.check_grid(estimator, read)
        except (TypeError, ValueError) as error:
            raise inner.fault("", error) from error
    return read


def _read_values(section, name, value, build_value):
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value:
        raise section.fault(name, f"expected an array of values or a range, got {value!r}")
    values = []
    plain = name.split("__")[-1] in PLAIN_TABLES
    for i, one in enumerate(value, start=1):
        if plain and isinstance(one, dict):
            values.append(read_plain(section.within(f"{name}, {i}", one), name))
        elif isinstance(one, dict) and "class" not in one and "steps" not in one:
            values += _read_range(section.within(name, one))
        else:
            values.append(build_value(section, f"{name}, {i}", one))
    return values


def tables_of(param_grid):
    """Give the arrays of values of each table of a ``param_grid``, whatever else is wrong with it.

    Parameters
    ----------
    param_grid : object
        As TOML gives it.

    Returns
    -------
    list of list of list
        Per table and parameter.
    """
    tables = param_grid if isinstance(param_grid, list) else [param_grid]
    return [
        [values if isinstance(values, list) else [values] for values in table.values()]
        for table in tables
        if isinstance(table, dict)
    ]


def count_values(value):
    """Count the values of a range without making them; None if it is none that can be read."""
    if not isinstance(value, dict):
        return None
    logspace = value.get("logspace")
    if isinstance(logspace, list) and len(logspace) == 3 and type(logspace[2]) is int:
        return min(logspace[2], _MOST_COUNTED)
    numbers = [value.get(key) for key in ("start", "stop", "step")]
    if not all(_is_number(number) for number in numbers) or numbers[2] <= 0:
        return None
    # In decimals, so that 0.1, 0.2, 0.3 are what a reader of the file expects.
    start, stop, step = (Decimal(str(number)) for number in numbers)
    return int(min((stop - start) / step + 1, Decimal(_MOST_COUNTED)))


def read_plain(section, name):
    """Read a table that is a value as it is.

    Parameters
    ----------
    section : Section
        The table.
    name : str
        Name of the parameter.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If weights of classes are not given by positions.
    """
    if name.split("__")[-1] != "class_weight":
        return section.content
    for key in section.content:
        if not key.isdecimal():
            raise section.fault(
                key,
                'expected positions of classes in the label scheme, "0", "1" and so on, which '
                "are the labels that methods see",
            )
    return {int(key): value for key, value in section.content.items()}


def _read_range(section):
    if "logspace" in section.content:
        section.expect(["logspace"])
        return _logspace(section)
    section.expect(["start", "stop", "step"], ["logspace"])
    start, stop, step = (_number(section, key) for key in ("start", "stop", "step"))
    if step <= 0 or stop < start:
        raise section.fault(
            "", f"expected start <= stop and step > 0, got {start:g}, {stop:g} and {step:g}"
        )
    count = count_values(section.content)
    first, by = Decimal(str(start)), Decimal(str(step))
    whole = all(isinstance(one, int) for one in (start, step))
    return [(int if whole else float)(first + i * by) for i in range(count)]


def _logspace(section):
    values = section.read("logspace", list)
    whole = len(values) == 3 and type(values[2]) is int and values[2] >= 1
    if not whole or not all(_is_number(value) and -300 <= value <= 15 for value in values[:2]):
        raise section.fault(
            "logspace",
            "expected [first exponent, last exponent, number of values], such as [-3, 3, 7], got "
            f"{values!r}",
        )
    first, last, count = values
    return np.logspace(first, last, count).tolist()


def _number(section, key):
    value = section.content[key]
    if not _is_number(value):
        raise section.fault(key, f"expected a number, got {value!r}")
    return value


def _is_number(value):
    return type(value) in (int, float) and abs(value) < 1e300
