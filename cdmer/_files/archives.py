"""ZIP archives from whomever they come, and the arrays in them."""

import math
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np

# What reading a damaged archive raises, beside OSError.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)
# Booleans, whole and floating-point numbers, and text; never objects, which would be pickles.
_PLAIN = "biufU"
_ENCRYPTED = 0x1
_PIECE = 2**20


@contextmanager
def open_archive(file, name, *, most_bytes, stored=True):
    """Open a ZIP archive whose members are known to fit into memory.

    Parameters
    ----------
    file : path-like or binary file
    name : str or Path
        What to call it in messages.
    most_bytes : int
        Largest size of all members together, unpacked.
    stored : bool, default=True
        Whether members must be stored as they are. Compressed ones can be a thousand times their
        size in the file.

    Yields
    ------
    zipfile.ZipFile

    Raises
    ------
    ValueError
        If it is no archive, has a member twice, encrypted or compressed where it may not be, is too
        large, or turns out to be damaged within the block.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive, name, most_bytes, stored)
            yield archive
    except _DAMAGE as error:
        raise ValueError(f"{name}: damaged archive: {error}") from error


def read_array(archive, member):
    """Read an array that `numpy.save` wrote, of numbers or text.

    Parameters
    ----------
    archive : zipfile.ZipFile
        From `open_archive`.
    member : str
        Such as ``"features.npy"``.

    Returns
    -------
    ndarray

    Raises
    ------
    KeyError
        If there is no such member.
    ValueError
        If it is no such array, or its shape is not that of its content.
    """
    info = archive.getinfo(member)
    with archive.open(info) as file:
        return parse_array(file, info.file_size, member)


def parse_array(file, n_bytes, name):
    """Read an array that `numpy.save` wrote, of numbers or text, from an open file.

    Parameters
    ----------
    file : binary file
    n_bytes : int
        Its size, which is there in full.
    name : str
        What to call it in messages.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If it is no such array, or its shape is not that of its content.
    """
    shape, columns_first, dtype = _checked_header(file, n_bytes, name)
    n_bytes -= file.tell()
    values = np.empty(n_bytes, dtype=np.uint8)
    for start in range(0, n_bytes, _PIECE):
        piece = file.read(min(_PIECE, n_bytes - start))
        if len(piece) < min(_PIECE, n_bytes - start):
            raise ValueError(f"{name}: ends before its {n_bytes} bytes")
        values[start : start + _PIECE] = np.frombuffer(piece, dtype=np.uint8)
    try:
        return values.view(dtype).reshape(shape, order="F" if columns_first else "C")
    except (ValueError, OverflowError) as error:  # an axis of no length beside one without end
        raise ValueError(f"{name}: no array of shape {shape}: {error}") from error


def check_array(archive, member):
    """Check the header of an array that `read_array` could read; parameters and errors are its."""
    info = archive.getinfo(member)
    with archive.open(info) as file:
        _checked_header(file, info.file_size, member)


def _checked_header(file, n_bytes, name):
    """Shape, whether columns come first, and type."""
    try:
        shape, columns_first, dtype = _read_header(file)
    except Exception as error:  # headers are parsed as Python, and fail in its ways
        raise ValueError(f"{name}: no array of numpy.save: {error}") from error
    if dtype.kind not in _PLAIN or not dtype.itemsize:
        raise ValueError(f"{name}: expected numbers or text, got {dtype}")
    expected = math.prod(shape) * dtype.itemsize
    n_bytes -= file.tell()
    if min(shape, default=0) < 0 or expected != n_bytes:
        raise ValueError(
            f"{name}: expected {expected} bytes for {dtype} of shape {shape}, got {n_bytes}"
        )
    return shape, columns_first, dtype


def _read_header(file):
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"expected version 1 or 2 of the format, got {version}")
    return getattr(np.lib.format, f"read_array_header_{version[0]}_0")(file)


def _check_members(archive, name, most_bytes, stored):
    names, total = set(), 0
    for member in archive.infolist():
        if member.filename in names:
            raise ValueError(f"{name}: {member.filename!r} comes twice in the archive")
        names.add(member.filename)
        if member.flag_bits & _ENCRYPTED:
            raise ValueError(f"{name}: {member.filename!r} is encrypted")
        if stored and (
            member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size
        ):
            raise ValueError(
                f"{name}: expected members stored without compression, {member.filename!r} is "
                "compressed"
            )
        total += member.file_size
    if total > most_bytes:
        raise ValueError(f"{name}: expected at most {most_bytes} bytes unpacked, got {total}")
