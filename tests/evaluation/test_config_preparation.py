import numpy as np
import pytest
from feature_tables import toml_text
from sklearn.pipeline import make_pipeline

from cdmer.evaluation import ResultStore
from cdmer.evaluation.config import load_config, run_config, summarize_config
from cdmer.extraction import extract
from cdmer.features import LBPTOP, RegionGrid
from cdmer.preprocessing import Preparation, TemporalInterpolation

CONTENT = {
    "corpora": [
        {"source": "synthetic:nir-25fps", "n_clips": 6},
        {"source": "synthetic:webcam-25fps", "n_clips": 6},
    ],
    "protocol": {"class": "CDMERPairs", "experiments": "all"},
    "preparation": {"n_frames": 10, "spot": "flow"},
    "descriptor": {
        "class": "LBPTOP",
        "radius": 1,
        "grid": {"class": "RegionGrid", "levels": [1, 2]},
    },
    "methods": {"SVM": {"class": "SourceOnly"}},
}


@pytest.fixture
def load(tmp_path):
    def loaded(**changes):
        path = tmp_path / "bench.toml"
        path.write_text(toml_text(CONTENT | changes))
        return load_config(path)

    return loaded


def test_its_steps_come_before_the_descriptor(load):
    config = load()
    assert config.preparation == Preparation(n_frames=10, spot="flow")
    clips = config.open_corpora()[0][:2]
    expected = make_pipeline(
        TemporalInterpolation(10), LBPTOP(radius=1, grid=RegionGrid((1, 2)))
    )  # LBP-TOP needs no apex
    np.testing.assert_array_equal(
        extract(clips, config.descriptor).features, extract(clips, expected).features
    )
    assert load(preparation={}).preparation == Preparation()


def test_the_dry_run_and_the_record_say_it(load):
    config = load()
    words = "preparation: apex by flow where none is annotated; interpolated to 10 frames"
    assert words in summarize_config(config).splitlines()
    with ResultStore() as store:
        results = run_config(config, store=store, progress=False)
    assert (
        "reference='both') → TemporalInterpolation(n_frames=10) → LBPTOP("
        in (results.info["descriptor"])
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"corp": True}, "unknown field of a preparation 'corp'; did you mean 'crop'"),
        ({"crop": 1}, "crop: expected True or False, got 1"),
        ({"size": 5000}, "size: expected a number from -1000 to 1000, got 5000"),
        ({"n_frames": 1}, "n_frames: expected a whole number >= 2"),
        ({"n_frames": 10**9}, "n_frames: expected a number from -10000 to 10000"),
        ({"detector": "yunet"}, "detector: expected 'cascade', 'yunet:FILE'"),
        ({"detector": "yunet:face.onnx"}, "model_path: there is no file '.*face.onnx'"),
        ({"detector": "yunet:/dev/zero"}, "detector: .*/dev/zero"),
        ({"detector": {"class": "CascadeDetector"}}, "detector: expected a text"),
        ({"spot": "best"}, "spot: expected one of"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(load, given, message):
    with pytest.raises(ValueError, match=rf"bench.toml: preparation: {message}") as refusal:
        load(preparation=given)
    assert "\n" not in str(refusal.value)


def test_one_without_a_descriptor_is_refused(load, monkeypatch):
    monkeypatch.delitem(CONTENT, "descriptor")
    with pytest.raises(ValueError, match="preparation: expected a descriptor beside it"):
        load()
    with pytest.raises(ValueError, match="preparation: expected a table, got True"):
        load(preparation=True)


def test_the_network_of_a_detector_lies_beside_the_file(load, tmp_path):
    network = tmp_path / "face.onnx"
    network.write_bytes(b"a network, to all appearances" * 20)
    config = load(preparation={"crop": True, "detector": "yunet:face.onnx"})
    assert config.preparation.detector == f"yunet:{network}"
    assert config.descriptor.steps[0][1].detector.model_path == str(network)


def test_its_extent_is_that_of_corpora_that_name_none(load, tmp_path):
    for clip in ("a", "b"):
        (tmp_path / clip).mkdir()
        for number in range(10):
            (tmp_path / clip / f"{number}.png").touch()  # frames are listed, not read
        rows = f"path,subject,label,onset,offset\n{clip},1,happiness,3,6\n"
        (tmp_path / f"{clip}.csv").write_text(rows)
    sources = [{"source": "a.csv"}, {"source": "b.csv", "extent": "expression"}]
    config = load(corpora=sources, preparation={"extent": "folder"})
    assert [len(corpus[0].frame_numbers) for corpus in config.open_corpora()] == [10, 4]
