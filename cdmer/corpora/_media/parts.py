"""Parts of any source of frames, which are not read before they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from cdmer._fingerprint import fingerprint
from cdmer.corpora._media.frame_cache import CachedFrames


@dataclass(frozen=True, eq=False)
class PartOfFrames:
    """Frames of a source that knows no parts itself; calling it reads all and gives some.

    Parameters
    ----------
    source : callable
        Gives all frames.
    start, stop : int
        Positions of the first frame and the one after the last.
    """

    source: Callable
    start: int
    stop: int

    def __call__(self):
        """Give the frames."""
        frames = self.source()
        self._check(len(frames))
        return frames[self.start : self.stop]

    def __iter__(self):
        """Give the frames one by one; those before the part are read, too."""
        if not hasattr(self.source, "__iter__"):
            yield from self()
            return
        n = 0
        for frame in islice(self.source, self.stop):
            if n >= self.start:
                yield frame
            n += 1
        self._check(n)

    def _check(self, n_frames):
        if n_frames < self.stop:
            raise ValueError(
                f"expected at least {self.stop} frames, of which the clip is a part, got {n_frames}"
            )

    @property
    def n_frames(self):
        """Number of frames, int."""
        return self.stop - self.start

    def part(self, start, stop):
        """Source of the frames at positions `start` to `stop`, the latter exclusive, from 0."""
        return replace(self, start=self.start + start, stop=self.start + stop)

    def fingerprint(self):
        """Name the frames by those of the source, a str, or None if it does not name them."""
        known = getattr(self.source, "fingerprint", None)
        whole = known() if callable(known) else None
        return None if whole is None else fingerprint("part", whole, self.start, self.stop)


def part_of(source, start, stop):
    """Source of the frames at positions `start` to `stop`, the latter exclusive.

    Parameters
    ----------
    source : ndarray or callable
        As a Clip has it.
    start, stop : int

    Returns
    -------
    ndarray or callable
        What is kept in a cache stays there, the part under a key of its own.
    """
    if isinstance(source, CachedFrames):
        key = f"{source.key}, {start}:{stop}"
        return replace(source, source=part_of(source.source, start, stop), key=key)
    if hasattr(source, "part"):
        return source.part(start, stop)
    return PartOfFrames(source, start, stop) if callable(source) else source[start:stop]
