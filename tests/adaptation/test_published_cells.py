"""Cells of the benchmark's tables, to the last printed digit, at the setting that gives them.

Settings are the best of each grid on target labels, as the benchmark chose them.
"""

import numpy as np
import pytest

from cdmer.adaptation import (
    DRFST,
    DRLS,
    GFK,
    TCA,
    TKL,
    TSRG,
    BenchmarkSVC,
    SubspaceAlignment,
)
from cdmer.evaluation import uf1, war

SVM = BenchmarkSVC()
NAMES = {"C": "casme2", "V": "smic-vis", "N": "smic-nir"}
PAIRS = ["C→V", "V→C", "C→N", "N→C", "V→N", "N→V"]


def cells(name, make, values, printed, marks=()):
    return [
        pytest.param(pair, make(value), cell, id=f"{name}, {pair}", marks=marks)
        for pair, value, cell in zip(PAIRS, values, printed, strict=True)
        if cell is not None
    ]


CELLS = [
    *cells(
        "SVM",
        lambda _: SVM,
        [None] * 6,
        [
            (0.4701, 50.70),
            (0.5367, 53.08),
            (0.5295, 52.11),
            (0.2368, 23.85),
            (0.6186, 63.38),
            (0.6078, 63.38),
        ],
    ),
    *cells(
        "TCA",
        lambda k: TCA(SVM, n_components=k),
        [25, 92, 21, 38, 1, 8],
        [
            (0.6834, 69.01),
            (0.5789, 59.23),
            (0.4992, 50.70),
            (0.3937, 42.31),
            (0.5810, 61.97),
            (0.6598, 67.61),
        ],
    ),
    # C→N is not met: print .4738/47.89, here .4596/45.07.
    *cells(
        "SA",
        lambda k: SubspaceAlignment(SVM, n_components=k),
        [31, 60, 27, 39, 22, 42],
        [(0.5939, 59.15), (0.5243, 51.54), None, (0.3592, 36.92), (0.7004, 71.83), (0.7394, 74.65)],
    ),
    # The print's 61.50 for V→C is no number of clips out of 130; 61.54 is 80.
    *cells(
        "GFK",
        lambda k: GFK(SVM, n_components=k),
        [44, 42, 39, 24, 45, 30],
        [
            (0.6361, 66.20),
            (0.6056, 61.54),
            (0.5180, 53.52),
            (0.4469, 46.92),
            (0.7619, 76.06),
            (0.8142, 81.69),
        ],
    ),
    *cells(
        "TKL",
        lambda eta: TKL(SVM, eta=eta),
        [0.2, 0.1, 1.1, 0.9, 1.2, 0.6],
        [
            (0.6042, 60.56),
            (0.5378, 53.08),
            (0.5392, 54.93),
            (0.4248, 43.85),
            (0.7558, 76.06),
            (0.7579, 76.06),
        ],
    ),
    # Accuracies of C→N and N→C are printed as 49.83 and 42.37, no numbers of clips either. The
    # cells between VIS and NIR are not the print's, .6620/69.01 and .5771/61.97, but those of the
    # authors' own table: see DRLS.
    *cells(
        "DRLS",
        lambda pair: DRLS(mmd_weight=pair[0], l1_weight=pair[1]),
        [(1.0, 0.3), (100.0, 0.5), (0.1, 0.08), (100.0, 2.0), (1000.0, 4.0), (10.0, 0.7)],
        [
            (0.5757, 57.75),
            (0.5942, 60.00),
            (0.4885, 49.30),
            (0.3838, 42.31),
            (0.7209, 73.24),
            (0.8183, 81.69),
        ],
    ),
    # The cells that a part of the grid of 259 settings met; the others are not settled.
    *cells(
        "TSRG",
        lambda pair: TSRG(SVM, *pair),
        [None, (10.0, 0.09), (0.1, 0.03), None, None, (100.0, 0.1)],
        [None, (0.6208, 63.08), (0.5624, 56.34), None, None, (0.8116, 81.69)],
        pytest.mark.slow,
    ),
    *cells(
        "DRFS-T",
        lambda pair: DRFST(SVM, *pair),
        [(0.1, 0.005), None, (0.01, 0.08), (1000.0, 0.08), (10.0, 0.2), None],
        [(0.6217, 63.38), None, (0.5369, 56.34), (0.4653, 50.77), (0.7286, 73.24), None],
        pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("pair", "method", "cell"), CELLS)
def test_cell(published, pair, method, cell):
    source, target = (published(NAMES[code]) for code in pair.split("→"))
    X = np.concatenate([source.features, target.features])
    y = np.concatenate([source.labels, np.full(len(target.labels), -1)])
    domain = np.repeat([1, -2], [len(source.labels), len(target.labels)])
    predicted = method.fit(X, y, sample_domain=domain).predict(target.features)
    m_f1 = uf1(target.labels, predicted, classes=range(3))
    accuracy = 100 * war(target.labels, predicted, classes=range(3))
    assert (f"{m_f1:.4f}", f"{accuracy:.2f}") == (f"{cell[0]:.4f}", f"{cell[1]:.2f}")
