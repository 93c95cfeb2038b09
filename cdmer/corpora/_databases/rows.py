"""Rows of a label file: what the file alone says of a clip."""

import re
from dataclasses import dataclass, field, replace

from cdmer._action_units import parse_action_unit, split_action_units, tidy_action_unit
from cdmer.corpora._databases.columns import find_columns
from cdmer.corpora._databases.repairs import repair_row
from cdmer.corpora._databases.spelling import fold_emotion, fold_name
from cdmer.corpora._faults import MOMENTS, Fault

_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII")


@dataclass(frozen=True)
class Row:
    """What a label file, or the names of its folders, say of a clip.

    Parameters
    ----------
    corpus, subject, name : str
        Together the clip's key.
    clip : str
        What the label file calls the clip; folders are named by it.
    label : str or None
    onset, apex, offset : int or None
    action_units : tuple of str
    objective_class : str or None
    fps : float or None
    kind : str or None
        One of the layout's kinds.
    place : str
        ``folder/film``, where the label file names it.
    written_onset : int or None
        The onset as the label file has it; folders may be named by it.
    shares : bool
        Whether other rows are about other frames of the same folder.
    where : str
        The row, for messages.
    cells : dict of str to str
        The cell of each field, for messages.
    """

    corpus: str
    subject: str
    name: str
    clip: str
    label: str | None = None
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    action_units: tuple[str, ...] = ()
    objective_class: str | None = None
    fps: float | None = None
    kind: str | None = None
    place: str = ""
    written_onset: int | None = None
    shares: bool = False
    where: str = ""
    cells: dict = field(default_factory=dict)

    @property
    def key(self):
        """Key of the clip."""
        return f"{self.corpus}/{self.subject}/{self.name}"


def read_rows(layout, sheet, repair=True, table=None):
    """Read the rows of a label file.

    Parameters
    ----------
    layout : Layout
    sheet : Sheet
    repair : bool, default=True
        Put right what is known to be wrong.
    table : FurtherFile, default=None
        What the columns hold; by default as the layout says.

    Returns
    -------
    rows : list of Row
        In the order of the file, keys once each.
    faults : list of Fault
    repairs : list of Repair

    Raises
    ------
    ValueError
        If a column is missing without which there is no clip.
    """
    first, columns, faults = find_columns(table or layout, sheet)
    parsed, rows, repairs, subjects = [], {}, [], {}
    for number in range(first, len(sheet.rows)):
        texts = {f: _cell(sheet.rows[number], column) for f, column in columns.items()}
        if not any(texts.values()):
            continue
        cells = {f: sheet.place(number, column) for f, column in columns.items()}
        reader = _RowReader(layout, texts, cells, repair)
        row, made = reader.read(f"{sheet.name}, row {number + 1}"), []
        if row is not None:
            # One person in two spellings would be two, and stand on both sides of a split.
            row = replace(row, subject=subjects.setdefault(fold_name(row.subject), row.subject))
        if repair and row is not None:
            row, made = repair_row(layout, row)
        parsed.append((row, reader.problems, made))
    repeated = _repeated_names(layout, [row for row, _, _ in parsed if row is not None])
    for row, problems, made in parsed:
        if row is not None and _folded(row) in repeated:
            known = row.onset is not None
            name = layout.repeated.format(clip=row.clip, onset=row.onset) if known else row.name
            row = replace(row, name=name, shares=True)
            made = [replace(one, clip=row.key) for one in made]
        key = None if row is None else row.key
        faults += [Fault(*problem, clip=key) for problem in problems]
        if key in rows:
            faults.append(_duplicate(row, rows[key]))
        elif row is not None:
            rows[key] = row
            repairs += made
    return list(rows.values()), faults, repairs


def _folded(row):
    return row.subject, fold_name(row.clip)


def _repeated_names(layout, rows):
    """Subject and name of clips that only their onsets tell apart, a set."""
    onsets = {}
    if layout.repeated is not None:
        for row in rows:
            onsets.setdefault(_folded(row), set()).add(row.onset)
    return {name for name, known in onsets.items() if len(known - {None}) > 1}


