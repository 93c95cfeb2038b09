"""Public names are known by the package that documents them."""

import sys


def publish(package):
    """Make a package the home of what its ``__all__`` names.

    Pickles, saved models, stores and messages then hold ``cdmer.adaptation.TCA``, whichever private
    module the class lies in. What another package has published already keeps its home.

    Parameters
    ----------
    package : str
        ``__name__`` of the package; called at the end of its ``__init__``.
    """
    module = sys.modules[package]
    for name in module.__all__:
        thing = getattr(module, name)
        home = getattr(thing, "__module__", None)  # instances have the home of their class
        if hasattr(thing, "__qualname__") and "._" in home:
            thing.__module__ = package
