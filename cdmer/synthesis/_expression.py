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
    action_unit : str
        One of `ACTION_UNITS`.

    Raises
    ------
    ParameterError
        If it is no such code, or of another action unit.
    """
    match = _CODE.fullmatch(code) if isinstance(code, str) else None
    if match is None or match[2] not in ACTION_UNITS:
        raise ParameterError(
            f"action_units: expected action units {', '.join(ACTION_UNITS)}, with L or R before "
            f"them for one side, got {code!r}"
        )
    return match[1], match[2]


@dataclass(frozen=True)
class Expression:
    """Action units that a face shows at its apex.

    Parameters
    ----------
    label : str
        The class, such as ``"negative"``.
    action_units : iterable of (str, float)
        Action units and intensities from 0 (nothing shows) to 1 (as much as can be): those of FACS
        divided by 5. ``"12"`` is both sides, ``"L12"`` and ``"R12"`` the person's left and right,
        which are on the right and the left of the picture. None is a neutral face. Kept in the
        order of the action units.
    source : str, default=""
        Where the action units come from: ``"expert"``, ``"annotated"`` or ``"early-macro"``.
    emotion : str, default=""
        The emotion, where the class holds several.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `action_units` are no pairs, one is not among the 17 of
        `ACTION_UNITS` or is given twice, or an intensity is not a number from 0 to 1.

    Examples
    --------
    >>> from cdmer.synthesis import Expression
    >>> Expression("positive", [("12", 0.3), ("L6", 0.1)]).action_units
    (('L6', 0.1), ('12', 0.3))
    """

    label: str
    action_units: tuple[tuple[str, float], ...]
    source: str = ""
    emotion: str = ""

    def __post_init__(self):
        checked, seen = [], set()
        for code, intensity in _pairs(self.action_units):
            side, action_unit = split_code(code)
            check_number(f"intensity of action unit {code!r}", intensity, least=0, most=1)
            for one in side or "LR":
                if (one, action_unit) in seen:
                    raise ParameterError(f"action_units: expected each once, got {code!r} again")
                seen.add((one, action_unit))
            checked.append((int(action_unit), code, float(intensity)))
        action_units = tuple((code, intensity) for _, code, intensity in sorted(checked))
        object.__setattr__(self, "action_units", action_units)


def _pairs(action_units):
    """Make sure of pairs before they are taken apart: text of two letters looks like one."""
    pairs = list(action_units) if isinstance(action_units, Iterable) else [action_units]
    if isinstance(action_units, str | Mapping) or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs
    ):
        raise ParameterError(
            "action_units: expected pairs of action unit and intensity, such as [('12', 0.3)], "
            f"got {action_units!r}"
        )
    return pairs


class UnitSource(ABC):
    """Base class of sources of action units, which draw expressions of given classes.

    A source is a pure function of its parameters and of the random numbers that it is given, and
    can be pickled. A subclass sets `classes` and defines `draw` and `describe`.

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
        """Describe all that draws depend on except random numbers, as a dict for JSON."""

    def check_label(self, label):
        """Raise an error for a class that the source does not know."""
        if label not in self.classes:
            raise ParameterError(f"label: expected one of {self.classes}, got {label!r}")


class Renderer(ABC):
    """Base class of renderers, which turn an identity and an expression into frames.

    A renderer is a pure function of its parameters, of the identity's number and of the random
    numbers that it is given, and can be pickled. A subclass sets `size` and `n_identities`, and
    defines `render` and `describe`.

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
        """Describe all that frames depend on except random numbers, as a dict for JSON."""


def check_source(name, source):
    """Refuse what is no `UnitSource`, or one without its attributes.

    Parameters
    ----------
    name : str
        What messages call it.
    source : object

    Raises
    ------
    ParameterError
    """
    if not isinstance(source, UnitSource):
        raise ParameterError(f"{name}: expected a UnitSource, got {source!r}")
    classes = getattr(source, "classes", None)
    if not _are_names(classes):
        raise ParameterError(
            f"{name}: expected a UnitSource that sets `classes`, a tuple of str, got {classes!r} "
            f"of {type(source).__name__}"
        )


def check_renderer(renderer):
    """Refuse what is no `Renderer`, or one without its attributes.

    Raises
    ------
    ParameterError
    """
    if not isinstance(renderer, Renderer):
        raise ParameterError(f"renderer: expected a Renderer, got {renderer!r}")
    kind = type(renderer).__name__
    for name, none_too in (("size", False), ("n_identities", True)):
        if not hasattr(renderer, name):
            raise ParameterError(
                f"renderer: expected a Renderer that sets `{name}`, got {kind} without"
            )
        value = getattr(renderer, name)
        if value is not None or not none_too:
            check_number(f"renderer: {name} of {kind}", value, least=1, whole=True)
    if renderer.classes is not None and not _are_names(renderer.classes):
        raise ParameterError(
            f"renderer: expected `classes` of {kind} to be a tuple of str or None, got "
            f"{renderer.classes!r}"
        )


def _are_names(names):
    return isinstance(names, tuple | list) and all(isinstance(name, str) for name in names)
