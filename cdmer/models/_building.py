"""Objects of a schema that was checked, built without skops.

Importing skops takes longer than a prediction: it imports all of scikit-learn, and PyTorch with it,
to list what it trusts beyond what `check_schema` lets through.
"""

import io
import json
from importlib import import_module

import numpy as np


def build_objects(schema, archive):
    """Build what a schema describes, as ``skops.io.loads`` does.

    Parameters
    ----------
    schema : dict
        Result of `check_schema`: every type in it is from a list.
    archive : zipfile.ZipFile
        The archive that it comes from.

    Returns
    -------
    object
        One object for all nodes with the same ``__id__``.
    """
    return _Builder(archive).build(schema)


class _Builder:
    def __init__(self, archive):
        self.archive, self.built = archive, {}

    def build(self, node):
        identity = node["__id__"]
        if identity not in self.built:
            self.built[identity] = getattr(self, f"_{node['__loader__']}")(node)
        return self.built[identity]

    def _all(self, nodes):
        return [self.build(node) for node in nodes]

    def _JsonNode(self, node):
        return json.loads(node["content"])

    def _ListNode(self, node):
        return self._all(node["content"])

    def _TupleNode(self, node):
        return tuple(self._all(node["content"]))

    def _DictNode(self, node):
        kinds = self.build(node["key_types"])
        if not all(isinstance(kind, type) for kind in kinds):  # an object would be called
            raise ValueError(f"schema.json: expected types of keys, got {kinds!r:.100}")
        pairs = zip(kinds, node["content"].items(), strict=True)
        return {kind(key): self.build(value) for kind, (key, value) in pairs}

    def _NdArrayNode(self, node):
        if node["type"] == "json":
            items, shape = self._all(node["content"]), self.build(node["shape"])
            array = np.empty(len(items), dtype=object)
            array[:] = items
            return array if len(shape) == 1 else np.array(items, dtype=object)
        content = self.archive.read(node["file"])
        array = np.load(io.BytesIO(content), allow_pickle=False)
        kind = _named(node)
        if kind is np.ndarray:
            return array
        if array.ndim:  # a wider type would make more of it than the file holds
            raise ValueError(f"schema.json: expected one number, got shape {array.shape}")
        return kind(array)

    def _ObjectNode(self, node):
        kind = _named(node)
        instance = kind.__new__(kind)
        state = None if node.get("content") is None else self.build(node["content"])
        if state is not None:
            if hasattr(instance, "__setstate__"):
                instance.__setstate__(state)
            else:
                instance.__dict__.update(state)
        return instance

    def _ConstructorFromReduceNode(self, node):
        return _named(node)(*self.build(node["content"]))

    def _FunctionNode(self, node):
        return _named(node)

    _TypeNode = _FunctionNode


def _named(node):
    return getattr(import_module(node["__module__"]), node["__class__"])
