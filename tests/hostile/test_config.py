"""Benchmark files of strangers write in their folder alone, and ask for no more than there is."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from nursery import accepted, refused

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
from feature_tables import toml_text, write_tables  # noqa: E402

CORPORA = [{"source": "features:lab.npz"}, {"source": "features:webcam.npz"}]
PAIRS = {"class": "CDMERPairs", "experiments": "all"}
SVM = {"SVM": {"class": "SVC"}}


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder, ["lab", "webcam"], n_clips=12, n_features=4)
    return folder


class Desk:
    """A folder of a stranger's, `work`, beside what is the user's own."""

    def __init__(self, root, tables, nursery):
        self.root, self.nursery = root, nursery
        self.work, self.home = root / "work", root / "home"
        shutil.copytree(tables, self.work)
        (self.home / ".ssh").mkdir(parents=True)
        self.key = self.home / ".ssh" / "authorized_keys"
        self.key.write_text("ssh-ed25519 the user's own\n")
        self.path = self.work / "bench.toml"

    def write(self, content):
        text = content if isinstance(content, str) else toml_text(content)
        self.path.write_text(text, encoding="utf-8")

    def outside(self):
        """All that is there but for the stranger's folder."""
        paths = sorted(p for p in self.root.rglob("*") if self.work not in (p, *p.parents))
        return {p: p.read_bytes() if p.is_file() else p.stat().st_mode for p in paths}

    def run(self, *options):
        """Run the benchmark, and see to it that nothing outside has changed."""
        before = self.outside()
        outcome = self.nursery.cdmer(
            "benchmark", self.path, "-q", "-j", 1, "--cache", self.work / "cache", *options
        )
        assert self.outside() == before
        return outcome


@pytest.fixture
def desk(tmp_path, tables, nursery):
    return Desk(tmp_path, tables, nursery)


def content(**changes):
    return {"corpora": CORPORA, "protocol": PAIRS, "methods": SVM} | changes


def grid(**param_grid):
    return {"methods": {"SVM": {"class": "SVC", "param_grid": param_grid}}}


def test_a_sound_file_runs_and_its_dry_run_names_what_is_written(desk):
    desk.write(content(report="out.html", store="sub/jobs.sqlite"))
    (desk.work / "sub").mkdir()
    said = accepted(desk.run("--dry-run"))
    written = [line for line in said.splitlines() if line.startswith("writes: ")]
    assert len(written) == 2
    assert written[0].startswith(f"writes: {desk.work / 'sub' / 'jobs.sqlite'}, and while it runs")
    assert written[1] == f"writes: {desk.work / 'out.html'}"
    assert not list(desk.work.rglob("*.sqlite*")) + list(desk.work.rglob("*.html"))
    assert "2 jobs in 2 experiments" in said
    accepted(desk.run())
    made = {p.relative_to(desk.work).as_posix() for p in desk.work.rglob("*") if p.is_file()}
    assert made == {"bench.toml", "lab.npz", "webcam.npz", "out.html", "sub/jobs.sqlite"}
    accepted(desk.run())  # its own report is replaced


def test_the_key_of_the_user_stays(desk):
    desk.write(
        'title = """\nssh-ed25519 AAAAC3Nza attacker\n"""\n'
        'report = "../home/.ssh/authorized_keys"\n' + toml_text(content())
    )
    for options in ((), ("--dry-run",)):
        refused(desk.run(*options), "bench.toml", "report", "authorized_keys")


OUTPUTS = [
    ("report", "../home/x.html"),
    ("report", "../work/../home/x.html"),
    ("report", "{home}/x.html"),
    ("report", "sub/../../home/x.html"),
    ("report", "link/x.html"),
    ("report", "link.html"),
    ("report", "loose.html"),
    ("report", "bench.toml/x.html"),
    ("report", "out.htm"),
    ("report", ".bashrc"),
    ("report", "out.html\u0000"),
    ("report", "a\nb.html"),
    ("report", "a" * 5000 + ".html"),
    ("report", "bench.toml"),
    ("store", "../home/x.sqlite"),
    ("store", "{home}/x.sqlite"),
    ("store", "link/x.sqlite"),
    ("store", "link.sqlite"),
    ("store", "loose.sqlite"),
    ("store", "crontab"),
    ("store", "lab.npz"),
    ("store", ".."),
]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry"])
@pytest.mark.parametrize(("key", "text"), OUTPUTS)
def test_outputs_stay_in_the_folder(desk, key, text, dry):
    (desk.work / "sub").mkdir()
    os.symlink(desk.home, desk.work / "link")
    os.symlink(desk.key, desk.work / "link.html")
    os.symlink(desk.home / "new.html", desk.work / "loose.html")
    os.symlink(desk.home / "jobs", desk.work / "link.sqlite")
    os.symlink(desk.home / "new.sqlite", desk.work / "loose.sqlite")
    desk.write(content(**{key: text.format(home=desk.home)}))
    refused(desk.run(*dry), "bench.toml", key)


