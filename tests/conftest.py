import atexit
import gc
import os

import pytest

# Before SciPy is imported: without it scikit-learn skips its array API check.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# Before NumPy is imported. Tests run side by side, on matrices so small that threads wait for each
# other most of the time; tests of threads ask for them by themselves.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from cdmer.corpora import load_published_features  # noqa: E402

HOW_TO_GET = (
    "needs the published features: run `cdmer fetch`, or set CDMER_DATA to the folder with "
    "CrossCorpus_LBPTOP_R3P8_*.mat (and recorded/ for the recorded sweeps)"
)


def pytest_addoption(parser):
    parser.addoption("--gpu", action="store_true", help="run the tests that need a GPU, no others")


def pytest_configure(config):
    if not config.getoption("--gpu"):
        # Most tests hold to the bit, on the device that estimators find by themselves.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection(session):
    gc.disable()  # nothing of what is imported and collected now is ever let go of


def pytest_collection_finish(session):
    gc.freeze()
    atexit.register(gc.unfreeze)  # Triton calls a leak what is still there at the end
    gc.enable()


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--gpu"):
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a GPU: pytest --gpu"))
        return
    left_out = [item for item in items if not item.get_closest_marker("gpu")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item.get_closest_marker("gpu")]


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


@pytest.fixture
def registry():
    """Forget the databases that a test registers."""
    from cdmer.corpora import LabelScheme, get_scheme, list_schemes
    from cdmer.corpora._databases import databases

    known = dict(databases.DATABASES)
    schemes = [one for one in map(get_scheme, list_schemes()) if isinstance(one, LabelScheme)]
    rules = [dict(scheme.rules) for scheme in schemes]
    yield
    databases.DATABASES.clear()
    databases.DATABASES.update(known)
    for scheme, before in zip(schemes, rules, strict=True):
        scheme.rules.clear()
        scheme.rules.update(before)
