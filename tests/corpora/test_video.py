import os
import pickle
import shutil
import struct
import subprocess

import cv2
import numpy as np
import pytest

from cdmer.corpora import VideoFile
from cdmer.corpora._media.mp4 import count_played

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


def boxes(content):
    """Top-level boxes of an MP4 file, by kind."""
    found, at = {}, 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        found[kind] = content[at : at + size]
        at += size
    return found


def index_in_front(content):
    """The tables before the frames, as cameras do not and players on the net like it."""
    parts = boxes(content)
    moov = bytearray(parts.pop(b"moov"))
    at = moov.index(b"stco") + 8
    (n,) = struct.unpack_from(">I", moov, at)
    offsets = [offset + len(moov) for offset in struct.unpack_from(f">{n}I", moov, at + 4)]
    struct.pack_into(f">{n}I", moov, at + 4, *offsets)
    return parts.pop(b"ftyp") + bytes(moov) + b"".join(parts.values())


def trimmed(content, first, n_frames):
    """An edit list that plays `n_frames` from frame `first` on."""
    content = bytearray(content)
    duration = round(1000 * n_frames / 29.97)
    struct.pack_into(">Ii", content, content.index(b"elst") + 12, duration, 400 * first)
    return bytes(content)


@pytest.mark.parametrize(("first", "n_frames"), [(0, 39), (0, 24), (10, 20), (1, 30), (25, 15)])
@pytest.mark.parametrize("change", [bytes, index_in_front])
def test_an_edit_list_says_what_is_played(videos, tmp_path, first, n_frames, change):
    path = tmp_path / "cut.mp4"
    path.write_bytes(change(trimmed((videos / "mpeg4.mp4").read_bytes(), first, n_frames)))
    video = VideoFile(str(path), colour=True)
    n_announced, fps = video.header()
    played = numbers(video())
    assert played == list(range(first, first + len(played)))
    assert abs(len(played) - n_frames) <= 1
    assert abs(n_announced - n_frames) <= 1
    assert fps == pytest.approx(29.97)
    for begin in (0, len(played) - 4):
        np.testing.assert_array_equal(video.part(begin, begin + 4)(), video()[begin : begin + 4])


@pytest.mark.parametrize("share", [0.9, 0.7, 0.46])
def test_an_edit_list_excuses_no_truncation(videos, tmp_path, share):
    content = index_in_front((videos / "mpeg4.mp4").read_bytes())
    path = tmp_path / "a.mp4"
    for whole in (content, trimmed(content, 0, 38)):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=r"a.mp4: (the video ends after \d+ f|damaged, the d)"):
            VideoFile(str(path))()


def test_tables_that_make_no_sense(videos, tmp_path):
    content = trimmed((videos / "mpeg4.mp4").read_bytes(), 5, 20)
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert count_played(str(path)) == 20
    changes = {
        b"elst": (4, b"\x7f\xff\xff\xff"),  # more edits than there are bytes
        b"stts": (8, b"\x7f\xff\xff\xff"),  # more frames than memory holds
        b"stbl": (0, b"xxxx"),
        b"mvhd": (12, bytes(4)),
        b"moov": (0, b"free"),
    }
    for kind, (offset, new) in changes.items():
        changed = bytearray(content)
        at = content.index(kind) + (4 if offset else 0) + offset
        changed[at : at + 4] = new
        path.write_bytes(changed)
        assert count_played(str(path)) is None
    for other in (b"", b"ftyp", b"RIFF\0\0\0\0AVI ", bytes(40), b"\0\0\0\1moov" + b"\xff" * 8):
        path.write_bytes(other)
        assert count_played(str(path)) is None
    assert count_played(str(videos / "ffv1.mkv")) is None


@pytest.mark.parametrize("name", ["mpeg4.mp4", "vp8.webm", "ffv1.mkv"])
def test_videos_with_damage_in_their_middle(videos, tmp_path, name, capfd):
    content = bytearray((videos / name).read_bytes())
    middle = len(content) * 2 // 5
    content[middle : middle + 40] = bytes(255 - byte for byte in content[middle : middle + 40])
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"{name}: (damaged, the decoder says: \w|the video ends)"
    ):
        VideoFile(str(tmp_path / name))()
    assert capfd.readouterr() == ("", "")


def test_the_screen_stays_empty(videos, tmp_path, capfd):
    (tmp_path / "a.mp4").write_bytes((videos / "mpeg4.mp4").read_bytes()[:900])
    for read in (VideoFile(str(tmp_path / "a.mp4")), VideoFile(str(tmp_path / "a.mp4")).header):
        with pytest.raises(ValueError, match="cannot play the file"):
            read()
    assert capfd.readouterr() == ("", "")


def test_a_video_without_permission_says_so(videos, monkeypatch):
    def refuse(file, *args, **kwargs):
        raise PermissionError(13, "Permission denied", file)

    monkeypatch.setattr("cdmer._files.reading.os.open", refuse)
    for read in (VideoFile(str(videos / "mjpg.avi")), VideoFile(str(videos / "mjpg.avi")).header):
        with pytest.raises(PermissionError, match=r"Permission denied: .*mjpg.avi"):
            read()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
def test_videos_as_ffmpeg_cuts_them(tmp_path):
    def run(*arguments):
        command = ["ffmpeg", "-loglevel", "error", "-y", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True)

    source = ("-f", "lavfi", "-i", "testsrc=size=96x64:rate=30", "-t", "2")
    run(*source, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "250", "a.mp4")
    for name in ("cut.mp4", "cut.mov"):  # 60 frames are stored
        run("-ss", "0.7", "-i", "a.mp4", "-c", "copy", name)
        assert len(VideoFile(str(tmp_path / name))()) == 39
        assert VideoFile(str(tmp_path / name)).header() == (39, 30.0)
    # Frames that are not evenly spaced: 57 are announced, by time and rate.
    uneven = ("-vf", "select=not(mod(n\\,7))+lt(n\\,10)", "-fps_mode", "vfr", "-c:v", "libx264")
    for name in ("uneven.mkv", "uneven.mp4"):
        run(*source, *uneven, name)
        assert len(VideoFile(str(tmp_path / name))()) == 17
