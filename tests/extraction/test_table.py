import hashlib
import os
import tracemalloc
import warnings
import zipfile
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
from counted import Gives, Unreadable, corpus, recordings

from cdmer.extraction import FeatureTable, extract
from cdmer.extraction._storage import read_members, write_members
from cdmer.features import LBPTOP, RegionGrid
from cdmer.preprocessing import Preparation

DESCRIPTOR = LBPTOP(radius=1, n_points=4, grid=RegionGrid((1, 2)))


def make_table(failing=True):
    clips = recordings(6, "casme2")
    clips[0] = replace(clips[0], label=None, subject="Zoë", apex_spotted_by="frame difference")
    if failing:
        clips[2] = replace(clips[2], source=Unreadable("/gone.avi"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return extract(clips, DESCRIPTOR, on_error="record")


def same(one, other):
    np.testing.assert_array_equal(one.features, other.features)
    np.testing.assert_array_equal(one.feature_names, other.feature_names)
    assert one.feature_names.dtype == other.feature_names.dtype
    assert (one.feature_groups is None) == (other.feature_groups is None)
    if one.feature_groups is not None:
        np.testing.assert_array_equal(one.feature_groups, other.feature_groups)
    for a, b in ((one.clips, other.clips), (one.failures, other.failures)):
        pd.testing.assert_frame_equal(a, b)
    assert one.transformer == other.transformer
    assert one.corpus == other.corpus
    return True


@pytest.mark.parametrize("failing", [False, True])
def test_files_hold_all_of_the_table(tmp_path, failing):
    table = make_table(failing)
    table.save(tmp_path / "table.npz")
    loaded = FeatureTable.load(tmp_path / "table.npz")
    assert same(loaded, table)
    assert loaded.clips["label"][0] is None
    assert loaded.clips["apex_spotted_by"].tolist()[:2] == ["frame difference", None]
    assert loaded.clips["apex"].isna().any()
    assert len(loaded.failures) == failing


def test_files_hold_the_preparation_and_no_folder(tmp_path):
    (tmp_path / "face.onnx").write_bytes(b"a network, to all appearances" * 20)
    prepared = Preparation(crop=True, detector=f"yunet:{tmp_path / 'face.onnx'}", spot="flow")
    table = replace(make_table(), preparation=prepared)
    table.save(tmp_path / "table.npz")
    assert str(tmp_path).encode() not in (tmp_path / "table.npz").read_bytes()
    loaded = FeatureTable.load(tmp_path / "table.npz")
    assert loaded.preparation == Preparation.from_dict(prepared.to_dict())
    assert loaded.preparation.detector.startswith("yunet:face.onnx (sha256 ")
    assert all(part.preparation == prepared for part in table.split())
    make_table().save(tmp_path / "table.npz")
    assert FeatureTable.load(tmp_path / "table.npz").preparation is None


def test_no_file_that_a_table_names_is_opened(tmp_path):
    table = replace(make_table(), preparation=Preparation(crop=True))
    table.save(tmp_path / "table.npz")
    arrays, about = read_members(tmp_path / "table.npz")
    about["preparation"]["detector"] = "yunet:/etc/passwd"
    write_members(tmp_path / "other.npz", arrays, about)
    with pytest.raises(ValueError, match="expected name and digest of a network, got the path"):
        FeatureTable.load(tmp_path / "other.npz")


def test_a_preparation_that_files_cannot_hold_is_refused_before_the_work():
    with pytest.raises(ValueError, match="detector: expected one that a text names"):
        extract(corpus(2), DESCRIPTOR, preparation=Preparation(crop=True, detector=print))
    with pytest.raises(TypeError, match="preparation: expected a Preparation or None"):
        extract(corpus(2), DESCRIPTOR, preparation={"crop": True})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"3", "preparation: expected a table of fields, got 3"),
        (b'{"size":1e9}', "size: expected a whole number .*, got 1000000000.0"),
        (b'{"zoom":2}', "unknown field of a preparation 'zoom'"),
    ],
)
def test_a_crafted_preparation_is_refused(tmp_path, given, message):
    path = rewritten(tmp_path, b'{"clips"', b'{"preparation":' + given + b',"clips"')
    with pytest.raises(ValueError, match=f"do not fit: {message}"):
        FeatureTable.load(path)


def test_none_for_regions_and_corpus(tmp_path):
    table = replace(make_table(), feature_groups=None, corpus=None)
    table.save(tmp_path / "any.name")
    assert os.listdir(tmp_path) == ["any.name"]
    assert same(FeatureTable.load(tmp_path / "any.name"), table)


def test_equal_tables_give_equal_bytes(tmp_path, monkeypatch):
    make_table().save(tmp_path / "one")
    monkeypatch.setattr("time.time", lambda: 2e9)
    other = make_table()
    replace(other, features=np.asfortranarray(other.features)).save(tmp_path / "other")
    FeatureTable.load(tmp_path / "one").save(tmp_path / "again")
    contents = {(tmp_path / name).read_bytes() for name in ("one", "other", "again")}
    assert len(contents) == 1


