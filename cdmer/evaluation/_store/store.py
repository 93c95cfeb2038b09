"""A store of results: one SQLite file, one row per finished job."""

import warnings
from contextlib import contextmanager
from pathlib import Path

from cdmer._files.sqlite import SharedFile
from cdmer._parameters import ParameterError, check_flag
from cdmer.evaluation._results import Results
from cdmer.evaluation._store.checks import check_repeats, check_truth
from cdmer.evaluation._store.rows import (
    JOB_COLUMNS,
    JOB_SELECT,
    is_whole,
    job_row,
    read_job,
    write_job,
)
from cdmer.evaluation._store.runs import (
    check_asked,
    check_jobs,
    find_run,
    list_runs,
    read_info,
    write_run,
)
from cdmer.evaluation._store.salt import find_salt, keep_salt
from cdmer.evaluation._store.schema import LAYOUT

_OF_KEY = f"SELECT {JOB_SELECT} FROM jobs j WHERE j.key"
# Each job once, though several methods may ask for it; in the order of tables.
_OF_RUN = (
    f"SELECT {JOB_SELECT} FROM (SELECT DISTINCT key FROM run_jobs WHERE run = ?) r "
    "CROSS JOIN jobs j ON j.key = r.key"
)
_AT_ONCE = 500  # keys in one question; SQLite takes at least 999


