import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from cdmer.adaptation import TGSR, DomainStandardizer
from cdmer.corpora import get_scheme, make_synthetic_corpus, pack
from cdmer.features import LBPTOP, HellingerMap, RegionGrid

CLASSES = get_scheme("cdmer-130").classes


@pytest.fixture(scope="session")
def packed():
    """Clips, class codes and domains of two tiny corpora."""
    sizes = {"n_clips": 9, "n_subjects": 3, "size": 48, "random_state": 0}
    source, target = (make_synthetic_corpus(p, **sizes) for p in ("webcam-25fps", "nir-25fps"))
    return pack(source, target, "cdmer-130")


@pytest.fixture(scope="session")
def fitted(packed):
    """A pipeline of every kind of step, fitted, and the features of its clips."""
    clips, y, domain = packed
    pipeline = make_pipeline(
        LBPTOP(radius=1, grid=RegionGrid((1, 2))),
        HellingerMap(),
        DomainStandardizer(),
        TGSR(groups=5, n_selected=3),
    )
    pipeline.fit(clips, y, domainstandardizer__sample_domain=domain, tgsr__sample_domain=domain)
    return pipeline, np.asarray(pipeline[0].transform(clips))


@pytest.fixture(scope="session")
def saved(fitted, packed, tmp_path_factory):
    """A model file, and what `save_model` gave for it."""
    from cdmer.models import save_model

    path = tmp_path_factory.mktemp("models") / "model.skops"
    clips, _, domain = packed
    return path, save_model(path, fitted[0], clips, class_names=CLASSES, sample_domain=domain)
