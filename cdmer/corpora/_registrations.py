"""Databases of installed packages: each names the module that registers its own."""

import warnings
from functools import cache
from importlib.metadata import entry_points

_GROUP = "cdmer.databases"


@cache
def import_registrations():
    """Import, once per process, the modules of the entry-point group ``cdmer.databases``.

    Warns
    -----
    UserWarning
        If one cannot be imported; the other databases are there.
    """
    for entry in entry_points(group=_GROUP):
        try:
            entry.load()
        except Exception as error:  # of somebody else's code
            warnings.warn(
                f"the databases of {entry.value} are not known: {type(error).__name__}: {error}",
                stacklevel=3,
            )
