"""One bit of a table, a store or a cache flips: it is noticed, or nothing changes."""

import shutil
import sqlite3
import warnings
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from test_stores import CLASSES, EMBEDDING, FOLD, INFO

from cdmer.corpora import make_synthetic_corpus
from cdmer.evaluation._store.records import JobResult, TestSet, canonical_json
from cdmer.evaluation._store.store import ResultStore
from cdmer.extraction import FeatureTable, extract
from cdmer.features import LBPTOP, RegionGrid
from cdmer.zero_shot._answers import Reply
from cdmer.zero_shot._cache import AnswerCache
from cdmer.zero_shot._database import open_answers

FLIPS = 200


def flipped(path, seed):
    """Yield while one bit of a file after the other differs, each at a random place."""
    content = path.read_bytes()
    rng = np.random.default_rng(seed)
    for place in rng.integers(8 * len(content), size=FLIPS):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        yield bytes(damaged)


def assert_same_frames(one, other):
    for a, b in ((one.clips, other.clips), (one.failures, other.failures)):
        pd.testing.assert_frame_equal(a, b)


@pytest.fixture(scope="module")
def corpus():
    return make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)


DESCRIPTOR = LBPTOP(radius=1, n_points=4, grid=RegionGrid((1, 2)))


def test_tables(tmp_path, corpus):
    table = extract(corpus, DESCRIPTOR, progress=False)
    table.save(tmp_path / "t.npz")
    noticed = []
    for content in flipped(tmp_path / "t.npz", 0):
        (tmp_path / "u.npz").write_bytes(content)
        try:
            found = FeatureTable.load(tmp_path / "u.npz")
        except (ValueError, OSError) as error:
            noticed.append(str(error))
            continue
        for name in ("features", "feature_names", "feature_groups"):
            np.testing.assert_array_equal(getattr(found, name), getattr(table, name))
        assert_same_frames(found, table)
        assert (found.transformer, found.corpus) == (table.transformer, table.corpus)
    assert all("u.npz" in message for message in noticed)
    assert len(noticed) > FLIPS / 2


def make_store(path):
    with ResultStore(path) as store:
        asked = []
        for i in range(4):
            names = tuple(f"c/s{j}/n{i}" for j in range(6))
            tested = TestSet(names, ("c",) * 6, tuple(f"s{j}" for j in range(6)), (0, 1, 2) * 2)
            rng = np.random.default_rng(i)
            config = {"fold": FOLD | {"experiment": f"E{i}"}, "selection": "fixed", "seed": i}
            job = JobResult(
                canonical_json(config),
                tested.key,
                predicted=tuple(rng.integers(0, 3, 6).tolist()),
                scores=rng.random((6, len(CLASSES))),
                details={"params": {"C": 0.1 * i}},
                seconds={"fit": 0.1 * i},
                embedding=EMBEDDING,
            )
            store.add(job, tested)
            asked.append(("SVM", job.key))
        store.add_run(INFO, asked)


def everything(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with ResultStore(path, read_only=True) as store:
            runs, results = store.runs(), store.results()
    jobs = results.jobs
    arrays = [array.tobytes() for array in jobs["scores"]]
    arrays += [e[name].tobytes() for e in jobs["embedding"] for name in EMBEDDING]
    return [
        runs.to_csv(),
        results.predictions.to_csv(),
        jobs.drop(columns=["scores", "embedding"]).to_csv(),
        results.to_frame().to_csv(),
        canonical_json(results.info),
        arrays,
    ]


def test_stores(tmp_path):
    path = tmp_path / "s.sqlite"
    make_store(path)
    sound, noticed = everything(path), []
    for content in flipped(path, 1):
        (tmp_path / "u.sqlite").write_bytes(content)
        try:
            found = everything(tmp_path / "u.sqlite")
        except (ValueError, OSError) as error:
            noticed.append(str(error))
            continue
        assert found == sound
    assert all("u.sqlite" in message for message in noticed)
    assert len(noticed) > FLIPS / 10  # much of the pages is empty


def test_entries_of_the_feature_cache(tmp_path):
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
    table = extract(corpus, DESCRIPTOR, cache_dir=tmp_path, progress=False)
    path = sorted(tmp_path.glob("*/*.npy"))[0]
    content = path.read_bytes()
    for damaged in flipped(path, 2):
        path.write_bytes(damaged)
        again = extract(corpus[:1], DESCRIPTOR, cache_dir=tmp_path, progress=False)
        np.testing.assert_array_equal(again.features, table.features[:1])
    again = extract(corpus, DESCRIPTOR, cache_dir=tmp_path, progress=False)
    np.testing.assert_array_equal(again.features, table.features)
    assert path.read_bytes() == content


class Question:
    text, picture = "which?", None


REPLIES = [Reply(f"surprise {i} " * 20, "", "stop", 3 + i, 4) for i in range(12)]


def test_answers(tmp_path):
    database = open_answers(tmp_path / "cache")
    cache = AnswerCache(database, "here")
    for i, reply in enumerate(REPLIES):
        assert cache.find_or_claim(f"key {i}") is True
        with database.writing() as connection:
            cache.store(connection, f"key {i}", Question, reply)
    cache.close()
    database.close()
    path = tmp_path / "cache" / "answers.sqlite"
    noticed, asked_again = [], 0
    for content in flipped(path, 3):
        folder = tmp_path / "damaged"
        folder.mkdir()
        (folder / path.name).write_bytes(content)
        try:
            with closing(open_answers(folder)) as database:
                cache = AnswerCache(database, "here")
                found = [cache.find_or_claim(f"key {i}") for i in range(len(REPLIES))]
                cache.close()
            assert all(one in (reply, True) for one, reply in zip(found, REPLIES, strict=True))
            asked_again += True in found
        except (ValueError, OSError) as error:
            noticed.append(str(error))
        shutil.rmtree(folder)
    assert all("answers.sqlite" in message for message in noticed)
    assert len(noticed) + asked_again > FLIPS / 10
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
