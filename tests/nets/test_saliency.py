"""Maps of the places that a network looks at."""

from itertools import product

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

from cdmer.corpora import make_synthetic_corpus
from cdmer.features import LBPTOP, FlowImages, RegionGrid
from cdmer.nets import NetClassifier, SaliencyMaps, STSTNet, saliency


class Averaging(nn.Module):
    """Convolution, global average pool, linear layer: Grad-CAM has a closed form."""

    def __init__(self, n_classes, n_channels=2, in_place=False):
        super().__init__()
        self.conv = nn.Conv2d(n_channels, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=in_place)
        self.drop = nn.Dropout(0.5)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, n_classes)

    def forward(self, x):
        return self.fc(self.pool(self.drop(self.relu(self.conv(x)))).flatten(1))


class FramesAsClips(nn.Module):
    """Frames pass the convolution as if they were clips, all first frames first."""

    def __init__(self, n_classes):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.fc = nn.Linear(3, n_classes)

    def forward(self, x):
        frames = x.permute(2, 0, 1, 3, 4).flatten(0, 1)
        means = self.conv(frames).mean((2, 3)).reshape(x.shape[2], len(x), -1)
        weights = torch.arange(1.0, x.shape[2] + 1)[:, None, None]
        return self.fc((weights * means).sum(0))


def data(shape, n=9, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)
    return X, np.array(["negative", "positive", "surprise"])[np.arange(n) % 3]


def fitted(network, shape, *, n=9, **parameters):
    X, y = data(shape, n)
    settings = {"n_epochs": 2, "batch_size": 4, "random_state": 0, "progress": False} | parameters
    return NetClassifier(network, **settings).fit(X, y), X, y


FUSE = {"n_frames": 18, "size": 8, "n_filters": 3, "n_hidden": (8, 6)}


# Grad-CAM against its definition


@pytest.mark.parametrize("in_place", [False, True])
def test_grad_cam_is_the_class_activation_map_before_an_average_pool(in_place):
    model, X, y = fitted(
        Averaging, (2, 8, 10), precision="float64", network_params={"in_place": in_place}
    )
    found = saliency(model, X, "grad-cam", signed=True, target=y)
    with torch.no_grad():
        activations = torch.relu(model.network_.conv(torch.from_numpy(X).double())).numpy()
    weights = model.network_.fc.weight.detach().numpy()[np.searchsorted(model.classes_, y)]
    expected = np.einsum("nk,nkyx->nyx", weights, activations) / 80
    np.testing.assert_allclose(found.maps, expected, rtol=0, atol=1e-12)
    positive = saliency(model, X, "grad-cam", target=y).maps
    np.testing.assert_array_equal(positive, np.maximum(found.maps, 0))


def test_streams_count_as_channels_of_one_layer():
    model, X, _ = fitted("OffApexNet", (2, 28, 28))
    both = saliency(model, X, "grad-cam", signed=True).maps
    named = saliency(model, X, "grad-cam", signed=True, layer=("streams.0", "streams.1")).maps
    np.testing.assert_array_equal(both, named)
    single = [
        saliency(model, X, "grad-cam", signed=True, layer=f"streams.{i}.pool2").maps for i in (0, 1)
    ]
    assert all(np.abs(maps).max() > 0 for maps in single)
    np.testing.assert_allclose(both, sum(single), rtol=0, atol=1e-6)


def test_frames_that_pass_one_by_one_keep_their_order():
    model, X, _ = fitted(FramesAsClips, (1, 3, 6, 6), precision="float64")
    found = saliency(model, X, "grad-cam", signed=True)
    codes = np.searchsorted(model.classes_, found.targets)
    weights = model.network_.fc.weight.detach().numpy()[codes]
    for t in range(3):
        with torch.no_grad():
            activations = model.network_.conv(torch.from_numpy(X[:, :, t]).double()).numpy()
        expected = (t + 1) * np.einsum("nk,nkyx->nyx", weights, activations) / 36
        np.testing.assert_allclose(found.maps[:, t], expected, rtol=0, atol=1e-12)


# Occlusion against its definition


