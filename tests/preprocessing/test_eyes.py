"""Which landmarks a face can have, and faces that stand on their heads."""

import numpy as np
import pytest

from cdmer.preprocessing import Face
from cdmer.preprocessing._eyes import is_upside_down, settle_eyes, upright_faces

# Seen in the middle of a box of 100 x 100 pixels: eyes, nose, corners of the mouth.
UPRIGHT = np.array([[-22.0, -15], [22, -15], [0, 8], [-15, 28], [15, 28]])
MIDDLE = np.array([200.0, 150.0])


def face(points, score=0.9):
    return Face(100, 200, 150, 250, score, points)


def turned(points, degrees):
    """Points turned clockwise, as seen, about the middle of the box."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return points @ turn + MIDDLE


@pytest.mark.parametrize("degrees", range(0, 360, 15))
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("corners", [True, False])
def test_nose_and_mouth_say_which_eye_is_which(degrees, swapped, corners):
    points = turned(UPRIGHT, degrees)
    given = points[[1, 0, 2, 4, 3]] if swapped else points
    if not corners:
        middle = points[3:].mean(axis=0)
        points, given = (np.vstack([p[:3], middle]) for p in (points, given))
    settled = settle_eyes(face(given))
    np.testing.assert_array_equal(settled.landmarks, points)
    # Eyes and mouth on one height have no side that is up.
    if degrees not in (90, 270):
        assert is_upside_down(settled) == (90 < degrees < 270)


@pytest.mark.parametrize(
    ("change", "plausible"),
    [
        (lambda p: p * (1.5, 1), True),  # 0.66 of the box apart
        (lambda p: p * (1.7, 1), False),  # 0.75
        (lambda p: p * (0.5, 1), True),  # 0.22
        (lambda p: p * (0.4, 1), False),  # 0.18
        (lambda p: p + (0, 40) * (np.arange(5) == 2)[:, None], False),  # nose below the mouth
        (lambda p: p - (0, 30) * (np.arange(5) == 2)[:, None], False),  # nose above the eyes
        (lambda p: p * (1, 0), False),  # all on a line
        (lambda p: p * 0, False),
        (lambda p: p * np.nan, False),
        (lambda p: p + (30, 0) * (np.arange(5) > 1)[:, None], True),  # seen from the side
    ],
)
def test_eyes_that_no_face_has_are_left_out(change, plausible):
    for degrees in (0, 35, -75):
        settled = settle_eyes(face(turned(change(UPRIGHT), degrees)))
        assert (settled.landmarks is not None) is plausible
        assert settled[:5] == face(None)[:5]  # the box stays


def test_a_face_that_scores_higher_on_its_head_is_upside_down():
    shape = (300, 400)
    upright = settle_eyes(face(turned(UPRIGHT, 0), 0.7))
    # In the frame turned by half a circle, in which a pixel (x, y) is at (399 - x, 299 - y).
    there = Face(100, 200, 150, 250, 0.9, np.array([399, 299]) - turned(UPRIGHT, 180))
    assert upright_faces([upright], [there], shape) == []
    # Not one that scores as much, nor one elsewhere.
    for other in (there._replace(score=0.73), there._replace(left=0, right=100)):
        assert upright_faces([upright], [other], shape) == [upright]
    assert upright_faces([upright], [], shape) == [upright]
    eyes = settle_eyes(face(turned(UPRIGHT, 170)))
    assert upright_faces([eyes, upright], [], shape) == [upright]


def test_without_eyes_nothing_is_upside_down():
    assert not is_upside_down(face(None))
    assert not is_upside_down(face(np.ones((1, 2))))
    assert not is_upside_down(face(np.full((2, 2), np.nan)))
