"""Rows of a metadata table by corpus, and corpora that a protocol asks for by name."""

import re

import numpy as np

from cdmer._parameters import ParameterError
from cdmer.evaluation.protocols._base import read_metadata

NO_ROWS = np.empty(0, dtype=np.intp)


def rows_by_corpus(metadata):
    """Give the positions of the rows of each corpus, a dict in the order of the names."""
    corpora, _ = read_metadata(metadata)
    return {name: np.flatnonzero(corpora == name) for name in in_order(set(corpora))}


def check_names(parameter, names, rows):
    """Check the corpora that a parameter names.

    Parameters
    ----------
    parameter : str
    names : str or sequence of str
    rows : dict of str to ndarray
        As `rows_by_corpus` gives them.

    Returns
    -------
    tuple of str

    Raises
    ------
    ParameterError
        If there is none, one occurs twice, or something is no string.
    ValueError
        If there are no clips of one.
    """
    given = (names,) if isinstance(names, str) else names
    good = isinstance(given, list | tuple) and len(given) > 0
    good = good and all(isinstance(name, str) for name in given)
    if not good or len(set(given)) < len(given):
        raise ParameterError(f"{parameter}: expected distinct names of corpora, got {names!r}")
    missing = [name for name in given if name not in rows]
    if missing:
        raise ValueError(f"{parameter}: expected clips of {missing}, got clips of {list(rows)}")
    return tuple(given)


def in_order(names):
    """Sort names, numbers in them by value: "s2" before "s10"."""
    return sorted(names, key=lambda name: (_parts(name), name))


def joined(names):
    """Give several corpora one name, for tables: "casme2 + samm"."""
    return " + ".join(names)


def listed(names):
    """List names as a sentence does: "casme2, samm and smic-hs"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _parts(name):
    parts = re.split(r"(\d+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]
