"""`cdmer train`, and the three commands of README from a folder of videos to a prediction."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import cdmer

from cdmer.corpora import load_manifest, make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.features import LBPTOP, RegionGrid
from cdmer.models import load_model, predict_clip, train_model
from cdmer.preprocessing import Preparation

SMALL = ["--descriptor", "lbp-top", "--param", "radius=1", "--levels", "1,2", "-j", "1", "-q"]
README = Path(__file__).parents[2] / "README.md"


def write_video(path, frames):
    """A face in a larger picture, as a camera sees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (260, 240))
    for frame in frames:
        picture = np.full((240, 260), 90, dtype=np.uint8)
        picture[60:172, 70:182] = frame
        video.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    video.release()


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder of videos and a CSV: 15 clips of five people."""
    folder = tmp_path_factory.mktemp("videos")
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=15, n_subjects=5, random_state=0)
    rows = ["path,subject,label"]
    for clip in corpus:
        name = f"videos/{clip.subject}/{clip.name}.avi"
        write_video(folder / name, clip.frames)
        rows.append(f"{name},{clip.subject},{clip.label}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


def commands_of_readme():
    text = README.read_text(encoding="utf-8")
    section = text.split("<!-- three commands -->")[1].split("<!-- end -->")[0]
    lines = re.search(r"```sh\n(.*?)```", section, re.S)[1].splitlines()
    return [shlex.split(line, comments=True) for line in lines]


def test_the_three_commands_of_readme(videos, tmp_path, monkeypatch):
    """On the file names that README has: they are in a manifest of the test's own."""
    commands = commands_of_readme()
    assert [words[:2] for words in commands] == [
        ["cdmer", "corpora"],
        ["cdmer", "train"],
        ["cdmer", "predict"],
    ]
    (tmp_path / "clips.csv").write_text((videos / "clips.csv").read_text())
    (tmp_path / "videos").mkdir()
    for video in videos.glob("videos/*/*.avi"):
        place = tmp_path / video.relative_to(videos)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(video.read_bytes())
    asked = commands[-1][3]
    (tmp_path / asked).write_bytes(next(iter(videos.glob("videos/*/*.avi"))).read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache")
    for words in commands:
        outcome = cdmer(*words[1:])
        assert outcome.returncode == 0, outcome.stderr
        if words[1] == "corpora":
            assert "faults: 0" in outcome.stdout
        if words[1] == "train":
            assert "left out: one person at a time; 15 clips of 5 people" in outcome.stdout
            assert "preparation: face cut out" in outcome.stdout
    assert outcome.stdout


def test_the_model_is_that_of_the_library(videos, tmp_path):
    out = tmp_path / "model.skops"
    code, said, errors = cdmer("train", videos / "clips.csv", "--out", out, "--no-cache", *SMALL)
    assert code == 0, errors
    corpus = load_manifest(videos / "clips.csv")
    trained = train_model(
        corpus, LBPTOP(radius=1, grid=RegionGrid((1, 2))), preparation={}, progress=False
    )
    model = load_model(out)
    assert model.preparation == trained.model.preparation == Preparation(crop=True)
    assert model.evaluation == trained.model.evaluation
    assert model.calibration == trained.model.calibration
    for clip in corpus[:5]:
        found, expected = predict_clip(model, clip), predict_clip(trained.model, clip)
        assert found.label == expected.label
        np.testing.assert_array_equal(found.scores, expected.scores)
    scores = model.evaluation["scores"]
    assert re.search(
        rf"^UF1 +{scores['UF1']['score']:.3f} +{scores['UF1']['low']:.3f} to", said, re.M
    )
    assert re.search(r"^accuracy +0\.\d{3}", said, re.M)
    assert "score  interval (95% over people)" in said
    assert re.search(r"^negative +\d\.\d{3} +\d+ +\d+ +\d+$", said, re.M)
    assert "method: LinearSVC, scheme 'three'" in said
    assert "preparation: face cut out (cascade, 112 x 112 pixels)" in said
    assert "probabilities: calibrated on clips left out" in said
    assert said.endswith(f"model: {out}\n")
    assert errors.startswith("cdmer: faces are cut out: in ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("crop", ["--crop", "--no-crop"])
def test_predict_prepares_clips_as_train_did(videos, tmp_path, crop):
    """Of a model that was trained without a crop, clips were cropped once: it named other classes.

    The pipeline fitted to all clips, asked about features of the table's own, says what is right.
    """
    out = tmp_path / "model.skops"
    cdmer("train", videos / "clips.csv", "--out", out, crop, "--no-cache", *SMALL)
    model, corpus = load_model(out), load_manifest(videos / "clips.csv")
    rows = extract(corpus, LBPTOP(radius=1, grid=RegionGrid((1, 2))), preparation=model.preparation)
    expected = model.pipeline[-2:].predict(rows.features)
    paths = [videos / f"videos/{clip.subject}/{clip.name}.avi" for clip in corpus]
    outcome = cdmer("predict", out, *paths, "--json", "-q")
    assert outcome.returncode == 0, outcome.stderr
    found = [json.loads(line) for line in outcome.stdout.splitlines()]
    told = [(one["class"], model.classes[k]) for one, k in zip(found, expected, strict=True)]
    answered = [pair for pair in told if pair[0] is not None]
    assert len(answered) > 0.8 * len(told)
    assert all(name == right for name, right in answered)


def test_options_say_what_prepares_clips(videos, tmp_path):
    out = tmp_path / "model.skops"
    options = ["--crop", "--size", "48", "--frames", "8", "--magnify", "smic", "--no-cache", *SMALL]
    outcome = cdmer("train", videos / "clips.csv", "--out", out, *options)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    expected = Preparation(crop=True, size=48, n_frames=8, magnify="smic")
    assert load_model(out).preparation == expected
    assert f"preparation: {expected}" in outcome.stdout


def test_a_target_is_adapted_to(tmp_path):
    out, store = tmp_path / "model.skops", tmp_path / "folds.sqlite"
    command = ["train", "synthetic:webcam-25fps", "--target", "synthetic:nir-25fps", "--out", out]
    command += ["--n-clips", "9", "--method", "coral", "--store", store, "--no-cache", *SMALL]
    code, said, errors = cdmer(*command, "--no-crop")
    assert (code, errors) == (0, "")
    assert "9 clips of 9 people, and 9 clips without labels" in said
    assert load_model(out).targets == {"nir-25fps": 9}
    assert store.is_file()


def test_failed_clips_have_a_line_each_and_an_exit_code(videos, tmp_path):
    manifest = videos / "broken.csv"
    manifest.write_text((videos / "clips.csv").read_text() + "videos/black.avi,s9,positive\n")
    video = cv2.VideoWriter(
        str(videos / "videos" / "black.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (260, 240)
    )
    for _ in range(12):
        video.write(np.zeros((240, 260, 3), dtype=np.uint8))
    video.release()
    out = tmp_path / "model.skops"
    outcome = cdmer("train", manifest, "--out", out, "--crop", "--no-cache", *SMALL)
    assert outcome.returncode == 3
    assert outcome.stderr.count("\n") == 1
    assert "found no face" in outcome.stderr
    assert "15 clips of 5 people" in outcome.stdout
    assert out.is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["synthetic:lab"], 1, "CORPUS: expected one of synthetic:lab-200fps"),
        (["--target", "synthetic:lab"], 1, "--target: expected one of synthetic:lab-200fps"),
        (["--method", "svn"], 1, "--method: unknown method 'svn'; did you mean 'svm'"),
        (["--method", "TCA"], 1, "--target: TCA adapts to clips without labels"),
        (["--method", "svm", "--target", "synthetic:nir-25fps"], 1, "--target: svm does not adapt"),
        (["--scheme", "thre"], 1, "--scheme: expected one of .*; did you mean 'three'"),
        (["--crop", "--detector", "yunet"], 1, "--detector: expected 'cascade', 'yunet:FILE'"),
        (["--face", "nobody"], 1, "--face: "),
        (["--register", "affine"], 2, "--register"),
        (["--out", "/nowhere/at/all.skops"], 1, "--out: there is no folder"),
        (["--no-cache", "--cache", "c"], 2, "expected one of the two at most"),
        (["--param", "radios=1"], 1, "--param: lbp-top has the parameters"),
        (["--n-clips", "3"], 1, "CORPUS: expected two clips or more of each class"),
    ],
)
def test_errors_take_one_line(tmp_path, arguments, code, message):
    given = ["synthetic:webcam-25fps"] if arguments[0] != "synthetic:lab" else []
    place = ["--out", tmp_path / "m.skops", *SMALL, "--n-clips", "6"]
    found, said, errors = cdmer("train", *given, *place, *arguments)
    assert (found, said) == (code, "")
    assert re.match(f"cdmer: .*{message}", errors), errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_model_is_not_replaced(tmp_path):
    out = tmp_path / "model.skops"
    out.write_text("my thesis")
    outcome = cdmer("train", "synthetic:webcam-25fps", "--out", out, *SMALL)
    assert outcome.returncode == 1
    assert out.read_text() == "my thesis"