class ResultStore:
    """Results of benchmarks in one SQLite file, safe from whatever stops a run.

    Each finished job is one row, written in one transaction: a process that is killed, or
    a full disk, costs at most the job in flight. A power cut may cost the jobs of the last
    seconds or minutes, too (up to some 4 MB of them); the file stays whole. Several processes of
    one machine, and several threads of each, may write to one store. Rows have checksums and
    opening checks the pages of the file: what is damaged is never taken for a result.

    Parameters
    ----------
    path : path-like or None, default=None
        The file; made if it is not there. None for a store in memory.
    read_only : bool, default=False
        Open an existing store and change nothing, also on media that cannot be written to.

    Attributes
    ----------
    path : Path or None
    read_only : bool

    Raises
    ------
    OSError
        If the file or its folder does not exist or cannot be read or, unless `read_only`, written
        to; before any work is done.
    ValueError
        If the file is no store, is damaged, or comes from another version of cdmer.

    Notes
    -----
    The tables, for ``sqlite3 FILE``; what is JSON is text:

    ``jobs``
        ``key``, SHA-256 of ``config``; ``config``, JSON of everything that the outcome follows
        from; ``test_set``, a key of ``test_sets``; ``predicted``, JSON list of positions in the
        class list, clip by clip, -1 for an abstention, NULL if the job failed; ``scores``,
        float64, little-endian, clip by clip, in the order of the classes, or NULL; ``details`` and
        ``seconds``, JSON; ``error``, JSON with type, message and traceback, or NULL; ``finished``,
        time in UTC; ``embedding``, an npz file, or NULL; ``checksum``, BLAKE2b of the rest.
    ``test_sets``
        ``key``, SHA-256 of ``clips``; ``clips``, JSON list of four lists: clips, corpora, subjects
        and true classes.
    ``runs``
        ``run``, a number; ``key``, SHA-256 of what was asked for; ``created``, time in UTC of the
        first call; ``asked``, the higher, the later the last call; ``info``, JSON; ``checksum``.
    ``run_jobs``
        ``run``; ``position``, from 0, in the order of tables; ``label`` of the method; ``key`` of
        the job, which may not be there yet.
    ``about``
        ``name``, ``value``, ``checksum``: the random salt from which reports of this store make
        pseudonyms.

    A store holds who is on which clip, since intervals are over people, and no folder of any path.

    While a store is open, and after an interruption, the last jobs are in a file beside it whose
    name ends in ``-wal``; copy both, or close the store first. Readers may leave an empty one.

    ``PRAGMA user_version`` is the version of the tables, and a store of another one is refused.

    Examples
    --------
    >>> from cdmer.evaluation._store.store import ResultStore
    >>> with ResultStore() as store:
    ...     len(store)
    0
    """

    def __init__(self, path=None, *, read_only=False):
        check_flag("read_only", read_only)
        if path is None and read_only:
            raise ParameterError("path: expected a file to read, got None")
        self.path = None if path is None else Path(path)
        self.read_only = read_only
        self._file = SharedFile(LAYOUT, self.path, read_only=read_only)
        self._name = self._file.name

    def finished(self, keys):
        """Find which jobs are done, without error and undamaged.

        Parameters
        ----------
        keys : iterable of str
            Keys of jobs.

        Returns
        -------
        set of str
            Damaged jobs are left out, with a warning, so that they are run again.
        """
        keys = list(dict.fromkeys(keys))
        done, test_sets = set(), {}
        with self._file.reading() as connection:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                rows = connection.execute(
                    f"{_OF_KEY} IN ({', '.join('?' * len(some))}) AND j.error IS NULL",
                    some,
                )
                for row in rows:
                    if is_whole(connection, row, test_sets):
                        done.add(row[0])
                    else:
                        warnings.warn(
                            f"{self._name}: job {row[0]} is damaged and counts as not finished",
                            RuntimeWarning,
                            stacklevel=2,
                        )
        return done

    def add(self, job, test_set):
        """Write a job, in one transaction. It replaces what is there under its key.

        A failed job does not replace one that is finished.

        Parameters
        ----------
        job : JobResult
        test_set : TestSet
            The one that the job names.

        Raises
        ------
        ValueError
            If the job does not fit its test set.
        OSError
            If the disk is full, or the file cannot be written to any more; what was finished before
            is kept.
        """
        row = job_row(job, test_set)
        with self._writing() as connection:
            write_job(connection, row, test_set)

    def add_run(self, info, jobs):
        """Note what was asked for. Asking again for the same gives the same run.

        Parameters
        ----------
        info : dict
            What is run, as JSON can hold it: see `Results.info`.
        jobs : list of (str, str)
            Label of the method and key of the job, in the order of tables.

        Returns
        -------
        int
            Number of the run.

        Raises
        ------
        ValueError
            If JSON cannot hold `info`, or it lacks what a list of runs shows.
        OSError
            As for `add`.
        """
        text, jobs = check_asked(info, jobs)
        with self._writing() as connection:
            keep_salt(connection)
            return write_run(connection, text, jobs, self._name)

    def runs(self):
        """List the runs.

        Returns
        -------
        pandas.DataFrame
            One row per run, in the order of the first calls: ``run, created, title, protocol,
            scheme, n_planned, n_done, n_failed``.
        """
        import pandas as pd

        names = ["run", "created", "title", "protocol", "scheme", "n_planned", "n_done", "n_failed"]
        with self._file.reading() as connection:
            return pd.DataFrame(list_runs(connection, self._name), columns=names)

    def results(self, run=None):
        """Give the results of a run, as far as its jobs are there.

        Parameters
        ----------
        run : int or None, default=None
            Number of the run; None for the one that was asked for last.

        Returns
        -------
        Results
            The same whatever order the jobs were written in. Its `info` has ``created``,
            ``finished`` (time of the last job, None if there is none) and ``n_missing`` (jobs
            that are not there yet).

        Raises
        ------
        ValueError
            If there is no such run, or what belongs to it is damaged.
        """
        jobs, finished, test_sets = {}, [], {}
        with self._file.reading() as connection:
            found = find_run(connection, run, self._name)
            info = read_info(found, self._name)
            asked = connection.execute(
                "SELECT label, key FROM run_jobs WHERE run = ? ORDER BY position", (found[0],)
            ).fetchall()
            check_jobs(found, asked, self._name)
            label_of = {key: label for label, key in reversed(asked)}
            rows = connection.execute(_OF_RUN, (found[0],))
            for row in rows:
                key = row[0]
                name = f"{self._name}: job {key} ({label_of[key]})"
                if not is_whole(connection, row, test_sets):
                    raise ValueError(
                        f"{name} is damaged; the same benchmark, asked for again, computes it again"
                    )
                test_set = test_sets[row[JOB_COLUMNS.index("test_set")]]
                try:
                    jobs[key] = read_job(row, test_set, info["scheme"], name)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from error
                finished.append(row[JOB_COLUMNS.index("finished")])
            done = [(label, jobs[key]) for label, key in asked if key in jobs]
            try:
                check_truth(test_sets.values(), info["scheme"])
                check_repeats([job for _, job in done], jobs.values())
            except ValueError as error:
                raise ValueError(f"{self._name}: run {found[0]}: {error}") from error
            salt = find_salt(connection, self._name)
        info["created"] = found[2]
        info["finished"] = max(finished, default=None)
        info["n_missing"] = len(asked) - len(done)
        return Results.from_jobs(info, done, test_sets, salt)

    def close(self):
        """Close the file. Closing again does nothing."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __len__(self):
        with self._file.reading() as connection:
            return connection.execute("SELECT count(*) FROM jobs").fetchone()[0]

    def __bool__(self):
        return True  # an empty store is one

    def __repr__(self):
        given = "" if self.path is None else repr(str(self.path))
        return f"ResultStore({given}{', read_only=True' if self.read_only else ''})"

    def __reduce__(self):
        raise TypeError("a ResultStore cannot be pickled or copied; give its path instead")

    @contextmanager
    def _writing(self):
        self._file.check_place()
        with self._file.writing() as connection:
            yield connection
        self._file.check_place()
