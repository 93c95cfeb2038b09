"""Frames in folders of image files, in the order of their numbers."""

import os
import re
from dataclasses import dataclass, replace

import numpy as np

from cdmer._fingerprint import fingerprint
from cdmer._images import SUFFIXES, read_image
from cdmer._parameters import check_flag

_INTEGER = re.compile(r"[0-9]+")


def list_frames(folder):
    """List the frames in a folder, in the order of their numbers.

    The number of a frame is the last integer in its file name: 34 for ``006_1_2_00034.jpg``. Image
    files are recognised by their suffix: bmp, jpeg, jpg, png, tif, tiff, in any case. Hidden files,
    other files and folders within are passed over.

    Parameters
    ----------
    folder : path-like
        The folder.

    Returns
    -------
    names : tuple of str
        File names, by rising number.
    numbers : tuple of int
        Their numbers.

    Raises
    ------
    ValueError
        If there is no image, an image has no number, or two have the same.
    OSError
        If the folder is not there or cannot be read.
    """
    numbered = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            stem, _, suffix = name.rpartition(".")
            if suffix.lower() not in SUFFIXES or not stem or stem[0] == "." or entry.is_dir():
                continue
            integers = _INTEGER.findall(stem)
            if not integers:
                raise ValueError(f"{os.fspath(folder)}: no frame number in {name!r}")
            numbered.append((int(integers[-1]), name))
    if not numbered:
        raise ValueError(f"{os.fspath(folder)}: holds no image")
    numbered.sort()
    numbers, names = zip(*numbered, strict=True)
    if len(set(numbers)) < len(numbers):
        i = next(i for i in range(1, len(numbers)) if numbers[i] == numbers[i - 1])
        raise ValueError(
            f"{os.fspath(folder)}: {names[i - 1]!r} and {names[i]!r} are both frame {numbers[i]}"
        )
    return names, numbers


@dataclass(frozen=True)
class FrameFolder:
    """Frames in a folder of image files; calling it reads them.

    Parameters
    ----------
    folder : str
        The folder.
    names : tuple of str
        File names of the frames, in order; `list_frames` finds them.
    colour : bool, default=False
        Give red, green and blue in place of grey levels.
    """

    folder: str
    names: tuple[str, ...]
    colour: bool = False

    def __post_init__(self):
        check_flag("colour", self.colour)

    def __call__(self):
        """Read the frames.

        Returns
        -------
        ndarray of uint8, shape (T, H, W) or (T, H, W, 3)
            As `cv2.imread` gives them; colours in the order red, green, blue.

        Raises
        ------
        ValueError
            If a file is no image, is truncated, corrupt or huge, or its size differs from that of
            the first.
        OSError
            If a file is missing or cannot be read.
        """
        frames = None
        for i, name in enumerate(self.names):
            image = read_image(os.path.join(self.folder, name), self.colour)
            if frames is None:
                frames = np.empty((len(self.names), *image.shape), dtype=np.uint8)
            if image.shape != frames.shape[1:]:
                raise ValueError(
                    f"{self.folder}: frames differ in size, {_size(frames[0])} in "
                    f"{self.names[0]!r} and {_size(image)} in {name!r}"
                )
            frames[i] = image
        return frames

    @property
    def n_frames(self):
        """Number of frames, int."""
        return len(self.names)

    def part(self, start, stop):
        """Source of the frames at positions `start` to `stop`, the latter exclusive, from 0."""
        return replace(self, names=self.names[start:stop])

    def fingerprint(self):
        """Identify the frames without reading them.

        Returns
        -------
        str
            A hash of the files' names, sizes and times of change, and of `colour`, but not of the
            folder's path.

        Raises
        ------
        OSError
            If a file is missing.
        """
        files = tuple((name, *stamp(os.path.join(self.folder, name))) for name in self.names)
        return fingerprint("frames", files, self.colour)


def stamp(path):
    """Size of a file and its time of change, in nanoseconds."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _size(image):
    return f"{image.shape[1]} x {image.shape[0]} pixels"
