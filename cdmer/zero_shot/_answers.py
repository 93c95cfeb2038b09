"""Replies of a model, and the strict reading of them: an answer that was asked for, or none."""

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

CANNOT_TELL = "cannot tell"
# Models that reason aloud put it first, in one block.
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL | re.IGNORECASE)


class Reply(NamedTuple):
    """Reply to one request.

    Parameters
    ----------
    text : str
        What the model says, "" if it says nothing.
    refusal : str
        Why it refuses, in its words; "" if it does not.
    finish : str
        Why it ended, as the server calls it: "stop", "length", "content_filter"; "" if unknown.
    prompt_tokens, completion_tokens : int or None
        What it cost; None where the server does not say.
    """

    text: str
    refusal: str = ""
    finish: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def tokens(self):
        """Tokens of question and answer, an int, or None where the server does not say."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)

    @property
    def said(self):
        """The text, a str, without what the model thought aloud."""
        return _THOUGHT.sub("", self.text).strip()

    @property
    def silence(self):
        """Why there is nothing to read, a str: "refused", "cut off" or "empty"; "" if there is."""
        if self.refusal or self.finish == "content_filter":
            return "refused"
        if self.finish == "length":
            return "cut off"
        return "" if self.said else "empty"


@dataclass(frozen=True)
class OneOf:
    """An answer that is one of some words.

    Parameters
    ----------
    words : tuple of str
    """

    words: tuple

    @property
    def schema(self):
        """JSON schema of the answer, a dict."""
        return _schema({"type": "string", "enum": [*self.words, CANNOT_TELL]})

    @property
    def request(self):
        """How to answer, a str for the end of a question."""
        words = ", ".join(json.dumps(word, ensure_ascii=False) for word in self.words)
        return (
            f'Reply with the JSON object {{"answer": ...}} and nothing else, where the answer is '
            f'one of {words}, or "{CANNOT_TELL}" if you cannot tell.'
        )

    def read(self, reply):
        """Read a reply.

        Parameters
        ----------
        reply : Reply

        Returns
        -------
        answer : str or None
            One of `words`; None for anything else.
        reason : str
            Why there is no answer: "refused", "cut off", "empty", "cannot tell", "other answer"; ""
            if there is one.
        """
        if reply.silence:
            return None, reply.silence
        given = _given(reply.said)
        if not isinstance(given, str):
            return None, "other answer"
        return _known(given, self.words)


@dataclass(frozen=True)
class SomeOf:
    """An answer that is any number of some words, none included.

    Parameters
    ----------
    words : tuple of str
    """

    words: tuple

    @property
    def schema(self):
        """JSON schema of the answer, a dict."""
        word = {"type": "string", "enum": [*self.words, CANNOT_TELL]}
        return _schema({"type": "array", "items": word})

    @property
    def request(self):
        """How to answer, a str for the end of a question."""
        words = ", ".join(json.dumps(word, ensure_ascii=False) for word in self.words)
        return (
            f'Reply with the JSON object {{"answer": [...]}} and nothing else, where the list '
            f"holds those of {words} that apply, and is empty if none does; reply with the list "
            f'["{CANNOT_TELL}"] if you cannot tell.'
        )

    def read(self, reply):
        """Read a reply.

        Parameters
        ----------
        reply : Reply

        Returns
        -------
        answer : tuple of str or None
            Some of `words` in their order; None if anything else was said.
        reason : str
            As in `OneOf.read`.
        """
        if reply.silence:
            return None, reply.silence
        given = _given(reply.said)
        if isinstance(given, str):
            given = [] if given.casefold() == "none" else re.split(r"\s*[,+]\s*", given)
        if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
            return None, "other answer"
        if [plain_word(word) for word in given] == [CANNOT_TELL]:
            return None, CANNOT_TELL
        found = [_known(word, self.words)[0] for word in given]
        if None in found:
            return None, "other answer"
        return tuple(word for word in self.words if word in found), ""


def _schema(answer):
    return {
        "type": "object",
        "properties": {"answer": answer},
        "required": ["answer"],
        "additionalProperties": False,
    }


def _given(text):
    """Take an answer out of a reply: out of the JSON object that was asked for, or the bare words.

    Returns
    -------
    object
        A str or list where the reply has the form; None for JSON of another one.
    """
    fenced = _FENCE.match(text)
    text = fenced[1].strip() if fenced else text
    try:
        # A class may be called 1.
        given = json.loads(text, object_pairs_hook=_single, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(given, dict):
        return given["answer"] if list(given) == ["answer"] else None
    return given if isinstance(given, str | list) else None


def _single(pairs):
    """Refuse what gives two answers under one name."""
    if len(dict(pairs)) != len(pairs):
        return None
    return dict(pairs)


def _known(given, words):
    plain = plain_word(given)
    for word in words:
        if plain == plain_word(word):
            return word, ""
    return None, CANNOT_TELL if plain == CANNOT_TELL else "other answer"


def plain_word(word):
    """A word in small letters, without quotes, asterisks and a full stop around it."""
    word = word.strip().removesuffix(".").strip()
    for mark in ("**", "*", "`", '"', "'"):
        if len(word) > 2 * len(mark) and word.startswith(mark) and word.endswith(mark):
            word = word[len(mark) : -len(mark)].strip()
    return word.removesuffix(".").casefold()