def _cell(cells, column):
    return cells[column] if column < len(cells) else ""


def _duplicate(row, earlier):
    known = (*MOMENTS, "label", "action_units", "objective_class")
    differ = [name for name in known if getattr(row, name) != getattr(earlier, name)]
    how = f"with another {', '.join(differ)}" if differ else "alike"
    return Fault(
        "duplicate",
        row.where,
        f"clip {row.key!r} stands in {earlier.where} already, {how}; that one counts",
        row.key,
    )


class _RowReader:
    """Makes a row of its cells' texts; `problems` lists (kind, cell, message)."""

    def __init__(self, layout, texts, cells, repair):
        self.layout = layout
        self.texts = texts
        self.cells = cells
        self.repair = repair
        self.problems = []

    def read(self, where):
        """Give the row, or None where it names no clip."""
        missing = [name for name in ("subject", "clip") if not self.texts[name]]
        if missing:
            self._report("cell", missing[0], f"no {missing[0]}, so that the row names no clip")
            return None
        clip = self.texts["clip"]
        moments = {m: self._moment(m) for m in MOMENTS if m in self.texts}
        if "{onset}" in self.layout.clip and moments["onset"] is None:
            self._report("cell", "onset", f"no onset, which tells clips named {clip!r} apart")
            return None
        kind = self._kind()
        if kind is None and self.layout.kinds:
            return None
        return Row(
            corpus=self.layout.corpus,
            subject=self.layout.subject_name(self.texts["subject"]),
            name=self.layout.clip.format(clip=clip, **moments),
            clip=clip,
            label=self._emotion(),
            **moments,
            action_units=self._action_units(),
            objective_class=self._objective_class(),
            fps=self._fps(),
            kind=kind,
            place=self.texts.get("place", ""),
            written_onset=moments.get("onset"),
            where=where,
            cells=self.cells,
        )

    def _moment(self, name):
        text = self.texts[name]
        if text == "" or text in self.layout.unknown.get(name, ()):
            self._report("unknown", name, f"no {name}: {text!r}")
            return None
        if not re.fullmatch(r"[0-9]{1,9}(\.0*)?", text):
            self._report("cell", name, f"expected the number of a frame as {name}, got {text!r}")
            return None
        return int(text.partition(".")[0])

    def _emotion(self):
        if "label" not in self.texts:
            return None
        emotion = fold_emotion(self.texts["label"])
        misspelt = self.repair and emotion in self.layout.misspelt
        if emotion not in self.layout.emotions and not misspelt:
            expected = list(self.layout.emotions)
            self._report("emotion", "label", f"expected one of {expected}, got {emotion!r}")
        return emotion or None

    def _action_units(self):
        texts = split_action_units(self.texts.get("action_units", ""))
        for text in texts:
            reading = parse_action_unit(text)
            if reading is None or reading.doubtful or len(reading.action_units) != 1:
                self._report(
                    "action-units", "action_units", f"expected one action unit, got {text!r}"
                )
        return tuple(map(tidy_action_unit, texts))

    def _objective_class(self):
        text = self.texts.get("objective_class", "").upper()
        if text in _ROMAN or text == "":
            return text or None
        if text in map(str, range(1, 8)):
            return _ROMAN[int(text) - 1]
        self._report("cell", "objective_class", f"expected I to VII, got {text!r}")
        return None

    def _kind(self):
        """Give the kind of expression; a file without the column has the first alone."""
        kinds = list(self.layout.kinds)
        text = self.texts.get("kind", kinds[0] if kinds else "")
        found = [kind for kind in kinds if text.casefold().startswith(kind)]
        if kinds and not found:
            self._report("cell", "kind", f"expected one of {kinds}, got {text!r}; there is no clip")
        return found[0] if found else None

    def _fps(self):
        if "fps" not in self.texts:
            return self.layout.fps
        text = self.texts["fps"]
        if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", text) and float(text) > 0:
            return float(text)
        self._report("cell", "fps", f"expected frames per second, got {text!r}; none are known")
        return None

    def _report(self, kind, name, message):
        self.problems.append((kind, self.cells[name], message))
