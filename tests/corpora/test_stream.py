"""Frames one by one: those that a call gives, the same errors, and a screen that is free."""

import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest

from cdmer._clips import expected_length
from cdmer.corpora import Clip, Corpus, FrameFolder, VideoFile, list_frames
from cdmer.corpora._media.frame_cache import CachedFrames, FrameCache
from cdmer.corpora._media.parts import PartOfFrames
from cdmer.extraction import extract
from cdmer.features import LBPTOP, RegionGrid
from cdmer.preprocessing import CropAlign, Face, Resize

N = 40
CODECS = {"mjpg.avi": "MJPG", "mpeg4.mp4": "mp4v", "vp8.webm": "VP80", "ffv1.mkv": "FFV1"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    back = cv2.GaussianBlur(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8), (0, 0), 3)
    for name, codec in CODECS.items():
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter_fourcc(*codec), 25, (96, 64))
        for i in range(N):
            writer.write(np.roll(back, i, axis=1))
        writer.release()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    for i in range(6):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((20, 30, 3), 40 * i, dtype=np.uint8))
    return folder


def frames_in(folder, **settings):
    return FrameFolder(str(folder), list_frames(folder)[0], **settings)


def damaged(videos, tmp_path, name="ffv1.mkv"):
    content = bytearray((videos / name).read_bytes())
    middle = len(content) * 2 // 5
    content[middle : middle + 40] = bytes(255 - byte for byte in content[middle : middle + 40])
    (tmp_path / f"damaged {name}").write_bytes(content)
    return VideoFile(str(tmp_path / f"damaged {name}"))


def error_of(read):
    try:
        read()
    except Exception as error:
        return type(error), str(error)
    return None


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("name", CODECS)
def test_videos_stream_what_they_give(videos, name, colour):
    for start, stop in ((0, None), (7, None), (7, 20)):
        video = VideoFile(str(videos / name), start, stop, colour)
        frames = list(video)  # each an array of its own
        np.testing.assert_array_equal(np.array(frames), video())
        assert len(frames) == video.expected_frames() == (stop or N) - start


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("share", [0.9, 0.5, 0.01])
def test_videos_that_end_early(videos, tmp_path, name, share):
    path = tmp_path / name
    content = (videos / name).read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    video = VideoFile(str(path))
    assert error_of(lambda: list(video)) == error_of(video) != None  # noqa: E711


@pytest.mark.parametrize("arguments", [(30, 41), (40, None), (50, 60)])
def test_parts_beyond_the_end(videos, arguments):
    video = VideoFile(str(videos / "mjpg.avi"), *arguments)
    assert error_of(lambda: list(video)) == error_of(video) != None  # noqa: E711


@pytest.mark.parametrize("name", ["mpeg4.mp4", "ffv1.mkv"])
def test_damage_is_told_where_the_decoder_meets_it(videos, tmp_path, name, capfd):
    video, good, got = damaged(videos, tmp_path, name), VideoFile(str(videos / name))(), []
    with pytest.raises(ValueError, match=f"{name}: ") as raised:
        got.extend(video)
    assert (type(raised.value), str(raised.value)) == error_of(video)
    assert capfd.readouterr() == ("", "")
    assert 0 < len(got) < N
    np.testing.assert_array_equal(np.array(got), good[: len(got)])  # those before it are whole


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_the_screen_is_free_while_somebody_has_a_frame(videos, capfd):
    list(VideoFile(str(videos / "mpeg4.mp4")))
    before, screen = open_files(), os.fstat(2)
    with closing(iter(VideoFile(str(videos / "mpeg4.mp4")))) as frames:
        for i in range(3):
            next(frames)
            assert os.path.samestat(os.fstat(2), screen)
            os.write(2, b"%d\n" % i)
            assert capfd.readouterr().err == f"{i}\n"
    assert open_files() == before  # the video is closed
    for _ in VideoFile(str(videos / "mpeg4.mp4")):
        break
    assert open_files() == before
    assert os.path.samestat(os.fstat(2), screen)


def test_threads_are_told_of_their_own_video(videos, tmp_path, capfd):
    sound = [VideoFile(str(videos / name)) for name in CODECS]
    sources = [*sound, damaged(videos, tmp_path)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda video: error_of(lambda: list(video)), sources))
    assert [error is not None for error in found] == ([False] * 4 + [True]) * 4
    assert {str(error[1]).partition(":")[0] for error in found if error} == {sources[4].path}
    assert capfd.readouterr() == ("", "")


