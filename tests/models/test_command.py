"""`cdmer predict`: from a file on disk to a class and a picture."""

import json
import re
import resource
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from command_line import cdmer
from numpy.testing import assert_allclose, assert_array_equal
from skimage.data import astronaut
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer._steps import flat_steps
from cdmer.cli._predict import describe_apex
from cdmer.cli._predict_clips import notes_on, open_clip, suit_model
from cdmer.cli._predict_words import in_words
from cdmer.corpora import make_synthetic_corpus
from cdmer.features import LBPTOP, BiWOOF, RegionGrid
from cdmer.models import FittedModel, Prediction, load_model, predict_clip, save_model
from cdmer.preprocessing import ApexSpotter, CascadeDetector, CropAlign, YuNetDetector

CLASSES = ("negative", "positive", "surprise")


def predict(*arguments):
    return cdmer("predict", *arguments)


def write_video(path, frames, fps=25):
    height, width = frames.shape[1:3]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (width, height))
    for frame in frames:
        video.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    video.release()
    return path


def write_frames(folder, frames, first=1):
    folder.mkdir()
    for number, frame in enumerate(frames, start=first):
        cv2.imwrite(str(folder / f"img{number}.png"), frame)  # img10 after img9
    (folder / "Thumbs.db").write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def clip():
    return make_synthetic_corpus("webcam-25fps", n_clips=3, size=48, random_state=5)[0]


@pytest.fixture(scope="module")
def woof(packed, tmp_path_factory):
    """A model that needs an apex, and states no probabilities."""
    clips, y, _ = packed
    pipeline = make_pipeline(BiWOOF(grid=RegionGrid((1, 2))), SVC()).fit(clips, y)
    path = tmp_path_factory.mktemp("woof") / "woof.skops"
    save_model(path, pipeline, clips, class_names=CLASSES)
    return path


