"""SQLite files that threads and processes of one machine share, and what goes wrong with files."""

import errno
import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

BUSY_SECONDS = 60


class Layout(NamedTuple):
    """What a file holds, and the words for it in errors.

    Parameters
    ----------
    noun, what : str
        Such as ``"store"`` and ``"a store of results"``.
    application_id, version : int
        Written into the file, to know it again.
    tables : tuple of str
        Statements that make them in an empty file.
    durable : bool
        Whether each transaction waits for the disk. Otherwise a power cut may cost the last ones.
    checks_pages : bool
        Whether opening looks for damaged pages, which rows could be lost in without a trace.
    prefix : str, default=""
        Comes before the name of the file.
    """

    noun: str
    what: str
    application_id: int
    version: int
    tables: tuple
    durable: bool
    checks_pages: bool
    prefix: str = ""


class SharedFile:
    """One connection to a file, whose transactions threads take turns with.

    What was committed survives whatever ends the process.

    Parameters
    ----------
    layout : Layout
    path : Path or None, default=None
        Made if it is not there, in a folder that is. None for memory.
    read_only : bool, default=False
        Nothing is made or changed then, also on media that cannot be written to.

    Attributes
    ----------
    name : str
        The file, for errors.
    process : int
        Number of the process that may use it.

    Raises
    ------
    OSError
        If the file cannot be read or, unless `read_only`, written to.
    ValueError
        If the file is another program's, of another version, or damaged.
    """

    def __init__(self, layout, path=None, *, read_only=False):
        self.layout, self.path, self.read_only = layout, path, read_only
        self.name = f"{layout.noun} in memory" if path is None else f"{layout.prefix}{path}"
        self.process = os.getpid()
        self._lock = threading.RLock()
        if path is not None:
            self._check_folder()
            self._place = path.absolute()
        with self._named_errors():
            self._connection = _connect_reading(self) if read_only else _connect_writing(path)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        self._identity = None if path is None else _identity(self._place)

    @contextmanager
    def reading(self):
        """Let the block see one state of the file.

        Yields
        ------
        sqlite3.Connection
        """
        with self._own_connection() as connection, _transaction(connection, "DEFERRED"):
            self._check_version(connection)
            yield connection

    @contextmanager
    def writing(self):
        """Let the block read and write alone; all of it is written, or nothing.

        Yields
        ------
        sqlite3.Connection
        """
        with self._own_connection() as connection:
            if self.read_only:
                raise PermissionError(f"{self.name}: the {self.layout.noun} was opened read-only")
            with _transaction(connection, "IMMEDIATE"):
                if self._check_version(connection) == 0:
                    raise ValueError(self._damage("its version changed"))
                yield connection

    def check_place(self):
        """Raise OSError if another file has taken the place of this one."""
        if self.path is not None and _identity(self._place) != self._identity:
            raise OSError(
                f"{self.name}: the file was removed or replaced while the {self.layout.noun} was "
                "open; what is written to it now is lost"
            )

    def close(self):
        """Close the file. Closing again does nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _own_connection(self):
        with self._lock, self._named_errors():
            if self._connection is None:
                raise ValueError(f"{self.name}: the {self.layout.noun} is closed")
            if self.process != os.getpid():
                raise RuntimeError(f"{self.name}: opened by another process; open it again here")
            yield self._connection

    def _check_folder(self):
        path = self.path
        if not path.parent.is_dir():
            raise FileNotFoundError(f"{self.name}: there is no folder {path.parent}")
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "expected a file, got a folder", str(path))
        if self.read_only and not path.exists():
            raise FileNotFoundError(errno.ENOENT, f"there is no such {self.layout.noun}", str(path))

    def _prepare(self):
        """Check what is there; make the tables of a file that is new or empty."""
        with _transaction(self._connection, "DEFERRED"):
            version = self._check_version(self._connection)
            if self.layout.checks_pages:
                self._check_pages()
        if self.read_only:
            if version == 0:
                raise ValueError(f"{self.name}: the file is empty, expected {self.layout.what}")
            return
        self._choose_journal()
        with _transaction(self._connection, "IMMEDIATE"):
            if self._check_version(self._connection) == 0:
                for statement in self.layout.tables:
                    self._connection.execute(statement)
            # Written in any case, to learn whether one can.
            self._connection.execute(f"PRAGMA application_id = {self.layout.application_id}")
            self._connection.execute(f"PRAGMA user_version = {self.layout.version}")

    def _check_version(self, connection):
        """Give the version of the file, 0 if it is empty."""
        layout = self.layout
        application, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if application == layout.application_id:
            if version == layout.version:
                return version
            if version < 1:
                raise ValueError(self._damage(f"version {version}"))
            if version > layout.version:
                raise ValueError(
                    f"{self.name}: written by a newer version of cdmer: expected version "
                    f"{layout.version} of the {layout.noun}, got {version}; upgrade cdmer to use "
                    "it, or give another file"
                )
            raise ValueError(
                f"{self.name}: written by an earlier version of cdmer, which this one cannot "
                f"read: expected version {layout.version} of the {layout.noun}, got {version}; "
                "give another file"
            )
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ValueError(
                f"{self.name}: expected {layout.what}, got a database of another program (its "
                f"application_id is {application}, expected {layout.application_id})"
            )
        return 0

    def _check_pages(self):
        found = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise ValueError(f"{self._damage(found)}; `sqlite3 FILE .recover` may save rows of it")

    def _choose_journal(self):
        """Take the journal that lets others read while one writes, where the file system can."""
        execute = self._connection.execute
        try:
            mode = execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError:  # no shared memory there, or others are opening it now
            mode = execute("PRAGMA journal_mode").fetchone()[0]
        # With the other journals, less than FULL may damage the file when the power goes.
        normal = mode == "wal" and not self.layout.durable
        execute(f"PRAGMA synchronous = {'NORMAL' if normal else 'FULL'}")

    def _damage(self, what):
        return f"{self.name}: the {self.layout.noun} is damaged ({what})"

    @contextmanager
    def _named_errors(self):
        """Turn what SQLite raises into OSError or ValueError that names the file."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError):
            raise  # wrong use, or a value that is too large: not the file's fault
        except (sqlite3.Error, UnicodeDecodeError) as error:  # a message may quote damaged text
            raise self._translated(error) from error

    def _translated(self, error):
        code = _code(error)
        kept = "what was finished before is kept, what was being written is not"
        if code == sqlite3.SQLITE_FULL:
            return OSError(errno.ENOSPC, f"the disk is full ({error}); {kept}", self.name)
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
            return OSError(errno.EIO, f"cannot be read or written ({error}); {kept}", self.name)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            locked = f"another process kept it locked for {BUSY_SECONDS} s; {kept}"
            return TimeoutError(errno.ETIMEDOUT, locked, self.name)
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
            closed = f"file or folder cannot be opened or written to ({error})"
            return PermissionError(errno.EACCES, closed, self.name)
        if code == sqlite3.SQLITE_NOTADB:
            return ValueError(
                f"{self.name}: expected {self.layout.what}, the file is none ({error})"
            )
        return ValueError(self._damage(error))


def _code(error):
    # Without a code: raised by Python, about text that is no text.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


@contextmanager
def _transaction(connection, kind):
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back already after some errors
            connection.execute("ROLLBACK")
        raise


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


def _connect_reading(file):
    address = file.path.absolute().as_uri()
    connection = _connect(f"{address}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except Exception as error:
        connection.close()
        if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return _connect_immutable(file, address)
    return connection


def _connect_immutable(file, address):
    """Open a file on a medium that takes not even the files that readers share."""
    for ending in ("-wal", "-journal"):
        log = file.path.with_name(file.path.name + ending)
        if log.exists() and log.stat().st_size:
            raise OSError(
                errno.EROFS,
                f"an interrupted run left {log.name}, which holds what was written last and "
                "cannot be merged here; copy both files to a folder that can be written to, and "
                f"open the {file.layout.noun} there once for writing",
                file.name,
            )
    return _connect(f"{address}?immutable=1", uri=True)


def _identity(path):
    """What sets a file apart from another one of the same name, None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
