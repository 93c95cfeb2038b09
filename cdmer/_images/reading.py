"""Image files, read by their content, with the size known before anything is decoded."""

import re

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._files.reading import read_head, read_regular
from cdmer._images.decoders import watch_decoders
from cdmer._images.headers import read_header

SUFFIXES = frozenset(("bmp", "jpeg", "jpg", "png", "tif", "tiff", "webp"))

# Twice the pixels of an 8K frame. A few kilobytes may announce far more than memory holds.
MAX_PIXELS = 2**26
MAX_BYTES = 2**29
# Numbers of bits that the cameras of 16-bit pictures have.
_BITS = (8, 10, 12, 14, 16)

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_EXTRANEOUS = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")


def read_image(path, colour=False, bits=None):
    """Read an image file.

    Parameters
    ----------
    path : str
        A JPEG, PNG, BMP, TIFF or WebP file; of a TIFF file its first page.
    colour : bool, default=False
        Red, green and blue in place of grey levels.
    bits : callable, default=None
        Gives the number of bits that the values of a 16-bit picture need, see `count_bits`; asked
        of such pictures alone. By default, the picture's own.

    Returns
    -------
    ndarray of uint8, shape (H, W) or (H, W, 3)
        What `cv2.imread` gives; the grey levels of a JPEG are its luma channel. Of 16-bit pictures
        the highest 8 of the bits that are in use.

    Raises
    ------
    ValueError
        If the file is no such image, is truncated or corrupt, has more than `MAX_PIXELS` or
        `MAX_BYTES`, is no regular file, or its
        pixels are floating-point numbers, signed or have more than 16 bits. The message names it.
    OSError
        If it cannot be read.
    """
    bits = (lambda: count_bits([path])) if bits is None else bits
    image, damage = watch_decoders(lambda: decode_image(path, colour, bits))
    if damage and not _is_padding(path, damage):
        raise ValueError(f"{path}: damaged, the decoder says: {'; '.join(damage)}")
    return image


def decode_image(path, colour, bits):
    """Do what `read_image` does, but leave what decoders print where it goes."""
    cv2 = import_cv2()
    data, is_deep = _load(path)
    flags = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    shift = bits() - 8 if is_deep else 8
    image = _decode(data, path, flags if shift == 8 else flags | cv2.IMREAD_ANYDEPTH)
    if image.dtype != np.uint8:
        image = (image >> shift).astype(np.uint8)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if colour else image


def is_deep(path):
    """Whether a file is an image with more than 8 bits per value; False if it is no image."""
    head = read_head(path, 32)
    # The header of a TIFF file may lie at its end.
    is_tiff = head.startswith((b"II*\0", b"MM\0*"))
    data = read_regular(path, MAX_BYTES) if is_tiff else head
    try:
        return read_header(data, path)[2] > 8
    except ValueError:
        return False


def count_bits(paths):
    """Count the bits that the values of 16-bit pictures need.

    Cameras of 10, 12 or 14 bits fill the lower bits of such files; read as if all 16 were in use,
    a 12-bit picture would keep 16 grey levels.

    Parameters
    ----------
    paths : iterable of str
        Image files; those of 8 bits do not count.

    Returns
    -------
    int
        8, 10, 12, 14 or 16: the smallest that holds the highest value of all, without alpha.

    Raises
    ------
    ValueError, OSError
        As `read_image` does.
    """
    cv2 = import_cv2()
    most = 0
    for path in paths:
        data, is_deep = _load(path)
        if is_deep:
            image = _decode(data, path, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
            most = max(most, int(image.max()))
    return next(bits for bits in _BITS if most < 2**bits)


def _load(path):
    """Content of an image file, checked, and whether its values have more than 8 bits."""
    # Not by OpenCV, which does not find files of every name on every system.
    data = read_regular(path, MAX_BYTES)
    height, width, bits, form = read_header(data, path)
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"{path}: expected an image of at most {MAX_PIXELS} pixels, got {width} x {height}"
        )
    if bits > 16 or (bits > 8 and form != "unsigned"):
        raise ValueError(
            f"{path}: expected pixels of 8 or 16 bits without sign, got {form} {bits}-bit numbers; "
            "save them as one of these"
        )
    if data.startswith(b"\xff\xd8") and not _ends(data):
        raise ValueError(f"{path}: truncated, the JPEG image has no end")
    if data.startswith(b"RIFF") and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise ValueError(f"{path}: truncated, the WebP image is longer than the file")
    return data, bits > 8


def _decode(data, path, flags):
    cv2 = import_cv2()
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"{path}: OpenCV cannot decode the image: {error}") from error
    if image is None:
        raise ValueError(f"{path}: truncated or corrupt, OpenCV cannot decode the image")
    return image


def _ends(data):
    """Whether a JPEG has its end marker, not counting that of a preview in its header.

    Neither marker occurs within the coded data of a scan, where a zero follows every FF.
    """
    end = data.rfind(_END)
    return end >= 0 and data.find(_SCAN, end) < 0


def _is_padding(path, damage):
    """Whether all that is wrong with a JPEG is the padding that webcams put before its end."""
    matches = [_EXTRANEOUS.fullmatch(line) for line in damage]
    if not all(matches):
        return False
    data = read_regular(path, MAX_BYTES)
    end = data.rfind(_END)
    return all(len(set(data[max(end - int(m[1]), 0) : end])) == 1 for m in matches)
