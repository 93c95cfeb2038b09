"""Jobs and test sets as rows of tables, with checksums."""

import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from types import NoneType

import numpy as np

from cdmer._files.archives import open_archive, read_array
from cdmer._files.reading import parse_json
from cdmer._text import without_folders_in
from cdmer.evaluation._store.checks import (
    check_codes,
    check_details,
    check_embedding,
    check_test_set,
)
from cdmer.evaluation._store.records import (
    JobResult,
    TestSet,
    canonical_json,
    digest,
    parse_record,
)

# The order in which checksums take them.
JOB_COLUMNS = (
    "key",
    "config",
    "test_set",
    "predicted",
    "scores",
    "details",
    "seconds",
    "finished",
    "error",
    "embedding",
)
# The columns of a job ``j`` and its checksum, in a question.
JOB_SELECT = ", ".join(f"j.{name}" for name in (*JOB_COLUMNS, "checksum"))


# Text or bytes in each column; SQLite keeps any value in any.
_TYPES = dict.fromkeys(JOB_COLUMNS, (str,)) | {
    "predicted": (str, NoneType),
    "scores": (bytes, NoneType),
    "error": (str, NoneType),
    "embedding": (bytes, NoneType),
}


class Embedding(Mapping):
    """Arrays by name, read from the bytes of an npz file when they are asked for.

    Parameters
    ----------
    packed : bytes
    name : str
        For messages.
    n_classes : int

    Raises
    ------
    ValueError
        When they are asked for: if they are not what `JobResult` says.
    """

    def __init__(self, packed, name, n_classes):
        self._packed, self._name, self._n_classes = packed, name, n_classes
        self._arrays = None

    def _read(self):
        if self._arrays is None:
            size = len(self._packed)
            with open_archive(io.BytesIO(self._packed), self._name, most_bytes=size) as archive:
                try:
                    members = {m.removesuffix(".npy"): m for m in archive.namelist()}
                    arrays = {name: read_array(archive, m) for name, m in members.items()}
                    check_embedding(arrays, self._n_classes)
                except ValueError as error:
                    raise ValueError(f"{self._name}: {error}") from error
            self._arrays = arrays
        return self._arrays

    def __getitem__(self, name):
        return self._read()[name]

    def __iter__(self):
        return iter(self._read())

    def __len__(self):
        return len(self._read())


def checksum(columns, values):
    """BLAKE2b of named values in 16 bytes, 32 hexadecimal digits; None counts as not there.

    Hashed, for each value in turn: its column, a space, its type ("str", "bytes" or "int"), a
    space, its length in bytes, a line feed, and the value, text in UTF-8, numbers as decimal text.
    """
    parts = []
    for name, value in zip(columns, values, strict=True):
        if value is not None:
            raw = value if isinstance(value, bytes) else str(value).encode()
            parts += (b"%b %d\n" % (_heading(name, type(value)), len(raw)), raw)
    return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()


@cache
def _heading(name, kind):
    return f"{name} {kind.__name__}".encode()


def is_sound(columns, row):
    """Whether a row of these columns, and their checksum at the end, is as it was written."""
    return checksum(columns, row[:-1]) == row[-1]


