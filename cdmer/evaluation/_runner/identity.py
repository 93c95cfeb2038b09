"""What identifies estimators and other values, so that a store knows them again."""

import hashlib
import re
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType

import numpy as np

from cdmer._modules import identify_module, is_module
from cdmer._text import without_folders
from cdmer.evaluation._store.records import canonical_json, digest

# They change how a result is computed, not which; classes may name more, as `unsaid`.
_UNSAID = {"memory", "n_jobs", "verbose"}


def identify(value, strict=True):
    """Give what identifies a value by its content, as JSON can hold it.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, containers, functions that can be imported, dataclasses,
        scikit-learn estimators (without `n_jobs`, `memory`, `verbose` and what their class lists as
        `unsaid`; with the digests of files that they give by `file_digests`) and torch modules (by
        a digest of layers and weights).
    strict : bool, default=True
        Whether anything else is refused; otherwise its `repr` stands for it.

    Returns
    -------
    object

    Raises
    ------
    TypeError
        If something has no content to identify it by.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):  # stores name no folders, and tell them apart all the same
        return without_folders(value, told_apart=True)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray) and value.dtype != object:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": content, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, list | tuple | range | np.ndarray):
        return [identify(part, strict) for part in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted((identify(part, strict) for part in value), key=repr)}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: identify(part, strict) for key, part in value.items()}
        return {"dict": [[identify(k, strict), identify(v, strict)] for k, v in value.items()]}
    if isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc):
        return _identify_named(value, strict)
    if is_module(value) and strict:
        content = identify_module(value, identify)
        return {"class": content["class"], "content": digest(canonical_json(content))}
    if is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
    elif hasattr(value, "get_params"):
        parts = value.get_params(deep=False)
    elif strict:
        raise TypeError(
            f"cannot identify {value!r}, a {type(value).__name__}, by its content, so a store "
            "would not know it again; leave store=None, or pass numbers, strings or estimators"
        )
    else:
        return {"object": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}
    kind = type(value)
    unsaid = _UNSAID | set(getattr(kind, "unsaid", ()))
    found = {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "parameters": {k: identify(v, strict) for k, v in parts.items() if k not in unsaid},
    }
    digests = value.file_digests() if hasattr(value, "file_digests") else {}
    return found | ({"files": digests} if digests else {})


def _identify_named(value, strict):
    module = getattr(value, "__module__", None) or "numpy"
    name = getattr(value, "__qualname__", value.__name__)
    if "<" in name and strict:
        raise TypeError(
            f"cannot identify {value!r} by its content, so a store would not know it again; leave "
            "store=None, or define it at the top of a module"
        )
    return {"name": f"{module}.{name}"}
