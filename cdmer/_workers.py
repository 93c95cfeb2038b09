"""Calls that joblib sends to its workers."""

from joblib import parallel_config


def in_one_worker(function, *arguments):
    """Call a function in a worker, and keep in that worker whatever the function runs in parallel.

    Most of joblib's backends do so by themselves. Dask's sends the inner calls all over the
    cluster, so that the death of one worker fails the work of another.
    """
    with parallel_config(backend="threading"):
        return function(*arguments)
