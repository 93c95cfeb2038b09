"""Pictures of motion from onset to apex: what each channel holds, and in which unit."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone

from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.features import FlowImages, optical_flow, optical_strain

ALL = ("u", "v", "magnitude", "strain", "grey")


def frames(n_frames=6, height=56, width=84, seed=0):
    """A texture in which one cheek moves to the right and up."""
    y, x = np.mgrid[:height, :width] / 1.0
    bump = np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / 120)
    a, b = np.random.default_rng(seed).uniform(3, 5, size=2)
    moved = [(x - 0.3 * t * bump, y + 0.2 * t * bump) for t in range(n_frames)]
    grey = [128 + 50 * np.sin(p / a) + 50 * np.sin((p + 2 * q) / b) for p, q in moved]
    return np.array(grey).astype(np.uint8)


def clip(array=None, **annotated):
    array = frames() if array is None else array
    return Clip(array, name="c", subject="s", corpus="k", **annotated)


CLIP = clip(onset=1, apex=4)


def mean_of_blocks(plane, size):
    """Shrink a picture whose sides are multiples of the size."""
    height, width = plane.shape
    blocks = plane.astype(float).reshape(size, height // size, size, width // size)
    return blocks.mean(axis=(1, 3))


@pytest.mark.parametrize("method", ["dis", "farneback", "tvl1"])
def test_channels_in_pixels(method):
    model = FlowImages(ALL, size=14, scaling="pixels", flow_method=method)
    pictures = model.fit_transform([CLIP])
    assert pictures.shape == (1, 5, 14, 14)
    assert pictures.dtype == np.float32
    flow = optical_flow(frames()[1], frames()[4], method)
    planes = [flow[..., 0], flow[..., 1], np.hypot(*np.moveaxis(flow, -1, 0)), optical_strain(flow)]
    for picture, plane in zip(pictures[0], [*planes, frames()[4]], strict=True):
        np.testing.assert_allclose(picture, mean_of_blocks(plane, 14), rtol=1e-5, atol=1e-5)


def test_shares_of_the_frame():
    u, v, magnitude, strain, grey = FlowImages(ALL, 14, "pixels").transform([CLIP])[0]
    relative = FlowImages(ALL, 14, "relative").transform([CLIP])[0]
    flow = optical_flow(frames()[1], frames()[4]) / [84, 56]
    length = mean_of_blocks(np.hypot(flow[..., 0], flow[..., 1]), 14)
    for picture, expected in zip(
        relative, [u / 84, v / 56, length, strain, grey / 255], strict=True
    ):
        np.testing.assert_allclose(picture, expected, rtol=1e-4, atol=1e-7)


def test_relative_motion_does_not_depend_on_resolution():
    large = np.repeat(np.repeat(frames(), 2, axis=1), 2, axis=2)
    once, twice = (
        FlowImages(("u", "v"), 14, "relative", flow_method="farneback").transform([c])[0]
        for c in (CLIP, clip(large, onset=1, apex=4))
    )
    assert np.abs(once).max() > 0.005
    np.testing.assert_allclose(twice, once, atol=0.003)


def test_each_channel_of_each_picture_runs_from_0_to_255():
    clips = [CLIP, clip(frames(seed=3), apex=2), clip(frames(seed=4), apex=5)]
    pictures = FlowImages(ALL).transform(clips)
    assert pictures.shape == (3, 5, 28, 28)
    np.testing.assert_array_equal(pictures.min(axis=(2, 3)), 0)
    np.testing.assert_array_equal(pictures.max(axis=(2, 3)), 255)
    raw = FlowImages(ALL, scaling="pixels").transform(clips).astype(float)
    low, high = raw.min(axis=(2, 3), keepdims=True), raw.max(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(pictures, 255 * (raw - low) / (high - low), atol=1e-2)


def test_constant_channels():
    still = clip(np.repeat(frames(1), 3, axis=0), apex=2)
    for scaling in ("per-image", "pixels", "relative"):
        pictures = FlowImages(("u", "v", "magnitude", "strain"), scaling=scaling).transform([still])
        np.testing.assert_array_equal(pictures, 0)
    flat = clip(np.full((3, 56, 56), 77, np.uint8), apex=2)
    for scaling, value in (("per-image", 0), ("pixels", 77), ("relative", 77 / 255)):
        picture = FlowImages(("grey",), scaling=scaling).transform([flat])
        np.testing.assert_allclose(picture, value, rtol=1e-6)


def test_pictures_may_grow():
    """Linear interpolation puts the values of the frame at the centres of its pixels."""
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    (picture,) = FlowImages(("grey",), 96, "pixels").transform(
        [clip(ramp[None].repeat(2, 0), apex=1)]
    )
    expected = np.interp((np.arange(96) + 0.5) / 2 - 0.5, np.arange(48), ramp[0])
    np.testing.assert_allclose(picture[0], np.tile(expected, (96, 1)), rtol=1e-6)
    same = FlowImages(("grey",), 48, "pixels").transform([clip(ramp[None].repeat(2, 0), apex=1)])
    np.testing.assert_array_equal(same[0, 0], ramp)


def test_the_onset_defaults_to_the_first_frame():
    (first,) = FlowImages().transform([clip(apex=4)])
    np.testing.assert_array_equal(first, FlowImages().transform([clip(onset=0, apex=4)])[0])
    assert (first != FlowImages().transform([CLIP])[0]).any()


def test_order_of_channels():
    pictures = FlowImages(ALL).transform([CLIP])[0]
    swapped = FlowImages(["strain", "u"]).transform([CLIP])[0]
    np.testing.assert_array_equal(swapped, pictures[[3, 0]])


def test_synthetic_corpora():
    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    pictures = FlowImages(n_jobs=2).fit_transform(clips)
    assert pictures.shape == (3, 3, 28, 28)
    one_by_one = [FlowImages().transform([clip])[0] for clip in clips]
    np.testing.assert_array_equal(pictures, one_by_one)


def test_frames_of_other_libraries():
    torch = pytest.importorskip("torch")

    class TorchClip:
        key, onset, apex = "k/s/c", 1, 4
        frames = torch.tensor(frames())

        def position(self, moment):
            return getattr(self, moment)

    np.testing.assert_array_equal(
        FlowImages(ALL).transform([TorchClip()]), FlowImages(ALL).transform([CLIP])
    )


def test_is_an_estimator():
    model = FlowImages(("u",), 7, "pixels", "tvl1", 2)
    assert clone(model).get_params() == model.get_params()
    assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()
    assert model.fit() is model


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (frames(), ValueError, "clip 1: has no apex; annotate one (`apex` of a Clip), or let cdm"),
        (clip(onset=4, apex=2), ValueError, "clip 'k/s/c': expected the apex after the onset, got"),
        (
            clip(frames(1), apex=0),
            ValueError,
            "clip 'k/s/c': expected at least 2 frames to see mot",
        ),
        (
            clip(frames()[..., None].repeat(3, -1), apex=3),
            ValueError,
            "clip 'k/s/c': expected grey",
        ),
        (frames() / 255.0, TypeError, "clip 1: expected frames of dtype uint8, got float64"),
        (
            clip(frames(6, 28, 28), apex=3),
            ValueError,
            "clip 'k/s/c': got frames of 28 x 28 pixels; the flow method 'dis' needs at least",
        ),
    ],
)
def test_bad_clips_are_named(bad, error, message):
    with pytest.raises(error, match=re.escape(message)):
        FlowImages().transform([CLIP, bad])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"channels": "uv"},
            "channels: expected some of ('u', 'v', 'magnitude', 'strain', 'grey')",
        ),
        ({"channels": ()}, "channels: expected some of"),
        ({"channels": ("u", "w")}, "each at most once, got ('u', 'w')"),
        ({"channels": ("u", "u")}, "each at most once, got ('u', 'u')"),
        ({"channels": ("u", ["v"])}, "channels: expected some of"),
        ({"size": 0}, "size: expected a whole number >= 1, got 0"),
        ({"size": (28, 28)}, "size: expected a whole number >= 1, got (28, 28)"),
        ({"scaling": "standard"}, "scaling: expected one of ('per-image', 'pixels', 'relative')"),
        ({"flow_method": None}, "flow_method: expected one of ('dis', 'farneback', 'tvl1'), got"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FlowImages(**parameters).fit()
