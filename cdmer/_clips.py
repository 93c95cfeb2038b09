"""Clips as transformers accept them: their names for messages, and their frames."""

import math
from dataclasses import is_dataclass

import array_api_compat
import numpy as np

from cdmer._limits import check_clip_bytes

# Bytes of frames that are made room for at first, whatever a file announces.
_AT_FIRST = 2**28


def named_clips(X):
    """Pair every clip with its name in messages.

    Parameters
    ----------
    X : sequence of clips, or array of shape (n_clips, T, H, W)
        A clip is a `cdmer.corpora.Clip` (anything with `frames` and `key`) or an array of shape
        (T, H, W).

    Returns
    -------
    list of (str, clip)
        ``clip 'corpus/subject/name'``, or ``clip 3`` for a bare array. Frames are not read.

    Raises
    ------
    TypeError
        If `X` is no sequence of clips.
    ValueError
        If `X` holds no clip, or is an array that is not four-dimensional.
    """
    if hasattr(X, "frames"):
        raise TypeError(
            f"X: expected a sequence of clips, got one {type(X).__name__}; wrap it in a list"
        )
    if array_api_compat.is_array_api_obj(X) and not _holds_objects(X):
        if X.ndim != 4:
            raise ValueError(
                "X: expected a sequence of clips or one array of shape (n_clips, T, H, W), "
                f"got one array of shape {tuple(X.shape)}"
            )
        clips = [X[i, ...] for i in range(X.shape[0])]
    else:
        try:
            clips = list(X)
        except TypeError:
            raise TypeError(f"X: expected a sequence of clips, got {type(X).__name__}") from None
    if not clips:
        raise ValueError("X: got no clip, expected at least one")
    return [
        (f"clip {clip.key!r}" if hasattr(clip, "key") else f"clip {i}", clip)
        for i, clip in enumerate(clips)
    ]


def is_clip(clip):
    """Whether it is a Clip, whose frames are not read, and not a bare array."""
    return is_dataclass(clip) and hasattr(clip, "source")


def known_length(clip):
    """Number of frames of a clip.

    Parameters
    ----------
    clip : Clip
        Its frames are not read.

    Returns
    -------
    int or None
        That of `frame_numbers`, or of the source: an array, or a callable with an attribute
        `n_frames`. None where it is unknown until the clip is read.
    """
    if clip.frame_numbers is not None:
        return len(clip.frame_numbers)
    if isinstance(clip.source, np.ndarray):
        return len(clip.source)
    return getattr(clip.source, "n_frames", None)


def read_frames(clip, name, *, colour=True):
    """Read and check the frames of one clip.

    Parameters
    ----------
    clip : Clip, or array of shape (T, H, W) or (T, H, W, 3)
        See `named_clips`.
    name : str
        Name of the clip in messages.
    colour : bool, default=True
        Whether frames may have colours.

    Returns
    -------
    array of uint8, shape (T, H, W) or (T, H, W, 3)
        At least one pixel, in the library and on the device where the frames are; not a copy.

    Raises
    ------
    TypeError
        If the frames are no array, or not uint8.
    ValueError
        If they have another shape, there is none, or their number is not that of the clip's
        `frame_numbers`.
    """
    frames = getattr(clip, "frames", clip)
    expected = "(T, H, W) or (T, H, W, 3)" if colour else "(T, H, W)"
    if not array_api_compat.is_array_api_obj(frames):
        raise TypeError(
            f"{name}: expected a Clip or an array of shape {expected}, got {type(frames).__name__}"
        )
    shape = tuple(frames.shape)
    coloured = len(shape) == 4 and shape[-1] == 3
    if coloured and not colour:
        raise ValueError(
            f"{name}: expected grey frames of shape (T, H, W), got colour frames of shape {shape}; "
            "convert the clip to grey first"
        )
    if len(shape) != 3 and not coloured:
        raise ValueError(f"{name}: expected frames of shape {expected}, got shape {shape}")
    if frames.dtype != array_api_compat.array_namespace(frames).uint8:
        raise TypeError(f"{name}: expected frames of dtype uint8, got {frames.dtype}")
    if 0 in shape:
        raise ValueError(f"{name}: expected at least one frame, with pixels, got shape {shape}")
    numbers = getattr(clip, "frame_numbers", None)
    if numbers is not None and len(numbers) != shape[0]:
        raise ValueError(f"{name}: has {len(numbers)} frame numbers for {shape[0]} frames")
    return frames


