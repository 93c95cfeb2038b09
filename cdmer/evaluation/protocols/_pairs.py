"""Unsupervised adaptation from one corpus to another, the protocol of the CDMER benchmark."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from cdmer._parameters import ParameterError
from cdmer.evaluation.protocols._base import Fold, Protocol, read_metadata

TYPE_I, TYPE_II = "TYPE-I", "TYPE-II"


@dataclass(frozen=True)
class Experiment:
    """One labelled source corpus and one unlabelled target corpus.

    Parameters
    ----------
    name : str
        ``"1"`` to ``"12"`` for the benchmark's experiments.
    source, target : str
        Names of corpora.
    kind : str
        ``"TYPE-I"`` between the cameras of SMIC, ``"TYPE-II"`` between CASME II and SMIC, ``""``
        for other pairs.
    """

    name: str
    source: str
    target: str
    kind: str = ""


_NUMBERED = [
    ("smic-hs", "smic-vis"),
    ("smic-vis", "smic-hs"),
    ("smic-hs", "smic-nir"),
    ("smic-nir", "smic-hs"),
    ("smic-vis", "smic-nir"),
    ("smic-nir", "smic-vis"),
    ("casme2", "smic-hs"),
    ("smic-hs", "casme2"),
    ("casme2", "smic-vis"),
    ("smic-vis", "casme2"),
    ("casme2", "smic-nir"),
    ("smic-nir", "casme2"),
]

CDMER_EXPERIMENTS = tuple(
    Experiment(str(number), source, target, TYPE_I if number <= 6 else TYPE_II)
    for number, (source, target) in enumerate(_NUMBERED, start=1)
)


class CDMERPairs(Protocol):
    """Unsupervised adaptation between pairs of corpora, the protocol of the CDMER benchmark.

    A method is fitted on the labelled clips of the source and the unlabelled clips of the target,
    and predicts these same clips of the target (transductive).

    Parameters
    ----------
    experiments : sequence of Experiment or None, default=CDMER_EXPERIMENTS
        The pairs; by default the benchmark's twelve, of which those run whose corpora are there.
        None: all ordered pairs of the corpora given.

    References
    ----------
    Y. Zong, T. Zhang, W. Zheng, X. Hong, C. Tang, Z. Cui, G. Zhao, "Cross-Database Micro-Expression
    Recognition: A Benchmark", IEEE TKDE 34(2):544-559, 2022, arXiv:1812.07742.

    Examples
    --------
    >>> import pandas as pd
    >>> from cdmer.evaluation import CDMERPairs
    >>> clips = pd.DataFrame({"corpus": ["casme2", "smic-nir", "casme2"], "subject": "1"})
    >>> for fold in CDMERPairs().roles(clips):
    ...     print(fold.experiment, fold.train, fold.adapt, fold.test)
    11 [0 2] [1] [1]
    12 [1] [0 2] [0 2]
    """

    allows_unlabelled_target = True

    def __init__(self, experiments=CDMER_EXPERIMENTS):
        self.experiments = experiments

    def roles(self, metadata):
        """Give one fold per pair: see `Protocol.roles`."""
        corpora, _ = read_metadata(metadata)
        self._check_experiments()
        rows = {name: np.flatnonzero(corpora == name) for name in dict.fromkeys(corpora)}
        if self.experiments is None:
            pairs = [Experiment(f"{a} → {b}", a, b) for a, b in permutations(rows, 2)]
        else:
            pairs = [e for e in self.experiments if e.source in rows and e.target in rows]
        if not pairs:
            raise ValueError(
                f"corpora: the protocol has no pair among {list(rows)}; expected two corpora or "
                "more" + ("" if self.experiments is None else ", named as in its experiments")
            )
        return [
            Fold(
                pair.name,
                pair.target,
                rows[pair.source],
                rows[pair.target],
                rows[pair.target],
                pair.source,
                pair.target,
                pair.kind,
            )
            for pair in pairs
        ]

    def _check_experiments(self):
        given = () if self.experiments is None else self.experiments
        good = isinstance(given, list | tuple) and all(isinstance(e, Experiment) for e in given)
        if not good or any(e.source == e.target for e in given):
            raise ParameterError(
                "experiments: expected a list of Experiment, each of two corpora, or None, got "
                f"{given!r}"
            )
        if len({e.name for e in given}) < len(given):
            names = [e.name for e in given]
            raise ParameterError(f"experiments: expected names that differ, got {names}")

    def words(self):
        """Say what is done: see `Protocol.words`."""
        return (
            "For every pair of corpora, a method is fitted on the labelled clips of the source and "
            "the unlabelled clips of the target, and predicts these clips of the target. Labels of "
            "the target never reach a method."
        )
