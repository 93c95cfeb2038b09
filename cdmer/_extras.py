"""Packages that only some installations have."""

from importlib import import_module


def import_extra(module, extra="report"):
    """Import a module that an extra of the installation brings.

    Parameters
    ----------
    module : str
    extra : str, default="report"
        The extra that it belongs to.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is missing; says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f'{module} is missing: pip install "cdmer[{extra}]"') from error
