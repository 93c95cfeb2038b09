"""How large, deep and many the values of a config file may be."""

import math

from cdmer.evaluation.config._param_grid import count_values, tables_of
from cdmer.evaluation.config._section import one_line

MOST_BYTES = 2**20
MOST_SETTINGS = 100_000
_MOST_DEPTH = 32
_MOST_CHARACTERS = 10_000
_MOST_ENTRIES = 10_000
_MOST_WHOLE, _MOST_NUMBER = 10**7, 10**15
_MOST_SEED = 2**32 - 1
_MOST_WEIGHTS = 5 * 10**7  # between layers: 1.6 GB with their gradients and two moments
# By the name of the key, or of the parameter: its part after the last "__".
_MOST = {
    **dict.fromkeys(("random_state", "seed", "seeds"), _MOST_SEED),
    **dict.fromkeys(("n_epochs", "token_budget", "request_budget"), 10**6),
    **dict.fromkeys(("n_clips", "n_estimators", "n_frames", "batch_size", "n_steps"), 10_000),
    **dict.fromkeys(("hidden_layer_sizes", "lstm_size", "n_hidden", "n_random"), 10_000),
    **dict.fromkeys(("cache_size", "n_bins", "n_rounds"), 10_000),
    **dict.fromkeys(("height", "width", "longest_side", "widths", "n_filters", "n_flow"), 4096),
    **dict.fromkeys(("max_retries", "n_kernels", "n_oversamples", "size"), 1000),
    **dict.fromkeys(
        (
            "channels",
            "concurrency",
            "final_padding",
            "levels",
            "n_jobs",
            "radius",
            "window",
            "windows",
        ),
        256,
    ),
}
_MOST_OF = {
    "corpora": 100,
    "hidden_layer_sizes": 20,
    "levels": 16,
    "methods": 1000,
    "seeds": 1000,
    "steps": 100,
    "widths": 20,
}
_IN_RANGES = ("start", "stop", "step", "logspace")


def check_content(content, place):
    """Refuse a file that asks for more than anybody means, before anything is made of it.

    Parameters
    ----------
    content : dict
        What the file holds.
    place : str
        The file.

    Raises
    ------
    ValueError
        If a number, text, array or table is too large, tables lie too deep, or methods have too
        many settings, by themselves or together. The message names file, table and key, what came,
        and the limit.
    """
    _check(content, (place,), "")
    methods = content.get("methods")
    total = 0
    for name, table in methods.items() if isinstance(methods, dict) else ():
        total += (count := count_models(table))
        if max(count, total) > MOST_SETTINGS:
            before = "" if count == total else f", with the methods before it {total:.3g}"
            raise _fault(
                (place, "methods", name),
                f"expected {MOST_SETTINGS} settings at most, got {count:.3g}{before}",
            )


def count_models(value):
    """Count the models that a value stands for, at all settings of it and of its parts.

    Counted without making one: products over parameters, sums over tables and over estimators
    among the values.

    Parameters
    ----------
    value : object
        As TOML gives it.

    Returns
    -------
    int
        At most 10**18.
    """
    if isinstance(value, list):
        return _product(map(count_models, value))
    if not isinstance(value, dict):
        return 1
    parts = [count_models(part) for key, part in value.items() if key != "param_grid"]
    grid = sum(
        _product(sum(_count_value(one) for one in values) for values in table)
        for table in tables_of(value.get("param_grid"))
    )
    return _product([*parts, grid])


def _count_value(value):
    count = count_values(value)
    return count_models(value) if count is None else count


def _product(counts):
    product = 1
    for count in counts:
        product = min(product * max(1, count), 10**18)
    return product


def _check(value, place, name):
    """Check a value and what lies in it; `name` is that of the parameter that it belongs to."""
    if len(place) > _MOST_DEPTH:
        raise _fault(place[:4], f"expected tables and arrays {_MOST_DEPTH} deep at most")
    if isinstance(value, dict):
        _check_length(value, place, name, "keys")
        for key, part in value.items():
            if len(key) > 200:
                raise _fault(place, f"expected keys of 200 characters at most, got {len(key)}")
            if key == "param_grid":
                _check_grid(part, (*place, key))
            else:
                own = name if key in _IN_RANGES and name in _MOST else key.split("__")[-1]
                _check(part, (*place, key), own)
    elif isinstance(value, list):
        _check_length(value, place, name, "entries")
        for part, at in _entries(value, place):
            _check(part, at, name)
        if name == "hidden_layer_sizes":
            _check_layers(value, place)
    elif isinstance(value, str):
        if len(value) > _MOST_CHARACTERS:
            raise _fault(
                place, f"expected text of {_MOST_CHARACTERS} characters at most, got {len(value)}"
            )
    elif type(value) in (int, float):
        _check_number(value, place, name)


def _check_grid(grid, place):
    """Check the values of parameters; there may be as many as settings, and ranges of them."""
    for table, inside in _entries(grid, place):
        if not isinstance(table, dict):
            _check(table, inside, "")
            continue
        _check_length(table, inside, "", "keys")
        for key, values in table.items():
            for value, at in _entries(values, (*inside, key)):
                _check(value, at, key.split("__")[-1])
                count = count_values(value) or 1
                if count > MOST_SETTINGS:
                    raise _fault(at, f"gives {count:.3g} values, expected {MOST_SETTINGS} at most")


def _entries(value, place):
    """Entries of an array with their places; a value that is none is its own only entry."""
    if not isinstance(value, list):
        return [(value, place)]
    return [(entry, (*place, number)) for number, entry in enumerate(value, start=1)]


def _check_length(value, place, name, what):
    most = _MOST_OF.get(name, _MOST_ENTRIES)
    if len(value) > most:
        raise _fault(place, f"expected {most} {what} at most, got {len(value)}")


def _check_number(value, place, name):
    most = _MOST.get(name, _MOST_WHOLE if isinstance(value, int) else _MOST_NUMBER)
    if not abs(value) <= most:  # NaN is not
        got = value
        if isinstance(value, int) and abs(value) >= 10**30:  # Python refuses to write the longest
            got = f"one of {int(value.bit_length() * math.log10(2)) + 1} digits"
        raise _fault(place, f"expected a number from {-most} to {most}, got {got}")


def _check_layers(sizes, place):
    if all(type(size) is int for size in sizes):
        n_weights = sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))
        if n_weights > _MOST_WEIGHTS:
            raise _fault(
                place, f"expected {_MOST_WEIGHTS} weights between them at most, got {n_weights}"
            )


def _fault(place, message):
    return ValueError(one_line(": ".join(map(str, (*place, message)))))
