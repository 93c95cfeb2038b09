"""Clips from the rows of a manifest, and the frames they name."""

import math
import os
import re
from bisect import bisect_left
from dataclasses import replace
from functools import cache

from cdmer._action_units import split_action_units
from cdmer.corpora._clip import Clip
from cdmer.corpora._extent import dropped_ends, find_expression, margin_in_frames
from cdmer.corpora._faults import Fault, check_frames
from cdmer.corpora._manifest_files import NUMBERS
from cdmer.corpora._media.frames import FrameFolder, list_links
from cdmer.corpora._media.video import VideoFile, slack


class RowReader:
    """Makes clips of the rows of a manifest: `clips`, `faults`, and those `lost` among the latter.

    Parameters
    ----------
    sheet : Sheet
    columns : dict of str to int
        Position of each column that is there.
    root : str
        Absolute path that paths are relative to.
    name : str
        Name of the corpus.
    colour, allow_outside : bool
        See `load_manifest`.
    extent : Extent
        How much of a folder or a video a clip is where the row does not say.
    """

    def __init__(self, sheet, columns, root, name, colour, allow_outside, extent):
        self.sheet = sheet
        self.columns = columns
        self.root = root
        self.real_root = os.path.join(os.path.realpath(root), "")
        self.name = name
        self.colour = colour
        self.allow_outside = allow_outside
        self.extent = extent
        self.list_frames = cache(self._list_frames)  # a folder may hold several clips
        self.lines_of = {}
        self.clips, self.faults, self.lost = [], [], []
        self.problems = []  # of the row that is read: cell and message

    def read(self, number, row):
        """Read one row; `number` counts from 0, the header included."""
        where = f"{self.sheet.name}, row {number + 1}"
        self.problems = []
        try:
            clip, in_place, ends, note = self._clip(row)
        except (ValueError, OSError) as error:
            self._lose(getattr(error, "kind", "frames"), where, str(error))
            return
        first = self.lines_of.setdefault(clip.key, number)
        if first != number:
            message = (
                f"clip {clip.key!r} stands in row {first + 1} already, which counts; a column "
                "'name' tells clips of one subject apart"
            )
            self._lose("duplicate", where, message)
            return
        self.faults += [
            Fault("cell", self._cell(number, column), message, clip.key)
            for column, message in self.problems
        ]
        self.clips.append(clip)
        if in_place:
            numbers = in_place if clip.frame_numbers is None else clip.frame_numbers
            self.faults += [
                Fault(kind, where if moment is None else self._cell(number, moment), text, clip.key)
                for kind, moment, text in check_frames(
                    clip, numbers, in_place, ends, clip.fps, note=note
                )
            ]

    def _lose(self, kind, where, message):
        """List a row that gives no clip."""
        self.lost.append(Fault(kind, where, message))
        self.faults.append(self.lost[-1])

    def _cut(self, clip, numbers):
        """Cut a clip to its expression where onset and offset are known and frames lie between.

        Parameters
        ----------
        clip : Clip
            All frames of a folder or a video.
        numbers : sequence of int
            Their numbers, of a video as announced.

        Returns
        -------
        clip : Clip
        ends : (int, int) or None
            See `find_expression`.
        note : str
            What to say if the clip cannot be cut.
        """
        if clip.onset is None or clip.offset is None:
            return clip, None, ""
        margin = margin_in_frames(self.extent.margin, clip.fps, clip.key)
        all_numbers, place = numbers, "folder" if clip.frame_numbers else "video"
        if clip.frame_numbers is None:
            if numbers and clip.offset > numbers[-1]:
                return clip, None, f"; the clip is all of its {place}"
            # A margin must not lead beyond the true end, which may come before the announced one.
            all_numbers = range(max(clip.offset + 1, len(numbers) - slack(len(numbers))))
        part, ends = find_expression(all_numbers, clip.onset, clip.offset, margin)
        if part is None:
            return clip, None, f"; the clip is all of its {place}"
        if part == slice(0, len(numbers)):
            return clip, ends, ""
        source = clip.source.part(part.start, part.stop)
        cut = tuple(all_numbers[part])
        clip = replace(clip, source=source, frame_numbers=cut, ends=dropped_ends(ends, cut))
        return clip, ends, ""

    def _cell(self, number, column):
        return self.sheet.place(number, self.columns[column])

    def _clip(self, row):
        if any(row[len(self.sheet.rows[0]) :]):
            raise _RowError("cell", f"has {len(row)} cells for {len(self.sheet.rows[0])} columns")
        cells = {
            name: row[i] if i < len(row) and row[i] else None for name, i in self.columns.items()
        }
        if cells["path"] is None:
            raise _RowError("cell", "no path, so that the row names no clip")
        if cells["subject"] is None:
            self.problems.append(("subject", "no subject, so that nobody knows who is recorded"))
        whole = {name: self._whole(name, cells.get(name)) for name in NUMBERS}
        place = self._place(cells["path"])
        try:
            found = self._folder(place, whole["start"], whole["stop"])
            name = os.path.basename(place)
        except NotADirectoryError:
            found = self._video(place, whole["start"], whole["stop"])
            name = os.path.splitext(os.path.basename(place))[0]
        source, frame_numbers, likely_numbers, rate, ends = found
        clip = Clip(
            source,
            name=cells.get("name") or name,
            subject=cells["subject"] or "",
            corpus=cells.get("corpus") or self.name,
            label=cells.get("label"),
            onset=whole["onset"],
            apex=whole["apex"],
            offset=whole["offset"],
            action_units=tuple(split_action_units(cells.get("action_units") or "")),
            fps=self._rate(cells.get("fps")) or rate,
            frame_numbers=frame_numbers,
            apex_spotted_by=cells.get("apex_spotted_by"),
            objective_class=cells.get("objective_class"),
            ends=dropped_ends(ends, likely_numbers),
        )
        is_stated = not (whole["start"] is None and whole["stop"] is None)
        if is_stated or self.extent.extent == "folder":
            return clip, likely_numbers, ends, ""
        clip, ends, note = self._cut(clip, likely_numbers)
        return clip, likely_numbers, ends, note

    def _place(self, text):
        """Path of a clip, which is refused outside of the root."""
        place = os.path.normpath(os.path.join(self.root, text))
        self._check_inside(place, text)
        try:
            os.stat(place)
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"path: there is no {text!r} in {self.root}"
            raise _RowError("missing-folder", message) from error
        return place

    def _check_inside(self, place, text):
        """Refuse what lies outside; links are followed first, since what is read counts."""
        real = os.path.realpath(place)
        if not (self.allow_outside or os.path.join(real, "").startswith(self.real_root)):
            raise _RowError(
                "outside",
                f"path: {text!r} leads out of {self.root}; allow_outside=True accepts that",
            )

    def _list_frames(self, place):
        names, numbers, links = list_links(place)
        for name in links:
            frame = os.path.join(place, name)
            self._check_inside(frame, os.path.relpath(frame, self.root))
        return names, numbers

    def _folder(self, place, start, stop):
        """See `_video`; a folder of images has no rate."""
        names, numbers = self.list_frames(place)
        first = 0 if start is None else bisect_left(numbers, start)
        last = len(numbers) if stop is None else bisect_left(numbers, stop)
        if first >= last:
            raise ValueError(
                f"no frame from start={start} to before stop={stop}, only {numbers[0]} to "
                f"{numbers[-1]}"
            )
        ends = (
            numbers[0] if start is None else max(start, numbers[0]),
            numbers[-1] if stop is None else min(stop - 1, numbers[-1]),
        )
        numbers = numbers[first:last]
        return FrameFolder(place, names[first:last], self.colour), numbers, numbers, None, ends

    def _video(self, place, start, stop):
        """Find the frames of a clip.

        Returns
        -------
        source : VideoFile
        numbers : tuple of int or None
            Numbers of its frames; None where they are unknown until the video is read.
        likely : sequence of int
            The numbers, or else those that the file announces.
        rate : float or None
        ends : (int, int) or None
            Numbers of the first and the last frame, were none missing there; None if none is.
        """
        if start and stop is None:
            raise ValueError(f"start={start}: of a video, give stop, too")
        source = VideoFile(place, start or 0, stop, self.colour)
        announced, rate = source.header()
        if stop is None:
            return source, None, range(announced), rate, None
        if stop > announced + slack(announced):
            raise ValueError(f"stop={stop}: the video has {announced} frames")
        numbers = tuple(range(source.start, stop))
        return source, numbers, numbers, rate, None

    def _whole(self, name, text):
        """Number in a cell; without a frame number in `start` or `stop` there is no clip."""
        if text is None:
            return None
        if re.fullmatch(r"[0-9]{1,9}(\.0*)?", text):
            return int(text.partition(".")[0])
        message = f"expected the number of a frame as {name}, got {text!r}"
        if name in ("start", "stop"):
            raise _RowError("cell", message)
        self.problems.append((name, message))
        return None

    def _rate(self, text):
        if text is None:
            return None
        try:
            rate = float(text)
        except ValueError:
            rate = math.nan
        if math.isfinite(rate) and rate > 0:
            return rate
        self.problems.append(("fps", f"expected a number above 0 as fps, got {text!r}"))
        return None


class _RowError(ValueError):
    """A row gives no clip, for a reason of some kind of `Fault`."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind
