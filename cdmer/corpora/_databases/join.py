"""Clips from rows and folders: frames listed and cut, moments checked."""

from dataclasses import replace

from cdmer.corpora._clip import Clip
from cdmer.corpora._databases.spelling import fold_name
from cdmer.corpora._extent import dropped_ends, find_expression, margin_in_frames
from cdmer.corpora._faults import Fault, check_frames
from cdmer.corpora._media.frames import FrameFolder, list_frames


class Joiner:
    """Joins rows with their frames: adds clips, repairs and faults to a reading.

    Parameters
    ----------
    reading : Reading
    colour : bool
        Give frames in colours.
    extent : Extent
        How much of a folder a clip is.
    """

    def __init__(self, reading, colour, extent):
        self.reading = reading
        self.layout = reading.layout
        self.extent = extent
        self.recordings = reading.layout.folders[reading.variant].recordings
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
            # A recording holds many clips, but each once, in whichever case it is written.
            within = fold_name(row.name) if self.recordings else row.onset if row.shares else None
            owner = owners.setdefault((place, within), row)
            if owner is not row:
                self._lose("duplicate", row.where, row, f"its folder is that of {owner.key!r}")
                continue
            try:
                names, numbers = self._list(place)
                if not self.layout.label_files:
                    row = self._with_ends(row, numbers)
                part, ends = self._cut(row, numbers)
            except (ValueError, OSError) as error:
                self._lose("frames", self.reading.name(place), row, str(error))
                continue
            self._check(row, numbers[part], ends, numbers, place)
            self.reading.clips.append(self._clip(row, place, names[part], numbers[part], ends))

    def _with_ends(self, row, numbers):
        """A row of folders alone, with the onset and offset of a second file or of the folder."""
        for moment, end in (("onset", numbers[0]), ("offset", numbers[-1])):
            known = getattr(row, moment)
            if known is not None and not numbers[0] <= known <= numbers[-1]:
                where, frames = row.cells[moment], f"{numbers[0]} to {numbers[-1]}"
                message = f"{moment} {known}, where the folder has {frames}; that one counts"
                self.reading.faults.append(Fault("contradiction", where, message, row.key))
                known = None
            row = row if known is not None else replace(row, **{moment: end})
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
        margin = margin_in_frames(self.extent.margin, row.fps, row.key)
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
            row.fps,
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
            fps=row.fps,
            frame_numbers=numbers,
            objective_class=row.objective_class,
            ends=dropped_ends(ends, numbers),
        )