def expected_length(clip):
    """Number of frames of a clip, known or announced.

    Parameters
    ----------
    clip : Clip
        Its frames are not read, but a file may be opened.

    Returns
    -------
    int or None
        `known_length`, or else what the source gives by its method ``expected_frames()``, which
        need not be true.
    """
    n_frames = known_length(clip)
    if n_frames is None and hasattr(clip.source, "expected_frames"):
        n_frames = clip.source.expected_frames()
    return n_frames


def iterate_frames(clip, name):
    """Read and check the frames of one clip one by one.

    Parameters
    ----------
    clip : Clip, or ndarray of shape (T, H, W) or (T, H, W, 3)
        Those of a Clip come from its method ``stream()``.
    name : str
        Name of the clip in messages.

    Yields
    ------
    ndarray of uint8, shape (H, W) or (H, W, 3)
        All of one shape, at least one. Not to be written to.

    Raises
    ------
    TypeError, ValueError
        As `read_frames`; what is wrong with the last frame, or with their number, after it.
    """
    if not hasattr(clip, "stream"):
        yield from read_frames(clip, name)
        return
    n = 0
    for frame in clip.stream():
        if not n:
            read_frames(frame[None], name)  # of one frame as of many
        yield frame
        n += 1
    if not n:
        raise ValueError(f"{name}: expected at least one frame, got none")
    if clip.frame_numbers is not None and len(clip.frame_numbers) != n:
        raise ValueError(f"{name}: has {len(clip.frame_numbers)} frame numbers for {n} frames")


class FrameArray:
    """Frames gathered in one array, made for as many as are expected; it grows if more come.

    Parameters
    ----------
    expected : int or None
        Number of frames, or one that is close; None where it is unknown.
    name : str
        Name of the clip in messages.
    """

    def __init__(self, expected, name):
        self.expected, self.name = max(1, expected or 1), name
        self.n, self._array = 0, None

    def place(self, shape):
        """Make room for the next frame.

        Parameters
        ----------
        shape : tuple of int
            Its shape, the same for all.

        Returns
        -------
        ndarray of uint8
            Where to write it, before the next is asked for.

        Raises
        ------
        ValueError
            If frames differ in shape, or take more memory than `check_clip_bytes` allows, told by
            the expected number at first.
        """
        n_bytes = math.prod(shape)
        if self._array is None:
            check_clip_bytes(self.expected * n_bytes, self.name)
            n = max(1, min(self.expected, _AT_FIRST // max(1, n_bytes)))
            self._array = np.empty((n, *shape), dtype=np.uint8)
        if shape != self._array.shape[1:]:
            raise ValueError(f"{self.name}: frames differ in size")
        if self.n == len(self._array):
            check_clip_bytes((self.n + 1) * n_bytes, self.name)
            self._resize(min(2 * self.n, self.expected if self.expected > self.n else 2 * self.n))
        self.n += 1
        return self._array[self.n - 1]

    def array(self):
        """All frames, ndarray of uint8, shape (T, H, W) or (T, H, W, 3); None if there are none."""
        if self.n and self.n < len(self._array):
            self._resize(self.n)
        return self._array

    def _resize(self, n):
        # In place, where the memory allows; a second array would double what is needed.
        self._array.resize((n, *self._array.shape[1:]), refcheck=False)


def collect_frames(frames, expected, name):
    """Gather frames that come one by one.

    Parameters
    ----------
    frames : iterable of ndarray of uint8, shape (H, W) or (H, W, 3)
        All of one shape, at least one.
    expected, name
        See `FrameArray`.

    Returns
    -------
    ndarray of uint8, shape (T, H, W) or (T, H, W, 3)

    Raises
    ------
    ValueError
        If they take more memory than `check_clip_bytes` allows.
    """
    gathered = FrameArray(expected, name)
    for frame in frames:
        gathered.place(frame.shape)[...] = frame
    return gathered.array()


def _holds_objects(array):
    return array_api_compat.is_numpy_array(array) and array.dtype == object
