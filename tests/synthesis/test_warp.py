"""What the renderer moves is what was asked for, as optical flow sees it."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from cdmer.corpora import PRESETS
from cdmer.features import optical_flow
from cdmer.preprocessing import Face
from cdmer.synthesis import ACTION_UNITS, Expression, NeutralFace, WarpRenderer

SETUP = replace(PRESETS["lab-200fps"], noise=0.0)
SIZE = 128
Y, X = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
BROWS, EYES, NOSE, CHEEKS = (-0.65, -0.35), (-0.35, -0.1), (-0.25, 0.15), (0.0, 0.3)
LIPS, MOUTH, CHIN = (0.35, 0.6), (0.4, 0.65), (0.65, 1.0)
# Unit: rows and distance from the middle where the motion is strongest, in half pictures, then its
# mean direction: down, and away from the middle. After Ekman, Friesen and Hager, "Facial Action
# Coding System", 2002.
MOTION = {
    "1": (BROWS, (0.0, 0.3), -1, 0),
    "2": (BROWS, (0.3, 0.6), -1, 0),
    "4": (BROWS, (0.0, 0.4), 1, 0),
    "5": (EYES, (0.25, 0.5), -1, 0),
    "6": (CHEEKS, (0.3, 0.6), -1, 0),
    "7": (EYES, (0.25, 0.5), -1, 0),
    "9": (NOSE, (0.0, 0.25), -0.5, 0),
    "10": (LIPS, (0.0, 0.3), -1, 0),
    "12": (MOUTH, (0.2, 0.45), -0.8, 0.5),
    "14": (MOUTH, (0.2, 0.45), 0, 1),
    "15": (MOUTH, (0.2, 0.45), 1, 0),
    "17": (CHIN, (0.0, 0.25), -1, 0),
    "20": (MOUTH, (0.2, 0.45), 0.2, 1),
    "23": (MOUTH, (0.15, 0.4), 0.4, -0.8),
    "25": (CHIN, (0.0, 0.3), 0.9, 0),
    "26": (CHIN, (0.0, 0.3), 1, 0),
    "45": (EYES, (0.25, 0.5), 1, 0),
}


@pytest.fixture(scope="module")
def renderer():
    return WarpRenderer(size=SIZE, setup=SETUP)


@pytest.fixture(scope="module")
def flows(renderer):
    """Flow from onset to apex, the mean of six people, by unit."""
    found = dict.fromkeys(ACTION_UNITS, 0.0)
    for identity in range(6):
        for unit in ACTION_UNITS:
            found[unit] = found[unit] + flow(renderer, identity, unit, 0.5) / 6
    return found


def pair(renderer, identity, *units, seed=0):
    expression = Expression("it", units)
    return renderer.render(identity, expression, (0, 1), np.random.default_rng(seed))


def flow(renderer, identity, unit, intensity):
    return optical_flow(*pair(renderer, identity, (unit, intensity)))


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_unit_moves_its_place_in_its_direction(flows, unit):
    u, v = np.moveaxis(flows[unit], 2, 0)
    length = np.hypot(u, v)
    weight = np.where(length > 0.4 * length.max(), 1.0, 0.0)
    total = (weight * length).sum()
    rows, columns, down, out = MOTION[unit]
    assert length.max() > 0.3
    assert rows[0] <= (weight * length * Y).sum() / total <= rows[1]
    assert columns[0] <= (weight * length * np.abs(X)).sum() / total <= columns[1]
    assert (weight * v).sum() / total == pytest.approx(down, abs=0.3)
    assert (weight * u * np.sign(X)).sum() / total == pytest.approx(out, abs=0.3)


def test_lips_part_upwards_and_downwards():
    renderer = WarpRenderer(size=SIZE, setup=SETUP)
    onset, apex = pair(renderer, 0, ("25", 0.8)).astype(int)
    darker = onset - apex > 20  # the gap between the lips
    assert darker.sum() > 10
    assert np.abs(X[darker]).max() < 0.45
    assert 0.4 < Y[darker].mean() < 0.7


@pytest.mark.parametrize(("code", "side"), [("L12", 1), ("R12", -1), ("L2", 1), ("R2", -1)])
def test_the_persons_left_is_on_the_right_of_the_picture(renderer, code, side):
    length = np.hypot(*np.moveaxis(flow(renderer, 1, code, 0.5), 2, 0))
    assert length[side * X > 0].sum() > 3 * length[side * X < 0].sum()


def test_motion_grows_with_intensity(renderer):
    strength = [np.abs(flow(renderer, 2, "12", value)).max() for value in (0.1, 0.3, 0.9)]
    assert strength[0] * 1.8 < strength[1] < strength[2] / 1.8


@pytest.mark.parametrize("unit", ["12", "26", "45"])
def test_the_amplitude_of_a_camera_is_a_factor_on_intensities(unit):
    def change(amplitude, intensity):
        camera = WarpRenderer(size=SIZE, setup=replace(SETUP, amplitude=amplitude))
        onset, apex = pair(camera, 0, (unit, intensity)).astype(int)
        return np.abs(apex - onset).sum()

    assert change(0.0, 0.4) == 0
    assert change(0.5, 0.4) == change(1.0, 0.2) > 0


def test_a_neutral_face_does_not_move(renderer):
    onset, apex = pair(renderer, 0)
    np.testing.assert_array_equal(onset, apex)
    onset, apex = renderer.render(
        0, Expression("it", [("12", 1.0)]), (0, 0), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(onset, apex)


def test_frames_follow_from_identity_and_random_numbers_alone(renderer):
    one = pair(renderer, 3, ("4", 0.3), seed=7)
    other = pickle.loads(pickle.dumps(WarpRenderer(size=SIZE, setup=SETUP)))
    pair(other, 5, ("1", 0.5))
    np.testing.assert_array_equal(one, pair(other, 3, ("4", 0.3), seed=7))
    assert (one != pair(other, 4, ("4", 0.3), seed=7)).any()
    assert other.describe() == renderer.describe()


def test_a_photographed_face_is_found_and_moved(renderer):
    picture = pair(renderer, 0)[0]
    given = WarpRenderer([picture], size=SIZE, setup=SETUP)  # with the detector that comes along
    assert given.n_identities == 1
    length = np.hypot(*np.moveaxis(flow(given, 0, "12", 0.6), 2, 0))
    strong = length > 0.4 * length.max()
    assert 0.2 < Y[strong].mean() < 0.8
    with pytest.raises(ValueError, match="identity"):
        pair(given, 1, ("12", 0.5))


def test_the_contrast_of_a_camera_is_that_of_photographs_too(renderer):
    picture = pair(renderer, 0)[0]
    means = [
        pair(WarpRenderer([picture], size=SIZE, setup=replace(SETUP, contrast=c)), 0)[0].mean()
        for c in (1.0, 0.6, 0.3)
    ]
    expected = np.array([1.0, 0.6, 0.3]) ** (1 / SETUP.gamma)
    np.testing.assert_allclose(np.divide(means, means[0]), expected, rtol=0.01)


def test_two_faces_in_a_picture_are_too_many(renderer):
    picture = pair(renderer, 0)[0]
    faces = [Face(8, 58, 8, 58, 1.0), Face(64, 114, 64, 114, 1.0)]
    with pytest.raises(ValueError, match=r"2|two"):
        WarpRenderer([picture], detector=lambda _: faces)


def test_wrong_units_and_courses_are_named(renderer):
    with pytest.raises(ValueError, match="expected action units .* got '3'"):
        Expression("it", [("3", 0.5)])
    with pytest.raises(ValueError, match="intensity of action unit '12'.* got 1.5"):
        Expression("it", [("12", 1.5)])
    with pytest.raises(ValueError, match="expected each once, got 'L12' again"):
        Expression("it", [("12", 0.5), ("L12", 0.5)])
    with pytest.raises(ValueError, match="course"):
        renderer.render(0, Expression("it", []), (0, 2), np.random.default_rng(0))
    with pytest.raises(ValueError, match="size: expected"):
        WarpRenderer(size=8)


def test_pictures_without_a_face_or_with_landmarks_outside_are_refused():
    with pytest.raises(ValueError, match="face"):
        WarpRenderer([np.full((96, 96), 128, dtype=np.uint8)]).render(
            0, Expression("it", []), (0, 1), np.random.default_rng(0)
        )
    landmarks = np.full((68, 2), 500.0)
    with pytest.raises(ValueError, match="landmarks"):
        NeutralFace(np.zeros((96, 96), dtype=np.uint8), landmarks=landmarks)
