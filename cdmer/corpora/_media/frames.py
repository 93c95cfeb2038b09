"""Frames in folders of image files, in the order of their numbers."""

import os
import re
from dataclasses import dataclass
from functools import lru_cache

from cdmer._clips import collect_frames
from cdmer._fingerprint import fingerprint
from cdmer._images.decoders import is_watched, watch_decoders
from cdmer._images.reading import SUFFIXES, count_bits, decode_image, is_deep, read_image
from cdmer._parameters import check_flag

_INTEGER = re.compile(r"[0-9]+")
_MOST_DIGITS = 18  # arrays of numbers have no more


def list_frames(folder):
    """List the frames in a folder, in the order of their numbers.

    The number of a frame is the last integer in its file name: 34 for ``006_1_2_00034.jpg``. Image
    files are recognised by their suffix: bmp, jpeg, jpg, png, tif, tiff, webp, in any case. Hidden
    files, other files and folders within are passed over.

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
    return list_links(folder)[:2]


def list_links(folder):
    """List the frames in a folder, as `list_frames` does, and third those that are links."""
    numbered, links = [], []
    for stem, name, is_link in _scan(folder):
        integers = _INTEGER.findall(stem)
        if not integers:
            raise ValueError(f"{os.fspath(folder)}: no frame number in {name!r}")
        if len(integers[-1]) > _MOST_DIGITS:
            raise ValueError(f"{os.fspath(folder)}: the frame number in {name!r} is too large")
        numbered.append((int(integers[-1]), name))
        links += [name] * is_link
    if not numbered:
        raise ValueError(f"{os.fspath(folder)}: holds no image")
    numbered.sort()
    numbers, names = zip(*numbered, strict=True)
    if len(set(numbers)) < len(numbers):
        i = next(i for i in range(1, len(numbers)) if numbers[i] == numbers[i - 1])
        raise ValueError(
            f"{os.fspath(folder)}: {names[i - 1]!r} and {names[i]!r} are both frame {numbers[i]}"
        )
    return names, numbers, links


@dataclass(frozen=True)
class FrameFolder:
    """Frames in a folder of image files; calling it reads them, iterating one by one.

    Parameters
    ----------
    folder : str
        The folder.
    names : tuple of str
        File names of the frames, in order; `list_frames` finds them.
    colour : bool, default=False
        Give red, green and blue in place of grey levels.

    Notes
    -----
    Pictures of 16 bits are mostly those of cameras of 10, 12 or 14. Their values are divided by the
    power of two that leaves 8 of the bits that the highest value of all images in the folder needs:
    8, 10, 12, 14 or 16. So all frames are treated alike, and those of other clips in the folder.
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
            As `cv2.imread` gives them; colours in the order red, green, blue. Of 16-bit pictures
            the highest 8 of the bits that are in use, see Notes of the class.

        Raises
        ------
        ValueError
            If a file is no image, is truncated, corrupt or huge, its pixels are floating-point
            numbers or have more than 16 bits, its size differs from that of the first, or all
            frames together take more memory than the environment variable
            ``CDMER_MAX_CLIP_BYTES`` allows (2 GiB by default).
        OSError
            If a file is missing or cannot be read.
        """
        frames, damage = watch_decoders(
            lambda: collect_frames(self._read(decode_image), len(self.names), self.folder)
        )
        if damage:
            for _ in self:  # says which image it is, if it is one
                pass
        return frames

    def __iter__(self):
        """Read the frames one by one.

        Yields
        ------
        ndarray of uint8, shape (H, W) or (H, W, 3)
            As a call gives them.

        Raises
        ------
        ValueError, OSError
            As a call does, but for no number of frames.
        """
        pictures = self._read(decode_image)
        return pictures if is_watched(self, pictures) else self._read(read_image)

    def _read(self, read):
        first = None
        for name in self.names:
            image = read(os.path.join(self.folder, name), self.colour, self._bits)
            first = image.shape if first is None else first
            if image.shape != first:
                raise ValueError(
                    f"{self.folder}: frames differ in size, {_size(first)} in {self.names[0]!r} "
                    f"and {_size(image.shape)} in {name!r}"
                )
            yield image

    def _bits(self):
        return _count_bits(self.folder, _stamps(self.folder, _images(self.folder)))

    @property
    def n_frames(self):
        """Number of frames, int."""
        return len(self.names)

    def part(self, start, stop):
        """Source of the frames at positions `start` to `stop`, the latter exclusive, from 0."""
        return FrameFolder(self.folder, self.names[start:stop], self.colour)

    def fingerprint(self):
        """Identify the frames without reading them.

        Returns
        -------
        str
            A hash of the files' names, sizes and times of change, and of `colour`, but not of the
            folder's path. Of 16-bit pictures all that are in the folder count.

        Raises
        ------
        OSError
            If a file is missing.
        """
        files = _stamps(self.folder, self.names)
        if is_deep(os.path.join(self.folder, self.names[0])):
            return fingerprint(
                "frames", files, self.colour, _stamps(self.folder, _images(self.folder))
            )
        return fingerprint("frames", files, self.colour)


def stamp(path):
    """Size of a file and its time of change, in nanoseconds."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _stamps(folder, names):
    return tuple((name, *stamp(os.path.join(folder, name))) for name in names)


def _images(folder):
    """Names of all images in a folder, numbered or not."""
    return sorted(name for _, name, _ in _scan(folder))


def _scan(folder):
    """Yield the stem and the name of each image, and whether it is a link."""
    with os.scandir(folder) as entries:
        for entry in entries:
            stem, _, suffix = entry.name.rpartition(".")
            if suffix.lower() in SUFFIXES and stem and stem[0] != "." and not entry.is_dir():
                yield stem, entry.name, entry.is_symlink()


@lru_cache(maxsize=64)
def _count_bits(folder, stamps):
    return count_bits(os.path.join(folder, name) for name, *_ in stamps)


def _size(shape):
    return f"{shape[1]} x {shape[0]} pixels"