def manifest_of(videos, folder, subjects=None, labels=None):
    corpus = load_manifest(videos / "clips.csv")
    rows = ["path,subject,label"]
    for i, clip in enumerate(corpus):
        path = (videos / "clips.csv").read_text().splitlines()[i + 1].split(",")[0]
        who = clip.subject if subjects is None else subjects(i)
        what = clip.label if labels is None else labels(i)
        rows.append(f"{path},{who},{what}")
    place = videos / f"{folder}.csv"
    place.write_text("\n".join(rows) + "\n")
    return place


def test_unknown_people_are_told(videos, tmp_path):
    manifest = manifest_of(videos, "unknown", subjects=lambda i: "")
    code, said, errors = cdmer(
        "train", manifest, "--out", tmp_path / "m", "--crop", "--no-cache", *SMALL
    )
    assert code == 0, errors
    assert "people are unknown: clips of one person may be both trained on and tested" in errors
    assert "interval (95% over clips)" in said
    assert "left out: one of 10 parts of the clips at a time; 15 clips\n" in said


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda i: "", "CORPUS: expected clips with labels, got 15 clips without"),
        (lambda i: "happy", "CORPUS: expected clips of two classes or more, got 'happy' 15"),
        (lambda i: f"class {i}", "CORPUS: expected two clips or more of each class"),
    ],
)
def test_labels_that_cannot_be_learnt_say_what_to_do(videos, tmp_path, labels, message):
    manifest = manifest_of(videos, "labels", labels=labels)
    outcome = cdmer("train", manifest, "--out", tmp_path / "m", "--no-cache", *SMALL)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"cdmer: {message}")
    assert outcome.stderr.count("\n") == 1


def test_sigterm_keeps_what_is_finished(tmp_path):
    """Stopped once the first clip is in the cache, and started again."""
    cache = tmp_path / "cache"
    command = ["-m", "cdmer.cli", "train", "synthetic:webcam-25fps", "--n-clips", "40", "-j", "1"]
    command += ["--cache", cache, "--out", tmp_path / "m.skops", "-q"]
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(cache.glob("*/*.npy")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert f"{cache} keeps the clips that are finished" in errors
    assert not (tmp_path / "m.skops").exists()


def test_the_record_is_plain_and_names_nobody(videos, tmp_path):
    out = tmp_path / "model.skops"
    cdmer("train", videos / "clips.csv", "--out", out, "--crop", "--no-cache", *SMALL)
    corpus = load_manifest(videos / "clips.csv")
    record = json.dumps(load_model(out).evaluation)
    assert not any(clip.name in record or clip.subject in record for clip in corpus)