def test_videos_within_videos(videos, tmp_path, capfd):
    sound, broken = VideoFile(str(videos / "mpeg4.mp4")), damaged(videos, tmp_path)
    for _ in itertools.islice(sound, 3):
        assert error_of(broken) == error_of(lambda: list(broken)) != None  # noqa: E711
        assert len(list(sound)) == N
    pairs = list(zip(sound, VideoFile(str(videos / "vp8.webm")), strict=True))
    assert len(pairs) == N
    assert capfd.readouterr() == ("", "")


def test_a_step_whose_detector_reads_another_video(videos, tmp_path, capfd):
    sound, broken = VideoFile(str(videos / "mpeg4.mp4")), damaged(videos, tmp_path)
    seen = []

    def detector(frame):
        seen.append((error_of(lambda: list(broken)), len(list(sound)), error_of(broken)))
        return [Face(0, 30, 0, 30, 1)]

    clip = Clip(sound, "n", "s", "c")
    frames = CropAlign(detector, 16, 16).transform([clip])[0].frames
    assert frames.shape == (N, 16, 16)
    # CropAlign shows it the frame on its head as well.
    assert seen == [(error_of(broken), N, error_of(broken))] * 2
    [cropped] = CropAlign(detector, 16, 16).transform([replace(clip, source=broken)])
    with pytest.raises(RuntimeError, match="damaged ffv1.mkv: damaged, the decoder says"):
        _ = cropped.frames
    assert capfd.readouterr() == ("", "")


def test_what_a_step_prints_comes_out(videos, capfd):
    def detector(frame):
        os.write(2, b"looking\n")
        return [Face(0, 30, 0, 30, 1)]

    clip = Clip(VideoFile(str(videos / "ffv1.mkv")), "n", "s", "c")
    assert len(CropAlign(detector, 16, 16).transform([clip])[0].frames) == N
    assert capfd.readouterr().err == "looking\n" * 2  # the second time on its head


def test_workers_and_damaged_videos(videos, tmp_path):
    sources = [VideoFile(str(videos / "mpeg4.mp4")), damaged(videos, tmp_path)]
    clips = [Clip(s, f"c{i}", "s", "c") for i, s in enumerate(sources * 2)]
    steps = Resize(32, 32).transform(clips)
    with pytest.warns(UserWarning, match="2 of 4 clips"):
        table = extract(
            Corpus(list(steps), "c"), LBPTOP(grid=RegionGrid((1,))), n_jobs=2, on_error="record"
        )
    assert table.failures["key"].tolist() == ["c/s/c1", "c/s/c3"]
    assert table.failures["message"].str.contains("the decoder says").all()


@pytest.mark.parametrize("colour", [False, True])
def test_folders_stream_what_they_give(folder, colour):
    source = frames_in(folder, colour=colour)
    np.testing.assert_array_equal(np.array(list(source)), source())
    clip = Clip(source, "n", "s", "c")
    np.testing.assert_array_equal(np.array(list(clip.stream())), clip.frames)
    small = Resize(8, 8).transform([clip])[0]
    np.testing.assert_array_equal(np.array(list(small.stream())), small.frames)


def test_deep_pictures_stream_alike(tmp_path):
    for i, most in enumerate((900, 4000)):
        values = np.linspace(0, most, 20 * 30).reshape(20, 30).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"{i}.png"), values)
    source = frames_in(tmp_path)
    frames = np.array(list(source))
    np.testing.assert_array_equal(frames, source())
    assert frames[1].max() == 4000 >> 4


