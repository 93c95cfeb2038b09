"""What is peculiar to the networks on faces, sequences and clips."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional

from cdmer.nets import (
    C3D,
    ELRCN,
    R3D18,
    ATNet,
    MicroAttentionNet,
    MicroExpFuseNet,
    MicroExpSTCNN,
    ResNet10,
    count_parameters,
    load_weights,
)
from cdmer.nets._networks.micro_attention import MicroAttentionBlock
from cdmer.nets._networks.residual import ResidualBlock
from cdmer.nets._networks.vgg16 import VGG16Trunk

NARROW = (4, 4, 8, 8)
VGG_NARROW = (4, 4, 8, 8, 8)


def shapes(module, x, *names):
    """Shapes that the named layers give out, without memory or arithmetic."""
    seen = {}
    for name in names:
        module.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: seen.update({name: tuple(out.shape[1:])})
        )
    module(x)
    return seen


def train_a_step(network, x):
    """Move every weight and the statistics of batches away from where they start."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    functional.cross_entropy(network(x), torch.arange(len(x)) % 3).backward()
    optimizer.step()
    return network.eval()


# ------------------------------------------------------------------- residual networks on pictures


def test_resnet10_halves_the_face_five_times():
    with torch.device("meta"):
        network = ResNet10()
        seen = shapes(
            network.trunk,
            torch.empty(1, 1, 224, 224),
            "conv1",
            "maxpool",
            "layer1",
            "layer2",
            "layer3",
            "layer4",
        )
    assert list(seen.values()) == [
        (64, 112, 112),
        (64, 56, 56),
        (64, 56, 56),
        (128, 28, 28),
        (256, 14, 14),
        (512, 7, 7),
    ]


@pytest.mark.parametrize(("n_in", "stride"), [(8, 1), (4, 2)], ids=["identity", "projection"])
def test_residual_block_by_its_definition(n_in, stride):
    torch.manual_seed(0)
    block = ResidualBlock(n_in, 8, stride).eval()
    x = torch.randn(2, n_in, 6, 6)
    w = block.state_dict()

    def normalised(z):  # fresh batch normalisation: mean 0, variance 1
        return z / (1 + 1e-5) ** 0.5

    first = normalised(functional.conv2d(x, w["conv1.weight"], stride=stride, padding=1)).relu()
    second = normalised(functional.conv2d(first, w["conv2.weight"], padding=1))
    shortcut = x
    if stride == 2:
        shortcut = normalised(functional.conv2d(x, w["downsample.0.weight"], stride=2))
    torch.testing.assert_close(block(x), (shortcut + second).relu())


def test_mask_of_micro_attention_by_its_definition():
    torch.manual_seed(0)
    block = MicroAttentionBlock(16, 32, 2).eval()
    x = torch.randn(2, 16, 6, 6)
    shortcut, first, second = (branch.double() for branch in block.branches(x))
    w = {name: value.double() for name, value in block.attention.state_dict().items()}
    out = torch.empty(2, 32, 3, 3, dtype=torch.float64)
    for n in range(2):
        for i in range(3):
            for j in range(3):
                seen = torch.cat([branch[n, :, i, j] for branch in (shortcut, first, second)])
                between = (w["0.weight"][:, :, 0, 0] @ seen + w["0.bias"]).clamp(min=0)
                raw = w["2.weight"][0, :, 0, 0] @ between + w["2.bias"]
                mask = 1 / (1 + torch.exp(-raw))
                total = shortcut[n, :, i, j] + second[n, :, i, j]
                out[n, :, i, j] = (total * mask + total).clamp(min=0)
    torch.testing.assert_close(block(x).double(), out, rtol=1e-5, atol=1e-5)


