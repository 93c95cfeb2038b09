import re
import subprocess
import sys

import pandas as pd
import pytest
from command_line import cdmer


def process(*arguments):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "cdmer.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command", [(), ("demo",), ("extract",), ("fetch",), ("predict",), ("tgsr",), ("train",)]
)
def test_help(command):
    outcome = cdmer(*command, "--help")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("Usage: cdmer")
    assert not outcome.stderr


def test_version():
    from cdmer import __version__

    assert process("--version").stdout.strip().endswith(__version__)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["demos"], 2, "No such command 'demos'"),
        (["demo", "--n-clips", "3"], 2, "n-clips"),
        (["demo", "-q", "--n-clips", "12", "--out", "/nowhere/at/all.html"], 1, "/nowhere/at"),
        (["fetch", "samm"], 1, "name: expected one of"),
        (["tgsr", "--source", "casme2"], 2, "--target"),
        (["tgsr", "--source", "casme2", "--target", "casme2"], 2, "another corpus"),
        (["tgsr", "--source", "samm", "--target", "casme2"], 2, "samm"),
    ],
)
def test_errors_take_one_line_and_an_exit_code(arguments, code, message):
    outcome = cdmer(*arguments)
    assert outcome.returncode == code
    assert message in outcome.stderr
    assert outcome.stderr.startswith("cdmer: ")
    assert outcome.stderr.count("\n") == 1


def test_demo_writes_table_and_report(tmp_path, monkeypatch):
    outcome = process("demo", "--n-clips", "12", "-j", "2", "--out", tmp_path / "report.html")
    assert outcome.returncode == 0, outcome.stderr
    assert "UF1" in outcome.stdout
    assert "lab-200fps → webcam-25fps" in outcome.stdout
    assert re.search(r"mean +0\.\d{4} +0\.\d{4}", outcome.stdout)
    assert not outcome.stderr  # not a terminal: no progress
    assert (tmp_path / "report.html").stat().st_size > 50_000
    # The same table by one worker; the report, nearly half of the time, is no part of it.
    monkeypatch.setattr("cdmer.evaluation.write_report", lambda *_, **__: None)
    again = cdmer("demo", "--n-clips", "12", "-q", "-j", "1", "--out", tmp_path / "again.html")
    assert outcome.stdout.startswith(again.stdout)


def test_fetch_says_where_the_files_are(published):
    outcome = cdmer("fetch", "casme2", "smic-vis")
    assert outcome.returncode == 0, outcome.stderr
    assert re.findall(r"^(\S+): .*mat$", outcome.stdout, re.M) == ["casme2", "smic-vis"]


def test_fetch_goes_on_after_a_failure(published):
    outcome = cdmer("fetch", "samm", "casme2")
    assert outcome.returncode == 1
    assert outcome.stdout.startswith("casme2: ")
    assert outcome.stderr.startswith("cdmer: name: expected one of")


@pytest.mark.slow
def test_tgsr_shows_fixed_settings_and_the_oracle_apart(published, tmp_path):
    outcome = cdmer(
        "tgsr", "--source", "smic-vis", "--target", "smic-nir", "--out", tmp_path / "sweep.csv"
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "SVM, source only" in outcome.stdout
    assert "0.6186 0.6338         0.6186         0.6338" in outcome.stdout  # ours, and the print
    assert "TGSR, oracle of 285" in outcome.stdout
    sweep = pd.read_csv(tmp_path / "sweep.csv")
    assert list(sweep.columns) == ["n_selected", "mmd_weight", "UF1", "WAR"]
    assert len(sweep) == 285
    assert f"{sweep['UF1'].max():.4f}" in outcome.stdout
