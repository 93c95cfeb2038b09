import re
from functools import partial

import command_line
import cv2
import doubles
import numpy as np
import pytest
from doubles import Noise, contents

from cdmer.corpora import load_manifest
from cdmer.nets import ICEGANClassifier
from cdmer.synthesis import ExpertUnits, Expression, GANRenderer, WarpRenderer, synthesize

SMALL = ["--identities", "2", "--size", "32", "-j", "1", "-q"]


@pytest.fixture
def command():
    """Run `cdmer synthesize`; gives exit code, standard output and standard error."""
    return partial(command_line.cdmer, "synthesize")


def test_the_corpus_is_that_of_the_library(command, tmp_path):
    out = tmp_path / "out"
    code, said, errors = command(*SMALL, "--seed", "3", "--classes", "positive,surprise", "-o", out)
    assert (code, errors) == (0, "")
    assert re.fullmatch(
        rf"{re.escape(str(out))}/manifest\.csv: 4 pairs of 2 identities in \d+\.\d s "
        r"\(\d+\.\d pairs/s\), 0 were there, 0 failed\n",
        said,
    )
    synthesize(
        tmp_path / "expected",
        classes=("positive", "surprise"),
        identities=2,
        random_state=3,
        renderer=WarpRenderer(size=32, random_state=3),
        sources={"expert": ExpertUnits()},
    )
    assert contents(out) == contents(tmp_path / "expected")
    code, said, _ = command(*SMALL, "--seed", "3", "--classes", "positive,surprise", "-o", out)
    assert (code, "4 were there" in said) == (0, True)


def test_sources_and_whole_clips(command, tmp_path):
    options = ["--sources", "expert,annotated", "--annotated", "synthetic:lab-100fps"]
    code, said, errors = command(*SMALL, *options, "--fps", "25", "-o", tmp_path / "out")
    assert (code, errors) == (0, "")
    assert "12 clips of 2 identities" in said
    corpus = load_manifest(tmp_path / "out" / "manifest.csv", extent="folder")
    assert {clip.name.split("-", 1)[1] for clip in corpus} == {"expert-1", "annotated-1"}
    assert all(len(clip.frames) >= 14 for clip in corpus)


def test_photographed_faces_under_another_camera(command, tmp_path):
    (tmp_path / "faces").mkdir()
    smile, renderer = Expression("it", [("12", 0.3)]), WarpRenderer(size=96)
    for i in range(2):
        onset, _ = renderer.render(i, smile, (0, 1), np.random.default_rng(0))
        cv2.imwrite(str(tmp_path / "faces" / f"p{i}.PNG"), onset)
    (tmp_path / "faces" / "notes.txt").write_text("two people")
    options = ["--faces", tmp_path / "faces", "--setup", "webcam-25fps", "--size", "48", "-q"]
    code, said, errors = command(*options, "-o", tmp_path / "out")
    assert (code, errors) == (0, "")
    assert "6 pairs of 2 identities" in said
    faces = [cv2.imread(str(p)) for p in sorted((tmp_path / "faces").glob("*.PNG"))]
    synthesize(
        tmp_path / "expected",
        identities=2,
        sources={"expert": ExpertUnits()},
        renderer=WarpRenderer(faces, size=48, setup="webcam-25fps"),
    )
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")

    cv2.imwrite(str(tmp_path / "faces" / "a.png"), np.full((64, 64), 90, dtype=np.uint8))
    code, _, errors = command(*options, "-o", tmp_path / "more")
    assert code == 1
    assert re.search(r"a\.png: no face found in the image of 64 x 64 pixels", errors), errors