def now():
    """Time in UTC to the microsecond, in ISO form."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def to_json(name, value):
    """Write a value as JSON, without folders of absolute paths, or say whose value cannot be.

    Raises
    ------
    ValueError
        If JSON cannot hold it.
    """
    try:
        text = canonical_json(without_folders_in(value))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected what JSON can hold, {error}") from error
    # What is no character, such as undecodable bytes of a file name in an error, cannot be shown.
    return text.encode("utf-8", "replace").decode("utf-8")


def job_row(job, test_set):
    """Give the values of `JOB_COLUMNS`, and their checksum.

    Raises
    ------
    ValueError
        If the job does not fit its test set, or JSON cannot hold it.
    """
    _check_job(job, test_set)
    failed = job.error is not None
    values = (
        job.key,
        job.config,
        job.test_set,
        None if failed else to_json("job.predicted", job.predicted),
        None if job.scores is None else np.asarray(job.scores).astype("<f8").tobytes(),
        to_json("job.details", job.details),
        to_json("job.seconds", job.seconds),
        now(),
        to_json("job.error", job.error) if failed else None,
        None if job.embedding is None else _packed(job.embedding),
    )
    return (*values, checksum(JOB_COLUMNS, values))


def read_job(row, test_set, scheme, name):
    """Give the job of a sound row of `JOB_COLUMNS` and checksum.

    Parameters
    ----------
    row : tuple
    test_set : TestSet
    scheme : dict
        Of the run: ``classes`` and ``multilabel``.
    name : str
        For errors of what is read later.

    Returns
    -------
    JobResult

    Raises
    ------
    ValueError
        If it holds what no benchmark writes.
    """
    of = dict(zip(JOB_COLUMNS, row, strict=False))
    _check_types(tuple(map(type, row)))
    n_clips, n_classes = len(test_set.clips), len(scheme["classes"])
    parsed = {
        column: None if of[column] is None else parse_record(of[column], column)
        for column in ("predicted", "details", "seconds", "error")
    }
    check_details(parsed["details"], parsed["seconds"], parsed["error"])
    if (of["predicted"] is None) == (of["error"] is None):
        raise ValueError("expected either predicted or error, got both or neither")
    predicted = scores = embedding = None
    if of["predicted"] is not None:
        predicted = _tuples(parsed["predicted"])
        if scheme["multilabel"]:
            check_codes("predicted", predicted, (n_clips, n_classes), -1, 2)
        else:
            check_codes("predicted", predicted, (n_clips,), -1, n_classes)
    if of["scores"] is not None:
        if predicted is None or len(of["scores"]) != 8 * n_clips * n_classes:
            raise ValueError(
                f"scores: expected 8 bytes for each of {n_clips} clips and {n_classes} classes, "
                f"got {len(of['scores'])}"
            )
        scores = np.frombuffer(of["scores"], "<f8").astype(float).reshape(n_clips, n_classes)
    if of["embedding"] is not None:
        embedding = Embedding(of["embedding"], f"{name}: embedding", n_classes)
    job = JobResult(
        config=of["config"],
        test_set=of["test_set"],
        predicted=predicted,
        scores=scores,
        details=parsed["details"],
        embedding=embedding,
        seconds=parsed["seconds"],
        error=parsed["error"],
    )
    if job.key != of["key"]:
        raise ValueError("key: is not the one of its config")
    job.about  # noqa: B018 (checks it)
    return job


@cache  # there are few, and as many rows as jobs
def _check_types(found):
    for (column, types), kind in zip(_TYPES.items(), found, strict=False):
        if kind not in types:
            raise ValueError(f"{column}: expected {types[0].__name__}, got {kind.__name__}")


def write_job(connection, row, test_set):
    """Write what `job_row` gives, and the test set; a failed job replaces no finished one."""
    connection.execute(
        "INSERT INTO test_sets (key, clips) VALUES (?, ?) ON CONFLICT (key) "
        "DO UPDATE SET clips = excluded.clips WHERE clips <> excluded.clips",
        (test_set.key, test_set.text),
    )
    names = (*JOB_COLUMNS, "checksum")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    connection.execute(
        f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT (key) DO UPDATE SET {updates} "
        "WHERE excluded.error IS NULL OR jobs.error IS NOT NULL",
        row,
    )


def is_whole(connection, row, test_sets):
    """Whether a job and its test set are as written; the test set joins the known ones."""
    if not is_sound(JOB_COLUMNS, row):
        return False
    key = row[JOB_COLUMNS.index("test_set")]
    if key not in test_sets:
        found = connection.execute("SELECT clips FROM test_sets WHERE key = ?", (key,)).fetchone()
        test_sets[key] = None if found is None else _test_set(key, found[0])
    return test_sets[key] is not None


def _test_set(key, text):
    if not isinstance(text, str) or digest(text) != key:
        return None
    try:
        parts = parse_json(text, "test set")
        if not isinstance(parts, list) or len(parts) != 4:
            return None
        parts = list(map(_tuples, parts))
        check_test_set(*parts)
    except ValueError:
        return None
    return TestSet(*parts)


def _tuples(values):
    if not isinstance(values, list):
        raise ValueError(f"expected a list, got {values!r:.60}")
    if values and isinstance(values[0], list):
        return tuple(tuple(v) if isinstance(v, list) else v for v in values)
    return tuple(values)


def _packed(embedding):
    arrays = {name: np.asarray(values) for name, values in embedding.items()}
    check_embedding(arrays)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _check_job(job, test_set):
    if job.test_set != test_set.key:
        raise ValueError(
            f"test_set: expected the one of the job, {job.test_set}, got {test_set.key}"
        )
    n_clips = len(test_set.clips)
    if not n_clips:
        raise ValueError("test_set: expected at least one clip, got none")
    if (job.predicted is None) == (job.error is None):
        raise ValueError("job: expected either predicted or error, got both or neither")
    if job.error is not None and job.scores is not None:
        raise ValueError("job: expected no scores beside an error")
    if job.predicted is not None and len(job.predicted) != n_clips:
        raise ValueError(
            f"job.predicted: expected one entry per clip, {n_clips}, got {len(job.predicted)}"
        )
    if job.scores is not None:
        shape = np.shape(job.scores)
        if len(shape) != 2 or shape[0] != n_clips:
            raise ValueError(f"job.scores: expected shape ({n_clips}, n_classes), got {shape}")
