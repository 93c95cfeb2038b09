"""The file under a store: its tables, its versions, opening it, and what goes wrong with files."""

import errno
import os
import sqlite3
from contextlib import contextmanager, suppress
from functools import partial

APPLICATION_ID = 0x63646D72  # "cdmr"
BUSY_SECONDS = 60
# What brings a store from the version before to the next one; a new store takes every step. New
# columns may be NULL, so that checksums of the rows that are there stay right.
STEPS = (
    (
        "CREATE TABLE test_sets (key TEXT PRIMARY KEY, clips TEXT NOT NULL)",
        "CREATE TABLE jobs (key TEXT PRIMARY KEY, config TEXT NOT NULL, test_set TEXT NOT NULL, "
        "predicted TEXT, scores BLOB, details TEXT NOT NULL, seconds TEXT NOT NULL, "
        "finished TEXT NOT NULL, error TEXT, checksum TEXT NOT NULL)",
        "CREATE TABLE runs (run INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, created TEXT "
        "NOT NULL, asked INTEGER NOT NULL, info TEXT NOT NULL, checksum TEXT NOT NULL)",
        "CREATE TABLE run_jobs (run INTEGER NOT NULL, position INTEGER NOT NULL, "
        "label TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (run, position)) WITHOUT ROWID",
    ),
    ("ALTER TABLE jobs ADD COLUMN embedding BLOB",),
)
VERSION = len(STEPS)


def connect(path, read_only):
    """Open a store, make it one if the file is new or empty, and bring it to this version.

    Parameters
    ----------
    path : Path or None
        None for a store in memory.
    read_only : bool
        Nothing is made or brought to this version then.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode, for several threads that take turns.
    """
    if path is not None:
        _check_place(path, read_only)
    with named_errors(path):
        connection = _connect_reading(path) if read_only else _connect_writing(path)
        try:
            with transaction(connection, "DEFERRED"):
                version = check_version(connection, path)
                _check_structure(connection, path)
            if read_only and version == 0:
                raise ValueError(f"{path}: the file is empty, expected a store of results")
            if not read_only:
                _choose_journal(connection)
                with transaction(connection, "IMMEDIATE"):
                    _bring_up_to_date(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def check_version(connection, path):
    """Give the version of a store, 0 for an empty file.

    Raises
    ------
    ValueError
        If the file is another program's, from a newer version of cdmer, or damaged.
    """
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    )
    if application == APPLICATION_ID and 1 <= version <= VERSION:
        return version
    if application == APPLICATION_ID and version > VERSION:
        raise ValueError(
            f"{path}: a store of version {version}, from a newer cdmer than this one, which knows "
            f"versions up to {VERSION}; upgrade cdmer to use it, or give another file"
        )
    if application == APPLICATION_ID:
        raise ValueError(f"{path}: the store is damaged (version {version})")
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise ValueError(
            f"{path}: expected a store of results, got a database of another program (its "
            f"application_id is {application}, that of stores is {APPLICATION_ID})"
        )
    return 0


@contextmanager
def transaction(connection, kind):
    """Let the block see one state of the file ("DEFERRED"), or write all at once ("IMMEDIATE")."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back already after some errors
            connection.execute("ROLLBACK")
        raise


@contextmanager
def named_errors(path):
    """Turn what SQLite raises into OSError or ValueError that names the file."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError):
        raise  # wrong use, or a value that is too large: not the file's fault
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a message may quote damaged text
        raise _translated(error, path) from error


def _translated(error, path):
    # Without a code: raised by Python, about text that is no text.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    kept = "what was finished before is kept, what was being written is not"
    name = "store in memory" if path is None else str(path)
    if code == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, f"the disk is full ({error}); {kept}", name)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
        return OSError(errno.EIO, f"cannot be read or written ({error}); {kept}", name)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TimeoutError(
            errno.ETIMEDOUT, f"another process kept it locked for {BUSY_SECONDS} s; {kept}", name
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return PermissionError(
            errno.EACCES, f"file or folder cannot be opened or written to ({error})", name
        )
    if code == sqlite3.SQLITE_NOTADB:
        return ValueError(f"{name}: expected a store of results, the file is none ({error})")
    return ValueError(f"{name}: the store is damaged ({error})")


def _check_place(path, read_only):
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "expected a file, got a folder", str(path))
    if read_only and not path.exists():
        raise FileNotFoundError(errno.ENOENT, "there is no such store", str(path))


def _connect(name, **uri):
    connection = sqlite3.connect(
        name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, **uri
    )
    # Damaged text shall reach the checksums, which know whose it is.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


def _connect_writing(path):
    if path is None:
        return _connect(":memory:")
    return _connect(f"{path.absolute().as_uri()}?mode=rwc", uri=True)


def _connect_reading(path):
    address = path.absolute().as_uri()
    connection = _connect(f"{address}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except Exception as error:
        connection.close()
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return _connect_immutable(path, address)
    return connection


def _connect_immutable(path, address):
    """Open a store on a medium that takes not even the files that readers share."""
    for ending in ("-wal", "-journal"):
        log = path.with_name(path.name + ending)
        if log.exists() and log.stat().st_size:
            raise OSError(
                errno.EROFS,
                f"an interrupted run left {log.name}, which the last jobs depend on and which "
                "cannot be merged here; copy both files to a folder that can be written to, and "
                "open the store there once for writing",
                str(path),
            )
    return _connect(f"{address}?immutable=1", uri=True)


def _check_structure(connection, path):
    """Find pages that are damaged, which rows could be lost in without a trace."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise ValueError(
            f"{path}: the store is damaged ({found}); `sqlite3 FILE .recover` may save jobs of it"
        )


def _choose_journal(connection):
    """Take the journal that lets others read while one writes, where the file system can."""
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.OperationalError:  # no shared memory there, or others are opening it just now
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    # With the other journals, less than FULL may damage the file when the power goes.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")


def _bring_up_to_date(connection, path):
    """Take the steps to this version; write something in any case, to learn whether one can."""
    version = check_version(connection, path)
    for statements in STEPS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def identity(path):
    """What tells a file from another one of the same name, None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
