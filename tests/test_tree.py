"""The files that the tests import are those of the tree that the tests lie in."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import cdmer
import cdmer.features

ROOT = Path(__file__).resolve().parent.parent


def test_the_package_is_that_of_this_tree():
    assert Path(cdmer.__file__).resolve() == ROOT / "cdmer" / "__init__.py"


def test_descriptors_are_those_of_this_tree():
    # Without the link, a copy would import the features of whichever tree was installed.
    assert Path(cdmer.features.__file__).resolve() == ROOT / "features" / "__init__.py"
    assert (ROOT / "cdmer" / "features").is_symlink()


BUILD = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Names of the files in wheel and sdist, made from a copy of what git knows."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "copy"
    for place in ("cdmer", "features"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / place, copy / place, symlinks=True, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for kind in ("wheel", "sdist"):
        command = [sys.executable, "-c", BUILD.format(kind), folder]
        outcome = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        in_wheel = wheel.namelist()
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        in_sdist = [name.partition("/")[2] for name in sdist.getnames()]
    return in_wheel, in_sdist


def test_wheel_and_sdist_hold_each_module_once(built):
    in_wheel, in_sdist = built
    modules = {
        path.relative_to(ROOT)
        for place in ("cdmer", "features")
        for path in (ROOT / place).rglob("*.py")
    }
    in_tree = {path.as_posix() for path in modules}
    installed = {f"cdmer/{name}" if name.startswith("features/") else name for name in in_tree}
    assert sorted(name for name in in_wheel if name.endswith(".py")) == sorted(installed)
    in_sdist = [name for name in in_sdist if name.endswith(".py") and name != "setup.py"]
    assert sorted(in_sdist) == sorted(in_tree)


def test_wheel_and_sdist_hold_the_files_that_modules_read(built):
    read = [
        path for path in (ROOT / "cdmer").rglob("*") if path.suffix in (".toml", ".css", ".html")
    ]
    assert read
    for names in built:
        assert {path.relative_to(ROOT).as_posix() for path in read} <= set(names)
