"""Protocols: who is trained on, who is adapted to, who is tested."""

from dataclasses import dataclass
from itertools import permutations

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
    ("smic-hs", "smic-vis"), ("smic-vis", "smic-hs"), ("smic-hs", "smic-nir"),
    ("smic-nir", "smic-hs"), ("smic-vis", "smic-nir"), ("smic-nir", "smic-vis"),
    ("casme2", "smic-hs"), ("smic-hs", "casme2"), ("casme2", "smic-vis"),
    ("smic-vis", "casme2"), ("casme2", "smic-nir"), ("smic-nir", "casme2"),
]  # fmt: skip

CDMER_EXPERIMENTS = tuple(
    Experiment(str(number), source, target, TYPE_I if number <= 6 else TYPE_II)
    for number, (source, target) in enumerate(_NUMBERED, start=1)
)


class CDMERPairs:
    """Unsupervised adaptation between pairs of corpora, the protocol of the CDMER benchmark.

    A method is fitted on the labelled clips of the source and the unlabelled clips of the target,
    and predicts these same clips of the target (transductive).

    Parameters
    ----------
    experiments : sequence of Experiment or None, default=CDMER_EXPERIMENTS
        The pairs; by default the benchmark's twelve. None: all ordered pairs of the corpora given.

    References
    ----------
    Y. Zong, T. Zhang, W. Zheng, X. Hong, C. Tang, Z. Cui, G. Zhao, "Cross-Database Micro-Expression
    Recognition: A Benchmark", IEEE TKDE 34(2):544-559, 2022, arXiv:1812.07742.

    Examples
    --------
    >>> from cdmer.evaluation import CDMERPairs
    >>> [e.name for e in CDMERPairs().split(["casme2", "smic-vis", "smic-nir"])]
    ['5', '6', '9', '10', '11', '12']
    >>> [e.name for e in CDMERPairs(experiments=None).split(["lab", "webcam"])]
    ['lab → webcam', 'webcam → lab']
    """

    def __init__(self, experiments=CDMER_EXPERIMENTS):
        self.experiments = experiments

    def split(self, corpora):
        """Give the experiments for which both corpora are there.

        Parameters
        ----------
        corpora : sequence of str
            Names of the corpora at hand.

        Returns
        -------
        list of Experiment

        Raises
        ------
        ValueError
            If there is none.
        """
        names = list(corpora)
        if self.experiments is None:
            found = [Experiment(f"{a} → {b}", a, b) for a, b in permutations(names, 2)]
        else:
            found = [e for e in self.experiments if e.source in names and e.target in names]
        if not found:
            raise ValueError(
                f"corpora: the protocol has no pair among {names}; expected two corpora or more"
                + ("" if self.experiments is None else ", named as in its experiments")
            )
        return found
