"""The same table from any of joblib's backends, whatever becomes of their workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import psutil
import pytest
from four_methods import CORPORA, run
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier

from cdmer.corpora import make_synthetic_corpus
from cdmer.evaluation import ResultStore, benchmark
from cdmer.extraction import extract


@pytest.fixture(scope="module")
def alone():
    return run(n_jobs=1)


def assert_same(results, alone):
    assert results.predictions.equals(alone.predictions)
    for found, expected in zip(results.jobs["scores"], alone.jobs["scores"], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert results.jobs["params"].tolist() == alone.jobs["params"].tolist()
    assert results.table().equals(alone.table())


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing", "sequential"])
def test_joblib_backends_give_identical_tables(alone, backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert_same(run(), alone)


def test_seeds_count_where_there_is_chance(alone):
    seeds = alone.predictions.groupby("method", observed=True)["seed"].unique()
    assert {name: sorted(s) for name, s in seeds.items()} == {
        name: [0, 1] if name == "forest" else [-1] for name in alone.methods
    }
    forest = alone.predictions.query("method == 'forest'")
    one, two = (forest.query("seed == @s")["y_pred"].to_numpy() for s in (0, 1))
    assert (one != two).any()


def kill_one(pids, moment, done):
    """Kill a worker as soon as some jobs are done."""

    def wait_and_kill():
        while len(done) < moment:
            time.sleep(0.01)
        os.kill(pids()[0], signal.SIGKILL)

    thread = threading.Thread(target=wait_and_kill, daemon=True)
    thread.start()
    return thread


class Counted(ResultStore):
    """Tells how many jobs are there."""

    def __init__(self):
        super().__init__()
        self.done = []

    def add(self, job, test_set):
        super().add(job, test_set)
        self.done.append(job.key)


def test_a_killed_process_costs_the_jobs_in_flight(alone):
    store = Counted()

    def pids():
        children = psutil.Process().children()
        return [c.pid for c in children if any("popen_loky" in part for part in c.cmdline())]

    thread = kill_one(pids, 5, store.done)
    with pytest.warns(RuntimeWarning, match="a worker was lost"):
        results = run(n_jobs=2, store=store)
    thread.join(timeout=10)
    assert_same(results, alone)
    assert len(store.done) == len(set(store.done)) == len(alone.jobs)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield cluster
        assert client.status == "running"


class Mean(TransformerMixin, BaseEstimator):
    """Asks how many workers there are for its own calls."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        assert effective_n_jobs(None) == 1
        return np.array([[np.mean(clip.frames)] for clip in X])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Majority(DummyClassifier):
    """Asks how many workers there are for its own calls."""

    def fit(self, X, y):
        assert effective_n_jobs(None) == 1
        return super().fit(X, y)


@pytest.mark.slow
def test_a_job_or_clip_stays_in_its_worker(cluster):
    # Its inner calls on other workers would fail with these, and no job may fail for a worker.
    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
    with joblib.parallel_config(backend="dask"):
        assert effective_n_jobs(None) == 2
        results = benchmark({"majority": Majority()}, CORPORA, progress=False)
        table = extract(clips, Mean(), progress=False)
    assert results.failures.empty
    assert table.features[:, 0].tolist() == [np.mean(clip.frames) for clip in clips]


@pytest.mark.slow
def test_dask_with_a_worker_killed(alone, cluster):
    with joblib.parallel_config(backend="dask"):
        assert_same(run(), alone)

    def pids():
        return [worker.pid for worker in cluster.workers.values()]

    store = Counted()
    assert len(pids()) == 2
    thread = kill_one(pids, 5, store.done)
    with joblib.parallel_config(backend="dask"):
        results = run(store=store)
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert results.failures.empty
    assert_same(results, alone)


@pytest.mark.slow
def test_ray(alone, tmp_path):
    pytest.importorskip("ray")
    script, store = Path(__file__).with_name("four_methods.py"), tmp_path / "results.sqlite"
    subprocess.run([sys.executable, str(script), str(store)], check=True)
    with ResultStore(store) as kept:
        assert_same(kept.results(), alone)
