"""From a question to its reply: out of the cache, or by as many requests as it takes."""

import random
import threading
import time
from dataclasses import dataclass, field

from cdmer.zero_shot._answers import Reply
from cdmer.zero_shot._budget import Budget, BudgetSpent
from cdmer.zero_shot._cache import AnswerCache
from cdmer.zero_shot._client import Lost, Refused

_FIRST_WAIT, _LONGEST_BACKOFF = 0.5, 60.0
# A server that asks for more is done for today.
_LONGEST_WAIT = 600.0
_POLL = 0.1


class Stopped(Exception):
    """Asking was stopped, by what another question met with."""


class Failed(Exception):
    """A question has no reply and will get none now; nor, most likely, will any other.

    Parameters
    ----------
    message : str
    this_alone : bool
        Whether others may well get one.
    """

    def __init__(self, message, this_alone=False):
        super().__init__(message)
        self.this_alone = this_alone


class Spent(Failed):
    """The budget is used up; questions that were answered before still have their replies."""


@dataclass
class Usage:
    """What asking took.

    Parameters
    ----------
    requests : int
        Requests that were sent.
    retries : int
        How many of them repeated one that had been lost.
    from_cache : int
        Questions that had been answered before.
    prompt_tokens, completion_tokens : int
        Tokens of the answers that requests brought, as far as the server says.
    """

    requests: int = 0
    retries: int = 0
    from_cache: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    _lock: object = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, **more):
        """Count, from whatever thread."""
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)

    def to_dict(self):
        """Give the numbers as a dict of str to int."""
        return {k: v for k, v in vars(self).items() if not k.startswith("_")}


class Asker:
    """Asks an endpoint, within its limits, from several threads.

    Parameters
    ----------
    client : Client
    database : SharedFile
    limits : Limits
    max_retries : int
        How often a lost request is repeated.
    usage : Usage
        Is added to.
    """

    def __init__(self, client, database, limits, max_retries, usage):
        endpoint = f"{client.model} at {client.address.url}"
        self.endpoint = endpoint
        self._client, self._database = client, database
        self._cache = AnswerCache(database, endpoint)
        self._budget = Budget(database, endpoint, limits)
        self._counts_tokens = bool(limits.tokens_per_minute or limits.token_budget)
        self._max_retries, self._usage = max_retries, usage
        self._settings = [client.address.url, client.model, client.params]
        # Whether the server holds answers to a form; the first question finds out for all.
        self._holds_form, self._finding_out = None, threading.Lock()
        self._not_before = 0.0
        self._stop = threading.Event()

    def ask(self, question):
        """Get the reply to a question.

        Parameters
        ----------
        question : Question

        Returns
        -------
        Reply

        Raises
        ------
        Failed
            If the endpoint gives none, or the budget is spent.
        Stopped
            If `stop` was called.
        """
        key = question.key(self._settings)
        while True:
            found = self._cache.find_or_claim(key)
            if isinstance(found, Reply):
                self._usage.add(from_cache=1)
                return found
            if found:
                break
            self._pause(_POLL)
        try:
            return self._try_until_answered(key, question)
        except BaseException:
            self._cache.release(key)
            raise

    def stop(self):
        """Send nothing more; what was sent is waited for."""
        self._stop.set()

    def close(self):
        """End the connections; call `stop` first where threads are asking."""
        self._client.close()
        self._cache.close()

    def _try_until_answered(self, key, question):
        lost = 0
        while True:
            try:
                return self._try(key, question, again=lost > 0)
            except Lost as error:
                lost += 1
                if lost > self._max_retries:
                    tries = f"{lost} requests" if lost > 1 else "one request"
                    raise Failed(f"{self.endpoint} gave no answer to {tries}: {error}") from None
                self._back_off(error.after, lost)
            except Refused as error:
                if not error.form_at_fault:
                    raise Failed(f"{self.endpoint}: {error}", error.this_alone) from None
            except BudgetSpent as error:
                raise Spent(f"the budget is used up: {error}") from None

    def _try(self, key, question, again):
        """Send one request, and keep its reply."""
        if question.response_format is None or self._holds_form is False:
            return self._send(key, question, None, again)
        if self._holds_form:
            return self._send(key, question, question.response_format, again)
        with self._finding_out:
            if self._holds_form is None:
                try:
                    reply = self._send(key, question, question.response_format, again)
                except Refused as error:
                    if error.form_at_fault:
                        self._holds_form = False
                    raise
                if reply.finish != "content_filter":  # which answers before the model does
                    self._holds_form = True
                return reply
        return self._try(key, question, again)

    def _send(self, key, question, response_format, again):
        request = self._wait_for_turn()
        self._usage.add(requests=1, retries=int(again))
        try:
            reply = self._client.send(question.messages, response_format)
        except (Lost, Refused) as error:
            unpaid = isinstance(error, Refused) or error.unpaid
            with self._database.writing() as connection:
                self._budget.settle(connection, request, 0 if unpaid else None, str(error))
            if isinstance(error, Refused) and self._holds_form:
                error.form_at_fault = False
            raise
        with self._database.writing() as connection:
            self._cache.store(connection, key, question, reply)
            self._budget.settle(connection, request, reply.tokens, "answered")
        self._usage.add(
            prompt_tokens=reply.prompt_tokens or 0, completion_tokens=reply.completion_tokens or 0
        )
        if reply.tokens is None and self._counts_tokens:
            raise Failed(
                f"token_budget, tokens_per_minute: {self.endpoint} does not tell how many tokens "
                "its answers take, so they cannot be limited; limit requests"
            )
        return reply

    def _wait_for_turn(self):
        while True:
            self._pause(self._not_before - time.monotonic())
            request, wait = self._budget.reserve()
            if request is not None:
                return request
            self._pause(wait)

    def _back_off(self, after, lost):
        """Wait longer each time, by chance a little more or less, or as long as the server asks."""
        if after is None:
            longest = min(_LONGEST_BACKOFF, _FIRST_WAIT * 2 ** (lost - 1))
            self._pause(longest * random.uniform(0.5, 1))  # noqa: S311
            return
        if after > _LONGEST_WAIT:
            raise Failed(f"{self.endpoint} asks to come back in {after:.0f} s")
        # It asks everybody, not this question alone.
        self._not_before = max(self._not_before, time.monotonic() + after)
        self._pause(after)

    def _pause(self, seconds):
        if self._stop.wait(max(0.0, seconds)):
            raise Stopped
