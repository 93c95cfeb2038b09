"""Regions have the names of the parts that a face has there, left and right as the person has."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.features import LandmarkRegions, RegionGrid
from cdmer.models._regions import face_margin, name_parts
from cdmer.preprocessing import CropAlign, CropRegion, Flip, Resize, ToGrey

CROP = (0.1, 112, 112)


def part_at(x, y, crop=CROP, side=8, size=(112, 112)):
    """Name of a small box around a place, from the upper left corner."""
    box = np.array([[y - side / 2, y + side / 2, x - side / 2, x + side / 2]])
    return name_parts(RegionGrid((1,)), np.rint(box).astype(int), size, crop)[0]


@pytest.mark.parametrize("height", [112, 224])
@pytest.mark.parametrize("margin", [0.0, 0.1, 0.4])
def test_eyes_are_where_the_crop_puts_them(height, margin):
    """As the Notes of `CropAlign` say, for frames of any shape."""
    side = 112 / (1 + 2 * margin)
    for name, sign in (("right eye", -1), ("left eye", 1)):
        x, y = 56 + sign * 0.2 * side, height / 2 - 0.15 * side
        assert part_at(x, y, (margin, height, 112), size=(height, 112)) == name


def test_parts_lie_in_their_order():
    down = [part_at(56, y) for y in range(4, 110, 2)]
    assert [name for name in dict.fromkeys(down) if "brow" not in name] == [
        *("forehead", "nose", "mouth", "chin")
    ]
    side = list(dict.fromkeys(part_at(76, y) for y in range(4, 110, 2)))
    assert side[:4] == ["left forehead", "left brow", "left eye", "left cheek"]
    assert part_at(72, 82) == "left mouth corner"
    assert part_at(40, 82) == "right mouth corner"


def test_the_picture_mirrored_changes_sides_alone():
    swap = {"left": "right", "right": "left"}
    for x in range(4, 52, 4):
        for y in range(4, 110, 6):
            words = part_at(x, y).split()
            mirrored = [swap.get(word, word) for word in words]
            assert part_at(112 - x, y).split() == mirrored


def test_regions_of_the_grid_of_the_literature():
    grid = RegionGrid((1, 2, 4, 8))
    parts = name_parts(grid, grid.boxes(112, 112), (112, 112), CROP)
    named = dict(zip(grid.names, parts, strict=True))
    assert named["l1r0c0"] == "whole face"
    assert named["l2r0c0"] == "upper right quarter of the face"
    assert named["l2r1c1"] == "lower left quarter of the face"
    assert named["l4r1c1"] == "right eye"
    assert named["l8r2c5"] == "left brow"
    assert named["l8r3c2"] == "right eye"
    assert named["l8r7c3"] == "chin"
    assert named["l8r5c5"] == "left mouth corner"
    assert "mouth" in named["l8r5c3"]
    assert all(parts)


def test_wide_and_high_boxes_are_halves():
    boxes = [[0, 56, 0, 112], [56, 112, 0, 112], [0, 112, 0, 56], [0, 112, 56, 112]]
    assert name_parts(RegionGrid((2,)), boxes, (112, 112), CROP) == (
        "upper half of the face",
        "lower half of the face",
        "right half of the face",
        "left half of the face",
    )
    assert name_parts(RegionGrid((2,)), boxes, (112, 112), None) == (
        "upper half of the picture",
        "lower half of the picture",
        "left half of the picture",
        "right half of the picture",
    )


def test_without_a_crop_names_are_places_of_the_picture():
    grid = RegionGrid((1, 3))
    parts = name_parts(grid, grid.boxes(90, 120), (90, 120), None)
    assert parts[0] == "whole picture"
    assert parts[1] == "top left of the picture"
    assert parts[5] == "middle of the picture"
    assert parts[6] == "right of the picture"
    assert parts[8] == "bottom of the picture"


def test_landmarks_have_names_of_their_own():
    grid = LandmarkRegions(lambda frame: None)
    parts = name_parts(grid, np.zeros((36, 4)), (112, 112), None)
    assert parts[11] == "right mouth corner"
    assert parts[-1] == "chin"


def test_the_pipeline_says_where_the_face_is():
    crop = CropAlign(height=96, width=80, margin=0.2)
    for steps, expected in [
        ([crop, ToGrey(), Resize(40, 48)], (0.2, 96, 80)),
        ([ToGrey()], None),
        ([crop, CropRegion()], None),
        ([crop, Flip()], None),
    ]:
        assert face_margin(make_pipeline(*steps, SVC())) == expected
