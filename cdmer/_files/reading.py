"""Files from whomever they come: opened if they are regular, read up to a limit."""

import json
import os
import stat

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
# Far more than any document of ours has; deeper ones would end the parser, or the process.
MOST_JSON_BYTES = 2**26
MOST_JSON_LEVELS = 200


def check_regular(path):
    """Refuse what is no regular file, which reading may wait for or never get to the end of.

    Parameters
    ----------
    path : path-like
        Links are followed.

    Raises
    ------
    IsADirectoryError
        If it is a folder.
    ValueError
        If it is a pipe, a device or a socket.
    OSError
        If it is not there, or cannot be reached.
    """
    _check_mode(os.stat(path).st_mode, path)


def open_regular(path):
    """Open a regular file to read, unbuffered.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    binary file

    Raises
    ------
    ValueError, OSError
        As `check_regular` does; PermissionError if it cannot be read.
    """
    # Before it is opened, since opening alone moves some devices; and after, since it may be
    # another file by then. Without blocking, a pipe that took its place opens at once.
    check_regular(path)
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    number = os.open(path, flags)
    try:
        _check_mode(os.fstat(number).st_mode, path)
        return os.fdopen(number, "rb", buffering=0)
    except BaseException:
        os.close(number)
        raise


def read_regular(path, most_bytes=None):
    """Read a regular file.

    Parameters
    ----------
    path : path-like
    most_bytes : int or None, default=None
        Largest size that is read. None: any.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it is larger, or no regular file.
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most_bytes is not None and size > most_bytes:
            raise ValueError(
                f"{os.fspath(path)}: expected a file of at most {most_bytes} bytes, got {size}"
            )
        return file.read()


def read_head(path, n_bytes=4096):
    """Read the first bytes of a regular file; errors are those of `open_regular`."""
    with open_regular(path) as file:
        return file.read(n_bytes)


def foreign_kind(head):
    """What often lies in place of a large file, for messages.

    Parameters
    ----------
    head : bytes
        The file's first bytes.

    Returns
    -------
    str or None
        None if it is neither a web page nor a pointer to a file elsewhere.
    """
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; fetch the file itself (git lfs pull)"
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "a web page; download the file itself"
    return None


def parse_json(data, name, most_bytes=MOST_JSON_BYTES):
    """Parse JSON.

    Parameters
    ----------
    data : bytes or str
    name : str or Path
        What to call it in messages.
    most_bytes : int, default=MOST_JSON_BYTES
        Parsed, JSON takes about twenty times its size.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is no JSON, too large or too deep, an object has a key twice, or a text is none that
        can be written.
    """
    if len(data) > most_bytes:
        raise ValueError(f"{name}: expected at most {most_bytes} bytes of JSON, got {len(data)}")
    try:
        text = data if isinstance(data, str) else bytes(data).decode("utf-8")
        content = json.loads(text, object_pairs_hook=_distinct)
        if "\\ud" in text.lower():  # halves of characters
            json.dumps(content, ensure_ascii=False).encode("utf-8")
        if text.count("[") + text.count("{") > MOST_JSON_LEVELS:
            _check_levels(content)
        return content
    except RecursionError:
        raise ValueError(f"{name}: JSON is nested too deeply") from None
    except ValueError as error:  # UnicodeDecodeError, and whole numbers of thousands of digits
        raise ValueError(f"{name}: no JSON that can be read: {error}") from None


def _distinct(pairs):
    content = dict(pairs)
    if len(content) < len(pairs):
        seen = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {twice!r} comes twice")
    return content


def _check_levels(content):
    level = [[content]]
    for _ in range(MOST_JSON_LEVELS):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [v for part in parts for v in part if isinstance(v, dict | list)]
        if not level:
            return
    raise RecursionError


def _check_mode(mode, path):
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{os.fspath(path)}: expected a file, got a folder")
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise ValueError(f"{os.fspath(path)}: expected a regular file, got {kind}")
