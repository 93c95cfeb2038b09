"""A source and a renderer that cost nothing, for tests of what is around them."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdmer.synthesis import Expression, Renderer, UnitSource, synthesize


@dataclass(frozen=True)
class Coin(UnitSource):
    """Two action units of random strength."""

    classes: tuple = ("negative", "positive", "surprise")
    strongest: float = 1.0

    def draw(self, label, rng):
        a, b = rng.uniform(0, self.strongest, size=2)
        return Expression(label, [("12", a), ("L6", b)], "coin", "joy")

    def describe(self):
        return {"source": "Coin", "strongest": self.strongest}


@dataclass(frozen=True)
class Noise(Renderer):
    """Frames of noise, brighter where the course is high."""

    size: int = 32
    n_identities: int | None = None
    broken: tuple = ()  # identities that cannot be rendered
    error: type = RuntimeError
    seconds: float = 0.0
    log: str = ""
    classes: tuple | None = None

    def render(self, identity, expression, course, rng):
        if self.log:
            with open(self.log, "a") as file:
                print(identity, expression.label, file=file)
        time.sleep(self.seconds)
        if identity in self.broken and expression.label == "positive":
            raise self.error(f"identity {identity} broke, on purpose")
        frames = rng.integers(0, 56, size=(len(course), self.size, self.size))
        return (frames + 100 * np.asarray(course)[:, None, None] + identity % 50).astype(np.uint8)

    def describe(self):
        return {"renderer": "Noise", "size": self.size}


def contents(folder):
    """Bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in Path(folder).rglob("*")
    }


def main(folder, log, n_jobs):
    """Write 240 clips."""
    synthesize(
        folder,
        sources={"a": Coin(), "b": Coin()},
        identities=40,
        random_state=5,
        n_jobs=n_jobs,
        renderer=Noise(seconds=0.002, log=str(log)),
        progress=False,
    )


if __name__ == "__main__":
    from doubles import main  # by the name that workers know  # noqa: F811

    main(*sys.argv[1:], n_jobs=2)
