"""Limits of a model file: types from a list, and their size in memory."""

import json
from dataclasses import is_dataclass
from functools import cache

from sklearn.base import BaseEstimator

from cdmer._extras import import_extra

# Parsed, JSON takes about twenty times as much memory.
MOST_JSON_BYTES = 2**25
# Private types inside fitted estimators of scikit-learn that hold data only.
_OF_SKLEARN = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
]


class UntrustedModelError(ValueError):
    """A model file asks for objects that no model needs, such as functions.

    Parameters
    ----------
    message : str
        Names the file and the types.
    """

    def __init__(self, message):
        super().__init__(message)


def import_skops():
    """Import skops' persistence.

    Returns
    -------
    module
        ``skops.io``.

    Raises
    ------
    ImportError
        If it is missing; says what to install.
    """
    return import_extra("skops.io", "models")


@cache
def trusted_types():
    """Types that a model may hold beside those that skops trusts.

    skops itself trusts scikit-learn's estimators, NumPy's arrays and plain data; it refuses
    functions, methods and everything else that is not listed here. These are

    - the public estimators and settings (`RegionGrid` and the like) of `cdmer.adaptation`,
      `cdmer.features` and `cdmer.preprocessing`: setting their attributes, or calling their
      constructors, runs nothing that the file chooses;
    - private types inside fitted estimators of scikit-learn that hold data only;
    - `range`, which grids of parameters are made of.

    Whole packages are not trusted: each also has functions that fetch, write or run something. Nor
    are trees, which index memory by numbers that the file chooses.

    Returns
    -------
    list of str
        Full names, sorted.
    """
    from cdmer import adaptation, features, preprocessing

    types = {range}
    for package in (adaptation, features, preprocessing):
        public = [getattr(package, name) for name in package.__all__]
        types.update(
            thing
            for thing in public
            if isinstance(thing, type) and (issubclass(thing, BaseEstimator) or is_dataclass(thing))
        )
    return sorted(_OF_SKLEARN + [f"{kind.__module__}.{kind.__qualname__}" for kind in types])


def check_size(archive, most_bytes):
    """Refuse an archive that would take more memory than allowed, before reading its arrays.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Written by skops.
    most_bytes : int
        Limit of everything that is read from it, together.

    Raises
    ------
    ValueError
        If it is larger, or a part of it is an archive itself, whose size is unknown.
    """
    # A member takes memory each time that an object refers to it, which may be many times.
    read = set()
    for node in _nodes(read_json(archive, "schema.json")):
        if node.get("__loader__") == "SparseMatrixNode":
            raise ValueError("expected no sparse matrices")
        if isinstance(node.get("file"), str):
            read.add((repr(node.get("__id__")), node["file"]))
    total = sum(archive.getinfo(name).file_size for _, name in read)
    if total > most_bytes:
        raise ValueError(
            f"expected at most {most_bytes} bytes unpacked, got {total}; see max_bytes"
        )


def read_json(archive, name):
    """Parse a member of an archive.

    Parameters
    ----------
    archive : zipfile.ZipFile
    name : str
        Name of the member.

    Returns
    -------
    object

    Raises
    ------
    KeyError
        If there is no such member.
    ValueError
        If it is no JSON, or larger than `MOST_JSON_BYTES`.
    """
    size = archive.getinfo(name).file_size
    if size > MOST_JSON_BYTES:
        raise ValueError(f"{name}: expected at most {MOST_JSON_BYTES} bytes, got {size}")
    return json.loads(archive.read(name))


def _nodes(schema):
    """Every dict in nested dicts and lists; a generator."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
