"""A stranger's descriptor owes what ours owe, and is known by its name where ours are."""

import sys

import numpy as np
import pytest
from descriptor_contract import *  # noqa: F403

from cdmer.adaptation import SourceOnly
from cdmer.cli import main
from cdmer.corpora import make_synthetic_corpus
from cdmer.evaluation import CDMERPairs, benchmark
from cdmer.evaluation.config import run_config
from cdmer.extraction import FeatureTable
from cdmer.features import DESCRIPTORS, RegionGrid, _registry

CONFIG = """
scheme = "cdmer-130"
corpora = [
    {source = "synthetic:webcam-25fps", n_clips = 6},
    {source = "synthetic:nir-25fps", n_clips = 6},
]
protocol = {class = "CDMERPairs", experiments = "all"}
descriptor = {class = "GreyChange", lag = 2, grid = {class = "RegionGrid", levels = [2]}}
methods.SourceOnly = {class = "SourceOnly"}
"""


@pytest.fixture
def cls(build):
    module = build("A descriptor")
    sys.modules[module.__name__] = module  # pickles look it up
    yield module.GreyChange
    _registry._REGISTERED.pop("grey-change")
    for name in ("stranger", "stranger.own"):
        sys.modules.pop(name, None)


def test_values(cls):
    clip = np.zeros((5, 4, 4), dtype=np.uint8)
    clip[2:, :2, 2:] = [[10, 20], [30, 40]]
    rows = cls(lag=2, grid=RegionGrid((2,))).fit_transform([clip])
    # Two of three pairs of frames change, from 0 to these levels.
    np.testing.assert_allclose(rows, [[0, 0, 25 * 2 / 3, 40, 0, 0, 0, 0]])


def test_in_a_benchmark(cls, tmp_path):
    corpora = [
        make_synthetic_corpus(preset, n_clips=6, random_state=0)
        for preset in ("webcam-25fps", "nir-25fps")
    ]
    descriptor = cls(lag=2, grid=RegionGrid((2,)))
    results = benchmark(
        {"SourceOnly": SourceOnly()}, corpora, CDMERPairs(None), descriptor=descriptor
    )
    assert results.failures.empty
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    again = run_config(path, progress=False)
    assert again.predictions["y_pred"].tolist() == results.predictions["y_pred"].tolist()


def test_the_command_knows_its_name(cls, tmp_path, monkeypatch, capsys):
    out = tmp_path / "table.npz"
    arguments = ["extract", "synthetic:nir-25fps", "--descriptor", "grey-change", "--n-clips", "3"]
    more = ["--levels", "2", "--param", "lag=2", "-j", "1", "--no-cache", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["cdmer", "--import", cls.__module__, *arguments, *more])
    main()
    clips = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=0)
    expected = DESCRIPTORS["grey-change"](lag=2, grid=RegionGrid((2,))).transform(clips)
    np.testing.assert_array_equal(FeatureTable.load(out).features, expected)


def test_a_module_that_is_missing_takes_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cdmer", "--import", "no.such.module", "tgsr"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == (
        "cdmer: --import no.such.module: ModuleNotFoundError: No module named 'no'\n"
    )
