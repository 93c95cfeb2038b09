"""Which files are videos: by their first bytes, before a player sees them."""

from cdmer._files.reading import read_head

# Formats that hold their frames themselves. FFmpeg plays others, too, which name files elsewhere:
# playlists, lists of parts, descriptions of streams.
_CONTAINERS = {
    "AVI": lambda head: head[:4] == b"RIFF" and head[8:11] == b"AVI",
    "MP4 or QuickTime": lambda head: head[4:8] in MP4_FIRST,
    "Matroska or WebM": lambda head: head[:4] == b"\x1aE\xdf\xa3",
    "MPEG": lambda head: head[:4] in (b"\0\0\1\xba", b"\0\0\1\xb3") or _is_stream(head),
    "WMV": lambda head: head[:8] == b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "FLV": lambda head: head[:4] == b"FLV\x01",
    "Ogg": lambda head: head[:4] == b"OggS",
    "Y4M": lambda head: head[:10] == b"YUV4MPEG2 ",
    "GIF": lambda head: head[:4] == b"GIF8",
}
# Kinds of the first box.
MP4_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def check_container(path):
    """Refuse a file that is no video.

    Parameters
    ----------
    path : str

    Raises
    ------
    ValueError
        If its first bytes are of no known format, or it is no regular file.
    OSError
        If it cannot be read.
    """
    head = read_head(path)
    if not any(is_one(head) for is_one in _CONTAINERS.values()):
        raise ValueError(
            f"{path}: OpenCV cannot play the file: expected a video ({', '.join(_CONTAINERS)}), "
            f"got {head[:12]!r} …"
        )


def _is_stream(head):
    """Whether it is a transport stream: packets of 188 bytes, 4 more before each on Blu-ray."""
    return any(
        len(head) > first + 2 * step and head[first : first + 2 * step + 1 : step] == b"GGG"
        for first, step in ((0, 188), (4, 192))
    )