@pytest.mark.parametrize("name", ["bench.sqlite", "bench-answers"])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry"])
def test_a_link_in_place_of_the_store_leads_nowhere(desk, name, dry):
    os.symlink(desk.home / "new", desk.work / name)
    desk.write(content())
    refused(desk.run(*dry), "bench.toml", "store", name)
    accepted(desk.run(*dry, "--store", desk.work / "other.sqlite"))


@pytest.mark.parametrize("name", ["bench.sqlite-wal", "bench.sqlite-shm", "bench.sqlite-journal"])
def test_a_link_beside_the_store_is_not_followed(desk, name):
    desk.write(content())
    accepted(desk.run())
    os.symlink(desk.key, desk.work / name)
    outcome = desk.run()
    assert outcome.kind in ("accepted", "refused")


@pytest.mark.parametrize(
    ("key", "name", "text"),
    [
        ("report", "notes.html", "<html>notes of the user's own</html>"),
        ("report", "quoted.html", '<p><meta name="generator" content="cdmer"></p>'),
        ("store", "notes.sqlite", "no database, but text of the user's own" * 100),
        ("store", "notes.db", "SQLite format 3\0" + "and then nothing of that kind" * 100),
    ],
)
def test_files_of_others_are_not_replaced(desk, key, name, text):
    path = desk.work / name
    path.write_text(text)
    desk.write(content(**{key: name}))
    refused(desk.run(), name)
    desk.write(content())
    refused(desk.run(f"--{key}", path), name)
    assert path.read_text() == text


def test_a_report_on_the_command_line_may_go_anywhere(desk):
    desk.write(content())
    outcome = desk.nursery.cdmer(
        "benchmark", desk.path, "-q", "-j", 1, "--report", desk.home / "mine.html"
    )
    accepted(outcome)
    assert (desk.home / "mine.html").read_text().startswith("<!DOCTYPE html>")


