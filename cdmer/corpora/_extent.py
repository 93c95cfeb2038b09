"""Which frames of a recording are its clip: those of the expression, or all."""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from cdmer._parameters import ParameterError, check_choice, check_number

EXTENTS = ("expression", "folder")
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*s")


@dataclass(frozen=True)
class Extent:
    """How much of a recording a clip is; the parameters `extent` and `margin` of loaders.

    Parameters
    ----------
    extent : {"expression", "folder"}, default="expression"
        From onset to offset, or all that the folder or the video holds.
    margin : int or str, default=0
        What is added before the onset and after the offset: frames, or seconds as ``"0.2 s"``.

    Raises
    ------
    ParameterError
        If a parameter is not as above, or a margin is asked for around whole folders.
    """

    extent: str = "expression"
    margin: int | str = 0

    def __post_init__(self):
        check_choice("extent", self.extent, EXTENTS)
        check_margin(self.margin)
        if self.extent == "folder" and self.margin != 0:
            raise ParameterError(
                f"margin: expected 0, as extent='folder' leaves nothing out, got {self.margin!r}"
            )


def check_margin(margin):
    """Check a margin: a whole number of frames, or seconds as ``"0.2 s"``.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(margin, str):
        if not _SECONDS.fullmatch(margin.strip()):
            raise ParameterError(f"margin: expected seconds such as '0.2 s', got {margin!r}")
    else:
        check_number("margin", margin, least=0, whole=True)


def margin_in_frames(margin, fps, key):
    """Number of frames of a margin, rounded.

    Parameters
    ----------
    margin : int or str
        As `check_margin` wants it.
    fps : float or None
        Frames per second.
    key : str
        Key of the clip, for messages.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If seconds are asked for and the frame rate is unknown.
    """
    if not isinstance(margin, str):
        return int(margin)
    if fps is None:
        raise ValueError(
            f"clip {key!r}: margin {margin!r} needs its frame rate, which is unknown; give frames"
        )
    return round(float(_SECONDS.fullmatch(margin.strip())[1]) * fps)


def find_expression(numbers, onset, offset, margin=0, around=None):
    """Find the frames from onset to offset.

    Parameters
    ----------
    numbers : sequence of int
        Numbers of all frames, rising.
    onset, offset : int or None
        Frame numbers; None for the first and the last there is.
    margin : int, default=0
        Frames before the onset and after the offset that count as well.
    around : (int, int), default=None
        Numbers that the first and the last of all frames would have, were none missing there; None
        if none is.

    Returns
    -------
    part : slice or None
        Positions of the frames; None if there is none from onset to offset.
    ends : (int, int) or None
        Numbers of the first and the last frame as they would be if none had been dropped.
    """
    first = numbers[0] if onset is None else onset
    last = numbers[-1] if offset is None else offset
    if bisect_left(numbers, first) >= bisect_right(numbers, last):
        return None, None
    lowest, highest = around or (numbers[0], numbers[-1])
    first = lowest if onset is None else max(first - margin, lowest)
    last = highest if offset is None else min(last + margin, highest)
    return slice(bisect_left(numbers, first), bisect_right(numbers, last)), (first, last)


def dropped_ends(ends, numbers):
    """Give the ends of a clip, see `Clip.ends`, or None if its frames have these numbers."""
    if ends is None or ends == (numbers[0], numbers[-1]):
        return None
    return int(ends[0]), int(ends[1])
