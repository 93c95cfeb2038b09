"""Which of several faces is taken, from which frame on, and what is said of it."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from cdmer._notes import gathered_notes, note
from cdmer._parameters import ParameterError
from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.preprocessing import (
    CropAlign,
    Face,
    FaceNotFoundError,
    SeveralFacesWarning,
    parse_face,
)

FRAMES = np.random.default_rng(0).integers(0, 256, size=(4, 100, 200), dtype=np.uint8)
LEFT = Face(20, 60, 10, 50, 0.9)
MIDDLE = Face(30, 60, 80, 110, 0.9)
RIGHT = Face(10, 70, 130, 190, 0.5)


def cut(faces, face, frames=FRAMES):
    with gathered_notes() as notes:
        step = CropAlign(lambda frame: list(faces), 30, 30, 0.0, face=face)
        return step.transform([frames])[0], [str(one) for one in notes]


@pytest.mark.parametrize(
    ("face", "taken"),
    [
        ("largest", RIGHT),  # 3600 at 0.5 against 1600 and 900 at 0.9
        ("central", MIDDLE),
        (0, LEFT),
        (1, MIDDLE),
        (np.int64(2), RIGHT),
        ((15, 25), LEFT),
        ([140.0, 65.5], RIGHT),
        ((52, 40), LEFT),  # in none, nearest to this one
        ((199, 99), RIGHT),
    ],
)
def test_the_face_that_is_asked_for(face, taken):
    expected, _ = cut([taken], "largest")
    for faces in ([LEFT, MIDDLE, RIGHT], [RIGHT, LEFT, MIDDLE]):
        np.testing.assert_array_equal(cut(faces, face)[0], expected)


def test_a_pixel_in_two_faces_is_of_the_one_whose_middle_is_nearer():
    inner, outer = Face(40, 60, 90, 110, 0.97), Face(0, 100, 0, 190, 1)
    np.testing.assert_array_equal(cut([outer, inner], (105, 55))[0], cut([inner], "largest")[0])


def test_a_number_that_is_not_there_is_told():
    message = r"clip 0: expected face 3, counted from 0, got 3 faces at most in the first 4 frames"
    with pytest.raises(FaceNotFoundError, match=message):
        cut([LEFT, MIDDLE, RIGHT], 3)


def test_a_pixel_outside_the_frame_is_told():
    with pytest.raises(ValueError, match=r"face: expected a pixel of frames of 100 x 200 .* 200,5"):
        cut([LEFT], (200, 5))


def test_several_faces_are_told_once_and_only_where_a_rule_chose():
    _, notes = cut([LEFT, MIDDLE, RIGHT], "largest")
    assert notes == [
        "clip 0: 3 faces; taken: the largest one, around pixel 160,40 (the parameter face, and "
        "--face, choose another)"
    ]
    assert cut([LEFT, RIGHT], "central")[1][0].startswith("clip 0: 2 faces; taken: the central one")
    assert cut([LEFT, RIGHT], 1)[1] == cut([LEFT, RIGHT], (15, 25))[1] == []
    assert cut([LEFT], "largest")[1] == []
    # People far behind, and what is hardly a face.
    assert cut([LEFT, Face(0, 15, 150, 165, 0.9)], "largest")[1] == []
    assert cut([LEFT, RIGHT._replace(score=0.05)], "largest")[1] == []


def test_notes_are_warnings_where_nobody_gathers_them():
    step = CropAlign(lambda frame: [LEFT, RIGHT])
    with pytest.warns(SeveralFacesWarning, match="clip 0: 2 faces") as caught:
        step.transform([FRAMES])
    assert issubclass(SeveralFacesWarning, UserWarning)
    twin = pickle.loads(pickle.dumps(caught[0].message))
    assert type(twin) is SeveralFacesWarning
    assert str(twin) == str(caught[0].message)
    with warnings.catch_warnings(), gathered_notes() as notes:
        warnings.simplefilter("error")
        step.transform([FRAMES, FRAMES])
        step.transform([FRAMES])
    assert [str(one)[:6] for one in notes] == ["clip 0", "clip 1"]


def test_notes_of_threads_do_not_get_mixed():
    def work(number):
        with gathered_notes() as notes:
            for _ in range(50):
                note(SeveralFacesWarning(f"clip {number}"))
        return [str(one) for one in notes]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(20))) == [[f"clip {i}"] for i in range(20)]


@pytest.mark.parametrize(
    ("text", "face"),
    [
        ("largest", "largest"),
        ("central", "central"),
        ("0", 0),
        ("12", 12),
        ("120,80", (120, 80)),
        (" 12.5 , 8 ", (12.5, 8)),
    ],
)
def test_texts_of_faces(text, face):
    assert parse_face(text) == face
    CropAlign(face=parse_face(text)).fit()


@pytest.mark.parametrize(
    "text",
    ["", "Largest", "-1", "1.5", "1,", "1,2,3", "-1,2", "nan,1", "1e9,1", "²", "9" * 50, None, 2],
)
def test_other_texts_are_refused_in_one_line(text):
    with pytest.raises(ParameterError, match="face: expected 'largest', 'central', the") as caught:
        parse_face(text)
    assert "\n" not in str(caught.value)


# ---- from which frame on


@dataclass(frozen=True)
class Lit:
    """Finds a face, as large as the frame's first pixel says, where that is not black."""

    def __call__(self, frame):
        side = int(frame.flat[0])
        return [Face(0, side, 0, side, 1)] if side else []


