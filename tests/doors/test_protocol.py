"""The protocol that CONTRIBUTING shows keeps the contract, and runs."""

import numpy as np
import pytest
from feature_tables import toml_text, write_tables
from protocol_contract import EVERY_CHECK, SMALL, table

from cdmer.adaptation import TCA, SourceOnly
from cdmer.evaluation import benchmark
from cdmer.evaluation.config import run_config
from cdmer.evaluation.protocols import PROTOCOLS, Protocol, register_protocol, shared_people
from cdmer.evaluation.protocols._registry import _REGISTERED


@pytest.fixture
def two_halves(build):
    shown = build("A protocol").TwoHalves
    yield shown
    del _REGISTERED["TwoHalves"]


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(two_halves, check, seen):
    check(two_halves(unlabelled_target=seen))


def test_nobody_is_on_both_sides_and_everybody_is_tested(two_halves):
    metadata = table(SMALL, seed=3)
    folds = two_halves().roles(metadata)
    assert [shared_people(metadata, fold) for fold in folds] == [0] * 8
    tested = np.concatenate([fold.test for fold in folds])
    np.testing.assert_array_equal(np.sort(tested), np.arange(len(metadata)))


METHODS = {"SVM": SourceOnly(), "TCA": TCA(n_components=2)}


def test_it_runs(two_halves, tmp_path):
    corpora = write_tables(tmp_path, ["lab", "webcam"])
    results = benchmark(METHODS, corpora, two_halves(True), progress=False)
    assert results.table().notna().all(axis=None)
    assert "half of the people" in results.info["protocol"]["words"]
    with pytest.raises(ValueError, match=r"TCA adapts to unlabelled .* TwoHalves forbids"):
        benchmark(METHODS, corpora, two_halves(), progress=False)


def test_config_files_name_it(two_halves, tmp_path):
    corpora = write_tables(tmp_path, ["lab", "webcam"])
    path = tmp_path / "bench.toml"
    content = {
        "protocol": {"class": "TwoHalves", "unlabelled_target": True},
        "corpora": [{"source": f"features:{name}.npz"} for name in ("lab", "webcam")],
        "methods": {"SVM": {"class": "SourceOnly"}, "TCA": {"class": "TCA", "n_components": 2}},
    }
    path.write_text(toml_text(content), encoding="utf-8")
    expected = benchmark(METHODS, corpora, two_halves(True), progress=False)
    assert run_config(path, progress=False).table().equals(expected.table())


def test_what_is_registered_is_a_protocol_of_a_new_name(two_halves):
    assert PROTOCOLS["TwoHalves"] is two_halves
    assert register_protocol(two_halves) is two_halves

    class TwoHalves(two_halves):
        pass

    class Forgetful(Protocol):
        allows_unlabelled_target = False

    with pytest.raises(ValueError, match="kind: expected a class of a new name, .*'TwoHalves' is"):
        register_protocol(TwoHalves)
    with pytest.raises(ValueError, match="subclass of Protocol that defines roles, words, got"):
        register_protocol(Forgetful)
    with pytest.raises(TypeError, match="kind: expected a subclass of Protocol, got 3"):
        register_protocol(3)
