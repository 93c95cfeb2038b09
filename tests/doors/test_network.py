"""A network as CONTRIBUTING.md shows it."""

import sys

import numpy as np
import pytest
from network_contract import Case, NetworkContract

from cdmer.corpora import make_synthetic_corpus
from cdmer.evaluation import benchmark
from cdmer.evaluation.config._networks import DEEP
from cdmer.evaluation.protocols import CompositeLOSO
from cdmer.features import DeepFeatures, FlowImages
from cdmer.nets import NetClassifier, count_parameters
from cdmer.nets._networks import registry

PICTURES = FlowImages(channels=("u", "v"), size=8, flow_method="farneback")


@pytest.fixture
def network(build):
    module = build("A network")
    sys.modules[module.__name__] = module  # pickles look there
    yield module.MotionNet
    registry._REGISTERED.pop("MotionNet")
    for name in ("stranger", module.__name__):
        sys.modules.pop(name, None)


@pytest.fixture
def case(network):
    # 16 filters of 2x5x5 with biases, 16 to 3 scores.
    return Case("MotionNet", 16 * 51 + 17 * 3, small={"size": 8, "n_filters": 64})


@pytest.fixture(scope="module")
def corpora():
    names = "webcam-25fps", "nir-25fps"
    return [make_synthetic_corpus(name, n_clips=6, n_subjects=3) for name in names]


class TestShownNetwork(NetworkContract):
    """What every network owes."""


def test_number_of_parameters(network, case):
    assert count_parameters(network()) == case.n_parameters


def test_it_is_known_by_name(network, corpora):
    clips = list(corpora[0])
    X, y = PICTURES.fit_transform(clips), [clip.label for clip in clips]
    settings = {"network_params": {"size": 8}, "n_epochs": 3, "random_state": 0}
    model = NetClassifier("MotionNet", **settings).fit(X, y)
    assert type(model.network_) is network
    scores = NetClassifier(network, **settings).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(model.decision_function(X), scores)
    described = DeepFeatures(model.network_, prepare=PICTURES).fit_transform(clips)
    np.testing.assert_allclose(described, model.embed(X), rtol=1e-5, atol=1e-6)
    with pytest.warns(UserWarning, match="are random"):
        named = DeepFeatures("MotionNet", random_state=0).fit(clips)
    assert repr(named.prepare_) == "FlowImages(channels=('u', 'v'))"
    assert len(named.get_feature_names_out()) == 16


def test_configs_of_benchmarks_know_its_name(network):
    made = DEEP["NetClassifier"]()
    assert made(network="MotionNet", network_params={"size": 8}).network == "MotionNet"
    with pytest.raises(ValueError, match="unknown parameter of MotionNet 'sized'; .*'size'"):
        made(network="MotionNet", network_params={"sized": 8})


def test_a_class_that_takes_its_name_takes_its_place(network):
    settings = {"network": "MotionNet", "random_state": 0}
    with pytest.warns(UserWarning, match="are random"):
        assert len(DeepFeatures(**settings).fit([]).get_feature_names_out()) == 16

    class Wider(network):
        def __init__(self, n_classes=3):
            super().__init__(n_classes, n_filters=20)

    registry._REGISTERED["MotionNet"] = Wider
    with pytest.warns(UserWarning, match="are random"):
        assert len(DeepFeatures(**settings).fit([]).get_feature_names_out()) == 20


def test_it_runs_in_a_benchmark(network, corpora):
    model = NetClassifier(
        "MotionNet", network_params={"size": 8}, n_epochs=2, random_state=0, progress=False
    )
    results = benchmark(
        {"net": model}, corpora, CompositeLOSO(), descriptor=PICTURES, progress=False
    )
    assert len(results.predictions) == sum(map(len, corpora))
    assert results.table("UF1").notna().all().all()
