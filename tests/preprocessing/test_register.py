"""Heads that moved by known amounts, with and without an expression, and what is not followed."""

import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from cdmer._parameters import ParameterError
from cdmer.corpora import Clip
from cdmer.features import optical_flow
from cdmer.preprocessing import Register
from cdmer.synthesis import ExpertUnits, WarpRenderer

SIZE = 96
CENTRE = (SIZE - 1) / 2


def scene(right=0.0, down=0.0, degrees=0.0, scale=1.0, shape=(SIZE, SIZE), colour=False):
    """A pattern in closed form, moved by known amounts about the centre of the picture."""
    height, width = shape
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    place = (x + 1j * y - complex(right, down)) / (scale * np.exp(1j * np.deg2rad(degrees)))
    x, y = place.real, place.imag
    levels = np.sin(x / 5) + np.sin(y / 6 + 1) + np.cos((x + y) / 9) + np.sin((x - 2 * y) / 13)
    levels = 128 + 28 * levels
    if colour:
        levels = np.stack([levels, 0.8 * levels, 255 - levels], axis=-1)
    return np.rint(levels).astype(np.uint8)


def make_clip(frames, **known):
    return Clip(frames, "c", "s", "corpus", **{"onset": 0, **known})


MOVES = [(0.37, -0.61, 0.8, 1.0), (4.2, 3.1, -3.0, 1.0), (-8.5, 6.0, 5.0, 1.0)]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("motion", ["rigid", "similarity"])
def test_known_motion_is_found(move, motion):
    head = Register(motion).measure(np.stack([scene(), scene(*move)]))
    found = [values[1] for values in (head.right, head.down, head.turn, head.scale)]
    assert (np.abs(np.subtract(found, move)) < [0.02, 0.02, 0.03, 5e-4]).all()
    assert [head.right[0], head.down[0], head.turn[0], head.scale[0]] == [0, 0, 0, 1]
    assert head.residual[0] == 0
    assert head.residual[1] < 1e-3
    assert head.followed.all()


def test_size_changes_where_that_is_asked_for():
    frames = np.stack([scene(), scene(1.5, -2.0, 2.0, 1.06)])
    similar, rigid = (Register(motion).measure(frames) for motion in ("similarity", "rigid"))
    assert similar.scale[1] == pytest.approx(1.06, abs=1e-3)
    assert similar.residual[1] < 1e-3 < rigid.residual[1]
    assert rigid.scale[1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("shape", [(80, 120), (121, 67)])
@pytest.mark.parametrize("colour", [False, True])
def test_frames_show_what_they_would_without_the_motion(shape, colour):
    clip = np.stack([scene(*move, shape=shape, colour=colour) for move in ((0, 0), *MOVES[:2])])
    [still] = Register().transform([clip])
    inner = (slice(None), slice(12, -12), slice(12, -12))
    worst = np.abs(still[inner].astype(int) - clip[:1][inner]).max()
    assert worst <= 2  # of a range of 200, and neighbours that differ by up to 20
    np.testing.assert_array_equal(still[0], clip[0])


def test_nothing_moves_where_a_frame_shows_nothing():
    frames = np.stack([scene(), scene(9.0, 0.0)])
    [still] = Register().transform([frames])
    # The right 9 columns of the onset left the picture.
    np.testing.assert_array_equal(still[1][:, -8:], frames[0][:, -8:])
    assert (still[1][:, :9] != frames[1][:, :9]).any()


def test_light_is_no_motion():
    moved = scene(1.2, 0.7, 1.0)
    darker = np.rint(0.6 * moved + 50).astype(np.uint8)
    head, same = (Register().measure(np.stack([scene(), m])) for m in (darker, moved))
    assert head.residual[1] < 1e-3
    assert head.right[1] == pytest.approx(same.right[1], abs=0.01)
    assert head.turn[1] == pytest.approx(same.turn[1], abs=0.02)


class KnownHeads(WarpRenderer):
    """Renders pairs of onset and apex whose heads lie where they are told."""

    def _heads(self, n_frames, rng):
        return np.array([(0.0, 0.0, 0.0), self.moved])


@pytest.fixture(scope="module")
def expressions():
    """Pairs of onset and apex, the same without head motion, and right, down, degrees."""
    rng = np.random.default_rng(0)
    units, renderer = ExpertUnits(), KnownHeads(size=SIZE, setup="webcam-25fps")
    pairs = []
    for i, label in enumerate(["negative", "positive", "surprise"] * 3):
        expression = units.draw(label, rng)
        moved = rng.normal(scale=(0.06, 0.06, 0.04))
        frames = []
        for head in (moved, np.zeros(3)):
            renderer.moved = head
            frames.append(renderer.render(i, expression, (0, 1), np.random.default_rng(i)))
        pairs.append((*frames, np.array([*moved[:2] * SIZE / 2, np.rad2deg(moved[2])])))
    return pairs


def opencv(first, second):
    """Motion by squares, as OpenCV's ECC finds it: right, down, degrees."""
    matrix = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-6)
    _, matrix = cv2.findTransformECC(first, second, matrix, cv2.MOTION_EUCLIDEAN, criteria, None, 5)
    centre = np.full(2, CENTRE)
    shift = matrix @ [*centre, 1] - centre
    return np.array([*shift, np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))])


