"""Which column of a label file holds what."""

from fnmatch import fnmatch

from cdmer.corpora._databases.spelling import HEADERS, REMARKS, fold_header
from cdmer.corpora._faults import Fault

# A header stands within the first rows; SAMM's has a dozen rows of remarks above it.
_HEADER_ROWS = 50
# Where the database has these columns, there is no clip without them, or no use for it.
_NEEDED = ("subject", "clip", "onset", "apex", "offset", "label")
# Read where a file has them, though the database's official one has not.
_WELCOME = ("onset", "apex", "offset", "action_units", "objective_class", "fps")


def find_columns(table, sheet):
    """Find the columns of a label file by their headers.

    Parameters
    ----------
    table : Layout or FurtherFile
    sheet : Sheet

    Returns
    -------
    first : int
        The first row of data, from 0.
    columns : dict of str to int
        Per field of a clip its column, from 0.
    faults : list of Fault
        Columns that are missing though a clip can do without, there twice, or not read.

    Raises
    ------
    ValueError
        If there is no header, or a column is missing without which there is no clip.
    """
    if table.header is None:
        return 0, *_count_columns(table, sheet)
    fields, (matches, found) = list(table.fields), _match_headers(table, sheet)
    if max(found, default=0) < 2:
        raise ValueError(f"{sheet.name}: no row with the headers {_official(table, fields)}")
    at = found.index(max(found))
    headers = sheet.rows[at]
    passed_over = {fold_header(header) for header, name in table.columns if name is None}
    welcome = {
        name: [
            i
            for i, text in enumerate(headers)
            if fold_header(text) in HEADERS[name] and fold_header(text) not in passed_over
        ]
        for name in _WELCOME
        if name not in fields
    }
    columns, faults = {}, []
    for name, places in (matches[at] | welcome).items():
        places = _preferred(table, name, places, headers)
        if len(places) > 1:
            faults.append(
                Fault(
                    "column",
                    sheet.place(at, places[1]),
                    f"a second column {headers[places[0]]!r}; the first is read",
                )
            )
        if places:
            columns[name] = places[0]
        elif name in fields:
            header = _official(table, [name])[0]
            problem = f"row {at + 1} has no column {header!r}, only {[t for t in headers if t]}"
            if name in _NEEDED:
                raise ValueError(f"{sheet.name}: {problem}")
            faults.append(Fault("column", f"{sheet.name}, row {at + 1}", problem))
    known = {i for places in (matches[at] | welcome).values() for i in places}
    faults += [
        Fault("column", sheet.place(at, i), f"column {text!r} is not known, and not read")
        for i, text in enumerate(headers)
        if text and i not in known and not _is_passed_over(table, passed_over, text)
    ]
    return at + 1, columns, faults


def has_header(table, sheet):
    """Whether a row of a sheet has most of the headers without which there is no clip."""
    needed = [name for name in _NEEDED if name in table.fields]
    matches, _ = _match_headers(table, sheet)
    return any(2 * sum(bool(match[name]) for name in needed) > len(needed) for match in matches)


def _match_headers(table, sheet):
    """For each of the first rows the columns of every field, and how many fields have one."""
    spellings = {name: table.headers(name) for name in table.fields}
    matches = [
        {
            name: [i for i, text in enumerate(row) if fold_header(text) in spellings[name]]
            for name in spellings
        }
        for row in sheet.rows[:_HEADER_ROWS]
    ]
    return matches, [sum(map(bool, match.values())) for match in matches]


def _is_passed_over(table, passed_over, text):
    header = fold_header(text)
    patterns = [pattern.casefold() for pattern in table.unread]
    return header in passed_over or header in REMARKS or any(fnmatch(header, p) for p in patterns)


def _count_columns(table, sheet):
    """Columns of a file without header, by how many it has and where it says a row's kind."""
    filled = [[i for i, text in enumerate(row) if text] for row in sheet.rows]
    width = max((row[-1] + 1 for row in filled if row), default=0)
    variants = sorted((table.columns, *table.other_columns), key=len)
    if width < len(variants[0]):
        fields = [name for _, name in variants[0]]
        raise ValueError(f"{sheet.name}: expected {len(fields)} columns, {fields}, got {width}")
    order = [name for _, name in [v for v in variants if len(v) <= width][-1]]
    columns = {name: i for i, name in enumerate(order) if name is not None}
    kinds = tuple(getattr(table, "kinds", ()))
    said = {
        i
        for row in sheet.rows
        for i, text in enumerate(row)
        if kinds and text.casefold().startswith(kinds)
    }
    expected = {columns["kind"]} if "kind" in columns else set()
    if said != expected and not (said & expected):
        where = [sheet.place(0, i) for i in sorted(said)] or "none"
        raise ValueError(
            f"{sheet.name}: expected the columns {order}, with one of {kinds} in "
            f"{[sheet.place(0, i) for i in expected] or 'none'}, got it in {where}"
        )
    faults = [
        Fault("column", sheet.place(0, i), f"a column beyond the {len(order)} known; not read")
        for i in sorted({i for row in filled for i in row if i >= len(order)})
    ]
    return columns, faults


def _official(table, fields):
    return [header for header, name in table.columns if name in fields]


def _preferred(table, name, places, headers):
    """Columns under the database's own header, or else under another spelling of it."""
    own = {fold_header(header) for header in _official(table, [name])}
    return [i for i in places if fold_header(headers[i]) in own] or places
