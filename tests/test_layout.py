"""The floor plan: rooms of a size one can take in, arrows that never climb, doors for others."""

import ast
import importlib
import re
import statistics
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_MODULES = 25
MEDIAN_LINES = 150
MOST_LINES = 400
# Files above MOST_LINES lines, each with its reason.
LONG_FILES = {}
# Private modules of one package that another imports, each with its reason.
PRIVATE_IMPORTS = {
    ("cdmer.cli._synthesize", "cdmer.synthesis._synthesize"): (
        "the command prints how many clips were there before and which failed; the corpus that "
        "`synthesize` returns says neither"
    ),
}


def modules():
    """Paths of all modules of the package by dotted name; ``__init__`` has that of its package."""
    found = {}
    for folder, package in ((ROOT / "cdmer", "cdmer"), (ROOT / "features", "cdmer.features")):
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


# Parsed where a test asks, not where pytest collects.
@cache
def tree(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name):
    """Modules of cdmer that a module imports, those inside of functions too, with the names."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in MODULES:
                    yield alias.name, None
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner, None) if inner in MODULES else (node.module, alias.name)


@cache
def imported_by_each():
    return {name: {target for target, _ in imports(name)} for name in MODULES}


def circles(graph):
    """Sets of names that reach each other (Tarjan)."""
    order, low, stack, found = {}, {}, [], []

    def visit(name):
        order[name] = low[name] = len(order)
        stack.append(name)
        for target in graph[name]:
            if target not in order:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], order[target])
        if low[name] == order[name]:
            circle = []
            while not circle or circle[-1] != name:
                circle.append(stack.pop())
            if len(circle) > 1 or name in graph[name]:
                found.append(sorted(circle))

    for name in graph:
        if name not in order:
            visit(name)
    return found


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}) == [["b", "c"], ["d"]]


def test_no_module_imports_itself_by_way_of_others():
    assert circles(imported_by_each()) == []


def room(name):
    """Folder of a module, by the dotted name of its package."""
    return name if MODULES[name].stem == "__init__" else name.rpartition(".")[0]


def test_no_folder_imports_itself_by_way_of_others():
    # A folder and what lies in it count as one; arrows between them are its own affair.
    top = {name: ".".join(name.split(".")[:2]) for name in MODULES}
    graph = {top[name]: set() for name in MODULES}
    for name, targets in imported_by_each().items():
        graph[top[name]] |= {top[t] for t in targets if top[t] != top[name]}
    graph.pop("cdmer", None)
    assert circles({name: targets - {"cdmer"} for name, targets in graph.items()}) == []


def test_no_folder_holds_more_modules_than_one_takes_in():
    counts = {}
    for name in MODULES:
        counts[room(name)] = counts.get(room(name), 0) + 1
    assert {name: n for name, n in counts.items() if n > MOST_MODULES} == {}


def is_private(name):
    return any(part.startswith("_") for part in name.split(".")[2:])


def package(name):
    """Public package that a module belongs to, or the ground floor."""
    parts = name.split(".")
    if len(parts) > 1 and parts[1].startswith("_"):
        return "cdmer"
    public = []
    for part in parts if MODULES[name].stem == "__init__" else parts[:-1]:
        if part.startswith("_"):
            break
        public.append(part)
    return ".".join(public)


def test_packages_do_not_import_what_is_private_to_others():
    found = set()
    for name in MODULES:
        for target, imported in imports(name):
            private = is_private(target) or (imported or "").startswith("_")
            if private and not f"{package(name)}.".startswith(f"{package(target)}."):
                found.add((name, target))
    assert found == set(PRIVATE_IMPORTS)


def test_names_with_an_underscore_stay_in_their_module():
    found = {
        (name, f"{target}.{imported}")
        for name in MODULES
        for target, imported in imports(name)
        if (imported or "").startswith("_") and imported != "__version__"
    }
    assert found == set()


PACKAGES = sorted(
    name
    for name, path in MODULES.items()
    if path.stem == "__init__"
    and name.count(".")
    and not is_private(name)
    and not name.split(".")[1].startswith("_")
    and name != "cdmer.cli"
)


@pytest.mark.parametrize("name", PACKAGES)
def test_public_objects_are_known_by_the_package_that_documents_them(name):
    home = importlib.import_module(name)
    for public in home.__all__:
        thing = getattr(home, public)
        if hasattr(thing, "__qualname__"):
            assert thing.__module__ in PACKAGES
            # A package may show what one below it documents.
            assert f"{thing.__module__}.".startswith(f"{name}.") or thing.__module__ == name
            assert thing.__name__ in importlib.import_module(thing.__module__).__all__


def test_modules_are_short():
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in MODULES.values()
    }
    assert statistics.median(lines.values()) <= MEDIAN_LINES
    assert {name for name, n in lines.items() if n > MOST_LINES} == set(LONG_FILES)


def test_the_formatter_wins():
    word = "fmt: " + "skip"
    folders = ("cdmer", "features", "tests", "examples", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [str(path) for path in files if word in path.read_text(encoding="utf-8")] == []


def test_every_package_is_installed():
    declared = re.search(r"packages =\n((?:    .*\n)+)", (ROOT / "setup.cfg").read_text())[1]
    folders = [name for name, path in MODULES.items() if path.stem == "__init__"]
    assert sorted(declared.split()) == sorted(folders)
