"""Errors of commands name what was typed, and what may have been meant."""

import pytest
from command_line import cdmer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["corpora", "check", "casme2", ".", "--variant", "rwa"], "--variant: expected one of"),
        (["corpora", "check", "casm2", "."], "NAME: expected one of"),
        (
            ["corpora", "check", "smic-hs", ".", "--label-file", "x.csv"],
            "--label-file: SMIC",
        ),
        (
            ["corpora", "make", "samm", "-o", "o", "--preset", "lab-200"],
            "--preset: expected one of",
        ),
        (["corpora", "make", "smaa", "-o", "o"], "NAME: expected one of"),
        (["corpora", "show", "manifes", "."], "NAME: expected one of"),
    ],
)
def test_the_option_is_named_and_not_the_parameter(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, errors = cdmer(*arguments)
    assert code == 1
    assert errors.startswith(f"cdmer: {message}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["corpora", "check", "casm2", "."], "casme2"),
        (["corpora", "show", "manifes", "."], "manifest"),
        (["corpora", "make", "samm", "-o", "o", "--preset", "lab-200"], "lab-200fps"),
        (["corpora", "check", "casme2", ".", "--variant", "rwa"], "raw"),
        (["benchmrk"], "benchmark"),
        (["corpora", "chek"], "check"),
    ],
)
def test_a_name_that_is_nearly_right_is_suggested(arguments, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, errors = cdmer(*arguments)
    assert code in (1, 2)
    assert errors.lower().rstrip().endswith(f"did you mean {meant!r}?")


def test_what_is_like_nothing_gets_no_suggestion(tmp_path):
    _, _, errors = cdmer("corpora", "check", "42", tmp_path)
    assert "did you mean" not in errors.lower()