def test_expression_is_not_taken_for_motion_of_the_head(expressions):
    """The error is a fraction of that of least squares, which follows the expression."""
    ours, squares = [], []
    for frames, _, truth in expressions:
        head = Register().measure(frames)
        ours.append([head.right[1], head.down[1], head.turn[1]] - truth)
        squares.append(opencv(*frames) - truth)
    ours, squares = (np.abs(errors).mean(axis=0) for errors in (ours, squares))
    assert ours[:2].max() < 0.08
    assert ours[2] < 0.15
    assert (ours[:2] < squares[:2] / 2).all()


def test_expression_survives(expressions):
    """Flow after registration is that of the same expression with the head at rest."""
    kept, shown, before, after = [], [], [], []
    inner = (slice(8, -8), slice(8, -8))
    for frames, resting, _ in expressions:
        [still] = Register().transform([frames])
        truth = optical_flow(*resting)[inner]
        flow, moved = optical_flow(*still)[inner], optical_flow(*frames)[inner]
        kept.append((flow * truth).sum())
        shown.append((truth * truth).sum())
        before.append(np.hypot(*np.moveaxis(moved - truth, -1, 0)).mean())
        after.append(np.hypot(*np.moveaxis(flow - truth, -1, 0)).mean())
    assert np.sum(kept) / np.sum(shown) > 0.8
    assert np.mean(after) < np.mean(before) / 5


def track(frames, position):
    """Frames of a head that goes to the right by one pixel per frame, an onset among them."""
    return [scene(float(i - position)) for i in range(frames)]


def test_frames_before_the_onset_are_aligned_to_it_too():
    frames = np.stack(track(6, 3))
    clip = make_clip(frames, onset=13, frame_numbers=(10, 11, 12, 13, 14, 15))
    head = Register().measure(clip)
    np.testing.assert_allclose(head.right, [-3, -2, -1, 0, 1, 2], atol=0.03)
    [still] = Register().transform([clip])
    np.testing.assert_array_equal(still.frames[3], frames[3])
    assert still.onset == 13
    assert still.frame_numbers == clip.frame_numbers
    np.testing.assert_array_equal(np.stack(list(still.source)), still.frames)


def test_without_an_onset_the_first_frame_takes_its_place():
    frames = np.stack(track(4, 0))
    for clip in (frames, make_clip(frames, onset=None)):
        np.testing.assert_allclose(Register().measure(clip).right, [0, 1, 2, 3], atol=0.03)


def test_far_places_are_reached_step_by_step():
    """Eighteen pixels in all, of a pattern that repeats itself after a few more."""
    head = Register().measure(np.stack(track(19, 0)))
    np.testing.assert_allclose(head.right, np.arange(19), atol=0.05)


def test_one_frame_is_read_at_a_time():
    class Source:
        """Knows how many of its frames are asked for."""

        given = 0

        def __call__(self):
            raise AssertionError("all frames were read at once")

        def __iter__(self):
            for frame in track(5, 0):
                self.given += 1
                yield frame

    source = Source()
    [still] = Register().transform([make_clip(source)])
    frames = iter(still.source)
    for number in range(1, 6):
        next(frames)
        assert source.given == number


LOST = {
    "black": np.zeros((SIZE, SIZE), np.uint8),
    "noise": np.random.default_rng(1).integers(0, 256, (SIZE, SIZE), np.uint8),
    "negative": 255 - scene(),
    "another scene": scene(30.0, 20.0, 80.0),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_what_is_lost_keeps_the_last_motion_and_is_told(lost):
    frames = np.stack([scene(), scene(2.0), lost, scene(2.4)])
    head = Register().measure(frames)
    assert head.followed.tolist() == [True, True, False, True]
    assert head.right[2] == head.right[1]
    assert head.residual[2] > 0.5 > head.residual[3]
    assert head.right[3] == pytest.approx(2.4, abs=0.02)


def test_flat_onset_gives_no_motion():
    frames = np.stack([LOST["black"], scene(), scene(2.0)])
    head = Register("similarity").measure(frames)
    assert head.followed.tolist() == [True, False, False]
    assert not head.right.any()
    assert (head.scale == 1).all()
    assert (head.residual[1:] == 1).all()
    np.testing.assert_array_equal(Register().transform([frames])[0], frames)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (7, 3)])
