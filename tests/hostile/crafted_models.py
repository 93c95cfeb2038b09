"""Model files that were changed by somebody who knows how they are made."""

import io
import json
import zipfile

import numpy as np

from cdmer.models._storage import _digest


def rewritten(
    source, target, document=None, schema=None, arrays=None, members=(), replaced=(), signed=True
):
    """Copy a model, changing what it says, with a digest that is right again.

    Parameters
    ----------
    source, target : path-like
    document, schema : callable or None
        What the two documents become.
    arrays : callable or None
        Changes the arrays, a dict by the path of their nodes such as ``"pipeline/steps/1/coef_"``.
    members : iterable of (name, content, compression)
        To add.
    replaced : mapping of str to bytes
        Content of members instead of their own.
    signed : bool
        Whether the digest is made anew.
    """
    with zipfile.ZipFile(source) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    said = json.loads(contents.pop("model.json"))
    if schema is not None:
        contents["schema.json"] = json.dumps(schema(json.loads(contents["schema.json"]))).encode()
    if arrays is not None:
        _change(contents, arrays)
    contents |= dict(replaced)
    if document is not None:
        said = document(said)
    with zipfile.ZipFile(target, "w") as new:
        for name, content in contents.items():
            new.writestr(name, content)
        for name, content, compression in members:
            new.writestr(name, content, compression)
        if signed and isinstance(said, dict):
            said["digest"] = _digest(new, said)
        new.writestr("model.json", json.dumps(said))
    return target


def nodes(schema):
    """Nodes of a schema by their paths, such as ``"pipeline/steps/1/coef_"``."""
    found, waiting = {}, [("", schema)]
    while waiting:
        path, part = waiting.pop()
        found[path] = part
        content = part.get("content")
        if part["__loader__"] == "ObjectNode":
            content = content["content"]
        items = content.items() if isinstance(content, dict) else enumerate(content or ())
        for key, one in items:
            if isinstance(one, dict) and "__loader__" in one:
                waiting.append((f"{path}/{key}".strip("/"), one))
    return found


def _change(contents, change):
    by_path = {
        path: node["file"]
        for path, node in nodes(json.loads(contents["schema.json"])).items()
        if node.get("type") == "numpy"
    }
    arrays = {path: np.load(io.BytesIO(contents[name])) for path, name in by_path.items()}
    before = dict(arrays)
    change(arrays)
    for path, array in arrays.items():
        if array is not before[path]:
            buffer = io.BytesIO()
            np.save(buffer, array)
            contents[by_path[path]] = buffer.getvalue()
