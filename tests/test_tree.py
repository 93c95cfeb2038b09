"""The files that the tests import are those of the tree that the tests lie in."""

from pathlib import Path

import cdmer
import cdmer.features

ROOT = Path(__file__).resolve().parent.parent


def test_the_package_is_that_of_this_tree():
    assert Path(cdmer.__file__).resolve() == ROOT / "cdmer" / "__init__.py"


def test_descriptors_are_those_of_this_tree():
    # Without the link, a copy would import the features of whichever tree was installed.
    assert Path(cdmer.features.__file__).resolve() == ROOT / "features" / "__init__.py"
    assert (ROOT / "cdmer" / "features").is_symlink()
