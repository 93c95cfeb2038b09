"""Jobs over joblib's workers; those of a worker that is lost are done again."""

import contextlib
import warnings
from pickle import PicklingError

from joblib import effective_n_jobs
from joblib.parallel import SequentialBackend, get_active_backend
from sklearn.utils.parallel import delayed

from cdmer._workers import ending, in_one_worker, one_blas_thread, parallel
from cdmer.evaluation._runner.work import work

# How often in a row workers may be lost without a single job done.
_STRIKES = 3


def run_jobs(batches, jobs, shared, n_jobs, skip):
    """Do jobs, and give each result as soon as it is there.

    A worker that dies (killed, out of memory, its machine gone) takes the jobs in flight with it;
    these are done again by other workers.

    Parameters
    ----------
    batches : sequence of tuple of int
        Numbers of the jobs, by those that one worker does together.
    jobs : sequence of Job
    shared : tuple
        What every job works on: see `cdmer.evaluation._runner.work.work`.
    n_jobs : int or None
        As joblib has it; the backend too is the one of a `joblib.parallel_config` context.
    skip : callable
        Called with a batch before it is sent off; whether it is done already, by another process
        that writes to the same store.

    Yields
    ------
    number : int
    result : JobResult

    Raises
    ------
    RuntimeError
        If workers are lost again and again without a job done.
    TypeError
        If a job cannot be sent to another process.
    """
    if isinstance(get_active_backend()[0], SequentialBackend) or effective_n_jobs(n_jobs) == 1:
        with one_blas_thread():
            for batch in batches:
                if not skip(batch):
                    yield from zip(batch, work(_take(jobs, batch), *shared), strict=True)
        return
    left, strikes = dict.fromkeys(batches), 0
    while left:
        before = len(left)
        try:
            with contextlib.closing(_stream(list(left), jobs, shared, n_jobs, skip)) as done:
                for batch, results in done:
                    del left[batch]
                    yield from zip(batch, results, strict=False)
        except _Unprepared as error:
            raise error.__cause__ from None
        except PicklingError as error:
            raise TypeError(
                f"methods: one cannot be sent to other processes ({error}); n_jobs=1 and threads "
                "take it"
            ) from error
        except Exception as error:  # whatever it is, no job is to blame: `work` catches theirs
            strikes = strikes + 1 if len(left) == before else 0
            if strikes == _STRIKES:
                raise RuntimeError(
                    f"n_jobs: workers were lost {_STRIKES} times without a job done, "
                    f"{_count(left)} jobs are left; last {type(error).__name__}: {error}"
                ) from error
            warnings.warn(
                f"a worker was lost ({type(error).__name__}: {error}); {_count(left)} jobs go on",
                RuntimeWarning,
                stacklevel=3,
            )


class _Unprepared(Exception):
    """Raised from what stopped a batch before it was sent off, which is no fault of a worker."""


def _stream(batches, jobs, shared, n_jobs, skip):
    """Give (batch, results) in any order; no results of batches that are skipped."""
    backend = get_active_backend()[0]
    skipped, stopped = [], []

    def calls(batches):
        # joblib asks for work in threads of its own, where errors would be lost.
        try:
            for batch in batches:
                if skip(batch):
                    skipped.append(batch)
                else:
                    yield delayed(_named)(batch, _take(jobs, batch), *shared)
        except Exception as error:
            stopped.append(error)

    # Here for workers that are threads of this process; others see to it themselves.
    with one_blas_thread():
        if backend.supports_return_generator:
            pool = parallel(n_jobs, batch_size=1, return_as="generator_unordered")
            with ending(pool(calls(batches))) as done:
                yield from done
        else:  # Ray's and multiprocessing's pools give lists: some jobs at a time
            size = 4 * effective_n_jobs(n_jobs)
            with parallel(n_jobs, batch_size=1) as pool:
                for start in range(0, len(batches), size):
                    yield from pool(calls(batches[start : start + size]))
    if stopped:
        raise _Unprepared from stopped[0]
    yield from ((batch, ()) for batch in skipped)


def _take(jobs, batch):
    return [jobs[number] for number in batch]


def _count(batches):
    return sum(map(len, batches))


def _named(batch, jobs, *shared):
    return batch, in_one_worker(work, jobs, *shared)