def test_failures_are_listed_one_per_line(command, tmp_path, monkeypatch):
    broken = Noise(broken=(1,))
    monkeypatch.setattr("cdmer.cli._synthesize.make_renderer", lambda *_: broken)
    code, said, errors = command(*SMALL, "-o", tmp_path / "out")
    assert code == 3
    assert "5 pairs of 2 identities" in said
    assert said.endswith("1 failed\n")
    assert errors == (
        "cdmer: clip 'id00001/positive-expert-1': RuntimeError: identity 1 broke, on purpose\n"
    )
    assert doubles.contents(tmp_path / "out")["failures.csv"].count(b"\n") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--sources", "expert,film"], 2, "--sources: expected some of expert, .*, got 'film'"),
        (["--sources", "expert,"], 2, "--sources: expected different names like a,b,c"),
        (["--sources", "annotated"], 2, "--annotated: goes with the source annotated"),
        (["--annotated", "synthetic:lab-100fps"], 2, "--annotated: goes with the source"),
        (["--sources", "early-macro"], 2, "--macro-tables: goes with the source early-macro"),
        (["--sources", "annotated", "--annotated", "lab"], 1, "got 'lab'"),
        (["--classes", "joy"], 1, "classes: expected members of .*, got 'joy'"),
        (["--identities", "0"], 2, "--identities"),
        (["--fps", "0"], 2, "--fps"),
        (["--generator", "none.safetensors", "--size", "64"], 2, "--size: not with --generator"),
        (["--generator", "none.safetensors", "--faces", "f"], 2, "--faces: not with --generator"),
        (["--generator-classes", "a,b"], 2, "--generator-classes: goes with --generator, and only"),
        (["--faces", "nowhere"], 2, "--faces: expected a folder, got 'nowhere'"),
        (["--setup", "phone"], 1, "setup: expected .* got 'phone'"),
        (["-o", "/nowhere/at/all"], 1, "--out: there is no folder"),
    ],
)
def test_errors_take_one_line(command, tmp_path, arguments, code, message):
    found, said, errors = command("-q", "-o", tmp_path / "out", *arguments)
    assert (found, said) == (code, "")
    assert re.match(f"cdmer: .*{message}", errors), errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_another_request_is_refused(command, tmp_path):
    command(*SMALL, "-o", tmp_path / "out")
    code, said, errors = command(*SMALL, "--seed", "1", "-o", tmp_path / "out")
    assert (code, said) == (1, "")
    assert "random_state 0 there, 1 asked for" in errors


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """File of a generator whose classes are 0, 1 and 2, as networks often know them."""
    rng = np.random.default_rng(0)
    model = ICEGANClassifier(size=32, width=4, n_epochs=1, batch_size=6, random_state=0)
    path = tmp_path_factory.mktemp("generator") / "generator.safetensors"
    model.fit(rng.uniform(size=(6, 2, 32, 32)), np.arange(6) % 3).save_generator(path)
    return path


NAMED = ["--generator-classes", "negative,positive,surprise", "--identities", "2", "-j", "1", "-q"]


def test_classes_of_a_generator_can_be_named(command, tmp_path, generator):
    code, _, errors = command("--generator", generator, *NAMED, "--seed", "3", "-o", tmp_path / "a")
    assert (code, errors) == (0, "")
    renderer = GANRenderer(
        generator,
        WarpRenderer(size=32, random_state=3),
        classes=("negative", "positive", "surprise"),
    )
    synthesize(
        tmp_path / "expected",
        identities=2,
        sources={"expert": ExpertUnits()},
        renderer=renderer,
        random_state=3,
    )
    assert contents(tmp_path / "a") == contents(tmp_path / "expected")

    few = ["--generator", generator, "--generator-classes", "a,b", "-q"]
    code, _, errors = command(*few, "-o", tmp_path / "b")
    assert (code, "classes: expected names for the 3 classes" in errors) == (1, True)
    code, _, errors = command(*few[:2], "--generator-classes", "a,", "-o", tmp_path / "b")
    assert (code, "--generator-classes: expected different names" in errors) == (2, True)


def test_people_that_a_generator_draws_on_follow_from_the_seed(command, tmp_path, generator):
    onsets = []
    for seed in "01":
        out = tmp_path / seed
        command("--generator", generator, *NAMED, "--seed", seed, "-o", out)
        corpus = load_manifest(out / "manifest.csv")
        onsets.append([clip.frames[0].astype(float) for clip in corpus if clip.label == "positive"])
    # People differ by far more than the noise of one face's recordings.
    assert np.abs(np.subtract(*onsets)).mean(axis=(1, 2)).min() > 5


def test_a_generator_file_that_does_not_match(command, tmp_path):
    (tmp_path / "g.safetensors").write_bytes(b"no generator")
    code, _, errors = command("--generator", tmp_path / "g.safetensors", "-o", tmp_path / "out")
    assert code == 1
    assert "g.safetensors: is no whole safetensors file" in errors
    code, _, errors = command("--generator", tmp_path / "h.safetensors", "-o", tmp_path / "out")
    assert code == 1
    assert "there is no such file" in errors