def test_tiny_frames_pass(shape):
    frames = np.random.default_rng(0).integers(0, 256, size=(3, *shape), dtype=np.uint8)
    [still] = Register("similarity").transform([frames])
    assert still.shape == frames.shape
    assert still.dtype == np.uint8


class Marks:
    """A landmarker that knows how the scene moved; frames carry their number in one pixel."""

    def __init__(self, moves):
        angles = np.linspace(0, 6, 68)
        self.face = CENTRE + 20 * np.stack([np.cos(angles), np.sin(2 * angles)], axis=1)
        self.moves = moves

    def __call__(self, frame):
        assert frame.ndim == 2
        move = self.moves[frame[0, 0]]
        if move is None or isinstance(move, Exception):
            if move is None:
                return None
            raise move
        right, down, degrees, scale = move
        turn = scale * np.exp(1j * np.deg2rad(degrees))
        places = turn * ((self.face - CENTRE) @ (1, 1j)) + complex(right, down)
        return CENTRE + np.stack([places.real, places.imag], axis=1)


def numbered(frames):
    frames = np.stack(frames)
    frames[:, 0, 0] = np.arange(len(frames))
    return frames


def test_landmarks_give_the_motion_of_least_squares():
    moves = [(0, 0, 0, 1), (1.25, -2.5, 3.0, 1.0), (1.0, 1.0, -2.0, 1.05)]
    frames = numbered([scene(*move) for move in moves])
    head = Register("similarity", by=Marks(moves)).measure(frames)
    found = np.stack([head.right, head.down, head.turn, head.scale], axis=1)
    np.testing.assert_allclose(found, moves, atol=1e-9)
    assert Register("rigid", by=Marks(moves)).measure(frames).scale[2] == pytest.approx(1)


def test_landmarks_that_are_lost_are_told():
    moves = [(0, 0, 0, 1), (2, 0, 0, 1), None, ValueError("no face"), (3, 0, 0, 1)]
    frames = numbered([scene(*(move or moves[1])) for move in moves[:3]] + [scene(2)] + [scene(3)])
    head = Register(by=Marks(moves)).measure(frames)
    assert head.followed.tolist() == [True, True, False, False, True]
    np.testing.assert_allclose(head.right, [0, 2, 2, 2, 3], atol=1e-9)
    with pytest.raises(ValueError, match="clip 0: the landmarker found no face in the onset frame"):
        Register(by=Marks([None])).measure(frames[:1])
    with pytest.raises(RuntimeError, match=r"clip 0: .*a landmarker .*got shape \(5, 2\)"):
        Register(by=lambda frame: np.zeros((5, 2))).measure(frames)


@pytest.mark.parametrize("error", [ImportError("no MediaPipe"), MemoryError("full"), OSError("x")])
def test_what_is_no_lost_face_is_not_taken_for_one(error):
    frames = numbered([scene(), scene(2)])
    with pytest.raises((type(error), RuntimeError), match=str(error)):
        Register(by=Marks([(0, 0, 0, 1), error])).measure(frames)


def test_why_the_onset_has_no_landmarks_is_told():
    with pytest.raises(RuntimeError, match="clip 0: .*give its file"):
        Register(by=Marks([ValueError("give its file")])).measure(numbered([scene()]))


def test_same_frames_from_any_number_of_threads():
    clips = [np.stack(track(4, i)) for i in range(4)]
    expected = [Register().transform([clip])[0] for clip in clips]
    found = [None] * 4

    def work(i):
        found[i] = Register().transform([clips[i]])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_onset_outside_the_clip_names_it():
    clip = make_clip(np.stack(track(3, 0)), onset=7)
    with pytest.raises(ValueError, match="clip 'corpus/s/c': onset lies outside the clip"):
        Register().measure(clip)
    with pytest.raises(ValueError, match="clip 'corpus/s/c': onset -1 lies outside"):
        _ = Register().transform([replace(clip, onset=-1)])[0].frames


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"motion": "affine"}, "motion: expected one of"),
        ({"by": "landmarks"}, "by: expected 'ecc' or a callable"),
        ({"by": None}, "by: expected 'ecc' or a callable"),
        ({"max_iter": 0}, "max_iter: expected a whole number >= 1"),
        ({"max_iter": 2.5}, "max_iter: expected a whole number >= 1"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ParameterError, match=message):
        Register(**parameters).fit()
    with pytest.raises(ParameterError, match=message):
        Register(**parameters).measure(scene()[None])
