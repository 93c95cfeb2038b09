"""Builds what CONTRIBUTING.md shows, as a stranger would: its text in a package of their own."""

import importlib
import re
import sys
from pathlib import Path

import pytest

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


def shown(kind):
    """Python code under the heading of a kind, such as "A method"."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    section = re.search(rf"^### {re.escape(kind)}\n(.*?)(?=^##)", text, re.M | re.S)[1]
    return "\n".join(re.findall(r"^```python\n(.*?)^```", section, re.M | re.S))


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Write the code that CONTRIBUTING shows for a kind into a temporary package, and import it."""

    def build(kind):
        code = shown(kind)
        assert code.strip(), f"CONTRIBUTING.md shows no code under {kind!r}"
        assert code.count("\n") <= 45, f"{kind!r} does not fit on a screen"
        package = tmp_path / "stranger"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "own.py").write_text(code, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module("stranger.own")

    yield build
    # Not before: pickles and doctests look a class up by the name of its module.
    for name in ("stranger", "stranger.own"):
        sys.modules.pop(name, None)
