"""What a face shows, who draws it, and who renders it: the two halves of synthesis."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cdmer._parameters import ParameterError, check_number

# The action units of MiE-X.
ACTION_UNITS = (
    "1",
    "2",
    "4",
    "5",
    "6",
    "7",
    "9",
    "10",
    "12",
    "14",
    "15",
    "17",
    "20",
    "23",
    "25",
    "26",
    "45",
)

_CODE = re.compile(r"([LR]?)([1-9]\d?)")


def split_code(code):
    """Split the code of an action unit into its side and its number.

    Parameters
    ----------
    code : str
        ``"12"``, ``"L14"`` or ``"R1"``.

    Returns
    -------
    side : {"", "L", "R"}
        The person's left or right, or both.
    unit : str
        One of `ACTION_UNITS`.

    Raises
    ------
    ParameterError
        If it is no such code, or of another unit.
    """
    match = _CODE.fullmatch(code) if isinstance(code, str) else None
    if match is None or match[2] not in ACTION_UNITS:
        raise ParameterError(
            f"units: expected action units {', '.join(ACTION_UNITS)}, with L or R before them for "
            f"one side, got {code!r}"
        )
    return match[1], match[2]


@dataclass(frozen=True)
class Expression:
    """Action units that a face shows at its apex.

    Parameters
    ----------
    label : str
        The class, such as ``"negative"``.
    units : iterable of (str, float)
        Action units and intensities from 0 (nothing shows) to 1 (as much as can be): those of FACS
        divided by 5. ``"12"`` is both sides, ``"L12"`` and ``"R12"`` the person's left and right,
        which are on the right and the left of the picture. None is a neutral face. Kept in the
        order of the units.
    source : str, default=""
        Where the units come from: ``"expert"``, ``"annotated"`` or ``"early-macro"``.
    emotion : str, default=""
        The emotion, where the class holds several.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `units` are no pairs, a unit is not one of the 17 of
        `ACTION_UNITS` or is given twice, or an intensity is not a number from 0 to 1.

    Examples
    --------
    >>> from cdmer.synthesis import Expression
    >>> Expression("positive", [("12", 0.3), ("L6", 0.1)]).units
    (('L6', 0.1), ('12', 0.3))
    """

    label: str
    units: tuple[tuple[str, float], ...]
    source: str = ""
    emotion: str = ""

    def __post_init__(self):
        checked, seen = [], set()
        for code, intensity in _pairs(self.units):
            side, unit = split_code(code)
            check_number(f"intensity of action unit {code!r}", intensity, least=0, most=1)
            for one in side or "LR":
                if (one, unit) in seen:
                    raise ParameterError(f"units: expected each once, got {code!r} again")
                seen.add((one, unit))
            checked.append((int(unit), code, float(intensity)))
        units = tuple((code, intensity) for _, code, intensity in sorted(checked))
        object.__setattr__(self, "units", units)


def _pairs(units):
    """Make sure of pairs before they are taken apart: text of two letters looks like one."""
    pairs = list(units) if isinstance(units, Iterable) else [units]
    if isinstance(units, str | Mapping) or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs
    ):
        raise ParameterError(
            f"units: expected pairs of action unit and intensity, such as [('12', 0.3)], got "
            f"{units!r}"
        )
    return pairs


class UnitSource(ABC):
    """Draws expressions of given classes.

    A source is a pure function of its parameters and of the random numbers that it is given, and
    can be pickled.

    Attributes
    ----------
    classes : tuple of str
        The labels that `draw` takes.
    """

    classes: tuple[str, ...]

    @abstractmethod
    def draw(self, label, rng):
        """Draw an expression.

        Parameters
        ----------
        label : str
            One of `classes`.
        rng : numpy.random.Generator

        Returns
        -------
        Expression

        Raises
        ------
        ParameterError
            If the source does not know the class.
        """

    @abstractmethod
    def describe(self):
        """Everything that the draws follow from but the random numbers, a dict for JSON."""

    def check_label(self, label):
        """Refuse a class that the source does not know."""
        if label not in self.classes:
            raise ParameterError(f"label: expected one of {self.classes}, got {label!r}")


class Renderer(ABC):
    """Turns an identity and an expression into frames.

    A renderer is a pure function of its parameters, of the identity's number and of the random
    numbers that it is given, and can be pickled.

    Attributes
    ----------
    size : int
        Width and height of the frames, pixels.
    n_identities : int or None
        How many identities there are, counted from 0; None where there is no end to them.
    classes : tuple of str or None
        The classes that it can show, if it goes by the class of an expression; None where it shows
        the action units, whatever the class.
    """

    size: int
    n_identities: int | None
    classes: tuple[str, ...] | None = None

    @abstractmethod
    def render(self, identity, expression, course, rng):
        """Render frames of an expression that comes and goes.

        Parameters
        ----------
        identity : int
            Who shows it, from 0.
        expression : Expression
        course : sequence of float
            Share of the apex' displacement in each frame, 0 to 1; ``(0, 1)`` gives onset and apex.
        rng : numpy.random.Generator
            For what differs from one recording to the next.

        Returns
        -------
        ndarray of uint8, shape (n_frames, size, size)

        Raises
        ------
        ParameterError
            If there is no such identity, or the course leaves 0 to 1.
        """

    @abstractmethod
    def describe(self):
        """Everything that the frames follow from but the random numbers, a dict for JSON."""
