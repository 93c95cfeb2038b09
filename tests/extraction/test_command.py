import inspect
import re
from functools import partial

import command_line
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import cdmer.features
from cdmer.cli._extract import open_corpus
from cdmer.cli._preparation import make_descriptor
from cdmer.corpora import make_synthetic_corpus
from cdmer.extraction import FeatureTable, extract
from cdmer.features import DESCRIPTORS, LBPTOP, ClipDescriptor, RegionGrid
from cdmer.preprocessing import (
    ApexSpotter,
    CascadeDetector,
    CropAlign,
    MotionMagnification,
    Preparation,
    TemporalInterpolation,
)

SMALL = ["--n-clips", "4", "-j", "1", "--param", "radius=1", "--levels", "1,2"]


@pytest.fixture
def command():
    """Run `cdmer extract`; gives exit code, standard output and standard error."""
    return partial(command_line.cdmer, "extract")


def test_the_table_is_that_of_the_library(command, tmp_path):
    out, cache = tmp_path / "t.npz", tmp_path / "cache"
    options = [*SMALL, "--descriptor", "lbp-top", "--cache", cache, "--seed", "1"]
    code, said, errors = command("synthetic:webcam-25fps", *options, "-o", out)
    assert (code, errors) == (0, "")
    assert re.fullmatch(
        rf"{re.escape(str(out))}: 4 clips of 885 features in \d+\.\d s \(\d+\.\d clips/s\), "
        r"0 from the cache, 0 failed\n",
        said,
    )
    clips = make_synthetic_corpus("webcam-25fps", n_clips=4, random_state=1)
    descriptor = LBPTOP(radius=1, grid=RegionGrid((1, 2)))
    extract(clips, descriptor, preparation=Preparation()).save(tmp_path / "expected.npz")
    assert out.read_bytes() == (tmp_path / "expected.npz").read_bytes()
    _, said, _ = command("synthetic:webcam-25fps", *options, "-o", tmp_path / "again.npz", "-q")
    assert "4 from the cache, 0 failed" in said
    assert (tmp_path / "again.npz").read_bytes() == out.read_bytes()