@pytest.mark.parametrize("fault", ["cut", "scan", "size", "gone"])
def test_folders_with_a_bad_picture(tmp_path, fault, capfd):
    picture = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
    for i in range(5):
        cv2.imwrite(str(tmp_path / f"{i}.jpg"), picture)
    source, bad = frames_in(tmp_path), tmp_path / "3.jpg"
    content = bytearray(bad.read_bytes())
    content[len(content) // 2 :][:8] = bytes([1] * 8)
    if fault == "scan":
        content[len(content) // 2 : len(content) // 2 + 8] = bytes([1] * 8)
        bad.write_bytes(content)
    elif fault == "cut":
        bad.write_bytes(content[: len(content) // 2])
    elif fault == "size":
        cv2.imwrite(str(bad), picture[:40])
    else:
        bad.unlink()
    got = []
    with pytest.raises((ValueError, OSError), match="3.jpg") as raised:
        got.extend(source)
    assert (type(raised.value), str(raised.value)) == error_of(source)
    # The step is watched as a whole.
    step = Resize(8, 8).transform([Clip(source, "n", "s", "c")])[0]
    with pytest.raises(RuntimeError, match="3.jpg"):
        _ = step.frames
    assert capfd.readouterr() == ("", "")


def test_parts_of_sources(folder):
    whole = frames_in(folder)
    for source in (whole, whole.__call__):  # with and without frames one by one
        part = PartOfFrames(source, 2, 5)
        np.testing.assert_array_equal(np.array(list(part)), whole()[2:5])
        beyond = PartOfFrames(source, 2, 7)
        assert error_of(lambda part=beyond: list(part)) == error_of(beyond)
        with pytest.raises(ValueError, match="at least 7 frames, .* got 6"):
            list(beyond)


def test_a_video_that_announces_no_length_has_an_unknown_one(tmp_path):
    """As browsers and cameras write them on the fly: the header is never completed."""
    path = tmp_path / "face.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for level in range(12):
        writer.write(np.full((48, 64, 3), 20 * level, dtype=np.uint8))
    writer.release()
    content = bytearray(path.read_bytes())
    at = content.index(b"\x44\x89\x88")  # Duration, of eight bytes; then Void, of nine
    content[at : at + 11] = b"\xec\x89" + bytes(9)
    path.write_bytes(content)
    video = VideoFile(str(path))
    assert (video.header()[0], video.expected_frames()) == (0, None)
    assert len(list(video)) == len(video()) == 12
    clip = Clip(video, "n", "s", "c", fps=25.0)
    assert expected_length(clip) is None
    [small] = Resize(8, 8).transform([clip])
    assert small.frames.shape == (12, 8, 8)


class Counted:
    def __init__(self):
        self.read = 0

    def __iter__(self):
        for level in range(6):
            self.read += 1
            yield np.full((4, 5), level, dtype=np.uint8)

    def __call__(self):
        return np.array(list(self))


def test_streams_are_kept_once_they_are_complete():
    source = Counted()
    cache = FrameCache(6 * 20)
    cached = CachedFrames(source, "key", cache)
    assert len(list(itertools.islice(cached, 3))) == 3
    assert (source.read, cache.n_bytes) == (3, 0)
    assert [int(frame[0, 0]) for frame in cached] == list(range(6))
    assert (source.read, cache.n_bytes) == (9, 120)
    np.testing.assert_array_equal(np.array(list(cached)), cached())
    assert source.read == 9
    tight = CachedFrames(source, "key", FrameCache(6 * 20 - 1))
    assert len(list(tight)) == len(list(tight)) == 6
    assert (source.read, tight.cache.n_bytes) == (21, 0)


def test_a_stream_that_is_not_kept_has_no_limit(monkeypatch):
    monkeypatch.setenv("CDMER_MAX_CLIP_BYTES", str(5 * 20))
    source = Counted()
    for n_frames in (None, 6):
        source.n_frames = n_frames
        for max_bytes in (3 * 20, 100 * 20):
            cached = CachedFrames(source, "key", FrameCache(max_bytes))
            assert len(list(cached)) == 6
            assert cached.cache.n_bytes == 0


def test_the_limit_counts_what_is_kept(videos, monkeypatch):
    """40 frames of 96 x 64 flow through; 40 of 8 x 8 are kept."""
    clip = Clip(VideoFile(str(videos / "mpeg4.mp4")), "n", "s", "c")
    monkeypatch.setenv("CDMER_MAX_CLIP_BYTES", str(N * 64))
    [small] = Resize(8, 8).transform([clip])
    assert small.frames.shape == (N, 8, 8)
    with pytest.raises(ValueError, match="at most 2560 bytes"):
        _ = clip.frames


def test_too_much_is_refused_before_it_is_decoded(videos, monkeypatch):
    clip = Clip(VideoFile(str(videos / "mpeg4.mp4")), "n", "s", "c")
    monkeypatch.setenv("CDMER_MAX_CLIP_BYTES", str(N * 64 - 1))
    looked = []
    monkeypatch.setattr(Resize, "_passes", lambda *_: looked.append(1) or [((8, 8), "area")])
    [small] = Resize(8, 8).transform([clip])
    with pytest.raises(ValueError, match="'c/s/n': expected frames of at most 2559 bytes"):
        _ = small.frames
    assert looked == [1]


def test_sources_that_stream_nonsense():
    class Source:
        def __init__(self, *frames):
            self.frames = frames

        def __iter__(self):
            return iter(self.frames)

        def __call__(self):
            return np.array(self.frames)

    good = np.zeros((4, 5), dtype=np.uint8)
    for frames in ((good.astype(float),), (good, good[:3]), (good, good.astype(float)), (good[0],)):
        with pytest.raises(ValueError, match="frames of clip 'c/s/n': expected uint8"):
            list(Clip(Source(*frames), "n", "s", "c").stream())
    for clip, message in (
        (Clip(Source(), "n", "s", "c"), "at least one frame"),
        (Clip(Source(good), "n", "s", "c", frame_numbers=(1, 2)), "2 frame numbers for 1 frames"),
    ):
        with pytest.raises(ValueError, match=message):
            _ = Resize(8, 8).transform([clip])[0].frames
