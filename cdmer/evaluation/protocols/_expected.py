"""Whether corpora have the clips that published scores were computed on: `expected.toml`."""

import tomllib
from functools import cache
from importlib.resources import files

from cdmer.corpora import ActionUnitScheme, get_scheme


def missing_clips(scheme, counts, subjects=None):
    """Say which corpora have other clips than those that published scores were computed on.

    Parameters
    ----------
    scheme : str
        Name of a label scheme.
    counts : dict of str to (dict of str to int, or int)
        Per corpus the number of clips of each class under the scheme, or the number of clips.
    subjects : dict of str to int, default=None
        Per corpus the number of subjects of these clips; 0 where it is not known.

    Returns
    -------
    list of str
        A sentence per corpus with other numbers; none for schemes and corpora without published
        ones.

    Raises
    ------
    ValueError
        If counts by class are given for a scheme with several classes per clip: their sum is no
        number of clips.

    Examples
    --------
    >>> from cdmer.evaluation.protocols import missing_clips
    >>> missing_clips("cdmer-130", {"casme2": 65, "smic-vis": 71, "mine": 12})
    ['casme2 has 65 of the 130 clips of cdmer-130: its scores cannot be compared with published
    ones']
    """
    sentences = []
    for corpus, published in _load().get(scheme, {}).items():
        if corpus in counts:
            n_subjects = 0 if subjects is None else subjects.get(corpus, 0)
            difference = _difference(scheme, corpus, published, counts[corpus], n_subjects)
            if difference:
                sentences.append(
                    f"{corpus} {difference}: its scores cannot be compared with published ones"
                )
    return sentences


@cache
def _load():
    text = files("cdmer.evaluation.protocols").joinpath("expected.toml").read_text("utf-8")
    return tomllib.loads(text)


def _difference(scheme, corpus, published, found, n_subjects):
    """What is different, as the part of a sentence after the corpus's name; "" if nothing is."""
    by_class = isinstance(found, dict)
    if by_class and isinstance(get_scheme(scheme), ActionUnitScheme):
        raise ValueError(
            f"counts: expected the number of clips of {corpus!r}, got numbers per class; under "
            f"scheme {scheme!r} a clip has several"
        )
    classes = published.get("classes", {})
    n_found = sum(found.values()) if by_class else found
    n_clips = sum(classes.values()) if classes else published["clips"]
    detail = _by_class(classes, found) if by_class and classes else ""
    if n_found < n_clips:
        return f"has {n_found} of the {n_clips} clips of {scheme}{detail}"
    if n_found > n_clips:
        return f"has {n_found} clips, where {scheme} has {n_clips}{detail}"
    if detail:
        return f"has the {n_clips} clips of {scheme} under other labels{detail}"
    expected = published.get("subjects", n_subjects)
    if n_subjects and n_subjects != expected:
        return f"has {n_subjects} subjects, where {scheme} has {expected}"
    return ""


def _by_class(classes, found):
    names = [*classes, *(name for name in found if name not in classes)]
    other = [
        f"{found.get(name, 0)} {name} instead of {classes.get(name, 0)}"
        for name in names
        if found.get(name, 0) != classes.get(name, 0)
    ]
    return f" ({', '.join(other)})" if other else ""