@pytest.mark.parametrize(
    ("network", "shape", "settings"),
    [
        ("STSTNet", (3, 10, 10), {"window": 5, "stride": 3, "baseline": (1.0, -2.0, 0.5)}),
        ("STSTNet", (3, 10, 10), {}),
        ("R3D18", (1, 4, 8, 8), {"window": (3, 4, 5), "stride": (1, 4, 5), "baseline": 0.3}),
        ("R3D18", (1, 4, 8, 8), {"window": (6, 8)}),
    ],
)
def test_occlusion_is_the_mean_fall_over_windows(network, shape, settings):
    params = {"size": 10} if network == "STSTNet" else {"widths": (2,) * 4}
    if network == "R3D18":
        params |= {"channels": 1, "n_frames": 4, "size": 8}
    model, X, _ = fitted(network, shape, network_params=params)
    X = X[:2]
    found = saliency(model, X, "occlusion", signed=True, **settings)
    np.testing.assert_array_equal(found.targets, model.predict(X))

    sizes = (1, *shape[1:])[-3:]
    window = settings.get("window", -(-sizes[1] // 8))
    window = (window, window) if isinstance(window, int) else window
    window = (sizes[0], *window)[-3:]
    stride = settings.get("stride", tuple(max(1, w // 2) for w in window))
    stride = (1, stride, stride) if isinstance(stride, int) else stride
    starts = [
        sorted({min(s, size - w) for s in range(0, size, step)})
        for size, w, step in zip(sizes, window, stride, strict=True)
    ]
    for i, clip in enumerate(X.reshape(2, shape[0], *sizes)):
        falls = [[] for _ in range(np.prod(sizes))]
        for corner in product(*starts):
            hidden, touched = clip.copy(), np.zeros(sizes, bool)
            for place in product(*(range(s, s + w) for s, w in zip(corner, window, strict=True))):
                touched[place] = True
            for channel in range(shape[0]):
                value = settings.get("baseline", np.median(clip[channel]))
                hidden[channel][touched] = np.ravel(value)[channel % np.size(value)]
            code = list(model.classes_).index(found.targets[i])
            scores = model.decision_function(np.stack([clip, hidden]).reshape(2, *shape))[:, code]
            for place in np.flatnonzero(touched):
                falls[place].append(float(scores[0]) - float(scores[1]))
        expected = np.reshape([np.mean(fall) for fall in falls], found.maps[i].shape)
        np.testing.assert_allclose(found.maps[i], expected, rtol=0, atol=1e-5)


# Regions


@pytest.mark.parametrize(("height", "width"), [(16, 24), (28, 28)])
def test_shares_of_regions_are_sums_over_their_pixels(height, width):
    maps = np.random.default_rng(0).random((3, height, width))
    grid = RegionGrid()
    found = SaliencyMaps(maps, np.arange(3), "occlusion", "pictures").regions(grid)
    # Each pixel cut into 8 x 8 equal ones, so that no edge of a region runs through one.
    fine = 1 if height % 8 == 0 and width % 8 == 0 else 8
    for i, picture in enumerate(maps):
        cut = np.kron(picture, np.ones((fine, fine)))
        for j, (top, bottom, left, right) in enumerate(grid.boxes(height * fine, width * fine)):
            total = sum(cut[y, x] for y in range(top, bottom) for x in range(left, right))
            assert found[i, j] == pytest.approx(total / cut.sum(), abs=1e-12)
    for level in np.split(found, np.cumsum(np.square(grid.levels))[:-1], axis=1):
        np.testing.assert_allclose(level.sum(axis=1), 1)


def test_regions_are_in_the_order_of_a_descriptor():
    """Each region alone is bright: its share is whole where the descriptor's group has its name."""
    grid = RegionGrid((1, 2, 4))
    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
    descriptor = LBPTOP(grid=grid).fit(clips)
    names = descriptor.get_feature_names_out()
    for group in range(grid.n_regions):
        name = names[np.flatnonzero(descriptor.feature_groups_ == group)[0]]
        assert grid.names[group] in name
        level, row, column = (int(n) for n in grid.names[group][1:].replace("r", "c").split("c"))
        side = 8 // level
        picture = np.zeros((1, 8, 8))
        picture[0, row * side : (row + 1) * side, column * side : (column + 1) * side] = 1
        shares = SaliencyMaps(picture, np.zeros(1), "", "").regions(grid)[0]
        assert shares[group] == pytest.approx(1)
        same_level = [grid.names.index(n) for n in grid.names if n.startswith(f"l{level}r")]
        assert shares[same_level].sum() == pytest.approx(1)


def test_videos_are_summed_over_time_and_empty_maps_have_no_shares():
    maps = np.random.default_rng(0).random((2, 5, 8, 8))
    maps[1] = 0
    found = SaliencyMaps(maps, np.zeros(2), "", "")
    flat = SaliencyMaps(maps.sum(1), np.zeros(2), "", "")
    grid = RegionGrid((1, 2))
    np.testing.assert_allclose(found.regions(grid), flat.regions(grid))
    assert not found.regions(grid)[1].any()
    signed = SaliencyMaps(np.array([[[3.0, -1.0]]]), np.zeros(1), "", "")
    np.testing.assert_allclose(
        signed.regions(RegionGrid((1, 2)))[0], [0.5, 0.375, -0.125, 0.375, -0.125]
    )


# What is to be seen is found


@pytest.mark.parametrize(("network", "n_channels"), [("STSTNet", 3), ("OffApexNet", 2)])
def test_a_corner_that_tells_the_class_is_found(network, n_channels):
    X = np.random.default_rng(0).normal(size=(72, n_channels, 28, 28)).astype(np.float32)
    y = np.arange(72) % 2
    X[:, :, 14:, :14] += np.where(y, 1.5, -1.5)[:, None, None, None]
    model = NetClassifier(network, n_epochs=5, learning_rate=2e-3, random_state=0)
    model.fit(X[:60], y[:60])
    for settings in ({"method": "occlusion", "window": 7, "stride": 7}, {"method": "grad-cam"}):
        shares = saliency(model, X[60:], **settings).regions(RegionGrid((2,)))
        # An even map has 0.25 in each corner.
        assert shares[:, 2].mean() > 0.45
        assert (shares.argmax(axis=1) == 2).mean() > 0.8


def test_a_smile_is_found_at_the_mouth_and_surprise_at_the_brows():
    clips = make_synthetic_corpus(
        "webcam-25fps", n_clips=36, n_subjects=12, size=64, random_state=0
    )
    labels = np.array([clip.label for clip in clips])
    shown = labels != "negative"
    pictures, labels = (
        FlowImages().fit_transform([c for c in clips if c.label != "negative"]),
        labels[shown],
    )
    model = NetClassifier("STSTNet", n_epochs=15, batch_size=8, learning_rate=5e-3, random_state=0)
    model.fit(pictures, labels)
    found = saliency(model, pictures, target=labels, window=6, stride=4)
    upper = found.regions(RegionGrid((2,)))[:, :2].sum(axis=1)
    assert upper[labels == "positive"].mean() < 1 / 3
    assert upper[labels == "surprise"].mean() > 2 / 3


# Parts, pipelines, settings


def test_parts_are_mapped_by_name():
    n = 18 * 8 * 8
    model, X, _ = fitted("MicroExpFuseNet", (2 * n,), network_params=FUSE)
    for method in ("grad-cam", "occlusion"):
        eyes, mouth = (
            saliency(model, X, method, part=part, signed=True)
            for part in ("eyes", "nose and mouth")
        )
        assert eyes.maps.shape == mouth.maps.shape == (9, 18, 8, 8)
        assert eyes.part == "eyes"
        assert np.abs(eyes.maps - mouth.maps).max() > 0
    # The window is laid over the part that is asked for, and over no other.
    hidden = X.copy()
    hidden[:, n:] = 7
    whole = saliency(
        model,
        X,
        "occlusion",
        part="nose and mouth",
        window=8,
        baseline=7,
        signed=True,
        target="surprise",
    )
    fall = (model.decision_function(X) - model.decision_function(hidden))[:, 2]
    np.testing.assert_allclose(
        whole.maps, np.broadcast_to(fall[:, None, None, None], whole.maps.shape), atol=1e-5
    )
    with pytest.raises(ValueError, match=r"part: expected one of \('eyes', 'nose and mouth'\)"):
        saliency(model, X)


def test_the_only_part_with_places_needs_no_name():
    params = {"size": 32, "n_steps": 3, "n_flow": 2, "widths": (2,) * 4, "lstm_size": 3}
    model, X, _ = fitted("ATNet", (32 * 32 + 6,), network_params=params)
    found = saliency(model, X[:2], "grad-cam", layer="spatial.layer2")
    assert found.part == "apex face"
    assert found.maps.shape == (2, 32, 32)
    assert saliency(model, X[:2], window=16).maps.shape == (2, 32, 32)


def test_pipelines_take_clips():
    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, n_subjects=3, size=48, random_state=0)
    y = [clip.label for clip in clips]
    model = NetClassifier("STSTNet", n_epochs=2, random_state=0)
    pipeline = make_pipeline(FlowImages(), model).fit(clips, y)
    found = saliency(pipeline, clips, "grad-cam", target=y)
    pictures = FlowImages().fit_transform(clips)
    np.testing.assert_array_equal(found.maps, saliency(model, pictures, "grad-cam", target=y).maps)
    rows = make_pipeline(model)
    np.testing.assert_array_equal(
        saliency(rows, pictures.reshape(3, -1), "grad-cam", target=y).maps, found.maps
    )
    faces = [clip.frames[clip.position("onset")] for clip in clips]
    axes = found.draw(faces).axes
    assert [ax.get_title() for ax in axes] == y
    assert [ax.images[0].get_array().shape for ax in axes] == [(48, 48)] * 3
    one = found[[2]]
    np.testing.assert_array_equal(one.maps, found.maps[2:])
    assert one.targets.tolist() == y[2:]
    assert found[2].maps.shape == (1, 28, 28)
    with pytest.raises(ValueError, match="faces: expected one per clip, 3, got 2"):
        found.draw(faces[:2])
    with pytest.raises(ValueError, match=r"got float64 of shape \(48, 48\) at position 0"):
        found.draw([face / 255 for face in faces])


@pytest.mark.parametrize("method", ["occlusion", "grad-cam"])
def test_nothing_is_left_behind(method):
    model, X, _ = fitted("STSTNet", (3, 28, 28))
    network = model.network_
    before = X.copy()
    network.streams[0].train()
    for parameter in list(network.parameters())[::2]:
        parameter.requires_grad_(False)
    modes = [module.training for module in network.modules()]
    wanted = [parameter.requires_grad for parameter in network.parameters()]
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    random = torch.get_rng_state()
    with torch.inference_mode():
        first = saliency(model, X[:3], method, window=14)
    again = saliency(model.set_params(batch_size=2), X[:3], method, window=14)
    np.testing.assert_allclose(first.maps, again.maps, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(again.maps, saliency(model, X[:3], method, window=14).maps)
    assert [p.requires_grad for p in network.parameters()] == wanted
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert not any(module._forward_hooks for module in network.modules())
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in network.modules()] == modes
    np.testing.assert_array_equal(X, before)


def test_a_class_per_clip_can_be_asked_for():
    model, X, y = fitted("STSTNet", (3, 28, 28))
    each = saliency(model, X, "grad-cam", target=y[::-1])
    for i in range(len(X)):
        alone = saliency(model, X[[i]], "grad-cam", target=y[::-1][i])
        np.testing.assert_allclose(alone.maps[0], each.maps[i], rtol=0, atol=1e-7)
    np.testing.assert_array_equal(saliency(model, X, "grad-cam").targets, model.predict(X))


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["occlusion", "grad-cam"])
def test_gpu_gives_the_same_maps(method):
    """Through recurrent layers too, whose gradients cuDNN has in training alone."""
    params = {"trunk": "resnet10", "widths": (4,) * 4, "size": 32, "n_steps": 3, "lstm_size": 8}
    model, X, _ = fitted("ELRCN", (5, 3, 32, 32), network_params=params, device="cpu")
    expected = saliency(model, X, method, signed=True)
    found = saliency(
        model.set_params(device="cuda"), X, method, signed=True, target=expected.targets
    )
    np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-3, atol=1e-4)


# Errors


def test_columns_have_no_place():
    model, X, _ = fitted("MLP", (8,))
    for method in ("occlusion", "grad-cam"):
        with pytest.raises(ValueError, match="got MLP, which takes in .* columns have no place"):
            saliency(model, X, method)


def test_networks_without_maps_are_named():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    model, X, _ = fitted(flat, (1, 4, 4))
    with pytest.raises(ValueError, match="grad-cam needs a module .* got Sequential, which has no"):
        saliency(model, X, "grad-cam")
    assert saliency(model, X).maps.shape == (9, 4, 4)
    model.network_.register_forward_hook(lambda module, given, scores: scores.detach())
    with pytest.raises(ValueError, match="grad-cam needs a module"):
        saliency(model, X, "grad-cam")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "lime"}, "method: expected one of"),
        ({"signed": 1}, "signed: expected True or False"),
        ({"target": "fear"}, r"target: expected some of \['negative', .* got 'fear'"),
        ({"target": ["negative"] * 2}, r"target: expected one class, or one for each of 9 clips"),
        ({"part": "mouth"}, r"part: expected one of \('flow images',\), got 'mouth'"),
        ({"window": 29}, "window: expected a whole number >= 1 and <= 28, got 29"),
        ({"window": (2, 3, 4)}, r"window: expected one number, \(height, width\) or"),
        ({"window": 4, "stride": 5}, "stride: expected a whole number >= 1 and <= 4, got 5"),
        ({"baseline": (0, 1)}, "baseline: expected .* one for each of 3 channels"),
        ({"baseline": "mean"}, "baseline: expected"),
        ({"method": "grad-cam", "layer": "conv9"}, "layer: expected modules of STSTNet"),
        ({"method": "grad-cam", "layer": "head"}, r"layer: .* such as \['pool', .* got 'head'"),
    ],
)
def test_wrong_settings(settings, message):
    model, X, _ = fitted("STSTNet", (3, 28, 28), n_epochs=1)
    with pytest.raises(ValueError, match=message):
        saliency(model, X, **settings)


def test_only_fitted_networks_are_explained():
    X, _ = data((3, 28, 28))
    with pytest.raises(NotFittedError):
        saliency(NetClassifier("STSTNet"), X)
    with pytest.raises(
        ValueError, match="estimator: expected a fitted NetClassifier, .* got STSTNet"
    ):
        saliency(STSTNet(), X)
