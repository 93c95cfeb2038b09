"""Options that several commands share, and what they mean."""

import io
import os
import time
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path

import click

from cdmer._files.kinds import PICTURE_NOTES, is_picture
from cdmer._files.writing import atomic_file, check_replaceable
from cdmer._text import printable, spreadsheet_cell
from cdmer.cli._stop import Stopped

_MOMENT = 0.2  # seconds
SOME_FAILED = 3  # exit code: what could be done was done

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no hints.")
jobs_option = click.option(
    "-j", "--n-jobs", type=int, default=-1, show_default=True, help="Workers; -1 for every core."
)


@contextmanager
def keeping(words):
    """Say what there is to go on from, if the block is stopped.

    Parameters
    ----------
    words : callable
        Gives the text, or None if there is nothing.
    """
    try:
        try:
            yield
        except BrokenExecutor:
            # A signal to a whole group ends workers, and comes to this process a moment later.
            time.sleep(_MOMENT)
            raise
    except Stopped as stop:
        found = words()
        stop.kept = found and printable(f"{found}, and the same command goes on from there")
        raise


def show(quiet):
    """Give what library functions call `progress`: bars on terminals alone, or none."""
    return False if quiet else None


def say(text, *, err=False, nl=True):
    """Print text that may hold what comes from files: nothing in it steers the terminal."""
    click.echo(printable(str(text)), err=err, nl=nl)


def remark(text):
    """Say something in one line on the standard error stream."""
    say(f"cdmer: {' '.join(text.split())}", err=True)


def check_output(path, is_ours, option="--out"):
    """Fail before the work, not after it.

    Parameters
    ----------
    path : Path
        File that is to be written.
    is_ours : callable
        As `check_replaceable` takes it.
    option : str, default="--out"
        What names the file.

    Raises
    ------
    FileExistsError
        If something is there that is not ours.
    OSError
        If the file could not be written: there is no such folder, or it is read-only.
    """
    check_folder(path, option)
    check_replaceable(path, is_ours)


def check_folder(path, option="--out"):
    """Check that something can be written beside a path; raises OSError if not."""
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{option}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{option}: cannot write {path}: the folder {folder} is read-only")


def save_picture(figure, path, **settings):
    """Write a figure into the file of its suffix, png, pdf or svg; a picture of ours is replaced.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
    **settings
        As `savefig` takes them.
    """
    kind = path.suffix[1:].lower()
    content = io.BytesIO()
    figure.savefig(content, format=kind, metadata=PICTURE_NOTES[kind], **settings)
    with atomic_file(path, is_picture) as file:
        file.write(content.getbuffer())


def csv_text(table):
    """A frame as CSV, a str; spreadsheets run nothing of it."""
    cells = table.map(lambda cell: spreadsheet_cell(cell) if isinstance(cell, str) else cell)
    names = [spreadsheet_cell(str(name)) for name in table.columns]
    return cells.to_csv(header=names, index=False, lineterminator="\n")


def feature_cache():
    """Folder where features of clips are kept, in the user's cache, a Path."""
    import pooch

    return Path(pooch.os_cache("cdmer")) / "features"


def table_text(table):
    """A frame of numbers in lines, a str."""
    return table.to_string(float_format="{:.4f}".format, na_rep="")
