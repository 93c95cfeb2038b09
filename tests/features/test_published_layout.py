"""What the features published with TGSR are, read off the files themselves.

They count what `LBPTOP` counts (planes, bins, border trimmed once), but are stored level by level,
plane by plane, regions column by column; and their cells are ``round(106 / n)`` pixels wide, the
last one taking the rest.

Set CDMER_DATA to a folder with the files ``CrossCorpus_LBPTOP_R3P8_*_112by112.mat``.
"""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from cdmer._vision.patterns import uniform_patterns
from cdmer.features import LBPTOP, RegionGrid

FOLDER = os.environ.get("CDMER_DATA")
PATTERN = "CrossCorpus_LBPTOP_R3P8_*_112by112.mat"

pytestmark = pytest.mark.skipif(
    not FOLDER,
    reason="CDMER_DATA is not set: point it to the folder with the published features "
    f"({PATTERN}; `cdmer fetch` says how to get them)",
)


@pytest.fixture(scope="module", params=["CASME2", "SMIC_NIR", "SMIC_VIS"])
def histograms(request):
    """Histograms of each level n, shape (n_clips, 3 planes, n columns, n rows, 59 bins)."""
    h5py = pytest.importorskip("h5py")
    path = Path(FOLDER) / PATTERN.replace("*", request.param)
    if not path.exists():
        pytest.skip(f"{path} is missing: CDMER_DATA must name the folder with the published files")
    with h5py.File(path) as file:
        (name,) = [key for key in file if key.endswith("_feature")]
        features = file[name][()].T  # MATLAB stores arrays transposed
    assert features.shape[1] == LBPTOP().fit().feature_groups_.size
    levels, start = {}, 0
    for n in RegionGrid().levels:
        stop = start + n * n * 3 * 59
        levels[n] = features[:, start:stop].reshape(-1, 3, n, n, 59)
        start = stop
    return levels


def counts_of(histograms):
    for n, of_level in histograms.items():
        sizes = np.full(n, math.floor(106 / n + 0.5))
        sizes[-1] = 106 - sizes[:-1].sum()
        yield n, of_level * np.outer(sizes, sizes)[:, :, None] * 10


def test_each_histogram_sums_to_one(histograms):
    for of_level in histograms.values():
        np.testing.assert_allclose(of_level.sum(axis=-1), 1, rtol=1e-12)


def test_border_is_trimmed_once_from_112_x_112_x_16(histograms):
    for _, counts in counts_of(histograms):
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)


def test_every_level_adds_up_to_the_face(histograms):
    face = histograms[1][:, :, 0, 0] * 106 * 106 * 10
    for _, counts in counts_of(histograms):
        np.testing.assert_allclose(counts.sum(axis=(2, 3)), face, atol=1e-8)


def test_planes_bins_and_columns_are_those_of_a_mirrored_face(histograms):
    """Faces are nearly symmetric: left and right regions go together, codes mirrored.

    Mirroring x sends neighbour p to 4 - p in the planes XY and XT and leaves the codes of YT; no
    other order of planes, of bins or of regions shows such correlations.
    """
    codes = list(uniform_patterns(8))
    mirrored = [sum((c >> p & 1) << (4 - p) % 8 for p in range(8)) for c in codes]
    mirrored = [*(codes.index(c) for c in mirrored), 58]
    of_level = histograms[8]
    deviation = of_level - of_level.mean(axis=0)
    for plane, bins in enumerate([mirrored, mirrored, range(59)]):
        values = deviation[:, plane]
        left_right = correlation(values, values[:, ::-1][..., bins])
        top_bottom = correlation(values, values[:, :, ::-1][..., bins])
        assert left_right > 0.25 > 0.2 > abs(top_bottom)


def correlation(a, b):
    return np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))
