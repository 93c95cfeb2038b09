import base64

import cv2
import numpy as np
import pytest

from cdmer.corpora import Clip
from cdmer.zero_shot._pictures import draw_picture

ALL = ("onset", "apex", "offset")


def clip(frames, onset=1, apex=3, offset=5):
    return Clip(frames, "c", "s", "lab", None, onset, apex, offset)


def pixels(picture):
    """What the receiver of the picture sees, colours in the order red, green, blue."""
    png = base64.b64decode(picture.url.removeprefix("data:image/png;base64,"), validate=True)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return image if image.ndim == 2 else image[..., ::-1]


@pytest.mark.parametrize("shape", [(7, 9, 6), (7, 9, 6, 3)])
def test_frames_stand_side_by_side_to_the_last_pixel(shape):
    frames = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    before = frames.copy()
    sent = pixels(draw_picture(clip(frames), "clip", ALL, 512))
    assert np.array_equal(sent, np.concatenate([frames[1], frames[3], frames[5]], axis=1))
    assert np.array_equal(frames, before)
    reverse = pixels(draw_picture(clip(frames), "clip", ("offset", "apex"), 512))
    assert np.array_equal(reverse, np.concatenate([frames[5], frames[3]], axis=1))


def test_first_and_last_frame_stand_in_where_nothing_is_annotated():
    frames = np.random.default_rng(0).integers(256, size=(7, 4, 4), dtype=np.uint8)
    sent = pixels(draw_picture(clip(frames, onset=None, offset=None), "clip", ALL, 512))
    assert np.array_equal(sent, np.concatenate([frames[0], frames[3], frames[6]], axis=1))
    sent = pixels(draw_picture(frames, "clip 0", ("onset", "offset"), 512))
    assert np.array_equal(sent, np.concatenate([frames[0], frames[6]], axis=1))


def test_large_frames_shrink_by_the_mean_of_areas():
    frames = np.random.default_rng(0).integers(256, size=(1, 40, 20), dtype=np.uint8)
    sent = pixels(draw_picture(frames, "clip 0", ("onset",), 10))
    means = frames[0].reshape(10, 4, 5, 4).mean(axis=(1, 3))
    assert sent.shape == (10, 5)
    assert np.abs(sent - means).max() <= 0.5


def test_the_digest_is_of_the_pixels_alone():
    frames = np.random.default_rng(0).integers(256, size=(7, 4, 4), dtype=np.uint8)
    first = draw_picture(clip(frames), "clip", ALL, 512).digest
    other = frames.copy()
    other[2] += 1  # is not sent
    assert draw_picture(clip(other), "another", ALL, 512).digest == first
    other[3, 2, 2] ^= 1
    assert draw_picture(clip(other), "clip", ALL, 512).digest != first


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (clip(np.zeros((7, 4, 4), np.uint8), apex=None), ValueError, "CLIP: has no apex"),
        (clip(np.zeros((7, 4, 4), np.uint8), offset=9), ValueError, "CLIP: offset lies outside"),
        (np.zeros((7, 4, 4), np.uint8), ValueError, "CLIP: has no apex"),
        (np.zeros((7, 4, 4)), TypeError, "CLIP: expected frames of dtype uint8, got float64"),
        (clip(np.zeros((7, 0, 4), np.uint8)), ValueError, "CLIP: expected at least one frame"),
        ("clip.avi", TypeError, "CLIP: expected a Clip or an array"),
    ],
)
def test_bad_clips_are_named(given, error, message):
    with pytest.raises(error, match=message):
        draw_picture(given, "CLIP", ALL, 512)
