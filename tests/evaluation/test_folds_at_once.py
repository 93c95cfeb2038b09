"""Folds of a network go through the runner together, and nothing but the clock tells."""

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

import cdmer.nets
from cdmer.adaptation import SourceOnly
from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.evaluation import ResultStore, benchmark
from cdmer.evaluation.protocols import CompositeLOSO, WithinCorpusLOSO
from cdmer.extraction import FeatureTable
from cdmer.extraction._frames import clips_frame, failures_frame
from cdmer.features import FlowImages
from cdmer.nets import MLP, NetClassifier

CLASSES = ("negative", "positive", "surprise")
NET = NetClassifier("MLP", n_epochs=5, batch_size=8, precision="float64", progress=False)


def features(name, seed, n_subjects=12, labels=None):
    rng = np.random.default_rng(seed)
    n = 3 * n_subjects
    codes = np.arange(n) % 3
    X = rng.normal(size=(n, 10))
    X[:, :3] += np.eye(3)[codes]
    codes = codes if labels is None else labels
    frames = np.zeros((2, 4, 4), dtype=np.uint8)
    clips = [
        Clip(frames, name=f"c{i:03d}", subject=f"s{i // 3}", corpus=name, label=CLASSES[code])
        for i, code in enumerate(codes)
    ]
    columns = [f"f{i}" for i in range(10)]
    return FeatureTable(X, columns, None, clips_frame(clips), failures_frame([]), "made up", name)


def run(methods, corpora=None, protocol=None, **options):
    corpora = (
        [features("webcam-25fps", 0), features("nir-25fps", 1)] if corpora is None else corpora
    )
    protocol = CompositeLOSO() if protocol is None else protocol
    options = {"n_jobs": 1, "progress": False, "seeds": [0, 1]} | options
    return benchmark(methods, corpora, protocol, **options)


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the calls of `fit_folds`."""
    seen, real = [], cdmer.nets.fit_folds

    def counted(estimator, X, y, folds, **options):
        seen.append(len(folds))
        return real(estimator, X, y, folds, **options)

    monkeypatch.setattr(cdmer.nets, "fit_folds", counted)
    return seen


def one_by_one(monkeypatch, *given, **options):
    with monkeypatch.context() as patch:
        patch.setattr("cdmer.evaluation._runner.together._most_at_once", lambda *_: 1)
        return run(*given, **options)


def assert_same(found, expected):
    assert found.predictions.equals(expected.predictions)
    for one, other in zip(found.jobs["scores"], expected.jobs["scores"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_a_network_is_trained_on_all_folds_at_once_unasked(calls, monkeypatch):
    methods = {"net": NET, "SVM": SourceOnly()}
    found = run(methods)
    # 24 people, in parts of one size, for each seed.
    assert calls == [12, 12, 12, 12]
    assert_same(found, one_by_one(monkeypatch, methods))
    assert len(calls) == 4
    assert found.failures.empty


def test_steps_that_learn_nothing_come_along_and_others_do_not(calls, monkeypatch):
    double = FunctionTransformer(np.square)
    methods = {
        "squared": make_pipeline(double, NET),
        "scaled": make_pipeline(StandardScaler(), NET),
    }
    found = run(methods, seeds=[0])
    assert sum(calls) == 24
    assert_same(found, one_by_one(monkeypatch, methods, seeds=[0]))


def test_clips_are_prepared_once(calls, monkeypatch):
    clips = [
        make_synthetic_corpus(name, n_clips=9, n_subjects=3, size=64, random_state=0)
        for name in ("webcam-25fps", "nir-25fps")
    ]
    counted, real = [], FlowImages.transform
    monkeypatch.setattr(FlowImages, "transform", lambda s, X: counted.append(len(X)) or real(s, X))
    net = NetClassifier("STSTNet", n_epochs=2, network_params={"size": 12}, progress=False)
    methods = {"STSTNet": make_pipeline(FlowImages(size=12), net)}
    found = run(methods, clips, scheme="cdmer-130", seeds=[0])
    assert calls == [6]
    assert sum(counted) <= 1 + 2 * 18  # one to know the shape; training and tested clips
    assert_same(found, one_by_one(monkeypatch, methods, clips, scheme="cdmer-130", seeds=[0]))


def test_results_are_those_of_any_number_of_workers(calls):
    alone = run({"net": NET})
    with joblib.parallel_config(backend="threading"):
        two = run({"net": NET}, n_jobs=2)
    for one, other in zip(two.jobs["scores"], alone.jobs["scores"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_store_with_holes_is_filled_with_the_same_numbers(tmp_path, calls):
    whole = run({"net": NET}, store=tmp_path / "a.sqlite", seeds=[0])
    calls.clear()
    with ResultStore(tmp_path / "a.sqlite") as store, store._writing() as connection:
        connection.execute("DELETE FROM jobs WHERE key IN (SELECT key FROM jobs LIMIT 3)")
    again = run({"net": NET}, store=tmp_path / "a.sqlite", seeds=[0])
    assert 0 < sum(calls) <= 24
    for one, other in zip(again.jobs["scores"], whole.jobs["scores"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_fold_that_cannot_be_trained_fails_alone(monkeypatch, calls):
    # All clips of the other class are of one subject: without it nothing is left to tell apart.
    labels = np.zeros(12, dtype=int)
    labels[:3] = 1
    corpora = [features("webcam-25fps", 0, 4, labels)]
    methods = {"net": NET}
    options = {"corpora": corpora, "protocol": WithinCorpusLOSO(), "seeds": [0]}
    with pytest.warns(UserWarning, match="1 of 4 jobs failed"):
        found = run(methods, **options)
    assert calls == [4]
    assert found.failures["fold"].tolist() == ["s0"]
    with pytest.warns(UserWarning, match="1 of 4 jobs failed"):
        loop = one_by_one(monkeypatch, methods, **options)
    assert found.failures["message"].tolist() == loop.failures["message"].tolist()
    assert_same(found, loop)


def test_a_network_that_breaks_says_so_for_every_fold(calls):
    broken = NetClassifier("MLP", network_params={"n_hidden": "many"}, progress=False)
    with pytest.raises(ValueError, match="24 of 24 jobs failed"):
        run({"net": broken}, seeds=[0])


def test_labels_of_a_fold_stay_out_of_its_training():
    honest = np.arange(36) % 3
    poisoned = np.r_[2 - honest[:3], honest[3:]]
    found = [
        run(
            {"net": NET},
            [features("webcam-25fps", 0, labels=labels)],
            WithinCorpusLOSO(),
            seeds=[0],
        )
        for labels in (honest, poisoned)
    ]
    # The first fold leaves the first subject out, whose labels are poisoned.
    scores = [results.jobs["scores"].iloc[0] for results in found]
    np.testing.assert_array_equal(*scores)


def test_threads_of_blas_do_not_count():
    with threadpool_limits(2, user_api="blas"):
        two = run({"net": NET}, seeds=[0])
    alone = run({"net": NET}, seeds=[0])
    for one, other in zip(two.jobs["scores"], alone.jobs["scores"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_module_of_ones_own_is_taken(calls):
    run({"net": NetClassifier(MLP, n_epochs=1, progress=False)}, seeds=[0])
    assert sum(calls) == 24
