"""Weights as their authors released them: names and input of their own, and no word needed."""

import inspect
import re

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from torch import nn

from cdmer.corpora import make_synthetic_corpus
from cdmer.features import DeepFeatures, FlowImages, Frames
from cdmer.nets import C3D, NETWORKS, R3D18, OffApexNet, STSTNet, load_weights
from cdmer.preprocessing import Resize, TemporalInterpolation


class AuthorsSTSTNet(nn.Module):
    """STSTNet as its authors' released files hold it."""

    def __init__(self, n_classes=3):
        super().__init__()
        for i, n_filters in enumerate((3, 5, 8), start=1):
            setattr(self, f"conv{i}", nn.Conv2d(3, n_filters, kernel_size=3, padding=2))
            setattr(self, f"bn{i}", nn.BatchNorm2d(n_filters))
        self.fc = nn.Linear(400, n_classes)

    def forward(self, x):
        streams = [
            nn.functional.max_pool2d(bn(torch.relu(conv(x))), 3, stride=3, padding=1)
            for conv, bn in (
                (self.conv1, self.bn1),
                (self.conv2, self.bn2),
                (self.conv3, self.bn3),
            )
        ]
        return self.fc(nn.functional.avg_pool2d(torch.cat(streams, 1), 2).flatten(1))


