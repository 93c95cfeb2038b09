"""What may still be sent, and when: every request is noted before it leaves."""

import time
from typing import NamedTuple

_WINDOW = 60.0
_FIRST_ANSWER = 0.05  # seconds between two looks whether it is there


class BudgetSpent(Exception):
    """No further request may be sent."""


class Limits(NamedTuple):
    """Limits of one endpoint; None where there is none.

    Parameters
    ----------
    requests_per_minute, tokens_per_minute : int or None
        Most requests and tokens within any 60 seconds.
    request_budget, token_budget : int or None
        Most requests and tokens in all.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    request_budget: int | None = None
    token_budget: int | None = None


class Budget:
    """The requests of one endpoint.

    What a request will cost is not known before: the dearest so far stands for one that is under
    way, and for one whose answer never came. Where tokens are limited and nothing is known yet, one
    request goes ahead of the others.

    Parameters
    ----------
    database : SharedFile
        Who shares it shares budget and rates.
    endpoint : str
    limits : Limits
    """

    def __init__(self, database, endpoint, limits):
        self._database, self._endpoint, self._limits = database, endpoint, limits
        self._counts_tokens = bool(limits.tokens_per_minute or limits.token_budget)

    def reserve(self):
        """Note a request that is about to be sent, if it may.

        Returns
        -------
        request : int or None
            Its number, for `settle`; None if it has to wait.
        wait : float
            Seconds after which to ask again, 0 for a request that was noted.

        Raises
        ------
        BudgetSpent
        """
        with self._database.writing() as connection:
            now = time.monotonic()  # the time of day may be set back
            sent, spent, dearest, unknown = connection.execute(
                "SELECT count(*), coalesce(sum(tokens), 0), coalesce(max(tokens), 0), "
                "count(*) - count(tokens) FROM requests WHERE endpoint = ?",
                (self._endpoint,),
            ).fetchone()
            self._check_numbers(spent, dearest)
            self._check_budget(sent, spent, dearest, unknown)
            recent = self._recent(connection, now)
            under_way = any(outcome == "sent" for _, _, outcome in recent)
            if under_way and not dearest and self._counts_tokens:
                return None, _FIRST_ANSWER
            wait = self._wait(recent, dearest)
            if wait > 0:
                return None, wait
            cursor = connection.execute(
                "INSERT INTO requests (endpoint, started, outcome) VALUES (?, ?, 'sent')",
                (self._endpoint, now),
            )
            return cursor.lastrowid, 0.0

    def settle(self, connection, request, tokens, outcome):
        """Note what became of a request, within a transaction.

        Parameters
        ----------
        connection : sqlite3.Connection
        request : int
        tokens : int or None
            What it cost; None where nobody knows.
        outcome : str
        """
        connection.execute(
            "UPDATE requests SET tokens = ?, outcome = ? WHERE id = ?", (tokens, outcome, request)
        )

    def _check_numbers(self, *values):
        """Refuse what is no count or time: SQLite keeps any value in any column."""
        good = (type(value) in (int, float) and abs(value) < 2**53 for value in values)
        if not all(good):
            raise ValueError(f"{self._database.name}: the cache is damaged (its requests)")

    def _check_budget(self, sent, spent, dearest, unknown):
        limits = self._limits
        if limits.request_budget is not None and sent >= limits.request_budget:
            raise BudgetSpent(
                f"request_budget: {sent} of {limits.request_budget} requests to {self._endpoint} "
                "were sent"
            )
        if limits.token_budget is None:
            return
        known = spent + unknown * dearest
        if known >= limits.token_budget or known + dearest > limits.token_budget:
            raise BudgetSpent(
                f"token_budget: {known} of {limits.token_budget} tokens of {self._endpoint} are "
                f"used, and one request takes up to {dearest}"
            )

    def _recent(self, connection, now):
        """List the seconds until requests are old, what they cost and their outcome, oldest first.

        The clock, which all processes share, begins again with the machine. A request from before
        that is as old as the machine is up at least, and as the two times differ.
        """
        rows = connection.execute(
            "SELECT started, tokens, outcome FROM requests WHERE endpoint = ? AND started > ?",
            (self._endpoint, now - _WINDOW),
        ).fetchall()
        self._check_numbers(*(v for row in rows for v in row[:2] if v is not None))
        recent = [
            (_WINDOW - (now - started if started <= now else now), tokens, outcome)
            for started, tokens, outcome in rows
        ]
        return sorted((one for one in recent if one[0] > 0), key=lambda one: one[0])

    def _wait(self, recent, dearest):
        limits, wait = self._limits, 0.0
        n_over = len(recent) + 1 - (limits.requests_per_minute or len(recent) + 1)
        if n_over > 0:
            wait = recent[n_over - 1][0]
        if limits.tokens_per_minute is not None:
            costs = [dearest if tokens is None else tokens for _, tokens, _ in recent]
            left = sum(costs) + dearest
            for (until_old, *_), cost in zip(recent, costs, strict=True):
                if left <= limits.tokens_per_minute:
                    break
                left -= cost
                wait = max(wait, until_old)
        return wait
