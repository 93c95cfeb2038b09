"""`cdmer predict`: from a file on disk to a class and a picture."""

import json
import re
import resource
import subprocess
import sys

import cv2
import numpy as np
import pytest
from command_line import cdmer
from numpy.testing import assert_allclose, assert_array_equal
from skimage.data import astronaut
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.cli._predict import describe_apex, open_clip, prepare_clip
from cdmer.corpora import make_synthetic_corpus
from cdmer.features import LBPTOP, BiWOOF, RegionGrid
from cdmer.models import load_model, predict_clip, save_model
from cdmer.preprocessing import ApexSpotter, CropAlign

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
    libraries = "import cv2, matplotlib.pyplot, pandas, skimage.feature, sklearn.svm, skops.io"
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
    [spotted] = ApexSpotter().transform([open_clip(folder)])
    assert f"apex: frame {spotted.apex}, spotted by frame-difference" in out
    model = load_model(woof)
    for apex, spot, expected in [
        (None, None, (spotted.apex, "spotted by frame-difference")),
        (105, None, (105, "given")),
        (None, "lbp", (None, "spotted by lbp")),
    ]:
        prepared, note = prepare_clip(model, open_clip(folder, apex=apex), False, spot)
        frame, origin = describe_apex(prepared, predict_clip(model, prepared))
        assert not note
        assert origin == expected[1]
        assert frame == expected[0] or spot == "lbp"


def test_only_frames_from_onset_to_offset_are_read(clip, tmp_path):
    frames = clip.frames
    folder = write_frames(tmp_path / "frames", frames, first=7)
    part = open_clip(folder, onset=9, apex=12, offset=15)
    assert_array_equal(part.frames, frames[2:9])
    assert part.frame_numbers == tuple(range(9, 16))
    assert part.position("apex") == 3
    assert part.key.endswith("/frames")
    video = write_video(tmp_path / "face.avi", frames)
    whole, part = open_clip(video), open_clip(video, onset=2, offset=8)
    assert_array_equal(part.frames, whole.frames[2:9])
    assert part.frame_numbers == tuple(range(2, 9))
    assert whole.frame_numbers == tuple(range(len(frames)))
    assert whole.fps == 25


def test_the_face_is_cut_out_at_the_size_of_training(saved, tmp_path):
    """A photograph in which the cascade finds a face, moved a little."""
    grey = cv2.cvtColor(astronaut()[:300, 80:380], cv2.COLOR_RGB2GRAY)
    frames = np.stack([np.roll(grey, shift, axis=1) for shift in (0, 0, 1, 1, 2, 1, 1, 0, 0)])
    model = load_model(saved[0])
    opened = open_clip(write_frames(tmp_path / "frames", frames))
    prepared, note = prepare_clip(model, opened)
    [expected] = CropAlign(height=48, width=48).transform([opened])
    assert_array_equal(prepared.frames, expected.frames)
    assert not note
    uncut, note = prepare_clip(model, opened, crop=False)
    assert_array_equal(uncut.frames, frames)
    assert note == (
        "the clip's frames have 300 x 300 pixels, those that the model was fitted on 48 x 48"
    )
    code, out, err = predict(saved[0], tmp_path / "frames", "-o", tmp_path / "face.png")
    assert code == 0
    assert out.startswith("no class: no movement\n")  # a photograph that is shifted
    assert err == (
        f"cdmer: {tmp_path / 'face.png'}: not written, there is no class whose regions it would "
        "show\n"
    )
    code, _, err = predict(saved[0], tmp_path / "frames", "--no-crop")
    assert (code, err) == (0, f"cdmer: {note}\n")


def test_a_model_that_crops_gets_whole_frames(fitted, packed, tmp_path):
    _, rows = fitted
    describe = LBPTOP(radius=1, grid=RegionGrid((1, 2)))
    pipeline = make_pipeline(CropAlign(), describe, SVC().fit(rows, packed[1]))
    model = save_model(tmp_path / "m", pipeline, rows, class_names=CLASSES)
    folder = write_frames(tmp_path / "frames", np.zeros((5, 60, 80), np.uint8))
    opened = open_clip(folder)
    assert prepare_clip(model, opened)[0] is opened


def test_errors_take_one_line(saved, woof, clip, tmp_path):
    folder = write_frames(tmp_path / "frames", clip.frames)
    flat = write_frames(tmp_path / "flat", np.zeros((9, 64, 64), np.uint8))
    text = tmp_path / "text.avi"
    text.write_text("no video")
    for arguments, code, message in [
        ([saved[0], tmp_path / "missing.avi"], 1, "missing.avi"),
        ([tmp_path / "missing.skops", folder], 1, "missing.skops"),
        ([folder / "img1.png", folder], 1, "img1.png: no model, or damaged"),
        ([saved[0], text], 1, "text.avi: OpenCV cannot play the file"),
        ([saved[0], tmp_path / "."], 1, "holds no image"),
        ([saved[0], folder], 1, "found no face in the first frame, of 48 x 48 pixels; --no-crop"),
        ([saved[0], folder, "--onset", 5, "--apex", 3], 1, "in this order, got [5, 3]"),
        ([saved[0], folder, "--offset", 99], 1, "--offset: expected the number of a frame, 1 to"),
        ([woof, flat, "--no-crop"], 1, "all frames from onset to offset are alike"),
        ([saved[0], folder, "--apex", 3, "--spot", "lbp"], 2, "--apex, --spot: expected one"),
        ([saved[0], folder, "--out", tmp_path / "a.txt"], 2, "--out: expected a PNG file"),
        ([saved[0], folder, "--out", "/nowhere/a.png"], 1, "there is no folder /nowhere"),
    ]:
        stopped, out, err = predict(*arguments)
        assert (stopped, out) == (code, ""), arguments
        assert message in err
        assert err.startswith("cdmer: ")
        assert err.count("\n") == 1
