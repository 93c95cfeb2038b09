"""Number of frames that an MP4 or QuickTime file plays, from its own tables."""

import os
import struct

import numpy as np

from cdmer._files.reading import open_regular
from cdmer.corpora._media.containers import MP4_FIRST

# Far beyond the tables of a video of a day; a few bytes may announce far more than memory holds.
_MOST_BYTES = 2**27
_MOST_FRAMES = 2**24
_MOST_BOXES = 2**16


def count_played(path):
    """Count the frames that a video plays where an edit list leaves out some of what is stored.

    Lossless trims by phones, editors and ``ffmpeg -c copy`` keep frames before the first that is
    shown, which decoding needs, and say in a list which part of the time is played.

    Parameters
    ----------
    path : str

    Returns
    -------
    int or None
        None for other files, and those without an edit list.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no regular file.
    """
    try:
        with open_regular(path) as file:
            track = _find_track(_read_tables(file))
        return None if track is None else _count(*track)
    except (struct.error, LookupError, ValueError):
        return None


def _read_tables(file):
    """Content of the box ``moov``, which holds all tables; the frames lie in others."""
    at, end = 0, os.fstat(file.fileno()).st_size
    for _ in range(_MOST_BOXES):
        if at >= end:
            break
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,), head = struct.unpack(">Q", file.read(8)), 16
        if (at == 0 and kind not in MP4_FIRST) or size < head:
            break
        if kind == b"moov" and size <= _MOST_BYTES:
            return file.read(size - head)
        at += size
    return b""


def _boxes(data):
    """Boxes within a box, by their kind; of several of one kind all."""
    found, at = {}, 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            break
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            break
        found.setdefault(kind, []).append(data[at + 8 : at + size])
        at += size
    return found


def _find_track(moov):
    """Edits, times of frames, and the clocks of both: ticks per second of the film, of the track.

    Those of the first video track, which OpenCV plays; None if it has no edit list.
    """
    movie = _boxes(moov)
    for track in map(_boxes, movie.get(b"trak", ())):
        media = _boxes(track[b"mdia"][0])
        if media[b"hdlr"][0][8:12] == b"vide":
            break
    else:
        return None
    if b"edts" not in track:
        return None
    table = _boxes(_boxes(media[b"minf"][0])[b"stbl"][0])
    edits = _read_edits(_boxes(track[b"edts"][0])[b"elst"][0])
    return edits, _times(table), _clock(movie[b"mvhd"][0]), _clock(media[b"mdhd"][0])


def _clock(header):
    return struct.unpack_from(">I", header, 20 if header[0] else 12)[0]


def _read_edits(data):
    """Duration, on the film's clock, and start, on the track's, of each part that is played."""
    (n,) = struct.unpack_from(">I", data, 4)
    form = ">QqI" if data[0] else ">IiI"
    size = struct.calcsize(form)
    parts = [struct.unpack_from(form, data, 8 + size * i)[:2] for i in range(n)]
    return [(duration, start) for duration, start in parts if start >= 0]  # -1: a pause


def _times(table):
    """Time at which each frame is shown, on the track's clock."""
    steps = _runs(table[b"stts"][0])
    times = np.cumsum(steps) - steps
    if b"ctts" in table:
        times = times + _runs(table[b"ctts"][0])[: len(times)]
    return times


def _runs(data):
    (n,) = struct.unpack_from(">I", data, 4)
    runs = np.frombuffer(data, ">i4", 2 * n, 8).reshape(n, 2).astype(np.int64)
    if (runs[:, 0] < 0).any() or runs[:, 0].sum() > _MOST_FRAMES:
        raise ValueError("more frames than a video has")
    return np.repeat(runs[:, 1], runs[:, 0])


def _count(edits, times, film, track):
    if not len(times) or not film:
        return None
    played = 0
    for duration, start in edits:
        end = start + duration * track / film if duration else np.inf
        played += int(np.count_nonzero((times >= start) & (times < end)))
    return played or None
