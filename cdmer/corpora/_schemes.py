"""Label schemes, read from `schemes.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class LabelScheme:
    """From annotated emotions to the classes of a protocol.

    Parameters
    ----------
    name : str
    classes : tuple of str
        The fixed class list; class codes are positions in it, whatever classes the data hold.
    rules : dict of str to dict
        Per family of corpora: ``corpora`` (their names), ``emotions`` (annotated emotion to class,
        ``""`` to leave the clip out) and optionally ``without`` (``subject/name`` of clips left
        out). The family ``native`` serves corpora that no other family names.
    description : str
    source : str
        Where the scheme was published.
    """

    name: str
    classes: tuple[str, ...]
    rules: dict
    description: str = ""
    source: str = ""

    def classify(self, clip):
        """Class of a clip.

        Parameters
        ----------
        clip : Clip

        Returns
        -------
        str or None
            A class name; None where the scheme leaves the clip out.

        Raises
        ------
        ValueError
            If the clip has no label, or one that the rules do not know.
        """
        rules = self._rules_for(clip.corpus)
        if f"{clip.subject}/{clip.name}" in rules.get("without", ()):
            return None
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


@cache
def _load():
    data = tomllib.loads(files("cdmer.corpora").joinpath("schemes.toml").read_text("utf-8"))
    return {
        name: LabelScheme(
            name, tuple(entry["classes"]), entry["rules"], entry["description"], entry["source"]
        )
        for name, entry in data.items()
    }


def list_schemes():
    """Names of the label schemes that come with the library, as a list of str."""
    return list(_load())


def get_scheme(scheme):
    """Look a label scheme up.

    Parameters
    ----------
    scheme : str or LabelScheme
        A name of `list_schemes`, or a scheme, which is given back.

    Returns
    -------
    LabelScheme

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
    if isinstance(scheme, LabelScheme):
        return scheme
    schemes = _load()
    if scheme not in schemes:
        raise ValueError(f"scheme: expected one of {sorted(schemes)}, got {scheme!r}")
    return schemes[scheme]
