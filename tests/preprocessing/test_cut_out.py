"""Cutting out of a rectangle gives, bit for bit, what cutting out of the whole frame gives."""

import cv2
import numpy as np
import pytest

from cdmer.preprocessing._cut_out import CutOut


def cut_out_of_all(cutter, frame):
    height, width = cutter.size
    samples = cv2.warpAffine(
        frame.astype(np.float32),
        cutter.matrix,
        (cutter.n * width, cutter.n * height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.rint(cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
@pytest.mark.parametrize("shape", [(90, 160), (7, 300), (1, 1), (1080, 1920)])
def test_every_placement(shape, channels):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, *shape, *channels), dtype=np.uint8)
    for _ in range(4 if shape[0] > 1000 else 60):
        turn = rng.uniform(0.1, 6) * np.exp(1j * rng.choice([0, rng.uniform(-4, 4)]))
        # A third of the places lie outside.
        old = complex(*(rng.uniform(-0.5, 1.5, 2) * shape[::-1]))
        cutter = CutOut(turn, old, complex(*rng.uniform(0, 20, 2)), (20, 24), "clip")
        for frame in frames:  # of the second nothing is left of the first
            np.testing.assert_array_equal(cutter(frame), cut_out_of_all(cutter, frame))


def test_only_what_is_looked_at_is_converted():
    cutter = CutOut(1, 500 + 300j, 0, (20, 20), "clip")
    cutter(np.full((1080, 1920), 7, dtype=np.uint8))
    assert 20**2 < np.count_nonzero(cutter._old) < 30**2
