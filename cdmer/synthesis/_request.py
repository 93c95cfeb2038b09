"""A request for a synthesis: every clip of a corpus, and what it follows from."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cdmer import __version__
from cdmer._faces.motion import draw_course
from cdmer._parameters import ParameterError, check_number
from cdmer.synthesis._expression import (
    Expression,
    Renderer,
    UnitSource,
    check_renderer,
    check_source,
)

PAIR = (0.0, 1.0)
# They become names of folders.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Item:
    """A clip that is asked for.

    Parameters
    ----------
    identity : int
        Number of the person who is shown, from 0.
    label : str
        The class.
    source : str
        Name of the source of action units.
    number : int
        Among the clips that share all of this, from 1.
    seed : int
        What is left to chance follows from it: draw with ``numpy.random.default_rng(seed)``.
    """

    identity: int
    label: str
    source: str
    number: int
    seed: int

    @property
    def subject(self):
        """Who is shown, a str."""
        return f"id{self.identity:05d}"

    @property
    def name(self):
        """Name of the clip within its subject."""
        return f"{self.label}-{self.source}-{self.number}"

    @property
    def path(self):
        """Folder of its frames, within the corpus'."""
        return f"{self.subject}/{self.name}"


@dataclass(frozen=True)
class Draw:
    """What follows from an item's seed before anything is rendered."""

    expression: Expression
    course: tuple[float, ...]
    moments: tuple[int | None, int | None, int | None]  # onset, apex, offset


@dataclass(frozen=True)
class Request:
    """A whole synthesis; parameters are those of `synthesize`.

    It can be pickled, and every part of it is a pure function of the item's numbers: which worker
    makes an item, and when, changes nothing.
    """

    classes: tuple[str, ...]
    sources: dict[str, UnitSource]
    renderer: Renderer
    identities: int
    per_class: int
    fps: float | None
    random_state: int
    name: str

    def __post_init__(self):
        self._check_classes()
        _check_name("name", self.name)
        check_number("identities", self.identities, least=1, most=10**6, whole=True)
        check_number("per_class", self.per_class, least=1, most=10**4, whole=True)
        check_number("random_state", self.random_state, least=0, most=2**32 - 1, whole=True)
        if self.fps is not None:
            check_number("fps", self.fps, above=0, most=10**5)
        self._check_renderer()

    def _check_renderer(self):
        check_renderer(self.renderer)
        shown, most = self.renderer.classes, self.renderer.n_identities
        unknown = [label for label in self.classes if shown is not None and label not in shown]
        if unknown:
            raise ParameterError(
                f"classes: expected members of {shown}, which the renderer can show, got "
                f"{unknown[0]!r}"
            )
        if most is not None and self.identities > most:
            raise ParameterError(
                f"identities: expected at most the {most} that the renderer has, got "
                f"{self.identities}"
            )

    def _check_classes(self):
        if not isinstance(self.sources, Mapping) or not self.sources:
            raise ParameterError(
                f"sources: expected a dict of names to UnitSource objects, got {self.sources!r}"
            )
        classes = self.classes
        if not isinstance(classes, tuple | list) or not classes or len({*classes}) < len(classes):
            raise ParameterError(f"classes: expected different class names, got {classes!r}")
        for label in classes:
            _check_name("classes", label)
        for name, source in self.sources.items():
            _check_name("sources", name)
            check_source(f"sources[{name!r}]", source)
            unknown = [label for label in classes if label not in source.classes]
            if unknown:
                raise ParameterError(
                    f"classes: expected members of {tuple(source.classes)}, which the source "
                    f"{name!r} has, got {unknown[0]!r}"
                )
        taken = {}
        for pair in ((label, source) for label in classes for source in self.sources):
            other = taken.setdefault("-".join(pair), pair)
            if other != pair:
                raise ParameterError(
                    f"classes, sources: expected names that tell clips apart, got "
                    f"{'-'.join(pair)!r} for {other} and for {pair}"
                )

    @property
    def n_per_identity(self):
        """Number of clips that show each identity, int."""
        return len(self.classes) * len(self.sources) * self.per_class

    def items(self, identity):
        """Every clip of an identity, in the order of the manifest, a list of Item."""
        return [
            Item(identity, label, source, number, self._seed(identity, label, source, number))
            for label in self.classes
            for source in self.sources
            for number in range(1, self.per_class + 1)
        ]

    def _seed(self, identity, label, source, number):
        # By names, not by positions: a further class or source leaves the other clips as they are.
        names = f"{source}/{label}".encode()
        sequence = np.random.SeedSequence([self.random_state, identity, number, *names])
        return int(sequence.generate_state(1, np.uint64)[0] >> 11)  # spreadsheets keep 53 bits

    def draw(self, item):
        """Draw what a clip shows.

        Returns
        -------
        draw : Draw
        rng : numpy.random.Generator
            For the renderer to go on with.
        """
        rng = np.random.default_rng(item.seed)
        expression = self.sources[item.source].draw(item.label, rng)
        if not isinstance(expression, Expression):
            raise ParameterError(
                f"sources[{item.source!r}]: expected an Expression from draw, got {expression!r}"
            )
        if self.fps is None:
            return Draw(expression, PAIR, (0, 1, None)), rng
        return Draw(expression, *draw_course(self.fps, rng)), rng

    def render(self, item):
        """Draw and render a clip.

        Returns
        -------
        Draw
        frames : ndarray of uint8, shape (n_frames, size, size)

        Raises
        ------
        ParameterError
            If the renderer gives anything else.
        """
        draw, rng = self.draw(item)
        frames = self.renderer.render(item.identity, draw.expression, draw.course, rng)
        expected = (len(draw.course), self.renderer.size, self.renderer.size)
        if getattr(frames, "dtype", None) != np.uint8 or frames.shape != expected:
            raise ParameterError(
                f"renderer: expected frames of uint8, shape {expected}, got "
                f"{getattr(frames, 'dtype', type(frames).__name__)} of shape {np.shape(frames)}"
            )
        return draw, frames

    def describe(self):
        """Everything that the files follow from, a dict as it comes back from JSON."""
        content = {
            "cdmer": __version__,
            "name": self.name,
            "classes": self.classes,
            "sources": [[name, source.describe()] for name, source in self.sources.items()],
            "renderer": self.renderer.describe(),
            "identities": self.identities,
            "per_class": self.per_class,
            "fps": self.fps,
            "random_state": self.random_state,
        }
        return json.loads(json.dumps(content, default=_plain))


def _plain(value):
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"describe: expected what JSON has, got {value!r}")


def _check_name(argument, name):
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ParameterError(
            f"{argument}: expected names of letters, digits, dots, hyphens and underscores, "
            f"got {name!r}"
        )
