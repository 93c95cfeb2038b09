"""Questions about a picture, in the three forms of the evaluation paper."""

import hashlib
import json
from typing import NamedTuple

from cdmer.zero_shot._answers import OneOf, SomeOf

FORMS = ("choice", "yes-no", "describe")
# Facial Action Coding System (Ekman, Friesen, Hager, 2002); models know action units by these.
ACTION_UNIT_NAMES = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    11: "nasolabial deepener",
    12: "lip corner puller",
    13: "sharp lip puller",
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    18: "lip pucker",
    20: "lip stretcher",
    22: "lip funneler",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    27: "mouth stretch",
    28: "lip suck",
    38: "nostril dilator",
    39: "nostril compressor",
    43: "eyes closed",
    45: "blink",
    46: "wink",
}


class Question(NamedTuple):
    """One question to a model.

    Parameters
    ----------
    text : str
    picture : Picture or None
        None for a question about words alone.
    answer : OneOf, SomeOf or None
        What the reply has to be; None for free text.
    """

    text: str
    picture: object
    answer: object

    @property
    def messages(self):
        """Messages of the chat-completions protocol, a list of dict."""
        content = [{"type": "text", "text": self.text}]
        if self.picture is not None:
            content.insert(0, {"type": "image_url", "image_url": {"url": self.picture.url}})
            return [{"role": "user", "content": content}]
        return [{"role": "user", "content": self.text}]

    @property
    def response_format(self):
        """Form of the answer, for servers that hold a model to it; None for free text."""
        if self.answer is None:
            return None
        form = {"name": "answer", "strict": True, "schema": self.answer.schema}
        return {"type": "json_schema", "json_schema": form}

    def key(self, settings):
        """Name the question by all that its reply follows from.

        Parameters
        ----------
        settings : list
            Address, model and parameters of the request, as JSON can hold them.

        Returns
        -------
        str
            SHA-256, 64 hexadecimal digits.
        """
        digest = None if self.picture is None else self.picture.digest
        content = [self.text, digest, self.response_format, settings]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class ClassQuestions:
    """Questions that find which of some classes a micro-expression belongs to.

    Parameters
    ----------
    names : tuple of str
        Names of the classes.
    moments : sequence of str
        What the frames of the picture show, from left to right.
    form : {"choice", "yes-no", "describe"}
    """

    def __init__(self, names, moments, form):
        self.names, self.moments, self.form = names, moments, form

    def ask(self, picture, ask):
        """Ask about one picture.

        Parameters
        ----------
        picture : Picture
        ask : callable
            Gives the `Reply` to a `Question`.

        Returns
        -------
        answer : str or None
            A class; None if the model abstained.
        reason : str
            Why it did: one of `OneOf.read`'s, or "ambiguous" where not exactly one class got a yes.
        """
        if self.form == "yes-no":
            return self._one_by_one(picture, ask)
        which = f"Which of these classes does the micro-expression belong to: {self._listed}?"
        if self.form == "describe":
            return _describe_and_map(self.moments, which, OneOf(self.names), picture, ask)
        return _put(f"{_shown(self.moments)} {which}", OneOf(self.names), picture, ask)

    def _one_by_one(self, picture, ask):
        agreed, reasons = [], []
        for name in self.names:
            text = (
                f"{_shown(self.moments)} Micro-expressions are sorted into these classes: "
                f"{self._listed}. Does this one belong to the class {name}?"
            )
            answer, reason = _put(text, OneOf(("yes", "no")), picture, ask)
            agreed += [name] * (answer == "yes")
            reasons += [reason] * bool(reason)
        if reasons:
            return None, reasons[0]
        return (agreed[0], "") if len(agreed) == 1 else (None, "ambiguous")

    @property
    def _listed(self):
        return ", ".join(self.names)


class ActionUnitQuestions:
    """Questions that find which of some action units a face shows.

    Parameters
    ----------
    names : tuple of str
        Action units, ``"AU1"`` and so on.
    moments, form
        As in `ClassQuestions`.
    """

    def __init__(self, names, moments, form):
        self.names, self.moments, self.form = names, moments, form

    def ask(self, picture, ask):
        """Ask about one picture.

        Parameters
        ----------
        picture, ask
            As in `ClassQuestions.ask`.

        Returns
        -------
        answer : dict of str to (bool or None)
            Whether the face shows each action unit; None where the model abstained.
        reason : str
            Why it did, the first time; "" if it never did.
        """
        if self.form == "yes-no":
            return self._one_by_one(picture, ask)
        which = (
            "Which of these action units of the Facial Action Coding System does the face show: "
            f"{', '.join(map(_with_name, self.names))}?"
        )
        if self.form == "describe":
            shown, reason = _describe_and_map(self.moments, which, SomeOf(self.names), picture, ask)
        else:
            text = f"{_shown(self.moments)} {which}"
            shown, reason = _put(text, SomeOf(self.names), picture, ask)
        return {name: None if shown is None else name in shown for name in self.names}, reason

    def _one_by_one(self, picture, ask):
        found, why = {}, ""
        for name in self.names:
            text = (
                f"{_shown(self.moments)} Does the face show action unit {_with_name(name)} of the "
                "Facial Action Coding System?"
            )
            answer, reason = _put(text, OneOf(("yes", "no")), picture, ask)
            found[name] = None if reason else answer == "yes"
            why = why or reason
        return found, why


def _put(text, answer, picture, ask):
    return answer.read(ask(Question(f"{text} {answer.request}", picture, answer)))


def _describe_and_map(moments, which, answer, picture, ask):
    """Have the picture described, then have the description, without the picture, sorted."""
    text = (
        f"{_shown(moments)} Describe how the face moves, and which emotion the movement may "
        "express, in a few sentences."
    )
    description = ask(Question(text, picture, None))
    if description.silence:
        return None, description.silence
    text = (
        "A micro-expression was described as follows.\n\n"
        f"{description.said}\n\n"
        f"Judge by this description alone. {which}"
    )
    return _put(text, answer, None, ask)


def _shown(moments):
    if len(moments) == 1:
        return f"The picture shows a face at the {moments[0]} of a micro-expression."
    listed = f"{', '.join(moments[:-1])} and {moments[-1]}"
    return (
        f"The picture shows the same face in {len(moments)} frames of a video, side by side: from "
        f"left to right {listed} of a micro-expression."
    )


def _with_name(action_unit):
    return f"{action_unit} ({ACTION_UNIT_NAMES[int(action_unit.removeprefix('AU'))]})"
