"""Fit on all corpora but one, test on that one."""

import numpy as np

from cdmer._parameters import check_flag
from cdmer.evaluation.protocols._base import Fold, Protocol
from cdmer.evaluation.protocols._corpora import NO_ROWS, joined, rows_by_corpus


class LeaveOneCorpusOut(Protocol):
    """Fit on all corpora but one, test on that one; every corpus is left out once.

    One experiment per corpus that is left out.

    Parameters
    ----------
    unlabelled_target : bool, default=False
        Whether methods see the clips of the target without labels while fitting, which is
        adaptation from several sources (transductive). By default they do not see them at all.

    Notes
    -----
    CD6ME is this protocol, with the target unseen, on CASME, CASME II, SAMM, 4DME, MMEW and part A
    of CAS(ME)^3, 2,031 clips in all, under the label scheme "action-units".

    References
    ----------
    T. Varanka, Y. Li, W. Peng, G. Zhao, "Data Leakage and Evaluation Issues in Micro-Expression
    Analysis", IEEE TAFFC 15(1):186-197, 2024, doi:10.1109/TAFFC.2023.3265063, arXiv:2211.11425.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import LeaveOneCorpusOut
    >>> clips = pd.DataFrame({"corpus": ["samm", "casme2", "samm", "mmew"], "subject": "1"})
    >>> for fold in LeaveOneCorpusOut().roles(clips):
    ...     print(fold.experiment, fold.train, fold.adapt, fold.test)
    casme2 [0 2 3] [] [1]
    mmew [0 1 2] [] [3]
    samm [1 3] [] [0 2]
    >>> LeaveOneCorpusOut(unlabelled_target=True).roles(clips)[0].adapt
    array([1])
    """

    def __init__(self, unlabelled_target=False):
        self.unlabelled_target = unlabelled_target

    @property
    def allows_unlabelled_target(self):
        """Whether tested clips may be seen without labels while fitting, a bool."""
        check_flag("unlabelled_target", self.unlabelled_target)
        return bool(self.unlabelled_target)

    def roles(self, metadata):
        """Give one fold per corpus: see `Protocol.roles`."""
        seen = self.allows_unlabelled_target
        rows = rows_by_corpus(metadata)
        if len(rows) < 2:
            raise ValueError(
                f"corpora: leaving one out takes two or more, got clips of {list(rows)}"
            )
        return [self._leave_out(target, rows, seen) for target in rows]

    def words(self):
        """Say what is done: see `Protocol.words`."""
        if self.allows_unlabelled_target:
            fitted, unseen = " and the unlabelled clips of that one", "Its labels never reach it."
        else:
            fitted = ""
            unseen = "No clip of that one is seen while fitting, with or without its label."
        return (
            "Every corpus is left out once: a method is fitted on the labelled clips of all others"
            f"{fitted}, and predicts the clips of the one left out. {unseen}"
        )

    @staticmethod
    def _leave_out(target, rows, seen):
        sources = [name for name in rows if name != target]
        return Fold(
            target,
            target,
            np.sort(np.concatenate([rows[name] for name in sources])),
            rows[target] if seen else NO_ROWS,
            rows[target],
            joined(sources),
            target,
        )
