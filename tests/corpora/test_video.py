import os
import pickle

import cv2
import numpy as np
import pytest

from cdmer.corpora import VideoFile

N = 40


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Write videos in which a bar moves right by two pixels per frame."""
    folder = tmp_path_factory.mktemp("vidéos")
    codecs = {"mjpg.avi": "MJPG", "mpeg4.mp4": "mp4v", "vp8.webm": "VP80", "ffv1.mkv": "FFV1"}
    for name, codec in codecs.items():
        writer = cv2.VideoWriter(
            str(folder / name), cv2.VideoWriter_fourcc(*codec), 29.97, (96, 64)
        )
        assert writer.isOpened()
        for i in range(N):
            frame = np.zeros((64, 96, 3), dtype=np.uint8)
            frame[:, 2 * i : 2 * i + 8] = 240, 200, 160
            writer.write(frame)
        writer.release()
    return folder


NAMES = ["mjpg.avi", "mpeg4.mp4", "vp8.webm", "ffv1.mkv"]


def numbers(frames):
    """Tell the number of each frame."""
    columns = frames.mean((1, 3)) > 100
    return [round((np.flatnonzero(column).mean() - 3.5) / 2) for column in columns]


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_is_read_and_any_part(videos, name):
    video = VideoFile(str(videos / name), colour=True)
    frames = video()
    assert frames.shape == (N, 64, 96, 3)
    assert numbers(frames) == list(range(N))
    assert np.all(np.diff(frames.mean((0, 1, 2))) > 2)  # blue is the brightest
    assert video.n_frames is None
    assert video.header() == (N, pytest.approx(29.97))
    assert video.fps == pytest.approx(29.97)
    part = VideoFile(str(videos / name), 17, 23)
    assert part.n_frames == 6
    assert pickle.loads(pickle.dumps(part)) == part
    grey = part()
    assert grey.shape == (6, 64, 96)
    expected = cv2.cvtColor(frames[17], cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(grey[0], expected)
    np.testing.assert_array_equal(part.part(2, 4)(), grey[2:4])
    assert len(VideoFile(str(videos / name), 30)()) == N - 30


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.9, 0.5, 0.01])
def test_videos_that_end_early(videos, tmp_path, name, share):
    content = (videos / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"ends after \d+ frames, expected|cannot play") as raised:
        VideoFile(str(path))()
    assert str(path) in str(raised.value)


def test_a_part_beyond_the_end(videos):
    path = str(videos / "mjpg.avi")
    with pytest.raises(ValueError, match=r"mjpg.avi: .* ends after 40 frames, expected .* 41"):
        VideoFile(path, 30, 41)()
    with pytest.raises(ValueError, match=r"mjpg.avi: .* ends after 40 frames, expected .* 41"):
        VideoFile(path, 40)()


def test_what_is_no_video(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    for source in (str(tmp_path / "a.mp4"), str(tmp_path)):
        with pytest.raises(ValueError, match="cannot play the file"):
            VideoFile(source)()
    for source in (str(tmp_path / "b.mp4"), "http://localhost/a.mp4", "0"):
        with pytest.raises(FileNotFoundError):
            VideoFile(source)()


def test_huge_frames_are_refused(videos, monkeypatch):
    monkeypatch.setattr("cdmer.corpora._media.video.MAX_PIXELS", 6000)
    with pytest.raises(ValueError, match=r"ffv1.mkv: .* at most 6000 pixels, got 96 x 64"):
        VideoFile(str(videos / "ffv1.mkv"))()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": -1}, "start: expected a whole number >= 0"),
        ({"start": 5, "stop": 5}, "stop: expected a whole number > 5"),
        ({"stop": 2.5}, "stop: expected a whole number"),
        ({"colour": "yes"}, "colour: expected True or False"),
    ],
)
def test_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        VideoFile("a.mp4", **arguments)


def test_the_fingerprint_names_the_file_not_its_place(videos, tmp_path):
    path, copy = videos / "vp8.webm", tmp_path / "vp8.webm"
    copy.write_bytes(path.read_bytes())
    stamp = os.stat(path).st_mtime_ns
    os.utime(copy, ns=(0, stamp))
    name = VideoFile(str(path)).fingerprint()
    assert VideoFile(str(copy)).fingerprint() == name
    os.utime(copy, ns=(0, stamp + 1))
    others = [
        VideoFile(str(copy)),
        VideoFile(str(path), 1),
        VideoFile(str(path), stop=9),
        VideoFile(str(path), colour=True),
    ]
    assert len({name, *(video.fingerprint() for video in others)}) == 5
