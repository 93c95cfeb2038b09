"""Files and folders that are there whole or not at all."""

import os
import re
import secrets
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path

# Seconds without a write after which an unfinished file belongs to nobody.
_STALE = 3600
# Files and folders that this process is writing.
_own_unfinished = set()


@contextmanager
def atomic_file(path, is_ours=None, *, private=False):
    """Open a new file that takes its place when the block ends, and not at all if it fails.

    A process that is killed in the block leaves ``.<name>-<16 hexadecimal digits>`` in the folder,
    for `remove_unfinished` to find.

    Parameters
    ----------
    path : path-like
        A link stays, what it leads to is replaced.
    is_ours : callable or None, default=None
        As `check_replaceable` takes it. None where the name is of our own making.
    private : bool, default=False
        Whether nobody but the owner may read or write it. Otherwise the umask decides.

    Yields
    ------
    binary file
        Open for writing; it can seek.

    Raises
    ------
    FileExistsError
        If a file is there that is not ours.
    OSError
        If the folder does not exist or cannot be written to; the message names the file.
    """
    given = path
    check_replaceable(given, is_ours or _any)
    path = Path(os.path.realpath(given))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{given}: there is no folder {path.parent}")
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    _own_unfinished.add(temporary)
    try:
        # Not through `tempfile`: its files are private, and the umask that would tell how readable
        # a new file is can only be asked for by changing it, for all threads.
        with open(temporary, "xb", opener=_open_private if private else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        _name_file(error, temporary, given)
        raise
    finally:
        _own_unfinished.discard(temporary)


def check_replaceable(path, is_ours):
    """Refuse to replace a file that another program, or a person, has written.

    Parameters
    ----------
    path : path-like
        Nothing, an empty file, or one that is ours.
    is_ours : callable
        ``is_ours(path)``: whether an existing regular file is of the kind that is to be written; it
        is not if this raises a ValueError. `cdmer._files.kinds` has some.

    Raises
    ------
    FileExistsError
        If something else is there, or a link that leads to nothing.
    OSError
        If it cannot be read.
    """
    _refuse_loose_link(path)
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise FileExistsError(f"{os.fspath(path)}: expected a file, got a folder")
    if not stat.S_ISREG(found.st_mode):
        raise FileExistsError(f"{os.fspath(path)}: expected a regular file, got a pipe or device")
    if found.st_size and not _says_yes(is_ours, path):
        raise FileExistsError(
            f"{os.fspath(path)}: there is another file of that name, which cdmer has not written "
            "and does not replace; remove it, or give another name"
        )


def _says_yes(is_ours, path):
    try:
        return is_ours(path)
    except ValueError:
        return False


def _refuse_loose_link(path):
    if os.path.islink(path) and not os.path.exists(path):
        raise FileExistsError(
            f"{os.fspath(path)}: there is a link to nothing, {os.readlink(path)}; remove it, or "
            "give another name"
        )


@contextmanager
def naming(path):
    """Let errors of writing in the block name the file, which that of a full disk does not."""
    try:
        yield
    except OSError as error:
        _name_file(error, path, path)
        raise


def _name_file(error, temporary, given):
    """Let an error of writing name what was to be written, which a full disk does not name."""
    if isinstance(error, OSError):
        place, temporary, given = error.filename, os.fspath(temporary), os.fspath(given)
        if place is None and error.errno is not None:
            error.filename = given
        elif isinstance(place, str | os.PathLike) and os.fspath(place).startswith(temporary):
            error.filename = given + os.fspath(place)[len(temporary) :]


def private_folder(path):
    """Make a folder, and those above it, that nobody but the owner can look into.

    Parameters
    ----------
    path : path-like
        A folder that is there already keeps its mode.

    Returns
    -------
    Path
    """
    path = Path(path)
    for folder in [*reversed(path.parents), path]:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def _any(path):
    return True


def _open_private(path, flags):
    return os.open(path, flags, 0o600)


@contextmanager
def whole_folder(path):
    """Make a new folder that takes its place when the block ends, and not at all if it fails.

    Parameters
    ----------
    path : path-like
        A folder that is empty or not there, or a link to an empty one, which stays; folders above
        it are made when the block ends.

    Yields
    ------
    Path
        Where to write in the meantime.

    Raises
    ------
    FileExistsError
        If something is there; says so before anything is written.
    OSError
        If something cannot be written; the message names it by its final place.
    """
    given = path
    _refuse_loose_link(given)
    path = Path(os.path.realpath(given))
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(
            f"{os.fspath(given)}: expected an empty folder or none, and something is there"
        )
    above = next(folder for folder in path.parents if folder.is_dir())
    temporary = above / f".{path.name}-{secrets.token_hex(8)}"
    try:
        temporary.mkdir()
        yield temporary
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rmdir()  # not every system renames onto an empty folder
        os.replace(temporary, path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        _name_file(error, temporary, given)
        raise


def write_atomically(path, text, is_ours=None):
    """Write text to a file so that no reader, and no interruption, ever leaves half of it.

    Parameters
    ----------
    path : path-like
    text : str
        Written as UTF-8, line ends as they are.
    is_ours : callable or None, default=None
        As `atomic_file` takes it.

    Raises
    ------
    OSError
        As `atomic_file` does.
    """
    with atomic_file(path, is_ours) as file:
        file.write(text.encode("utf-8"))


@contextmanager
def unfinished(path):
    """Remove a folder if the block that makes it fails, or the process is asked to end within.

    Parameters
    ----------
    path : Path
    """
    _own_unfinished.add(path)
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    finally:
        _own_unfinished.discard(path)


def remove_own_unfinished():
    """Remove what this process is writing, which is about to end."""
    for path in list(_own_unfinished):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


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
