import json
import re
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
import waiting
from command_line import cdmer
from feature_tables import toml_text, write_tables

from cdmer.evaluation import ResultStore
from cdmer.evaluation.statistics import compare, comparisons

NAMES = ["lab", "nir", "webcam"]
METHODS = {
    "SVM": {"class": "SourceOnly"},
    "TCA": {"class": "TCA", "param_grid": {"n_components": [2, 4]}},
}
FOREST = {
    "class": "SourceOnly",
    "estimator": {"class": "RandomForestClassifier", "n_estimators": 60},
}
BAD = {"class": "TCA", "n_components": -1}


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "cdmer.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_config(folder, names=NAMES, methods=METHODS, **more):
    write_tables(folder, names)
    content = {
        "title": "Made up",
        "corpora": [{"source": f"features:{name}.npz"} for name in names],
        "protocol": {"class": "CDMERPairs", "experiments": "all"},
        "selection": ["label-free:entropy", "oracle"],
        **more,
        "methods": methods,
    }
    path = folder / "bench.toml"
    path.write_text(toml_text(content))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a config, and what running it once printed."""
    folder = tmp_path_factory.mktemp("finished")
    outcome = cdmer("benchmark", write_config(folder), "-j", 1)
    assert outcome.returncode == 0, outcome.stderr
    return folder, outcome


@pytest.mark.parametrize("command", ["benchmark", "report", "compare", "doctor"])
def test_help(command):
    outcome = cdmer(command, "--help")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("Usage: cdmer")
    assert not outcome.stderr
    if command == "benchmark":
        assert "3 if jobs failed" in " ".join(outcome.stdout.split())


def test_benchmark_prints_the_main_table_and_keeps_every_job(finished):
    folder, outcome = finished
    with ResultStore(folder / "bench.sqlite", read_only=True) as store:
        results = store.results()
    table = results.table()
    assert list(table.columns) == ["SVM", "TCA, label-free:entropy", "TCA, oracle"]
    for name in table.columns:
        numbers = " ".join(f"{value:.4f}" for value in table[name])
        assert re.search(rf"^{name} +{re.sub(' ', ' +', numbers)}$", outcome.stdout, re.M)
    assert "18 jobs, 0 of them in the store already, 0 failed" in outcome.stdout
    assert outcome.stderr == "cdmer: 18 jobs, 0 of them in the store already\n"
    assert results.info["command"] == "cdmer benchmark bench.toml"
    assert results.info["config"] == (folder / "bench.toml").read_text()


def test_benchmark_does_nothing_twice(finished):
    folder, outcome = finished
    again = cdmer("benchmark", folder / "bench.toml")
    assert again.returncode == 0
    assert "18 jobs, 18 of them in the store already, 0 failed" in again.stdout
    assert again.stdout.split("\n\n")[0] == outcome.stdout.split("\n\n")[0]
    assert again.stderr == "cdmer: 18 jobs, 18 of them in the store already\n"
    quiet = cdmer("benchmark", folder / "bench.toml", "-q")
    assert not quiet.stderr
    assert quiet.stdout.rstrip() == outcome.stdout.split("\n\n")[0]


def test_a_dry_run_writes_nothing(tmp_path):
    path = write_config(tmp_path)
    before = sorted(tmp_path.iterdir())
    outcome = cdmer("benchmark", path, "--dry-run")
    assert outcome.returncode == 0, outcome.stderr
    assert "18 jobs in 6 experiments" in outcome.stdout
    assert sorted(tmp_path.iterdir()) == before


def test_a_failing_method_costs_its_jobs_alone(tmp_path, finished):
    path = write_config(tmp_path, methods={"bad": BAD, **METHODS})
    outcome = cdmer("benchmark", path, "--store", tmp_path / "other.sqlite", "-j", 1)
    assert outcome.returncode == 3
    amount, *lines = outcome.stderr.splitlines()
    assert amount == "cdmer: 24 jobs, 0 of them in the store already"
    assert len(lines) == 6
    assert lines[0] == (
        "cdmer: bad, experiment lab → nir, fold nir: ParameterError: n_components: expected a "
        "whole number >= 1, got -1"
    )
    assert "24 jobs, 0 of them in the store already, 6 failed" in outcome.stdout
    assert outcome.stdout.split("\n\n")[0] == finished[1].stdout.split("\n\n")[0]
    assert not (tmp_path / "bench.sqlite").exists()
    # Failed jobs are tried again, finished ones are not.
    again = cdmer("benchmark", path, "--store", tmp_path / "other.sqlite", "-j", 1)
    assert again.returncode == 3
    assert "24 jobs, 18 of them in the store already, 6 failed" in again.stdout


def test_nothing_but_failures_is_an_error(tmp_path):
    outcome = cdmer("benchmark", write_config(tmp_path, methods={"bad": BAD}), "-j", 1, "-q")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("cdmer: methods: 6 of 6 jobs failed; first method 'bad'")
    assert outcome.stderr.count("\n") == 1


def wait_for_jobs(store, least, process):
    """Wait until a store holds so many jobs, or the process that writes them has ended."""
    while process.poll() is None:
        try:
            with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
                if connection.execute("SELECT count(*) FROM jobs").fetchone()[0] >= least:
                    return
        except sqlite3.OperationalError:  # not there yet
            pass
        time.sleep(0.01)


def predictions(store):
    with ResultStore(store, read_only=True) as opened:
        return opened.results().predictions


@pytest.mark.slow
def test_killed_and_started_again_it_gives_the_same(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        write_config(folder, methods={**METHODS, "forest": FOREST}, seeds=[0, 1, 2])
    expected = cdmer("benchmark", whole / "bench.toml", "-j", 2)
    assert expected.returncode == 0, expected.stderr
    store, killed = broken / "bench.sqlite", 0
    for least in (0, 1, 9, 25):
        process = start("benchmark", broken / "bench.toml", "-j", 1)
        wait_for_jobs(store, least, process)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed == 4
    outcome = cdmer("benchmark", broken / "bench.toml", "-j", 1)
    assert outcome.returncode == 0, outcome.stderr
    found = int(re.search(r"(\d+) of them in the store already", outcome.stdout)[1])
    assert 25 <= found < 36
    assert outcome.stdout.split("\n\n")[0] == expected.stdout.split("\n\n")[0]
    assert predictions(store).equals(predictions(whole / "bench.sqlite"))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_stopped_by_hand_it_says_how_to_go_on(tmp_path, monkeypatch, n_jobs):
    gate = tmp_path / "gate"
    gate.touch()
    monkeypatch.setenv(waiting.FILE, str(gate))
    methods = {
        "SVM": METHODS["SVM"],
        "forest": FOREST,
        "waiting": {"class": "SourceOnly", "estimator": {"class": "WaitingSVC"}},
    }
    path = write_config(tmp_path, methods=methods, seeds=[0, 1])
    command = [sys.executable, waiting.__file__, "benchmark", path, "-j", str(n_jobs)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        # Three jobs come before the first that waits, which ends after the signal alone.
        wait_for_jobs(tmp_path / "bench.sqlite", 3, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    finally:
        gate.unlink()
    assert process.returncode == 130, errors
    amount, line = errors.splitlines()
    assert amount == "cdmer: 30 jobs, 0 of them in the store already"
    kept = re.fullmatch(
        r"cdmer: stopped; .*bench.sqlite keeps (\d+) jobs, and the same command goes on "
        "from there",
        line,
    )
    assert 3 <= int(kept[1]) <= 3 * n_jobs
    monkeypatch.setattr(waiting._entries, "METHODS", waiting.METHODS)
    outcome = cdmer("benchmark", path, "-j", 1)
    assert outcome.returncode == 0, outcome.stderr
    assert f"30 jobs, {kept[1]} of them in the store already, 0 failed" in outcome.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "cdmer-130"}, "bench.toml: schema: unknown key 'schema'; did you mean 'sche"),
        ({"methods": {"a": {"class": "TCB"}}}, "methods: a: class: unknown class 'TCB'; did you"),
        ({"store": "no/folder.sqlite"}, "no/folder.sqlite"),
        ({"report": "no/folder.html"}, "report: there is no folder"),
        ({"corpora": [{"source": "features:lab.npz"}]}, "corpora: the protocol has no pair"),
    ],
)
def test_errors_take_one_line(tmp_path, change, message):
    path = write_config(tmp_path, **{"methods": METHODS, **change})
    outcome = cdmer("benchmark", path, "-j", 1)
    assert outcome.returncode == 1
    assert message in outcome.stderr
    assert outcome.stderr.startswith("cdmer: ")
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["report", "compare"])
def test_what_is_no_store_is_refused_in_one_line(tmp_path, command):
    missing, text, newer = (
        tmp_path / name for name in ("none.sqlite", "text.sqlite", "new.sqlite")
    )
    text.write_text("not a store, but long enough to be taken for one" * 100)
    ResultStore(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for path in (missing, text, newer):
        outcome = cdmer(command, path)
        assert outcome.returncode == 1
        assert path.name in outcome.stderr
        assert outcome.stderr.startswith("cdmer: ")
        assert outcome.stderr.count("\n") == 1
    assert "99" in outcome.stderr
    assert not missing.exists()


def test_report_lists_runs(finished):
    outcome = cdmer("report", finished[0] / "bench.sqlite", "--list")
    assert outcome.returncode == 0, outcome.stderr
    assert re.search(
        r"^ *1 [-\d]{10} [\d:]{5} UTC Made up +CDMERPairs +cdmer-130 +18 +18 +0$",
        outcome.stdout,
        re.M,
    )


def test_no_run_is_said_not_tabulated(tmp_path):
    ResultStore(tmp_path / "none.sqlite").close()
    outcome = cdmer("report", tmp_path / "none.sqlite", "--list")
    assert outcome.returncode == 1
    assert outcome.stderr.endswith("none.sqlite: the store holds no run\n")


def test_report_writes_html(finished, tmp_path):
    out = tmp_path / "out.html"
    outcome = cdmer("report", finished[0] / "bench.sqlite", "-o", out)
    assert outcome.returncode == 0, outcome.stderr
    text = out.read_text(encoding="utf-8")
    assert "Made up" in text
    assert "TCA, oracle" in text
    assert outcome.stdout == f"{out}: Made up, 18 jobs\n"


def test_report_prints_tables(finished, tmp_path):
    store = finished[0] / "bench.sqlite"
    with ResultStore(store, read_only=True) as opened:
        results = opened.results()
    for kind, expected in (
        ("csv", results.to_frame().to_csv(index=False)),
        ("markdown", results.to_markdown("WAR")),
        ("latex", results.to_latex("WAR")),
    ):
        more = [] if kind == "csv" else ["--metric", "WAR"]
        outcome = cdmer("report", store, "--format", kind, *more)
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout.rstrip() == expected.rstrip()
        out = tmp_path / kind
        written = cdmer("report", store, "--format", kind, *more, "-o", out, "-q")
        assert (written.returncode, written.stdout) == (0, "")
        assert out.read_text(encoding="utf-8") == outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--run", 7], 1, "run: expected one of [1]"),
        (
            ["--format", "markdown", "--metric", "UF2"],
            1,
            "unknown metric 'UF2'; did you mean 'UF1'",
        ),
        (["--metric", "WAR"], 2, "--metric: --format html shows all of them"),
        (["-o", "/nowhere/at/all.html"], 1, "--out: there is no folder /nowhere/at"),
    ],
)
def test_report_errors(finished, arguments, code, message):
    outcome = cdmer("report", finished[0] / "bench.sqlite", *arguments)
    assert outcome.returncode == code
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_compare_two_methods(finished):
    store = finished[0] / "bench.sqlite"
    outcome = cdmer("compare", store, "SVM", "TCA, oracle", "--metric", "WAR")
    assert outcome.returncode == 0, outcome.stderr
    with ResultStore(store, read_only=True) as opened:
        expected = compare(opened.results(), "SVM", "TCA, oracle", "WAR")
    lines = outcome.stdout.splitlines()
    assert lines[-1] == str(expected)
    for row, line in zip(expected.experiments.itertuples(), lines[1:7], strict=True):
        assert line.lstrip().startswith(row.experiment)
        assert f"{row.difference:.4f}" in line
        assert f"{row.p_value:.4f}" in line


def test_compare_all_pairs(finished):
    store = finished[0] / "bench.sqlite"
    outcome = cdmer("compare", store)
    assert outcome.returncode == 0, outcome.stderr
    with ResultStore(store, read_only=True) as opened:
        expected = comparisons(opened.results())
    lines = outcome.stdout.splitlines()[1:]
    assert len(lines) == 3
    for row, line in zip(expected.itertuples(), lines, strict=True):
        assert row.a in line
        assert row.b in line
        assert f"{row.p_holm:.4f}" in line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["SVM"], 2, "expected two methods or none, got 1"),
        (["SVM", "TCA, orakle"], 1, "unknown method 'TCA, orakle'; did you mean 'TCA, oracle'?"),
        (["SVM", "TCA"], 1, "unknown method 'TCA'; did you mean 'TCA, label-free:entropy'?"),
        (["SVM", "SVM"], 1, "expected another method"),
        (["--metric", "accuracy"], 1, "--metric: unknown metric 'accuracy'; expected one of 'UF1'"),
    ],
)
def test_compare_errors(finished, arguments, code, message):
    outcome = cdmer("compare", finished[0] / "bench.sqlite", *arguments)
    assert outcome.returncode == code
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_doctor_finds_this_installation_in_health():
    outcome = cdmer("doctor", "--json")
    found = json.loads(outcome.stdout)
    assert list(found) == ["software", "devices", "published features", "disk", "self-test"]
    lines = {line["name"]: line for section in found.values() for line in section}
    assert lines["Python"]["found"].startswith(f"{sys.version_info.major}.")
    assert lines["scikit-learn"]["ok"]
    for name in ("LBP-TOP", "TGSR, optimality", "TGSR, recognition", "SVM", "store"):
        assert lines[name]["ok"], lines[name]
    broken = [name for name, line in lines.items() if line["ok"] is False]
    assert outcome.returncode == bool(broken)
    assert outcome.stderr == (f"cdmer: broken: {', '.join(broken)}\n" if broken else "")


DOCTOR = """
import sys
from importlib import metadata

