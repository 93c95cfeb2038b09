"""Units of work over joblib's workers: as they finish, whatever becomes of a worker."""

import contextlib
import warnings
from pickle import PicklingError

from joblib import effective_n_jobs
from joblib.parallel import SequentialBackend, get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from cdmer._threads import one_blas_thread
from cdmer.evaluation._work import work

# How often in a row workers may be lost without a single unit done.
_STRIKES = 3


def run_tasks(numbers, make_task, shared, n_jobs, skip):
    """Do tasks, and give each outcome as soon as it is there.

    A worker that dies (killed, out of memory, its machine gone) takes the units in flight with it;
    these are done again by other workers.

    Parameters
    ----------
    numbers : sequence of int
        Numbers of the tasks.
    make_task : callable
        Makes the `Task` of a number, when it is sent off.
    shared : tuple
        What every task works on: see `cdmer.evaluation._work.work`.
    n_jobs : int or None
        As joblib has it; the backend too is the one of a `joblib.parallel_config` context.
    skip : callable
        Told the number of a task before it is sent off; whether it is done already, by another
        process that writes to the same store.

    Yields
    ------
    number : int
    outcome : dict

    Raises
    ------
    RuntimeError
        If workers are lost again and again without a unit done.
    TypeError
        If a task cannot be sent to another process.
    """
    if isinstance(get_active_backend()[0], SequentialBackend) or effective_n_jobs(n_jobs) == 1:
        with one_blas_thread():
            for number in numbers:
                if not skip(number):
                    yield number, work(make_task(number), *shared)
        return
    left, strikes = dict.fromkeys(numbers), 0
    while left:
        before = len(left)
        try:
            with contextlib.closing(
                _stream(list(left), make_task, shared, n_jobs, skip)
            ) as outcomes:
                for number, outcome in outcomes:
                    del left[number]
                    if outcome is not None:
                        yield number, outcome
        except _Unprepared as error:
            raise error.__cause__ from None
        except PicklingError as error:
            raise TypeError(
                f"methods: one cannot be sent to other processes ({error}); n_jobs=1 and threads "
                "take it"
            ) from error
        except Exception as error:  # whatever it is, no unit is to blame: `work` catches theirs
            strikes = strikes + 1 if len(left) == before else 0
            if strikes == _STRIKES:
                raise RuntimeError(
                    f"n_jobs: workers were lost {_STRIKES} times without a unit done, {len(left)} "
                    f"units are left; last {type(error).__name__}: {error}"
                ) from error
            warnings.warn(
                f"a worker was lost ({type(error).__name__}: {error}); {len(left)} units go on",
                RuntimeWarning,
                stacklevel=3,
            )


class _Unprepared(Exception):
    """Raised from what stopped a task before it was sent off, which is no fault of a worker."""


def _stream(numbers, make_task, shared, n_jobs, skip):
    """Give (number, outcome) in any order; None for tasks that are skipped."""
    backend = get_active_backend()[0]
    skipped, stopped = [], []

    def calls(numbers):
        # joblib asks for tasks in threads of its own, where errors would be lost.
        try:
            for number in numbers:
                if skip(number):
                    skipped.append(number)
                else:
                    yield delayed(_numbered)(number, make_task(number), *shared)
        except Exception as error:
            stopped.append(error)

    # Here for workers that are threads of this process; others see to it themselves.
    with one_blas_thread():
        if backend.supports_return_generator:
            jobs = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
            outcomes = jobs(calls(numbers))
            try:
                yield from outcomes
            finally:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # joblib regrets work that is thrown away
                    outcomes.close()
        else:  # Ray's and multiprocessing's pools give lists: some units at a time
            size = 4 * effective_n_jobs(n_jobs)
            with Parallel(n_jobs=n_jobs, batch_size=1) as pool:
                for start in range(0, len(numbers), size):
                    yield from pool(calls(numbers[start : start + size]))
    if stopped:
        raise _Unprepared from stopped[0]
    yield from ((number, None) for number in skipped)


def _numbered(number, task, *shared):
    return number, work(task, *shared)
