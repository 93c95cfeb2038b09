import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import cv2
import numpy as np
import pytest

from cdmer._parameters import ParameterError
from cdmer.corpora import make_synthetic_corpus
from cdmer.preprocessing import CascadeDetector, Face
from cdmer.preprocessing._detectors import _grouped, scale_back, shrink


@pytest.fixture(scope="module")
def astronaut():
    from skimage.data import astronaut  # part of scikit-image, nothing is downloaded

    return astronaut()


def test_finds_the_face_of_a_photograph(astronaut):
    [face] = CascadeDetector()(astronaut)
    # Eyes, tip of the nose and mouth, read off the picture: row, column.
    for row, column in [(110, 204), (110, 245), (135, 226), (157, 226)]:
        assert face.top < row < face.bottom
        assert face.left < column < face.right
    assert 80 < face.bottom - face.top < 140
    assert face.bottom - face.top == face.right - face.left
    assert 4 / 20 <= face.score < 1  # of 4 hits or more
    assert face.landmarks is None


def test_box_moves_and_grows_with_the_face(astronaut):
    grey = astronaut[:300, :400].mean(axis=2).astype(np.uint8)
    [face] = CascadeDetector(min_size=0.3)(grey)
    [moved] = CascadeDetector(min_size=0.3)(np.pad(grey, ((40, 0), (0, 25)), mode="edge"))
    assert np.abs(np.subtract(moved[:4], (face[0] + 40, face[1] + 40, *face[2:4]))).max() <= 10
    [doubled] = CascadeDetector(min_size=0.3)(grey.repeat(2, axis=0).repeat(2, axis=1))
    assert np.abs(np.array(doubled[:4]) / 2 - face[:4]).max() <= 10


def test_same_faces_in_every_call_and_thread(astronaut):
    detector = CascadeDetector()
    first = detector(astronaut)
    assert detector(astronaut) == first
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector, [astronaut] * 8)) == [first] * 8


@pytest.mark.parametrize("preset", ["lab-100fps", "webcam-25fps", "nir-25fps"])
def test_finds_most_synthetic_faces(preset):
    corpus = make_synthetic_corpus(preset, n_clips=10, n_subjects=10, random_state=0)
    found = [CascadeDetector()(clip.frames[0]) for clip in corpus]
    assert sum(map(bool, found)) >= 9
    for faces in filter(None, found):  # they fill the picture
        best = max(faces, key=lambda face: face.score)
        assert (
            np.abs(np.array([best.top + best.bottom, best.left + best.right]) / 2 - 56).max() < 17
        )
        assert best.bottom - best.top > 50


def test_order_of_hits_does_not_matter():
    rng = np.random.default_rng(0)
    centres = np.array([[50, 50], [60, 160], [150, 90]])
    boxes = []
    for centre, side in zip(centres, (40, 30, 60), strict=True):
        corner = centre + rng.integers(-4, 5, size=(12, 2)) - side // 2
        sides = side + rng.integers(-3, 4, size=12)
        boxes += [(r, r + s, c, c + s) for (r, c), s in zip(corner, sides, strict=True)]
    groups = [group.mean(axis=0) for group in _grouped(sorted(boxes))]
    shuffled = [boxes[i] for i in rng.permutation(len(boxes))]
    again = [group.mean(axis=0) for group in _grouped(shuffled)]
    np.testing.assert_allclose(sorted(map(tuple, groups)), sorted(map(tuple, again)), rtol=1e-12)
    assert len(groups) == 3
    places = sorted(((g[0] + g[1]) / 2, (g[2] + g[3]) / 2) for g in groups)
    np.testing.assert_allclose(places, centres, atol=3)


def test_groups_share_more_than_two_fifths_of_their_union():
    # Squares of side 10 that overlap by k rows share k / (20 - k) of their union.
    assert len(_grouped([(0, 10, 0, 10), (4, 14, 0, 10)])) == 1  # 6 / 14
    assert len(_grouped([(0, 10, 0, 10), (5, 15, 0, 10)])) == 2  # 5 / 15
    # What is connected by a third belongs together.
    assert len(_grouped([(0, 10, 0, 10), (4, 14, 0, 10), (8, 18, 0, 10)])) == 1
    assert _grouped([]) == []


def test_few_hits_make_no_face(astronaut):
    [face] = CascadeDetector()(astronaut)
    n_hits = round(16 * face.score / (1 - face.score))
    assert face.score == n_hits / (n_hits + 16)
    assert CascadeDetector(min_hits=n_hits)(astronaut) == [face]
    assert CascadeDetector(min_hits=n_hits + 1)(astronaut) == []