found = metadata.version

def version(name):
    if name == "torch":
        raise metadata.PackageNotFoundError(name)
    return "0.0.1" if name == "joblib" else found(name)

metadata.version = version

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "tqdm":
            raise ImportError("libtqdm.so.1: cannot open shared object file")

sys.meta_path.insert(0, Broken())
from cdmer.cli import main
sys.argv = ["cdmer", "doctor"]
main()
"""


def test_doctor_names_what_is_broken_and_what_is_missing(tmp_path, monkeypatch):
    from cdmer._published_files import FILES

    monkeypatch.setenv("CDMER_DATA", str(tmp_path))
    (tmp_path / FILES["smic-nir"].name).write_bytes(b"torn")
    outcome = subprocess.run(
        [sys.executable, "-c", DOCTOR], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 1
    lines = outcome.stdout.splitlines()

    def line(start):
        return next(one for one in lines if re.match(rf"  \S+ +{start}  ", one))

    assert line("tqdm").startswith("  BROKEN")
    assert "does not load: ImportError: libtqdm.so.1" in line("tqdm")
    assert line("joblib").startswith("  BROKEN")
    assert "0.0.1, expected 1.4 or later" in line("joblib")
    assert line("torch").startswith("  --")
    assert 'pip install "cdmer[deep]"' in line("torch")
    assert line("smic-nir").startswith("  BROKEN")
    assert "not the published file" in line("smic-nir")
    assert re.fullmatch(r"cdmer: broken: .*joblib, .*tqdm, .*smic-nir.*\n", outcome.stderr)