LARGE = [
    (grid(C=[{"start": 1, "stop": 100_000, "step": 1}] * 200), "SVM", "settings"),
    (grid(**dict.fromkeys(("C", "gamma"), {"start": 1, "stop": 1e5, "step": 1})), "1e+10"),
    (grid(**dict.fromkeys(("C", "gamma", "tol", "coef0"), {"logspace": [0, 1, 10**5]})), "1e+18"),
    (grid(C={"start": 1e-300, "stop": 1e299, "step": 1e-300}), "stop: expected a number"),
    (grid(C={"start": 0, "stop": 1e15, "step": 5e-324}), "gives 1e+18 values"),
    (grid(C={"logspace": [0, 1, 10**9]}), "logspace: 3: expected a number"),
    (grid(C={"logspace": [0, 300, 3]}), "logspace: expected [first exponent"),
    (grid(C=[{"start": 1, "stop": 10**5, "step": 1}] * 200, gamma=[]), "settings"),
    (grid(cache_size=[10**9]), "cache_size: 1: expected a number"),
    (
        {
            "methods": {
                f"m{i}": grid(C={"start": 1, "stop": 60_000, "step": 1})["methods"]["SVM"]
                for i in range(2)
            }
        },
        "methods: m1",
        "1.2e+05",
    ),
    (
        {
            "methods": {
                "vote": {
                    "class": "GridVoting",
                    "estimator": {"class": "TCA"},
                    "param_grid": {
                        "mu": {"start": 1, "stop": 1e4, "step": 1},
                        "n_components": {"start": 1, "stop": 1000, "step": 1},
                    },
                }
            }
        },
        "methods: vote",
        "1e+07",
    ),
    (
        {
            "methods": {
                "votes": {
                    "steps": [
                        {
                            "class": "GridVoting",
                            "param_grid": {"mu": {"start": 1, "stop": 1000, "step": 1}},
                        }
                    ],
                    "param_grid": {"gridvoting__estimator__tol": [1.0] * 1000},
                }
            }
        },
        "methods: votes",
        "1e+06",
    ),
    ({"seeds": list(range(100_000))}, "seeds: expected 1000 entries at most"),
    ({"seeds": [2**32]}, "seeds: 1: expected a number"),
    ({"corpora": [{"source": "synthetic:nir-25fps", "n_clips": 10**9}]}, "n_clips: expected"),
    ({"corpora": CORPORA * 100}, "corpora: expected 100 entries"),
    ({"methods": {f"m{i}": {"class": "SVC"} for i in range(1001)}}, "methods: expected 1000 keys"),
    ({"methods": {"f": {"class": "RandomForestClassifier", "n_estimators": 10**9}}}, "n_estimator"),
    ({"methods": {"f": {"class": "RandomForestClassifier", "n_estimators": 1e9}}}, "n_estimators"),
    (
        {"methods": {"f": {"class": "RandomForestClassifier", "param_grid": {"n_jobs": [10**6]}}}},
        "n_jobs: 1: expected a number",
    ),
    ({"methods": {"p": {"class": "MLPClassifier", "hidden_layer_sizes": [9999, 9999]}}}, "weights"),
    (
        {
            "methods": {
                "p": {
                    "class": "MLPClassifier",
                    "param_grid": {"hidden_layer_sizes": [[9999, 9999]]},
                }
            }
        },
        "hidden_layer_sizes: 1: expected",
    ),
    ({"methods": {"p": {"class": "MLPClassifier", "hidden_layer_sizes": [1] * 99}}}, "20 entries"),
    ({"methods": {"p": {"class": "PCA", "n_oversamples": 10**7}}}, "n_oversamples: expected"),
    ({"methods": {"s": {"class": "SVC", "C": float("nan")}}}, "C: expected a number"),
    ({"methods": {"s": {"class": "SVC", "C": float("inf")}}}, "C: expected a number"),
    ({"methods": {"s": {"class": "SVC", "tol": -(10**25)}}}, "tol: expected a number"),
    ({"methods": {"s": {"class": "SVC", "citation": "x" * 20_000}}}, "citation: expected text"),
    ({"methods": {"n" * 300: {"class": "SVC"}}}, "methods: expected keys"),
    ({"descriptor": {"class": "TemporalInterpolation", "n_frames": 10**9}}, "n_frames: expected"),
    ({"descriptor": {"class": "Resize", "height": 10**7}}, "height: expected a number"),
    ({"descriptor": {"class": "FlowImages", "size": 10**6}}, "size: expected a number"),
    (
        {"descriptor": {"class": "LBPTOP", "grid": {"class": "RegionGrid", "levels": [10**6]}}},
        "levels: 1: expected a number",
    ),
    (
        {"descriptor": {"class": "LBPTOP", "grid": {"class": "RegionGrid", "levels": [2] * 99}}},
        "levels: expected 16 entries",
    ),
    ({"title": "x" * 20_000}, "title: expected text of 10000 characters"),
]


@pytest.mark.parametrize("change", LARGE, ids=lambda change: change[-1][:30].replace(" ", "-"))
def test_numbers_have_bounds(desk, change):
    given, *texts = change
    desk.write(content(**given))
    refused(desk.run("--dry-run"), "bench.toml", *texts)


def test_columns_of_a_descriptor_have_a_bound(desk):
    levels = {"class": "RegionGrid", "levels": [256] * 16}
    desk.write(
        {
            "corpora": [
                {"source": f"synthetic:{n}", "n_clips": 3} for n in ("nir-25fps", "webcam-25fps")
            ],
            "protocol": PAIRS,
            "methods": SVM,
            "descriptor": {"class": "LBPTOP", "n_points": 16, "uniform": False, "grid": levels},
        }
    )
    for options in ((), ("--dry-run",)):
        refused(desk.run(*options), "corpora", "the memory of this machine, got about")


def deep(n):
    return "[" * n + "]" * n


