"""Label schemes, read from `schemes.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from cdmer._action_units import action_unit_number, annotated_action_units
from cdmer._parameters import ParameterError
from cdmer.corpora._registrations import import_registrations

OBJECTIVE_CLASSES = ("I", "II", "III", "IV", "V", "VI", "VII")


@dataclass(frozen=True)
class LabelScheme:
    """Mapping from the annotations of clips to the classes of a protocol.

    Parameters
    ----------
    name : str
        Name of the scheme, which `get_scheme` takes.
    classes : tuple of str
        The fixed class list; class codes are positions in it, whatever classes the data hold.
    rules : dict of str to dict
        Per family of corpora: ``corpora`` (their names) and either ``emotions`` (annotated emotion
        to class, ``""`` to leave the clip out) or ``action_units`` (class to combinations such as
        ``"6+12"``; clips that show another one are left out, and an annotated
        `Clip.objective_class` comes first); optionally ``without`` (``subject/name`` of clips left
        out). The family ``native`` serves corpora that no other family names.
    description : str, default=""
        What the scheme is, in a sentence.
    source : str, default=""
        Where the scheme was published.
    """

    name: str
    classes: tuple[str, ...]
    rules: dict
    description: str = ""
    source: str = ""

    def classify(self, clip):
        """Classify a clip by its annotations.

        Parameters
        ----------
        clip : Clip
            An annotated clip.

        Returns
        -------
        str or None
            A class name; None where the scheme leaves the clip out.

        Raises
        ------
        ValueError
            If the clip has no label, or one that the rules do not know; for classes by action
            action units, if the clip has none.
        """
        rules = self._rules_for(clip.corpus)
        if f"{clip.subject}/{clip.name}" in rules.get("without", ()):
            return None
        if "action_units" in rules:
            return self._classify_action_units(clip, rules["action_units"])
        emotions = rules["emotions"]
        emotion = str(clip.label).strip().lower()
        emotion = "others" if emotion == "other" else emotion
        if emotion not in emotions:
            raise ValueError(
                f"label of clip {clip.key!r}: scheme {self.name!r} expects one of "
                f"{sorted(emotions)}, got {clip.label!r}"
            )
        return emotions[emotion] or None

    def _rules_for(self, corpus):
        for rules in self.rules.values():
            if corpus in rules["corpora"]:
                return rules
        return self.rules["native"]

    def _classify_action_units(self, clip, combinations):
        annotated = getattr(clip, "objective_class", None)
        if annotated is not None:
            if annotated not in OBJECTIVE_CLASSES:
                raise ValueError(
                    f"objective class of clip {clip.key!r}: expected one of {OBJECTIVE_CLASSES}, "
                    f"got {annotated!r}"
                )
            return annotated if annotated in self.classes else None
        shown = {action_unit_number(action_unit) for action_unit in annotated_action_units(clip)}
        for name, texts in combinations.items():
            if any(
                shown == {int(action_unit) for action_unit in text.split("+")} for text in texts
            ):
                return name
        return None


@dataclass(frozen=True)
class ActionUnitScheme:
    """Multi-label scheme: which of some action units a clip shows.

    Parameters
    ----------
    name : str
        Name of the scheme, which `get_scheme` takes.
    classes : tuple of str
        The action units, ``"AU1"`` and so on.
    description : str, default=""
        What the scheme is, in a sentence.
    source : str, default=""
        Where the scheme was published.
    """

    name: str
    classes: tuple[str, ...]
    description: str = ""
    source: str = ""

    def indicator(self, clips):
        """Indicator matrix of the action units that clips show, on either side and of any strength.

        Parameters
        ----------
        clips : sequence of Clip
            Clips with annotated action units.

        Returns
        -------
        ndarray of int, shape (n_clips, n_units)
            1 where a clip shows the action unit, else 0; scikit-learn's multi-label targets.

        Raises
        ------
        ValueError
            If a clip has no action units, or an unreadable one, such as ``"12 or 15"``.

        Examples
        --------
        >>> from cdmer.corpora import get_scheme, make_synthetic_corpus
        >>> scheme = get_scheme("action-units")
        >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
        >>> scheme.indicator(corpus).shape
        (3, 12)
        """
        action_units = [int(name.removeprefix("AU")) for name in self.classes]
        rows = np.zeros((len(clips), len(action_units)), dtype=int)
        for row, clip in zip(rows, clips, strict=True):
            shown = set()
            for text in annotated_action_units(clip):
                number = action_unit_number(text)
                if number is None:
                    raise ValueError(
                        f"action units of clip {clip.key!r}: expected single action units such as "
                        f"'R12B', got {text!r}; leave the clip out or replace its action_units"
                    )
                shown.add(number)
            row[:] = [action_unit in shown for action_unit in action_units]
        return rows

    def classify(self, clip):
        """Raise an error: a clip has several classes here, see `indicator`."""
        raise ValueError(
            f"scheme: {self.name!r} gives a clip several classes, where one is expected; "
            f"get_scheme({self.name!r}).indicator(clips) gives the table of 0 and 1"
        )


@cache
def _load():
    data = tomllib.loads(files("cdmer.corpora").joinpath("schemes.toml").read_text("utf-8"))
    schemes = {}
    for name, entry in data.items():
        about = (entry["description"], entry["source"])
        classes = tuple(entry["classes"])
        if "rules" in entry:
            schemes[name] = LabelScheme(name, classes, entry["rules"], *about)
        else:
            schemes[name] = ActionUnitScheme(name, classes, *about)
    return schemes


def list_schemes():
    """List the names of the label schemes that come with the library.

    Returns
    -------
    list of str
    """
    return list(_load())


def get_scheme(scheme):
    """Look up a label scheme.

    Parameters
    ----------
    scheme : str, LabelScheme or ActionUnitScheme
        A name of `list_schemes`, or a scheme, which is given back.

    Returns
    -------
    LabelScheme or ActionUnitScheme
        ``"action-units"`` is the one with several classes per clip.

    Raises
    ------
    ValueError
        If no scheme has that name.

    Examples
    --------
    >>> from cdmer.corpora import get_scheme
    >>> get_scheme("cdmer-130").classes
    ('negative', 'positive', 'surprise')
    """
    if isinstance(scheme, LabelScheme | ActionUnitScheme):
        return scheme
    import_registrations()  # they may add rules
    schemes = _load()
    if scheme not in schemes:
        raise ValueError(f"scheme: expected one of {sorted(schemes)}, got {scheme!r}")
    return schemes[scheme]


def check_rules(scheme, classes, emotions):
    """Check the classes that a database gives its emotions under a scheme.

    Parameters
    ----------
    scheme : str
        A name of `list_schemes`.
    classes : dict of str to str
        Class of each emotion, ``""`` to leave clips out.
    emotions : iterable of str
        Emotions of the database.

    Raises
    ------
    ParameterError
        If there is no such scheme of one class per clip, an emotion is missing or unknown, or a
        class is none of the scheme's.
    """
    known = [name for name, one in _load().items() if isinstance(one, LabelScheme)]
    if scheme not in known:
        raise ParameterError(f"schemes: expected names among {known}, got {scheme!r}")
    if not isinstance(classes, Mapping) or set(classes) != set(emotions):
        raise ParameterError(
            f"schemes[{scheme!r}]: expected a class for each of {list(emotions)}, got {classes!r}"
        )
    expected = (*_load()[scheme].classes, "")
    for emotion, name in classes.items():
        if name not in expected:
            raise ParameterError(
                f"schemes[{scheme!r}][{emotion!r}]: expected one of {expected}, got {name!r}"
            )


def add_rules(corpus, schemes):
    """Add the rules of a corpus to label schemes.

    Parameters
    ----------
    corpus : str
    schemes : dict of str to dict
        Per scheme, the class of each emotion, as `check_rules` takes them.

    Raises
    ------
    ParameterError
        If a scheme has rules for that corpus already; then none is changed.
    """
    for name in schemes:
        rules = _load()[name].rules
        if corpus in rules or any(corpus in family["corpora"] for family in rules.values()):
            raise ParameterError(
                f"schemes: expected a corpus for which scheme {name!r} has no rules, got {corpus!r}"
            )
    for name, classes in schemes.items():
        _load()[name].rules[corpus] = {"corpora": [corpus], "emotions": dict(classes)}
