"""The engine that reads a database: label file, folders and frames joined, repaired, checked."""

import os
import re
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

from cdmer._parameters import ParameterError, check_choice, check_flag
from cdmer.corpora._corpus import Corpus
from cdmer.corpora._databases.columns import has_header
from cdmer.corpora._databases.folders import FolderTree, split_template
from cdmer.corpora._databases.further_files import add_further_files
from cdmer.corpora._databases.join import Joiner
from cdmer.corpora._databases.label_files import find_label_file, is_named, read_sheet, read_titles
from cdmer.corpora._databases.naming import read_naming
from cdmer.corpora._databases.rows import Row, read_rows
from cdmer.corpora._databases.spelling import fold_emotion, fold_name
from cdmer.corpora._extent import Extent
from cdmer.corpora._faults import Fault

# Kinds of faults that leave a row without clip, where they name none.
_COST_A_CLIP = ("missing-folder", "duplicate", "frames", "cell", "emotion")


@dataclass
class Reading:
    """What was found of a database; the parameters of `read_database` and what follows from them.

    Parameters
    ----------
    layout : Layout
    root : str
        Absolute path of the database's folder.
    variant : str
    label_file : str or None
        Path of the label file; None where the layout has none.
    base : str
        The folder that leads to the clips.
    clips : list of Clip
    repairs : list of Repair
    faults : list of Fault
    left_out : dict of str to int
        By key of the clip, the number of frames of its folder that do not belong to it.
    kind : str or None
        Kind of expressions; None where the layout has none.
    revision : str or None
        Which of the layout's revisions the label file is.
    notes : list of str
        Choices that were made and second files that were read.
    """

    layout: object
    root: str
    variant: str
    label_file: str | None = None
    base: str | None = None
    clips: list = field(default_factory=list)
    repairs: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    left_out: dict = field(default_factory=dict)
    kind: str | None = None
    revision: str | None = None
    notes: list = field(default_factory=list)

    def name(self, path):
        """Name a path relative to the root where it lies within."""
        path = Path(path)
        inside = path.is_relative_to(self.root)
        return path.relative_to(self.root).as_posix() if inside else str(path)


def read_database(
    layout,
    path,
    variant=None,
    repair=True,
    colour=False,
    label_file=None,
    extent=None,
    encoding=None,
    kind=None,
):
    """Read a database; frames are listed, not read.

    Parameters
    ----------
    layout : Layout
    path : path-like
        The folder of the database.
    variant : str or None
        One of the layout's; None for the first.
    repair : bool
        Put right what is known to be wrong in the label file.
    colour : bool
        Give frames in colours.
    label_file : path-like or None
        The label file, where it does not lie with the frames.
    extent : Extent or None
        How much of a folder a clip is; None for the expression.
    encoding : str or None
        Encoding of a label file in CSV; None to find it out.
    kind : str or None
        One of the layout's kinds, or ``"both"``; None for the first.

    Returns
    -------
    Reading

    Raises
    ------
    ParameterError
        If a parameter is not as above, or there is a label file or an encoding of one for a
        database that has none.
    ValueError
        If the folder, the label file, a column of it or the folder that leads to the clips is
        missing, or a file or folder cannot be read.
    """
    check_flag("repair", repair)
    check_flag("colour", colour)
    variant = next(iter(layout.folders)) if variant is None else variant
    check_choice("variant", variant, tuple(layout.folders))
    for argument, value in (("label_file", label_file), ("encoding", encoding)):
        if value is not None and not layout.label_files:
            raise ParameterError(f"{argument}: {layout.title} has none, got {value!r}")
    if layout.kinds:
        kind = next(iter(layout.kinds)) if kind is None else kind
        check_choice("kind", kind, (*layout.kinds, "both"))
    elif kind is not None:
        raise ParameterError(f"kind: {layout.title} has one kind of expressions, got {kind!r}")
    root = os.path.abspath(os.fspath(path))
    if not os.path.isdir(root):
        raise ValueError(f"path: expected the folder of {layout.title}, got {os.fspath(path)!r}")
    reading = Reading(layout, root, variant, kind=kind)
    tree = FolderTree(root)
    if layout.label_files:
        file = find_label_file(Path(root), layout.label_files) if label_file is None else label_file
        reading.label_file = os.path.abspath(os.fspath(file))
        name = reading.name(reading.label_file)
        sheet = _read_labels(layout, file, name, encoding, reading.notes)
        rows, reading.faults, reading.repairs = read_rows(layout, sheet, repair)
        reading.faults = [*sheet.faults, *reading.faults]
        rows = _without_rates(reading, file, rows)
        if layout.naming is not None:
            naming, faults = read_naming(layout.naming, file, name, sheet)
            reading.layout = replace(layout, naming=naming)
            reading.faults += faults + _contradicted_places(naming, rows)
        rows = add_further_files(reading, rows, encoding)
        reading.revision = _find_revision(layout, rows)
        template = _choose_template(reading, tree, rows)
        places = [_find_place(reading, tree, template, row) for row in rows]
    else:
        rows, places = _rows_of_folders(reading, tree)
        rows = add_further_files(reading, rows)
    wanted = _of_kind(reading, rows, places)
    Joiner(reading, colour, extent or Extent()).join(*wanted)
    if layout.label_files and not layout.folders[variant].recordings:
        _report_folders_without_row(reading, tree, template, places)
    return reading


