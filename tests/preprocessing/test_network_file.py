"""Networks in files: what their files may be, and what saved models and records say of them."""

import hashlib
import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from cdmer._fingerprint import fingerprint
from cdmer._parameters import ParameterError
from cdmer._steps import steps_text
from cdmer.adaptation import SourceOnly
from cdmer.corpora import get_scheme, make_synthetic_corpus, pack
from cdmer.features import LBPTOP, RegionGrid
from cdmer.models import load_model, save_model
from cdmer.preprocessing import (
    CascadeDetector,
    CropAlign,
    Face,
    MediaPipeDetector,
    MediaPipeLandmarker,
    Preparation,
    YuNetDetector,
    describe_detector,
    parse_detector,
)

CONTENT = b"a network, to all appearances" * 20
DIGEST = hashlib.sha256(CONTENT).hexdigest()
KINDS = [YuNetDetector, MediaPipeDetector, MediaPipeLandmarker]


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "secret folder" / "face net.onnx"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"\n \t<!DOCTYPE html><html>", "got a web page"),
        (b" " * 2000 + b"<html lang=en>", "got a web page"),
        (b"\xef\xbb\xbf<!doctype html>", "got a web page"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "got a web page"),
        (b"<!-- hello --><html>", "got a web page"),
        (b"\x1f\x8b\x08\x00abc", "packed by gzip; unpack it"),
        (b"", "got an empty file"),
    ],
)
def test_what_is_no_network_is_told(kind, content, said, tmp_path):
    path = tmp_path / "network"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        kind(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_does_not_count(kind, network, tmp_path):
    other = tmp_path / "copy.onnx"
    other.write_bytes(CONTENT)
    one, copy = kind(network), kind(other)
    assert one == copy
    assert hash(one) == hash(copy)
    assert fingerprint(one) == fingerprint(copy)
    assert one.model_path == str(network)
    for text in (repr(one), steps_text([CropAlign(one)]), str(CropAlign(one))):
        assert "secret" not in text
        assert "face net.onnx" in text
    assert one != kind(network, score_threshold=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_and_copies_run_and_saved_states_have_no_folder(kind, network):
    one = kind(network, score_threshold=0.25)
    for twin in (
        pickle.loads(pickle.dumps(one)),
        deepcopy(one),
        replace(one),
        clone(one, safe=False),
    ):
        assert twin == one
        assert twin.model_path == str(network)
        assert not twin.needs_file
    state = one.__getstate__()  # what skops writes
    assert "secret" not in repr(state)
    loaded = kind.__new__(kind)
    loaded.__setstate__(state | {"model_path": "/etc/passwd"})
    assert loaded.model_path is None
    assert loaded.needs_file
    assert loaded == one
    assert vars(kind(**{f: getattr(loaded, f) for f in state})) == vars(loaded)
    told = rf"the network .* is not in saved models .* give face net.onnx \(sha256 {DIGEST[:12]}…\)"
    with pytest.raises(ParameterError, match=told):
        loaded(np.zeros((9, 9), dtype=np.uint8))
    assert pickle.loads(pickle.dumps(loaded)).needs_file
    again = loaded.with_file(network)
    assert (again, again.model_path) == (one, str(network))
    network.write_bytes(b"another network")
    with pytest.raises(ValueError, match=f"expected the network of sha256 {DIGEST[:12]}…, got "):
        loaded.with_file(network)


def test_a_saved_model_asks_for_the_network_again(network, tmp_path, monkeypatch):
    def somewhere(self, frame, path):
        assert path == str(network)
        return [Face(5, 100, 5, 100, 1, np.array([[30.0, 40], [70, 40], [50, 55], [50, 80]]))]

    monkeypatch.setattr(YuNetDetector, "_faces", somewhere)
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=6, n_subjects=2, random_state=0)
    clips, y, _ = pack(corpus, [], "cdmer-130")
    crop = CropAlign(YuNetDetector(network), height=32, width=32, face=(50, 50))
    pipeline = make_pipeline(crop, LBPTOP(grid=RegionGrid((1, 2))), SourceOnly()).fit(clips, y)
    path = tmp_path / "model.skops"
    save_model(path, pipeline, clips, class_names=get_scheme("cdmer-130").classes)
    assert b"secret" not in path.read_bytes()
    loaded = load_model(path).pipeline
    assert loaded[0].detector == crop.detector
    assert list(loaded[0].face) == [50, 50]
    with pytest.raises(Exception, match="--detector yunet:FILE") as caught:
        loaded.predict(clips)
    assert "\n" not in str(caught.value)
    loaded[0].detector = loaded[0].detector.with_file(network)
    np.testing.assert_array_equal(loaded.predict(clips), pipeline.predict(clips))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model_path": None}, "model_path: expected the path of a file, got None"),
        ({"model_path": None, "model_sha256": "abc"}, "model_sha256: expected 64 hexadecimal"),
        ({"model_path": None, "model_sha256": 64 * "0"}, "model_name: expected the name of a file"),
        (
            {"model_path": None, "model_sha256": 64 * "0", "model_name": "../a"},
            "model_name: expected the name of a file, without folder",
        ),
        ({"model_path": None, "model_sha256": 64 * "0", "model_name": 3}, "model_name: expected"),
    ],
)
def test_wrong_names(given, said):
    with pytest.raises(ParameterError, match=said):
        YuNetDetector(**given)


