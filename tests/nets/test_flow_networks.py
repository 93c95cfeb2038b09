"""STSTNet, OFF-ApexNet, SSSN and DSSN against their definitions."""

import re

import pytest
import torch
from torch.nn import functional as F

from cdmer.corpora import make_synthetic_corpus
from cdmer.features import FlowImages
from cdmer.nets import DSSN, SSSN, OffApexNet, STSTNet

ALL = [STSTNet, OffApexNet, SSSN, DSSN]


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def batch_norm(maps, norm):
    """Normalise maps by the statistics of training."""
    mean, variance = norm.running_mean[:, None, None], norm.running_var[:, None, None]
    scaled = (maps - mean) / torch.sqrt(variance + norm.eps)
    return scaled * norm.weight[:, None, None] + norm.bias[:, None, None]


def test_ststnet_is_its_definition():
    network = STSTNet()
    x = noise(4, 3, 28, 28)
    network(x)  # statistics other than the initial ones
    network.eval()
    with torch.no_grad():  # scales below 0 too: pool and normalisation do not commute
        for stream in network.streams:
            stream.norm.weight.normal_()
    assert [stream.conv.weight.shape for stream in network.streams] == [
        (3, 3, 3, 3),
        (5, 3, 3, 3),
        (8, 3, 3, 3),
    ]
    maps = []
    for stream in network.streams:
        found = F.conv2d(F.pad(x, (2, 2, 2, 2)), stream.conv.weight, stream.conv.bias)
        assert found.shape[2:] == (30, 30)
        found = batch_norm(found.clamp(min=0), stream.norm)
        padded = F.pad(found, (1, 1, 1, 1), value=-torch.inf)
        # Ten windows of 3 x 3 in each direction; the last ends where the padding begins.
        windows = padded.unfold(2, 3, 3).unfold(3, 3, 3)
        assert windows.shape[2:] == (10, 10, 3, 3)
        maps.append(windows.amax(dim=(4, 5)))
    joined = torch.cat(maps, dim=1)
    assert joined.shape[1:] == (16, 10, 10)
    features = joined.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5)).flatten(1)
    assert features.shape == (4, 400)
    torch.testing.assert_close(network.embed(x), features)
    scores = features @ network.head.weight.T + network.head.bias
    torch.testing.assert_close(network(x), scores)


def test_ststnet_drops_values_of_the_streams_while_it_trains():
    x = noise(64, 3, 28, 28)
    network = STSTNet(dropout=0.25)
    drop = network.streams[0].dropout
    dropped = (drop(torch.ones(100_000)) == 0).float().mean()
    assert abs(dropped - 0.25) < 0.01
    assert not torch.equal(network(x), network(x))
    sure = STSTNet(dropout=0)
    assert torch.equal(sure(x), sure(x))
    assert network.dropout.p == 0  # not once more before the final layer


def test_off_apexnet_is_its_definition():
    network = OffApexNet().eval()
    x = noise(3, 2, 28, 28)
    maps = []
    for plane, stream in zip(x.unbind(1), network.streams, strict=True):
        found = F.conv2d(plane[:, None], stream.conv1.weight, stream.conv1.bias, padding=2)
        found = F.max_pool2d(found.relu(), 2)
        assert found.shape[1:] == (6, 14, 14)
        found = F.conv2d(found, stream.conv2.weight, stream.conv2.bias, padding=2)
        maps.append(F.max_pool2d(found.relu(), 2))
        assert maps[-1].shape[1:] == (16, 7, 7)
    row = torch.cat([m.flatten(1) for m in maps], dim=1)
    first, second = network.dense[0], network.dense[2]
    hidden = (row @ first.weight.T + first.bias).relu()
    hidden = (hidden @ second.weight.T + second.bias).relu()
    assert hidden.shape == (3, 1024)
    torch.testing.assert_close(network.embed(x), hidden, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channel", [0, 1])
def test_each_stream_of_off_apexnet_sees_its_component(channel):
    network = OffApexNet()
    x = noise(1, 2, 28, 28).requires_grad_()
    other = network.streams[1 - channel]
    with torch.no_grad():  # the other stream gives nothing
        other.conv2.weight.zero_()
        other.conv2.bias.zero_()
    network(x).sum().backward()
    assert x.grad[0, channel].any()
    assert not x.grad[0, 1 - channel].any()


def local_response(maps):
    """Normalise as AlexNet's paper defines it, map by map."""
    out = torch.empty_like(maps)
    n_maps = maps.shape[1]
    for i in range(n_maps):
        near = maps[:, max(0, i - 2) : min(n_maps - 1, i + 2) + 1]
        out[:, i] = maps[:, i] / (2 + 1e-4 * (near**2).sum(1)) ** 0.75
    return out


@pytest.mark.parametrize(("final_padding", "side"), [(0, 13), (1, 15)])
def test_sssn_is_its_definition(final_padding, side):
    network = SSSN(final_padding=final_padding).eval()
    stream = network.stream
    x = 100 * noise(1, 3, 227, 227)  # so large that the normalisation matters
    found = F.conv2d(x, stream.conv1.weight, stream.conv1.bias, stride=4)
    assert found.shape[1:] == (96, 55, 55)
    found = F.max_pool2d(local_response(found.relu()), 3, 2)
    assert found.shape[1:] == (96, 27, 27)
    halves = [
        F.conv2d(half, weight, bias, padding=2)
        for half, weight, bias in zip(
            found.chunk(2, 1), stream.conv2.weight.chunk(2), stream.conv2.bias.chunk(2), strict=True
        )
    ]
    found = F.max_pool2d(local_response(torch.cat(halves, 1).relu()), 3, 2)
    assert found.shape[1:] == (256, 13, 13)
    framed = torch.zeros(1, 256, side, side)
    framed[..., final_padding : final_padding + 13, final_padding : final_padding + 13] = found
    assert network.n_features == framed.numel() == 256 * side**2
    torch.testing.assert_close(network.embed(x), framed.flatten(1), rtol=1e-4, atol=1e-4)


def test_size_of_the_authors_networks():
    """15 x 15 maps and five classes: 0.63 and 0.97 million parameters."""
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for p in cls(n_classes=5, final_padding=1).parameters())
            for cls in (SSSN, DSSN)
        ]
    assert sizes == [630_405, 972_805]


