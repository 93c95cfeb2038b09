"""Public names are known by the package that documents them."""

import sys


def publish(package, *others):
    """Make a package the home of what its ``__all__`` names.

    Pickles, saved models, stores and messages then hold ``cdmer.adaptation.TCA``, whichever private
    module the class lies in. What another package has published already keeps its home.

    Parameters
    ----------
    package : str
        ``__name__`` of the package; called at the end of its ``__init__``.
    *others : class
        Further classes that the package imports, known by it because files hold their objects.
    """
    module = sys.modules[package]
    for thing in [*(getattr(module, name) for name in module.__all__), *others]:
        home = getattr(thing, "__module__", None)  # instances have the home of their class
        if hasattr(thing, "__qualname__") and "._" in home:
            thing.__module__ = package
