"""No picture or video, whatever it says of itself, hangs, fills the memory or is read wrongly."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from nursery import accepted, refused

VIDEO = "from cdmer.corpora import VideoFile; print(VideoFile({!r})().tobytes().hex()[:64])"
FOLDER = (
    "from cdmer.corpora import FrameFolder, list_frames\n"
    "print(FrameFolder({0!r}, list_frames({0!r})[0])().shape)"
)
CODECS = {"avi": "MJPG", "mp4": "mp4v", "webm": "VP80", "mkv": "FFV1"}


def write_video(path, codec, n=8, size=(32, 24)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25, size)
    assert writer.isOpened()
    for i in range(n):
        writer.write(np.full((*size[::-1], 3), 20 * i, dtype=np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A sound video of each kind."""
    folder = tmp_path_factory.mktemp("videos")
    return {s: write_video(folder / f"clip.{s}", codec) for s, codec in CODECS.items()}


def secret(tmp_path):
    (tmp_path / "secret").mkdir()
    return write_video(tmp_path / "secret" / "clip.avi", "MJPG")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.56,\nfile://{}\n#EXT-X-ENDLIST\n",
    "hls, relative": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.56,\nsecret/clip.avi\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "concat, relative": "ffconcat version 1.0\nfile secret/clip.avi\n",
    "list": "file '{}'\n",
    "dash": '<?xml version="1.0"?><MPD profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
    "<BaseURL>{}</BaseURL></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "rtsp": "RTSPtextRTSP://127.0.0.1:9/{}\n",
    "asx": '<asx><entry><ref href="{}"/></entry></asx>',
    "vobsub": "# VobSub index file, v7\nid: en, index: 0\n{}\n",
    "vapoursynth": "import vapoursynth\n{}\n",
    "path": "{}\n",
}


@pytest.mark.parametrize("suffix", ["m3u8", "avi", "mp4"])
@pytest.mark.parametrize("case", PLAYLISTS)
def test_playlists(nursery, tmp_path, case, suffix):
    path = tmp_path / f"clip.{suffix}"
    path.write_text(PLAYLISTS[case].format(secret(tmp_path)))
    refused(nursery.python(VIDEO.format(str(path))), path.name, "expected a video")


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/a.avi",
        "rtsp://127.0.0.1:9/a",
        "concat:{0}|{0}",
        "file:{0}",
        "subfile,,start,0,end,9,,:{0}",
        "data:video/avi;base64,AAAA",
        "lavfi:testsrc",
        "pipe:0",
        "/dev/video0",
        "0",
    ],
)
def test_addresses_are_names_of_files(nursery, tmp_path, address):
    path = address.format(secret(tmp_path))
    refused(nursery.python(VIDEO.format(path)), path)