def recording(n_black, n_frames, fps):
    frames = FRAMES[np.arange(n_frames) % 4].copy()
    frames[:, 0, 0] = np.arange(n_frames) % 40 + 20
    frames[:n_black, 0, 0] = 0
    frames[:, -1, -1] = 0  # the first pixel of a frame that stands on its head
    return Clip(frames, "walk", "me", "own", fps=fps)


class OneByOne:
    """A source that gives every frame in the same memory, and counts those that were read."""

    def __init__(self, frames):
        self.frames, self.n_read = frames, 0

    def __call__(self):
        raise AssertionError("read as a whole")

    def __iter__(self):
        memory = np.empty_like(self.frames[0])
        for frame in self.frames:
            memory[...] = frame
            self.n_read += 1
            yield memory


@pytest.mark.parametrize(
    ("fps", "n_black", "looked_at"),
    [
        (None, 0, 0),
        (None, 7, 7),
        (None, 24, 24),
        (25, 24, 24),
        (30, 10, 10),
        (100, 21, 24),  # every fourth frame
        (200, 1, 8),
        (200, 190, 192),
        (10, 9, 9),
    ],
)
def test_the_first_frame_with_a_face_holds_for_all(fps, n_black, looked_at):
    clip = recording(n_black, 210, fps)
    [seen] = CropAlign(Lit(), 20, 20, 0.0).transform([clip])
    side = clip.frames[looked_at][0, 0]
    [expected] = CropAlign(lambda frame: [Face(0, side, 0, side, 1)], 20, 20, 0.0).transform([clip])
    np.testing.assert_array_equal(seen.frames, expected.frames)
    assert len(seen.frames) == 210
    # One by one, in memory that is used again, they come out the same.
    source = OneByOne(clip.frames)
    [flowing] = CropAlign(Lit(), 20, 20, 0.0).transform([Clip(source, "w", "me", "own", fps=fps)])
    frames = iter(flowing.source)
    first = next(frames)
    assert source.n_read == looked_at + 1
    np.testing.assert_array_equal(np.stack([first, *frames]), expected.frames)


@pytest.mark.parametrize(
    ("fps", "n_frames", "told"),
    [
        (None, 100, "the first 25 frames"),
        (60, 100, "the first 60 frames"),
        (29.97, 100, "the first 30 frames"),
        (25, 3, "the first 3 frames"),
        (25, 1, "the first frame"),
        (1e12, 1500, "the first 1000 frames"),  # no camera's rate
    ],
)
def test_a_second_without_a_face_is_told(fps, n_frames, told):
    clip = recording(n_frames, n_frames, fps)
    message = rf"clip 'own/me/walk': Lit\(\) found no face in {told}, of 100 x 200 pixels$"
    with pytest.raises(FaceNotFoundError, match=message):
        _ = CropAlign(Lit()).transform([clip])[0].frames


