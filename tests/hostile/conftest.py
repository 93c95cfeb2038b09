import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

if not hasattr(os, "fork"):
    collect_ignore_glob = ["test_*.py"]

_by_module = defaultdict(Counter)
_KINDS = ("accepted", "refused", "traceback", "signal", "hang", "blow-up")


@pytest.fixture(scope="session")
def _nursery(tmp_path_factory):
    from nursery import Nursery

    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture
def nursery(_nursery, request):
    """Run attempts in processes of their own; see `nursery.Nursery`."""
    before = len(_nursery.attempts)
    yield _nursery
    for outcome in _nursery.attempts[before:]:
        _by_module[request.module.__name__][outcome.kind] += 1


def pytest_sessionfinish(session):
    """Write how all attempts ended, where HOSTILE_TABLE names a file."""
    path = os.environ.get("HOSTILE_TABLE")
    if not path or not _by_module:
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    rows = ["| inputs of | attempts | " + " | ".join(_KINDS) + " |", "|---" * 8 + "|"]
    together = sum(_by_module.values(), Counter())
    for name, counts in [*sorted(_by_module.items()), ("all", together)]:
        cells = [name, counts.total(), *(counts[kind] for kind in _KINDS)]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    Path(f"{path}.{worker}" if worker else path).write_text("\n".join(rows) + "\n", "utf-8")
