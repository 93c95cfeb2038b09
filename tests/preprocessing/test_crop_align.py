import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import clone

from cdmer._notes import gathered_notes
from cdmer._parameters import ParameterError
from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.preprocessing import CascadeDetector, CropAlign, Face, FaceNotFoundError

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, size=(3, 60, 80), dtype=np.uint8)
COLOUR = rng.integers(0, 256, size=(3, 60, 80, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Fixed:
    """Finds the same faces in every frame."""

    faces: tuple

    def __call__(self, frame):
        return list(self.faces)


def box(top, bottom, left, right, score=1.0, landmarks=None):
    return Fixed((Face(top, bottom, left, right, score, landmarks),))


def eyes(right, left):
    return box(0, 1, 0, 1, landmarks=np.array([right, left], dtype=float))


def crop(frames, detector, **parameters):
    return CropAlign(detector, **parameters).fit_transform([frames])[0]


def places(frames, detector, height, width, margin, align):
    """Scale with turn, and shift, from new places to old ones, as the docstring has them."""
    [face] = detector(frames[0])
    middle = complex(width, height) / 2
    if align and face.landmarks is not None:
        right, left = face.landmarks[:2] @ [1, 1j] + (0.5 + 0.5j)
        side = min(height, width) / (1 + 2 * margin)
        new_right, new_left = middle - 0.2 * side - 0.15j * side, middle + 0.2 * side - 0.15j * side
        turn = (left - right) / (new_left - new_right)
        return turn, right - turn * new_right
    tall, wide = ((1 + 2 * margin) * (b - a) for a, b in (face[:2], face[2:4]))
    if tall / wide < height / width:
        tall = wide * height / width
    else:
        wide = tall * width / height
    assert tall / height == pytest.approx(wide / width)
    centre = complex(face.left + face.right, face.top + face.bottom) / 2
    return tall / height, centre - tall / height * middle


def interpolated(frame, place):
    """Grey level at a place, linear between the centres of the four pixels around it."""
    height, width = frame.shape[:2]
    x, y = place.real - 0.5, place.imag - 0.5
    column, row = int(np.floor(x)), int(np.floor(y))
    level = 0
    for r, v in ((row, 1 - (y - row)), (row + 1, y - row)):
        for c, w in ((column, 1 - (x - column)), (column + 1, x - column)):
            pixel = frame[min(max(r, 0), height - 1), min(max(c, 0), width - 1)]
            level = level + v * w * pixel.astype(float)
    return level


def cut_out_slowly(frames, detector, height, width, margin, align=True):
    turn, shift = places(frames, detector, height, width, margin, align)
    n = int(np.ceil(abs(turn) - 1e-6))
    cells = [(i + 0.5) / n for i in range(n)]
    cut = np.empty((len(frames), height, width, *frames.shape[3:]))
    for t, row, column in np.ndindex(cut.shape[:3]):
        samples = [
            interpolated(frames[t], turn * complex(column + x, row + y) + shift)
            for y in cells
            for x in cells
        ]
        cut[t, row, column] = np.mean(samples, axis=0)
    return cut


@pytest.mark.parametrize("frames", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize(("top", "left"), [(10, 20), (0, 0), (20, 40), (-7, 55), (35, -12)])
def test_a_box_of_the_new_size_is_cut_out_as_it_is(frames, top, left):
    cut = crop(frames, box(top, top + 40, left, left + 30), height=40, width=30, margin=0)
    padded = np.pad(frames, ((0, 0), (50, 50), (50, 50), (0, 0))[: frames.ndim], mode="edge")
    expected = padded[:, 50 + top : 90 + top, 50 + left : 80 + left]
    np.testing.assert_array_equal(cut, expected)
    assert cut.dtype == np.uint8


def test_whole_shrinkage_averages_blocks():
    cut = crop(GREY, box(6, 54, 9, 72), height=16, width=21, margin=0)
    blocks = GREY[:, 6:54, 9:72].reshape(3, 16, 3, 21, 3).mean(axis=(2, 4))
    assert np.abs(cut - blocks).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("frames", [GREY[:1], COLOUR[:1]], ids=["grey", "colour"])
@pytest.mark.parametrize(
    ("detector", "height", "width", "margin"),
    [
        (box(11.3, 31.9, 20.4, 39.2), 16, 24, 0.2),  # larger than the box is
        (box(5, 50, 20, 70), 20, 16, 0.1),  # smaller
        (box(-20, 70, 30, 120), 14, 18, 0.0),  # over the border
        (eyes((30.2, 24.1), (45.7, 31.0)), 20, 20, 0.1),  # turned, smaller
        (eyes((30, 30), (33, 28)), 22, 17, 0.3),  # turned back, larger
        (eyes((32, 40), (33, 12)), 16, 16, 0.0),  # a quarter of a circle
    ],
)
def test_equals_a_slow_reference(frames, detector, height, width, margin):
    cut = crop(frames, detector, height=height, width=width, margin=margin)
    expected = cut_out_slowly(frames, detector, height, width, margin)
    assert np.abs(cut - expected).max() <= 0.5 + 0.01


def test_the_eyes_come_to_the_stated_places():
    y, x = np.mgrid[:150, :200]
    for right, left, height, width, margin in [
        ((80.0, 60.0), (120.0, 60.0), 112, 112, 0.1),
        ((82.5, 71.3), (118.1, 52.6), 112, 112, 0.1),
        ((60.0, 100.0), (101.5, 120.2), 64, 96, 0.0),
        ((100.0, 90.0), (102.0, 50.0), 90, 60, 0.25),
    ]:
        for dot, side in ((right, -1), (left, 1)):
            dots = 255 * np.exp(-((x - dot[0]) ** 2 + (y - dot[1]) ** 2) / 18)
            frames = np.rint(dots).astype(np.uint8)[None]
            cut = crop(frames, eyes(right, left), height=height, width=width, margin=margin)[0]
            rows, columns = np.mgrid[:height, :width] + 0.5
            found = np.array([(columns * cut).sum(), (rows * cut).sum()]) / cut.sum()
            square = min(height, width) / (1 + 2 * margin)
            stated = width / 2 + side * 0.2 * square, height / 2 - 0.15 * square
            np.testing.assert_allclose(found, stated, atol=0.1)
    square = 112 / 1.2  # the numbers in the docstring
    stated = [56 - 0.2 * square, 56 + 0.2 * square, 56 - 0.15 * square]
    np.testing.assert_allclose(stated, [37.3, 74.7, 42.0], atol=0.05)


def test_moves_and_grows_with_the_face():
    first = crop(GREY, box(10, 42, 20, 48), height=16, width=14, margin=0)
    moved = np.roll(GREY, (5, -3), axis=(1, 2))
    np.testing.assert_array_equal(
        crop(moved, box(15, 47, 17, 45), height=16, width=14, margin=0), first
    )
    doubled = GREY.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(
        crop(doubled, box(20, 84, 40, 96), height=32, width=28, margin=0),
        crop(GREY, box(10, 42, 20, 48), height=32, width=28, margin=0),
    )


def test_turning_the_picture_changes_nothing():
    right, left = np.array([30.0, 25.0]), np.array([47.0, 29.0])
    upright = crop(GREY, eyes(right, left), height=20, width=20)
    # A quarter turn to the left takes (x, y) to (y, width - 1 - x).
    turned = np.rot90(GREY, axes=(1, 2))
    at = [(y, GREY.shape[2] - 1 - x) for x, y in (right, left)]
    again = crop(turned, eyes(*at), height=20, width=20)
    assert np.abs(upright.astype(int) - again).max() <= 1


def test_fine_stripes_do_not_alias():
    stripes = np.zeros((1, 240, 240), dtype=np.uint8)
    stripes[:, :, ::2] = 200
    for detector in (box(0, 230, 0, 230), eyes((70, 80), (160, 90))):
        cut = crop(stripes, detector, height=32, width=32)
        inside = cut[:, 4:-4, 4:-4]
        assert np.ptp(inside) <= 40
        assert abs(inside.mean() - 100) < 3


def test_one_place_for_all_frames():
    seen = []

    def detector(frame):
        seen.append(frame)
        return [Face(10 + frame[0, 0], *np.array([40, 20, 50], dtype=np.uint8), 1)]

    frames = GREY.copy()
    frames[:, 0, 0] = 0, 5, 9
    cut = crop(frames, detector, height=30, width=30, margin=0)
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], frames[0])
    np.testing.assert_array_equal(seen[1], frames[0, ::-1, ::-1])  # whether it stands on its head
    np.testing.assert_array_equal(cut, frames[:, 10:40, 20:50])


def test_takes_the_face_with_the_largest_area_times_score():
    small = Face(0, 20, 0, 20, 0.9)
    wide, tall, late = Face(5, 25, 10, 40, 0.2), Face(5, 35, 40, 60, 0.7), Face(10, 40, 10, 30, 0.7)
    alone = crop(GREY, Fixed((tall,)))
    with gathered_notes():
        np.testing.assert_array_equal(crop(GREY, Fixed((small, wide, tall, late))), alone)
        np.testing.assert_array_equal(crop(GREY, Fixed((tall, small, wide))), alone)
        # Scores of some detectors go below 0: then the area counts.
        low = [one._replace(score=-one.score) for one in (small, wide, tall)]
        np.testing.assert_array_equal(crop(GREY, Fixed(tuple(low))), crop(GREY, Fixed((wide,))))


def test_alignment_can_be_turned_off():
    both = box(10, 40, 20, 50, landmarks=np.array([[25.0, 20.0], [40.0, 24.0], [33.0, 30.0]]))
    by_box = crop(GREY, box(10, 40, 20, 50), height=20, width=20)
    np.testing.assert_array_equal(crop(GREY, both, height=20, width=20, align=False), by_box)
    by_eyes = crop(GREY, eyes((25, 20), (40, 24)), height=20, width=20)
    np.testing.assert_array_equal(crop(GREY, both, height=20, width=20), by_eyes)


def test_default_finds_a_face_in_a_larger_picture():
    clip = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=0)[0]
    small = clip.frames[:2]
    frames = np.full((2, 240, 320), small[:, 0].mean(), dtype=np.uint8)
    frames[:, 70:182, 150:262] = small
    step = CropAlign(margin=0)
    cut = step.fit_transform([frames])[0]
    [face] = CascadeDetector()(frames[0])
    assert cut.shape == (2, 112, 112)
    np.testing.assert_array_equal(cut, crop(frames, Fixed((face,)), margin=0))
    middle = np.array([face.top + face.bottom, face.left + face.right]) / 2
    assert np.abs(middle - (126, 206)).max() < 12


