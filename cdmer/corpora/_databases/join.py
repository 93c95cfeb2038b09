"""Clips from rows and folders: frames listed, known mistakes put right, the rest checked."""

from bisect import bisect_left, bisect_right
from dataclasses import replace

from cdmer.corpora._clip import Clip
from cdmer.corpora._faults import Fault, Repair, check_moments
from cdmer.corpora._media.frames import FrameFolder, list_frames


class Joiner:
    """Joins rows with their frames: adds clips, repairs and faults to a reading.

    Parameters
    ----------
    reading : Reading
    repair : bool
        Put right what is known to be wrong in the label file.
    colour : bool
        Give frames in colours.
    """

    def __init__(self, reading, repair, colour):
        self.reading = reading
        self.layout = reading.layout
        self.recordings = reading.layout.folders[reading.variant].recordings
        self.repair = repair
        self.colour = colour
        self._listed = {}

    def join(self, rows, places):
        """Make a clip of each row whose frames are there.

        Parameters
        ----------
        rows : list of Row
        places : list of (str or None)
            The folder of each row; None where there is none.
        """
        owners = {}
        for row, place in zip(rows, places, strict=True):
            if place is None:
                base = self.reading.name(self.reading.base)
                self._lose("missing-folder", row.where, row, f"no folder in {base!r}")
                continue
            owner = owners.setdefault(place, row)
            if owner is not row and not self.recordings:
                self._lose("duplicate", row.where, row, f"its folder is that of {owner.key!r}")
                continue
            if self.repair:
                row = self._repaired(row)
            try:
                names, numbers = self._frames(row, place)
            except (ValueError, OSError) as error:
                self._lose("frames", self.reading.name(place), row, str(error))
                continue
            if not self.layout.label_files:
                row = replace(row, onset=numbers[0], offset=numbers[-1])
            self._check(row, numbers, place)
            self.reading.clips.append(self._clip(row, place, names, numbers))

    def _repaired(self, row):
        for known in self.layout.mistakes:
            if (known.subject, known.clip) == (row.subject, row.name) and (
                getattr(row, known.field) == known.before
            ):
                row = replace(row, **{known.field: known.after})
                self.reading.repairs.append(
                    Repair(row.key, known.field, known.before, known.after, known.reason)
                )
        return row

    def _frames(self, row, place):
        """Names and numbers of a clip's frames."""
        if place not in self._listed:
            try:
                self._listed[place] = list_frames(place)
            except ValueError as error:
                raise ValueError(str(error).removeprefix(f"{place}: ")) from error
        names, numbers = self._listed[place]
        if not self.recordings:
            return names, numbers
        if row.onset is None or row.offset is None:
            raise ValueError("onset or offset is not known, between which the clip lies")
        part = slice(bisect_left(numbers, row.onset), bisect_right(numbers, row.offset))
        if part.start >= part.stop:
            raise ValueError(
                f"no frame from onset {row.onset} to offset {row.offset}, only {numbers[0]} to "
                f"{numbers[-1]}"
            )
        return names[part], numbers[part]

    def _check(self, row, numbers, place):
        """List moments out of order or outside the frames, and missing frames."""
        for kind, moment, message in check_moments(row, numbers):
            where = self.reading.name(place) if moment is None else row.cells.get(moment, row.where)
            self.reading.faults.append(Fault(kind, where, message, row.key))

    def _lose(self, kind, where, row, problem):
        """List a row that gives no clip."""
        message = f"no clip {row.key!r}: {problem}"
        self.reading.faults.append(Fault(kind, where, message))

    def _clip(self, row, place, names, numbers):
        return Clip(
            FrameFolder(place, names, self.colour),
            name=row.name,
            subject=row.subject,
            corpus=row.corpus,
            label=row.label,
            onset=row.onset,
            apex=row.apex,
            offset=row.offset,
            action_units=row.action_units,
            fps=self.layout.fps,
            frame_numbers=numbers,
            objective_class=row.objective_class,
        )
