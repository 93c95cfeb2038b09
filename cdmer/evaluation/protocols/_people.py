"""Names of people, the same in all corpora that show them."""

import numpy as np

from cdmer._text import is_missing

# Three cameras recorded the same people; their subjects have the same names.
_FAMILY = {"smic-hs": "smic", "smic-vis": "smic", "smic-nir": "smic"}


def family(corpus):
    """Name what a corpus is a part of, a str: corpora of one family show the same people."""
    return _FAMILY.get(corpus, corpus)


def people(corpora, subjects):
    """Name the person that each clip shows.

    Parameters
    ----------
    corpora, subjects : sequence of str
        One entry per clip. Subjects of different corpora are different people, but for those that
        recorded the same people by several cameras. A subject that is missing (None, NaN, "") is
        unknown.

    Returns
    -------
    ndarray of object, shape (n_clips,)
        ``"family/subject"``; ``""`` where the subject is not known.
    """
    names = np.empty(len(corpora), dtype=object)
    names[:] = [
        "" if is_missing(subject) else f"{family(corpus)}/{subject}"
        for corpus, subject in zip(corpora, subjects, strict=True)
    ]
    return names