def test_the_format_does_not_change_unnoticed(tmp_path):
    """The same bytes on every machine and day: not even the zip entries tell them apart."""
    table = FeatureTable(
        np.arange(6.0).reshape(2, 3), ["a", "b", "ü"], [0, 0, 1], *frames(), "Step()", "lab"
    )
    table.save(tmp_path / "t")
    digest = hashlib.sha256((tmp_path / "t").read_bytes()).hexdigest()
    assert digest == "5ac1e60fda87f10087d1e5d62ddb6f757b42400c248d9984e7f00345dbacef74"


def frames():
    clips = extract(corpus(2), Gives(lambda clip: np.zeros(1))).clips
    return clips, pd.DataFrame({"key": ["k"], "error": ["OSError"], "message": ["gone"]})


def test_numpy_reads_the_arrays_without_pickles(tmp_path):
    table = make_table()
    table.save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["features"], table.features)
        assert file["feature_names"].tolist() == table.feature_names.tolist()
        np.testing.assert_array_equal(file["feature_groups"], table.feature_groups)


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, share):
    make_table().save(tmp_path / "t.npz")
    content = (tmp_path / "t.npz").read_bytes()
    path = write(tmp_path / "cut.npz", content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"cut\.npz: not a whole feature table"):
        FeatureTable.load(path)


def test_changed_bits_are_refused(tmp_path):
    table = make_table()
    table.save(tmp_path / "t.npz")
    content = bytearray((tmp_path / "t.npz").read_bytes())
    content[content.index(table.features.tobytes()[:64]) + 20] ^= 1
    with pytest.raises(ValueError, match=r"spoilt\.npz: not a whole feature table: .*CRC"):
        FeatureTable.load(write(tmp_path / "spoilt.npz", content))


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", features=np.zeros((2, 2)))
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "pickled.npz", features=np.array([None]))
    (tmp_path / "text.npz").write_text("features")
    for name in ("other.npz", "array.npy", "pickled.npz", "text.npz"):
        with pytest.raises(ValueError, match=f"{name}: not a whole feature table"):
            FeatureTable.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"gone\.npz"):
        FeatureTable.load(tmp_path / "gone.npz")
    with pytest.raises(OSError, match=str(tmp_path)):
        FeatureTable.load(tmp_path)


def rewritten(tmp_path, old, new):
    """Table file whose document has a part replaced."""
    make_table().save(tmp_path / "t.npz")
    with (
        zipfile.ZipFile(tmp_path / "t.npz") as source,
        zipfile.ZipFile(tmp_path / "new.npz", "w") as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "table.json":
                assert old in content
                content = content.replace(old, new)
            target.writestr(name, content)
    return tmp_path / "new.npz"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"version":2', b'"version":3', "expected format version 2.*got 3"),
        (b"cdmer.FeatureTable", b"another thing", "describes something else"),
        (
            b'"label":',
            b'"emotion":',
            "do not fit: expected the columns .*'label', .* got .*'emotion'",
        ),
        (b'"transformer":', b'"transformed":', "do not fit: 'transformer'"),
        (b'{"clips"', b'["clips"', "not a whole feature table"),
    ],
)
def test_other_versions_and_missing_parts_are_refused(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=rf"new\.npz: .*{message}"):
        FeatureTable.load(rewritten(tmp_path, old, new))


def test_tables_do_not_change():
    with pytest.raises(FrozenInstanceError):
        make_table().corpus = "other"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"features": np.zeros((4, 225))},
            r"features: expected a row for each of 5 clips",
        ),
        ({"features": np.zeros(5)}, r"features: expected a row"),
        ({"feature_names": ["a"]}, r"feature_names: expected shape \(225,\), got \(1,\)"),
        ({"feature_groups": [0]}, r"feature_groups: expected shape \(225,\), got \(1,\)"),
        ({"failures": pd.DataFrame({"key": []})}, r"failures: expected the columns \('key', 'err"),
    ],
)
def test_parts_have_to_fit(change, message):
    with pytest.raises(ValueError, match=message):
        replace(make_table(), **change)


def test_labels_are_those_of_the_corpus():
    clips = corpus(8, "casme2")
    assert extract(clips, DESCRIPTOR).labels("cdmer-130") == clips.labels("cdmer-130")
    with pytest.raises(ValueError, match=r"label of clip 'casme2/Zoë/c0'.* got None"):
        make_table().labels("cdmer-130")
    with pytest.raises(ValueError, match="scheme: expected one of"):
        make_table().labels("cdmer-131")


def test_saving_holds_no_second_copy(tmp_path):
    clips, failures = frames()
    table = FeatureTable(
        np.ones((2, 5_000_000)), np.full(5_000_000, "f"), None, clips, failures, "Step()", "lab"
    )
    tracemalloc.start()
    try:
        table.save(tmp_path / "t.npz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40e6 < table.features.nbytes


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    table = make_table()
    table.save(tmp_path / "t.npz")
    before = (tmp_path / "t.npz").read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        replace(table, corpus="other").save(tmp_path / "t.npz")
    assert os.listdir(tmp_path) == ["t.npz"]
    assert (tmp_path / "t.npz").read_bytes() == before