def test_the_cache_lies_with_the_users_other_caches_or_nowhere(command, tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    options = ["synthetic:nir-25fps", "--descriptor", "lbp-top", *SMALL]
    command(*options, "-o", tmp_path / "t.npz", "--no-cache")
    assert not (tmp_path / "cdmer").exists()
    command(*options, "-o", tmp_path / "t.npz")
    assert len(list((tmp_path / "cdmer" / "features").glob("*/*.npy"))) == 4


def test_failures_are_listed_one_per_line(command, tmp_path):
    """Clips at 25 frames per second have 14 frames or a few more."""
    options = [
        "synthetic:webcam-25fps",
        "--descriptor",
        "lbp-top",
        "--levels",
        "1",
        "--no-cache",
        "--n-clips",
        "8",
        "-j",
        "1",
        "--param",
        "radius=7",
    ]
    code, said, errors = command(*options, "-o", tmp_path / "t.npz")
    table = FeatureTable.load(tmp_path / "t.npz")
    n_failed = len(table.failures)
    assert 0 < n_failed < 8
    assert code == 3
    assert f"{8 - n_failed} clips of 177 features" in said
    assert f", {n_failed} failed" in said
    assert errors.count("\n") == n_failed
    assert errors.startswith("cdmer: clip 'webcam-25fps/s")
    code, said, errors = command(*options, "-o", tmp_path / "u.npz", "--on-error", "raise")
    assert (code, said) == (1, "")
    assert errors.count("\n") == 1
    assert not (tmp_path / "u.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lab"], 1, "CORPUS: expected one of synthetic:lab-200fps, .*, got 'lab'"),
        (
            ["synthetic:webcam-25fps", "--param", "radios=1"],
            1,
            "--param: lbp-top has the parameters device, .*radius, uniform, got 'radios'",
        ),
        (["synthetic:webcam-25fps", "--param", "radius"], 1, "expected name=value, got 'radius'"),
        (["synthetic:webcam-25fps", "--param", "n_jobs=2"], 1, "n_jobs has an option .* --n-jobs"),
        (["synthetic:webcam-25fps", "--param", "radius=1", "--param", "radius=2"], 1, "twice"),
        (["synthetic:webcam-25fps", "--param", "radius=big"], 1, "radius: expected .*, got 'big'"),
        (["synthetic:webcam-25fps", "--levels", "1;2"], 1, "--levels: expected .*, got '1;2'"),
        (["synthetic:webcam-25fps", "--levels", "0"], 1, "levels: expected"),
        (["synthetic:webcam-25fps", "--magnify", "mmew"], 1, "--magnify: .*, got 'mmew'"),
        (["synthetic:webcam-25fps", "--frames", "1"], 2, "--frames"),
        (["synthetic:webcam-25fps", "--frames", "20000"], 1, "--frames: expected .*, got 20000"),
        (["synthetic:webcam-25fps", "--spot", "best"], 2, "--spot"),
        (["synthetic:webcam-25fps", "--size", "64"], 2, "--size: expected --crop beside it"),
        (["synthetic:webcam-25fps", "--crop", "--size", "9999"], 1, "--size: .*, got 9999"),
        (
            ["synthetic:webcam-25fps", "--crop", "--detector", "yunet"],
            1,
            "--detector: expected 'cascade', 'yunet:FILE' .*, got 'yunet'",
        ),
        (
            ["synthetic:webcam-25fps", "--crop", "--detector", "yunet:/no/where.onnx"],
            1,
            "there is no file '/no/where.onnx'",
        ),
        (["synthetic:webcam-25fps", "--n-clips", "2"], 2, "--n-clips"),
        (["synthetic:webcam-25fps", "--descriptor", "lbp"], 2, "--descriptor"),
        (["synthetic:webcam-25fps", "--no-cache"], 2, "expected one of the two at most"),
        (["synthetic:webcam-25fps", "-o", "/nowhere/at/all.npz"], 1, "--out: there is no folder"),
    ],
)
def test_errors_take_one_line(command, tmp_path, arguments, code, message):
    given = ["--descriptor", "lbp-top", "-o", tmp_path / "t.npz", "--cache", tmp_path / "c"]
    found, said, errors = command(*given, *arguments)
    assert (found, said) == (code, "")
    assert re.match(f"cdmer: .*{message}", errors), errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_every_descriptor_has_a_name():
    exported = [getattr(cdmer.features, name) for name in cdmer.features.__all__]
    descriptors = {
        thing
        for thing in exported
        if inspect.isclass(thing)
        and issubclass(thing, ClipDescriptor)
        and not inspect.isabstract(thing)
    }
    assert descriptors == set(DESCRIPTORS.values())


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_descriptor_can_be_extracted_and_cached(name, tmp_path):
    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, size=64, random_state=0)
    descriptor = make_descriptor(name)
    first, again = (extract(clips, make_descriptor(name), cache_dir=tmp_path) for _ in range(2))
    np.testing.assert_array_equal(first.features, descriptor.transform(clips))
    np.testing.assert_array_equal(again.features, first.features)
    assert len(list(tmp_path.glob("*/*.npy"))) == 3
    assert first.feature_names.tolist() == descriptor.get_feature_names_out().tolist()
    assert first.feature_groups.tolist() == descriptor.fit().feature_groups_.tolist()


def test_options_become_a_descriptor():
    descriptor = make_descriptor(
        "lbp-top", ["radius=2", "uniform=False", "interpolation=nearest"], "1,3"
    )
    expected = LBPTOP(radius=2, uniform=False, interpolation="nearest", grid=RegionGrid((1, 3)))
    assert repr(descriptor) == repr(expected)
    assert repr(make_descriptor("lbp-top")) == "LBPTOP()"


def test_options_become_a_preparation_which_the_table_keeps(command, tmp_path):
    options = ["--crop", "--size", "64", "--detector", "cascade", "--spot", "flow"]
    options += ["--magnify", "smic", "--frames", "10", "--no-cache", *SMALL, "-q"]
    command("synthetic:webcam-25fps", "--descriptor", "lbp-top", *options, "-o", tmp_path / "t.npz")
    table = FeatureTable.load(tmp_path / "t.npz")
    expected = Preparation(
        crop=True, size=64, detector="cascade", spot="flow", magnify="smic", n_frames=10
    )
    assert table.preparation == expected
    clips = make_synthetic_corpus("webcam-25fps", n_clips=4, random_state=0)
    steps = make_pipeline(
        CropAlign(CascadeDetector(), 64, 64),
        ApexSpotter("flow"),
        MotionMagnification.preset("smic"),
        TemporalInterpolation(10),
        LBPTOP(radius=1, grid=RegionGrid((1, 2))),
    )
    again = extract(clips, steps, on_error="record")  # the cascade misses some that fill the frame
    np.testing.assert_array_equal(table.features, again.features)
    assert len(table.features) > 0
    assert table.transformer == again.transformer


def test_synthetic_corpora_by_name():
    corpus = open_corpus("synthetic:lab-100fps", n_clips=5, seed=2)
    expected = make_synthetic_corpus("lab-100fps", n_clips=5, random_state=2)
    assert [clip.label for clip in corpus] == [clip.label for clip in expected]
    np.testing.assert_array_equal(corpus[0].frames, expected[0].frames)
