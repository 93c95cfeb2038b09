"""Arrays and a JSON document in one npz file: streamed, without pickles, the same bytes again."""

import json
import os
import zipfile

import numpy as np

from cdmer._files.archives import open_archive, read_array
from cdmer._files.kinds import is_feature_table
from cdmer._files.reading import open_regular, parse_json
from cdmer._files.writing import atomic_file

_KIND, _VERSION = "cdmer.FeatureTable", 2
_DOCUMENT = "table.json"
_TYPES = {"features": "<f8", "feature_names": "<U", "feature_groups": "<i8"}


def write_members(path, arrays, about):
    """Write arrays and a document.

    Parameters
    ----------
    path : path-like
        A table that is there is replaced when all is written; nothing else is.
    arrays : dict of str to ndarray
        Written in pieces of a few MiB.
    about : dict
        Values that JSON can hold.
    """
    about = {"kind": _KIND, "version": _VERSION, **about}
    text = json.dumps(about, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    with (
        atomic_file(path, is_feature_table) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        archive.writestr(_member(_DOCUMENT), text.encode("utf-8"))
        for name, array in arrays.items():
            with archive.open(_member(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _member(name):
    """Entry of the archive, the same on any day and machine."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def read_members(path):
    """Read what `write_members` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    arrays : dict of str to ndarray
    about : dict

    Raises
    ------
    ValueError
        If the file is another one, truncated or changed (the archive holds checksums), of another
        version, or has other members or types of arrays. The message names it.
    OSError
        If it cannot be read.
    """
    name = f"{path}: not a whole feature table"
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        with open_archive(file, name, most_bytes=size) as archive:
            try:
                return _read(archive)
            except (ValueError, KeyError) as error:
                raise ValueError(f"{name}: {error}") from error


def _read(archive):
    about = parse_json(archive.read(_DOCUMENT), _DOCUMENT)
    _check_version(about)
    arrays = {}
    for member in archive.namelist():
        if member == _DOCUMENT:
            continue
        name = member.removesuffix(".npy")
        if member != f"{name}.npy" or name not in _TYPES:
            raise ValueError(f"expected {_DOCUMENT} and arrays {tuple(_TYPES)}, got {member!r:.60}")
        arrays[name] = read_array(archive, member)
        if not arrays[name].dtype.str.startswith(_TYPES[name]):
            raise ValueError(f"{member}: expected {_TYPES[name]}, got {arrays[name].dtype.str}")
    return arrays, about


def _check_version(about):
    if not isinstance(about, dict) or about.get("kind") != _KIND:
        raise ValueError(f"its {_DOCUMENT} describes something else")
    if about.get("version") != _VERSION:
        raise ValueError(
            f"expected format version {_VERSION}, which this version of cdmer reads, got "
            f"{about.get('version')!r:.60}"
        )
