"""Arrays that networks take in: pictures, features and frames of every step, and rows of them."""

import pickle
import re
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.features import (
    FHOFO,
    HOOF,
    LBPTOP,
    MDMO,
    ApexFrame,
    BiWOOF,
    DescriptorSequence,
    FlowImages,
    FlowSequence,
    Frames,
    OpticalFlow,
    Parts,
    RegionGrid,
    optical_flow,
    optical_strain,
)
from cdmer.preprocessing import Resize, TemporalInterpolation

ALL = ("u", "v", "magnitude", "strain", "grey")


def frames(n_frames=5, height=56, width=84, seed=0):
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


COLOUR = np.random.default_rng(0).integers(0, 256, size=(4, 12, 8, 3), dtype=np.uint8)
EACH = [FlowSequence(ALL, 14), DescriptorSequence(), Frames(), ApexFrame(14)]
each = pytest.mark.parametrize("model", EACH, ids=lambda model: type(model).__name__)


def mean_of_blocks(plane, size):
    """Shrink a picture whose sides are multiples of the size."""
    height, width = plane.shape
    blocks = plane.astype(float).reshape(size, height // size, size, width // size)
    return blocks.mean(axis=(1, 3))


@pytest.mark.parametrize("reference", ["first", "previous"])
def test_pictures_of_every_step_in_pixels(reference):
    (pictures,) = FlowSequence(ALL, 14, "pixels", reference).fit_transform([clip(onset=2, apex=3)])
    assert pictures.shape == (5, 4, 14, 14)
    assert pictures.dtype == np.float32
    given = frames()
    for t in range(1, 5):  # annotations are not read
        flow = optical_flow(given[0 if reference == "first" else t - 1], given[t])
        u, v = flow[..., 0], flow[..., 1]
        planes = [u, v, np.hypot(u, v), optical_strain(flow), given[t]]
        for picture, plane in zip(pictures[:, t - 1], planes, strict=True):
            np.testing.assert_allclose(picture, mean_of_blocks(plane, 14), rtol=1e-5, atol=1e-5)


def test_the_step_to_the_apex_is_the_flow_image():
    annotated = [clip(onset=0, apex=3)]
    for scaling in ("pixels", "relative"):
        sequence = FlowSequence(ALL, 14, scaling).transform(annotated)
        image = FlowImages(ALL, 14, scaling).transform(annotated)
        np.testing.assert_array_equal(sequence[:, :, 2], image)


def test_steps_of_a_clip_compare_with_each_other():
    clips = [clip(), clip(frames(seed=3))]
    pictures = FlowSequence(ALL, 14).transform(clips)
    np.testing.assert_array_equal(pictures.min(axis=(2, 3, 4)), 0)
    np.testing.assert_array_equal(pictures.max(axis=(2, 3, 4)), 255)
    raw = FlowSequence(ALL, 14, "pixels").transform(clips).astype(float)
    low, high = raw.min(axis=(2, 3, 4), keepdims=True), raw.max(axis=(2, 3, 4), keepdims=True)
    np.testing.assert_allclose(pictures, 255 * (raw - low) / (high - low), atol=1e-2)
    still = clip(np.repeat(frames(1), 3, axis=0))
    np.testing.assert_array_equal(FlowSequence(ALL[:4]).transform([still]), 0)


@pytest.mark.parametrize("reference", ["first", "previous"])
def test_features_of_every_step_are_those_of_its_pair(reference):
    hoof = HOOF(n_bins=4, grid=RegionGrid((1, 2)))
    (steps,) = DescriptorSequence(hoof, reference).fit_transform([clip(onset=2)])
    assert steps.shape == (4, 20)
    given = frames()
    for t in range(1, 5):
        pair = given[[0 if reference == "first" else t - 1, t]]
        np.testing.assert_allclose(steps[t - 1], hoof.transform([pair])[0], rtol=1e-6)
    default = DescriptorSequence().transform([clip()])
    np.testing.assert_array_equal(
        default, DescriptorSequence(HOOF(grid=RegionGrid((4,)))).transform([clip()])
    )
    assert default.shape == (1, 4, 16 * 8)


def test_frames_keep_their_places():
    (grey,) = Frames(scaling="pixels").fit_transform([clip()])
    assert grey.dtype == np.float32
    np.testing.assert_array_equal(grey, frames()[None])
    (colour,) = Frames(colour=True, scaling="relative").transform([COLOUR])
    assert colour.shape == (3, 4, 12, 8)
    for channel in range(3):
        np.testing.assert_allclose(colour[channel], COLOUR[..., channel] / 255, rtol=1e-6)
    (change,) = Frames(difference=True, scaling="pixels").transform([clip()])
    np.testing.assert_array_equal(change[0], frames().astype(int) - frames()[0])
    (threefold,) = Frames(colour=True, scaling="pixels").transform([clip()])
    np.testing.assert_array_equal(threefold, [frames()] * 3)


def test_standard_levels_forget_lighting():
    dark, light = COLOUR // 4, COLOUR // 4 * 2 + 50
    standard = Frames(colour=True).transform([dark, light])
    np.testing.assert_allclose(standard.mean(axis=(1, 2, 3, 4)), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=(1, 2, 3, 4)), 1, rtol=1e-5)
    np.testing.assert_allclose(standard[1], standard[0], atol=1e-5)
    np.testing.assert_array_equal(Frames().transform(np.full((1, 3, 4, 4), 9, np.uint8)), 0)


