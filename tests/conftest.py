import os

# Before SciPy is imported: without it scikit-learn skips its array API check.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import pytest

from cdmer.corpora import load_published_features  # noqa: E402

HOW_TO_GET = (
    "needs the published features: run `cdmer fetch`, or set CDMER_DATA to the folder with "
    "CrossCorpus_LBPTOP_R3P8_*.mat (and recorded/ for the recorded sweeps)"
)


@pytest.fixture(scope="session")
def published():
    """Load a corpus' published features from CDMER_DATA, or skip."""
    if "CDMER_DATA" not in os.environ:
        pytest.skip(HOW_TO_GET)
    loaded = {}

    def load(name):
        if name not in loaded:
            loaded[name] = load_published_features(name, progress=False)
        return loaded[name]

    return load
