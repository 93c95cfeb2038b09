"""All databases by their names, those of others too."""

from cdmer._parameters import ParameterError
from cdmer._text import did_you_mean
from cdmer.corpora._databases.layout import Layout
from cdmer.corpora._databases.layouts.cas_me_2 import CAS_ME_2
from cdmer.corpora._databases.layouts.casme import CASME, CASME2
from cdmer.corpora._databases.layouts.casme3 import CASME3
from cdmer.corpora._databases.layouts.dfme import DFME
from cdmer.corpora._databases.layouts.fourdme import FOURDME
from cdmer.corpora._databases.layouts.mmew import MMEW
from cdmer.corpora._databases.layouts.samm import SAMM
from cdmer.corpora._databases.layouts.smic import SMIC
from cdmer.corpora._databases.reader import load_layout
from cdmer.corpora._registrations import import_registrations
from cdmer.corpora._schemes import add_rules

DATABASES = {
    layout.name: layout
    for layout in (
        *SMIC.values(),
        CASME,
        CASME2,
        CAS_ME_2,
        *CASME3.values(),
        SAMM,
        MMEW,
        FOURDME,
        *DFME.values(),
    )
}
# What else stands before the colon of a source on the command line and in config files.
_OTHER_SOURCES = ("features", "manifest", "published", "synthetic")


def register_database(layout):
    """Register a database under its name.

    From then on, `load_database`, `check_database`, `make_database`, `list_databases`, the commands
    of ``cdmer corpora`` and config files of benchmarks take the name, and label schemes know the
    emotions that the layout maps to their classes.

    Parameters
    ----------
    layout : Layout
        The declaration of the database.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `layout` is no Layout, its name is taken, or a scheme has
        other rules for its corpus.

    Notes
    -----
    Other processes, such as those of the command line, know the database if an installed package
    has an entry point in the group ``cdmer.databases`` whose value is the module that registers it.

    Examples
    --------
    >>> from cdmer.corpora import Folders, Layout, list_databases, register_database
    >>> layout = Layout(
    ...     name="ours",
    ...     title="Ours",
    ...     fps=120.0,
    ...     folders={"raw": Folders(("{subject}/{label}/{clip}",), "{number:04d}.png")},
    ...     emotions={"negative": None, "positive": None},
    ... )
    >>> register_database(layout)  # doctest: +SKIP
    >>> list_databases()  # doctest: +SKIP
    ['smic-hs', ..., 'ours']
    """
    if not isinstance(layout, Layout):
        raise ParameterError(f"layout: expected a Layout, got {layout!r}")
    taken = (*DATABASES, *_OTHER_SOURCES)
    if layout.name in taken:
        raise ParameterError(f"name: expected one that is none of {taken}, got {layout.name!r}")
    add_rules(layout.corpus, layout.schemes)
    DATABASES[layout.name] = layout


def list_databases():
    """List the names of all databases.

    Returns
    -------
    list of str
        Names that `load_database`, `check_database`, `make_database` and `get_layout` take.
    """
    import_registrations()
    return list(DATABASES)


def get_layout(name):
    """Look up the layout of a database.

    Parameters
    ----------
    name : str
        One of `list_databases`.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        If no database has that name.

    Examples
    --------
    >>> from cdmer.corpora import get_layout
    >>> get_layout("samm").fps
    200.0
    """
    if name not in list_databases():
        raise ValueError(
            f"name: expected one of {list_databases()}, got {name!r}{did_you_mean(name, DATABASES)}"
        )
    return DATABASES[name]


def load_database(
    name,
    path,
    *,
    variant=None,
    repair=True,
    colour=False,
    label_file=None,
    extent="expression",
    margin=0,
    encoding=None,
    kind=None,
):
    """Load a database by its name.

    Parameters
    ----------
    name : str
        One of `list_databases`.
    path : path-like
        The folder of your copy: it holds the label file and the folders of frames, itself or in a
        folder within. Case, spaces and leading zeros in the names of folders do not matter.
    variant : str, default=None
        Which frames: ``"raw"``, ``"cropped"``, or what else the database has. By default the first
        that it has.
    repair : bool, default=True
        Put right the mistakes of the label file for which the right value is known; the corpus
        lists them in `repairs`.
    colour : bool, default=False
        Give frames in red, green and blue in place of grey levels.
    label_file : path-like, default=None
        The label file, if it does not lie in `path`, or if there are several: an xlsx, xls or CSV
        file.
    extent : {"expression", "folder"}, default="expression"
        Whether a clip is the frames from onset to offset, or all that its folder holds. Where onset
        or offset is unknown, or no frame lies between them, that end of the folder or all of it
        counts, and `faults` says so. Without a label file the folder is the clip.
    margin : int or str, default=0
        Frames before the onset and after the offset that belong to the clip as well, where the
        folder has them; or seconds, such as ``"0.2 s"``, rounded to frames.
    encoding : str, default=None
        Encoding of label files in CSV, such as ``"gb18030"``. By default UTF-8, or UTF-16 with a
        byte order mark; other files are read as Windows-1252 or GB18030 where only one of them can
        be meant, with a fault that names it.
    kind : str, default=None
        Kind of expressions, ``"micro"``, ``"macro"`` or ``"both"``, where the label file has more
        than one, as that of CAS(ME)^2 does; by default ``"micro"``.

    Returns
    -------
    Corpus
        Clips in the order of the label file; frames are read when asked for. Emotions are in lower
        case, ``"Other"`` and ``"others"`` one. Onset, apex and offset are the numbers in the label
        file, which are those in the names of the frames; None where the label file has none.
        `faults` lists what is wrong with the copy; `revision` and `notes` say which label file was
        found, and what was chosen.

    Raises
    ------
    ValueError
        If the name is unknown; if a folder, the label file or a column is missing or cannot be
        read; or if no row has frames.
    ParameterError
        If the variant, extent, encoding or kind is unknown, `repair` or `colour` is not True or
        False, or `margin` is not as above, or above 0 with ``extent="folder"``.

    Warns
    -----
    UserWarning
        If rows of the label file give no clip; `faults` lists them, and why.
    """
    return load_layout(
        get_layout(name),
        path,
        variant,
        repair,
        colour,
        label_file,
        extent,
        margin,
        encoding,
        kind,
    )
