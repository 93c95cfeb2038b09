"""Regions around landmarks: where they lie, and what landmarkers may do wrong."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone

from cdmer.features import HOOF, LBPTOP, MDMO, LandmarkRegions, OpticalFlow


def template():
    """A symmetric face in the scheme of iBUG: x to the right and y down, eyes 2 apart."""
    right = {  # the person's right half, on the left of the picture
        **{i: (-2.0 * np.cos(i * np.pi / 16), 2.6 * np.sin(i * np.pi / 16)) for i in range(8)},
        **dict(
            zip(
                range(17, 22),
                [(-1.7, -0.6), (-1.4, -0.8), (-1.0, -0.85), (-0.7, -0.8), (-0.4, -0.7)],
                strict=True,
            )
        ),
        **dict(zip((31, 32), [(-0.4, 1.0), (-0.2, 1.05)], strict=True)),
        **dict(
            zip(
                (36, 37, 38, 39, 40, 41),
                [
                    (-1.35, 0),
                    (-1.15, -0.15),
                    (-0.85, -0.15),
                    (-0.65, 0),
                    (-0.85, 0.15),
                    (-1.15, 0.15),
                ],
                strict=True,
            )
        ),
        **dict(
            zip(
                (48, 49, 50, 58, 59, 60, 61, 67),
                [
                    (-0.75, 1.6),
                    (-0.5, 1.45),
                    (-0.2, 1.4),
                    (-0.2, 1.8),
                    (-0.5, 1.75),
                    (-0.65, 1.6),
                    (-0.2, 1.55),
                    (-0.2, 1.65),
                ],
                strict=True,
            )
        ),
    }
    middle = {
        8: (0, 2.6),
        27: (0, 0),
        28: (0, 0.3),
        29: (0, 0.6),
        30: (0, 0.85),
        33: (0, 1.1),
        51: (0, 1.42),
        57: (0, 1.85),
        62: (0, 1.56),
        66: (0, 1.66),
    }
    points = np.full((68, 2), np.nan)
    for i, (x, y) in right.items():
        points[i] = x, y
        points[MIRROR[i]] = -x, y
    for i, point in middle.items():
        points[i] = point
    return points


MIRROR = {
    **{i: 16 - i for i in range(17)},
    **{i: 43 - i for i in range(17, 27)},
    **{i: i for i in range(27, 31)},
    **{i: 66 - i for i in range(31, 36)},
    36: 45,
    37: 44,
    38: 43,
    39: 42,
    40: 47,
    41: 46,
    45: 36,
    44: 37,
    43: 38,
    42: 39,
    47: 40,
    46: 41,
    **{i: 102 - i for i in range(48, 55)},
    **{i: 114 - i for i in range(55, 60)},
    **{i: 124 - i for i in range(60, 65)},
    65: 67,
    66: 66,
    67: 65,
}
FACE = template()
POINTS = FACE * 18 + [55.5, 40]  # in a picture of 112 x 112 pixels, eyes 36 pixels apart
FRAMES = np.random.default_rng(0).integers(0, 256, size=(8, 112, 112), dtype=np.uint8)


def find(frame):
    """Landmarker that always finds the synthetic face in its place."""
    return POINTS


def boxes_by_name(regions, frames=FRAMES, border=0):
    return dict(zip(regions.names, regions.place(frames, border).tolist(), strict=True))


def test_the_template_is_a_face():
    assert np.isfinite(FACE).all()
    np.testing.assert_allclose(FACE[list(MIRROR.values())], FACE[list(MIRROR)] * [-1, 1])
    assert sorted(MIRROR) == sorted(MIRROR.values()) == list(range(68))


def test_squares_around_points():
    boxes = boxes_by_name(LandmarkRegions(find, side=0.5))  # 18 pixels
    assert len(boxes) == 36
    x, y = POINTS[48]
    top, bottom, left, right = boxes["right_mouth_corner"]
    inside = [(r, c) for r in range(112) for c in range(112) if abs(r - y) <= 9 and abs(c - x) <= 9]
    assert inside == [(r, c) for r in range(top, bottom) for c in range(left, right)]
    for top, bottom, left, right in boxes.values():
        assert bottom - top in (18, 19)
        assert right - left in (18, 19)


def test_regions_lie_where_they_are_named_for():
    centres = {
        name: ((left + right) / 2, (top + bottom) / 2)
        for name, (top, bottom, left, right) in boxes_by_name(LandmarkRegions(find)).items()
    }
    for side, sign in (("right", -1), ("left", 1)):
        column = [f"{side}_{n}" for n in ("brow_middle", "lid_upper", "lid_lower", "cheek_upper")]
        column += [f"{side}_{n}" for n in ("mouth_corner", "chin_side")]
        heights = [centres[name][1] for name in column]
        assert heights == sorted(heights)
        row = ["nose_tip", f"{side}_nasolabial", f"{side}_cheek_outer"]
        assert np.all(np.diff([sign * centres[name][0] for name in row]) > 0)
    middle = ("glabella", "nose_root", "nose_tip", "lip_upper_middle", "lip_lower_middle", "chin")
    assert all(abs(centres[name][0] - 56) <= 0.5 for name in middle)
    assert np.all(np.diff([centres[name][1] for name in middle]) > 0)


def test_a_mirror_swaps_left_and_right():
    shifted = POINTS + [7.25, 3.5]
    boxes = boxes_by_name(LandmarkRegions(lambda frame: shifted))
    flipped = shifted[[MIRROR[i] for i in range(68)]] * [-1, 1] + [111, 0]
    mirrored = boxes_by_name(LandmarkRegions(lambda frame: flipped))
    for name, (top, bottom, left, right) in boxes.items():
        swap = {"right": "left", "left": "right"}
        first, _, rest = name.partition("_")
        twin = f"{swap[first]}_{rest}" if first in swap else name
        assert mirrored[twin] == [top, bottom, 112 - right, 112 - left]


def test_size_follows_the_face():
    small = LandmarkRegions(lambda frame: FACE * 9 + [55.5, 40], side=0.8).place(FRAMES)
    large = LandmarkRegions(find, side=0.4).place(FRAMES)
    for boxes in (small, large):
        assert set(np.r_[boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]]) <= {14, 15}


def test_squares_are_cut_off_at_the_border():
    low = POINTS + [0, 24.8]
    regions = LandmarkRegions(lambda frame: low)
    whole, inner = regions.place(FRAMES), regions.place(FRAMES, border=3)
    assert whole[:, 1].max() == 112
    assert inner[:, 1].max() == 106
    cut = np.minimum(whole, 109) - 3
    np.testing.assert_array_equal(inner, cut)


def test_the_first_frame_is_shown():
    seen = []

    def landmarker(frame):
        seen.append(frame)
        return POINTS

    expected = LandmarkRegions(landmarker).place(FRAMES)
    (frame,) = seen
    np.testing.assert_array_equal(frame, FRAMES[0])
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(LandmarkRegions(landmarker).place(torch.tensor(FRAMES)), expected)
    assert isinstance(seen[1], np.ndarray)


def test_is_a_value():
    regions = LandmarkRegions(find, 0.3)
    assert regions == LandmarkRegions(find, side=0.3) != LandmarkRegions(find)
    assert hash(regions) == hash(LandmarkRegions(find, 0.3))
    assert pickle.loads(pickle.dumps(LandmarkRegions(np.asarray))) == LandmarkRegions(np.asarray)
    assert clone(MDMO(grid=regions)).grid == regions


@pytest.mark.parametrize("model", [MDMO(), HOOF(), LBPTOP(radius=2)])
def test_descriptors_take_them(model):
    model.set_params(grid=LandmarkRegions(find)).fit()
    rows = model.transform([FRAMES, FRAMES[:, :100]])
    names = model.get_feature_names_out()
    assert rows.shape == (2, len(names)) == (2, 36 * len(model._columns()))
    assert names[0].startswith("right_brow_outer_")
    assert names[-1].startswith("chin_")
    assert len(set(names)) == len(names)
    assert np.isfinite(rows).all()


def test_a_region_is_described_by_what_lies_in_it():
    regions = LandmarkRegions(find)
    (row,) = HOOF(grid=regions).transform([FRAMES])
    (flow,) = OpticalFlow().transform([FRAMES])
    for name, (top, bottom, left, right) in boxes_by_name(regions).items():
        part = flow[:, top:bottom, left:right]
        expected = HOOF()._describe(part, [(0, bottom - top, 0, right - left)])[0]
        number = regions.names.index(name)
        np.testing.assert_allclose(row[8 * number : 8 * number + 8], expected, atol=1e-12)


def raising(frame):
    raise RuntimeError("no face in sight")


@pytest.mark.parametrize(
    ("landmarker", "message"),
    [
        (raising, "landmarker: found no face, RuntimeError('no face in sight')"),
        (lambda frame: None, "landmarker: found no face, gave None"),
        (lambda frame: POINTS[:5], "landmarker: expected an array of shape (68, 2), got (5, 2)"),
        (lambda frame: POINTS.T, "landmarker: expected an array of shape (68, 2), got (2, 68)"),
        (lambda frame: POINTS * np.nan, "landmarker: expected finite coordinates, got NaN or inf"),
        (
            lambda frame: POINTS + [0, 40],
            "landmarker: no pixel is left of region 'chin', a square of 14.4 pixels around (55.5,",
        ),
        (lambda frame: POINTS - [300, 0], "landmarker: no pixel is left of region 'right_brow_out"),
    ],
)
def test_what_landmarkers_do_wrong_names_the_clip(landmarker, message):
    message = "clip 0: got 8 frames of 112 x 112 pixels; " + message
    with pytest.raises(ValueError, match=re.escape(message)):
        MDMO(grid=LandmarkRegions(landmarker)).transform([FRAMES])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"landmarker": "dlib"}, "landmarker: expected a callable, got 'dlib'"),
        ({"landmarker": find, "side": 0}, "side: expected a finite number > 0, got 0"),
        ({"landmarker": find, "side": None}, "side: expected a finite number > 0, got None"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        LandmarkRegions(**parameters)
