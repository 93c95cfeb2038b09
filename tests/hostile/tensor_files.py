"""Files of tensors that are made up, byte by byte."""

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict

import torch


def safetensors(header, data=b""):
    """A safetensors file of a header, which is text or what becomes JSON, and data."""
    if not isinstance(header, bytes):
        header = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(header)) + header + data


def entry(shape=(3,), begin=0, end=12, dtype="F32"):
    """What a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Numbers:
    """A storage that a pickle mentions."""

    def __init__(self, size, key="0", kind=torch.FloatStorage):
        self.saved = ("storage", kind, key, "cpu", size)


class Made:
    """A value that a pickle makes by a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def tensor(size, start=0, shape=(3,), stride=(1,), key="0"):
    """A tensor as torch pickles it."""
    rebuild = torch._utils._rebuild_tensor_v2
    return Made(rebuild, Numbers(size, key), start, shape, stride, False, OrderedDict())


class _Pickler(pickle.Pickler):
    ending = ()

    def persistent_id(self, value):
        return value.saved + self.ending if isinstance(value, Numbers) else None


def pickled(value, ending=()):
    """The pickle of a value."""
    if isinstance(value, bytes):
        return value
    stream = io.BytesIO()
    pickler = _Pickler(stream, 2)
    pickler.ending = ending
    pickler.dump(value)
    return stream.getvalue()


def archive(value, storages, compression=zipfile.ZIP_STORED, more=None, folder="weights/"):
    """A torch file; `value` may be the pickle itself."""
    stream = io.BytesIO()
    members = {"data.pkl": pickled(value), "byteorder": b"little", "version": b"3\n"}
    members |= {f"data/{key}": data for key, data in storages.items()}
    with zipfile.ZipFile(stream, "w", compression, compresslevel=1) as file:
        for name, data in (members | (more or {})).items():
            file.writestr(folder + name, data)
    return stream.getvalue()


def plain(value, storages, keys=None, counts=None):
    """A torch file as before version 1.6."""
    first = [torch.serialization.MAGIC_NUMBER, 1001, {"little_endian": True}]
    parts = [pickle.dumps(one, 2) for one in first]
    parts += [pickled(value, (None,)), pickle.dumps(list(storages) if keys is None else keys, 2)]
    for key, data in storages.items():
        count = (counts or {}).get(key, len(data) // 4)
        parts.append(struct.pack("<Q", count) + data)
    return b"".join(parts)
