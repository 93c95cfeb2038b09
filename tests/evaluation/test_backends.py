"""The same table from any of joblib's backends, whatever becomes of their workers."""

import os
import signal
import threading
import time

import joblib
import numpy as np
import psutil
import pytest
from sklearn.ensemble import RandomForestClassifier

from cdmer.adaptation import TCA, TGSR, SourceOnly
from cdmer.corpora import PublishedFeatures
from cdmer.evaluation import Method, ResultStore, benchmark

CLASSES = ("negative", "positive", "surprise")


def features(name, n, shift, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    X = rng.normal(size=(n, 40)) + shift
    X[:, :3] += np.eye(3)[labels]
    return PublishedFeatures(X, labels, CLASSES, name)


CORPORA = [features("casme2", 40, 0, 0), features("smic-vis", 36, 0.5, 1),
           features("smic-nir", 32, 1, 2)]  # fmt: skip
METHODS = {
    "SVM": SourceOnly(),
    "forest": RandomForestClassifier(20),
    "TGSR": Method(TGSR(groups=8), {"n_selected": [2, 4, 8]}),
    "TCA": Method(TCA(), {"n_components": [2, 5, 9]}),
}


def run(**options):
    return benchmark(METHODS, CORPORA, selection=["label-free:entropy", "oracle"], seeds=[0, 1],
                     progress=False, **options)  # fmt: skip


@pytest.fixture(scope="module")
def alone():
    return run(n_jobs=1)


def assert_same(results, alone):
    assert results.predictions.equals(alone.predictions)
    for found, expected in zip(results.units["scores"], alone.units["scores"], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert results.units["params"].tolist() == alone.units["params"].tolist()
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
    """Kill a worker as soon as some units are done."""

    def wait_and_kill():
        while len(done) < moment:
            time.sleep(0.01)
        os.kill(pids()[0], signal.SIGKILL)

    thread = threading.Thread(target=wait_and_kill, daemon=True)
    thread.start()
    return thread


class Counted(ResultStore):
    """Tells how many units are there."""

    def __init__(self):
        super().__init__()
        self.done = []

    def add(self, unit, test_set):
        super().add(unit, test_set)
        self.done.append(unit.key)


def test_a_killed_process_costs_the_units_in_flight(alone):
    store = Counted()

    def pids():
        children = psutil.Process().children()
        return [c.pid for c in children if any("popen_loky" in part for part in c.cmdline())]

    thread = kill_one(pids, 5, store.done)
    with pytest.warns(RuntimeWarning, match="a worker was lost"):
        results = run(n_jobs=2, store=store)
    thread.join(timeout=10)
    assert_same(results, alone)
    assert len(store.done) == len(set(store.done)) == len(alone.units)


@pytest.mark.slow
def test_dask_with_a_worker_killed(alone):
    distributed = pytest.importorskip("distributed")
    store = Counted()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        with joblib.parallel_config(backend="dask"):
            assert_same(run(), alone)

        def pids():
            return [worker.pid for worker in cluster.workers.values()]

        assert len(pids()) == 2
        thread = kill_one(pids, 5, store.done)
        with joblib.parallel_config(backend="dask"):
            results = run(store=store)
        thread.join(timeout=10)
        assert not thread.is_alive()
        assert client.status == "running"
    assert_same(results, alone)


@pytest.mark.slow
def test_ray(alone):
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        register_ray()
        with joblib.parallel_config(backend="ray", n_jobs=2):
            assert_same(run(), alone)
    finally:
        ray.shutdown()
