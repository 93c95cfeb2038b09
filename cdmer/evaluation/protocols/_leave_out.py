"""Leave people or clips out, while other corpora are seen without labels."""

import numpy as np
from sklearn.model_selection import KFold

from cdmer._parameters import check_number
from cdmer.evaluation.protocols._base import Fold, Protocol, read_metadata
from cdmer.evaluation.protocols._corpora import NO_ROWS, check_names, joined, rows_by_corpus
from cdmer.evaluation.protocols._leave_person_out import CompositeLOSO, WithinCorpusLOSO


class LeaveOut(Protocol):
    """Leave people out, or clips where people are unknown; other corpora are seen without labels.

    This is how a recogniser is judged that is trained on recordings of one's own: see
    `cdmer.models.train_model`. One experiment; corpora are pooled.

    Parameters
    ----------
    n_folds : int or None, default=None
        None leaves one person out after the other, as `WithinCorpusLOSO` and `CompositeLOSO` do. A
        number leaves out so many parts of the clips, whoever they show: scores then do not tell how
        a method does on new people.
    unlabelled : sequence of str, default=()
        Names of corpora whose clips are seen without labels in every fold, and never tested.
    random_state : int, default=0
        Seed of the parts of the clips.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation.protocols import LeaveOut
    >>> clips = pd.DataFrame({"corpus": ["lab", "lab", "new"], "subject": ["ann", "bob", None]})
    >>> for fold in LeaveOut(unlabelled=["new"]).roles(clips):
    ...     print(fold.name, fold.train, fold.adapt, fold.test)
    ann [1] [2] [0]
    bob [0] [2] [1]
    """

    def __init__(self, n_folds=None, unlabelled=(), random_state=0):
        self.n_folds = n_folds
        self.unlabelled = unlabelled
        self.random_state = random_state

    @property
    def allows_unlabelled_target(self):
        """Whether a corpus is seen without labels, a bool."""
        return bool(self.unlabelled)

    def roles(self, metadata):
        """Give one fold per person, or part of the clips: see `Protocol.roles`."""
        rows = rows_by_corpus(metadata)
        seen = check_names("unlabelled", self.unlabelled, rows) if self.unlabelled else ()
        names = [name for name in rows if name not in seen]
        if not names:
            raise ValueError(f"unlabelled: expected a corpus beside them, got {list(seen)}")
        labelled = np.sort(np.concatenate([rows[name] for name in names]))
        adapt = np.sort(np.concatenate([NO_ROWS, *(rows[name] for name in seen)]))
        return [
            Fold(
                joined(names),
                fold.name,
                labelled[fold.train],
                adapt,
                labelled[fold.test],
                joined(names),
                joined(names),
            )
            for fold in self._folds(metadata.iloc[labelled], names)
        ]

    def _folds(self, metadata, names):
        if self.n_folds is None:
            kind = CompositeLOSO if len(names) > 1 else WithinCorpusLOSO
            return kind().roles(metadata)
        check_number("n_folds", self.n_folds, least=2, most=len(metadata), whole=True)
        check_number("random_state", self.random_state, least=0, most=2**32 - 1, whole=True)
        # By name where there is one, as in `benchmark`, so that the order of rows changes nothing.
        corpora, subjects = read_metadata(metadata)
        keys = [metadata["clip"]] if "clip" in metadata.columns else []
        order = np.lexsort([np.asarray(key, dtype=str) for key in (*keys, subjects, corpora)])
        parts = KFold(self.n_folds, shuffle=True, random_state=self.random_state).split(order)
        return [
            Fold("", f"part {i}", np.sort(order[train]), NO_ROWS, np.sort(order[test]))
            for i, (train, test) in enumerate(parts, start=1)
        ]

    def words(self):
        """Say what is done: see `Protocol.words`."""
        if self.n_folds is None:
            said = (
                "Every person is left out once: a method is fitted on the labelled clips of all "
                "others, and predicts the clips of this one."
            )
        else:
            said = (
                f"The clips are left out in {self.n_folds} parts, whoever they show: a method is "
                "fitted on the other parts. People may be both trained on and tested, so that "
                "scores may be too good for new ones."
            )
        if self.unlabelled:
            said += " Clips of other corpora are seen without labels in every fold."
        return f"{said} The predictions are pooled before they are scored."
