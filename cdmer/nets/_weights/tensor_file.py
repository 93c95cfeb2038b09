"""Files of tensors: ours, which are sealed, and those of others."""

import hashlib
import json
import mmap
import os
from contextlib import contextmanager
from functools import cached_property

from cdmer._extras import import_extra
from cdmer._files.digests import digest_arrays
from cdmer._files.reading import foreign_kind, open_regular, parse_json
from cdmer._files.writing import atomic_file
from cdmer.nets._weights.entry import NUMPY_TYPES
from cdmer.nets._weights.safetensors_header import read_safetensors_header
from cdmer.nets._weights.torch_header import read_torch_header

_FORMAT = 2
_KEY = "cdmer"  # of the header's metadata


class TensorFile:
    """An open file of tensors, of which each is read when it is asked for.

    Parameters
    ----------
    path : path-like
    file : binary file
    entries : dict of str to Entry
        What was saved; of a torch file possibly something else.
    sealed : dict or None, default=None
        ``kind``, ``content`` and the ``digests`` of the tensors, of a file of ours.
    """

    def __init__(self, path, file, entries, sealed=None):
        self.path, self.entries, self.sealed, self._file = path, entries, sealed, file

    def read(self, name):
        """Give a tensor, a view of the file's content: what is kept longer must be copied.

        Raises
        ------
        OSError
            If the file is larger than a process may see.
        ValueError
            If it is not what was written.
        """
        tensor = self.entries[name].read(self._content)
        if self.sealed and digest_arrays({name: tensor}) != self.sealed["digests"][name]:
            raise ValueError(f"{self.path}: is damaged: {name!r} is not what was written")
        return tensor

    @cached_property
    def _content(self):
        # Mapped: only the pages of tensors that are asked for are read. Private, and so writable,
        # since torch warns of tensors that are not; nothing writes.
        try:
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        except OSError as error:
            error.filename = os.fspath(self.path)
            raise


@contextmanager
def open_tensors(path, kind=None, most_bytes=None):
    """Open a file of tensors, of which nothing can run.

    Parameters
    ----------
    path : path-like
        A safetensors file, or a torch file.
    kind : str or None, default=None
        What `write_tensors` must have written; None takes the files of others, too.
    most_bytes : int or None, default=None
        Largest size of the file. None: any, where shapes are compared before tensors are read.

    Yields
    ------
    TensorFile

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no regular file, no such file, or not what was written.
    """
    with open_regular(path) as file:
        size, head = os.fstat(file.fileno()).st_size, file.read(512)
        file.seek(0)
        if most_bytes is not None and size > most_bytes:
            raise ValueError(f"{path}: expected a file of at most {most_bytes} bytes, got {size}")
        foreign = foreign_kind(head)
        if foreign:
            raise ValueError(f"{path}: expected a file of tensors, got {foreign}")
        # Eight bytes with its length, then a header in JSON; no torch file has a brace there.
        if kind or str(path).endswith(".safetensors") or head[8:9] == b"{":
            found = _open_safetensors(path, file, size)
        else:
            found = TensorFile(path, file, _read_torch(path, file, size))
        if kind and (found.sealed is None or found.sealed["kind"] != kind):
            raise ValueError(f"{path}: holds no {kind}; expected what cdmer wrote")
        yield found


def write_tensors(path, kind, tensors, content):
    """Write tensors to a safetensors file, with digests of all that it holds.

    Parameters
    ----------
    path : path-like
        Replaced if `write_tensors` wrote it.
    kind : str
        What they are.
    tensors : dict of str to torch.Tensor
    content : dict
        What else is kept, for JSON.

    Raises
    ------
    FileExistsError
        If another file is there.
    ImportError
        If safetensors is missing.
    OSError
        If the file cannot be written.
    TypeError
        If a tensor is of a type that files do not have.
    """
    save = import_extra("safetensors.torch", "deep").save
    for name, tensor in tensors.items():
        if tensor.dtype not in NUMPY_TYPES:
            raise TypeError(f"{name}: expected numbers that files can hold, got {tensor.dtype}")
    # Cloned: the library refuses tensors that share their numbers.
    tensors = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    digests = {name: digest_arrays({name: tensor}) for name, tensor in tensors.items()}
    sealed = {"format": _FORMAT, "kind": kind, "digests": digests, "content": content}
    sealed["digest"] = _digest(sealed, tensors)
    data = save(tensors, metadata={_KEY: json.dumps(sealed)})
    with atomic_file(path, is_ours) as file:
        file.write(data)


def is_ours(path):
    """Whether `write_tensors` wrote a file."""
    try:
        with open_tensors(path) as found:
            return found.sealed is not None
    except ValueError:
        return False


def _open_safetensors(path, file, size):
    try:
        entries, metadata = read_safetensors_header(file, size)
    except ValueError as error:
        raise ValueError(f"{path}: is no whole safetensors file ({error})") from error
    # The keys that another version wrote began in the same way.
    if not any(name.split(".")[0] == _KEY for name in metadata):
        return TensorFile(path, file, entries)
    sealed = parse_json(metadata.get(_KEY, "{}"), path)
    if isinstance(sealed, dict) and sealed.get("format") != _FORMAT:
        raise ValueError(
            f"{path}: was written by another version of cdmer; expected format {_FORMAT}, write it "
            "again with this version"
        )
    if not _is_whole(sealed, entries):
        raise ValueError(f"{path}: is damaged: its header is not what was written")
    return TensorFile(path, file, entries, sealed)


def _is_whole(sealed, entries):
    try:
        return (
            set(sealed) == {"format", "kind", "digests", "content", "digest"}
            and isinstance(sealed["kind"], str)
            and isinstance(sealed["content"], dict)
            and set(sealed["digests"]) == set(entries)
            and sealed["digest"] == _digest(sealed, entries)
        )
    except (TypeError, RecursionError):
        return False


def _digest(sealed, tensors):
    """Digest of all but the tensors' numbers: what is written, and their types and shapes."""
    kinds = {name: [str(t.dtype), list(t.shape)] for name, t in tensors.items()}
    text = json.dumps([{**sealed, "digest": None}, kinds], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read_torch(path, file, size):
    if not size:
        raise ValueError(f"{path}: expected safetensors or a torch file, got an empty file")
    try:
        return read_torch_header(file, size, path)
    except ValueError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ValueError(
            f"{path}: expected safetensors or a torch file of tensors alone, {reason}. Where "
            "you trust it, save its state_dict() with safetensors.torch.save_file"
        ) from error