def _read_labels(layout, file, name, encoding, notes):
    """Read the layout's sheet; where the first has no headers, the only one that has."""
    first = read_sheet(file, layout.sheet, name, encoding)
    if layout.header is None or layout.sheet is not None or has_header(layout, first):
        return first
    sheets = {title: read_sheet(file, title, name) for title in read_titles(file, name)}
    found = [title for title, sheet in sheets.items() if has_header(layout, sheet)]
    if len(found) != 1:
        return first
    notes.append(f"sheet {found[0]!r} of {name}: the first has no headers")
    return sheets[found[0]]


def _choose_template(reading, tree, rows):
    """Set the base; give the parts of a template below it that lead to a row's folder."""
    folders = reading.layout.folders
    templates = folders[reading.variant].templates
    possible = [candidate for t in templates for candidate in _candidates(tree, t)]
    others = [t for name in folders if name != reading.variant for t in folders[name].templates]
    taken = {base: len(split_template(t)[0]) for t in others for base, _, _ in _candidates(tree, t)}
    # "HS" of "SMIC_all_cropped/HS" does not hold the raw frames.
    possible = [(base, levels) for base, levels, depth in possible if taken.get(base, 0) <= depth]
    if not possible:
        expected = " or ".join(repr("/".join(split_template(t)[0])) for t in templates)
        raise ValueError(
            f"{reading.root}: no folder {expected}, where {reading.layout.title} has "
            f"its {reading.variant} frames"
        )
    for base, levels in possible:
        reading.base = base
        if any(_find_place(reading, tree, levels, row) for row in rows):
            break
    else:
        base, levels = possible[0]
    reading.base = base
    return levels


def _candidates(tree, template):
    fixed, levels = split_template(template)
    return [(base, levels, len(fixed)) for base in tree.find_bases(fixed)]


def _find_place(reading, tree, levels, row):
    """Folder in which a row's frames lie, or None; an onset in its name may be the repaired one."""
    values = {"subject": row.subject, "clip": row.clip}
    if reading.layout.naming is not None:
        values |= reading.layout.naming.places(row.subject, row.clip)
    for label in (row.label, "other") if row.label == "others" else (row.label,):
        for onset in (row.written_onset, row.onset):
            names = [level.format(**values, label=label, onset=onset) for level in levels]
            found = tree.find(reading.base, names)
            if found is not None:
                return found
    return None


def _contradicted_places(naming, rows):
    return [
        Fault(
            "contradiction",
            row.cells["place"],
            f"{row.place!r}, where subject and clip are in {naming.places(row.subject, row.clip)}; "
            "those count",
            row.key,
        )
        for row in rows
        if row.place and naming.contradicts(row.subject, row.clip, row.place)
    ]


