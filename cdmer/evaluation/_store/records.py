"""A finished job and the clips it was tested on."""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cdmer._files.reading import parse_json
from cdmer.evaluation._store.checks import check_config

_decode = json.JSONDecoder().raw_decode


def canonical_json(value):
    """Write a value as JSON, the same text for equal values: sorted keys, no spaces."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def parse_record(text, name):
    """Parse JSON of a row; of a key that comes twice, the last counts.

    There may be ten thousand rows, and `parse_json` takes twice the time.

    Raises
    ------
    ValueError
        As `parse_json` does.
    """
    if "\\u" not in text:  # which half a character may stand behind
        with suppress(ValueError, RecursionError):  # `parse_json` says which
            value, end = _decode(text)
            if end == len(text):
                return value
    return parse_json(text, name)


def digest(text):
    """SHA-256 of a text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class TestSet:
    """Tested clips of a fold and their true classes.

    Parameters
    ----------
    clips, corpora, subjects : tuple of str
        One entry per clip. A subject is ``""`` where it is not known.
    truth : tuple of int, or tuple of tuple of int
        Positions in the scheme's class list; for schemes with several classes per clip, 0 or 1 per
        class.
    """

    __test__ = False  # no test, whatever pytest thinks of the name

    clips: tuple
    corpora: tuple
    subjects: tuple
    truth: tuple

    @property
    def text(self):
        """Canonical JSON, a str."""
        return canonical_json([self.clips, self.corpora, self.subjects, self.truth])

    @property
    def key(self):
        """SHA-256 of `text`."""
        return digest(self.text)


@dataclass(frozen=True, eq=False)
class JobResult:
    """Result of a job, a method fitted and tested on a fold with a seed, and its configuration.

    Parameters
    ----------
    config : str
        Canonical JSON of everything that the outcome follows from: protocol, fold, scheme, corpora,
        descriptor, method, selection, seed, versions.
    test_set : str
        Key of the `TestSet`.
    predicted : tuple of int, or tuple of tuple of int, or None
        As in `TestSet.truth`, in its order, -1 for an abstention; None if the job failed.
    scores : ndarray of float64, shape (n_clips, n_classes), or None
        Probabilities where the method states any, else its scores, in the order of the scheme's
        classes; NaN for a class that the method has not seen. None where there are none.
    details : dict
        What else is worth keeping, as JSON can hold it: ``params`` (the chosen setting),
        ``region_weights`` (list of float), ``score_kind`` ("probability" or "score"),
        ``n_parameters`` (of a network), ``usage`` (requests and tokens, dict of str to int),
        ``abstentions`` (clips by reason, dict of str to int).
    embedding : dict of str to ndarray, or None
        ``before`` and ``after``, float32 of shape (n_rows, 2); ``target``, bool of shape (n_rows,);
        ``codes``, int of shape (n_rows,): class of each row.
    seconds : dict of str to float
        ``select``, ``fit`` and ``predict``.
    error : dict of str to str, or None
        ``type``, ``message`` and ``traceback`` of what stopped it.
    """

    config: str
    test_set: str
    predicted: tuple | None = None
    scores: np.ndarray | None = None
    details: dict = field(default_factory=dict)
    embedding: dict | None = None
    seconds: dict = field(default_factory=dict)
    error: dict | None = None

    @property
    def key(self):
        """SHA-256 of `config`: the name under which the job is asked for again."""
        return digest(self.config)

    @cached_property
    def about(self):
        """What `config` says of the fold, the selection and the seed: see `check_config`."""
        return check_config(parse_record(self.config, "config"))
