"""A part of the face."""

import re

import numpy as np
import pytest

from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.preprocessing import CropAlign, CropRegion, Face

FRAMES = np.random.default_rng(0).integers(0, 256, size=(3, 40, 60), dtype=np.uint8)


def test_shares_of_height_and_width():
    (part,) = CropRegion((0.25, 0.5, 0.1, 0.9)).fit_transform([FRAMES])
    np.testing.assert_array_equal(part, FRAMES[:, 10:20, 6:54])
    colour = np.repeat(FRAMES[..., None], 3, axis=-1)
    (part,) = CropRegion([0, 1, 0.5, 1]).transform([colour])
    np.testing.assert_array_equal(part, colour[:, :, 30:])
    (part,) = CropRegion((0.24, 0.51, 0, 1)).transform([FRAMES])  # rows 9.6 and 20.4
    np.testing.assert_array_equal(part, FRAMES[:, 10:20])


def test_eyes_and_mouth_of_an_aligned_face():
    """One pixel marks each eye, 80 pixels apart; the mouth is 90 below, as on a face."""
    frames = np.zeros((1, 300, 300), dtype=np.uint8)
    points = {"right eye": (110, 120), "left eye": (110, 200), "mouth": (200, 160)}
    for row, column in points.values():
        frames[0, row - 1 : row + 2, column - 1 : column + 2] = 255
    eyes = np.array([points["right eye"][::-1], points["left eye"][::-1]])
    aligned = CropAlign(lambda frame: [Face(60, 260, 60, 260, 1, eyes)]).transform([frames])
    total = int(aligned[0].sum())
    upper, lower = (
        int(CropRegion(region).transform(aligned)[0].sum()) for region in ("eyes", "nose and mouth")
    )
    assert upper + lower == total
    assert 1.7 < upper / lower < 2.3


def test_regions_hold_what_moves():
    """Of raised brows the upper region sees more, of a smile the lower one."""
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=12, size=48, random_state=0)
    shares = {"brows": [], "smile": []}
    for clip in corpus:
        brows, smile = "1" in clip.action_units, "12" in clip.action_units
        if brows != smile:
            pair = [clip.frames[[clip.onset, clip.apex]]]
            parts = [CropRegion(region).transform(pair)[0] for region in ("eyes", "nose and mouth")]
            upper, lower = (abs(p[1].astype(int) - p[0]).mean() for p in parts)
            shares["brows" if brows else "smile"].append(upper / (upper + lower))
    assert np.median(shares["brows"]) > np.median(shares["smile"])


def test_annotations_stay():
    clip = Clip(FRAMES, "c", "s", "k", label="happy", onset=0, apex=1, action_units=("12",))
    (part,) = CropRegion().transform([clip])
    assert part.frames.shape == (3, 14, 48)
    assert (part.key, part.label, part.onset, part.apex) == ("k/s/c", "happy", 0, 1)
    assert clip.frames.shape == FRAMES.shape


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (
            "mouth",
            "region: expected one of ('eyes', 'nose and mouth') or four numbers, top, bottom",
        ),
        (None, "region: expected one of"),
        ((0, 1, 0), "region: expected one of"),
        ((0, 1.5, 0, 1), "region: expected a finite number >= 0 and <= 1, got 1.5"),
        ((0, "1", 0, 1), "region: expected a finite number >= 0 and <= 1, got '1'"),
        ((0.5, 0.5, 0, 1), "region: expected top < bottom and left < right, got (0.5, 0.5, 0, 1)"),
        ((0, 1, 0.5, 0.2), "region: expected top < bottom and left < right"),
    ],
)
def test_bad_regions(region, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        CropRegion(region).fit()


def test_frames_too_small_for_the_region():
    clip = Clip(FRAMES[:, :2], "c", "s", "k")
    message = "clip 'k/s/c': frames of 2 x 60 pixels have none in the region (0.5, 0.6, 0, 1)"
    (part,) = CropRegion((0.5, 0.6, 0, 1)).transform([clip])
    with pytest.raises(ValueError, match=re.escape(message)):
        _ = part.frames
