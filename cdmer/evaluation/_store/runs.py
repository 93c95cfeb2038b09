"""Runs in the tables of a store: what was asked for, in which order."""

from cdmer._files.reading import parse_json
from cdmer.evaluation._store.checks import check_info
from cdmer.evaluation._store.records import digest
from cdmer.evaluation._store.rows import checksum, is_sound, now, to_json

COLUMNS = ("run", "key", "created", "asked", "info")
_LAST = 2**62  # of a number of a run; the next one has to fit, too
_SELECT = f"SELECT {', '.join(COLUMNS)}, checksum FROM runs"


def check_asked(info, jobs):
    """Check what is asked for; give `info` as JSON, and the jobs as a list of pairs.

    Raises
    ------
    ValueError
        If `info` lacks what lists of runs show or JSON cannot hold it, or `jobs` is no list of
        labels and keys.
    """
    check_info(info)
    jobs = [tuple(job) for job in jobs]
    for job in jobs:
        if len(job) != 2 or not all(isinstance(part, str) for part in job):
            raise ValueError(f"jobs: expected pairs of a label and a key, both str, got {job!r}")
    return to_json("info", info), jobs


def read_info(run, name):
    """Give the `info` of a row of a run.

    Raises
    ------
    ValueError
        If it holds what no benchmark writes.
    """
    try:
        info = parse_json(run[4], "info")
        check_info(info)
    except ValueError as error:
        raise ValueError(f"{name}: run {run[0]}: {error}") from error
    return info


def write_run(connection, info, jobs, name):
    """Note a run, or that it was asked for again, and give its number."""
    key = _key(info, jobs)
    known = connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
    last, asked = connection.execute(
        "SELECT coalesce(max(run), 0), coalesce(max(asked), 0) FROM runs"
    ).fetchone()
    if not all(type(value) is int and value < _LAST for value in (last, asked)):
        raise ValueError(f"{name}: the store is damaged (numbers of its runs)")
    if known is None:
        run, created = last + 1, now()
    else:  # written anew, in case it is damaged
        run, created = known[0], known[2] if is_sound(COLUMNS, known) else now()
    row = (run, key, created, asked + 1, info)
    connection.execute(
        f"INSERT OR REPLACE INTO runs ({', '.join(COLUMNS)}, checksum) VALUES (?, ?, ?, ?, ?, ?)",
        (*row, checksum(COLUMNS, row)),
    )
    connection.execute("DELETE FROM run_jobs WHERE run = ?", (run,))
    connection.executemany(
        "INSERT INTO run_jobs (run, position, label, key) VALUES (?, ?, ?, ?)",
        [(run, place, label, key) for place, (label, key) in enumerate(jobs)],
    )
    return run


def find_run(connection, run, name):
    """Give the row of a run, or of the one that was asked for last.

    Raises
    ------
    ValueError
        If there is no such run, or it is damaged.
    """
    rows = connection.execute(f"{_SELECT} ORDER BY asked").fetchall()
    if not rows:
        raise ValueError(f"{name}: the store holds no run")
    if run is None:
        for row in rows:  # a damaged one may have been the last
            _check(row, name)
        return rows[-1]
    for row in rows:
        if row[0] == run:
            _check(row, name)
            return row
    known = sorted(row[0] for row in rows)
    raise ValueError(f"run: expected one of {known} in {name}, got {run!r}")


def list_runs(connection, name):
    """Give a list per run, as `ResultStore.runs` shows it.

    Raises
    ------
    ValueError
        If a run is damaged.
    """
    listed = []
    for row in connection.execute(f"{_SELECT} ORDER BY run"):
        _check(row, name)
        jobs = connection.execute(
            "SELECT r.label, r.key, j.key IS NOT NULL, j.error IS NOT NULL FROM run_jobs r "
            "LEFT JOIN jobs j ON j.key = r.key WHERE r.run = ? ORDER BY r.position",
            (row[0],),
        ).fetchall()
        check_jobs(row, [job[:2] for job in jobs], name)
        there, failed = (sum(job[i] for job in jobs) for i in (2, 3))
        info = read_info(row, name)
        about = [info["title"], info["protocol"]["class"], info["scheme"]["name"]]
        listed.append([row[0], row[2], *about, len(jobs), there - failed, failed])
    return listed


def check_jobs(run, jobs, name):
    """Check that labels and keys are those that were asked for.

    Raises
    ------
    ValueError
        If they are not.
    """
    texts = all(isinstance(part, str) for job in jobs for part in job)
    if not texts or _key(run[4], jobs) != run[1]:
        raise ValueError(f"{name}: the store is damaged (list of jobs of run {run[0]})")


def _check(run, name):
    types = [type(value) for value in run[:-1]]
    if types != [int, str, str, int, str] or not is_sound(COLUMNS, run):
        raise ValueError(f"{name}: the store is damaged (run {run[0]}); `run` may name another one")


def _key(info, jobs):
    return digest("\n".join([info, *(f"{key} {label}" for label, key in jobs)]))
