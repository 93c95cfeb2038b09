"""What the runner and the store cost beside the methods, and how fast a store opens.

Two tables, in markdown. The first: jobs of about 50 ms, run one after the other through
`benchmark` into a store on disk, against the sum of what the methods themselves took (fit and
predict, as measured around them) and against a plain loop over the same folds. The second: a store
of many jobs is asked for a run that it holds already: reading the corpora, skipping, and the table
of scores.
"""

import argparse
import datetime
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from threadpoolctl import threadpool_limits

from cdmer.corpora import Clip, Corpus
from cdmer.evaluation import ResultStore, WithinCorpusLOSO, benchmark
from cdmer.extraction import FeatureTable

CLASSES = ("negative", "positive", "surprise")


class Busy(ClassifierMixin, BaseEstimator):
    """Computes for a given time and predicts one class."""

    def __init__(self, seconds=0.05, name=""):
        self.seconds = seconds
        self.name = name

    def fit(self, X, y):
        """Compute."""
        stop = time.perf_counter() + self.seconds
        while time.perf_counter() < stop:
            pass
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        """Give the first class."""
        return np.full(len(X), self.classes_[0])

    def decision_function(self, X):
        """Give scores of no meaning, to be stored."""
        return np.tile(np.arange(len(self.classes_), dtype=float), (len(X), 1))


def make_table(n_subjects, per_subject, n_features):
    """Make a table of features with numbers of no meaning."""
    rng = np.random.default_rng(0)
    n = n_subjects * per_subject
    clips = Corpus(
        [
            Clip(
                np.zeros((1, 1, 1), np.uint8),
                f"c{i}",
                f"s{i // per_subject}",
                "made-up",
                label=CLASSES[i % 3],
            )
            for i in range(n)
        ],
        "made-up",
    )
    from cdmer.extraction._table import clips_frame, failures_frame

    names = np.array([f"f{i}" for i in range(n_features)])
    return FeatureTable(
        rng.normal(size=(n, n_features)),
        names,
        None,
        clips_frame(clips),
        failures_frame([]),
        "made up",
        "made-up",
    )


def measure_overhead(table, n_methods, folder):
    """Run jobs of 50 ms: wall time by the runner, by a loop, and of the methods alone."""
    methods = {f"busy {i}": Busy(name=str(i)) for i in range(n_methods)}
    started = time.perf_counter()
    results = benchmark(
        methods, [table], WithinCorpusLOSO(), store=Path(folder) / "o.sqlite", progress=False
    )
    wall = time.perf_counter() - started
    jobs = results.jobs
    own = jobs["fit_s"].sum() + jobs["predict_s"].sum()

    subjects = table.clips["subject"].to_numpy()
    codes = np.array([CLASSES.index(c) for c in table.labels("cdmer-130")])
    started = time.perf_counter()
    for subject in dict.fromkeys(subjects):
        train, test = subjects != subject, subjects == subject
        for method in methods.values():
            model = Busy(**method.get_params()).fit(table.features[train], codes[train])
            model.predict(table.features[test])
            model.decision_function(table.features[test])
    loop = time.perf_counter() - started
    return len(jobs), wall, own, loop


def measure_store(n_stored, per_subject, folder):
    """Fill a store, then ask for the same run again: seconds until the table is there."""
    path = Path(folder) / "many.sqlite"
    n_methods = 10
    table = make_table(n_stored // n_methods, per_subject, 8)
    methods = {f"quick {i}": Busy(0.0, str(i)) for i in range(n_methods)}
    started = time.perf_counter()
    benchmark(methods, [table], WithinCorpusLOSO(), store=path, progress=False)
    filling = time.perf_counter() - started

    opening = []
    for _ in range(3):
        started = time.perf_counter()
        with ResultStore(path, read_only=True) as store:
            store.results().table()
        opening.append(time.perf_counter() - started)
    again = []
    for _ in range(3):
        started = time.perf_counter()
        benchmark(methods, [table], WithinCorpusLOSO(), store=path, progress=False).table()
        again.append(time.perf_counter() - started)
    with ResultStore(path, read_only=True) as store:
        n = len(store)
    size = path.stat().st_size / 2**20
    return n, filling, statistics.median(opening), statistics.median(again), size


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=400, help="jobs of 50 ms (default 400)")
    parser.add_argument("--stored", type=int, default=10_000, help="jobs in the store (10,000)")
    options = parser.parse_args()
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, one BLAS thread\n"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, user_api="blas"):
        for n_features in (100, 15_045):
            table = make_table(options.jobs // 8, 3, n_features)
            with tempfile.TemporaryDirectory(dir=folder) as own:
                n, wall, methods, loop = measure_overhead(table, 8, own)
            rows.append(
                {
                    "features": n_features,
                    "jobs": n,
                    "ms per job": round(1000 * wall / n, 2),
                    "methods alone": round(1000 * methods / n, 2),
                    "plain loop": round(1000 * loop / n, 2),
                    "over methods": f"{wall / methods - 1:.1%}",
                    "over loop": f"{wall / loop - 1:.1%}",
                }
            )
        print(_markdown(pd.DataFrame(rows)), flush=True)
        n, filling, opening, again, size = measure_store(options.stored, 3, folder)
    print(
        f"\n{n} jobs of 3 clips, {size:.0f} MiB: filled in {filling:.1f} s; opened and tabulated "
        f"in {opening:.2f} s; asked for again, all skipped, and tabulated in {again:.2f} s "
        "(medians of 3)"
    )


def _markdown(frame):
    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).values.tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
