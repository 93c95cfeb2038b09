"""The examples in docstrings run, and parameters are documented under their own names."""

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import cdmer

NAMES = [
    info.name
    for info in pkgutil.walk_packages(cdmer.__path__, "cdmer.")
    if not info.name.endswith("__main__")
]
PACKAGES = [name for name in NAMES if "._" not in name and not name.startswith("cdmer.cli")]
PUBLIC = {
    f"{package}.{name}": thing
    for package in PACKAGES
    for module in [importlib.import_module(package)]
    for name in module.__all__
    if not hasattr(thing := getattr(module, name), "__qualname__") or thing.__module__ == package
}
CALLABLES = {name: thing for name, thing in PUBLIC.items() if callable(thing)}

# A public name or a method of it.
PUBLIC_PART = re.compile(rf"({'|'.join(map(re.escape, CALLABLES))})(\.|$)")


def run_examples(tests):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    assert runner.failures == 0


@pytest.mark.parametrize("name", CALLABLES)
def test_examples_of_public_names_run_by_themselves(name):
    # module=False: methods lie in another module than the one that the class is known by.
    run_examples(doctest.DocTestFinder().find(CALLABLES[name], name, module=False, globs={}))


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_private_names_run(name):
    if name == "cdmer.nets._folds.window_maps":
        pytest.importorskip("triton")
    tests = doctest.DocTestFinder().find(importlib.import_module(name), name)
    run_examples(test for test in tests if not PUBLIC_PART.match(test.name))  # run above


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


def test_descriptions_say_what_a_parameter_is():
    """No description begins with "Of", as if the reader knew the noun."""
    found = [
        f"{name}: {line.strip()}"
        for name, thing in CALLABLES.items()
        for line in re.findall(r"^\w[\w, *]* : .*\n {4}(Of .*)$", inspect.getdoc(thing) or "", re.M)
    ]
    assert found == []
