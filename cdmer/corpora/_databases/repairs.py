"""Known mistakes of label files, put right."""

from dataclasses import replace

from cdmer.corpora._databases.spelling import fold_name
from cdmer.corpora._faults import MOMENTS, Repair


def repair_row(layout, row):
    """Put right what is known to be wrong in a row.

    Parameters
    ----------
    layout : Layout
    row : Row
        As the label file has it.

    Returns
    -------
    row : Row
        Named by the right onset, where the onset is in the name.
    repairs : list of Repair
    """
    changes, named = [], _folded(row.subject, row.name)
    for known in layout.mistakes:
        value = getattr(row, known.field)
        wrong = value == known.before if known.before is not None else _out_of_order(row)
        if named == _folded(known.subject, known.clip) and value is not None and wrong:
            changes.append((known.field, value, known.after, known.reason))
    if row.label in layout.misspelt:
        changes.append(("label", row.label, layout.misspelt[row.label], "misspelt"))
    if not changes:
        return row, []
    row = replace(row, **{name: after for name, _, after, _ in changes})
    row = replace(row, name=layout.clip.format(clip=row.clip, onset=row.onset))
    return row, [Repair(row.key, *change) for change in changes]


def _folded(subject, clip):
    return fold_name(subject), fold_name(clip)


def _out_of_order(row):
    known = [getattr(row, moment) for moment in MOMENTS if getattr(row, moment) is not None]
    return known != sorted(known)
