"""A check of a copy of a database, before a result is wrong."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from statistics import median

from cdmer._parameters import ParameterError
from cdmer.corpora._databases.databases import get_layout
from cdmer.corpora._databases.reader import read_database


@dataclass(frozen=True)
class DatabaseCheck:
    """Result of a check of a database; as a string, a report.

    Parameters
    ----------
    title : str
        Name of the database in print.
    path : str
        The folder that was checked.
    variant : str
        Which frames.
    problem : str or None
        Why the database cannot be read at all; then nothing below is known.
    label_file : str or None
        The label file, relative to `path`; None if the database has none.
    folder : str or None
        The folder that leads to the clips, relative to `path`.
    counts : dict of str to int
        Clips per emotion, all emotions of the database included; ``"all"`` counts clips, and
        ``"none"`` those without emotion, if there are.
    published : dict of str to tuple of int
        Published counts of the same; more than one where releases differ, empty where there is
        none.
    n_subjects : int
        Number of people.
    repairs : tuple of Repair
        Known mistakes that were put right.
    faults : tuple of Fault
        What is wrong with the copy.
    left_out : dict of str to int
        By key of the clip, how many frames its folder holds outside of the expression, for folders
        that should not.
    revision : str or None
        Which revision of the label file was found; None where there is one alone, or the copy's
        is none of those known.
    notes : tuple of str
        Choices that were made, such as kinds of expressions left out, and second files that were
        read.
    """

    title: str
    path: str
    variant: str
    problem: str | None = None
    label_file: str | None = None
    folder: str | None = None
    counts: dict | None = None
    published: dict | None = None
    n_subjects: int = 0
    repairs: tuple = ()
    faults: tuple = ()
    left_out: dict = field(default_factory=dict)
    revision: str | None = None
    notes: tuple = ()

    @property
    def complete(self):
        """Whether the database can be read and every count is the published one, bool."""
        return self.problem is None and not any(self._differs(name) for name in self.counts)

    def _differs(self, name):
        published = self.published.get(name, ())
        return bool(published) and self.counts[name] not in published

    def __str__(self):
        head = f"{self.title}, {self.variant}: {self.path}"
        if self.problem is not None:
            return f"{head}\n  cannot be read: {self.problem}"
        lines = [head]
        if self.label_file is not None:
            revision = "" if self.revision is None else f", revision of {self.revision}"
            lines.append(f"  label file: {self.label_file}{revision}")
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  frames in: {self.folder}", f"  subjects: {self.n_subjects}", "  clips:"]
        lines += [self._line(name) for name in self.counts]
        for title, things in (("repairs", self.repairs), ("faults", self.faults)):
            lines.append(f"  {title}: {len(things)}")
            if title == "faults" and self.left_out:
                lines.append(f"    [extent] {self._line_of_left_out()}")
            one_by_one = [thing for thing in things if getattr(thing, "kind", None) != "extent"]
            lines += [f"    {_line_of(thing)}" for thing in one_by_one]
        return "\n".join(lines)

    def _line_of_left_out(self):
        typical = median(self.left_out.values())
        return (
            f"frames outside of the expression left out: {len(self.left_out)} of "
            f"{self.counts['all']} clips, {typical:g} frames a clip (median)"
        )

    def _line(self, name):
        published = " or ".join(map(str, self.published.get(name, ()))) or "-"
        mark = "  differs" if self._differs(name) else ""
        return f"    {name:<12}{self.counts[name]:>6}  published {published}{mark}"


def _line_of(thing):
    kind = getattr(thing, "kind", None)
    return str(thing) if kind is None else f"[{kind}] {thing}"


def check_database(
    name, path, *, variant=None, repair=True, label_file=None, encoding=None, kind=None
):
    """Check a copy of a database: what is there, what is missing, what is wrong.

    Parameters
    ----------
    name : str
        One of `list_databases`.
    path : path-like
        The folder of your copy, as for `load_database`.
    variant : str, default=None
        Which frames; by default the first variant of the database.
    repair : bool, default=True
        Put known mistakes right; otherwise they are among the faults.
    label_file : path-like, default=None
        The label file, if it does not lie in `path`, or if there are several.
    encoding : str, default=None
        Encoding of a label file in CSV, as for `load_database`.
    kind : str, default=None
        Kind of expressions, as for `load_database`.

    Returns
    -------
    DatabaseCheck
        Where the database cannot be read, its `problem` says why.

    Raises
    ------
    ValueError
        If the name is unknown.
    ParameterError
        If the variant, the encoding or the kind is unknown, or `repair` is not True or False.
    """
    layout = get_layout(name)
    variant = next(iter(layout.folders)) if variant is None else variant
    published = {"all": layout.n_clips, **layout.emotions}
    published = {key: _as_tuple(value) for key, value in published.items()}
    try:
        reading = read_database(
            layout, path, variant, repair, label_file=label_file, encoding=encoding, kind=kind
        )
    except ParameterError:
        raise
    except ValueError as error:
        return DatabaseCheck(
            layout.title, str(path), variant, problem=str(error), published=published
        )
    if reading.kind is not None:
        published["all"] = _published_of_kind(layout, reading.kind)
    emotions = Counter(clip.label or "none" for clip in reading.clips)
    return DatabaseCheck(
        layout.title,
        str(path),
        variant,
        label_file=None if reading.label_file is None else reading.name(reading.label_file),
        folder=reading.name(reading.base),
        counts={"all": len(reading.clips)} | dict.fromkeys(layout.emotions, 0) | emotions,
        published=published,
        n_subjects=len({clip.subject for clip in reading.clips}),
        repairs=tuple(reading.repairs),
        faults=tuple(reading.faults),
        left_out=reading.left_out,
        revision=reading.revision,
        notes=tuple(reading.notes),
    )


def _published_of_kind(layout, kind):
    if kind != "both":
        return _as_tuple(layout.kinds[kind])
    counts = product(*(_as_tuple(number) for number in layout.kinds.values()))
    return tuple(sorted({sum(numbers) for numbers in counts}))


def _as_tuple(value):
    return value if isinstance(value, tuple) else () if value is None else (value,)
