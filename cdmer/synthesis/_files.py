"""Files of a synthesis: which request they answer, and clips that are there whole or not at all."""

import csv
import io
import json
import os
import re
import secrets
import shutil

from cdmer._cv2 import import_cv2
from cdmer._files.kinds import begins_with
from cdmer._files.reading import MOST_JSON_BYTES, open_regular, parse_json, read_regular
from cdmer._files.writing import check_replaceable, naming, unfinished, write_atomically
from cdmer._text import spreadsheet_cell

REQUEST = "synthesis.json"
MANIFEST = "manifest.csv"
FAILURES = "failures.csv"
_COLUMNS = {
    MANIFEST: (
        "path",
        "subject",
        "label",
        "name",
        "corpus",
        "onset",
        "apex",
        "offset",
        "fps",
        "action_units",
        "intensities",
        "emotion",
        "source",
        "seed",
    ),
    FAILURES: ("clip", "label", "source", "seed", "error"),
}
# Some of what every request says.
_REQUEST_KEYS = {"cdmer", "classes", "identities", "renderer", "sources"}
# Clips are written in here, and move to their places when they are whole.
UNFINISHED = ".unfinished"
_FRAME = re.compile(r"[0-9]{3,}\.png")
# The last bytes of every PNG file.
_END = b"\x00\x00\x00\x00IEND\xaeB\x60\x82"


def claim_folder(folder, content):
    """Make a folder the place of one request, and refuse it to any other once clips are there.

    Parameters
    ----------
    folder : Path
    content : dict
        As `Request.describe` gives it.

    Raises
    ------
    ValueError
        If it holds something else, links, or what another request wrote.
    OSError
        If it cannot be made or written to.
    """
    place = folder / REQUEST
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"out: expected a folder, got {str(folder)!r}")
    entries = list(folder.iterdir()) if folder.is_dir() else []
    links = sorted(entry.name for entry in entries if entry.is_symlink())
    if links:  # they may lead to what is not ours
        raise ValueError(f"out: expected no links in {str(folder)!r}, got {links[0]!r}")
    others = [entry.name for entry in entries if entry != place]
    if place in entries:
        found = _read_request(place)
        if others:
            _compare(folder, found, content)
            for name in _COLUMNS:
                check_replaceable(folder / name, _is_table(name))
            return
    elif others:
        raise ValueError(
            f"out: expected an empty folder, none, or one of an earlier synthesis, got "
            f"{str(folder)!r}, which holds something else"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(place, json.dumps(content, indent=1) + "\n")


def _read_request(place):
    found = parse_json(read_regular(place, MOST_JSON_BYTES), place)
    if not isinstance(found, dict) or not found.keys() >= _REQUEST_KEYS:
        raise ValueError(f"{place}: expected what an earlier synthesis wrote, got something else")
    return found


def _compare(folder, there, content):
    differing = [
        f"{key} {_short(there.get(key))} there, {_short(content.get(key))} asked for"
        for key in [*content, *(there.keys() - content.keys())]
        if there.get(key) != content.get(key)
    ]
    if differing:
        raise ValueError(
            f"out: {str(folder)!r} holds another synthesis; take another folder ("
            f"{'; '.join(differing)})"
        )


def _short(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def is_whole(folder, n_frames):
    """Whether all frames of a clip are there, each to its last byte."""
    try:
        for i in range(n_frames):
            with open_regular(folder / frame_name(i)) as file:
                file.seek(-len(_END), os.SEEK_END)
                if file.read() != _END:
                    return False
    except (OSError, ValueError):  # none there, shorter than its end, or no file
        return False
    return True


def frame_name(position):
    """File name of a frame by its position, from 0."""
    return f"{position:03d}.png"


def write_clip(root, path, frames):
    """Write the frames of a clip, all of them or none.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        Folder of the clip within it; replaced if it is there.
    frames : ndarray of uint8, shape (n_frames, height, width)

    Raises
    ------
    OSError
        If something cannot be written.
    """
    cv2 = import_cv2()
    temporary, folder = root / UNFINISHED / secrets.token_hex(8), root / path
    with unfinished(temporary):
        temporary.mkdir(parents=True)
        for i, frame in enumerate(frames):
            name = frame_name(i)
            with naming(folder / name):
                (temporary / name).write_bytes(cv2.imencode(".png", frame)[1].tobytes())
        folder.parent.mkdir(exist_ok=True)
        try:
            os.rename(temporary, folder)
        except OSError:
            # Something is there: half a clip, or that of another process, which has the same bytes.
            if not folder.is_dir():
                raise
            if not is_whole(folder, len(frames)):
                _remove_clip(folder)
                os.rename(temporary, folder)


def _remove_clip(folder):
    others = sorted(name for name in os.listdir(folder) if not _FRAME.fullmatch(name))
    if others:
        raise FileExistsError(
            f"{folder}: holds a part of a clip, and {others[0]!r}, which cdmer has not written; "
            "remove the folder"
        )
    shutil.rmtree(folder)


def write_table(path, rows):
    """Write rows of a CSV file; there is no file where there is no row.

    Parameters
    ----------
    path : Path
        Named `MANIFEST` or `FAILURES`, which tells the columns.
    rows : list of dict

    Raises
    ------
    FileExistsError
        If another file is there.
    OSError
        If it cannot be written.
    """
    is_ours = _is_table(path.name)
    if not rows:
        check_replaceable(path, is_ours)
        path.unlink(missing_ok=True)
        return
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS[path.name], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: spreadsheet_cell(cell) if isinstance(cell, str) else cell
                for name, cell in row.items()
            }
        )
    write_atomically(path, text.getvalue(), is_ours)


def _is_table(name):
    return begins_with(",".join(_COLUMNS[name]) + "\n")


def sweep(root):
    """Remove what is left of clips that were interrupted."""
    shutil.rmtree(root / UNFINISHED, ignore_errors=True)
