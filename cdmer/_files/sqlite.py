"""SQLite files that threads and processes of one machine share, and what goes wrong with files."""

import errno
import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cdmer._files.reading import check_regular, open_regular

BUSY_SECONDS = 60
# Of a value or a row; all that we write is far smaller.
MOST_BYTES = 2**26
_MOST_SQL_BYTES = 2**14
_COMPANIONS = ("-wal", "-shm", "-journal")
# At the end of a journal that names a file which SQLite deletes after it.
_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
# What ANALYZE leaves.
_STATISTICS = {
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
}
# Where opening alone would have to write, and cannot.
_NO_ROOM = (
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
)


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
    private : bool, default=False
        Whether the file is for its owner alone. Otherwise the umask decides.
    """

    noun: str
    what: str
    application_id: int
    version: int
    tables: tuple
    durable: bool
    checks_pages: bool
    prefix: str = ""
    private: bool = False


class SharedFile:
    """One connection to a file, whose transactions threads take turns with.

    What was committed survives whatever ends the process. A file that holds anything but the tables
    of its layout, such as views or triggers, is refused before anything in it is asked for.

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
        If the file is another program's, of another version, or damaged, or holds other tables; or
        if it, or a log beside it, is no regular file.
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
            self._connection = _connect_reading(self) if read_only else _connect_writing(self)
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
        if path.exists():
            check_regular(path)
        elif self.read_only:
            raise FileNotFoundError(errno.ENOENT, f"there is no such {self.layout.noun}", str(path))
        for log in _companions(path):
            with suppress(FileNotFoundError):  # another process has closed the file meanwhile
                _check_log(log)

    def _prepare(self):
        """Check what is there; make the tables of a file that is new or empty."""
        with _transaction(self._connection, "DEFERRED"):
            version = self._check_version(self._connection)
            if version:
                self._check_schema()
            if self.layout.checks_pages:
                self._check_pages()
        if self.read_only:
            if version == 0:
                raise ValueError(f"{self.name}: the file is empty, expected {self.layout.what}")
            return
        if self.layout.private and version:  # made by others, or before a change of its mode
            for file in (self.path, *_companions(self.path)):
                with suppress(PermissionError, FileNotFoundError):
                    os.chmod(file, 0o600)
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

    def _check_schema(self):
        """Refuse what runs when tables are read or written: views, triggers, expressions."""
        known = {*self.layout.tables, *_STATISTICS}
        found = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        for kind, name, sql in self._connection.execute(found):
            automatic = sql is None and kind == "index"  # of a key
            if sql not in known and not automatic:
                raise ValueError(
                    f"{self.name}: expected the tables of {self.layout.what} and nothing else, got "
                    f"the {kind} {str(name)!r:.60}"
                )

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
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # wrong use: not the file's fault
        except (sqlite3.Error, UnicodeDecodeError) as error:  # a message may quote damaged text
            raise self._translated(error) from error

    def _translated(self, error):
        code = _code(error)
        if isinstance(error, sqlite3.DataError):
            return ValueError(f"{self.name}: expected values of at most {MOST_BYTES} bytes")
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
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _MOST_SQL_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _connect_writing(file):
    path = file.path
    if path is None:
        return _connect(":memory:")
    if file.layout.private and not path.exists():
        with suppress(FileExistsError):  # SQLite gives the files beside it the same mode
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return _connect(f"{path.absolute().as_uri()}?mode=rwc", uri=True)


def _connect_reading(file):
    address = file.path.absolute().as_uri()
    connection = _connect(f"{address}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except Exception as error:
        connection.close()
        no_room = getattr(error, "sqlite_errorcode", None) in _NO_ROOM
        if not no_room and _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return _connect_immutable(file, address)
    return connection


def _connect_immutable(file, address):
    """Open a file on a medium that takes not even the files that readers share."""
    for log in _companions(file.path):
        if not log.name.endswith("-shm") and log.stat().st_size:
            raise OSError(
                errno.EROFS,
                f"an interrupted run left {log.name}, which holds what was written last and "
                "cannot be merged here; copy both files to a folder that can be written to, and "
                f"open the {file.layout.noun} there once for writing",
                file.name,
            )
    return _connect(f"{address}?immutable=1", uri=True)


def _companions(path):
    """Files of SQLite that lie beside a file, or beside what it leads to, as a list."""
    path = Path(os.path.realpath(path))
    found = [path.with_name(path.name + ending) for ending in _COMPANIONS]
    return [file for file in found if os.path.lexists(file)]


def _check_log(log):
    if log.is_symlink():
        raise ValueError(f"{log}: expected a regular file, got a link")
    with open_regular(log) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - len(_SUPER_JOURNAL)))
        if log.name.endswith("-journal") and file.read() == _SUPER_JOURNAL:
            raise ValueError(
                f"{log}: is of a transaction over several files, of which cdmer makes none"
            )


def _identity(path):
    """What sets a file apart from another one of the same name, None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
