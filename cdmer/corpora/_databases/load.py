"""Any database by its name."""

import warnings

from cdmer.corpora._corpus import Corpus
from cdmer.corpora._databases.databases import DATABASES
from cdmer.corpora._databases.reader import read_database

# Kinds of faults that leave a row without clip, where they name none.
_COST_A_CLIP = ("missing-folder", "duplicate", "frames", "cell", "emotion")


def list_databases():
    """Names under which `load_database` and `check_database` know databases, as a list of str."""
    return list(DATABASES)


def get_layout(name):
    """Look the layout of a database up by a name of `list_databases`."""
    if name not in DATABASES:
        raise ValueError(f"name: expected one of {list_databases()}, got {name!r}")
    return DATABASES[name]


def load_database(name, path, *, variant=None, repair=True, colour=False, label_file=None):
    """Load a database by its name.

    Parameters
    ----------
    name : str
        One of `list_databases`.
    path : path-like
        The folder of your copy: it holds the label file and the folders of frames, itself or in a
        folder within. Case, spaces and leading zeros in the names of folders do not matter.
    variant : str, optional
        Which frames: ``"raw"``, ``"cropped"``, or what else the database has. By default the first
        that it has.
    repair : bool, default=True
        Put right the mistakes of the label file for which the right value is known; the corpus
        lists them in `repairs`.
    colour : bool, default=False
        Give frames in red, green and blue in place of grey levels.
    label_file : path-like, optional
        The label file, if it does not lie in `path`, or if there are several: an xlsx, xls or CSV
        file.

    Returns
    -------
    Corpus
        Clips in the order of the label file; frames are read when asked for. Emotions are in lower
        case, ``"Other"`` and ``"others"`` one. Onset, apex and offset are the numbers in the label
        file, which are those in the names of the frames; None where the label file has none.
        `faults` lists what is wrong with the copy.

    Raises
    ------
    ValueError
        If the name is unknown; if a folder, the label file or a column is missing or cannot be
        read; or if no row has frames.
    ParameterError
        If the variant is unknown, or `repair` or `colour` is not True or False.

    Warns
    -----
    UserWarning
        If rows of the label file give no clip; `faults` tells which, and why.
    """
    return load_layout(get_layout(name), path, variant, repair, colour, label_file)


def load_layout(layout, path, variant, repair, colour, label_file):
    """Do what `load_database` does for a layout; warnings point to the caller's caller."""
    reading = read_database(layout, path, variant, repair, colour, label_file)
    lost = [f for f in reading.faults if f.clip is None and f.kind in _COST_A_CLIP]
    if not reading.clips:
        why = f"; {lost[0]}" if lost else ""
        raise ValueError(f"{layout.title}: no clip in {reading.root!r}{why}")
    if lost:
        warnings.warn(
            f"{layout.title}: {len(reading.clips)} clips; {len(lost)} more have no frames or no "
            f"name, see the corpus' faults. The first: {lost[0]}",
            stacklevel=3,
        )
    return Corpus(reading.clips, layout.name, repairs=reading.repairs, faults=reading.faults)
