"""Names for contents: a hash of everything that a computation follows from."""

import hashlib
from dataclasses import fields, is_dataclass, replace

import numpy as np

from cdmer import __version__


def fingerprint(*values):
    """Name values by a hash that is the same in every process.

    The version of cdmer takes part: code that computes something from these values may change
    with it.

    Parameters
    ----------
    *values
        Numbers, strings, bytes, None, arrays, tuples, lists, sets and dicts of such, dataclasses
        (fields that are compared) and scikit-learn estimators with such parameters (`n_jobs` and
        `device` left out: they change where a result is computed), and their ``file_digests()``.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.

    Raises
    ------
    TypeError
        If something else occurs; the address of an object in memory names no content.
    """
    digest = hashlib.sha256()
    for value in (__version__, *values):
        digest.update(_encoded(value))
    return digest.hexdigest()


def _encoded(value):
    """Encode a value so that no two different ones give the same bytes."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        return _framed(
            "array", value.dtype.str.encode(), str(value.shape).encode(), value.tobytes()
        )
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return _framed(type(value).__name__, repr(value).encode("utf-8", "surrogatepass"))
    if isinstance(value, tuple | list):
        return _framed("sequence", *map(_encoded, value))
    if isinstance(value, set | frozenset):
        return _framed("set", *sorted(map(_encoded, value)))
    if isinstance(value, dict):
        pairs = sorted((_encoded(k), _encoded(v)) for k, v in value.items())
        return _framed("dict", *(part for pair in pairs for part in pair))
    if isinstance(value, type):
        if "<locals>" in value.__qualname__:  # each call of the function makes another one
            raise TypeError(
                f"cannot name the content of {value!r}: expected a class at the top of a module, "
                "got one that a function makes"
            )
        return _framed("type", f"{value.__module__}.{value.__qualname__}".encode())
    if is_dataclass(value):
        # What does not count when two are compared, such as where a file lies, is no content.
        return _of_object(
            value, {f.name: getattr(value, f.name) for f in fields(value) if f.compare}
        )
    if hasattr(value, "get_params"):
        parameters = value.get_params(deep=False)
        parts = {k: v for k, v in parameters.items() if k not in ("n_jobs", "device")}
        digests = value.file_digests() if hasattr(value, "file_digests") else {}
        return _of_object(value, parts | {f"file {k}": v for k, v in digests.items()})
    raise TypeError(f"cannot name the content of {value!r}, a {type(value).__name__}")


def _of_object(value, parts):
    return _framed("object", _encoded(type(value)), _encoded(parts))


def _framed(kind, *parts):
    """Join parts with their lengths, so that the borders between them count."""
    return b"".join(f"{len(part)}:".encode() + part for part in (kind.encode(), *parts)) + b";"


def name_frames(clip):
    """Name the frames of a clip, reading them only where their source has no name for them.

    Returns
    -------
    name : str
    clip : Clip
        With the frames, if they had to be read.
    """
    known = getattr(clip.source, "fingerprint", None)
    content = known() if callable(known) else None
    if isinstance(content, str):
        return content, clip
    frames = clip.frames
    return fingerprint(frames), replace(clip, source=frames)
