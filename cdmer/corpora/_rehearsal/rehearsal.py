"""Databases to rehearse with: synthetic faces in the layout and the label file of a real one."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from cdmer._faces.setups import PRESETS
from cdmer._files.writing import whole_folder
from cdmer._parameters import check_choice, check_number
from cdmer.corpora._corpus import Corpus
from cdmer.corpora._databases.databases import get_layout, list_databases
from cdmer.corpora._media.frames import FrameFolder
from cdmer.corpora._rehearsal.files import write_frames, write_label_file
from cdmer.corpora._rehearsal.plan import Planner
from cdmer.corpora._synthetic import make_synthetic_corpus

_NOTE = "{title}, rehearsed: these are rendered faces, not the database."


def make_database(
    name,
    folder,
    *,
    variant=None,
    preset=None,
    n_clips=12,
    n_subjects=4,
    size=112,
    random_state=None,
):
    """Write a rehearsal copy of a database: rendered faces, label file and all.

    The files lie as those of the database do. Frames are those of `make_synthetic_corpus`. The
    label file is in the official format, with the oddities that the official one is known for:
    remarks above the header or no header at all, ``/`` for an apex that is not known, file names
    that repeat, an offset that is missing, a known mistake. Writing label files needs the extra
    ``rehearse``.

    Parameters
    ----------
    name : str
        One of `list_databases`.
    folder : path-like
        Where it goes: a folder that is empty or not there yet.
    variant : str, default=None
        Which frames: ``"raw"``, ``"cropped"`` or whatever the database has; None for its first.
    preset : str, default=None
        Recording set-up, one of `PRESETS`, at the database's frame rate; None for the nearest.
    n_clips : int, default=12
        Number of clips, at least 3.
    n_subjects : int, default=4
        Number of people.
    size : int, default=112
        Width and height of the frames, pixels; at least 32.
    random_state : int or None, default=None
        Seed of people, expressions and noise; an int for reproducible copies. Databases draw
        different people from one seed.

    Returns
    -------
    Corpus
        The clips as they should load: keys, annotations after known mistakes are put right, and
        frames.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not as above, or the folder holds something.
    ImportError
        If the extra ``rehearse`` is missing.
    OSError
        If something cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from cdmer.corpora import load_casme2, make_database
    >>> with TemporaryDirectory() as folder:
    ...     written = make_database("casme2", folder, n_clips=6, size=32, random_state=0)
    ...     loaded = load_casme2(folder)
    >>> loaded.table.equals(written.table)
    True
    """
    check_choice("name", name, tuple(list_databases()))
    layout = get_layout(name)
    check_choice("variant", variant, (None, *layout.folders))
    check_choice("preset", preset, (None, *PRESETS))
    folders = next(iter(layout.folders.values())) if variant is None else layout.folders[variant]
    root = Path(folder)
    # A link to nothing is something, too.
    if os.path.lexists(root) and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(
            f"folder: expected an empty folder or none, got {str(folder)!r}, which holds something"
        )
    if random_state is not None:
        check_number("random_state", random_state, least=0, most=2**32 - 1, whole=True)
        random_state = np.random.RandomState([random_state, *name.encode()])
    setup = replace(PRESETS[preset or layout.rehearsal.setup], fps=layout.fps)
    faces = make_synthetic_corpus(
        setup,
        n_clips=n_clips,
        n_subjects=n_subjects,
        size=size,
        random_state=random_state,
    )
    plans = Planner(layout, folders).plan(faces)
    note = _NOTE.format(title=layout.title)
    with whole_folder(root) as place:
        (place / "REHEARSAL.txt").write_text(note + "\n", encoding="utf-8")
        if layout.label_files:
            label_file = place / layout.label_files[0].replace("*", "rehearsal")
            write_label_file(label_file, _table(layout, plans, note), layout.sheet)
        clips = [_write(plan, place, root, layout, folders) for plan in plans]
    return Corpus(clips, layout.corpus)


def _table(layout, plans, note):
    """Rows of the label file."""
    further = layout.rehearsal.action_unit_columns
    fields = [*(field for _, field in layout.columns), *further]
    rows = [[plan.cells.get(field) for field in fields] for plan in plans]
    if layout.header is None:
        return rows
    remarks = [[note], *[[]] * (layout.header - 1)] if layout.header else []
    headers = [*(header or None for header, _ in layout.columns), *further]
    return [*remarks, headers, *rows]


def _write(plan, place, root, layout, folders):
    """Write a clip's frames into a folder in place of the root; give the clip as it should load."""
    names = [folders.frame.format(number=n, **plan.values) for n in plan.numbers]
    inside = slice(plan.numbers.index(plan.onset), plan.numbers.index(plan.offset) + 1)
    # Folders hold their clip from onset to offset, those of recordings more.
    written = slice(None) if folders.recordings else inside
    write_frames(place / plan.folder, names[written], plan.clip.frames[written])
    return replace(
        plan.clip,
        source=FrameFolder(os.path.abspath(root / plan.folder), tuple(names[inside])),
        frame_numbers=tuple(plan.numbers[inside]),
    )
