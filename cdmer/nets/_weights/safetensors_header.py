"""The header of a safetensors file."""

import math

import torch

from cdmer._files.reading import parse_json
from cdmer.nets._weights.entry import NUMPY_TYPES, Entry, are_sizes, dense_stride

# Enough for 60,000 tensors with digests, or for the losses of 100,000 epochs.
_MOST_BYTES = 2**24
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors_header(file, size):
    """Read what a safetensors file says of its tensors.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        Of the file.

    Returns
    -------
    entries : dict of str to Entry
        One after the other, up to the end of the file.
    metadata : dict of str to str

    Raises
    ------
    ValueError
        If it is no such file, or not a whole one.
    """
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(size - 8, _MOST_BYTES):
        raise ValueError(
            f"expected a header of at most {min(max(size - 8, 0), _MOST_BYTES)} bytes, got {length}"
        )
    header = parse_json(file.read(length), "header")
    if not isinstance(header, dict):
        raise ValueError(f"header: expected an object, got {type(header).__name__}")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("header: expected metadata of text")
    begin, entries = 8 + length, {}
    places = {name: _checked(name, entry) for name, entry in header.items()}
    for name in sorted(places, key=lambda name: places[name]["data_offsets"]):
        dtype, shape = _TYPES[places[name]["dtype"]], tuple(places[name]["shape"])
        first, last = places[name]["data_offsets"]
        n_bytes = math.prod(shape) * int(NUMPY_TYPES[dtype][2:])
        if 8 + length + first != begin or last - first != n_bytes:
            raise ValueError(
                f"{name!r:.80}: expected {n_bytes} bytes after those of the tensor before, got "
                f"{last - first} at {first}"
            )
        entries[name] = Entry(dtype, shape, dense_stride(shape), begin)
        begin += n_bytes
    if begin != size:
        raise ValueError(f"expected a file of {begin} bytes, got {size}")
    return {name: entries[name] for name in header}, metadata


def _checked(name, entry):
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r:.80}: expected dtype, shape and data_offsets")
    dtype, place = entry["dtype"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        dtype = dtype if isinstance(dtype, str) else type(dtype).__name__
        raise ValueError(
            f"{name!r:.80}: expected a dtype of {', '.join(_TYPES)}, got {dtype!s:.20}"
        )
    if not are_sizes(entry["shape"]) or not are_sizes(place) or len(place) != 2:
        raise ValueError(f"{name!r:.80}: expected whole numbers as its shape and place")
    return entry