def test_clips_wait_and_can_be_pickled():
    clip = Clip(GREY, "EP02_01f", "sub01", "casme2", onset=0, apex=1, offset=2)
    [cut] = CropAlign(box(10, 40, 20, 50), height=30, width=30, margin=0).transform([clip])
    assert (cut.key, cut.onset, cut.apex, cut.offset) == (clip.key, 0, 1, 2)
    for twin in (cut, pickle.loads(pickle.dumps(cut))):
        np.testing.assert_array_equal(twin.frames, GREY[:, 10:40, 20:50])
    pickle.loads(pickle.dumps(CropAlign().transform([clip])[0]))
    step = clone(CropAlign(CascadeDetector(min_hits=2)))
    assert step.get_params()["detector"] == CascadeDetector(min_hits=2)


def test_detectors_that_are_values_name_the_result():
    clip = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=0)[0]

    def name(**parameters):
        return CropAlign(**parameters).transform([clip])[0].source.fingerprint()

    assert name() == name()
    names = [name(), name(margin=0.2), name(detector=CascadeDetector(min_hits=2))]
    assert len(set(names)) == 3
    assert None not in names
    assert name(detector=lambda frame: []) is None


def test_a_missing_face_is_named():
    clip = Clip(GREY, "EP02_01f", "sub01", "casme2")
    message = (
        r"clip 'casme2/sub01/EP02_01f': CascadeDetector\(.*\) found no face in the first "
        "3 frames, of 60 x 80 pixels$"
    )
    [cut] = CropAlign().transform([clip])  # reads no frame yet
    with pytest.raises(FaceNotFoundError, match=message):
        _ = cut.frames
    with pytest.raises(ValueError, match="^clip 1: "):
        CropAlign(lambda f: [Face(0, 9, 0, 9, 1)] * (not f.any())).transform([0 * GREY, GREY])

    def nobody(frame):
        return ()

    with pytest.raises(FaceNotFoundError, match="nobody found no face in the first frame, of"):
        crop(GREY[:1], nobody)
    with pytest.raises(FaceNotFoundError, match="clip 0: nobody found no face") as caught:
        crop(GREY, nobody)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), FaceNotFoundError)


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (box(10, 10, 5, 9), "clip 0: expected a face with a box of positive size, got Face"),
        (box(20, 10, 9, 5), "box of positive size"),
        (box(0, np.inf, 5, 9), "box of positive size"),
        (box(np.nan, 9, 5, 9), "box of positive size"),
        (eyes((5, 5), (5, 5)), "clip 0: expected two eyes apart from one another, got"),
        (eyes((5, np.nan), (5, 5)), "two eyes apart"),
        (eyes((5, np.inf), (5, 5)), "two eyes apart"),
        (box(0, 9, 0, 9, landmarks=np.ones((1, 2))), r"landmarks of shape \(n_landmarks, 2\)"),
    ],
)
def test_impossible_faces(detector, message):
    with pytest.raises(ValueError, match=message):
        crop(GREY, detector)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"detector": "yunet"}, "detector: expected a callable that takes a frame, or None"),
        ({"height": 0}, "height: expected a whole number >= 1, got 0"),
        ({"width": 11.5}, r"width: expected a whole number >= 1, got 11\.5"),
        ({"margin": -0.1}, r"margin: expected a finite number >= 0, got -0\.1"),
        ({"align": "auto"}, "align: expected True or False, got 'auto'"),
        ({"face": "biggest"}, r"face: expected 'largest', .* got 'biggest'"),
        ({"face": -1}, "face: expected .* got -1"),
        ({"face": True}, "face: expected .* got True"),
        ({"face": (1, 2, 3)}, r"face: expected .* got \(1, 2, 3\)"),
        ({"face": (1, np.nan)}, "face: expected"),
        ({"face": None}, "face: expected"),
    ],
)
def test_wrong_parameters(parameters, message):
    for use in (lambda step: step.fit(), lambda step: step.transform([GREY])):
        with pytest.raises(ParameterError, match=message):
            use(CropAlign(**parameters))


def test_inputs_stay_as_they_are():
    frames = GREY.copy()
    frames.setflags(write=False)
    cut = crop(frames, box(0, 60, 0, 80), height=60, width=80, margin=0)
    np.testing.assert_array_equal(cut, frames)
    assert not np.shares_memory(cut, frames)


@pytest.mark.parametrize("found", [None, [1, 2], "face", [(1, 2, 3, 4, 1)]])
def test_a_detector_that_gives_something_else_is_named(found):
    with pytest.raises(TypeError, match="clip 0: expected a list of Face of the detector, got"):
        CropAlign(lambda frame: found).transform([np.zeros((2, 9, 9), dtype=np.uint8)])
