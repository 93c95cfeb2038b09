"""Action units as databases write them."""

import re

# Prefix, side (left, right, top, bottom), number, intensity: "4", "AU12", "R12B", "T18".
_UNIT = re.compile(r"\s*(?:AU)?\s*[LRTB]?\s*(\d{1,2})\s*[LR]?\s*[A-E]?\s*", re.IGNORECASE)


def unit_number(text):
    """Read the number of an action unit, side and intensity aside.

    Parameters
    ----------
    text : str
        One unit as annotated, ``"R12B"``.

    Returns
    -------
    int or None
        None for what is no single unit: ``"?"``, ``"12 or 15"``.
    """
    match = _UNIT.fullmatch(text)
    return None if match is None else int(match[1])


def annotated_units(clip):
    """Give the texts of a clip's action units.

    Parameters
    ----------
    clip : object with attributes `action_units` and `key`
        `action_units` is a tuple of str, or a string in which "+" joins them, as in the table of
        features.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If there is none.
    """
    units = clip.action_units
    units = units.split("+") if isinstance(units, str) else list(units)
    units = [unit for unit in units if unit.strip()]
    if not units:
        raise ValueError(f"action units of clip {clip.key!r}: expected at least one, got none")
    return units