def _without_rates(reading, file, rows):
    """Leave no frame rate to clips of several, where no column says which is whose."""
    named = (p for p in reading.layout.label_files if is_named(Path(file).name, p))
    if next(named, None) not in reading.layout.mixed_rates or not rows or "fps" in rows[0].cells:
        return rows
    name = reading.name(reading.label_file)
    message = "no column of frame rates, 'Fps', though clips have several; none is known"
    reading.faults.append(Fault("column", name, message))
    return [replace(row, fps=None) for row in rows]


def _find_revision(layout, rows):
    """Name the revision whose emotions the label file has, or None."""
    labels = {fold_name(f"{row.subject}/{row.name}"): row.label for row in rows}
    for name, known in layout.revisions.items():
        if all(labels.get(fold_name(key)) == label for key, label in known.items()):
            return name
    return None


def _of_kind(reading, rows, places):
    """Leave rows and folders of the kind that is asked for, and note how many are left out."""
    if reading.kind in (None, "both"):
        return rows, places
    pairs = [(r, p) for r, p in zip(rows, places, strict=True) if r.kind == reading.kind]
    if len(pairs) < len(rows):
        others = sorted({row.kind for row in rows} - {reading.kind})
        left_out = {row.key for row in rows if row.kind != reading.kind}
        reading.faults = [fault for fault in reading.faults if fault.clip not in left_out]
        reading.repairs = [repair for repair in reading.repairs if repair.clip not in left_out]
        reading.notes.append(
            f"kind {reading.kind!r}: {len(rows) - len(pairs)} rows of {', '.join(others)} left out"
        )
    return [row for row, _ in pairs], [place for _, place in pairs]


def _rows_of_folders(reading, tree):
    """Make rows of the folders of a database without label file."""
    levels = _choose_template(reading, tree, [])
    layout, rows, places = reading.layout, {}, []
    for place, values in tree.leaves(reading.base, levels):
        where = reading.name(place)
        emotion = fold_emotion(values["label"])
        if emotion not in layout.emotions:
            reading.faults.append(
                Fault(
                    "emotion",
                    where,
                    f"expected one of {list(layout.emotions)}, got {emotion!r}; there is no clip",
                )
            )
            continue
        subject, name = layout.subject_name(values["subject"]), values["clip"]
        row = Row(layout.corpus, subject, name, name, emotion, fps=layout.fps, where=where)
        if row.key in rows:
            reading.faults.append(
                Fault(
                    "duplicate",
                    where,
                    f"clip {row.key!r} lies in {rows[row.key].where} already; that one counts",
                    row.key,
                )
            )
            continue
        rows[row.key] = row
        places.append(place)
    return list(rows.values()), places


def _report_folders_without_row(reading, tree, levels, places):
    wanted = set(places)
    for place, _ in tree.leaves(reading.base, levels):
        if place not in wanted:
            label_file = reading.name(reading.label_file)
            message = f"no row of {label_file} is about this folder; there is no clip"
            reading.faults.append(Fault("missing-row", reading.name(place), message))


def _row_of(fault):
    """What a fault that costs a clip is about; those of cells of one row cost one."""
    cell = re.fullmatch(r"(.*, )[A-Z]+([0-9]+)", fault.where)
    return cell.groups() if cell else fault


def load_layout(
    layout,
    path,
    variant,
    repair,
    colour,
    label_file,
    extent="expression",
    margin=0,
    encoding=None,
    kind=None,
):
    """Do what `load_database` does for a layout; warnings point to the caller's caller."""
    extent = Extent(extent, margin)
    reading = read_database(
        layout, path, variant, repair, colour, label_file, extent, encoding, kind
    )
    lost = [f for f in reading.faults if f.clip is None and f.kind in _COST_A_CLIP]
    if not reading.clips:
        why = f"; {lost[0]}" if lost else ""
        raise ValueError(f"{layout.title}: no clip in {reading.root!r}{why}")
    if lost:
        number = len(set(map(_row_of, lost)))
        warnings.warn(
            f"{layout.title}: {len(reading.clips)} clips; {number} more have no frames or no "
            f"name, see the corpus' faults. The first: {lost[0]}",
            stacklevel=3,
        )
    return Corpus(
        reading.clips,
        layout.corpus,
        repairs=reading.repairs,
        faults=reading.faults,
        revision=reading.revision,
        notes=reading.notes,
    )
