"""People who are both trained on and tested."""

import numpy as np

from cdmer.evaluation.protocols._base import read_metadata
from cdmer.evaluation.protocols._corpora import in_order
from cdmer.evaluation.protocols._people import family, people

# Two cameras, side by side: every clip of one has its twin in the other.
_SAME_MOMENTS = {("smic-nir", "smic-vis")}
_UNKNOWN = -1


def shared_people(metadata, fold):
    """Count the people of whom clips are both trained on and tested.

    Parameters
    ----------
    metadata : pandas.DataFrame
        One row per clip, with columns ``corpus`` and ``subject``.
    fold : Fold
        As the protocol's `roles` gives it for this table.

    Returns
    -------
    int or None
        None if subjects are not known of corpora that may share people.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import CDMERPairs, shared_people
    >>> clips = pd.DataFrame({"corpus": ["smic-vis", "smic-nir"], "subject": "s11"})
    >>> [shared_people(clips, fold) for fold in CDMERPairs().roles(clips)]
    [1, 1]
    """
    shared = set()
    for common in _common_people(*_who_is_where(metadata), fold).values():
        if common is None:
            return None
        shared |= common
    return len(shared)


def fold_notes(metadata, folds):
    """Say which corpora are trained on and tested although they show the same people.

    Between SMIC-VIS and SMIC-NIR this is what the CDMER benchmark does: it is not refused, but a
    reader should know.

    Parameters
    ----------
    metadata : pandas.DataFrame
        One row per clip, with columns ``corpus`` and ``subject``.
    folds : list of Fold
        As the protocol's `roles` gives them for this table.

    Returns
    -------
    list of str
        A sentence per pair of corpora, whichever is the source; none where nobody is shared.
        Without subjects the names of the corpora alone decide.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import CDMERPairs, fold_notes
    >>> clips = pd.DataFrame({"corpus": ["smic-vis", "smic-nir"], "subject": "s11"})
    >>> print(*fold_notes(clips, CDMERPairs().roles(clips)))
    smic-nir and smic-vis show the same people at the same moments (1 person is both trained on and
    tested): scores between them do not tell how a method does on new people.
    """
    who = _who_is_where(metadata)
    pairs = {}
    for fold in folds:
        for (trained, tested), common in _common_people(*who, fold).items():
            pair = tuple(in_order((trained, tested)))
            known = pairs.setdefault(pair, set())
            pairs[pair] = None if known is None or common is None else known | common
    return [_sentence(*pair, pairs[pair]) for pair in sorted(pairs) if pairs[pair] != set()]


def _who_is_where(metadata):
    """List every person in every corpus once, and say for each row which of these it shows.

    Returns
    -------
    corpora : ndarray of object, shape (n,)
    persons : ndarray of int, shape (n,)
        The same number for the same person; `_UNKNOWN` where the subject is not known.
    codes : ndarray of int, shape (n_clips,)
        Positions in both.
    """
    corpora, subjects = read_metadata(metadata)
    rows = list(zip(corpora, people(corpora, subjects), strict=True))
    place = {pair: i for i, pair in enumerate(dict.fromkeys(rows))}
    number = {person: i for i, person in enumerate(dict.fromkeys(person for _, person in place))}
    number[""] = _UNKNOWN
    return (
        np.array([corpus for corpus, _ in place], dtype=object),
        np.array([number[person] for _, person in place]),
        np.array([place[pair] for pair in rows]),
    )


def _common_people(corpora, persons, codes, fold):
    """People on both sides, by corpus trained on and corpus tested; None where not known."""
    trained, tested = (
        {name: persons[present & (corpora == name)] for name in set(corpora[present])}
        for rows in (fold.train, fold.test)
        for present in [np.bincount(codes[rows], minlength=len(persons)) > 0]
    )
    return {
        (one, other): _common(mine, theirs)
        for one, mine in trained.items()
        for other, theirs in tested.items()
        if family(one) == family(other)
    }


def _common(mine, theirs):
    if _UNKNOWN in mine or _UNKNOWN in theirs:
        return None
    return set(mine[np.isin(mine, theirs)].tolist())


def _sentence(one, other, shared):
    if one == other:
        said, scores = f"{one} is on both sides", "its scores"
        said += ", and its subjects are not known" * (shared is None)
    else:
        said, scores = f"{one} and {other} show the same people", "scores between them"
        said += " at the same moments" * ((one, other) in _SAME_MOMENTS)
    if shared is not None:
        counted = "1 person is" if len(shared) == 1 else f"{len(shared)} people are"
        said += f" ({counted} both trained on and tested)"
    return f"{said}: {scores} do not tell how a method does on new people."
