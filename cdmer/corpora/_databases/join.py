"""Clips from rows and folders: frames listed and cut, known mistakes put right, faults found."""

from dataclasses import replace

from cdmer.corpora._clip import Clip
from cdmer.corpora._extent import dropped_ends, find_expression, margin_in_frames
from cdmer.corpora._faults import Fault, Repair, check_frames
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
    extent : Extent
        How much of a folder a clip is.
    """

    def __init__(self, reading, repair, colour, extent):
        self.reading = reading
        self.layout = reading.layout
        self.extent = extent
        self.recordings = reading.layout.folders[reading.variant].recordings
        self.repair = repair
        self.colour = colour
        self._listed = {}
        self._faults_of_cells = {fault.where: i for i, fault in enumerate(reading.faults)}

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
                names, numbers = self._list(place)
                if not self.layout.label_files:
                    row = replace(row, onset=numbers[0], offset=numbers[-1])
                part, ends = self._cut(row, numbers)
            except (ValueError, OSError) as error:
                self._lose("frames", self.reading.name(place), row, str(error))
                continue
            self._check(row, numbers[part], ends, numbers, place)
            self.reading.clips.append(self._clip(row, place, names[part], numbers[part], ends))

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

    def _list(self, place):
        """Names and numbers of the frames in a folder."""
        if place not in self._listed:
            try:
                self._listed[place] = list_frames(place)
            except ValueError as error:
                raise ValueError(str(error).removeprefix(f"{place}: ")) from error
        return self._listed[place]

    def _cut(self, row, numbers):
        """Positions of the clip's frames; the numbers at its ends, None if all of the folder is it.

        A frame that is missing at an end still counts as the end.
        """
        everything = slice(0, len(numbers))
        if self.extent.extent == "folder":
            return everything, None
        if self.recordings and (row.onset is None or row.offset is None):
            raise ValueError("onset or offset is not known, between which the clip lies")
        margin = margin_in_frames(self.extent.margin, self.layout.fps, row.key)
        part, ends = find_expression(numbers, row.onset, row.offset, margin)
        if part is not None:
            self._explain_ends(row, ends)
            return part, ends
        if self.recordings:
            raise ValueError(
                f"no frame from onset {row.onset} to offset {row.offset}, only {numbers[0]} to "
                f"{numbers[-1]}"
            )
        return everything, None

    def _explain_ends(self, row, ends):
        """Say in the fault of an onset or offset that is unknown where the clip ends instead."""
        for moment, number, what in zip(("onset", "offset"), ends, ("begins", "ends"), strict=True):
            i = self._faults_of_cells.get(row.cells.get(moment))
            if getattr(row, moment) is None and i is not None:
                fault = self.reading.faults[i]
                message = f"{fault.message}; the clip {what} with its folder, at frame {number}"
                self.reading.faults[i] = replace(fault, message=message)

    def _check(self, row, numbers, ends, in_folder, place):
        """List what is wrong with a clip's moments and frames, and what its folder holds beside."""
        not_cut = ends is None and self.extent.extent == "expression"
        note = "; the clip is all of its folder" if not_cut else ""
        for kind, moment, message in check_frames(
            row,
            numbers,
            in_folder,
            ends,
            self.layout.fps,
            recording=self.recordings,
            note=note,
        ):
            where = self.reading.name(place) if moment is None else row.cells.get(moment, row.where)
            self.reading.faults.append(Fault(kind, where, message, row.key))
            if kind == "extent":
                self.reading.left_out[row.key] = len(in_folder) - len(numbers)

    def _lose(self, kind, where, row, problem):
        """List a row that gives no clip."""
        message = f"no clip {row.key!r}: {problem}"
        self.reading.faults.append(Fault(kind, where, message))

    def _clip(self, row, place, names, numbers, ends):
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
            ends=dropped_ends(ends, numbers),
        )
