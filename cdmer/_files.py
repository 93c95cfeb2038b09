"""Files and folders that are there whole or not at all."""

import os
import re
import secrets
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

# Seconds without a write after which an unfinished file belongs to nobody.
_STALE = 3600


@contextmanager
def atomic_file(path):
    """Open a new file that takes its place when the block ends, and not at all if it fails.

    A process that is killed in the block leaves ``.<name>-<16 hexadecimal digits>`` in the folder,
    for `remove_unfinished` to find.

    Parameters
    ----------
    path : path-like
        An existing file is replaced.

    Yields
    ------
    binary file
        Open for writing; it can seek.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    # Not through `tempfile`: its files are private, and the umask that would tell how readable a
    # new file is can only be asked for by changing it, for all threads.
    file = open(temporary, "xb")  # noqa: SIM115
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path):
    """Make a new folder that takes its place when the block ends, and not at all if it fails.

    Parameters
    ----------
    path : path-like
        A folder that is empty or not there; folders above it are made when the block ends.

    Yields
    ------
    Path
        Where to write in the meantime.
    """
    path = Path(os.path.abspath(path))
    above = next(folder for folder in path.parents if folder.is_dir())
    temporary = above / f".{path.name}-{secrets.token_hex(8)}"
    temporary.mkdir()
    try:
        yield temporary
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rmdir()  # not every system renames onto an empty folder
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_atomically(path, text):
    """Write text to a file so that no reader, and no interruption, ever leaves half of it.

    Parameters
    ----------
    path : path-like
        An existing file is replaced.
    text : str
        Written as UTF-8, line ends as they are.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def remove_unfinished(folder, name):
    """Remove what killed processes left of files in a folder, an hour after their last write.

    Parameters
    ----------
    folder : path-like
    name : str
        Regular expression for the names that the finished files would have.
    """
    unfinished = re.compile(rf"\.(?:{name})-[0-9a-f]{{16}}")
    with os.scandir(folder) as entries:
        for entry in entries:
            if unfinished.fullmatch(entry.name):
                try:
                    if time.time() - entry.stat().st_mtime > _STALE:
                        os.unlink(entry)
                except FileNotFoundError:  # finished, or removed by another process
                    continue
