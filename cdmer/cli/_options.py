"""Options that several commands share, and what they mean."""

import os
from pathlib import Path

import click

SOME_FAILED = 3  # exit code: what could be done was done

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no hints.")
jobs_option = click.option(
    "-j", "--n-jobs", type=int, default=-1, show_default=True, help="Workers; -1 for every core."
)


def show(quiet):
    """Give what library functions call `progress`: bars on terminals alone, or none."""
    return False if quiet else None


def check_folder(path, option="--out"):
    """Fail before the work, not after it.

    Raises
    ------
    OSError
        If the file could not be written: there is no such folder, or it is read-only.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{option}: cannot write to the folder {path.parent}")


def feature_cache():
    """Folder where features of clips are kept, in the user's cache, a Path."""
    import pooch

    return Path(pooch.os_cache("cdmer")) / "features"


def table_text(table):
    """A frame of numbers in lines, a str."""
    return table.to_string(float_format="{:.4f}".format, na_rep="")
