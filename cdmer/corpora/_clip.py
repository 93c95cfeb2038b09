"""One recording: frames that are made or read when asked for, and what is known about them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from cdmer._clips import known_length
from cdmer._moments import covered_numbers
from cdmer._text import is_missing
from cdmer.corpora._extent import check_margin, dropped_ends, find_expression, margin_in_frames
from cdmer.corpora._media.parts import part_of


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """One recording of a face.

    Parameters
    ----------
    source : ndarray of shape (T, H, W) or (T, H, W, 3), dtype uint8, or callable
        The frames, or a picklable callable without arguments that returns them. A callable is
        called each time `frames` is read, so a corpus of many clips needs no memory for frames. One
        that has ``__iter__`` gives its frames one by one to `stream`.
    name : str
        Identifies the clip within its corpus and subject.
    subject : str
        The person who is recorded. Evaluation keeps the clips of one subject together. "" where
        unknown; None and NaN become that.
    corpus : str
        The corpus that the clip belongs to.
    label : str, default=None
        The emotion as annotated; label schemes map it to classes.
    onset, apex, offset : int, default=None
        Frame numbers as annotated, counted as the corpus counts them. None where unknown.
    action_units : tuple of str, default=()
        Action units as annotated, side and intensity kept (``"R12B"``).
    fps : float, default=None
        Frames per second.
    frame_numbers : tuple of int, default=None
        Number of each frame, rising; recordings have gaps where frames were dropped. None: 0, 1,
        2, and so on.
    apex_spotted_by : str, default=None
        How the apex was found if a program did, see `cdmer.preprocessing.ApexSpotter`; None for
        an annotated apex, or none.
    objective_class : str, default=None
        The class by action units as annotated, ``"I"`` to ``"VII"``; None where the database gives
        none.
    ends : (int, int), default=None
        Numbers that the first and the last frame would have, had none been dropped there; None for
        those that they have.
    """

    source: np.ndarray | Callable[[], np.ndarray]
    name: str
    subject: str
    corpus: str
    label: str | None = None
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    action_units: tuple[str, ...] = field(default=())
    fps: float | None = None
    frame_numbers: tuple[int, ...] | None = None
    apex_spotted_by: str | None = None
    objective_class: str | None = None
    ends: tuple[int, int] | None = None

    def __post_init__(self):
        if is_missing(self.subject):
            object.__setattr__(self, "subject", "")

    @property
    def frames(self):
        """The frames, ndarray of shape (T, H, W) or (T, H, W, 3), dtype uint8.

        Raises
        ------
        ValueError
            If the source gives anything else.
        """
        frames = np.asarray(self.source() if callable(self.source) else self.source)
        self._check(frames)
        return frames

    def stream(self):
        """Read the frames one by one.

        A source that can be iterated over, such as a video or a folder, holds one frame in memory
        at a time, as do preprocessing steps that need no more; any other is read as `frames` is.

        Yields
        ------
        ndarray of shape (H, W) or (H, W, 3), dtype uint8
            The same frames as in `frames`. Not to be written to.

        Raises
        ------
        ValueError
            As `frames`; what is wrong with a frame after those before it, what is wrong with a
            file as a whole after the last.

        Examples
        --------
        >>> from cdmer.corpora import make_synthetic_corpus
        >>> clip = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)[0]
        >>> clip.frames.shape, sum(1 for frame in clip.stream())
        ((14, 112, 112), 14)
        """
        if not callable(self.source) or not hasattr(self.source, "__iter__"):
            yield from self.frames
            return
        shape = None
        for frame in self.source:
            frame = np.asarray(frame)
            if shape is None:
                self._check(frame[None])
                shape = frame.shape
            if frame.shape != shape or frame.dtype != np.uint8:
                raise ValueError(
                    f"frames of clip {self.key!r}: expected uint8 of shape {shape} as the first "
                    f"has, got {frame.dtype} of shape {frame.shape}"
                )
            yield frame

    def _check(self, frames):
        if frames.dtype != np.uint8 or not (
            frames.ndim == 3 or (frames.ndim == 4 and frames.shape[-1] == 3)
        ):
            raise ValueError(
                f"frames of clip {self.key!r}: expected uint8 of shape (T, H, W) or (T, H, W, 3), "
                f"got {frames.dtype} of shape {frames.shape}"
            )

    @property
    def key(self):
        """``corpus/subject/name``: one string that names the clip in messages and results."""
        return f"{self.corpus}/{self.subject}/{self.name}"

    def position(self, moment):
        """Find the frame of an annotated moment.

        Parameters
        ----------
        moment : {"onset", "apex", "offset"}
            The annotation.

        Returns
        -------
        int
            Position in `frames`, from 0. Where the annotated frame was dropped from the recording,
            that of the nearest one, the earlier of two. Onset and offset, and what lies between
            them, may lie beyond the first and the last frame: up to `ends`, or by one, or a tenth
            of the number of frames. Without `frame_numbers` the number itself, which is not
            compared with the number of frames.

        Raises
        ------
        ValueError
            If the moment is not annotated, or lies outside the clip.
        """
        number = getattr(self, moment)
        if number is None:
            raise ValueError(f"clip {self.key!r}: has no {moment}")
        numbers = self.frame_numbers
        first, last = (0, number) if numbers is None else covered_numbers(self, numbers)
        if not first <= number <= last:
            if numbers is not None:
                first, last = numbers[0], numbers[-1]
            raise ValueError(
                f"clip {self.key!r}: {moment} {number} lies outside its frames, {first} to {last}"
            )
        if numbers is None:
            return int(number)
        return int(np.argmin(np.abs(np.asarray(numbers) - number)))

    def cut(self, margin=0):
        """Cut the clip to its expression, the frames from onset to offset.

        Parameters
        ----------
        margin : int or str, default=0
            Frames before the onset and after the offset to keep as well, where there are any; or
            seconds, such as ``"0.2 s"``, rounded to frames.

        Returns
        -------
        Clip
            The same annotations. Frames are not read; they keep their numbers, so that without
            `frame_numbers` before it has them now. Where onset or offset is unknown, that end stays
            as it is.

        Raises
        ------
        ParameterError
            If `margin` is not as above.
        ValueError
            If no frame lies from onset to offset, seconds are asked for and `fps` is unknown, or
            the number of frames is unknown until they are read and so is the offset.
        """
        check_margin(margin)
        if self.onset is None and self.offset is None:
            return self
        margin = margin_in_frames(margin, self.fps, self.key)
        numbers = self.frame_numbers
        if numbers is None:
            n_frames = known_length(self)
            if n_frames is None and self.offset is None:
                raise ValueError(
                    f"clip {self.key!r}: has no offset, and the number of its frames is unknown"
                )
            # Where the end is unknown a margin might lead beyond it.
            numbers = range(self.offset + 1 if n_frames is None else n_frames)
        part, ends = find_expression(numbers, self.onset, self.offset, margin, self.ends)
        if part is None:
            raise ValueError(
                f"clip {self.key!r}: no frame from onset {self.onset} to offset {self.offset}"
            )
        source = part_of(self.source, part.start, part.stop)
        numbers = tuple(numbers[part])
        return replace(self, source=source, frame_numbers=numbers, ends=dropped_ends(ends, numbers))

    def __repr__(self):
        rate = "" if self.fps is None else f", {self.fps:g} fps"
        return f"Clip({self.key!r}, label={self.label!r}{rate})"
