"""The label schemes that come with the library, read from `schemes.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from cdmer._parameters import ParameterError
from cdmer._text import did_you_mean
from cdmer.corpora._action_unit_scheme import ActionUnitScheme
from cdmer.corpora._label_scheme import LabelScheme
from cdmer.corpora._registrations import import_registrations

AS_ANNOTATED = "labels"  # the scheme that is made from the corpora at hand


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


def get_scheme(scheme, *, labels=None, doubtful=None):
    """Look up a label scheme.

    Parameters
    ----------
    scheme : str, LabelScheme or ActionUnitScheme
        A name of `list_schemes`; ``"labels"`` for classes as annotated; or a scheme, which is
        given back.
    labels : iterable of str or None, default=None
        Annotated labels, from which ``"labels"`` takes its classes; see `LabelScheme.from_labels`.
        What is no text, such as None, is passed over. Other schemes do not read it.
    doubtful : {"refuse", "any", "drop"} or None, default=None
        What becomes of doubtful action units, for schemes with several classes per clip; see
        `ActionUnitScheme`. None leaves the scheme as it is.

    Returns
    -------
    LabelScheme or ActionUnitScheme
        ``"action-units"`` is the one with several classes per clip.

    Raises
    ------
    ValueError
        If no scheme has that name, ``"labels"`` comes without labels, or `doubtful` is none of the
        above or stands beside a scheme of one class per clip.

    Examples
    --------
    >>> from cdmer.corpora import get_scheme
    >>> get_scheme("cdmer-130").classes
    ('negative', 'positive', 'surprise')
    >>> get_scheme("labels", labels=["sad", "happy", "sad"]).classes
    ('happy', 'sad')
    >>> get_scheme("action-units", doubtful="any").doubtful
    'any'
    """
    if not isinstance(scheme, LabelScheme | ActionUnitScheme):
        scheme = _find(scheme, labels)
    if doubtful is None:
        return scheme
    if not isinstance(scheme, ActionUnitScheme):
        raise ParameterError(
            f"doubtful: expected None, as scheme {scheme.name!r} is not one of action units, got "
            f"{doubtful!r}"
        )
    return replace(scheme, doubtful=doubtful)


def _find(name, labels):
    if name == AS_ANNOTATED:
        labels = () if labels is None else labels
        labels = [label for label in labels if isinstance(label, str) and label.strip()]
        if not labels:
            raise ValueError(
                f"scheme: {name!r} takes its classes from annotated labels, expected some, got none"
            )
        return LabelScheme.from_labels(labels)
    import_registrations()  # they may add rules
    schemes = _load()
    if name not in schemes:
        raise ValueError(
            f"scheme: expected one of {[*sorted(schemes), AS_ANNOTATED]}, got {name!r}"
            f"{did_you_mean(name, schemes)}"
        )
    return schemes[name]


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
