"""What joblib's workers do: with one BLAS thread, and sending nothing on to other workers."""

import functools
import threading
from contextlib import contextmanager

from joblib import parallel_config
from threadpoolctl import ThreadpoolController

_LOCK = threading.Lock()
_state = {"depth": 0, "limiter": None}


@contextmanager
def one_blas_thread():
    """Compute with one BLAS thread while any such block is open in this process.

    Sums come out the same for any number of workers, and libsvm does not start threads for every
    product of two rows. Blocks that overlap in several threads share one limit: it ends with the
    last of them. (`threadpoolctl` alone would give the threads back when the first one ends.)
    """
    with _LOCK:
        if _state["depth"] == 0:
            _state["limiter"] = _controller().limit(limits=1, user_api="blas")
        _state["depth"] += 1
    try:
        yield
    finally:
        with _LOCK:
            _state["depth"] -= 1
            if _state["depth"] == 0:
                _state["limiter"].restore_original_limits()


def in_one_worker(function, *arguments):
    """Call a function in a worker, and keep in that worker whatever the function runs in parallel.

    Most of joblib's backends do so by themselves. Dask's sends the inner calls all over the
    cluster, so that the death of one worker fails the work of another.
    """
    with parallel_config(backend="threading"):
        return function(*arguments)


@functools.cache
def _controller():
    # Looking for the libraries takes milliseconds, more than some jobs.
    return ThreadpoolController()
