import os
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest

from cdmer._images.headers import read_header
from cdmer._images.reading import MAX_PIXELS, read_image
from cdmer.corpora import Clip, FrameFolder, list_frames

RNG = np.random.default_rng(0)
PICTURE = cv2.GaussianBlur(RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 2)
FORMATS = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"]


def encode(suffix, picture=PICTURE, *settings):
    return cv2.imencode(f".{suffix}", picture, settings)[1].tobytes()


def fill(folder, names):
    """Write frames of which each is a picture of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        picture = np.roll(PICTURE, 5 * i, axis=1)
        (folder / name).write_bytes(encode(name.rpartition(".")[2].lower(), picture))
    return folder


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["img1.jpg", "img2.jpg", "img9.jpg", "img10.jpg"], (1, 2, 9, 10)),
        (["006_1_2_00099.jpg", "006_1_2_00100.jpg"], (99, 100)),
        (["b-1 (3).png", "a-2 (4).png"], (3, 4)),
        (["reg_img8.JPG", "reg_img9.bmp", "reg_img10.TiFF"], (8, 9, 10)),
        (["9_cam2.png", "8_cam3.png"], (2, 3)),
    ],
)
def test_frames_are_in_the_order_of_their_last_integer(tmp_path, names, numbers):
    for name in [*reversed(names), ".hidden7.jpg", "._img1.jpg", "Thumbs.db", "notes5.txt", "jpg"]:
        (tmp_path / name).touch()
    (tmp_path / "folder77.jpg").mkdir()
    assert list_frames(tmp_path) == (tuple(names), numbers)
    assert list_frames(str(tmp_path)) == (tuple(names), numbers)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no image"),
        (["a.txt"], "holds no image"),
        (["img1.jpg", "face.jpg"], "no frame number in 'face.jpg'"),
        (["img٣.jpg"], "no frame number in 'img٣.jpg'"),
        (["img1.jpg", "img01.jpg"], "'img01.jpg' and 'img1.jpg' are both frame 1"),
        (["img1.jpg", "img1.png", "img2.png"], "'img1.jpg' and 'img1.png' are both frame 1"),
    ],
)
def test_folders_that_cannot_be_put_in_order(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=message) as raised:
        list_frames(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_a_frame_that_is_a_broken_link_is_listed(tmp_path):
    (tmp_path / "img1.jpg").symlink_to(tmp_path / "gone.jpg")
    assert list_frames(tmp_path) == (("img1.jpg",), (1,))
    with pytest.raises(FileNotFoundError, match="img1.jpg"):
        FrameFolder(str(tmp_path), ("img1.jpg",))()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("colour", [False, True])
def test_frames_are_those_of_imread(tmp_path, suffix, colour):
    folder = fill(tmp_path / "Gesicht ä 顔", [f"img{i}.{suffix}" for i in (9, 10, 11)])
    names, numbers = list_frames(folder)
    source = FrameFolder(str(folder), names, colour)
    frames = source()
    flag = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    for frame, name in zip(frames, names, strict=True):
        expected = cv2.imdecode(np.fromfile(folder / name, np.uint8), flag)
        np.testing.assert_array_equal(frame, expected[..., ::-1] if colour else expected)
    assert frames.dtype == np.uint8
    assert source.n_frames == len(frames) == 3
    clip = Clip(pickle.loads(pickle.dumps(source)), "c", "s", "lab", frame_numbers=numbers)
    np.testing.assert_array_equal(clip.frames, frames)
    np.testing.assert_array_equal(source.part(1, 3)(), frames[1:3])


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.1, 0.01, 0.0])
def test_truncated_images_are_named(tmp_path, suffix, share):
    fill(tmp_path, [f"img1.{suffix}", f"img2.{suffix}"])
    content = (tmp_path / f"img2.{suffix}").read_bytes()
    (tmp_path / f"img2.{suffix}").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf"img2\.{suffix}: .*(truncated|empty|expected a JPEG)"):
        FrameFolder(str(tmp_path), (f"img1.{suffix}", f"img2.{suffix}"))()


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpeg_whose_end_was_never_written(tmp_path, progressive):
    """A copy that was interrupted: the file has its size, and zeros at its end."""
    whole = encode("jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    preview = b"\xff\xe1" + (len(whole) + 2).to_bytes(2, "big") + whole
    for content in (whole, whole[:2] + preview + whole[2:]):
        path = tmp_path / "img1.jpg"
        path.write_bytes(content + b"appended by the camera")
        np.testing.assert_array_equal(read_image(str(path)), cv2.imread(str(path), 0))
        for lost in (2, 30, 200):
            path.write_bytes(content[:-lost] + bytes(lost + 4000))
            with pytest.raises(ValueError, match=r"img1.jpg: truncated"):
                read_image(str(path))


def test_frames_of_different_sizes(tmp_path):
    fill(tmp_path, ["img1.png", "img2.png"])
    (tmp_path / "img2.png").write_bytes(encode("png", PICTURE[:, :60]))
    with pytest.raises(
        ValueError, match="differ in size, 64 x 48 pixels in 'img1.png' and 60 x 48 .* 'img2.png'"
    ):
        FrameFolder(str(tmp_path), ("img1.png", "img2.png"))()


def huge(suffix, width=70_000, height=60_000):
    """Make a small file that announces a huge image."""
    content = bytearray(encode(suffix, np.zeros((300, 400), np.uint8)))
    if suffix == "png":
        content[16:24] = struct.pack(">II", width, height)
        content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    elif suffix == "bmp":
        content[18:26] = struct.pack("<ii", width, -height)
    elif suffix == "jpg":
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", 60_000, 65_000)
    else:
        return (
            b"II*\0"
            + struct.pack("<IH", 8, 2)
            + struct.pack("<HHII", 256, 4, 1, width)
            + struct.pack("<HHII", 257, 4, 1, height)
        )
    return bytes(content)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif"])
def test_huge_images_are_refused_before_they_are_decoded(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)
    (tmp_path / f"img1.{suffix}").write_bytes(huge(suffix))
    with pytest.raises(ValueError, match=rf"img1.{suffix}: expected .* at most {MAX_PIXELS} pix"):
        read_image(str(tmp_path / f"img1.{suffix}"))


def test_sizes_in_headers():
    picture = np.zeros((3, 5), np.uint8)
    for suffix in ("jpg", "png", "bmp", "tif", "webp"):
        assert read_header(encode(suffix, picture), "x")[:2] == (3, 5)
    filled = encode("jpg", picture)
    assert read_header(filled[:2] + b"\xff\xff" + filled[2:], "x")[:2] == (3, 5)
    os2 = b"BM" + bytes(12) + struct.pack("<IHH", 12, 5, 3)
    assert read_header(os2, "x")[:2] == (3, 5)
    big_endian = b"MM\0*" + struct.pack(">IH", 8, 2) + struct.pack(">HHIHH", 256, 3, 1, 5, 0)
    assert read_header(big_endian + struct.pack(">HHIHH", 257, 3, 1, 3, 0), "x")[:2] == (3, 5)


@pytest.mark.parametrize("content", [b"GIF89a\x01\x00", b"hello", b"\xff\xd8\xff", b"BM", b"II*\0"])
def test_what_is_no_image(tmp_path, content):
    (tmp_path / "img1.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"img1.jpg: "):
        read_image(str(tmp_path / "img1.jpg"))


def test_the_fingerprint_names_the_files_not_their_place(tmp_path):
    names = ("img1.png", "img2.png")
    one, two = (fill(tmp_path / name, names) for name in ("one", "two"))
    for name in names:
        os.utime(one / name, ns=(0, 10**18 + 1))
        os.utime(two / name, ns=(5, 10**18 + 1))
    first = FrameFolder(str(one), names)
    assert first.fingerprint() == FrameFolder(str(two), names).fingerprint()
    others = {FrameFolder(str(one), names, True).fingerprint(), first.part(0, 1).fingerprint()}
    os.utime(two / names[0], ns=(5, 10**18 + 2))
    others.add(FrameFolder(str(two), names).fingerprint())
    (one / names[0]).write_bytes(encode("png") + b"\0")
    os.utime(one / names[0], ns=(0, 10**18 + 1))
    others.add(first.fingerprint())
    assert len(others) == 4
    (one / names[1]).unlink()
    with pytest.raises(FileNotFoundError, match="img2.png"):
        first.fingerprint()


def test_headers_of_webp():
    wide = np.zeros((70, 333, 4), np.uint8)
    wide[:9, :, 3] = 255
    for settings in ((cv2.IMWRITE_WEBP_QUALITY, 70), (cv2.IMWRITE_WEBP_QUALITY, 101)):
        for picture in (wide, wide[..., :3]):
            assert read_header(encode("webp", picture, *settings), "x")[:2] == (70, 333)
    extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + bytes((76, 1, 0, 69, 0, 0))
    assert read_header(extended, "x")[:2] == (70, 333)


def deep_folder(folder, suffix, pictures):
    folder.mkdir()
    for i, picture in enumerate(pictures):
        (folder / f"img{i}.{suffix}").write_bytes(encode(suffix, picture))
    return str(folder)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_sixteen_bits_of_which_fewer_are_in_use(tmp_path, suffix, colour, bits):
    """What a camera of 10, 12 or 14 bits saves; the same in all frames, whichever are asked for."""
    bright = np.linspace(0, 2**bits - 1, 64 * 48).astype(np.uint16).reshape(48, 64)
    pictures = [bright // 8, bright, bright // 2]
    if colour:
        pictures = [np.stack([p // 3, p // 2, p], axis=2) for p in pictures]
    folder = deep_folder(tmp_path / "c", suffix, pictures)
    names, _ = list_frames(folder)
    frames = FrameFolder(folder, names, colour)()
    expected = np.stack([(p >> (bits - 8)).astype(np.uint8) for p in pictures])
    # OpenCV rounds the 16 bits of a coloured TIFF file.
    rounded = bits == 16 and colour and suffix == "tif"
    expected = expected[..., ::-1] if colour else expected
    np.testing.assert_allclose(frames, expected, rtol=0, atol=1 if rounded else 0)
    assert len(np.unique(frames[1])) == 256 if not colour else frames.max() == 255
    np.testing.assert_array_equal(FrameFolder(folder, names, colour).part(0, 1)(), frames[:1])
    alone = read_image(f"{folder}/{names[1]}", colour)
    np.testing.assert_array_equal(alone, frames[1])


def test_all_sixteen_bits_are_read_as_before(tmp_path):
    picture = RNG.integers(0, 65536, (48, 64, 3), dtype=np.uint16)
    for suffix in ("png", "tif"):
        path = str(tmp_path / f"img1.{suffix}")
        cv2.imwrite(path, picture)
        np.testing.assert_array_equal(read_image(path), cv2.imread(path, cv2.IMREAD_GRAYSCALE))


def test_the_bits_do_not_count_what_covers_the_picture(tmp_path):
    picture = np.full((48, 64, 4), 4000, np.uint16)
    picture[..., 3] = 65535
    folder = deep_folder(tmp_path / "c", "png", [picture])
    assert FrameFolder(folder, ("img0.png",))().max() == 4000 >> 4


def test_a_fingerprint_of_sixteen_bits_counts_what_the_bits_depend_on(tmp_path):
    pictures = [np.full((8, 9), value, np.uint16) for value in (500, 900, 1000)]
    clip = FrameFolder(deep_folder(tmp_path / "c", "png", pictures), ("img0.png", "img1.png"))
    before, frames = clip.fingerprint(), clip()
    (tmp_path / "c" / "img2.png").write_bytes(encode("png", pictures[0] * 8))
    assert clip.fingerprint() != before
    np.testing.assert_array_equal(clip(), frames // 4)  # 12 bits in place of 10


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("float32", "floating-point 32-bit"),
        ("float64", "floating-point 64-bit"),
        ("int32", "signed 32-bit"),
        ("int16", "signed 16-bit"),
        ("uint32", "unsigned 32-bit"),
    ],
)
def test_numbers_that_are_no_grey_levels_are_named(tmp_path, kind, named, capfd):
    deep_folder(tmp_path / "c", "tif", [PICTURE[..., 0].astype(kind)])
    with pytest.raises(ValueError, match=rf"img0.tif: expected pixels of 8 or 16 .* got {named}"):
        FrameFolder(str(tmp_path / "c"), ("img0.tif",))()
    assert capfd.readouterr() == ("", "")


NOISE = RNG.integers(0, 256, (120, 160), dtype=np.uint8)


def damaged(suffix, *settings):
    """An image with some wrong bytes in its middle, of which the decoder makes a picture."""
    whole = encode(suffix, NOISE, *settings)
    for shift in range(99):
        content = bytearray(whole)
        at = len(whole) // 2 + shift
        content[at : at + 4] = bytes(255 - byte or 1 for byte in content[at : at + 4])
        content = bytes(content).replace(b"\xff\xd9", b"\xff\0") + b"\xff\xd9"
        if cv2.imdecode(np.frombuffer(content, np.uint8), 0) is not None:
            return content
    raise AssertionError("the decoder refused them all")


DAMAGED = {
    "baseline.jpg": ("jpg",),
    "progressive.jpg": ("jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts.jpg": ("jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
    "lzw.tif": ("tif", cv2.IMWRITE_TIFF_COMPRESSION, 5),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_images_that_the_decoder_calls_damaged(tmp_path, name, capfd):
    content = damaged(*DAMAGED[name])
    capfd.readouterr()
    path = tmp_path / f"img2.{name[-3:]}"
    path.write_bytes(content)
    (tmp_path / "img1.png").write_bytes(encode("png", NOISE))
    source = FrameFolder(str(tmp_path), ("img1.png", path.name))
    for read in (source, lambda: read_image(str(path))):
        with pytest.raises(ValueError, match=rf"{path.name}: (damaged, the decoder says: |trunc)"):
            read()
    assert capfd.readouterr() == ("", "")


def test_padding_before_the_end_is_no_damage(tmp_path, capfd):
    """Some webcams fill their JPEGs up."""
    whole = encode("jpg", NOISE)
    for filler in (b"\0", b"\x20"):
        (tmp_path / "img1.jpg").write_bytes(whole[:-2] + 5 * filler + whole[-2:])
        frames = FrameFolder(str(tmp_path), ("img1.jpg",))()
        np.testing.assert_array_equal(frames[0], cv2.imdecode(np.frombuffer(whole, np.uint8), 0))
    assert capfd.readouterr() == ("", "")


def test_a_file_without_permission_says_so(tmp_path, monkeypatch):
    path = str(tmp_path / "img1.png")
    (tmp_path / "img1.png").write_bytes(encode("png"))

    def refuse(file, *args, **kwargs):
        raise PermissionError(13, "Permission denied", file)

    monkeypatch.setattr("cdmer._files.reading.os.open", refuse)
    with pytest.raises(PermissionError, match="Permission denied: .*img1.png"):
        read_image(path)
    with pytest.raises(PermissionError, match="Permission denied: .*img1.png"):
        FrameFolder(str(tmp_path), ("img1.png",))()
