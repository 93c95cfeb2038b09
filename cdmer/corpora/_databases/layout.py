"""How a database lies on disk, as data."""

import re
from dataclasses import dataclass, field

from cdmer._images.reading import SUFFIXES
from cdmer._parameters import check_choice, check_flag
from cdmer.corpora._databases.layout_check import (
    check_further_file,
    check_layout,
    check_template,
    check_texts,
    expect,
)
from cdmer.corpora._databases.naming import Naming
from cdmer.corpora._databases.spelling import HEADERS, fold_header
from cdmer.corpora._databases.style import RehearsalStyle
from cdmer.corpora._faults import MOMENTS

_PLACES = ("subject", "clip", "label", "onset", "folder", "film")


@dataclass(frozen=True)
class Folders:
    """Folders in which the frames of a database lie.

    Parameters
    ----------
    templates : tuple of str
        Folders of a clip relative to the database's, with ``{subject}``, ``{clip}``, ``{label}``
        and ``{onset}`` in them, and ``{folder}`` and ``{film}`` of a `Naming`. The first that leads
        to a clip counts; the first of all is where a rehearsal copy has them.
    frame : str
        Name of a frame's file, with ``{number}``, ``{subject}`` and ``{clip}``, such as
        ``"img{number:03d}.jpg"``. Reading goes by the last integer of the name, whatever the rest.
    recordings : bool, default=False
        Whether a folder holds a whole recording, of which several clips may be parts. Then it may
        hold more than the frames from onset to offset, and folders without a row are as expected.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter is not as above.
    """

    templates: tuple[str, ...]
    frame: str
    recordings: bool = False

    def __post_init__(self):
        check_texts("templates", self.templates, least=1)
        for template in self.templates:
            check_template("templates", template, _PLACES)
            inside = not {"", "..", "."} & set(template.split("/"))
            expect(inside, "templates", "folders within that of the database", template)
        check_template("frame", self.frame, ("number", "subject", "clip"), needed="number")
        suffix = self.frame.rpartition(".")[2].lower()
        pictures = f"the name of a picture ({', '.join(sorted(SUFFIXES))})"
        expect(suffix in SUFFIXES, "frame", pictures, self.frame)
        check_flag("recordings", self.recordings)


@dataclass(frozen=True)
class KnownMistake:
    """Mistake of a label file for which the right value is known.

    Parameters
    ----------
    subject : str
        The subject, as the database spells it.
    clip : str
        Name of the clip, which an onset in it names as the label file does.
    field : {"onset", "apex", "offset"}
        What is wrong.
    before : int or None
        The number that the label file has. Where it has anything else, it is left alone. None: any
        number with which onset, apex and offset are not in rising order.
    after : int
        The right number.
    reason : str
        Why the label file is wrong.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `field` is none of these.
    """

    subject: str
    clip: str
    field: str
    before: int | None
    after: int
    reason: str

    def __post_init__(self):
        check_choice("field", self.field, MOMENTS)


class _Table:
    """What a file's columns hold: the methods of `Layout` and `FurtherFile`."""

    @property
    def fields(self):
        """What the columns hold, a tuple of str."""
        return tuple(name for _, name in self.columns if name is not None)

    def headers(self, field):
        """Folded spellings of the header of a field, a set of str; empty if it has no column."""
        own = {fold_header(header) for header, known in self.columns if known == field}
        return own | set(HEADERS[field]) if own else set()


@dataclass(frozen=True)
class FurtherFile(_Table):
    """Second file of a database, read where a copy has it.

    Rows are joined to clips by subject and clip, whatever case and leading zeros. What the label
    file leaves open is filled in, except for emotions, which are compared only.

    Parameters
    ----------
    label_files : tuple of str
        Names of the file, with ``*`` for what copies vary.
    columns : tuple of (str, str or None)
        As in `Layout`; a subject, a clip and something else are needed.
    sheet : str, default=None
        Name of the sheet; None for the first.
    unread : tuple of str, default=()
        As in `Layout`.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter is not as above.
    """

    label_files: tuple[str, ...]
    columns: tuple[tuple[str, str | None], ...]
    sheet: str | None = None
    unread: tuple[str, ...] = ()
    header = 0
    other_columns = ()

    def __post_init__(self):
        check_further_file(self)


