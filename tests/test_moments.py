"""Onset and apex of clips that are known by their attributes alone."""

import re

import numpy as np
import pytest

from cdmer._moments import onset_and_apex, onset_position
from cdmer.corpora import Clip

FRAMES = np.zeros((10, 4, 4), np.uint8)


def clip(**annotated):
    return Clip(FRAMES, name="c", subject="s", corpus="k", **annotated)


def test_annotated_moments():
    assert onset_and_apex(clip(onset=2, apex=7), 10, "clip 0") == (2, 7)
    numbered = clip(onset=105, apex=109, frame_numbers=(101, 103, 105, 106, 107, 110))
    assert onset_and_apex(numbered, 6, "clip 0") == (2, 5)


def test_the_first_frame_stands_in_for_a_missing_onset():
    assert onset_and_apex(clip(apex=7), 10, "clip 0") == (0, 7)
    assert onset_position(clip(), 10, "clip 0") == 0
    assert onset_position(FRAMES, 10, "clip 0") == 0
    assert onset_position(clip(onset=0), 10, "clip 0") == 0


def test_zero_is_an_annotation():
    with pytest.raises(ValueError, match="got onset 0 and apex 0"):
        onset_and_apex(clip(apex=0), 10, "clip 0")


@pytest.mark.parametrize("without", [FRAMES, clip(), clip(onset=3)])
def test_a_missing_apex_points_to_the_spotter(without):
    message = (
        "clip 5: has no apex; annotate one (`apex` of a Clip), or let cdmer.preprocessing.Apex"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        onset_and_apex(without, 10, "clip 5")


@pytest.mark.parametrize(
    ("annotated", "message"),
    [
        (
            {"onset": 7, "apex": 7},
            "clip 5: expected the apex after the onset, got onset 7 and apex 7 (positions",
        ),
        ({"onset": 8, "apex": 2}, "clip 5: expected the apex after the onset, got onset 8 and"),
        ({"apex": 10}, "clip 5: apex lies outside the clip, at position 10 of 10 frames"),
        ({"onset": 12, "apex": 3}, "clip 5: onset lies outside the clip, at position 12 of 10"),
        ({"onset": -1, "apex": 3}, "clip 'k/s/c': onset -1 lies outside its frames, 0 to -1"),
        (
            {"apex": 30, "frame_numbers": tuple(range(10, 20))},
            "clip 'k/s/c': apex 30 lies outside its frames, 10 to 19",
        ),
    ],
)
def test_moments_in_the_wrong_place(annotated, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        onset_and_apex(clip(**annotated), 10, "clip 5")


def test_frames_are_not_read():
    def unreadable():
        raise AssertionError("frames were read")

    lazy = Clip(unreadable, name="c", subject="s", corpus="k", onset=1, apex=4)
    assert onset_and_apex(lazy, 10, "clip 0") == (1, 4)
