"""The claim of benchmarks/registration.py, small: still faces to fit on, a moving one to test."""

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.corpora import Clip
from cdmer.features import BiWOOF
from cdmer.preprocessing import CascadeDetector, Preparation
from cdmer.synthesis import ExpertUnits, WarpRenderer

CLASSES = "negative", "positive", "surprise"


def clips_of(renderer, n_clips, seed):
    """Pairs of onset and apex, of classes in turn."""
    clips = []
    for i in range(n_clips):
        rng = np.random.default_rng([seed, i])
        expression = ExpertUnits().draw(CLASSES[i % 3], rng)
        identity = i % (renderer.n_identities or 100)
        frames = renderer.render(identity, expression, (0, 1), rng)
        clips.append(Clip(frames, str(i), str(identity), "c", onset=0, apex=1))
    return clips, np.arange(n_clips) % 3


@pytest.fixture(scope="module")
def corpora():
    """Still drawn faces, and scikit-image's photograph with a head that moves."""
    from skimage.data import astronaut

    camera = {"size": 112, "setup": "webcam-25fps"}
    moving = WarpRenderer([astronaut()], detector=CascadeDetector(), head_motion=4, **camera)
    return clips_of(WarpRenderer(**camera), 90, 0), clips_of(moving, 30, 1)


@pytest.mark.slow
def test_bi_woof_holds_with_registration_and_fails_without(corpora):
    (X, y), (tested, truth) = corpora
    scores = {}
    for register in (None, "rigid"):
        preparation = Preparation.suited(BiWOOF(), register=register)
        model = make_pipeline(*preparation.steps(), BiWOOF(), SVC(kernel="linear")).fit(X, y)
        scores[register] = f1_score(truth, model.predict(tested), average="macro")
    assert scores[None] < 0.75
    assert scores["rigid"] > 0.93