def trained(network):
    """Weights and statistics that look trained."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if "running_var" in name:
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor.normal_(std=0.1)
    return network.eval()


@pytest.fixture
def authors():
    return trained(AuthorsSTSTNet())


@pytest.fixture(scope="module")
def clips():
    return make_synthetic_corpus("webcam-25fps", n_clips=3, size=64, random_state=0)


def read_as_the_authors(clips):
    """The pictures (u, v, strain), saved and read by `cv2.imread`: blue, that is strain, first."""
    return FlowImages(scaling="per-image").fit_transform(clips)[:, ::-1].copy()


@pytest.mark.parametrize("names", [None, "released"])
@pytest.mark.parametrize("given", ["file", "state"])
def test_ststnet_is_known_by_its_names(names, given, authors, clips, tmp_path):
    torch.save(authors.state_dict(), tmp_path / "s01.pth")
    network = STSTNet().eval()
    source = tmp_path / "s01.pth" if given == "file" else authors.state_dict()
    report = load_weights(network, source, names)
    assert report.fits
    assert report.made_by == network.made_by
    assert str(report).endswith(f"; input: {network.made_by}")
    assert network.made_by == "FlowImages(channels=('strain', 'v', 'u'), size=28)"
    prepared = eval(network.made_by, {"FlowImages": FlowImages}).fit_transform(clips)
    pictures = read_as_the_authors(clips)
    assert np.array_equal(prepared, pictures)
    assert (pictures.min(), pictures.max()) == (0, 255)
    pictures = torch.from_numpy(pictures)
    with torch.no_grad():
        assert torch.equal(network(pictures), authors(pictures))


def test_described_clips_are_seen_as_the_authors_saw_them(authors, clips, tmp_path):
    torch.save(authors.state_dict(), tmp_path / "s01.pth")
    deep = DeepFeatures("STSTNet", weights=tmp_path / "s01.pth", layer="head")
    with torch.no_grad():
        expected = authors(torch.from_numpy(read_as_the_authors(clips))).numpy()
    np.testing.assert_allclose(deep.fit_transform(clips), expected, rtol=1e-4, atol=1e-3)


def test_a_new_head_keeps_the_released_input(authors):
    network = STSTNet(n_classes=5)
    report = load_weights(network, authors.state_dict(), strict=False)
    assert set(report.differing) == {"head.weight", "head.bias"}
    assert "('strain', 'v', 'u')" in report.made_by


def test_other_weights_leave_the_input_alone(authors):
    network = STSTNet()
    report = load_weights(network, STSTNet().state_dict())
    assert report.made_by is None
    assert network.made_by == "FlowImages(channels=('u', 'v', 'strain'), size=28)"
    by_hand = {
        "fc": "head",
        **{f"conv{i + 1}": f"streams.{i}.conv" for i in range(3)},
        **{f"bn{i + 1}": f"streams.{i}.norm" for i in range(3)},
    }
    assert load_weights(network, authors.state_dict(), by_hand).made_by is None
    assert network.made_by == "FlowImages(channels=('u', 'v', 'strain'), size=28)"


def test_an_input_that_does_not_fit_is_kept(authors):
    network = STSTNet(channels=("u", "v"))
    with pytest.raises(ValueError, match=r"differing: streams.0.conv.weight"):
        load_weights(network, authors.state_dict())
    report = load_weights(network, authors.state_dict(), strict=False)
    assert report.made_by is None
    assert network.made_by == "FlowImages(channels=('u', 'v'), size=28)"


def test_released_weights_that_nobody_knows():
    message = "names: expected a dict, a callable or None, got 'released'; no released weights of"
    for network in (OffApexNet(), nn.Linear(2, 3)):
        with pytest.raises(ValueError, match=f"{re.escape(message)} {type(network).__name__}"):
            load_weights(network, network.state_dict(), "released")


def test_released_names_that_are_not_there(authors):
    state = {name: t for name, t in authors.state_dict().items() if not name.startswith("bn2")}
    with pytest.raises(ValueError, match="names: no tensor's name is or begins with 'bn2'"):
        load_weights(STSTNet(), state, "released")


VIDEO = {
    "R3D18": (R3D18, {"n_frames": 4, "size": 16, "widths": (4, 4, 4, 4)}, "fc", "kinetics"),
    "C3D": (C3D, {"size": 16, "width": 4, "n_hidden": 8}, "fc8", "pixels"),
}


@pytest.mark.parametrize("name", VIDEO)
def test_video_networks_see_what_their_weights_were_trained_on(name, tmp_path):
    kind, params, final, scaling = VIDEO[name]
    other = trained(kind(**params))
    state = {k.replace("head", final): tensor for k, tensor in other.state_dict().items()}
    torch.save(state, tmp_path / "weights.pth")
    network = kind(**params).eval()
    n_frames, size = network.expected_input[0].shape[1:3]
    assert "scaling" not in network.made_by
    assert load_weights(network, tmp_path / "weights.pth").fits
    assert network.made_by == (
        f"make_pipeline(Resize({size}, {size}), TemporalInterpolation({n_frames}), "
        f"Frames(colour=True, scaling='{scaling}'))"
    )
    clips = np.random.default_rng(0).integers(0, 256, (2, n_frames, size, size, 3), np.uint8)
    shares = np.moveaxis(clips, -1, 1).astype(np.float64)
    if scaling == "kinetics":
        mean, std = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
        axes = (slice(None), None, None, None)
        shares = (shares / 255 - np.array(mean)[axes]) / np.array(std)[axes]
    prepare = make_pipeline(
        Resize(size, size),
        TemporalInterpolation(n_frames),
        Frames(colour=True, scaling=scaling),
    )
    np.testing.assert_allclose(prepare.fit_transform(clips), shares, rtol=1e-5, atol=1e-5)
    # On the device, where frames that are only scaled travel as bytes, they are scaled alike.
    deep = DeepFeatures(kind, weights=tmp_path / "weights.pth", network_params=params)
    with torch.no_grad():
        expected = network.embed(torch.from_numpy(prepare.fit_transform(clips)))
    found = deep.fit_transform(clips)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-4)


def test_grey_frames_have_no_means_of_colours():
    clips = np.zeros((1, 9, 8, 8), np.uint8)
    for frames in (Frames(scaling="kinetics"), Frames(True, True, "kinetics")):
        with pytest.raises(ValueError, match="scaling: expected colour=True and difference=False"):
            frames.fit(clips)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"MLP"}))
def test_documentation_says_what_is_public(name):
    text = " ".join(inspect.getdoc(NETWORKS[name]).split())
    if NETWORKS[name]._released_names:
        assert "load_weights" in text
        assert all(layer in text for layer in NETWORKS[name]._released_names)
    else:
        assert "No weights of it are public for PyTorch, as far as is known." in text


def test_documentation_of_ststnet_names_the_channels():
    for text in (inspect.getdoc(STSTNet), inspect.getdoc(load_weights)):
        assert '("strain", "v", "u")' in text
        assert "BGR" in text
