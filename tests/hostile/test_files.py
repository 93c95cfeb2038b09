"""Files that are no files, for every command that takes the path of one."""

import os

import pytest
from nursery import refused

# Commands that read one file, which stands where {} does.
READERS = {
    "benchmark": ("benchmark", "{}"),
    "benchmark --dry-run": ("benchmark", "--dry-run", "{}"),
    "report": ("report", "{}", "--out", "r.html"),
    "report --list": ("report", "{}", "--list"),
    "compare": ("compare", "{}", "A", "B"),
    "predict, model": ("predict", "{}", "nothing.avi"),
    "corpora check": ("corpora", "check", "manifest", "{}"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "terminal", "endless", "socket", "loop", "missing"])
def test_what_is_no_regular_file_is_refused(nursery, tmp_path, reader, kind):
    path = tmp_path / "given.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, 0o140600)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind != "missing":
        path.symlink_to("/dev/zero" if kind == "endless" else "/dev/tty")
    arguments = [part.format(path) for part in READERS[reader]]
    refused(nursery.cdmer(*arguments, cwd=tmp_path), "given.csv")


@pytest.mark.parametrize("reader", READERS)
def test_folders_are_refused(nursery, tmp_path, reader):
    path = tmp_path / "given.csv"
    path.mkdir()
    outcome = nursery.cdmer(*[part.format(path) for part in READERS[reader]], cwd=tmp_path)
    # The kind of path that an option takes is checked before the command begins.
    assert (outcome.kind, outcome.code in (1, 2)) == ("refused", True)
    assert outcome.stderr.count("\n") == 1
    assert "given.csv" in outcome.stderr
