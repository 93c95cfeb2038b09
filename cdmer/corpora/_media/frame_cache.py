"""Decoded frames, kept in memory up to a limit."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np

from cdmer._clips import FrameArray
from cdmer._limits import max_clip_bytes
from cdmer._parameters import check_number

# The caches of this process, each under the name that it has in all processes.
_caches = WeakValueDictionary()


class FrameCache:
    """Frames of the clips that were asked for last.

    Pickled, it is a name and a limit: the cache of that name in the process that unpickles it, and
    an empty one if there is none.

    Parameters
    ----------
    max_bytes : int
        Limit on the memory for frames, in bytes.

    Raises
    ------
    ParameterError
        If it is no whole number above 0.
    """

    def __init__(self, max_bytes):
        check_number("max_bytes", max_bytes, least=1, whole=True)
        self.max_bytes = int(max_bytes)
        self.n_bytes = 0
        self._frames = OrderedDict()
        self._lock = threading.Lock()
        self._name = secrets.token_hex(16)
        _caches[self._name] = self

    def __reduce__(self):
        return _of_this_process, (self._name, self.max_bytes)

    def read(self, key, source):
        """Give the frames of a clip, read by `source` unless they are there."""
        frames = self._find(key)
        if frames is None:
            frames = self._keep(key, np.asarray(source()))
        return frames

    def stream(self, key, source):
        """Give the frames of a clip one by one; kept if all of them are asked for, and fit."""
        frames = self._find(key)
        if frames is None:
            frames = self._gathered(key, source)
        yield from frames

    def _gathered(self, key, source):
        """Frames as `source` gives them, which holds no more of them than the cache may."""
        expected = getattr(source, "n_frames", None)
        # Frames that flow have no limit; those that are kept, that of a clip as well.
        most = min(self.max_bytes, max_clip_bytes())
        gathered, n_bytes = FrameArray(expected, key), 0
        for frame in source:
            n_bytes += frame.nbytes
            if max(n_bytes, (expected or 0) * frame.nbytes) > most:
                gathered = None
            if gathered is not None:
                gathered.place(frame.shape)[...] = frame
            yield frame
        if gathered is not None and gathered.n:
            self._keep(key, gathered.array())

    def _find(self, key):
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
        return None

    def _keep(self, key, frames):
        frames = frames.view()
        frames.flags.writeable = False
        with self._lock:
            if key not in self._frames and frames.nbytes <= self.max_bytes:
                self._frames[key] = frames
                self.n_bytes += frames.nbytes
                while self.n_bytes > self.max_bytes:
                    self.n_bytes -= self._frames.popitem(last=False)[1].nbytes
        return frames


@dataclass(frozen=True, eq=False)
class CachedFrames:
    """Source of a clip whose frames are kept once they are read.

    Parameters
    ----------
    source : callable
        Reads them.
    key : str
        Names the clip in the cache.
    cache : FrameCache
    """

    source: Callable
    key: str
    cache: FrameCache

    @classmethod
    def of(cls, clip, cache):
        """Make the source of a clip, which leaves a cache that it is in."""
        source = clip.source
        return cls(source.source if isinstance(source, cls) else source, clip.key, cache)

    def __call__(self):
        """Give the frames, read-only."""
        return self.cache.read(self.key, self.source)

    def __iter__(self):
        """Give the frames one by one, read-only where they are kept."""
        if not hasattr(self.source, "__iter__"):
            return iter(self())
        return self.cache.stream(self.key, self.source)

    def expected_frames(self):
        """Number of frames that a file announces, int, or None."""
        known = getattr(self.source, "expected_frames", None)
        return self.n_frames if known is None else known()

    @property
    def n_frames(self):
        """Number of frames, int, or None where it is unknown until the clip is read."""
        return getattr(self.source, "n_frames", None)

    def fingerprint(self):
        """Name the frames as their source does, a str, or None if it does not."""
        known = getattr(self.source, "fingerprint", None)
        return known() if callable(known) else None


def _of_this_process(name, max_bytes):
    cache = _caches.get(name)
    if cache is None:
        cache = FrameCache(max_bytes)
        cache._name = name
        cache = _caches.setdefault(name, cache)
    return cache
