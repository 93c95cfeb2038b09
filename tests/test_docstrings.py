"""The examples in docstrings run, and parameters are documented under their own names."""

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import cdmer

MODULES = [
    cdmer,
    *(
        importlib.import_module(f"cdmer.{n}")
        for n in (
            "corpora",
            "features",
            "preprocessing",
            "extraction",
            "adaptation",
            "evaluation",
            "evaluation.config",
            "evaluation.protocols",
            "evaluation.selection",
            "evaluation.statistics",
            "models",
            "nets",
            "nets.adaptation",
            "synthesis",
            "zero_shot",
        )
    ),
]


NAMES = [info.name for info in pkgutil.walk_packages(cdmer.__path__, "cdmer.")]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cdmer.cli.__main__"])
def test_examples_run(name):
    if name == "cdmer.nets._folds.window_maps":
        pytest.importorskip("triton")
    outcome = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert outcome.failed == 0


PUBLIC = {f"{m.__name__}.{n}": getattr(m, n) for m in MODULES[1:] for n in m.__all__}
CALLABLES = {name: thing for name, thing in PUBLIC.items() if callable(thing)}


@pytest.mark.parametrize("name", CALLABLES)
def test_docstring_names_the_parameters_it_has(name):
    thing = CALLABLES[name]
    doc = inspect.getdoc(thing)
    if re.search(r"Parameters are\s+(those of|as in)\s+`", doc):
        return
    signature = inspect.signature(thing)
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n[A-Z][\w ]+\n-+\n|\Z)", doc, re.S)
    documented = []
    if section:
        for line in re.findall(r"^(\w[\w, *]*?)(?: :.*)?$", section.group(1), re.M):
            documented += [part.strip(" *") for part in line.split(",")]
    expected = [p for p in signature.parameters if p != "self"]
    assert documented == expected
