"""The database that CONTRIBUTING shows, held to what every declaration owes."""

import os
import re
import subprocess
import sys

import pytest
from corruption import Tree

from cdmer.adaptation import SourceOnly
from cdmer.cli import main
from cdmer.corpora import (
    check_database,
    get_scheme,
    list_databases,
    load_database,
    make_database,
    make_synthetic_corpus,
)
from cdmer.evaluation import CDMERPairs, benchmark
from cdmer.evaluation.config import load_config
from cdmer.features import LBPTOP, RegionGrid

SMALL = {
    "n_clips": 9,
    "n_subjects": 3,
    "size": 32,
    "preset": "webcam-25fps",
    "random_state": 0,
}


@pytest.fixture
def layout(registry, build):
    return build("A database").OURS


@pytest.fixture
def copy(layout, tmp_path):
    return tmp_path / "copy"


@pytest.mark.parametrize("variant", ["raw", "cropped"])
def test_what_is_written_loads_to_the_cell(layout, copy, variant):
    written = make_database("ours", copy, variant=variant, **SMALL)
    loaded = load_database("ours", copy, variant=variant)
    assert [clip.__dict__ for clip in loaded] == [clip.__dict__ for clip in written]
    assert loaded.name == list_databases()[-1] == "ours"
    assert set(loaded.table["label"]) == set(layout.emotions)
    assert sum(clip.apex is None for clip in loaded) == 1
    assert loaded.table["onset"].notna().all()
    assert loaded[0].frames.shape == (len(loaded[0].frame_numbers), 32, 32)


def test_its_rehearsal_copy_passes_the_check(copy):
    make_database("ours", copy, **SMALL)
    found = check_database("ours", copy)
    assert found.complete
    assert [fault.kind for fault in found.faults] == ["unknown"]  # the apex that is left open
    assert (found.label_file, found.counts["all"]) == ("ours_labels.xlsx", 9)


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("missing_folder", "missing-folder"),
        ("missing_frame", "gap"),
        ("empty_folder", "frames"),
        ("duplicate_row", "duplicate"),
        ("missing_row", "missing-row"),
    ],
)
def test_a_damaged_copy_is_reported(layout, tmp_path, damage, kind):
    written = make_database("ours", tmp_path / "whole", **SMALL)
    spoilt = Tree.of(tmp_path / "whole", layout, written).copy(tmp_path / "spoilt")
    spoilt.spoil(damage, 2, 3, None, None, None)
    spoilt.finish()
    found = check_database("ours", spoilt.root)
    assert sorted(fault.kind for fault in found.faults) == sorted(["unknown", kind])


def test_label_schemes_know_its_emotions(layout, copy):
    written = make_database("ours", copy, **SMALL)
    expected = [layout.schemes["three"][clip.label] or None for clip in written]
    assert written.labels("three") == expected
    assert set(expected) == {*get_scheme("three").classes, None}


def test_it_runs_in_a_benchmark(copy):
    make_database("ours", copy, **SMALL)
    corpora = [
        load_database("ours", copy),
        make_synthetic_corpus("webcam-25fps", n_clips=6, size=32, random_state=0),
    ]
    results = benchmark(
        {"SVM": SourceOnly()},
        corpora,
        CDMERPairs(None),
        descriptor=LBPTOP(radius=1, grid=RegionGrid((1,))),
        scheme="three",
        progress=False,
    )
    kept = sum(label is not None for label in corpora[0].labels("three"))
    assert len(results.predictions) == kept + 6
    assert set(results.experiments) == {"ours → webcam-25fps", "webcam-25fps → ours"}


def test_config_files_and_the_command_line_know_it(copy, tmp_path, monkeypatch, capsys):
    make_database("ours", copy, **SMALL)
    config = tmp_path / "benchmark.toml"
    config.write_text(
        'scheme = "three"\n'
        'corpora = [{source = "ours:copy"}, {source = "synthetic:nir-25fps", n_clips = 6}]\n'
        'protocol = {class = "CDMERPairs", experiments = "all"}\n'
        'descriptor = {class = "LBPTOP"}\n'
        "[methods.SVM]\n"
        'class = "SourceOnly"\n'
    )
    assert [corpus.name for corpus in load_config(config).open_corpora()] == ["ours", "nir-25fps"]
    for command in (["list"], ["check", "ours", str(copy)]):
        monkeypatch.setattr(sys, "argv", ["cdmer", "corpora", *command])
        main()
    said = capsys.readouterr().out
    assert re.search(r"^ours +Our Database +\? +raw, cropped +ours_labels.xlsx$", said, re.M)
    assert "clips:\n    all              9  published -" in said


def test_another_process_knows_it_by_its_entry_point(layout, tmp_path):
    package = tmp_path / "stranger-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[cdmer.databases]\nours = stranger.own\n")
    paths = [str(tmp_path), *filter(None, sys.path)]
    made = subprocess.run(
        [sys.executable, "-m", "cdmer.cli", "corpora", "make", "ours", "--size", "32"]
        + ["--n-clips", "3", "--out", str(tmp_path / "copy")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert len(load_database("ours", tmp_path / "copy")) == 3
