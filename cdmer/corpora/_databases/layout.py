"""How a database lies on disk, as data."""

import re
import unicodedata
from dataclasses import dataclass, field

# Headers of label files are compared without case, spaces and punctuation. Every database's own
# header counts too; these are the spellings that releases vary between.
_SPELLINGS = {
    "subject": ("subject", "sub", "subid", "subjectid"),
    "clip": ("filename", "file", "clip"),
    "onset": ("onset", "onsetframe", "onsetf"),
    "apex": ("apex", "apexframe", "apexf"),
    "offset": ("offset", "offsetframe", "offsetf"),
    "label": ("emotion", "estimatedemotion"),
    "action_units": ("au", "aus", "actionunit", "actionunits"),
    "objective_class": ("objectiveclass", "objectiveclasses"),
}
# Without these columns there is no clip, or no use for it.
REQUIRED = ("subject", "clip", "onset", "apex", "offset", "label")


@dataclass(frozen=True)
class Folders:
    """Where the frames of a database lie.

    Parameters
    ----------
    templates : tuple of str
        Folders of a clip relative to the database's, with ``{subject}``, ``{clip}``, ``{label}``
        and ``{onset}`` in them. The first whose leading part exists counts.
    frame : str
        Name of a frame's file, with ``{number}``, ``{subject}`` and ``{clip}``. Reading goes by
        the last integer of the name, whatever the rest.
    recordings : bool
        Whether a folder holds a whole recording, of which a clip is the frames from onset to
        offset. Then folders without a row are as expected.
    """

    templates: tuple[str, ...]
    frame: str
    recordings: bool = False


@dataclass(frozen=True)
class KnownMistake:
    """A mistake of a label file for which the right value is known.

    Parameters
    ----------
    subject, clip : str
        The row, by the clip's own subject and name.
    field : {"onset", "apex", "offset"}
    before, after : int
        As the label file has it, and the right one. Where a label file has anything else, it is
        left alone.
    reason : str
    """

    subject: str
    clip: str
    field: str
    before: int
    after: int
    reason: str


@dataclass(frozen=True)
class Layout:
    """A database: its folders, its label file, its published counts.

    Parameters
    ----------
    name : str
        Name of the corpus, as label schemes know it.
    title : str
        Name of the database in print.
    fps : float
        Frames per second.
    folders : dict of str to Folders
        Per variant; the first is the default.
    emotions : dict of str to (int, tuple of int or None)
        Emotions that the database has, lower case, and the published number of clips of each: a
        tuple where releases differ, None where none is published.
    n_clips : int or tuple of int
        Published number of clips.
    label_files : tuple of str
        Names of the label file, with ``*`` for what releases vary; the first is the official one.
        Empty: emotion and subject are in the names of the folders, and a folder holds the frames
        from onset to offset.
    sheet : str or None
        Name of the sheet; None for the first.
    columns : tuple of (str, str or None)
        Headers in the order of the official file, and the field of the clip that each holds; None
        for a column that is not read. A file without header goes by the order alone.
    header : int or None
        Row of the header in the official file, from 0; None for a file without. A header in
        another row is found as well.
    subject : str
        The subject's own spelling from its number, ``"sub{:02d}"``; ``"{}"`` where it is no number.
    clip : str
        The clip's name, from ``{clip}`` and ``{onset}``: one that repeats within a subject is told
        by its onset.
    unknown : dict of str to tuple of str
        Per moment, what a cell holds where the moment is not known; an empty one always counts.
    mistakes : tuple of KnownMistake
    """

    name: str
    title: str
    fps: float
    folders: dict
    emotions: dict
    n_clips: int | tuple[int, ...]
    label_files: tuple[str, ...] = ()
    sheet: str | None = None
    columns: tuple[tuple[str, str | None], ...] = ()
    header: int | None = 0
    subject: str = "{}"
    clip: str = "{clip}"
    unknown: dict = field(default_factory=dict)
    mistakes: tuple[KnownMistake, ...] = ()

    def headers(self, field):
        """Folded spellings under which a column may stand, a set of str; empty if there is none."""
        own = {fold_header(header) for header, known in self.columns if known == field}
        return own | set(_SPELLINGS[field]) if own else set()

    def subject_name(self, text):
        """Spell a subject as the database does.

        Parameters
        ----------
        text : str
            A cell or the name of a folder: ``"1"``, ``"01"`` or ``"sub01"``.

        Returns
        -------
        str
            ``"sub01"``; the text itself where it is not of this form.
        """
        prefix = self.subject.partition("{")[0]
        number = re.fullmatch(rf"(?:{re.escape(prefix)})?0*(\d+)", text, re.IGNORECASE)
        if self.subject == "{}" or number is None:
            return text
        return self.subject.format(int(number[1]))


def fold_header(text):
    """Leave of a header what its spellings have in common."""
    return "".join(c for c in text.casefold() if c.isalnum())


def fold_name(text):
    """Leave of the name of a folder what copies have in common: case, spaces and zeros go."""
    text = "".join(unicodedata.normalize("NFC", text).casefold().split())
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def fold_emotion(text):
    """Spell an emotion in lower case, `Other` and `Others` as one."""
    text = " ".join(text.casefold().split())
    return "others" if text == "other" else text