@pytest.mark.parametrize("fps", [0.0, -3.0, float("nan")])
def test_a_rate_that_is_none_is_unknown(fps):
    with pytest.raises(FaceNotFoundError, match="the first 25 frames"):
        _ = CropAlign(Lit()).transform([recording(60, 60, fps)])[0].frames


def test_large_frames_that_wait_take_bounded_memory():
    source = OneByOne([np.zeros((2000, 3000, 3), dtype=np.uint8)] * 100)  # 18 MB each
    with pytest.raises(FaceNotFoundError, match="the first 14 frames, of 2000 x 3000 pixels"):
        _ = CropAlign(Lit()).transform([Clip(source, "w", "me", "own", fps=50)])[0].frames


def test_a_face_on_its_head_is_not_taken_and_told():
    eyes = np.array([[120.0, 60.0], [80.0, 62.0]])  # the right eye on the right
    upside_down = Face(20, 80, 60, 140, 1, eyes)
    message = "found no upright face in the first 4 frames.*; one stands on its head: turn the rec"
    for align in (True, False):
        with pytest.raises(FaceNotFoundError, match=message):
            CropAlign(lambda frame: [upside_down], align=align).transform([FRAMES])
    np.testing.assert_array_equal(cut([upside_down, LEFT], "largest")[0], cut([LEFT], "largest")[0])


# ---- pictures


@pytest.fixture(scope="module")
def head():
    from skimage.data import astronaut  # part of scikit-image, nothing is downloaded

    return astronaut()[:300, 70:370]


def two_faces(head, sides, shape=(360, 640)):
    """Two heads side by side on grey."""
    frame = np.full((*shape, 3), 128, dtype=np.uint8)
    for side, left in zip(sides, (10, 330), strict=True):
        frame[40 : 40 + side, left : left + side] = cv2.resize(
            head, (side, side), interpolation=cv2.INTER_AREA
        )
    return frame


def test_the_larger_of_two_people_is_taken_and_told(head):
    frames = two_faces(head, (240, 300))[None]
    with gathered_notes() as notes:
        cropped = {face: CropAlign(face=face).transform([frames])[0] for face in ("largest", 0, 1)}
    np.testing.assert_array_equal(cropped["largest"], cropped[1])
    assert np.any(cropped[0] != cropped[1])
    assert [str(one)[:16] for one in notes] == ["clip 0: 2 faces;"]


def test_nobody_a_profile_and_a_head_upside_down_are_told(head):
    corpus = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=0)
    drawn = cv2.copyMakeBorder(corpus[0].frames[0], 40, 40, 40, 40, cv2.BORDER_REPLICATE)
    half = head.copy()
    half[:, 140:] = half[:, 139:140]  # one eye, half of nose and mouth
    told = r"^clip 0: Casc.* found no face in the first frame, of \d+ x \d+ pixels$"
    for frame in (np.full((200, 300), 90, np.uint8), half):
        with pytest.raises(FaceNotFoundError, match=told):
            CropAlign().transform([frame[None]])
    for frame in (drawn, head):
        turned = np.ascontiguousarray(frame[::-1, ::-1])[None]
        with pytest.raises(FaceNotFoundError, match="one stands on its head: turn the recording"):
            CropAlign().transform([turned])
    assert CropAlign().transform([drawn[None]])[0].shape == (1, 112, 112)


def test_a_small_face_within_one_upside_down_is_not_taken():
    for clip in make_synthetic_corpus("webcam-25fps", n_clips=12, n_subjects=6, random_state=0):
        frame = cv2.copyMakeBorder(clip.frames[0], 90, 90, 120, 120, cv2.BORDER_REPLICATE)
        frame = cv2.resize(frame, None, fx=1.5, fy=1.5)
        with pytest.raises(FaceNotFoundError):
            CropAlign().transform([np.ascontiguousarray(frame[::-1])[None]])
        assert CropAlign().transform([frame[None]])[0].shape == (1, 112, 112)
