"""Leave one subject out, in a corpus or in several that are pooled."""

import numpy as np

from cdmer._limits import check_memory
from cdmer.evaluation.protocols._base import Fold, Protocol, read_metadata
from cdmer.evaluation.protocols._corpora import (
    NO_ROWS,
    check_names,
    in_order,
    joined,
    listed,
    rows_by_corpus,
)
from cdmer.evaluation.protocols._people import people


class CompositeLOSO(Protocol):
    """Pool corpora, and leave one subject out: the composite database evaluation.

    One experiment, one fold per person. Subjects of different corpora are different people, but
    for those that several cameras recorded (SMIC-HS, SMIC-VIS and SMIC-NIR): such a person is left
    out of all of these corpora at once.

    Parameters
    ----------
    corpora : sequence of str or None, default=None
        Names of the corpora to pool; clips of others take no part. None: all.

    Notes
    -----
    - MEGC2018: ``CompositeLOSO.megc2018()`` under the label scheme "objective"; 253 clips of 47
      subjects, 185 of CASME II and 68 of SAMM.
    - MEGC2019: ``CompositeLOSO.megc2019()`` under the label scheme "three"; 442 clips of 68
      subjects, 145 of 24 subjects of CASME II, 164 of 16 of SMIC-HS and 133 of 28 of SAMM.

    `missing_clips` says whether a copy of the corpora has these numbers.

    References
    ----------
    M. H. Yap, J. See, X. Hong, S.-J. Wang, "Facial Micro-Expressions Grand Challenge 2018 Summary",
    FG 2018, doi:10.1109/FG.2018.00106.
    J. See, M. H. Yap, J. Li, X. Hong, S.-J. Wang, "MEGC 2019 - The Second Facial Micro-Expressions
    Grand Challenge", FG 2019, doi:10.1109/FG.2019.8756611.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import CompositeLOSO
    >>> clips = pd.DataFrame({"corpus": ["samm", "casme2", "samm", "samm"]})
    >>> clips["subject"] = ["006", "sub01", "006", "011"]
    >>> for fold in CompositeLOSO().roles(clips):
    ...     print(fold.name, fold.train, fold.test)
    casme2/sub01 [0 2 3] [1]
    samm/006 [1 3] [0 2]
    samm/011 [0 1 2] [3]
    """

    allows_unlabelled_target = False

    def __init__(self, corpora=None):
        self.corpora = corpora

    @classmethod
    def megc2018(cls):
        """Give the composite of MEGC2018: CASME II and SAMM."""
        return cls(("casme2", "samm"))

    @classmethod
    def megc2019(cls):
        """Give the composite of MEGC2019: CASME II, SMIC-HS and SAMM."""
        return cls(("casme2", "smic-hs", "samm"))

    def roles(self, metadata):
        """Give one fold per person: see `Protocol.roles`."""
        rows = rows_by_corpus(metadata)
        names = tuple(rows)
        if self.corpora is not None:
            names = check_names("corpora", self.corpora, rows)
        if len(names) < 2:
            raise ValueError(
                f"corpora: expected two or more to pool, got {list(names)}; WithinCorpusLOSO takes "
                "each by itself"
            )
        pooled = np.sort(np.concatenate([rows[name] for name in names]))
        corpora, subjects = (column[pooled] for column in read_metadata(metadata))
        _check_subjects(corpora, subjects)
        return _leave_one_out(joined(names), pooled, people(corpora, subjects))

    def words(self):
        """Say what is done: see `Protocol.words`."""
        given = [self.corpora] if isinstance(self.corpora, str) else self.corpora
        pooled = "all corpora" if given is None else listed(list(given))
        return (
            f"The clips of {pooled} are pooled. Every subject is left out once: a method is fitted "
            "on the labelled clips of all other subjects, and predicts the clips of this one, of "
            "whom it has seen nothing. The predictions for all subjects are pooled before they are "
            "scored."
        )


class WithinCorpusLOSO(Protocol):
    """Leave one subject out, within every corpus by itself.

    One experiment per corpus, one fold per subject. Nothing is fitted on other corpora.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import WithinCorpusLOSO
    >>> clips = pd.DataFrame({"corpus": ["samm", "mmew", "samm", "mmew"]})
    >>> clips["subject"] = ["011", "S2", "006", "S10"]
    >>> for fold in WithinCorpusLOSO().roles(clips):
    ...     print(fold.experiment, fold.name, fold.train, fold.test)
    mmew S2 [3] [1]
    mmew S10 [1] [3]
    samm 006 [0] [2]
    samm 011 [2] [0]
    """

    allows_unlabelled_target = False

    def roles(self, metadata):
        """Give one fold per corpus and subject: see `Protocol.roles`."""
        corpora, subjects = read_metadata(metadata)
        _check_subjects(corpora, subjects)
        return [
            fold
            for name, rows in rows_by_corpus(metadata).items()
            for fold in _leave_one_out(name, rows, subjects[rows])
        ]

    def words(self):
        """Say what is done: see `Protocol.words`."""
        return (
            "Every corpus is evaluated by itself. Every subject is left out once: a method is "
            "fitted on the labelled clips of all other subjects of the corpus, and predicts the "
            "clips of this one, of whom it has seen nothing. The predictions for all subjects of a "
            "corpus are pooled before they are scored."
        )


def _check_subjects(corpora, subjects):
    for name in in_order(set(corpora)):
        own = subjects[corpora == name]
        unknown = int((own == "").sum())
        if unknown:
            raise ValueError(
                f"metadata: {unknown} of {len(own)} clips of {name!r} have no subject; leaving one "
                "subject out takes clips of which every subject is known"
            )


def _leave_one_out(experiment, rows, persons):
    """One fold per person, in the order of names, whatever the order of rows."""
    names = in_order(set(persons))
    if len(names) < 2:
        raise ValueError(
            f"metadata: all {len(rows)} clips of {experiment!r} show one subject, {names[0]!r}; "
            "leaving one out takes two or more"
        )
    n_bytes = len(names) * len(rows) * rows.itemsize
    check_memory(n_bytes, f"protocol: {len(names)} folds of {len(rows)} clips")
    place = {name: i for i, name in enumerate(names)}
    codes = np.array([place[person] for person in persons])
    return [
        Fold(experiment, name, rows[codes != i], NO_ROWS, rows[codes == i], experiment, experiment)
        for i, name in enumerate(names)
    ]
