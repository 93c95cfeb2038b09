"""Answers that were given before, and who is asking just now."""

import hashlib
import json
import os
import secrets
import socket

import psutil

from cdmer._files.reading import parse_json
from cdmer.zero_shot._answers import Reply

# Caches that are open in this process; what others of it claimed is nobody's any more.
_OPEN = set()
_LONGEST_CLAIM = 4096


class AnswerCache:
    """Replies by the key of their question.

    A question is claimed by who asks it, and others wait for the reply. A claim ends with its
    process.

    Parameters
    ----------
    database : SharedFile
    endpoint : str
        Address and model, for whoever looks into the file.
    """

    def __init__(self, database, endpoint):
        self._database, self._endpoint = database, endpoint
        self._session = secrets.token_hex(8)
        born = psutil.Process().create_time()
        self._owner = json.dumps([socket.gethostname(), os.getpid(), born, self._session])
        _OPEN.add(self._session)

    def find_or_claim(self, key):
        """Look a reply up; where there is none, claim the question.

        Returns
        -------
        Reply, True or False
            The reply; whether the caller has to ask, and to `store` or `release` then. False:
            somebody else is asking.
        """
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT text, refusal, finish, prompt_tokens, completion_tokens, checksum "
                "FROM answers WHERE key = ?",
                (key,),
            ).fetchone()
            # A damaged one is asked for again.
            if row is not None and _is_reply(row) and row[-1] == _checksum(key, row[:-1]):
                return Reply(*row[:-1])
            claim = connection.execute("SELECT owner FROM claims WHERE key = ?", (key,)).fetchone()
            if claim is not None and _is_held(claim[0]):
                return False
            connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?)", (key, self._owner))
            return True

    def store(self, connection, key, question, reply):
        """Keep a reply and give the claim up, within a transaction."""
        picture = None if question.picture is None else question.picture.digest
        connection.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, self._endpoint, question.text, picture, *reply, _checksum(key, reply)),
        )
        connection.execute("DELETE FROM claims WHERE key = ?", (key,))

    def release(self, key):
        """Give the claim up that has no reply; others may ask."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (key, self._owner))

    def close(self):
        """End all claims."""
        _OPEN.discard(self._session)


def _is_reply(row):
    *texts, prompt_tokens, completion_tokens, _ = row
    return all(isinstance(text, str) for text in texts) and all(
        number is None or (type(number) is int and number >= 0)
        for number in (prompt_tokens, completion_tokens)
    )


def _is_held(claim):
    """Whether who has claimed a question is still at it; a damaged claim is nobody's."""
    try:
        owner = parse_json(claim, "claim", _LONGEST_CLAIM)
    except (ValueError, TypeError):
        return False
    types = (str, int, float, str)
    if not isinstance(owner, list) or [type(part) for part in owner] != [*types]:
        return False
    return 0 < owner[1] < 2**31 and _is_alive(*owner)


def _is_alive(host, pid, born, session):
    if host != socket.gethostname():  # the file was moved here
        return False
    if pid == os.getpid():
        return session in _OPEN
    try:
        process = psutil.Process(pid)
        # Judged by the clock, which may be set in between.
        same = abs(process.create_time() - born) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _checksum(key, reply):
    content = json.dumps([key, *reply])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
