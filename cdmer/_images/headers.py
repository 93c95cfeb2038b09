"""Size and depth of images, from their headers."""

# Markers of JPEG that begin a frame header; C4, C8 and CC are other things.
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_FORMS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}


def read_header(data, path):
    """Read the size and the depth of an image from its header.

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
    bits : int
        Bits per value; 8 where the format has no other, or fewer.
    form : {"unsigned", "signed", "floating-point", "complex"}
        What the values are.

    Raises
    ------
    ValueError
        If the header is incomplete, or of no format that is read.
    """
    if not data:
        raise ValueError(f"{path}: the file is empty, expected an image")
    for signature, read in _READERS.items():
        if data.startswith(signature):
            try:
                height, width, *depth = read(data)
            except (IndexError, StopIteration):
                raise ValueError(f"{path}: truncated or corrupt, the image has no size") from None
            return (height, width, *(depth or (8, "unsigned")))
    raise ValueError(f"{path}: expected a JPEG, PNG, BMP, TIFF or WebP image, got {data[:8]!r} …")


def _read_jpeg(data):
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAME_HEADERS:
            return _number(data, at + 5, 2, "big"), _number(data, at + 7, 2, "big")
        # Any number of FF may precede a marker.
        at += 1 if marker == 0xFF else 2 + _number(data, at + 2, 2, "big")
    raise IndexError


def _read_png(data):
    size = _number(data, 20, 4, "big"), _number(data, 16, 4, "big")
    return *size, data[24], "unsigned"


def _read_bmp(data):
    if _number(data, 14, 4, "little") == 12:  # the header of OS/2
        return _number(data, 20, 2, "little"), _number(data, 18, 2, "little")
    height, width = (_number(data, at, 4, "little", signed=True) for at in (22, 18))
    return abs(height), abs(width)  # below zero: rows from the top


def _read_webp(data):
    kind = data[12:16]
    if data[8:12] != b"WEBP":
        raise IndexError
    if kind == b"VP8X":
        return 1 + _number(data, 27, 3, "little"), 1 + _number(data, 24, 3, "little")
    if kind == b"VP8L":
        sides = _number(data, 21, 4, "little")
        return 1 + (sides >> 14 & 0x3FFF), 1 + (sides & 0x3FFF)
    return _number(data, 28, 2, "little") & 0x3FFF, _number(data, 26, 2, "little") & 0x3FFF


def _read_tiff(data):
    order = "little" if data.startswith(b"II") else "big"
    directory = _number(data, 4, 4, order)
    fields = range(directory + 2, directory + 2 + 12 * _number(data, directory, 2, order), 12)

    def value(tag, *default):
        matching = (f for f in fields if _number(data, f, 2, order) == tag)
        at = next(matching, None) if default else next(matching)
        if at is None:
            return default[0]
        length = 2 if _number(data, at + 2, 2, order) == 3 else 4
        # More values than fit into the field lie elsewhere.
        fits = length * _number(data, at + 4, 4, order) <= 4
        return _number(data, at + 8 if fits else _number(data, at + 8, 4, order), length, order)

    form = _FORMS.get(value(339, 1), "unsigned")
    return value(257), value(256), value(258, 1), form


_READERS = {
    b"\xff\xd8\xff": _read_jpeg,
    b"\x89PNG\r\n\x1a\n": _read_png,
    b"BM": _read_bmp,
    b"II*\0": _read_tiff,
    b"MM\0*": _read_tiff,
    b"RIFF": _read_webp,
}


def _number(data, at, length, order, signed=False):
    if at + length > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + length], order, signed=signed)
