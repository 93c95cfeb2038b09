"""The salt of a store: what keeps its pseudonyms from being guessed."""

import secrets

from cdmer.evaluation._store.rows import checksum, is_sound

_COLUMNS = ("name", "value")
_NAME = "salt of pseudonyms"


def keep_salt(connection):
    """Write a random salt where there is none yet."""
    row = (_NAME, secrets.token_bytes(16))
    connection.execute(
        "INSERT OR IGNORE INTO about (name, value, checksum) VALUES (?, ?, ?)",
        (*row, checksum(_COLUMNS, row)),
    )


def find_salt(connection, name):
    """Give the salt of a store that holds a run.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    row = connection.execute(
        "SELECT name, value, checksum FROM about WHERE name = ?", (_NAME,)
    ).fetchone()
    if row is None or not is_sound(_COLUMNS, row) or not isinstance(row[1], bytes):
        raise ValueError(f"{name}: the store is damaged ({_NAME})")
    return row[1]