def run_timed(command):
    """Seconds are of the processor, since other tests run beside this one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return outcome, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_video_from_the_command_line(saved, clip, tmp_path):
    video = write_video(tmp_path / "face.avi", clip.frames)
    picture = tmp_path / "regions.png"
    command = [sys.executable, "-m", "cdmer.cli", "predict", saved[0], video, "--no-crop"]
    outcome, seconds = run_timed([*map(str, command), "--out", str(picture)])
    assert outcome.returncode == 0, outcome.stderr
    # Nearly all of it are the imports of libraries, on any machine.
    libraries = "import cv2, matplotlib.pyplot, pandas, skimage.feature, sklearn.svm"
    assert seconds < 4 * run_timed([sys.executable, "-c", libraries])[1]
    assert not outcome.stderr
    lines = outcome.stdout.splitlines()
    assert lines[0] in CLASSES
    assert re.fullmatch(
        r"scores \(not probabilities\): negative \S+, positive \S+, surprise \S+", lines[1]
    )
    assert re.match(r"regions that spoke for it: \w[\w ]+ of the picture \(l\dr\dc\d\) ", lines[2])
    assert lines[3] == "apex: none given, none needed"
    image = cv2.imread(str(picture))
    height, width = image.shape[:2]
    assert 500 < width < 800 < height < 1200
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 500  # a face, regions, a colour bar


def test_a_folder_gives_what_python_gives(saved, clip, tmp_path):
    folder = write_frames(tmp_path / "frames", clip.frames)
    code, out, err = predict(saved[0], folder, "--no-crop", "--json", "--apex", 4)
    assert (code, err) == (0, "")
    said = json.loads(out)
    prediction = predict_clip(load_model(saved[0]), clip)
    assert said["class"] == prediction.label
    assert list(said["scores"]) == list(CLASSES)
    assert_allclose(list(said["scores"].values()), prediction.scores, rtol=1e-9)
    assert said["apex"] == {"frame": 4, "origin": "given"}
    assert said["model"]["sources"] == {"webcam-25fps": 9}
    drops = {region["name"]: region["drop"] for region in said["regions"]}
    assert list(drops.values()) == sorted(drops.values(), reverse=True)
    expected = dict(zip(prediction.regions.names, prediction.regions.drops, strict=True))
    assert_allclose([drops[name] for name in expected], list(expected.values()), rtol=1e-7)
    boxes = {region["name"]: region["box"] for region in said["regions"]}
    assert boxes["l1r0c0"] == [1, 47, 1, 47]


def test_the_apex_is_spotted_where_it_is_needed(woof, clip, tmp_path):
    folder = write_frames(tmp_path / "frames", clip.frames, first=100)
    code, out, err = predict(woof, folder, "--no-crop")
    assert (code, err) == (0, "")
    clip = open_clip(folder)[0]
    [spotted] = ApexSpotter("flow").transform([clip])
    assert f"apex: frame {spotted.apex}, spotted by flow" in out
    model = load_model(woof)
    for apex, spot, expected in [
        (None, None, (spotted.apex, "spotted by flow")),
        (105, None, (105, "given")),
        (None, "lbp", (None, "spotted by lbp")),
    ]:
        suited, added = suit_model(model, spot)
        opened, first = open_clip(folder, apex=apex)
        prediction = predict_clip(suited, opened)
        frame, origin = describe_apex(suited, opened, prediction, first, added)
        assert origin == expected[1]
        assert frame == expected[0] or spot == "lbp"


def test_only_frames_from_onset_to_offset_are_read(clip, tmp_path):
    frames = clip.frames
    folder = write_frames(tmp_path / "frames", frames, first=7)
    part, first = open_clip(folder, onset=9, apex=12, offset=15)
    assert first == 0
    assert_array_equal(part.frames, frames[2:9])
    assert part.frame_numbers == tuple(range(9, 16))
    assert part.position("apex") == 3
    assert part.key.endswith("/frames")
    video = write_video(tmp_path / "face.avi", frames)
    whole = open_clip(video)[0]
    for offset, stop in ((8, 9), (None, len(frames))):
        part, first = open_clip(video, onset=2, apex=5, offset=offset)
        assert first == 2
        assert_array_equal(part.frames, whole.frames[2:stop])
        assert part.position("apex") == 3
    assert whole.fps == 25


def test_frames_wait_until_they_are_needed(clip, tmp_path):
    """Sources of frames, no arrays: a long video takes the memory of what is cut out of it."""
    folder = write_frames(tmp_path / "frames", clip.frames)
    video = write_video(tmp_path / "face.avi", clip.frames)
    for opened in (
        open_clip(folder)[0],
        open_clip(folder, onset=3)[0],
        open_clip(video, onset=3)[0],
    ):
        assert callable(opened.source)


def test_numbers_of_frames_are_those_of_the_file(woof, clip, tmp_path):
    """Where the onset is cut to, the apex keeps the number that the file gives it."""
    video = write_video(tmp_path / "face.avi", clip.frames)
    code, out, _ = predict(woof, video, "--onset", 2, "--json")
    apex = json.loads(out)["apex"]
    [spotted] = ApexSpotter("flow").transform([open_clip(video, onset=2)[0]])
    assert apex == {"frame": spotted.apex + 2, "origin": "spotted by flow"}


def astronaut_frames():
    """A photograph in which the cascade finds a face, moved a little."""
    grey = cv2.cvtColor(astronaut()[:300, 80:380], cv2.COLOR_RGB2GRAY)
    return np.stack([np.roll(grey, shift, axis=1) for shift in (0, 0, 1, 1, 2, 1, 1, 0, 0)])


def unlimited(model):
    return replace(model, limits=None)


def test_nothing_is_done_that_the_training_did_not_do(saved, tmp_path):
    """A model that was fitted on frames as they are gets frames as they are."""
    frames = astronaut_frames()
    opened = open_clip(write_frames(tmp_path / "frames", frames))[0]
    model = unlimited(load_model(saved[0]))
    suited, _ = suit_model(model)
    assert [type(step) for step in flat_steps(suited.pipeline)] == [
        type(step) for step in flat_steps(model.pipeline)
    ]
    prediction = predict_clip(suited, opened)
    assert_array_equal(prediction.scores, predict_clip(model, frames).scores)
    [note] = notes_on(suited, prediction)
    assert note == (
        "the clip's frames have 300 x 300 pixels, those that the model was fitted on 48 x 48"
    )


def test_a_crop_that_is_asked_for_has_the_size_of_the_training(saved, tmp_path):
    folder = write_frames(tmp_path / "frames", astronaut_frames())
    model = unlimited(load_model(saved[0]))
    suited, _ = suit_model(model, crop=True)
    opened = open_clip(folder)[0]
    prediction = predict_clip(suited, opened)
    [expected] = CropAlign(height=48, width=48).transform([opened])
    assert_array_equal(prediction.clip.frames, expected.frames)
    assert_array_equal(prediction.scores, predict_clip(model, expected).scores)
    assert not notes_on(suited, prediction)
    code, _, err = predict(saved[0], folder, "--crop", "-o", tmp_path / "face.png")
    assert (code, err) == (0, "")


def test_the_score_in_words_is_that_of_the_class():
    """By votes of pairs, SVC may name another class than the largest score does."""
    said = Prediction("a", ("a", "b"), np.array([0.3, 0.7]), True, None, None, None)
    assert in_words(said) == "a (probability 0.3)"


@pytest.mark.parametrize("name", ["y", "", "yunetd"])
def test_a_detector_that_waits_for_its_file_goes_by_its_whole_name(name, tmp_path):
    (tmp_path / "face.onnx").write_bytes(b"a network, to all appearances" * 20)
    detector = YuNetDetector(tmp_path / "face.onnx")
    pipeline = make_pipeline(CropAlign(detector), LBPTOP(grid=RegionGrid((1, 2))), SVC())
    model = FittedModel(pipeline, CLASSES, None)
    with pytest.raises(ValueError, match="detector: expected 'cascade', 'yunet:FILE'"):
        suit_model(model, detector=f"{name}:{tmp_path / 'face.onnx'}")


def test_options_of_the_face_are_for_the_crop(fitted, saved, packed, tmp_path):
    _, rows = fitted
    describe = LBPTOP(radius=1, grid=RegionGrid((1, 2)))
    pipeline = make_pipeline(CropAlign(margin=0.2), describe, SVC().fit(rows, packed[1]))
    model = save_model(tmp_path / "m", pipeline, rows, class_names=CLASSES)
    crop = suit_model(model, face="12,30", detector="cascade", crop=True)[0].pipeline[0]
    assert (crop.face, crop.margin, crop.detector) == ((12.0, 30.0), 0.2, CascadeDetector())
    assert pipeline[0].face == "largest"
    for name in ("face", "detector"):
        with pytest.raises(ValueError, match=f"--{name}: the model cuts no face out; --crop does"):
            suit_model(saved[1], **{name: "cascade"})
    with pytest.raises(ValueError, match="face: expected"):
        suit_model(model, face="prettiest")


def test_the_apex_is_looked_for_in_what_was_cut_out(packed):
    clips, y, _ = packed
    pipeline = make_pipeline(CropAlign(), BiWOOF(grid=RegionGrid((1, 2))), SVC())
    model = FittedModel(pipeline, CLASSES, np.zeros(40))
    for spot, expected in ((None, "flow"), ("lbp", "lbp")):
        suited, added = suit_model(model, spot)
        assert [type(step).__name__ for step in suited.pipeline] == [
            *("CropAlign", "ApexSpotter", "BiWOOF", "SVC")
        ]
        assert (suited.pipeline[1].method, added) == (expected, expected)


def test_no_answer_is_an_answer(saved, tmp_path):
    """A face that nobody finds, one picture, a still."""
    flat = write_frames(tmp_path / "flat", np.zeros((9, 48, 48), np.uint8))
    one = write_frames(tmp_path / "one", np.zeros((1, 48, 48), np.uint8))
    for folder, options, reason in [
        (flat, ["--crop"], "no face"),
        (flat, [], "face lost"),
        (one, [], "too short"),
    ]:
        code, out, err = predict(saved[0], folder, *options, "--out", tmp_path / "none.png")
        assert (code, err) == (0, "")
        assert out.startswith(f"no class: {reason}\n")
        code, out, err = predict(saved[0], folder, *options, "--json")
        said = json.loads(out)
        assert (said["class"], said["reason"], said["probabilities"]) == (None, reason, None)
        assert said["detail"]
    assert not (tmp_path / "none.png").exists()


def test_errors_take_one_line(saved, woof, clip, tmp_path):
    folder = write_frames(tmp_path / "frames", clip.frames)
    (tmp_path / "empty").mkdir()
    text = tmp_path / "text.avi"
    text.write_text("no video")
    for arguments, code, message in [
        ([saved[0], tmp_path / "missing.avi"], 1, "missing.avi"),
        ([tmp_path / "missing.skops", folder], 1, "missing.skops"),
        ([folder / "img1.png", folder], 1, "img1.png: no model, or damaged"),
        ([saved[0], text], 1, "text.avi: OpenCV cannot play the file"),
        ([saved[0], folder, folder, "--onset", 2], 1, "--onset: expected one clip, got 2"),
        ([saved[0], tmp_path / "empty"], 1, "holds no image, no video and no folder of images"),
        ([saved[0], folder, "--onset", 5, "--apex", 3], 1, "in this order, got [5, 3]"),
        ([saved[0], folder, "--offset", 99], 1, "--offset: expected the number of a frame, 1 to"),
        ([saved[0]], 2, "expected clips, --camera or --as-camera, got none of them"),
        ([saved[0], folder, "--face", "1"], 1, "--face: the model cuts no face out; --crop does"),
        ([saved[0], folder, "--json", "--csv"], 2, "--json, --csv: expected one of the two"),
        ([saved[0], folder, "--apex", 3, "--spot", "lbp"], 2, "--apex, --spot: expected one"),
        (
            [saved[0], folder, "--out", tmp_path / "a.txt"],
            2,
            "expected a PNG file or a folder",
        ),
        ([saved[0], folder, "--out", "/nowhere/a.png"], 1, "there is no folder /nowhere"),
    ]:
        stopped, out, err = predict(*arguments)
        assert (stopped, out) == (code, ""), arguments
        assert message in err
        assert err.startswith("cdmer: ")
        assert err.count("\n") == 1
