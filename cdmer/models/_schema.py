"""What would be built from a file of skops, and the memory that takes: checked before it is."""

from functools import cache

import numpy as np

from cdmer._files.archives import check_array
from cdmer._files.reading import parse_json
from cdmer._parameters import check_choice
from cdmer.models._trust import UntrustedModelError, is_trusted

# Parsed, JSON takes about twenty times as much memory.
MOST_JSON_BYTES = 2**25
# Version of skops' format that is read here; those from 0.11 on write it.
_PROTOCOL = 2
_PLAIN = {f"builtins.{name}" for name in ("str", "int", "float", "bool")}


def check_schema(archive, most_bytes):
    """Refuse an archive before anything is built, if loading it may do more than build a model.

    Only skops' loaders of estimators, arrays and plain data are let through, each for types of a
    list. What skops trusts beyond that (random generators, sparse matrices, bytes and more) no
    model of ours needs, and some of it indexes memory by numbers of the file.

    An object is built for every node of the schema, but one for all nodes with the same
    ``__id__``, however different. So each node needs an id, and nodes with one id must be alike: a
    file then unpacks to just what is written in it, without cycles, and without doublings of
    doublings.

    Parameters
    ----------
    archive : zipfile.ZipFile
        From `open_archive`.
    most_bytes : int
        Limit of all arrays together, counted each time that they are read.

    Returns
    -------
    dict
        The schema.

    Raises
    ------
    UntrustedModelError
        If the file asks for other types.
    ValueError
        If it is larger, of another version of skops' format, nodes are not as above, or the header
        of an array is not that of its content.
    """
    nodes = _Nodes()
    schema = parse_json(archive.read("schema.json"), "schema.json", MOST_JSON_BYTES)
    nodes.number(schema)
    check_protocol(schema)
    if nodes.refused:
        raise UntrustedModelError(f"Untrusted types found in the file: {sorted(nodes.refused)}")
    total = sum(archive.getinfo(name).file_size for name in nodes.read.values())
    if total > most_bytes:
        raise ValueError(
            f"expected at most {most_bytes} bytes unpacked, got {total}; see max_bytes"
        )
    for name in set(nodes.read.values()):
        check_array(archive, name)
    return schema


def check_protocol(schema):
    """Refuse a schema of another version of skops' format, with a ValueError."""
    protocol = schema["protocol"]
    if type(protocol) is not int or protocol != _PROTOCOL:
        raise ValueError(f"expected version {_PROTOCOL} of skops' format, got {protocol!r}")


def refused_types(schema):
    """Names of what a schema holds and `check_schema` refuses, a sorted list of str."""
    nodes = _Nodes()
    nodes.number(schema)
    return sorted(nodes.refused)


class _Nodes:
    """Nodes of a schema: what they refer to, and which of them are alike."""

    def __init__(self):
        self.refused = set()
        self.read = {}  # members of the archive by the id of the node that reads them
        self._numbers = {}
        self._ids = {}

    def number(self, part):
        """Number of a part of the schema: the same for those alike, ids and all within left out."""
        if isinstance(part, dict):
            # A dict with a known id would be taken for that node, and need no loader.
            is_node = "__loader__" in part or "__id__" in part
            if is_node:
                self._check(part)
            rest = [(k, self.number(v)) for k, v in sorted(part.items()) if k != "__id__"]
            number = self._numbers.setdefault(("dict", *rest), len(self._numbers))
            if is_node and self._ids.setdefault(part["__id__"], number) != number:
                raise ValueError(f"schema.json: the id {part['__id__']} has several meanings")
            return number
        if isinstance(part, list):
            key = ("list", *map(self.number, part))
        else:
            key = (type(part).__name__, repr(part))
        return self._numbers.setdefault(key, len(self._numbers))

    def _check(self, node):
        identity, loader = node.get("__id__"), node.get("__loader__")
        # Those without one, and the false ones, are built anew each time.
        if type(identity) is not int or identity < 1:
            raise ValueError(f"schema.json: expected an id of each node, got {identity!r}")
        name = f"{node['__module__']}.{node['__class__']}"
        if loader == "ObjectNode":
            trusted = is_trusted(name)
        elif loader in _loaders():
            trusted = name in _loaders()[loader]
        else:
            trusted, name = False, f"{name} ({loader})"
        if not trusted:
            self.refused.add(name)
        if loader == "NdArrayNode":
            check_choice("schema.json: type", node["type"], ("json", "numpy"))
            if node["type"] == "numpy":
                self.read[identity] = node["file"]


@cache
def _loaders():
    """Types that skops' loaders of arrays and plain data may build, a dict of str to set of str."""
    scalars = {
        f"numpy.{kind.__name__}"
        for kind in np.sctypeDict.values()
        if np.dtype(kind).kind in "biufU"
    }
    ufuncs = {f"numpy.{name}" for name in dir(np) if isinstance(getattr(np, name), np.ufunc)}
    return {
        "ConstructorFromReduceNode": {"builtins.range"},
        "DictNode": {"builtins.dict"},
        "FunctionNode": ufuncs,
        "JsonNode": {"builtins.str"},
        "ListNode": {"builtins.list"},
        "NdArrayNode": {"numpy.ndarray"} | scalars,
        "TupleNode": {"builtins.tuple"},
        "TypeNode": _PLAIN | scalars,
    }
