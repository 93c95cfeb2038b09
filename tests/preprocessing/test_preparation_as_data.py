import hashlib
import json
import tomllib

import pytest

from cdmer.preprocessing import (
    ApexSpotter,
    CascadeDetector,
    CropAlign,
    Preparation,
    YuNetDetector,
)


def finder(frame):
    """A detector of one's own."""
    return []


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "face.onnx"
    path.write_bytes(b"a network, to all appearances" * 20)
    return path


NAMED = f"yunet:face.onnx (sha256 {'0a' * 32})"
EVERY = {
    "extent": "folder",
    "crop": True,
    "detector": "cascade",
    "size": 96,
    "margin": 0.2,
    "align": False,
    "face": (40.5, 30.0),
    "register": "similarity",
    "magnify": "casme2",
    "n_frames": 10,
    "spot": "flow",
}


@pytest.mark.parametrize("fields", [{}, EVERY, {"crop": True}, {"detector": NAMED}, {"face": 2}])
def test_plain_data_and_back(fields):
    preparation = Preparation(**fields)
    plain = preparation.to_dict()
    assert Preparation.from_dict(json.loads(json.dumps(plain))) == preparation
    toml = "\n".join(f"{name} = {json.dumps(value)}" for name, value in plain.items())
    assert Preparation.from_dict(tomllib.loads(toml)) == preparation
    listed = {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}
    assert plain | listed == plain


def test_a_network_is_named_by_its_digest_and_not_by_its_place(network):
    text = f"yunet:{network}"
    preparation = Preparation(crop=True, detector=text)
    [crop] = preparation.steps()
    assert crop.detector == YuNetDetector(network)
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    for detector in (text, YuNetDetector(network)):
        plain = Preparation(crop=True, detector=detector).to_dict()
        assert plain["detector"] == f"yunet:face.onnx (sha256 {digest})"
    assert str(network) not in str(preparation)
    assert Preparation(detector=CascadeDetector()).to_dict()["detector"] == "cascade"


@pytest.mark.parametrize("own", [CascadeDetector(min_hits=3), finder])
def test_a_detector_that_no_text_names_is_used_and_not_written(own):
    preparation = Preparation(crop=True, detector=own)
    assert preparation.steps()[0].detector is own
    with pytest.raises(ValueError, match="detector: expected one that a text names"):
        preparation.to_dict()


def test_a_description_opens_no_file():
    elsewhere = Preparation.from_dict({"crop": True, "detector": "yunet:/elsewhere/face.onnx"})
    with pytest.raises(FileNotFoundError, match="model_path: there is no file"):
        elsewhere.steps()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "preparation: expected a table of fields, got \\[\\]"),
        ({"corp": True}, "unknown field of a preparation 'corp'; did you mean 'crop'?"),
        ({"nonsense": 1}, "unknown field of a preparation 'nonsense'; expected one of 'extent', "),
        ({"crop": 1}, "crop: expected True or False, got 1"),
        ({"size": "112"}, "size: expected a whole number"),
        ({"size": 10**9}, "size: expected a whole number >= 1 and <= 4096"),
        ({"size": True}, "size: expected"),
        ({"margin": float("nan")}, "margin: expected a finite number"),
        ({"margin": 10**400}, "margin: expected a finite number"),
        ({"size": 10**20}, "size: expected a whole number >= 1 and <= 4096"),
        ({"face": 10**400}, "face: expected"),
        ({"face": [10**400, 1]}, "face: expected"),
        ({"align": "yes"}, "align: expected True or False"),
        ({"detector": {"class": "os"}}, "detector: expected a text such as 'cascade', got"),
        ({"detector": "yunet"}, "detector: expected 'cascade', 'yunet:FILE' .*, got 'yunet'$"),
        ({"detector": "cascade:x"}, "detector: expected 'cascade', .*, got 'cascade:x'$"),
        ({"detector": "cascad"}, "got 'cascad'; did you mean 'cascade'?"),
        ({"face": "largst"}, "face: expected"),
        ({"face": [1, 2, 3]}, "face: expected"),
        ({"face": -1}, "face: expected"),
        ({"magnify": "casme"}, "magnify: expected .*, got 'casme'; did you mean 'casme2'?"),
        ({"n_frames": 1}, "n_frames: expected a whole number >= 2"),
        ({"n_frames": 10**9}, "n_frames: expected .* <= 10000"),
        ({"register": "rigidly"}, "register: expected .*; did you mean 'rigid'?"),
        ({"spot": "flwo"}, "spot: expected .*, got 'flwo'; did you mean 'flow'?"),
        ({"extent": None}, "extent: expected"),
    ],
)
def test_what_is_not_a_preparation_is_refused_in_one_line(given, message):
    with pytest.raises(ValueError, match=message) as refusal:
        Preparation.from_dict(given)
    assert "\n" not in str(refusal.value)


def test_steps_and_words_follow_the_fields():
    crop, apex = Preparation(crop=True, size=64, spot="lbp").steps()
    assert isinstance(crop, CropAlign)
    assert (crop.height, crop.width) == (64, 64)
    assert isinstance(apex, ApexSpotter)
    assert apex.method == "lbp"
    assert str(Preparation()) == "frames as they are"
    by_box = Preparation(crop=True, align=False, margin=0.5)
    assert str(by_box) == ("face cut out (cascade, 112 x 112 pixels, margin 0.5, by its box)")
    assert str(Preparation(**EVERY)) == (
        "whole recordings; face cut out (cascade, face (40.5, 30.0), 96 x 96 pixels, margin 0.2, "
        "by its box); head motion undone (similarity); apex by flow where none is annotated; "
        "motion magnified (casme2); "
        "interpolated to 10 frames"
    )
