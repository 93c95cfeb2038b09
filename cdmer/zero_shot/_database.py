"""The SQLite file under answers and budget, for threads and processes of one machine."""

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

FILE_NAME = "answers.sqlite"
_BUSY_SECONDS = 60
_APPLICATION, _VERSION = 0x63647673, 1  # "cdvs"
_TABLES = (
    # Model, address, prompt and settings are in the key; some of them are kept for whoever looks.
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, prompt TEXT "
    "NOT NULL, picture TEXT, text TEXT NOT NULL, refusal TEXT NOT NULL, finish TEXT NOT NULL, "
    "prompt_tokens INTEGER, completion_tokens INTEGER, checksum TEXT NOT NULL)",
    # Who is asking just now, so that nobody else asks the same.
    "CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL)",
    # Every request that was sent; tokens are NULL while, and if, nobody knows what it cost.
    "CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, "
    "started REAL NOT NULL, tokens INTEGER, outcome TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS requests_of ON requests (endpoint, started)",
)


class Database:
    """One connection, whose transactions threads take turns with.

    What was committed survives whatever ends the process, and a power cut.

    Parameters
    ----------
    folder : path-like or None
        Made if it is not there; None for a database in memory.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    ValueError
        If the file is another program's, or damaged.
    """

    def __init__(self, folder):
        self.path = None
        if folder is not None:
            folder = Path(folder)
            if folder.exists() and not folder.is_dir():
                raise NotADirectoryError(f"cache: expected a folder, got the file {folder}")
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / FILE_NAME
        self.process = os.getpid()
        self._lock = threading.RLock()
        with self._named_errors():
            self._connection = sqlite3.connect(
                ":memory:" if self.path is None else self.path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def transaction(self):
        """Let the block read and write alone.

        Yields
        ------
        sqlite3.Connection
        """
        with self._lock, self._named_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back already after some errors
                    self._connection.execute("ROLLBACK")
                raise

    def close(self):
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _prepare(self):
        # Others may be opening it just now: one of all of them is enough.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA journal_mode = WAL")
        # Answers are paid for; each is on the disk before the next question is asked.
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.transaction() as connection:
            application, version, tables = (
                connection.execute(question).fetchone()[0]
                for question in (
                    "PRAGMA application_id",
                    "PRAGMA user_version",
                    "SELECT count(*) FROM sqlite_master",
                )
            )
            if tables and (application, version) != (_APPLICATION, _VERSION):
                raise ValueError(
                    f"cache: {self.path} is a database of another program, or of another version "
                    "of cdmer; give another folder"
                )
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _named_errors(self):
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(f"cache: {self.path} cannot be read or written: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ValueError(f"cache: {self.path} is no cache of answers: {error}") from error
