"""Second files of a database: objective classes, onsets and offsets beside the label file."""

from dataclasses import replace
from pathlib import Path

from cdmer.corpora._databases.label_files import find_label_file, read_sheet
from cdmer.corpora._databases.rows import read_rows
from cdmer.corpora._databases.spelling import fold_name
from cdmer.corpora._faults import Fault


def add_further_files(reading, rows, encoding=None):
    """Fill in what the second files of a database say, where a copy has them.

    Parameters
    ----------
    reading : Reading
        Takes notes of what was read, and faults: files that cannot be read, and what contradicts
        the label file, which counts.
    rows : list of Row
    encoding : str, default=None
        Encoding of second files in CSV; by default it is found out.

    Returns
    -------
    list of Row
    """
    for further in reading.layout.further_files:
        folders = [reading.root, *([Path(reading.label_file).parent] if reading.label_file else [])]
        name = str(further.label_files[0])
        try:
            found = [find_label_file(Path(f), further.label_files, False, 1) for f in folders]
            file = next((file for file in found if file is not None), None)
            if file is None:
                continue
            name = reading.name(file)
            sheet = read_sheet(file, further.sheet, name, encoding)
            added, faults, _ = read_rows(reading.layout, sheet, table=further)
        except ValueError as error:
            message = f"{str(error).removeprefix(f'{name}: ')}; nothing of it is read"
            reading.faults.append(Fault("file", name, message))
            continue
        reading.notes.append(f"{name}: {', '.join(further.fields[2:])} of {len(added)} clips")
        reading.faults += [*sheet.faults, *faults]
        rows = _merge(reading, further, name, rows, {_key(row): row for row in added})
    return rows


def _key(row):
    return fold_name(row.subject), fold_name(row.clip)


def _merge(reading, further, name, rows, added):
    merged = []
    for row in rows:
        more = added.pop(_key(row), None)
        if more is None:
            message = f"no row about clip {row.key!r}"
            reading.faults.append(Fault("unknown", name, message, row.key))
        else:
            row = _merge_row(reading, further, row, more)
        merged.append(row)
    for row in added.values():
        message = f"clip {row.key!r} is nowhere else; there is no clip"
        reading.faults.append(Fault("missing-row", row.where, message))
    return merged


def _merge_row(reading, further, row, more):
    changes, cells = {}, {}
    for name in further.fields[2:]:
        value, known = getattr(more, name), getattr(row, name)
        if known is None and value is not None and name != "label":
            changes[name], cells[name] = value, more.cells[name]
        elif None not in (value, known) and value != known:
            place = row.cells.get(name, row.where)
            message = f"{name} {value!r}, where {place} has {known!r}; that one counts"
            reading.faults.append(Fault("contradiction", more.cells[name], message, row.key))
    return replace(row, **changes, cells=row.cells | cells)