def test_apex_frame():
    annotated = [clip(onset=1, apex=3)]
    (face,) = ApexFrame(14, scaling="pixels").fit_transform(annotated)
    np.testing.assert_allclose(face, mean_of_blocks(frames()[3], 14)[None], rtol=1e-6)
    np.testing.assert_allclose(
        ApexFrame(14, scaling="relative").transform(annotated),
        FlowImages(("grey",), 14, "relative").transform(annotated),
        rtol=1e-6,
    )
    (colour,) = ApexFrame(4, colour=True, scaling="pixels").transform([clip(COLOUR, apex=2)])
    planes = [COLOUR[2, ..., c] for c in range(3)]
    np.testing.assert_allclose(colour, [mean_of_blocks(p, 4) for p in planes], rtol=1e-6)
    standard = ApexFrame(14).transform(annotated)
    np.testing.assert_allclose([standard.mean(), standard.std()], [0, 1], atol=1e-5)


def test_parts_stand_side_by_side():
    annotated = [clip(onset=1, apex=3), clip(frames(seed=1), apex=4)]
    first = make_pipeline(Resize(28, 42), Frames())
    second = DescriptorSequence()
    rows = Parts([first, second, ApexFrame(7)]).fit_transform(annotated)
    pieces = [model.transform(annotated) for model in (first, second, ApexFrame(7))]
    n_first, n_second = pieces[0][0].size, pieces[1][0].size
    np.testing.assert_array_equal(rows[:, :n_first].reshape(pieces[0].shape), pieces[0])
    np.testing.assert_array_equal(rows[:, n_first:][:, :n_second], pieces[1].reshape(2, -1))
    np.testing.assert_array_equal(rows[:, n_first + n_second :], pieces[2].reshape(2, -1))


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(TemporalInterpolation(4), FlowSequence(("u", "v"), 8)),
        make_pipeline(TemporalInterpolation(4), DescriptorSequence()),
        make_pipeline(Resize(20, 20), TemporalInterpolation(4), Frames()),
        ApexFrame(20),
        Parts([ApexFrame(20), make_pipeline(TemporalInterpolation(3), DescriptorSequence())]),
    ],
    ids=lambda model: type(model[-1] if hasattr(model, "steps") else model).__name__,
)
def test_extraction_clip_by_clip_gives_the_same_rows(model, tmp_path):
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=64, random_state=0)
    together = np.asarray(model.fit_transform(corpus), dtype=float).reshape(3, -1)
    for _ in range(2):  # computed, then from the cache
        table = extract(corpus, model, cache_dir=tmp_path, progress=False)
        np.testing.assert_array_equal(table.features, together)


