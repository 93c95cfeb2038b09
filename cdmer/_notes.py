"""Notes on clips, gathered where they are worked on, and told where somebody reads them."""

import warnings
from contextlib import contextmanager
from contextvars import ContextVar

_GATHERED = ContextVar("_GATHERED", default=None)


@contextmanager
def gathered_notes():
    """Gather the notes that are made inside, instead of warning of each.

    Workers send them back: what they print themselves, nobody sees. Other than recorded warnings,
    notes of threads do not get mixed.

    Yields
    ------
    list of Warning
        Each once.
    """
    notes = []
    token = _GATHERED.set(notes)
    try:
        yield notes
    finally:
        _GATHERED.reset(token)


def note(warning):
    """Make a note of a clip.

    Parameters
    ----------
    warning : Warning
        What is said where nobody gathers notes.
    """
    notes = _GATHERED.get()
    if notes is None:
        warnings.warn(warning, stacklevel=3)
    elif not any(type(one) is type(warning) and one.args == warning.args for one in notes):
        notes.append(warning)
