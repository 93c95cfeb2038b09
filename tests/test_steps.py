"""One clip through steps: its frames are read once, and held where they are needed again."""

from dataclasses import dataclass

import numpy as np
import pytest

from cdmer._steps import prepare_alone
from cdmer.corpora import Clip
from cdmer.preprocessing import ApexSpotter, Flip, LinearResampling, Resize, ToGrey

FRAMES = np.random.default_rng(0).integers(0, 256, (9, 40, 40, 3), dtype=np.uint8)


@dataclass
class Source:
    """Counts its readings and the frames that it gives one by one."""

    calls: int = 0
    given: int = 0

    def __call__(self):
        self.calls += 1
        return FRAMES

    def __iter__(self):
        for frame in FRAMES:
            self.given += 1
            yield frame


def clip_of(source):
    return Clip(source, "n", "s", "c", fps=100, onset=0)


@pytest.mark.parametrize(
    ("steps", "calls", "given"),
    [
        ([], 1, 0),
        ([ToGrey(), Resize(20, 20)], 0, 9),
        ([Resize(20, 20), ApexSpotter(), LinearResampling(5), Flip()], 0, 9),
        ([ApexSpotter(), Flip(), LinearResampling(fps=50)], 1, 0),
    ],
    ids=repr,
)
def test_frames_are_read_once(steps, calls, given):
    source = Source()
    clip = prepare_alone(steps, clip_of(source))
    assert (source.calls, source.given) == (calls, given)
    expected = [clip_of(FRAMES)]
    for step in steps:
        expected = step.transform(expected)
    assert isinstance(clip.source, np.ndarray)
    np.testing.assert_array_equal(clip.frames, expected[0].frames)
    assert (clip.apex, clip.fps) == (expected[0].apex, expected[0].fps)
    assert (source.calls, source.given) == (calls, given)


def test_arrays_pass():
    new = prepare_alone([ToGrey(), Resize(20, 20)], FRAMES)
    np.testing.assert_array_equal(new, Resize(20, 20).transform(ToGrey().transform([FRAMES]))[0])