@each
def test_is_an_estimator(model):
    assert clone(model).get_params() == model.get_params()
    assert pickle.loads(pickle.dumps(model)).get_params().keys() == model.get_params().keys()
    assert model.fit() is model
    annotated = [clip(apex=3), clip(frames(seed=1), apex=2)]
    before = [c.frames.copy() for c in annotated]
    np.testing.assert_array_equal(
        clone(model).set_params(n_jobs=2).transform(annotated), model.transform(annotated)
    )
    assert all(np.array_equal(c.frames, b) for c, b in zip(annotated, before, strict=True))


@pytest.mark.parametrize("model", [FlowSequence(), DescriptorSequence(), Frames()])
def test_clips_of_other_lengths_are_named(model):
    message = (
        r"clip 'k/s/c': gives an array of shape \(.*\), the first clip one of shape \(.*\); br"
    )
    with pytest.raises(ValueError, match=message):
        model.transform([frames(5), clip(frames(4))])


@each
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (COLOUR[:3], ValueError, "clip 1: expected grey frames"),
        (frames() / 255.0, TypeError, "clip 1: expected frames of dtype uint8, got float64"),
    ],
)
def test_bad_clips_are_named(model, bad, error, message):
    with pytest.raises(error, match=message):
        model.transform([clip(apex=3), bad])


@pytest.mark.parametrize("descriptor", [HOOF(), FHOFO(), BiWOOF(), MDMO()])
def test_every_descriptor_of_motion_describes_steps(descriptor):
    """Each step is what the descriptor says of a clip of two frames, from onset to apex."""
    shown = clip()
    (steps,) = DescriptorSequence(descriptor, "previous").transform([shown])
    for step, two in zip(steps, pairwise(shown.frames), strict=True):
        alone = Clip(np.stack(two), "c", "s", "k", onset=0, apex=1)
        np.testing.assert_allclose(step, descriptor.transform([alone])[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "bad", "message"),
    [
        (FlowSequence(), frames(1), "clip 0: expected at least 2 frames to see motion, got 1"),
        (DescriptorSequence(), frames(1), "clip 0: expected at least 2 frames to see motion, got"),
        (DescriptorSequence(), frames(3, 20, 20), "clip 0, step 0: got frames of 20 x"),
        (ApexFrame(), frames(), "clip 0: has no apex"),
        (ApexFrame(), clip(apex=9), "clip 'k/s/c': apex lies outside"),
        (
            Frames(True),
            COLOUR[..., [0, 1]],
            "clip 0: expected frames of shape (T, H, W) or (T, H, W, 3)",
        ),
    ],
)
def test_what_a_clip_lacks(model, bad, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        model.transform([bad])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (FlowSequence("uv"), "channels: expected some of ('u', 'v', 'magnitude', 'strain', 'grey'"),
        (FlowSequence(size=0), "size: expected a whole number >= 1, got 0"),
        (FlowSequence(scaling="per-image"), "scaling: expected one of ('per-clip', 'pixels', 'rel"),
        (FlowSequence(reference="onset"), "reference: expected one of ('first', 'previous'), got"),
        (FlowSequence(flow_method="x"), "flow_method: expected one of"),
        (DescriptorSequence(OpticalFlow()), "descriptor: expected a descriptor of cdmer.features"),
        (DescriptorSequence(reference=None), "reference: expected one of ('first', 'previous'),"),
        (Frames(colour=3), "colour: expected True or False, got 3"),
        (Frames(difference="first"), "difference: expected True or False, got 'first'"),
        (
            Frames(scaling="per-clip"),
            "scaling: expected one of ('standard', 'pixels', 'relative', 'kinetics')",
        ),
        (ApexFrame(size=2.5), "size: expected a whole number >= 1, got 2.5"),
        (ApexFrame(colour=None), "colour: expected True or False, got None"),
        (ApexFrame(scaling="x"), "scaling: expected one of"),
        (Parts([]), "transformers: expected a list of transformers, got []"),
        (Parts(LBPTOP()), "transformers: expected a list of transformers, got LBPTOP()"),
        (Parts([LBPTOP]), "transformers: expected a list of transformers, got [<class"),
        (
            Parts([make_pipeline(LBPTOP(), StandardScaler())]),
            "transformers: StandardScaler has to be fitted",
        ),
    ],
)
def test_bad_parameters_are_named(model, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit()
    with pytest.raises(ValueError, match=re.escape(message)):
        model.transform([clip()])
