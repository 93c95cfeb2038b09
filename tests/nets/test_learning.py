"""Every network learns expressions, and knows them on people it has never seen."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.pipeline import make_pipeline

import cdmer.features
import cdmer.preprocessing
from cdmer.corpora import RecordingSetup, make_synthetic_corpus
from cdmer.evaluation import uf1
from cdmer.nets import NETWORKS, NetClassifier

NAMES = {**vars(cdmer.features), **vars(cdmer.preprocessing), "make_pipeline": make_pipeline}
CLASSES = ("negative", "positive", "surprise")
# Seconds that one processor core may take per network, preparation of 240 clips and training.
BUDGET = 30
# Strong expressions under a steady camera: what a small network can learn from 180 clips.
SETUP = RecordingSetup(
    fps=25, resolution=56, amplitude=4, head_motion=0.2, blink_rate=0, noise=0.003, ambient=0.5
)


@dataclass(frozen=True)
class Case:
    """A small variant, how it is trained, and what prepares its input if not `made_by`."""

    name: str
    variant: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    prepare: str = ""

    def __str__(self):
        return self.name


FACE = {"size": 32, "widths": (8, 16, 32, 64)}
CASES = [
    Case("STSTNet", {}, {"n_epochs": 15, "learning_rate": 1e-2}),
    Case("OffApexNet", {"size": 16}, {"n_epochs": 5}),
    Case("SSSN", {"size": 35}, {"n_epochs": 8}),
    Case("DSSN", {"size": 35}, {"n_epochs": 5}),
    Case(
        "ELRCN",
        {
            "trunk": "resnet10",
            "widths": (8, 8, 16, 16),
            "size": 16,
            "n_steps": 3,
            "lstm_size": 16,
            "n_hidden": 16,
        },
        {"n_epochs": 10, "learning_rate": 5e-3},
    ),
    Case(
        "ATNet",
        {**FACE, "widths": (8, 8, 16, 16), "n_steps": 3, "lstm_size": 16},
        {"n_epochs": 15, "learning_rate": 5e-3},
    ),
    Case("ResNet10", FACE, {"n_epochs": 12, "learning_rate": 3e-3}),
    Case("MicroAttentionNet", FACE, {"n_epochs": 15, "learning_rate": 3e-3}),
    Case(
        "MicroExpSTCNN",
        {"n_frames": 18, "size": 24, "n_filters": 8, "n_hidden": 64},
        {"n_epochs": 15},
    ),
    Case(
        "MicroExpFuseNet",
        {"n_frames": 18, "size": 16, "n_filters": 8, "n_hidden": (64, 32)},
        {"n_epochs": 15},
    ),
    Case(
        "R3D18",
        {"channels": 1, "n_frames": 4, "size": 24, "widths": (8, 8, 16, 32)},
        {"n_epochs": 8, "learning_rate": 3e-3},
        "make_pipeline(Resize(24, 24), TemporalInterpolation(4), Frames(difference=True))",
    ),
    # Ten layers without normalisation do not find in 180 clips what changes in a face; they are
    # shown its motion.
    Case(
        "C3D",
        {"channels": 2, "size": 16, "width": 4, "n_hidden": 64, "dropout": 0.0},
        {"n_epochs": 14},
        "make_pipeline(TemporalInterpolation(17), FlowSequence(('u', 'v'), size=16))",
    ),
    Case("MLP", {"n_inputs": 128}, {"n_epochs": 30}, "BiWOOF(grid=RegionGrid((4,)))"),
]
SLOW = ("C3D", "R3D18")


@pytest.fixture(scope="module")
def clips():
    """240 clips of 48 people, rendered once."""
    corpus = make_synthetic_corpus(SETUP, n_clips=240, n_subjects=48, size=56, random_state=1)
    return [replace(clip, source=clip.frames) for clip in corpus]


def test_every_network_has_a_case():
    assert sorted(case.name for case in CASES) == sorted(NETWORKS)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=pytest.mark.slow if c.name in SLOW else (), id=c.name) for c in CASES],
)
def test_beats_a_majority_vote_on_new_people(case, clips):
    labels = np.array([clip.label for clip in clips])
    subjects = np.array([clip.subject for clip in clips])
    new = np.isin(subjects, np.unique(subjects)[36:])
    assert (~new).sum() == 180

    started = time.process_time()
    network = NETWORKS[case.name](**case.variant)
    X = eval(case.prepare or network.made_by, NAMES).transform(clips)
    params = {k: v for k, v in case.variant.items() if k != "n_inputs"}
    model = NetClassifier(
        case.name, network_params=params, batch_size=16, random_state=0, **case.training
    ).fit(X[~new], labels[~new])
    predicted = model.predict(X[new])
    seconds = time.process_time() - started

    truth = labels[new]
    shares = np.array([np.mean(truth == label) for label in CLASSES])
    # The best majority vote there could be: of the most frequent class among the new people.
    vote = np.full(len(truth), CLASSES[shares.argmax()])
    reached = uf1(truth, predicted, classes=CLASSES)
    assert reached > uf1(truth, vote, classes=CLASSES) + 0.25
    right = int(np.sum(predicted == truth))
    chance = binomtest(right, len(truth), shares.max(), alternative="greater")
    assert chance.pvalue < 1e-3
    assert seconds < BUDGET
    print(f"{case.name}: UF1 {reached:.3f}, {right} of {len(truth)} right, {seconds:.1f} s")