@pytest.mark.parametrize("name", ["img%03d.png", "img%d.jpg", "%d.bmp"])
def test_patterns_of_names(nursery, videos, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(videos["avi"].read_bytes())
    picture = np.full((24, 32), 200, dtype=np.uint8)
    for number in range(4):
        cv2.imwrite(str(tmp_path / (name % number)), picture)
    refused(nursery.python(VIDEO.format(str(path))), name, "pattern")


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("other", ["avi", "m3u8", "txt", "mp4"])
def test_a_video_of_another_suffix(nursery, videos, tmp_path, suffix, other):
    path = tmp_path / ("100%done." if other in CODECS else "clip.")
    path = path.with_suffix(f".{other}")
    path.write_bytes(videos[suffix].read_bytes())
    expected = accepted(nursery.python(VIDEO.format(str(videos[suffix]))))
    assert accepted(nursery.python(VIDEO.format(str(path)))) == expected


@pytest.mark.parametrize("target", ["pipe", "/dev/zero", "/dev/ptmx", "folder", "none", "sparse"])
@pytest.mark.parametrize("name", ["clip.avi", "frames/1.png", "frames/1.jpg", "frames/1.tif"])
def test_what_is_no_file(nursery, tmp_path, target, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if target == "pipe":
        os.mkfifo(path)
    elif target == "folder":
        path.mkdir()
    elif target == "sparse":
        path.write_bytes(b"II*\0" if name.endswith("tif") else b"")
        os.truncate(path, 2**40)
    else:
        path.symlink_to(target if target != "none" else tmp_path / target)
    code = VIDEO.format(str(path)) if name == "clip.avi" else FOLDER.format(str(path.parent))
    refused(nursery.python(code), path.parent)


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def bomb(side):
    """A PNG of one level of grey."""
    packer = zlib.compressobj(9)
    row = bytes(side + 1)
    content = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    )


def test_pictures_that_fill_the_memory_together(nursery, tmp_path):
    data = bomb(8192)
    (tmp_path / "0.png").write_bytes(data)
    for number in range(1, 90):
        os.link(tmp_path / "0.png", tmp_path / f"{number}.png")
    outcome = nursery.python(FOLDER.format(str(tmp_path)))
    refused(outcome, tmp_path, "at most 2147483648 bytes in one clip", "CDMER_MAX_CLIP_BYTES")


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("suffix", CODECS)
def test_the_limit_for_videos(nursery, videos, suffix, colour):
    n_bytes = 8 * 32 * 24 * (3 if colour else 1)
    path = str(videos[suffix])
    code = (
        "import os; os.environ['CDMER_MAX_CLIP_BYTES'] = '{}'\n"
        f"from cdmer.corpora import VideoFile; print(VideoFile({path!r}, colour={colour})().nbytes)"
    )
    assert accepted(nursery.python(code.format(n_bytes))) == f"{n_bytes}\n"
    refused(nursery.python(code.format(n_bytes - 1)), path, f"at most {n_bytes - 1} bytes")


def test_a_header_that_announces_fewer_or_more(nursery, videos, tmp_path):
    content = bytearray(videos["avi"].read_bytes())
    path = tmp_path / "clip.avi"
    for n in (0, 2, 2**31 - 1, 2**32 - 1):
        for at in (content.index(b"avih") + 24, content.index(b"strh") + 40):
            struct.pack_into("<I", content, at, n)
        path.write_bytes(content)
        outcome = nursery.python(VIDEO.format(str(path)))
        assert outcome.kind in ("accepted", "refused"), outcome
        if outcome.kind == "accepted":
            expected = accepted(nursery.python(VIDEO.format(str(videos["avi"]))))
            assert outcome.stdout == expected


STEPS = [
    "TemporalInterpolation(n_frames=10**9)",
    "TemporalInterpolation(n_frames=10**5)",
    "LinearResampling(n_frames=10**9)",
    "LinearResampling(fps=1e9)",
    "LinearResampling(fps=1e300)",
    "Resize(10**6, 10**6)",
    "Resize(10**9, 10**9)",
    "CropAlign(lambda f: [Face(0, 9, 0, 9, 1)], height=10**6, width=10**6)",
    "CropAlign(lambda f: [Face(0, 9, 0, 9, 1)], margin=1e9)",
    "CropAlign(lambda f: [Face(0, 1e12, 0, 1e12, 1)])",
]


@pytest.mark.parametrize("step", STEPS)
def test_steps_that_would_fill_the_memory(nursery, step):
    code = (
        "import numpy as np; from cdmer.corpora import Clip; from cdmer.preprocessing import *\n"
        "frames = np.zeros((20, 200, 200), dtype=np.uint8)\n"
        f"clip = Clip(frames, 'n', 's', 'c', fps=100)\n{step}.transform([clip])[0].frames"
    )
    refused(nursery.python(code))


@pytest.mark.parametrize("arguments", ["n_clips=10**9", "n_subjects=10**9", "size=10**6"])
def test_rendered_corpora(nursery, arguments):
    code = f"from cdmer.corpora import make_synthetic_corpus; make_synthetic_corpus({arguments})"
    refused(nursery.python(code), arguments.partition("=")[0])


@pytest.mark.parametrize("arguments", ["identities=10**9", "per_class=10**9", "fps=1e9"])
def test_syntheses(nursery, tmp_path, arguments):
    code = (
        f"from cdmer.synthesis import synthesize; synthesize({str(tmp_path / 'a')!r}, {arguments})"
    )
    refused(nursery.python(code), arguments.partition("=")[0])


REQUESTS = {
    "deep": b"[" * 10**5,
    "twice": b'{"name": 1, "name": 2}',
    "a list": b"[]",
    "no JSON": b"\xff\xfe",
    "digits": b'{"seed": ' + b"9" * 6000 + b"}",
    "pipe": None,
}


@pytest.mark.parametrize("case", REQUESTS)
def test_requests_of_resumed_folders(nursery, tmp_path, case):
    place = tmp_path / "synthesis.json"
    (tmp_path / "manifest.csv").touch()
    if REQUESTS[case] is None:
        os.mkfifo(place)
    else:
        place.write_bytes(REQUESTS[case])
    code = f"from cdmer.synthesis import synthesize; synthesize({str(tmp_path)!r}, identities=1)"
    refused(nursery.python(code), tmp_path)


@pytest.mark.parametrize("case", ["pipe", "device", "zeros", "noise", "quotes", "wide"])
def test_tables_of_macro_expressions(nursery, tmp_path, case):
    path = tmp_path / "happiness" / "01.csv"
    path.parent.mkdir()
    if case == "pipe":
        os.mkfifo(path)
    elif case == "device":
        path.symlink_to("/dev/zero")
    else:
        noise = {"zeros": bytes(2**16), "noise": bytes(range(256)) * 99, "quotes": b'"a' * 2**12}
        path.write_bytes(noise.get(case, b"a," * 2**14))
    code = f"from cdmer.synthesis import EarlyMacroUnits; EarlyMacroUnits({str(tmp_path)!r})"
    refused(nursery.python(code), "01.csv")
