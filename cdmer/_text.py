"""Numbers with nouns, and names that are not known, in words."""

from difflib import get_close_matches


def counted(number, noun):
    """Write a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def unknown(what, name, known):
    """Say that a name is not known, and which one may be meant.

    Parameters
    ----------
    what : str
        What it should be a name of.
    name : str
    known : sequence of str

    Returns
    -------
    str
    """
    near = nearest(name, known)
    if near is not None:
        return f"unknown {what} {name!r}; did you mean {near!r}?"
    return f"unknown {what} {name!r}; expected one of {', '.join(map(repr, known))}"


def did_you_mean(name, known):
    """Ask whether the known name that is most like a name is meant; empty if none is like it."""
    known = [one for one in known if isinstance(one, str)]
    near = nearest(name, known) if isinstance(name, str) else None
    return "" if near is None else f"; did you mean {near!r}?"


def nearest(name, known):
    """Find the known name that is most like a name; None if none is like it."""
    by_lower = {}
    for one in known:
        by_lower.setdefault(one.lower(), one)
    name = name.lower()
    found = get_close_matches(name, by_lower, 1)
    if not found and name:  # svc__C for C; "TCA, oracle" for TCA
        found = [one for one in by_lower if one.endswith(f"__{name}") or one.startswith(name)]
    return by_lower[found[0]] if found else None


def is_missing(value):
    """Whether a name is missing: None, NaN, the NA of pandas, or no letter.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
    """
    if value is None or isinstance(value, str):
        return not (value and value.strip())
    try:
        return bool(value != value)
    except TypeError:  # the NA of pandas is neither equal nor unequal to anything
        return True