@pytest.mark.parametrize("merge", ["product", "sum", "concatenation"])
def test_dssn_merges_two_streams(merge):
    network = DSSN(merge=merge, size=67).eval()
    x = noise(2, 4, 67, 67)  # u, v, magnitude, strain
    first = network.streams[0](x[:, :3]).flatten(1)
    second = network.streams[1](x[:, [0, 1, 3]]).flatten(1)
    merged = {
        "product": first * second,
        "sum": first + second,
        "concatenation": torch.hstack([first, second]),
    }[merge]
    assert torch.equal(network.embed(x), merged)
    assert not torch.equal(first, second)


def test_dssn_holds_each_channel_once():
    network = DSSN(streams=(["v", "grey"], ["strain", "v"]), size=35)
    made_by = "FlowImages(channels=('v', 'grey', 'strain'), size=35)"
    assert network.expected_input[0].made_by == made_by
    assert network.places == [[0, 1], [2, 0]]
    assert network(noise(1, 3, 35, 35)).shape == (1, 3)


@pytest.mark.parametrize("cls", ALL)
def test_what_makes_the_input_makes_it(cls):
    kwargs = {"size": 40} if cls in (SSSN, DSSN) else {}
    network = cls(**kwargs).eval()
    (part,) = network.expected_input
    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    pictures = eval(part.made_by, {"FlowImages": FlowImages}).fit_transform(clips)
    assert pictures.shape[1:] == part.shape
    assert torch.isfinite(network(torch.from_numpy(pictures))).all()


LEAST = {STSTNet: 2, OffApexNet: 4, SSSN: 35, DSSN: 35}


@pytest.mark.parametrize("more", [0, 1, 2, 3, 5, 8, 13, 32])
@pytest.mark.parametrize("cls", ALL)
def test_sizes_down_to_the_least(cls, more):
    size = LEAST[cls] + more
    network = cls(size=size).eval()
    x = noise(2, *network.expected_input[0].shape)
    assert x.shape[2:] == (size, size)
    assert network.embed(x).shape == (2, network.n_features)


@pytest.mark.parametrize("size", ["less", 0, 28.5, "28", None, (28, 28)])
@pytest.mark.parametrize("cls", ALL)
def test_bad_size(cls, size):
    size = LEAST[cls] - 1 if size == "less" else size
    message = f"size: expected a whole number >= {LEAST[cls]}, got {size!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        cls(size=size)


@pytest.mark.parametrize("channels", [(), "uv", ("u", "u"), ("u", 1), 3, None])
@pytest.mark.parametrize("cls", [STSTNet, OffApexNet, SSSN])
def test_bad_channels(cls, channels):
    message = f"channels: expected distinct names, got {channels!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        cls(channels=channels)


@pytest.mark.parametrize(
    "streams",
    [(), ("uv", "uv"), (("u",),), (("u",), ()), (("u", "u"), ("v",)), (("u",), (1,)), None],
)
def test_bad_streams(streams):
    message = f"streams: expected two sequences of distinct names of channels, got {streams!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        DSSN(streams=streams)


@pytest.mark.parametrize(
    ("cls", "kwargs", "message"),
    [
        (DSSN, {"merge": "max"}, "merge: expected one of ('product', 'sum', 'concatenation')"),
        (SSSN, {"final_padding": -1}, "final_padding: expected a whole number >= 0, got -1"),
        (DSSN, {"final_padding": 0.5}, "final_padding: expected a whole number >= 0, got 0.5"),
        *(
            (cls, {"dropout": 1.5}, "dropout: expected a finite number >= 0 and <= 1, got 1.5")
            for cls in (STSTNet, SSSN, DSSN)
        ),
    ],
)
def test_other_bad_parameters(cls, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cls(**kwargs)