@dataclass(frozen=True)
class Layout(_Table):
    """Declaration of a database: its folders, its label file, its published counts.

    Parameters
    ----------
    name : str
        Name by which `load_database` and its siblings know the database.
    title : str
        Name of the database in print.
    fps : float
        Frames per second.
    folders : dict of str to Folders
        Where the frames of each variant lie; the first variant is the default.
    emotions : dict of str to (int, tuple of int or None)
        Emotions that the database has, in lower case, and the published number of clips of each: a
        tuple where releases differ, None where none is published.
    n_clips : int, tuple of int or None, default=None
        Published number of clips.
    label_files : tuple of str, default=()
        Names of the label file, with ``*`` for what releases vary; the first is the official one.
        Empty: emotion and subject are in the names of the folders, and a folder holds the frames
        from onset to offset.
    sheet : str, default=None
        Name of the sheet; None for the first or, if it has no headers, the only one that has.
    columns : tuple of (str, str or None), default=()
        Headers in the order of the official file, and what each column holds: ``"subject"``,
        ``"clip"``, ``"label"``, ``"onset"``, ``"apex"``, ``"offset"``, ``"action_units"``,
        ``"objective_class"``, ``"fps"``, ``"kind"`` (a key of `kinds`) or ``"place"`` (``{folder}``
        and ``{film}`` of a `Naming`, to compare), or None for a column that is not read. A label
        file needs the first three; moments, action units, objective classes and frame rates are
        read where a file has them under a usual header. A file without header goes by the order
        alone.
    mixed_rates : tuple of str, default=()
        Those of `label_files` whose clips have several frame rates: where such a file has no column
        of them, none is known.
    header : int or None, default=0
        Row of the header in the official file, from 0; None for a file without. A header in
        another row is found as well.
    other_columns : tuple, default=()
        `columns` of other releases of a file without header. The widest that the file has counts.
    unread : tuple of str, default=()
        Further headers of columns that are not read, with ``*``. Any other is a fault.
    subject : str, default="{}"
        The subject's own spelling from its number, ``"sub{:02d}"``; ``"{}"`` where it is no number.
    clip : str, default="{clip}"
        The clip's name, from ``{clip}`` and ``{onset}``: the onset tells clips apart whose names
        repeat within a subject.
    repeated : str, default=None
        The clip's name where one folder, and one name, has several clips of different onsets: each
        is the frames from onset to offset. None: a name occurs once within a subject.
    unknown : dict of str to tuple of str, default={}
        What a cell of ``"onset"``, ``"apex"`` or ``"offset"`` holds where the moment is not known;
        an empty cell always counts.
    mistakes : tuple of KnownMistake, default=()
        Mistakes of the label file for which the right value is known.
    misspelt : dict of str to str, default={}
        Emotions that the label file misspells, in lower case, and what is meant.
    kinds : dict of str to (int, tuple of int or None), default={}
        Kinds of expressions in the label file, ``"micro"`` and ``"macro"``, by the beginning of
        their names, and the published number of clips of each. The first is the default, and that
        of files without the column.
    revisions : dict of str to dict, default={}
        Revisions of the label file by the emotions that it gives to some clips,
        ``{"2014": {"sub24/EP07_01": "sadness"}}``.
    naming : Naming, default=None
        How folders are named that go by neither subject nor clip.
    further_files : tuple of FurtherFile, default=()
        Second files, read where a copy has them.
    corpus : str, default=None
        Name of the corpus, by which label schemes find their rules; None for `name`. Parts or other
        releases of a database may share one.
    schemes : dict of str to dict, default={}
        Class of each emotion under label schemes, ``{"three": {"joy": "positive", "neutral":
        ""}}``; ``""`` leaves clips out. Needed where a scheme knows neither the corpus nor its
        emotions; see `list_schemes`.
    rehearsal : RehearsalStyle, default=RehearsalStyle()
        What `make_database` spells as the database does.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter is not as above, or what is needed is missing.

    See Also
    --------
    register_database : Makes a database known by its name.
    """

    name: str
    title: str
    fps: float
    folders: dict
    emotions: dict
    n_clips: int | tuple[int, ...] | None = None
    label_files: tuple[str, ...] = ()
    sheet: str | None = None
    columns: tuple[tuple[str, str | None], ...] = ()
    mixed_rates: tuple[str, ...] = ()
    header: int | None = 0
    other_columns: tuple = ()
    unread: tuple[str, ...] = ()
    subject: str = "{}"
    clip: str = "{clip}"
    repeated: str | None = None
    unknown: dict = field(default_factory=dict)
    mistakes: tuple[KnownMistake, ...] = ()
    misspelt: dict = field(default_factory=dict)
    kinds: dict = field(default_factory=dict)
    revisions: dict = field(default_factory=dict)
    naming: Naming | None = None
    further_files: tuple[FurtherFile, ...] = ()
    corpus: str | None = None
    schemes: dict = field(default_factory=dict)
    rehearsal: RehearsalStyle = RehearsalStyle()

    def __post_init__(self):
        if self.corpus is None:
            object.__setattr__(self, "corpus", self.name)
        types = {
            "folders": Folders,
            "mistakes": KnownMistake,
            "rehearsal": RehearsalStyle,
            "naming": Naming,
            "further_files": FurtherFile,
        }
        check_layout(self, types)

    def subject_name(self, text):
        """Spell a subject as the database does.

        Parameters
        ----------
        text : str
            A cell or the name of a folder: ``"1"``, ``"01"``, ``"sub01"`` or ``"Sub 1"``.

        Returns
        -------
        str
            ``"sub01"``; the text itself where it is not of this form.
        """
        prefix = self.subject.partition("{")[0]
        number = re.fullmatch(rf"(?:{re.escape(prefix)}\s*)?0*(\d+)", text, re.IGNORECASE)
        if self.subject == "{}" or number is None:
            return text
        return self.subject.format(int(number[1]))
