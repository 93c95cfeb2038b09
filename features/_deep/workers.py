"""Rows that several workers prepare, in order and not too far ahead of who takes them."""

import os
import tempfile
import threading
from collections import deque
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from itertools import islice

import numpy as np
from joblib.parallel import get_active_backend

from cdmer._cv2 import one_cv2_thread
from cdmer._workers import process_pool

# One task is some clips, since every task costs a fraction of a millisecond.
_MOST_CLIPS, _MOST_BYTES = 8, 2**23
# Processes take seconds to start, so they stay for the next call: by whose they are, and how many.
# Those that joblib keeps for itself are not for others.
_pools, _lock = {}, threading.Lock()
_IDLE = 60.0  # seconds after which they end


def prepare_ahead(prepare, items, n_workers, n_ahead):
    """Prepare items in workers, ahead of who takes the rows.

    Workers are processes, since Python computes in one thread at a time, unless there is one
    worker alone or the active backend of joblib is one of threads.

    Parameters
    ----------
    prepare : callable
        Makes a row, an ndarray, of an item.
    items : sequence
    n_workers : int
    n_ahead : int
        Rows, about, that may be there before they are asked for.

    Yields
    ------
    ndarray
        In the order of the items; what `prepare` raises is raised here. Valid until the next one
        is asked for.
    """
    # Files under names that two processes share are a matter of POSIX systems.
    threads = n_workers == 1 or _in_threads() or os.name != "posix"
    if threads or len(items) < 2:
        with ThreadPoolExecutor(n_workers) as pool:
            yield from look_ahead(pool, prepare, items, n_ahead)
        return
    first = prepare(items[0])
    yield first
    yield from _from_processes(prepare, items[1:], first, n_workers, n_ahead)


def look_ahead(pool, function, items, n_ahead):
    """Call a function with each item in a pool, and give the results in order.

    Parameters
    ----------
    pool : concurrent.futures.Executor
    function : callable
    items : iterable
    n_ahead : int
        Results that may be there, or on their way, before they are asked for.

    Yields
    ------
    object
        What the function gives; what it raises is raised here.
    """
    waiting = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _from_processes(prepare, items, like, n_workers, n_ahead):
    """Rows like a given one go through memory that the processes share, others as they are."""
    n_clips = max(1, min(_MOST_CLIPS, _MOST_BYTES // max(1, like.nbytes)))
    n_ahead = max(n_workers + 1, -(-n_ahead // n_clips))
    n_places = n_ahead + 1  # the last row taken is still in use
    places = (n_places, n_clips, *like.shape)
    with _shared_file(int(np.prod(places)) * like.itemsize) as file:
        rows = _shared_rows(file.name, places, like.dtype.str)
        work = _Work(prepare, file.name, places, like.dtype.str)
        pieces = ((i % n_places, piece) for i, piece in enumerate(_pieces(items, n_clips)))
        pool = _pool(n_workers)
        try:
            for place, others in look_ahead(pool, work, pieces, n_ahead):
                for row, other in zip(rows[place], others, strict=False):
                    yield row if other is None else other
        except BrokenExecutor:
            with _lock:
                _pools.pop((os.getpid(), n_workers), None)
            raise


def _pool(n_workers):
    with _lock:
        key = os.getpid(), n_workers
        if key not in _pools:
            _pools[key] = process_pool(n_workers, _IDLE)
        return _pools[key]


def _in_threads():
    return getattr(get_active_backend()[0], "supports_sharedmem", False)


def _pieces(items, length):
    items = iter(items)
    while piece := list(islice(items, length)):
        yield piece


class _Work:
    """What a process does with some items: it writes their rows into their place."""

    def __init__(self, prepare, path, places, dtype):
        self.prepare, self.path, self.places, self.dtype = prepare, path, places, dtype

    def __call__(self, piece):
        place, items = piece
        rows, others = _shared_rows(self.path, self.places, self.dtype), []
        with one_cv2_thread():
            for room, item in zip(rows[place], items, strict=False):
                row = self.prepare(item)
                fits = row.shape == room.shape and row.dtype == room.dtype
                if fits:
                    room[...] = row
                others.append(None if fits else row)
        return place, others


def _shared_file(n_bytes):
    """Open a temporary file of this size, in memory if there is room for it."""
    for folder in ("/dev/shm", None):
        try:
            # Who asked for it closes it, and so removes it.
            file = tempfile.NamedTemporaryFile(prefix=f"cdmer-{os.getpid()}-", dir=folder)  # noqa: SIM115
        except OSError:
            continue
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)  # a lack of room shows here
            else:
                file.truncate(n_bytes)
        except OSError:
            file.close()
            continue
        return file
    raise OSError(f"n_jobs: no room for {n_bytes} bytes in {tempfile.gettempdir()}")


def _shared_rows(path, places, dtype):
    return np.memmap(path, dtype=dtype, mode="r+", shape=places)
