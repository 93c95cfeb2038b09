"""Which column of a label file holds what."""

from cdmer.corpora._databases.spelling import fold_header
from cdmer.corpora._faults import Fault

# A header stands within the first rows; SAMM's has a dozen rows of remarks above it.
_HEADER_ROWS = 50
# Where the database has these columns, there is no clip without them, or no use for it.
_NEEDED = ("subject", "clip", "onset", "apex", "offset", "label")


def find_columns(layout, sheet):
    """Find the columns of a label file by their headers.

    Parameters
    ----------
    layout : Layout
    sheet : Sheet

    Returns
    -------
    first : int
        The first row of data, from 0.
    columns : dict of str to int
        Per field of a clip its column, from 0.
    faults : list of Fault
        Columns that are missing though a clip can do without, or there twice.

    Raises
    ------
    ValueError
        If there is no header, or a column is missing without which there is no clip.
    """
    fields = list(layout.fields)
    if layout.header is None:
        order = [name for _, name in layout.columns]
        width = max(map(len, sheet.rows), default=0)
        if width < len(order):
            raise ValueError(f"{sheet.name}: expected {len(order)} columns, {fields}, got {width}")
        return 0, {name: i for i, name in enumerate(order) if name is not None}, []
    spellings = {name: layout.headers(name) for name in fields}
    matches = [
        {
            name: [i for i, text in enumerate(row) if fold_header(text) in spellings[name]]
            for name in fields
        }
        for row in sheet.rows[:_HEADER_ROWS]
    ]
    found = [sum(map(bool, match.values())) for match in matches]
    if max(found, default=0) < 2:
        raise ValueError(f"{sheet.name}: no row with the headers {_official(layout, fields)}")
    at = found.index(max(found))
    columns, faults = {}, []
    for name in fields:
        places = _preferred(layout, name, matches[at][name], sheet.rows[at])
        header = _official(layout, [name])[0]
        if len(places) > 1:
            faults.append(
                Fault(
                    "column",
                    sheet.place(at, places[1]),
                    f"a second column {header!r}; the first is read",
                )
            )
        if places:
            columns[name] = places[0]
            continue
        problem = f"row {at + 1} has no column {header!r}, only {[t for t in sheet.rows[at] if t]}"
        if name in _NEEDED:
            raise ValueError(f"{sheet.name}: {problem}")
        faults.append(Fault("column", f"{sheet.name}, row {at + 1}", problem))
    return at + 1, columns, faults


def _official(layout, fields):
    return [header for header, name in layout.columns if name in fields]


def _preferred(layout, name, places, headers):
    """Columns under the database's own header, or else under another spelling of it."""
    own = {fold_header(header) for header in _official(layout, [name])}
    return [i for i in places if fold_header(headers[i]) in own] or places
