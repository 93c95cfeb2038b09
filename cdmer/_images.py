"""Image files, read by their content, with the size known before anything is decoded."""

import numpy as np

from cdmer._cv2 import import_cv2

SUFFIXES = frozenset(("bmp", "jpeg", "jpg", "png", "tif", "tiff"))

# Twice the pixels of an 8K frame. A few kilobytes may announce far more than memory holds.
MAX_PIXELS = 2**26

# Markers of JPEG that begin a frame header; C4, C8 and CC are other things.
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def read_image(path, colour=False):
    """Read an image file.

    Parameters
    ----------
    path : str
        A JPEG, PNG, BMP or TIFF file; of a TIFF file its first page.
    colour : bool, default=False
        Red, green and blue in place of grey levels.

    Returns
    -------
    ndarray of uint8, shape (H, W) or (H, W, 3)
        What `cv2.imread` gives; the grey levels of a JPEG are its luma channel.

    Raises
    ------
    ValueError
        If the file is no such image, is truncated or corrupt, or has more than `MAX_PIXELS`.
        The message names it.
    OSError
        If it cannot be read.
    """
    cv2 = import_cv2()
    # By `open`: OpenCV does not find files of every name on every system.
    with open(path, "rb", buffering=0) as file:
        data = file.read()
    height, width = image_size(data, path)
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"{path}: expected an image of at most {MAX_PIXELS} pixels, got {width} x {height}"
        )
    if data.startswith(b"\xff\xd8") and not _ends(data):
        raise ValueError(f"{path}: truncated, the JPEG image has no end")
    flags = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"{path}: OpenCV cannot decode the image: {error}") from error
    if image is None:
        raise ValueError(f"{path}: truncated or corrupt, OpenCV cannot decode the image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if colour else image


def image_size(data, path):
    """Read the size of an image from its header.

    Parameters
    ----------
    data : bytes
        The file.
    path : str
        Its name, for messages.

    Returns
    -------
    height, width : int
        Pixels, before a turn that EXIF asks for.

    Raises
    ------
    ValueError
        If the header is incomplete, or of no format that is read.
    """
    if not data:
        raise ValueError(f"{path}: the file is empty, expected an image")
    for signature, size in _SIZES.items():
        if data.startswith(signature):
            try:
                return size(data)
            except (IndexError, StopIteration):
                raise ValueError(f"{path}: truncated or corrupt, the image has no size") from None
    raise ValueError(f"{path}: expected a JPEG, PNG, BMP or TIFF image, got {data[:8]!r} …")


def _jpeg_size(data):
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAME_HEADERS:
            return _number(data, at + 5, 2, "big"), _number(data, at + 7, 2, "big")
        # Any number of FF may precede a marker.
        at += 1 if marker == 0xFF else 2 + _number(data, at + 2, 2, "big")
    raise IndexError


def _png_size(data):
    return _number(data, 20, 4, "big"), _number(data, 16, 4, "big")


def _bmp_size(data):
    if _number(data, 14, 4, "little") == 12:  # the header of OS/2
        return _number(data, 20, 2, "little"), _number(data, 18, 2, "little")
    height, width = (_number(data, at, 4, "little", signed=True) for at in (22, 18))
    return abs(height), abs(width)  # below zero: rows from the top


def _tiff_size(data):
    order = "little" if data.startswith(b"II") else "big"
    directory = _number(data, 4, 4, order)
    fields = range(directory + 2, directory + 2 + 12 * _number(data, directory, 2, order), 12)

    def value(tag):
        at = next(f for f in fields if _number(data, f, 2, order) == tag)
        return _number(data, at + 8, 2 if _number(data, at + 2, 2, order) == 3 else 4, order)

    return value(257), value(256)


_SIZES = {
    b"\xff\xd8\xff": _jpeg_size,
    b"\x89PNG\r\n\x1a\n": _png_size,
    b"BM": _bmp_size,
    b"II*\0": _tiff_size,
    b"MM\0*": _tiff_size,
}


def _number(data, at, length, order, signed=False):
    if at + length > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + length], order, signed=signed)


def _ends(data):
    """Whether a JPEG has its end marker, not counting that of a preview in its header.

    Neither marker occurs within the coded data of a scan, where a zero follows every FF.
    """
    end = data.rfind(_END)
    return end >= 0 and data.find(_SCAN, end) < 0
