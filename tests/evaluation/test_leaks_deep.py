"""Networks through the runner: no label but those of training rows has a say, to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from cdmer.adaptation import DomainStandardizer
from cdmer.corpora import Clip, Corpus, make_synthetic_corpus
from cdmer.evaluation import (
    CDMERPairs,
    CompositeLOSO,
    Experiment,
    HoldOutDatabase,
    Method,
    benchmark,
)
from cdmer.evaluation._fit import fit_adaptive
from cdmer.evaluation._runner.identity import identify
from cdmer.extraction import FeatureTable
from cdmer.extraction._frames import clips_frame, failures_frame
from cdmer.features import FlowImages

pytest.importorskip("torch")
from cdmer.nets import NetClassifier
from cdmer.nets.adaptation import CDAN, DAN, DANN, MCC, DeepCORAL

CLASSES = ("negative", "positive", "surprise")
TRUE = np.arange(24) % 3
CENTRES = np.random.default_rng(0).normal(size=(3, 8))
FORTH = CDMERPairs([Experiment("there", "lab", "web")])


class Spy(NetClassifier):
    """Remembers what was fitted, and on what."""

    seen = []

    def fit(self, X, y, sample_domain=None, groups=None):
        super().fit(X, y, sample_domain, groups)
        Spy.seen.append((self, np.array(y), np.array(sample_domain), groups))
        return self


def net(kind=Spy, **params):
    quick = {"n_epochs": 3, "batch_size": 16, "learning_rate": 0.02, "device": "cpu"}
    return kind(**(quick | {"progress": False, "random_state": 0} | params))


STOPPING = {"n_epochs": 40, "early_stopping": True, "patience": 2}
LOSSES = [DAN(), DeepCORAL(weight=10), DANN(), CDAN(), CDAN(entropy=True), MCC()]
PLAIN = {"fixed": {}, "early stopping": STOPPING, "balanced": {"sampler": "balanced"}}
ADAPTED = {str(loss): {"adaptation": loss} for loss in LOSSES}
ADAPTED |= {"stopping, DAN": STOPPING | {"adaptation": DAN()}}


def table(name, codes=TRUE, known=True):
    """Features of 6 people, whatever their labels are said to be."""
    rng = np.random.default_rng(list(name.encode()))
    X = CENTRES[TRUE] + rng.normal(size=(24, 8)) + 0.5 * (name == "web")
    frames = np.zeros((2, 4, 4), dtype=np.uint8)
    clips = [
        Clip(frames, f"c{i}", f"s{i // 4}" if known else None, name, label=CLASSES[code])
        for i, code in enumerate(codes)
    ]
    names = [f"f{i}" for i in range(8)]
    return FeatureTable(X, names, None, clips_frame(clips), failures_frame([]), "made up", name)


def poisons(rows=slice(None)):
    """Labels of which those of some rows are wrong."""
    for wrong in ((TRUE + 1) % 3, np.arange(24) // 8):
        codes = TRUE.copy()
        codes[rows] = wrong[rows]
        yield codes


def run(estimator, corpora, protocol):
    """Jobs by experiment and fold, each with its fitted network and how that came about."""
    Spy.seen = []
    results = benchmark({"net": estimator}, corpora, protocol, progress=False, on_error="raise")
    folds = zip(results.jobs["experiment"], results.jobs["fold"], strict=True)
    traces = [trace(model) for model, *_ in Spy.seen] or [None] * len(results.jobs)
    found = dict(zip(folds, zip(results.jobs["scores"], traces, strict=True), strict=True))
    return found, results


def trace(model):
    """Everything that a training leaves, as bytes and numbers."""
    weights = [value.numpy().tobytes() for value in model.network_.state_dict().values()]
    early = getattr(model, "validation_loss_curve_", np.empty(0)).tobytes()
    return model.n_epochs_, weights, model.loss_curve_.tobytes(), early


def same(one, other):
    return one[1] == other[1] and np.array_equal(one[0], other[0])


@pytest.mark.parametrize("name", [*PLAIN, *ADAPTED])
def test_labels_of_the_target_change_no_epoch_and_no_weight(name):
    params = (PLAIN | ADAPTED)[name]
    clean, before = run(net(**params), [table("lab"), table("web")], FORTH)
    if "early_stopping" in params:
        assert Spy.seen[0][0].n_epochs_ < 40  # it does stop
    for codes in poisons():
        again, after = run(net(**params), [table("lab"), table("web", codes)], FORTH)
        assert (before.predictions["y_true"] != after.predictions["y_true"]).any()
        assert all(same(clean[fold], again[fold]) for fold in clean)
        assert (Spy.seen[0][1][Spy.seen[0][2] < 0] == -1).all()


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(
    ("protocol", "rows", "fold"),
    [(CompositeLOSO(), slice(4), "lab/s0"), (HoldOutDatabase(), slice(None), "lab")],
    ids=["CompositeLOSO", "HoldOutDatabase"],
)
@pytest.mark.parametrize("kind", [Spy, NetClassifier])  # one by one; where possible all at once
def test_labels_of_the_tested_rows_change_no_epoch_and_no_weight(name, protocol, rows, fold, kind):
    estimator = net(kind, **PLAIN[name])
    clean, _ = run(estimator, [table("lab"), table("web")], protocol)
    found = [key for key in clean if fold in key]
    assert len(found) == 1
    for codes in poisons(rows):
        again, _ = run(estimator, [table("lab", codes), table("web")], protocol)
        assert same(clean[found[0]], again[found[0]])
        # Where the same rows are trained on their labels count.
        assert not all(same(clean[key], again[key]) for key in clean)


def test_early_stopping_is_given_the_people_of_training_rows_alone():
    run(net(**STOPPING), [table("lab"), table("web")], FORTH)
    run(make_pipeline(DomainStandardizer(), net(**STOPPING)), [table("lab"), table("web")], FORTH)
    (model, _, domain, groups) = Spy.seen[0]
    assert set(groups[domain < 0]) == {""}
    assert groups[domain >= 0].tolist() == [f"lab/s{i // 4}" for i in range(24)]
    assert 0 < len(model.validation_groups_) < 6
    param_grid = {"weight_decay": [0.0, 0.01]}
    for selection in ("label-free:source", "label-free:entropy", "nested-loso", "oracle"):
        Spy.seen = []
        benchmark(
            {"net": Method(net(**STOPPING), param_grid)},
            [table("lab"), table("web")],
            FORTH,
            selection=selection,
            progress=False,
            on_error="raise",
        )
        assert len(Spy.seen) > 1
        for model, _, domain, groups in Spy.seen:
            assert set(groups[domain < 0]) <= {""}
            assert set(model.validation_groups_) < set(groups[domain >= 0])


def test_early_stopping_without_known_people_is_refused():
    with pytest.raises(
        ValueError, match="groups: early stopping holds out whole subjects, .* None"
    ):
        run(net(**STOPPING), [table("lab", known=False), table("web")], FORTH)


def test_annotations_of_target_clips_change_nothing():
    lab = make_synthetic_corpus("webcam-25fps", n_clips=6, n_subjects=2, size=64, random_state=0)
    web = make_synthetic_corpus("nir-25fps", n_clips=6, n_subjects=2, size=64, random_state=0)
    poisoned = [
        replace(clip, label=CLASSES[i % 3], action_units=("4", "12"), objective_class="I")
        for i, clip in enumerate(web)
    ]
    method = make_pipeline(FlowImages(), net(network="STSTNet", adaptation=DAN()))
    protocol = CDMERPairs([Experiment("there", lab.name, web.name)])
    clean, _ = run(method, [lab, web], protocol)
    again, _ = run(method, [lab, Corpus(poisoned, web.name)], protocol)
    assert same(clean["there", web.name], again["there", web.name])


@pytest.mark.parametrize("params", [STOPPING, {"adaptation": MCC()}], ids=["stopping", "MCC"])
def test_what_stands_in_place_of_labels_and_people_of_the_target_is_not_read(params):
    X = np.concatenate([table("lab").features, table("web").features])
    domain = np.repeat([1, -2], 24)
    people = np.array([f"s{i // 4}" for i in range(48)], dtype=object)
    y = np.tile(TRUE, 2).astype(float)
    expected = trace(fit_adaptive(net(**params), X, y, domain, people))
    for nothing in (np.nan, -1.0, 7.0):
        y[domain < 0], people[domain < 0] = nothing, nothing
        assert trace(fit_adaptive(clone(net(**params)), X, y, domain, people)) == expected


def test_a_store_knows_modules_by_their_content():
    import torch

    from cdmer.nets import ATNet, HorizontalFlip, STSTNet

    def told(module):
        return identify(NetClassifier(module, augment=HorizontalFlip()))["parameters"]["network"]

    torch.manual_seed(0)
    module = STSTNet(dropout=0.2)
    first = told(module)
    assert set(first) == {"class", "content"}
    again = STSTNet(dropout=0.2)
    assert told(again) != first
    again.load_state_dict(module.state_dict())
    assert told(again) == first
    again.dropout.p = 0.3  # no part of the weights
    assert told(again) != first
    assert told(ATNet(size=32, n_steps=4, n_flow=3, widths=(4, 4, 4, 4), lstm_size=4))
    module.register_forward_hook(print)
    with pytest.raises(TypeError, match="a STSTNet with hooks by its content"):
        told(module)
    assert identify(NetClassifier(module), strict=False)
