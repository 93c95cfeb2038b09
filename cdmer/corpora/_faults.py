"""What is wrong with a copy of a database, and what was put right."""

from dataclasses import dataclass

MOMENTS = ("onset", "apex", "offset")
# Macro-expressions end within this time; micro-expressions within half a second.
LONGEST_SECONDS = 4


@dataclass(frozen=True)
class Fault:
    """Fault found in a copy of a database.

    Parameters
    ----------
    kind : str
        One of

        - ``"missing-folder"``: a row without a folder, or video; there is no clip,
        - ``"missing-row"``: a folder, or a row of a second file, without a row in the label file;
          there is no clip,
        - ``"duplicate"``: a row whose key or folder an earlier row has; the earlier one counts,
        - ``"frames"``: a folder whose frames cannot be put in order, or that lacks those of the
          clip, or a video that cannot be played; there is no clip,
        - ``"outside"``: a row of a manifest whose path leads out of its root; there is no clip,
        - ``"encoding"``: a text file whose encoding was found out, but is not certain,
        - ``"column"``: a column that is missing though a clip can do without, or there twice, or
          not read,
        - ``"contradiction"``: two sheets or files that disagree; the one that counts is named,
        - ``"file"``: a second file that cannot be read; clips go without,
        - ``"cell"``: a cell that does not hold what its column should; nothing is known instead,
        - ``"unknown"``: a moment that the label file leaves open, or a clip that a second file
          does not have,
        - ``"emotion"``: an emotion that the database does not have; the clip keeps it,
        - ``"action-units"``: action units with an alternative, a mark, or no number; the clip
          keeps them as written,
        - ``"order"``: onset, apex and offset not in rising order; the clip keeps them,
        - ``"range"``: onset, apex or offset outside the frames; the clip keeps it,
        - ``"gap"``: frame numbers that are missing between the first and the last,
        - ``"extent"``: a folder or a video that holds more than the clip; the rest is left out,
        - ``"long"``: a clip of more than 4 seconds, longer than any micro-expression and most
          others; it is there.
    where : str
        File and cell, ``"casme.xlsx, C17"``, or a folder; relative to the database's folder.
    message : str
        What was found and what was expected.
    clip : str, default=None
        Key of the clip that it concerns; None where there is none.
    """

    kind: str
    where: str
    message: str
    clip: str | None = None

    def __str__(self):
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Repair:
    """Known mistake of a label file that was put right.

    Parameters
    ----------
    clip : str
        Key of the clip.
    field : str
        What was wrong: ``"onset"``, ``"apex"``, ``"offset"`` or ``"label"``.
    before, after : int, str or None
        As the label file has it, and as the clip has it.
    reason : str
        Why the label file is wrong.
    """

    clip: str
    field: str
    before: int | str | None
    after: int | str | None
    reason: str

    def __str__(self):
        return f"{self.clip}: {self.field} {self.before} -> {self.after}: {self.reason}"


def check_frames(annotated, numbers, in_place, ends=None, fps=None, *, recording=False, note=""):
    """Find what is wrong with a clip's moments and frames, and what its place holds beside them.

    Parameters
    ----------
    annotated : object with attributes `onset`, `apex` and `offset`
        Frame numbers, int or None.
    numbers : sequence of int
        Numbers of the clip's frames, rising.
    in_place : sequence of int
        Those of all frames in its folder or video.
    ends : (int, int), default=None
        Numbers of the clip's first and last frame, were none missing there; None if none is.
    fps : float, default=None
        Frames per second.
    recording : bool, default=False
        Whether the place holds more than clips, so that their moments lie within them.
    note : str, default=""
        What follows from a problem with moments, for its message.

    Returns
    -------
    list of (str, str or None, str)
        Kind of the fault, as in `Fault`; the moment that it is about, or None; and what is wrong.
    """
    first, last = ends or (numbers[0], numbers[-1])
    lowest, highest = first, last
    if not recording:
        lowest, highest = min(first, in_place[0]), max(last, in_place[-1])
    known = [(moment, getattr(annotated, moment)) for moment in MOMENTS]
    known = [(moment, number) for moment, number in known if number is not None]
    problems = []
    for (earlier, one), (later, two) in zip(known, known[1:], strict=False):
        if one > two:
            wrong = "apex" if "apex" in (earlier, later) else later
            problems.append(("order", wrong, f"{earlier} {one} is after {later} {two}{note}"))
    for moment, number in known:
        if not lowest <= number <= highest:
            message = f"{moment} {number} lies outside the frames, {lowest} to {highest}{note}"
            problems.append(("range", moment, message))
    if last - first >= len(numbers):
        missing = _missing(numbers, first, last)
        problems.append(("gap", None, f"frames {missing} are missing{note}"))
    if len(numbers) < len(in_place) and not recording:
        others = f"{len(in_place) - len(numbers)} of {len(in_place)} frames lie outside of the"
        problems.append(("extent", None, f"{others} expression and are left out"))
    first = first if annotated.onset is None else annotated.onset
    last = last if annotated.offset is None else annotated.offset
    if fps is not None and last - first + 1 > LONGEST_SECONDS * fps:
        seconds = f"{(last - first + 1) / fps:.4g} s at {fps:g} per second"
        message = f"frames {first} to {last} are {seconds}; expressions take {LONGEST_SECONDS} s"
        problems.append(("long", None, f"{message} at most"))
    return problems


def _missing(numbers, first, last):
    """Ranges that rising numbers leave out from first to last: ``"5, 8-10"``."""
    numbers = (first - 1, *numbers, last + 1)
    ranges = [
        (one + 1, two - 1) for one, two in zip(numbers, numbers[1:], strict=False) if two > one + 1
    ]
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:10]]
    return ", ".join(texts + ["..."] * (len(ranges) > 10))