def overlap(face, box):
    """Share of their union that a face and a box have in common."""
    height = min(face.bottom, box[1]) - max(face.top, box[0])
    width = min(face.right, box[3]) - max(face.left, box[2])
    common = max(height, 0) * max(width, 0)
    areas = (face.bottom - face.top) * (face.right - face.left)
    areas += (box[1] - box[0]) * (box[3] - box[2])
    return common / (areas - common)


@pytest.mark.parametrize(
    ("side", "top", "left"), [(660, 400, 100), (900, 150, 1000), (1080, 0, 500)]
)
def test_full_hd_is_searched_shrunk_and_boxes_come_back(astronaut, side, top, left):
    head = astronaut[:300, 70:370]
    [face] = CascadeDetector()(head)
    picture = cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA)
    frame = np.full((1080, 1920, 3), 128, dtype=np.uint8)
    frame[top : top + side, left : left + side] = picture
    expected = np.array(face[:4]) * side / 300 + (top, top, left, left)
    found = max(CascadeDetector()(frame), key=lambda one: one.score)
    assert overlap(found, expected) > 0.6
    assert all(edge == round(edge) for edge in found[:4])
    # Twice as large in each direction, the frame shrinks to the same one.
    twice = CascadeDetector()(frame.repeat(2, axis=0).repeat(2, axis=1))
    again = max(twice, key=lambda one: one.score)
    assert np.abs(np.array(again[:4]) / 2 - found[:4]).max() <= 1


def test_places_in_a_shrunk_frame_are_scaled_back_exactly():
    rng = np.random.default_rng(0)
    frame = np.zeros((90, 121), dtype=np.uint8)
    small = shrink(frame, 3)
    assert small.shape == (30, 40)
    assert shrink(frame, 1) is frame
    points = rng.random((5, 2)) * 30
    back = scale_back(Face(3.0, 12.0, 10.0, 20.0, 0.5, points), (30, 40), (90, 121))
    assert back[:5] == pytest.approx((9, 36, 10 * 121 / 40, 20 * 121 / 40, 0.5))
    # The border of the frame is at -0.5, and beyond the last pixel.
    corners = scale_back(
        Face(0, 30, 0, 40, 1, np.array([[-0.5, -0.5], [39.5, 29.5]])), (30, 40), (90, 121)
    )
    np.testing.assert_allclose(corners.landmarks, [[-0.5, -0.5], [120.5, 89.5]])
    np.testing.assert_allclose((back.landmarks + 0.5) / (121 / 40, 3) - 0.5, points)


def test_shrinking_does_not_alias():
    stripes = np.zeros((300, 300), dtype=np.uint8)
    stripes[:, ::2] = 200
    assert np.ptp(shrink(stripes, 3.7)[:, 1:-1]) <= 60


@pytest.mark.parametrize("shape", [(1, 1), (20, 20), (24, 24), (25, 300), (24, 300, 3)])
def test_small_and_empty_pictures_hold_no_face(shape):
    assert CascadeDetector()(np.full(shape, 128, dtype=np.uint8)) == []


def test_frames_need_not_be_contiguous(astronaut):
    view = astronaut[::2, ::2]
    assert CascadeDetector()(view) == CascadeDetector()(view.copy())
    mirrored = CascadeDetector()(astronaut[:, ::-1])
    assert mirrored == CascadeDetector()(astronaut[:, ::-1].copy()) != []


def test_detectors_are_values(astronaut):
    detector = CascadeDetector(min_hits=2)
    before = astronaut.copy()
    faces = detector(astronaut)  # loads the cascade, which cannot be pickled
    for twin in (pickle.loads(pickle.dumps(detector)), deepcopy(detector)):
        assert twin == detector
        assert twin(astronaut) == faces
    np.testing.assert_array_equal(astronaut, before)
    assert pickle.loads(pickle.dumps(faces)) == faces
    assert isinstance(faces[0], Face)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scale_factor": 1}, "scale_factor: expected a finite number > 1, got 1"),
        ({"step_ratio": 0}, "step_ratio: expected a finite number > 0, got 0"),
        ({"min_size": 1.5}, r"min_size: expected a finite number > 0 and <= 1, got 1\.5"),
        ({"min_hits": 2.0}, r"min_hits: expected a whole number >= 1, got 2\.0"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ParameterError, match=message):
        CascadeDetector(**parameters)


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (np.zeros((30, 30)), TypeError, "frame: expected a NumPy array of uint8, got float64"),
        ([[1]], TypeError, "frame: expected a NumPy array of uint8, got list"),
        (np.zeros((2, 30, 30), np.uint8), ValueError, r"frame: expected shape \(H, W\) or"),
        (np.zeros((0, 30), np.uint8), ValueError, r"got \(0, 30\)"),
    ],
)
def test_wrong_frames(frame, error, message):
    with pytest.raises(error, match=message):
        CascadeDetector()(frame)
