"""Workers: how they are made and end, with one BLAS thread, sending nothing on to other workers."""

import functools
import os
import signal
import threading
import time
import warnings
import weakref
from contextlib import contextmanager, suppress

from joblib import parallel_config
from joblib._parallel_backends import LokyBackend, MultiprocessingBackend
from joblib.externals.loky import ProcessPoolExecutor, reusable_executor
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

from cdmer._files.writing import remove_own_unfinished

# Signals that ask a worker to end. A terminal sends SIGINT to all processes at once: it is for the
# one that started them, which ends them.
_ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_TERMINAL = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
_POLL = 0.5  # seconds between looks at whether the parent is there
_TIDYING = 0.1  # seconds in which workers that end together remove what they have not finished
_PATIENCE = 1.0  # seconds after which a worker that was asked to end is killed
_pools = weakref.WeakSet()

_LOCK = threading.Lock()
_state = {"depth": 0, "limiter": None, "starting": 0}


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


def parallel(n_jobs=None, prefer=None, **options):
    """Make joblib's Parallel, scikit-learn's kind, whose workers end when this process does.

    Those of joblib's own backends, that is; Dask and Ray have ways of their own. They end however
    this process ends (SIGKILL among the ways), idle ones too, and so hold none of its pipes.

    Parameters
    ----------
    n_jobs : int or None
    prefer : {"threads", "processes"} or None
    **options
        As joblib takes them, but for `backend`: that of a `joblib.parallel_config` context counts.

    Returns
    -------
    sklearn.utils.parallel.Parallel
    """
    # Workers import this module before they look whether their parent is there.
    from sklearn.utils.parallel import Parallel

    hints = {} if prefer is None else {"prefer": prefer}
    active, _ = get_active_backend(**hints)
    kind = {LokyBackend: _Loky, MultiprocessingBackend: _Multiprocessing}.get(type(active))
    if kind is not None:
        options["backend"] = kind(
            nesting_level=active.nesting_level,
            inner_max_num_threads=active.inner_max_num_threads,
            **getattr(active, "backend_kwargs", {}),
        )
    return Parallel(n_jobs=n_jobs, **hints, **options)


@contextmanager
def ending(results):
    """Give results that come one by one; leaving the block ends what still computes others.

    Parameters
    ----------
    results : generator or list
        What `parallel` gives.

    Yields
    ------
    generator or list
    """
    try:
        yield results
    finally:
        if hasattr(results, "close"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # joblib regrets work that is thrown away
                results.close()


def process_pool(n_workers, idle):
    """Make a pool of processes that end when this process does.

    Parameters
    ----------
    n_workers : int
    idle : float
        Seconds after which processes without work end.

    Returns
    -------
    concurrent.futures.Executor
    """
    with _signals_held():
        pool = ProcessPoolExecutor(n_workers, timeout=idle, **_watching({}))
        pool.submit(int)  # which starts them all
    _pools.add(pool)
    return pool


def end_workers():
    """Kill the processes of all pools, those that joblib keeps for later calls too."""
    kept = getattr(reusable_executor, "_executor", None)
    for pool in [*_pools, *([] if kept is None else [kept])]:
        _ask_to_end(pool)
        pool.shutdown(kill_workers=True)


def are_starting():
    """Whether workers are being started, which complain if that is interrupted."""
    return _state["starting"] > 0


class _Watched:
    """A backend of joblib's whose workers watch their parent."""

    def configure(self, *arguments, **options):
        own = getattr(self, "backend_kwargs", {})
        with _signals_held():  # this starts trackers, or all workers
            return super().configure(*arguments, **options | _watching(own | options))


class _Multiprocessing(_Watched, MultiprocessingBackend):
    pass


class _Loky(_Watched, LokyBackend):
    def submit(self, func, callback=None):
        with _signals_held():  # this may start workers
            return super().submit(func, callback)

    def abort_everything(self, ensure_ready=True):
        _ask_to_end(self._workers)
        super().abort_everything(ensure_ready)


def _watching(options):
    """Options of a pool whose workers watch this process, and do what the given ones say."""
    theirs = options.get("initializer"), options.get("initargs", ())
    return {"initializer": _start, "initargs": (os.getpid(), *theirs)}


@contextmanager
def _signals_held():
    """Hold signals of a terminal back in this thread, and in processes that it starts.

    A process that is still importing would print its traceback. `_start` says what a worker does
    instead; the trackers of its resources, which outlive the workers, go on holding SIGHUP back.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL)
    with _LOCK:
        _state["starting"] += 1
    try:
        resource_tracker.ensure_running()  # which lets SIGINT through again
        signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL)
        yield
    finally:
        with _LOCK:
            _state["starting"] -= 1
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ask_to_end(pool):
    """Ask the processes of a pool to end, since those that are killed leave unfinished files."""
    processes = list((pool._processes or {}).values())
    for process in processes:
        process.terminate()
    until = time.monotonic() + _PATIENCE
    for process in processes:
        process.join(max(0, until - time.monotonic()))


def _start(parent, initializer, initargs):
    """Prepare a worker: see `parallel`."""
    for number in _ENDINGS:
        signal.signal(number, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TERMINAL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end(number, frame):
    remove_own_unfinished()
    time.sleep(_TIDYING)  # once one has ended, its pool kills the others
    os._exit(128 + number)


def _end_with(parent):
    if os.name == "nt":
        import psutil

        with suppress(psutil.NoSuchProcess):
            psutil.Process(parent).wait()
    else:  # whose orphans belong to another process at once, zombies' too
        while os.getppid() == parent:
            time.sleep(_POLL)
    remove_own_unfinished()
    os._exit(1)
