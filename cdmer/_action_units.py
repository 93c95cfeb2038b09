"""Action units as label files write them: side, number, intensity, and what else stands there."""

import re
from typing import NamedTuple

# A plus sign, or what passes for one; Chinese spreadsheets have commas of their own.
_SEPARATORS = re.compile(
    "[+,;&\n\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC COMMA}\N{FULLWIDTH SEMICOLON}\N{FULLWIDTH PLUS SIGN}]"
)
_OR = re.compile(r"\bOR\b|\|")
_CODE = re.compile(
    r"(?P<kind>AU|AD|M)?(?P<side>[LRTBUA](?:/[LRTBUA])*)?(?P<number>\d{1,2})"
    r"(?P<behind>[LRTU](?![A-Z0-9])|[LR](?=[A-E]))?(?P<intensity>[A-E](?:[/-][A-E])*)?"
)
# Marks of doubt: "4?", and the "(k)" of 4DME.
_MARK = re.compile(r"\?|\(K\)")
# Words of remarks: "soft focus", "(big swallow)". "ref" and "or" are none.
_WORD = re.compile(r"\b(?!REF\b|OR\b)[A-Z]{3,}\b|[^\x00-\x7f]+")
_REFERENCE = re.compile(r"\bREF\b|\bREF(?=\d|\()")


class ActionUnit(NamedTuple):
    """An action unit as annotated.

    Parameters
    ----------
    number : int
        In the Facial Action Coding System.
    kind : {"AU", "AD", "M"}
        Action unit, action descriptor, or movement of the head or the eyes.
    side : str
        ``"L"`` left, ``"R"`` right, ``"T"`` top, ``"B"`` bottom or both, ``"U"`` unilateral,
        ``"A"`` asymmetric, several joined by "/"; empty where none is given.
    intensity : str
        ``"A"`` to ``"E"``, or a range, ``"A/B"``; empty where none is given.
    """

    number: int
    kind: str = "AU"
    side: str = ""
    intensity: str = ""


class Reading(NamedTuple):
    """What the text of one action unit says.

    Parameters
    ----------
    action_units : tuple of ActionUnit
        One; several for alternatives; none for free text.
    doubtful : bool
        Whether the annotator left open which action unit it is, or whether there is one.
    """

    action_units: tuple[ActionUnit, ...]
    doubtful: bool = False


def split_action_units(text):
    """Split a cell into the texts of single action units, outer spaces gone, a list of str."""
    return [" ".join(part.split()) for part in _SEPARATORS.split(text) if part.strip()]


def tidy_action_unit(text):
    """Spell a plain code alike everywhere, ``"au r12b"`` as ``"R12B"``; leave all else as it is."""
    code = _close_up(text.upper())
    return code.removeprefix("AU") if _CODE.fullmatch(code) else text


def _close_up(text):
    """Remove spaces, but never between digits."""
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", text)


def parse_action_unit(text):
    """Read one action unit.

    Parameters
    ----------
    text : str
        As annotated: ``"R12B"``, ``"A/L12"``, ``"10A/B"``, ``"ref(7B)"``, ``"L12 or L14"``. Free
        text without digits, such as ``"soft focus"``, is no action unit; words beside digits are
        remarks.

    Returns
    -------
    Reading or None
        None for what is neither a code nor words.

    Examples
    --------
    >>> parse_action_unit("R12B").action_units
    (ActionUnit(number=12, kind='AU', side='R', intensity='B'),)
    >>> parse_action_unit("soft focus").action_units
    ()
    >>> [one.number for one in parse_action_unit("(R6 or R12)").action_units]
    [6, 12]
    >>> parse_action_unit("(R6 or R12)").doubtful, parse_action_unit("4?").doubtful
    (True, True)
    """
    plain = " ".join(text.upper().split())
    marked = _MARK.search(plain) is not None
    if not re.search(r"\d", plain):
        return Reading((), marked) if marked or _WORD.search(plain) else None
    plain = _REFERENCE.sub(" ", _WORD.sub(" ", _MARK.sub(" ", plain)))
    found = []
    for part in _OR.split(plain):
        # Brackets only group: "A(4B/C)", "(L/A)4B", "ref(12/14)".
        part = re.sub(r"[()\[\]!*]", " ", part).strip()
        part = _close_up(part)
        pieces = part.split("/")
        for code in pieces if all(re.search(r"\d", piece) for piece in pieces) else [part]:
            match = _CODE.fullmatch(code)
            if match is None:
                return None
            side = "/".join(filter(None, (match["side"], match["behind"])))
            kind = match["kind"] or "AU"
            found.append(ActionUnit(int(match["number"]), kind, side, match["intensity"] or ""))
    numbers = {(unit.kind, unit.number) for unit in found}
    return Reading(tuple(found), marked or len(numbers) > 1)


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
    action_units = (
        split_action_units(action_units) if isinstance(action_units, str) else action_units
    )
    action_units = [action_unit for action_unit in action_units if action_unit.strip()]
    if not action_units:
        raise ValueError(f"action units of clip {clip.key!r}: expected at least one, got none")
    return action_units
