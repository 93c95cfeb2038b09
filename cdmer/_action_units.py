"""Action units as databases write them."""

import re

# Prefix, side (left, right, top, bottom), number, intensity: "4", "AU12", "R12B", "T18".
_ACTION_UNIT = re.compile(r"\s*(?:AU)?\s*[LRTB]?\s*(\d{1,2})\s*[LR]?\s*[A-E]?\s*", re.IGNORECASE)


def action_unit_number(text):
    """Read the number of an action unit, side and intensity aside.

    Parameters
    ----------
    text : str
        One action unit as annotated, ``"R12B"``.

    Returns
    -------
    int or None
        None for what is no single action unit: ``"?"``, ``"12 or 15"``.
    """
    match = _ACTION_UNIT.fullmatch(text)
    return None if match is None else int(match[1])


def annotated_action_units(clip):
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
    action_units = clip.action_units
    action_units = action_units.split("+") if isinstance(action_units, str) else list(action_units)
    action_units = [action_unit for action_unit in action_units if action_unit.strip()]
    if not action_units:
        raise ValueError(f"action units of clip {clip.key!r}: expected at least one, got none")
    return action_units
