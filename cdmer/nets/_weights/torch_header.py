"""What a file that torch saved says of its tensors."""

import io
import struct
from collections.abc import Mapping

from cdmer._files.archives import open_archive
from cdmer.nets._weights.entry import NUMPY_TYPES, Entry
from cdmer.nets._weights.state_pickle import MOST_BYTES, View, read_pickle

ZIP = b"PK\x03\x04"
# The first two pickles of files of torch before 1.6.
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def read_torch_header(file, size, path):
    """Read what a torch file says of its tensors.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        Of the file.
    path : Path
        For messages.

    Returns
    -------
    object
        What was saved, usually a dict of str to Entry.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, or holds what could run code.
    """
    is_archive = file.read(4) == ZIP
    file.seek(0)
    content, offsets = (_read_archive if is_archive else _read_plain)(file, size, path)
    if isinstance(content, Mapping):
        return type(content)((name, _entry(value, offsets)) for name, value in content.items())
    return _entry(content, offsets)


def _entry(value, offsets):
    if not isinstance(value, View):
        return value
    storage = value.storage
    offset = offsets[storage.key] + value.start * _itemsize(storage)
    return Entry(storage.dtype, value.shape, value.stride, offset)


def _read_archive(file, size, path):
    with open_archive(file, path, most_bytes=size, stored=True) as archive:
        members = {member.filename: member for member in archive.infolist()}
        folders = [name[: -len("data.pkl")] for name in members if name.endswith("data.pkl")]
        if len(folders) != 1 or f"{folders[0]}constants.pkl" in members:
            raise ValueError("it is an archive of another kind, such as TorchScript")
        order = members.get(f"{folders[0]}byteorder")
        if order is not None and archive.read(order) != b"little":
            raise ValueError("its numbers are big-endian")
        pickled = members[f"{folders[0]}data.pkl"]
        if pickled.file_size > MOST_BYTES:
            raise ValueError(f"its pickle is larger than {MOST_BYTES} bytes")
        content, storages = read_pickle(io.BytesIO(archive.read(pickled)))
    offsets = {}
    for key, storage in storages.items():
        member = members.get(f"{folders[0]}data/{key}")
        n_bytes = storage.size * _itemsize(storage)
        if member is None or member.file_size != n_bytes:
            raise ValueError(f"its storage {key!r:.40} has not the {n_bytes} bytes that it should")
        file.seek(member.header_offset)
        local = file.read(30)  # its last two numbers: lengths of what comes before the content
        if len(local) < 30 or not local.startswith(ZIP):
            raise ValueError(f"its storage {key!r:.40} is not where it should be")
        offsets[key] = member.header_offset + 30 + sum(struct.unpack("<HH", local[26:]))
        if offsets[key] + n_bytes > size:
            raise ValueError(f"its storage {key!r:.40} reaches beyond its end")
    return content, offsets


def _read_plain(file, size, path):
    stream = io.BytesIO(file.read(MOST_BYTES))
    begin = [read_pickle(stream)[0] for _ in range(3)]
    system = begin[2] if isinstance(begin[2], dict) else {}
    if begin[:2] != [_MAGIC, _PROTOCOL] or system.get("little_endian", True) is not True:
        raise ValueError("it is no such file")
    content, storages = read_pickle(stream)
    keys, _ = read_pickle(stream)
    if not isinstance(keys, list) or not all(type(key) is str for key in keys):
        raise ValueError("its list of storages is damaged")
    offsets, position = {}, stream.tell()
    for key in keys:
        storage = storages.get(key)
        file.seek(position)
        count = int.from_bytes(file.read(8), "little")
        if storage is None or key in offsets or count != storage.size:
            raise ValueError(f"its storage {key!r:.40} has not the size that it should")
        offsets[key] = position + 8
        position += 8 + count * _itemsize(storage)
        if position > size:
            raise ValueError(f"its storage {key!r:.40} reaches beyond its end")
    if set(offsets) != set(storages):
        raise ValueError("a storage is missing in it")
    return content, offsets


def _itemsize(storage):
    return int(NUMPY_TYPES[storage.dtype][2:])