def test_attention_that_is_closed_leaves_resnet10():
    network = MicroAttentionNet(size=32, widths=NARROW).eval()
    plain = ResNet10(size=32, widths=NARROW).eval()
    state = network.state_dict()
    with torch.no_grad():
        for name, value in state.items():
            if name.endswith("attention.2.weight"):
                value.zero_()
            if name.endswith("attention.2.bias"):
                value.fill_(-1e4)  # sigmoid 0
    plain.load_state_dict({n: v for n, v in state.items() if "attention" not in n})
    x = torch.randn(2, 1, 32, 32)
    assert torch.equal(network(x), plain(x))


def test_attention_adds_few_parameters():
    with torch.device("meta"):
        ratio = count_parameters(MicroAttentionNet()) / count_parameters(ResNet10())
    assert 1 < ratio < 1.02


# ------------------------------------------------------------------------------------------- ATNet


def at_rows(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    face, flow = (
        torch.randn(n, 1, 16, 16, generator=generator),
        torch.randn(n, 5, 6, generator=generator),
    )
    return face, flow, torch.cat([face.flatten(1), flow.flatten(1)], dim=1)


@pytest.fixture
def atnet():
    torch.manual_seed(0)
    network = ATNet(size=16, n_steps=5, n_flow=6, widths=NARROW, lstm_size=4)
    return train_a_step(network, at_rows(6)[2])


def test_atnet_streams_have_length_one_and_their_own_input(atnet):
    face, flow, rows = at_rows(3)
    features = atnet.embed(rows)
    spatial, temporal = features[:, :8], features[:, 8:]
    torch.testing.assert_close(spatial.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(temporal.norm(dim=1), torch.ones(3))
    other_face = torch.cat([face.flip(0).flatten(1), flow.flatten(1)], dim=1)
    moved = atnet.embed(other_face)
    assert torch.equal(moved[:, 8:], temporal)
    torch.testing.assert_close(moved[:, :8], spatial.flip(0))
    other_flow = torch.cat([face.flatten(1), flow.flip(0).flatten(1)], dim=1)
    moved = atnet.embed(other_flow)
    assert torch.equal(moved[:, :8], spatial)
    torch.testing.assert_close(moved[:, 8:], temporal.flip(0))


def lstm_by_hand(w, layer, x):
    """One LSTM layer for one sequence, gate by gate, in PyTorch's order of gates."""
    name = "{}_{}_l" + str(layer)
    n = w[name.format("weight", "hh")].shape[1]
    h = c = torch.zeros(n, dtype=x.dtype)
    states = []
    for step in x:
        z = (
            w[name.format("weight", "ih")] @ step
            + w[name.format("bias", "ih")]
            + w[name.format("weight", "hh")] @ h
            + w[name.format("bias", "hh")]
        )
        i, f, o = z[:n].sigmoid(), z[n : 2 * n].sigmoid(), z[3 * n :].sigmoid()
        c = f * c + i * z[2 * n : 3 * n].tanh()
        h = o * c.tanh()
        states.append(h)
    return torch.stack(states)


def test_atnet_temporal_stream_by_its_definition(atnet):
    _, flow, rows = at_rows(3)
    w = {name: value.double() for name, value in atnet.temporal.state_dict().items()}
    for clip, features in zip(flow.double(), atnet.embed(rows)[:, 8:], strict=True):
        mean = lstm_by_hand(w, 1, lstm_by_hand(w, 0, clip)).mean(0)
        torch.testing.assert_close(features.double(), mean / mean.norm(), rtol=1e-5, atol=1e-6)


HALVES = pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)


@HALVES
def test_atnet_reads_flow_in_float32_under_autocast(atnet, half):
    _, _, rows = at_rows(3)
    with torch.autocast("cpu", dtype=half):
        temporal = atnet.embed(rows)[:, 8:]
    torch.testing.assert_close(temporal, atnet.embed(rows)[:, 8:])


# ------------------------------------------------------------------------------------------- ELRCN


@pytest.fixture(params=["spatial", "temporal"])
def elrcn(request):
    torch.manual_seed(0)
    network = ELRCN(
        enrichment=request.param,
        trunk="resnet10",
        widths=NARROW,
        size=16,
        n_steps=3,
        lstm_size=8,
        n_hidden=8,
    )
    return train_a_step(network, torch.randn(6, 5, 3, 16, 16))


def test_elrcn_describes_each_step_of_each_clip_alone(elrcn):
    x = torch.randn(2, 5, 3, 16, 16)
    groups = [x] if len(elrcn.trunks) == 1 else [x[:, :3], x[:, 3:4], x[:, 4:]]
    described = elrcn._describe_steps(x)
    for clip in range(2):
        for step in range(3):
            one = [
                trunk(group[clip : clip + 1, :, step])
                for trunk, group in zip(elrcn.trunks, groups, strict=True)
            ]
            torch.testing.assert_close(described[clip, step], torch.cat(one, dim=1)[0])


def test_elrcn_carries_permuted_steps_through(elrcn):
    x, order = torch.randn(2, 5, 3, 16, 16), [2, 0, 1]
    steps, moved = elrcn._describe_steps(x), elrcn._describe_steps(x[:, :, order])
    torch.testing.assert_close(moved, steps[:, order])
    # The trunk sees steps alike; the LSTM tells their order.
    assert not torch.allclose(elrcn(x[:, :, order]), elrcn(x), atol=1e-5)


def test_elrcn_reads_the_last_state(elrcn):
    x = torch.randn(1, 5, 3, 16, 16)
    w = {name: value.double() for name, value in elrcn.lstm.state_dict().items()}
    last = lstm_by_hand(w, 0, elrcn._describe_steps(x)[0].double())[-1]
    features = (elrcn.dense.weight.double() @ last + elrcn.dense.bias).clamp(min=0)
    torch.testing.assert_close(elrcn.embed(x)[0].double(), features, rtol=1e-4, atol=1e-5)


@HALVES
def test_elrcn_reads_steps_in_float32_under_autocast(elrcn, half):
    seen = []
    elrcn.lstm.register_forward_hook(lambda _, steps, out: seen.append((steps[0], out[0])))
    with torch.autocast("cpu", dtype=half):
        assert elrcn(torch.randn(4, 5, 3, 16, 16)).dtype == half
    ((steps, states),) = seen
    torch.testing.assert_close(states, elrcn.lstm(steps)[0])
    assert states.dtype == torch.float32


def test_enrichments_differ_in_where_kinds_meet():
    small = {"trunk": "resnet10", "widths": NARROW, "size": 16, "n_steps": 2, "lstm_size": 4}
    spatial, temporal = (ELRCN(enrichment=e, **small) for e in ("spatial", "temporal"))
    assert [t.conv1.in_channels for t in spatial.trunks] == [5]
    assert [t.conv1.in_channels for t in temporal.trunks] == [3, 1, 1]
    assert (spatial.lstm.input_size, temporal.lstm.input_size) == (8, 24)
    assert spatial.expected_input == temporal.expected_input
    two = ELRCN(enrichment="temporal", kinds=("flow", "strain"), **small)
    assert (two.expected_input[0].shape, two.lstm.input_size) == ((4, 2, 16, 16), 16)
    with torch.device("meta"):
        assert ELRCN(enrichment="temporal").lstm.input_size == 12_288
        assert ELRCN(enrichment="temporal", kinds=("flow", "grey")).lstm.input_size == 8_192


def test_vgg16_is_laid_out_as_torchvisions():
    with torch.device("meta"):
        trunk = VGG16Trunk(3)
        seen = shapes(trunk, torch.empty(1, 3, 224, 224), "features", "avgpool", "classifier.0")
    # torchvision's vgg16 counts ReLUs and pools as layers too.
    convolutions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    names = [f"features.{i}" for i in convolutions] + ["classifier.0", "classifier.3"]
    assert set(trunk.state_dict()) == {f"{n}.{k}" for n in names for k in ("weight", "bias")}
    assert list(seen.values()) == [(512, 7, 7), (512, 7, 7), (4096,)]
    assert trunk.classifier[0].in_features == 25_088
    assert count_parameters(trunk) == 134_260_544


def test_vgg16_passes_gradients_down_to_its_first_layer():
    torch.manual_seed(0)
    network = ELRCN(widths=VGG_NARROW, size=32, n_steps=2, lstm_size=8, n_hidden=8)
    scores = network(torch.randn(6, 5, 2, 32, 32))
    functional.cross_entropy(scores, torch.arange(6) % 3).backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
    # He's start keeps them from fading: with PyTorch's own this ratio is near 1e-6.
    first, last = network.trunks[0].features[0].weight, network.head.weight
    assert first.grad.norm() > 1e-3 * last.grad.norm()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"enrichment": "both"}, "enrichment: expected one of ('spatial', 'temporal'), got 'both'"),
        ({"trunk": "vgg19"}, "trunk: expected one of ('vgg16', 'resnet10'), got 'vgg19'"),
        ({"kinds": "flow"}, "kinds: expected some of ('flow', 'strain', 'grey'), each once, got"),
        ({"kinds": ("flow", "flow")}, "kinds: expected some of ('flow', 'strain', 'grey'), each"),
        ({"kinds": ()}, "kinds: expected some of"),
        ({"size": 31}, "size: expected a whole number >= 32, got 31"),
        ({"widths": (8, 8)}, "widths: expected 5 whole numbers, got (8, 8)"),
        ({"trunk": "resnet10", "widths": (8,) * 5}, "widths: expected 4 whole numbers, got"),
        ({"n_steps": 0}, "n_steps: expected a whole number >= 1, got 0"),
        ({"lstm_size": 1.5}, "lstm_size: expected a whole number >= 1, got 1.5"),
    ],
)
def test_elrcn_refuses(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ELRCN(**given)


# -------------------------------------------------------------------- MicroExpSTCNN and its crops


def test_stcnn_has_the_published_shapes():
    with torch.device("meta"):
        seen = [
            shapes(
                MicroExpSTCNN(n_frames=n),
                torch.empty(1, 1, n, 64, 64),
                "stream.0",
                "stream.2",
                "stream",
            )
            for n in (96, 18)
        ]
    assert [list(s.values()) for s in seen] == [
        [(32, 82, 62, 62), (32, 27, 20, 20), (345_600,)],
        [(32, 4, 62, 62), (32, 1, 20, 20), (12_800,)],
    ]


def test_stcnn_filters_are_15_frames_long():
    torch.manual_seed(0)
    network = MicroExpSTCNN(n_frames=17, size=5, n_filters=2, n_hidden=4).eval()
    x = torch.randn(1, 1, 17, 5, 5)
    weight, bias = network.stream[0].weight, network.stream[0].bias
    # Every filter at every place of the 3x3x3 that the only pool sees.
    best = torch.full((2,), -torch.inf)
    for t in range(3):
        for i in range(3):
            for j in range(3):
                window = x[0, :, t : t + 15, i : i + 3, j : j + 3]
                best = torch.maximum(best, (weight * window).sum((1, 2, 3, 4)) + bias)
    torch.testing.assert_close(network.stream(x)[0], best.clamp(min=0))


@pytest.mark.parametrize("n_frames", [17, 18, 19, 20, 29])
@pytest.mark.parametrize("size", [5, 7, 8])
def test_sizes_are_counted_as_torch_counts_them(n_frames, size):
    network = MicroExpSTCNN(n_frames=n_frames, size=size, n_filters=2, n_hidden=4).eval()
    assert network(torch.zeros(2, 1, n_frames, size, size)).shape == (2, 3)


@pytest.fixture(params=["intermediate", "late"])
def fusenet(request):
    torch.manual_seed(0)
    return MicroExpFuseNet(
        fusion=request.param, n_frames=17, size=8, n_filters=3, n_hidden=(8, 4)
    ).eval()


def test_crops_reach_their_own_stream(fusenet):
    eyes, mouth = torch.randn(2, 2, 1, 17, 8, 8)
    rows = torch.cat([eyes.flatten(1), mouth.flatten(1)], dim=1)
    given = {}
    for name in ("eyes", "mouth"):
        fusenet.get_submodule(name).register_forward_hook(
            lambda _, inputs, __, name=name: given.update({name: inputs[0]})
        )
    features = fusenet.embed(rows)
    assert torch.equal(given["eyes"], eyes)
    assert torch.equal(given["mouth"], mouth)
    assert [part.name for part in fusenet.expected_input] == ["eyes", "nose and mouth"]
    swapped = fusenet.embed(torch.cat([mouth.flatten(1), eyes.flatten(1)], dim=1))
    assert not torch.allclose(swapped, features)


def test_late_fusion_keeps_streams_apart_until_the_final_layer():
    network = MicroExpFuseNet(fusion="late", n_frames=17, size=8, n_filters=3, n_hidden=(8, 4))
    network.eval()
    eyes, mouth, other = torch.randn(3, 2, 1, 17, 8, 8).flatten(2)
    first = network.embed(torch.cat([eyes, mouth], dim=1))
    second = network.embed(torch.cat([eyes, other], dim=1))
    assert first.shape == (2, 8)
    assert torch.equal(first[:, :4], second[:, :4])
    assert not torch.equal(first[:, 4:], second[:, 4:])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MicroExpSTCNN(n_frames=16), "n_frames: expected a whole number >= 17, got 16"),
        (lambda: MicroExpSTCNN(size=4), "size: expected a whole number >= 5, got 4"),
        (lambda: MicroExpSTCNN(dropout=1.5), "dropout: expected a finite number >= 0 and <= 1"),
        (
            lambda: MicroExpFuseNet(fusion="early"),
            "fusion: expected one of ('intermediate', 'late'",
        ),
        (lambda: MicroExpFuseNet(n_hidden=128), "n_hidden: expected 2 whole numbers, got 128"),
        (lambda: C3D(n_frames=15), "n_frames: expected a whole number >= 16, got 15"),
        (lambda: C3D(size=15), "size: expected a whole number >= 16, got 15"),
        (lambda: R3D18(widths=(64, 128)), "widths: expected 4 whole numbers, got (64, 128)"),
        (lambda: R3D18(channels="grey"), "channels: expected a whole number >= 1, got 'grey'"),
        (lambda: ResNet10(widths=(8, 8, 8, 0)), "widths: expected a whole number >= 1, got 0"),
        (lambda: ATNet(n_flow=0), "n_flow: expected a whole number >= 1, got 0"),
    ],
)
def test_bad_sizes(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


# ------------------------------------------------------------------------------------ C3D and R3D18


def test_c3d_has_the_published_shapes():
    with torch.device("meta"):
        seen = shapes(
            C3D(),
            torch.empty(1, 3, 16, 112, 112),
            "pool1",
            "pool2",
            "pool3",
            "pool4",
            "pool5",
            "fc6",
            "fc7",
        )
    assert list(seen.values()) == [
        (64, 16, 56, 56),
        (128, 8, 28, 28),
        (256, 4, 14, 14),
        (512, 2, 7, 7),
        (512, 1, 4, 4),
        (4096,),
        (4096,),
    ]


@pytest.mark.parametrize(("n_frames", "size"), [(16, 16), (17, 31), (32, 33), (47, 48)])
def test_c3d_takes_other_sizes(n_frames, size):
    network = C3D(channels=1, n_frames=n_frames, size=size, width=1, n_hidden=4).eval()
    assert network(torch.zeros(1, 1, n_frames, size, size)).shape == (1, 3)


def torchvision_r3d18():
    """Names and shapes of the parameters and buffers of torchvision's r3d_18."""

    def norm(name, n):
        numbers = {f"{name}.{k}": (n,) for k in ("weight", "bias", "running_mean", "running_var")}
        return numbers | {f"{name}.num_batches_tracked": ()}

    state = {"stem.0.weight": (64, 3, 3, 7, 7), **norm("stem.1", 64)}
    n_in = 64
    for layer, n in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            state |= {f"{name}.conv1.0.weight": (n, n_in, 3, 3, 3), **norm(f"{name}.conv1.1", n)}
            state |= {f"{name}.conv2.0.weight": (n, n, 3, 3, 3), **norm(f"{name}.conv2.1", n)}
            if n != n_in:
                state |= {f"{name}.downsample.0.weight": (n, n_in, 1, 1, 1)}
                state |= norm(f"{name}.downsample.1", n)
            n_in = n
    return state | {"fc.weight": (400, 512), "fc.bias": (400,)}


def test_r3d18_is_laid_out_as_torchvisions():
    with torch.device("meta"):
        network = R3D18(n_classes=400)
        seen = shapes(
            network, torch.empty(1, 3, 16, 112, 112), "stem", "layer1", "layer2", "layer3", "layer4"
        )
    ours = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert {name.replace("head.", "fc."): shape for name, shape in ours.items()} == (
        torchvision_r3d18()
    )
    assert list(seen.values()) == [
        (64, 16, 56, 56),
        (64, 16, 56, 56),
        (128, 8, 28, 28),
        (256, 4, 14, 14),
        (512, 2, 7, 7),
    ]


def test_r3d18_by_torchvisions_definition():
    """The same arithmetic, written out from a state dict under torchvision's names."""
    torch.manual_seed(0)
    network = R3D18(n_frames=4, size=16, widths=NARROW)
    train_a_step(network, torch.randn(6, 3, 4, 16, 16))
    w = network.state_dict()

    def conv_norm(x, conv, norm, stride, padding):
        x = functional.conv3d(x, w[f"{conv}.weight"], None, stride, padding)
        return functional.batch_norm(
            x,
            w[f"{norm}.running_mean"],
            w[f"{norm}.running_var"],
            w[f"{norm}.weight"],
            w[f"{norm}.bias"],
        )

    clips = torch.randn(2, 3, 4, 16, 16)
    x = conv_norm(clips, "stem.0", "stem.1", (1, 2, 2), (1, 3, 3)).relu()
    for layer in range(1, 5):
        for block in range(2):
            name, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            y = conv_norm(x, f"{name}.conv1.0", f"{name}.conv1.1", stride, 1).relu()
            y = conv_norm(y, f"{name}.conv2.0", f"{name}.conv2.1", 1, 1)
            if f"{name}.downsample.0.weight" in w:
                x = conv_norm(x, f"{name}.downsample.0", f"{name}.downsample.1", stride, 0)
            x = (x + y).relu()
    features = nn.AdaptiveAvgPool3d(1)(x).flatten(1)
    torch.testing.assert_close(network.embed(clips), features)


def test_weights_under_torchvisions_names_load(tmp_path):
    torch.manual_seed(0)
    published = R3D18(n_classes=4, n_frames=4, size=16, widths=NARROW)
    train_a_step(published, torch.randn(6, 3, 4, 16, 16))
    state = {n.replace("head.", "fc."): v for n, v in published.state_dict().items()}
    torch.save(state, tmp_path / "r3d_18.pth")
    network = R3D18(n_classes=4, n_frames=8, size=24, widths=NARROW).eval()
    load_weights(network, tmp_path / "r3d_18.pth", names=lambda name: name.replace("fc.", "head."))
    for name, value in published.state_dict().items():
        assert torch.equal(network.state_dict()[name], value)
