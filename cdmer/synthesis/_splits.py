"""Splits of a corpus that no identity crosses."""

import hashlib
from collections.abc import Mapping

import numpy as np

from cdmer._parameters import ParameterError, check_number
from cdmer.corpora import Corpus


def split_identities(corpus, shares, random_state=0):
    """Split a corpus into parts that share no identity.

    The part that somebody belongs to follows from the subject's name and the seed alone: in a
    larger synthesis, or one of other classes or sources, the same identities are in the same parts.
    So a network that was trained on one may be tested on the other.

    Parameters
    ----------
    corpus : Corpus
        The corpus to split.
    shares : dict of str to float
        Names of the parts and their shares of the identities, above 0, which add up to 1. The
        numbers of identities come near them, as draws do.
    random_state : int, default=0
        Seed; always an int, so that every corpus is split alike.

    Returns
    -------
    dict of str to Corpus
        Clips keep their order.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if corpus, shares or seed are not as above.
    ValueError
        If a part would be empty.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.synthesis import split_identities
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=40, n_subjects=20, random_state=0)
    >>> parts = split_identities(corpus, {"train": 0.8, "test": 0.2})
    >>> {name: len({clip.subject for clip in part}) for name, part in parts.items()}
    {'train': 13, 'test': 7}
    """
    if not isinstance(corpus, Corpus):
        raise ParameterError(f"corpus: expected a Corpus, got {type(corpus).__name__}")
    check_number("random_state", random_state, least=0, whole=True)
    if not isinstance(shares, Mapping) or not shares:
        raise ParameterError(f"shares: expected a dict of names to shares, got {shares!r}")
    for name, share in shares.items():
        check_number(f"shares[{name!r}]", share, above=0, most=1)
    edges = np.cumsum(list(shares.values()))
    if not np.isclose(edges[-1], 1):
        raise ParameterError(f"shares: expected a sum of 1, got {edges[-1]:g}")
    places = [_place(clip.subject, random_state) for clip in corpus]
    part_of = np.searchsorted(edges[:-1], places, side="right")
    parts = {}
    for i, name in enumerate(shares):
        if i not in part_of:
            raise ValueError(f"shares: no identity of corpus {corpus.name!r} falls to {name!r}")
        parts[name] = corpus.select(part_of == i)
    return parts


def _place(subject, seed):
    """A number from 0 to 1 that a name always has."""
    digest = hashlib.sha256(f"{seed}/{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