TEXTS = {
    "arrays": f"a = {deep(100_000)}\n",
    "300 tables": "a = " + "{a = " * 300 + "1" + "}" * 300,
    "40 arrays": f"title = {deep(40)}",
    "dotted key": ".".join("a" * 400_000) + " = 1",
    "dotted table": "[" + ".".join("a" * 400_000) + "]",
    "dotted and spaced": " . ".join("a" * 100_000) + " = 1",
    "dotted and quoted": ".".join(['"\\""'] * 100_000) + " = 1",
    "dotted and long": ".".join([f'"{"k" * 201}"'] * 5000) + " = 1",
    "dotted and empty": ".".join(["''"] * 100_000) + " = 1",
    "digits": "seeds = " + "9" * 5001,
    "negative digits": "seeds = -" + "9" * 5001,
    "hexadecimal digits": "seeds = 0x" + "f" * 100_000,
    "digits below the limit": "seeds = " + "9" * 4000,
    "a float of many digits": "seeds = " + "9" * 100_000 + ".5",
    "a float without end": "seeds = 1e999999999",
    "twice": "title = 'a'\ntitle = 'b'",
    "a table twice": "[methods.a]\n[methods.a]",
    "a key within a value": "title = 'a'\n[title.x]\n",
    "a month that is none": "title = 2020-13-45",
    "control characters": "title = '\x1b[31m'",
    "null": "title = '\0'",
    "an unknown escape": 'title = "\\q"',
    "half a pair": 'title = "\\ud800"',
    "no end": 'title = """',
    "a key with an escape": '"\\u001b[31m" = 1',
    "a key of lines": '"a\\nb" = 1',
    "quotes without end": "a = " + '"\\' * 200_000,
    "empty": "",
    "too large": "# " + "x" * 2**20,
    "values": "title = [" + "1," * 400_000 + "]",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_parsers_stumble_over(desk, name):
    desk.write(TEXTS[name])
    line = refused(desk.run("--dry-run"), "bench.toml")
    assert "\x1b" not in line
    assert len(line) < 1000


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "bytes"])
def test_files_that_are_none(desk, kind):
    if kind == "pipe":
        os.mkfifo(desk.path)
    elif kind == "device":
        desk.path.symlink_to("/dev/zero")
    elif kind == "folder":
        desk.path.mkdir()
    else:
        desk.path.write_bytes(bytes(range(256)))
    outcome = desk.run("--dry-run")
    assert outcome.kind == "refused"
    assert "bench.toml" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
    assert refused(
        desk.nursery.python(
            f"from cdmer.evaluation.config import load_config; load_config({str(desk.path)!r})"
        ),
        "bench.toml",
    )


@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
@pytest.mark.parametrize(
    "change",
    [
        {"corpora": [{"source": "features:it.npz"}]},
        {"corpora": [{"source": "it.csv"}]},
        {"corpora": [{"source": "casme2:home", "label_file": "it.npz"}]},
        {
            "descriptor": {
                "class": "CropAlign",
                "detector": {"class": "YuNetDetector", "model_path": "it.npz"},
            }
        },
    ],
    ids=["features", "manifest", "label file", "detector"],
)
def test_what_is_read_is_a_regular_file(desk, target, change):
    (desk.work / "home").mkdir()
    for name in ("it.npz", "it.csv"):
        if target == "pipe":
            os.mkfifo(desk.work / name)
        else:
            os.symlink(target, desk.work / name)
    desk.write(content(**change))
    refused(desk.run("--dry-run"), "bench.toml")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "from cdmer.corpora import make_synthetic_corpus\n"
            "make_synthetic_corpus('nir-25fps', n_clips=10**9)",
            "n_clips",
        ),
        (
            "from cdmer.corpora import make_synthetic_corpus\n"
            "make_synthetic_corpus('nir-25fps', n_clips=3, size=10**6)",
            "size",
        ),
        (
            "from cdmer.features import LBPTOP, RegionGrid\n"
            "LBPTOP(grid=RegionGrid((10**5,))).fit()",
            "grid: expected 10000000 features",
        ),
        (
            "from cdmer.evaluation._runner.estimate import check_settings\n"
            "check_settings({k: range(10**9) for k in 'abcdefgh'}, 'methods')",
            "methods: 1e+18 settings",
        ),
    ],
)
def test_python_has_bounds_too(nursery, code, text):
    refused(nursery.python(code), text)
