"""`cdmer predict --as-camera` and `--camera`: answers while frames come."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
from command_line import cdmer

from cdmer.cli import _live
from cdmer.corpora import VideoFile, make_synthetic_corpus
from cdmer.models import load_model, predict_clip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Some two seconds of video."""
    path = tmp_path_factory.mktemp("live") / "face.avi"
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=48, random_state=5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (48, 48))
    for frame in np.concatenate([clip.frames for clip in corpus]):
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


class FakeCamera:
    """What OpenCV gives for a camera, at its own pace or as fast as it is read."""

    def __init__(self, frames, rate=25.0, pause=0.0, n_frames=None):
        self.frames, self.rate, self.pause = itertools.cycle(frames), rate, pause
        self.left, self.released = n_frames, False

    def isOpened(self):
        return True

    def get(self, what):
        return self.rate if what == cv2.CAP_PROP_FPS else 0.0

    def read(self):
        time.sleep(self.pause)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                return False, None
        return True, cv2.cvtColor(next(self.frames), cv2.COLOR_GRAY2BGR)

    def release(self):
        self.released = True


def test_a_file_as_camera_gives_what_its_windows_give(saved, video):
    options = ["--as-camera", video, "--window", "0.4", "--every", "0.2"]
    code, out, err = cdmer("predict", saved[0], *options, "--json")
    assert (code, err) == (0, "")
    frames, model = VideoFile(str(video))(), load_model(saved[0])
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["frame"] for answer in answers] == list(range(9, len(frames), 5))
    for answer in answers:
        end = answer["frame"] + 1
        expected = predict_clip(model, frames[end - 10 : end])
        assert answer["time"] == round(answer["frame"] / 25, 3)
        assert (answer["class"], answer["reason"]) == (expected.label, expected.reason)
        if expected.label is not None:
            np.testing.assert_array_equal(list(answer["scores"].values()), expected.scores)
    code, out, err = cdmer("predict", saved[0], *options)
    assert out.startswith(f"0.36 s: {answers[0]['class'] or 'no class: '}")
    assert out.count("\n") == len(answers)


def test_a_camera_is_watched_until_it_ends(saved, video, monkeypatch):
    frames = VideoFile(str(video))()
    camera = FakeCamera(frames, pause=0.02, n_frames=1 + 30)  # the first tells that there is one
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    code, out, err = cdmer("predict", saved[0], "--camera", 1, "--window", "0.4", "--every", "0.2")
    assert (code, err) == (1, "cdmer: camera 1: gives no more frames\n")
    assert camera.released
    assert 1 <= out.count("\n") <= 5


def test_a_camera_that_hangs_is_told(saved, video):
    """Its thread does not come back, and decoders are watched meanwhile."""
    program = (
        "import sys, cv2, time\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from test_command_live import FakeCamera, _live\n"
        "from cdmer.corpora import VideoFile\n"
        "from cdmer.cli import main\n"
        "class Hanging(FakeCamera):\n"
        "    def read(self):\n"
        "        if self.left < 1:\n"
        "            time.sleep(1000)\n"
        "        return super().read()\n"
        "    def release(self):\n"
        "        print('closed while it is read')\n"
        f"camera = Hanging(VideoFile({str(video)!r})(), n_frames=4)\n"
        "cv2.VideoCapture = lambda number: camera\n"
        "_live._WAIT = 0.3\n"
        f"sys.argv = ['cdmer', 'predict', {str(saved[0])!r}, '--camera', '0']\n"
        "main()\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "cdmer: camera 0: gives no more frames\n"


def test_what_cannot_keep_up_drops_frames_and_says_so(saved, video, monkeypatch):
    frames = VideoFile(str(video))()
    camera = FakeCamera(frames, pause=0.0005, n_frames=1500)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    code, out, err = cdmer("predict", saved[0], "--camera", 0, "--window", "0.4", "--every", "0.4")
    assert "frames dropped: answers take longer than --every (0.4 s)" in err
    assert out.count("\n") < 1500 / 10


def test_a_camera_that_waits_holds_a_window_and_no_more(video):
    camera = _live._Camera(0)
    camera.video, camera.fps = FakeCamera(VideoFile(str(video))(), n_frames=500), 25
    camera.keep(10)
    camera.thread.join()
    assert (len(camera.waiting), camera.n_lost) == (10, 490)
    stream = iter(camera)
    assert next(stream) == 490
    assert [next(stream).shape for _ in range(10)] == [(48, 48)] * 10
    with pytest.raises(ValueError, match="gives no more frames"):
        next(stream)
    camera.__exit__()


def test_the_rate_of_a_camera_that_states_none_is_measured(video, monkeypatch):
    camera = FakeCamera(VideoFile(str(video))(), rate=0.0, pause=0.02)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    with _live._Camera(0) as opened:
        assert 5 < opened.fps <= 50


def test_an_interrupt_ends_cleanly(saved, video):
    """As Ctrl-C at a terminal; the video plays for ever, through a camera that is none."""
    program = (
        "import sys, cv2, itertools, time\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from test_command_live import FakeCamera\n"
        "from cdmer.corpora import VideoFile\n"
        "from cdmer.cli import main\n"
        f"frames = VideoFile({str(video)!r})()\n"
        "cv2.VideoCapture = lambda number: FakeCamera(frames, pause=0.02)\n"
        f"sys.argv = ['cdmer', 'predict', {str(saved[0])!r}, '--camera', '0']\n"
        "main()\n"
    )
    paths = os.pathsep.join([*sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    watchdog.cancel()
    assert " s: " in first, err
    assert (process.returncode, err.splitlines()[-1]) == (130, "cdmer: stopped")


def test_errors_take_one_line(saved, video, tmp_path):
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "1.png"), np.zeros((48, 48), np.uint8))
    for arguments, code, message in [
        (["--camera", 97], 1, "no camera 97: OpenCV finds none of this number"),
        (["--as-camera", tmp_path / "none.avi"], 1, "none.avi"),
        (["--as-camera", tmp_path / "frames"], 1, "states no frame rate; a video does"),
        (["--as-camera", video, "--window", 60], 1, "ends before one window of 60 s is full"),
        (["--as-camera", video, video], 2, "expected clips, --camera or --as-camera, got several"),
        (["--as-camera", video, "--camera", 0], 2, "got several of them"),
        (["--as-camera", video, "--onset", 3], 2, "--onset: for clips, not for a camera"),
        ([video, "--every", 1], 2, "--every: expected --camera or --as-camera beside it"),
    ]:
        stopped, out, err = cdmer("predict", saved[0], *arguments)
        assert (stopped, out) == (code, ""), arguments
        assert message in err
        assert err.startswith("cdmer: ")
        assert err.count("\n") == 1
