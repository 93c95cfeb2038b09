import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from joblib import Parallel, delayed

from cdmer.corpora import Clip, Corpus
from cdmer.corpora._media import frame_cache as module
from cdmer.corpora._media.frame_cache import CachedFrames

N_BYTES = 4 * 5 * 6


@dataclass
class Counted:
    """Source that counts how often it is read."""

    level: int
    calls: list = field(default_factory=list)
    n_frames: int = 4

    def __call__(self):
        self.calls.append(1)
        return np.full((4, 5, 6), self.level, dtype=np.uint8)

    def fingerprint(self):
        return f"level {self.level}"


def corpus(n=4):
    return Corpus([Clip(Counted(i), f"c{i}", "s", "lab") for i in range(n)], "lab")


def calls(corpus):
    return [len(clip.source.calls) for clip in corpus]


def test_the_least_recent_clips_leave_when_the_memory_is_full():
    plain = corpus()
    cached = plain.cached(max_bytes=2 * N_BYTES)
    for i in (0, 1, 0, 1, 2, 1, 0, 2):
        assert cached[i].frames[0, 0, 0] == i
    # 0 and 1 are read; 2 drives 0 out; 0 drives 2 out; 2 drives 1 out.
    assert calls(plain) == [2, 1, 2, 0]
    assert cached[0].source.cache.n_bytes == 2 * N_BYTES


def test_a_clip_beyond_the_limit_is_read_each_time_and_drives_none_out():
    plain = corpus(1)
    cached = plain.cached(max_bytes=N_BYTES - 1)
    for _ in range(3):
        np.testing.assert_array_equal(cached[0].frames, plain[0].source())
    assert len(plain[0].source.calls) == 6
    assert cached[0].source.cache.n_bytes == 0


def test_nothing_else_changes():
    plain = corpus()
    cached = plain.cached()
    assert cached.table.equals(plain.table)
    assert cached.name == plain.name
    assert cached[1].source.fingerprint() == "level 1"
    assert cached[1].source.n_frames == 4
    again = cached.cached(max_bytes=10)
    assert again[0].source.source is plain[0].source
    array = np.zeros((2, 3, 4), np.uint8)
    assert Corpus([Clip(array, "c", "s", "lab")], "lab").cached()[0].source is array


def test_cached_frames_are_not_to_be_written_to():
    own = np.zeros((4, 5, 6), np.uint8)
    (clip,) = Corpus([Clip(lambda: own, "c", "s", "lab")], "lab").cached()
    with pytest.raises(ValueError, match="read-only"):
        clip.frames[0] = 1
    own[0] = 1  # the array of the source is left as it was


def test_no_frame_is_pickled_and_a_process_has_one_cache():
    cached = corpus().cached(max_bytes=3 * N_BYTES)
    empty = len(pickle.dumps(cached))
    for clip in cached:
        _ = clip.frames
    # The list of calls grows by a byte or two per call.
    assert len(pickle.dumps(cached)) < empty + 40
    one, two = (pickle.loads(pickle.dumps(clip)) for clip in cached[:2])
    assert one.source.cache is two.source.cache is cached[0].source.cache


def test_caches_end_with_their_clips():
    cached = corpus().cached()
    _ = cached[0].frames
    before = len(module._caches)
    text = pickle.dumps(cached)
    del cached
    gc.collect()
    assert len(module._caches) == before - 1
    fresh = pickle.loads(text)
    assert fresh[0].source.cache.n_bytes == 0
    assert len({id(clip.source.cache) for clip in fresh}) == 1


def brightness(clip):
    return int(clip.frames[0, 0, 0]), isinstance(clip.source, CachedFrames)


def test_workers():
    cached = corpus().cached()
    found = Parallel(n_jobs=2)(delayed(brightness)(clip) for clip in cached)
    assert found == [(i, True) for i in range(4)]


def test_threads():
    cached = corpus(20).cached(max_bytes=5 * N_BYTES)
    order = np.random.default_rng(0).integers(0, 20, 2000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: int(cached[i].frames[0, 0, 0]), order))
    assert found == order.tolist()
    cache = cached[0].source.cache
    assert cache.n_bytes == sum(frames.nbytes for frames in cache._frames.values()) == 5 * N_BYTES


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1 GB", True])
def test_limits_that_are_none(limit):
    with pytest.raises(ValueError, match="max_bytes: expected a whole number >= 1"):
        corpus().cached(max_bytes=limit)
