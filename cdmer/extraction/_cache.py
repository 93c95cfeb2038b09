"""Rows of features on disk, one small file each, under a name that says what they follow from."""

import hashlib
import io
from contextlib import suppress
from pathlib import Path

import numpy as np

from cdmer._files.archives import parse_array
from cdmer._files.reading import read_regular
from cdmer._files.writing import atomic_file, private_folder, remove_unfinished
from cdmer._fingerprint import fingerprint, name_frames

# Part of every name: files of other layouts are not found.
_FORMAT = 1
# What a step may read beside the frames. The key, because parameters may depend on it,
# as landmarks given per clip do.
_ANNOTATIONS = ("key", "onset", "apex", "offset", "fps", "frame_numbers", "apex_spotted_by")
_SEAL = hashlib.sha256().digest_size
_MOST_BYTES = 2**30  # of a row; a larger file is no row


class FeatureCache:
    """Rows of features that steps gave before.

    A file is ``.npy`` with a seal behind it, the SHA-256 of name and content, which `numpy.load`
    does not mind. Folders that are made, and files, are for their owner alone.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    steps : list of transformer

    Raises
    ------
    ValueError
        If a parameter of a step is an object, such as a function, that no
        content identifies.
    """

    def __init__(self, folder, steps):
        self.folder = Path(folder)
        try:
            devices = [str(getattr(step, "device", None)) for step in steps]
            self.steps = fingerprint(_FORMAT, steps, devices)
        except TypeError as error:
            raise ValueError(
                "cache_dir: a parameter of the transformer has no name to be cached under "
                f"({error}); leave cache_dir=None"
            ) from error
        private_folder(self.folder)

    def name(self, clip):
        """Name the features of a clip.

        Parameters
        ----------
        clip : Clip
            Its frames are read unless its source has a method ``fingerprint()`` that names them.

        Returns
        -------
        name : str
            64 hexadecimal digits.
        clip : Clip
            The same; if its frames had to be read, with the frames that were named.
        """
        content, clip = name_frames(clip)
        annotations = {field: getattr(clip, field) for field in _ANNOTATIONS}
        return fingerprint(self.steps, content, annotations), clip

    def load(self, name):
        """Read a row.

        Returns
        -------
        ndarray of float64, shape (n_columns,), or None
            None if there is no such file, it cannot be read, or it is not, to the last bit, what
            was stored.
        """
        try:
            content = read_regular(self._path(name), _MOST_BYTES)
            row, seal = memoryview(content)[:-_SEAL], content[-_SEAL:]
            if seal != _seal(name, row):
                return None
            row = parse_array(io.BytesIO(row), len(row), name)
        except (OSError, ValueError):  # a folder, a pipe, another user's
            return None
        return row if row.dtype == np.float64 and row.ndim == 1 else None

    def store(self, name, row):
        """Write a row; who reads meanwhile finds all of it or nothing.

        Raises
        ------
        FileExistsError
            If what is in its place is no file, and so is left as it is.
        OSError
            If it cannot be written, such as to a full disk.
        """
        content = io.BytesIO()
        np.save(content, row, allow_pickle=False)
        path = self._path(name)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
            if path.is_symlink():  # what it leads to is not ours to replace
                path.unlink()
            with atomic_file(path, private=True) as file:
                file.write(content.getbuffer())
                file.write(_seal(name, content.getbuffer()))
        except OSError as error:  # a full disk does not say which
            raise type(error)(f"cache_dir: could not write {path}: {error}") from error

    def sweep(self):
        """Remove what killed processes left unfinished, but nothing that may be in the making."""
        for folder in self.folder.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError):  # no folder, or another user's
                remove_unfinished(folder, r"[0-9a-f]{64}\.npy")

    def _path(self, name):
        return self.folder / name[:2] / f"{name}.npy"


def _seal(name, content):
    digest = hashlib.sha256(name.encode())
    digest.update(content)
    return digest.digest()
