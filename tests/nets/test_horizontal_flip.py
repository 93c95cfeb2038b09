"""Mirrored pictures of motion."""

import pickle

import numpy as np
import pytest
import torch

from cdmer.nets import HorizontalFlip
from cdmer.preprocessing import flip_flow


def flows(n=6, size=5):
    return np.random.default_rng(0).normal(size=(n, size, size, 2)).astype(np.float32)


def pictures(flow, scaling):
    """Channels (u, v, |flow|) as `cdmer.features.FlowImages` scales them."""
    images = np.stack([flow[..., 0], flow[..., 1], np.hypot(flow[..., 0], flow[..., 1])], axis=1)
    if scaling == "per-image":
        images = images - images.min(axis=(2, 3), keepdims=True)
        peak = images.max(axis=(2, 3), keepdims=True)
        images = images / np.where(peak > 0, peak, 1) * 255
    return torch.from_numpy(images.astype(np.float32))


@pytest.mark.parametrize("scaling", ["per-image", "pixels", "relative"])
def test_pictures_are_those_of_the_mirrored_flow(scaling):
    flow = flows()
    flow[0] = 0.0
    found = HorizontalFlip(1.0, scaling=scaling)(pictures(flow, scaling), torch.Generator())
    expected = pictures(flip_flow(flow), scaling)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)
    assert not torch.signbit(found[0]).any()


@pytest.mark.parametrize("scaling", ["per-image", "pixels"])
def test_mirrored_twice_is_as_it_was(scaling):
    x = pictures(flows(), scaling)
    before = x.clone()
    flip = HorizontalFlip(1.0, scaling=scaling)
    generator = torch.Generator()
    torch.testing.assert_close(flip(flip(x, generator), generator), x, rtol=1e-5, atol=1e-4)
    assert torch.equal(x, before)


def test_each_picture_has_its_own_chance():
    x = torch.arange(4000.0).reshape(1000, 1, 2, 2)
    found = HorizontalFlip(0.3, horizontal=())(x, torch.Generator().manual_seed(0))
    mirrored = (found == x.flip(-1)).flatten(1).all(1)
    assert ((found == x).flatten(1).all(1) ^ mirrored).all()
    # Four standard deviations of a share of 0.3 in 1,000 draws.
    assert abs(mirrored.double().mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 1000)
    again = HorizontalFlip(0.3, horizontal=())(x, torch.Generator().manual_seed(0))
    assert torch.equal(found, again)


def test_clips_of_frames_are_mirrored_frame_by_frame():
    x = torch.randn(2, 2, 3, 4, 4)
    found = HorizontalFlip(1.0, scaling="pixels")(x, torch.Generator())
    assert torch.equal(found[:, 1], x[:, 1].flip(-1))
    assert torch.equal(found[:, 0], -x[:, 0].flip(-1))


def test_flips_pickle_and_compare():
    flip = HorizontalFlip(0.2, (0, 2), "pixels")
    assert pickle.loads(pickle.dumps(flip)) == flip


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"probability": 1.5}, "probability: expected a finite number >= 0 and <= 1"),
        ({"horizontal": 0}, "horizontal: expected a tuple of channel numbers, got 0"),
        ({"horizontal": (-1,)}, "horizontal: expected a whole number >= 0"),
        ({"scaling": "minmax"}, "scaling: expected one of"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        HorizontalFlip(**parameters)


@pytest.mark.parametrize("shape", [(4, 12), (4, 1, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"x: expected pictures .* channels \(2,\), got"):
        HorizontalFlip(horizontal=(2,))(torch.zeros(shape), torch.Generator())
