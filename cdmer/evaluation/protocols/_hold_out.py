"""Fit on one or several corpora, test on another that is never seen."""

import numpy as np

from cdmer.evaluation.protocols._base import Fold, Protocol
from cdmer.evaluation.protocols._corpora import (
    NO_ROWS,
    check_names,
    joined,
    listed,
    rows_by_corpus,
)


class HoldOutDatabase(Protocol):
    """Fit on one or several corpora, test on another that is never seen while fitting.

    One experiment per source and target. The target is not seen without labels either.

    Parameters
    ----------
    train : str, sequence of str or None, default=None
        Names of the corpora to fit on, pooled. None: every corpus other than the target, each by
        itself.
    test : str, sequence of str or None, default=None
        Names of the corpora to test on, each by itself. None: every corpus that is not in `train`.

    Notes
    -----
    The hold-out database evaluation of MEGC2018 is ``HoldOutDatabase()`` on CASME II and SAMM under
    the label scheme "objective": both directions between the two.

    References
    ----------
    M. H. Yap, J. See, X. Hong, S.-J. Wang, "Facial Micro-Expressions Grand Challenge 2018 Summary",
    FG 2018, doi:10.1109/FG.2018.00106.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import HoldOutDatabase
    >>> clips = pd.DataFrame({"corpus": ["samm", "casme2", "samm", "mmew"], "subject": "1"})
    >>> for fold in HoldOutDatabase(test="samm").roles(clips):
    ...     print(fold.experiment, fold.train, fold.adapt, fold.test)
    casme2 → samm [1] [] [0 2]
    mmew → samm [3] [] [0 2]
    >>> HoldOutDatabase(train=["casme2", "mmew"]).roles(clips)[0].train
    array([1, 3])
    """

    allows_unlabelled_target = False

    def __init__(self, train=None, test=None):
        self.train = train
        self.test = test

    def roles(self, metadata):
        """Give one fold per source and target: see `Protocol.roles`."""
        rows = rows_by_corpus(metadata)
        return [
            Fold(
                f"{joined(sources)} → {target}",
                target,
                np.sort(np.concatenate([rows[name] for name in sources])),
                NO_ROWS,
                rows[target],
                joined(sources),
                target,
            )
            for target in self._targets(rows)
            for sources in self._sources(rows, target)
        ]

    def words(self):
        """Say what is done: see `Protocol.words`."""
        if self.train is None:
            fitted = "one other corpus at a time"
        else:
            names = [self.train] if isinstance(self.train, str) else list(self.train)
            fitted = f"{listed(names)}, pooled" if len(names) > 1 else names[0]
        return (
            f"A method is fitted on the labelled clips of {fitted}, and predicts the clips of a "
            "corpus that is held out. No clip of that corpus is seen while fitting, with or "
            "without its label."
        )

    def _targets(self, rows):
        pooled = () if self.train is None else check_names("train", self.train, rows)
        if self.test is None:
            targets = tuple(name for name in rows if name not in pooled)
        else:
            targets = check_names("test", self.test, rows)
        seen = [name for name in targets if name in pooled]
        if seen:
            raise ValueError(
                f"test: expected corpora that are not fitted on, got {seen}, which train names too"
            )
        if not targets or len(rows) < 2:
            raise ValueError(
                "corpora: holding one out takes two or more, one of them not in train, got clips "
                f"of {list(rows)}"
            )
        return targets

    def _sources(self, rows, target):
        if self.train is None:
            return [(name,) for name in rows if name != target]
        return [check_names("train", self.train, rows)]
