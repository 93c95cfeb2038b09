import functools
import os
import runpy
import sys
from pathlib import Path

import pytest

from cdmer._faces.render import Render

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("plot_*.py"))
BENCHMARKS = sorted((Path(__file__).parent.parent / "benchmarks").glob("*.py"))


@pytest.fixture(scope="module")
def faces_rendered_once():
    """Examples show the same faces, and each of them several times."""
    render = functools.lru_cache(maxsize=240)(Render.__call__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Render, "__call__", lambda self: render(self).copy())
        yield


def run(path, monkeypatch, *arguments):
    """Run a script in this process: a new one would load the libraries anew, for seconds."""
    monkeypatch.setattr(os, "environ", os.environ.copy())  # some ask for one thread
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    runpy.run_path(str(path), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("faces_rendered_once")
def test_examples_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(path, monkeypatch)
    assert capsys.readouterr().out


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmarks_explain_themselves(path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        run(path, monkeypatch, "--help")
    assert not stop.value.code
    assert "usage:" in capsys.readouterr().out