def test_a_digest_that_is_given_must_agree(network):
    assert YuNetDetector(network, model_sha256=DIGEST) == YuNetDetector(network)
    with pytest.raises(ValueError, match="expected the network of sha256 000000000000"):
        YuNetDetector(network, model_sha256=64 * "0")


# ---- texts


def test_texts_of_detectors(network):
    assert parse_detector("cascade") == CascadeDetector()
    assert parse_detector(f"yunet:{network}") == YuNetDetector(network)
    assert parse_detector(f"mediapipe:{network}") == MediaPipeDetector(network)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got ''$"),
        ("cascad", "got 'cascad'; did you mean 'cascade'"),
        ("cascade:", "got 'cascade:'$"),
        ("cascade:x.xml", "expected 'cascade', 'yunet:FILE' or 'mediapipe:FILE', got"),
        ("yunet", "got 'yunet'$"),
        ("yunet:", "got 'yunet:'$"),
        ("YuNet:x", "did you mean 'yunet'"),
        ("retinaface:x", "expected 'cascade', 'yunet:FILE' or 'mediapipe:FILE'"),
        (None, "got None"),
        (["cascade"], "got"),
    ],
)
def test_wrong_texts_are_refused_in_one_line(text, said):
    with pytest.raises(ParameterError, match=said) as caught:
        parse_detector(text)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file '.*none.onnx'"):
        parse_detector(f"yunet:{tmp_path / 'none.onnx'}")


@pytest.mark.parametrize("kind", ["yunet", "mediapipe"])
def test_records_name_file_and_digest_and_come_back(kind, network):
    detector = parse_detector(f"{kind}:{network}")
    record = describe_detector(detector)
    assert record == f"{kind}:face net.onnx (sha256 {DIGEST})"
    back = parse_detector(record)
    assert back == detector
    assert back.needs_file
    assert describe_detector(back) == record
    assert describe_detector(None) == describe_detector(CascadeDetector()) == "cascade"


def test_what_no_text_names_has_no_record(network):
    for own in (CascadeDetector(min_hits=2), YuNetDetector(network, size=320), print):
        with pytest.raises(ParameterError, match="detector: expected one that a text names"):
            describe_detector(own)


def test_a_preparation_has_a_face():
    [crop] = Preparation(crop=True, face=2).steps()
    assert crop.face == 2
    with pytest.raises(ParameterError, match="face: expected 'largest'"):
        Preparation(crop=True, face="smallest")
