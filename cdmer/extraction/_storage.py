"""Arrays and a JSON document in one npz file: streamed, without pickles, the same bytes again."""

import json
import zipfile

import numpy as np

from cdmer._files.writing import atomic_file

_KIND, _VERSION = "cdmer.FeatureTable", 2
_DOCUMENT = "table.json"


def write_members(path, arrays, about):
    """Write arrays and a document.

    Parameters
    ----------
    path : path-like
        Replaced when all is written.
    arrays : dict of str to ndarray
        Written in pieces of a few MiB.
    about : dict
        Values that JSON can hold.
    """
    about = {"kind": _KIND, "version": _VERSION, **about}
    text = json.dumps(about, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
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
        If the file is another one, truncated or changed (the archive holds checksums), or of
        another version. The message names it.
    OSError
        If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(_DOCUMENT))
            _check_version(about)
            arrays = {}
            for name in archive.namelist():
                if name != _DOCUMENT:
                    with archive.open(name) as member:
                        array = np.lib.format.read_array(member, allow_pickle=False)
                    arrays[name.removesuffix(".npy")] = array
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a whole feature table: {error}") from error
    return arrays, about


def _check_version(about):
    if not isinstance(about, dict) or about.get("kind") != _KIND:
        raise ValueError(f"its {_DOCUMENT} describes something else")
    if about.get("version") != _VERSION:
        raise ValueError(
            f"expected format version {_VERSION}, which this version of cdmer reads, got "
            f"{about.get('version')!r}"
        )
