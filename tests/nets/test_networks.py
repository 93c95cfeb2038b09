"""The networks of the library, held to what every network owes."""

import inspect
from itertools import pairwise

import pytest
import torch
from network_contract import Case, NetworkContract

import cdmer.nets as nets
from cdmer.nets import NETWORKS, Network, Part, count_parameters, register_network


def case(name, n_parameters, published=None, small=None, **more):
    """A variant whose quick form keeps what it was published with, apart from `small`."""
    published = published or {}
    return Case(name, n_parameters, published, published | (small or {}), **more)


# One stream of AlexNet: 96 filters of 3x11x11 and 96 biases, 256 of 48x5x5 (two groups) and 256.
ALEXNET_STREAM = (3 * 11 * 11 + 1) * 96 + (48 * 5 * 5 + 1) * 256
WIDTHS = (64, 128, 256, 512)
# Stem 7x7 on grey; two convolutions of 3x3 per block, and from the second block on a shortcut of
# 1x1; each followed by a scale and a shift per channel.
RESNET10 = (
    (49 + 2) * 64
    + 2 * (9 * 64 + 2) * 64
    + sum((9 * v + 2) * w + (9 * w + 2) * w + (v + 2) * w for v, w in pairwise(WIDTHS))
)
# The literature's number to fc7, for three channels.
VGG16 = 134_260_544
SPACE_TIME = (15 * 3 * 3 + 1) * 32
# Eight convolutions of 3x3x3 with biases; 512 x 1 x 4 x 4 -> 4096 -> 4096.
C3D_TRUNK = (
    sum(
        (27 * v + 1) * w
        for v, w in [
            (3, 64),
            (64, 128),
            (128, 256),
            (256, 256),
            (256, 512),
            (512, 512),
            (512, 512),
            (512, 512),
        ]
    )
    + 8193 * 4096
    + 4097 * 4096
)
# Stem 3x7x7 on colour; per stage four convolutions of 3x3x3, from the second on a 1x1x1 shortcut.
R3D18_TRUNK = (
    (3 * 147 + 2) * 64
    + 4 * (27 * 64 + 2) * 64
    + sum((27 * v + 2) * w + 3 * (27 * w + 2) * w + (v + 2) * w for v, w in pairwise(WIDTHS))
)
RESNET10_SMALL = {"size": 32, "widths": (16, 16, 32, 32)}
# Pictures of 32: of 16, the last stage sees a single pixel, and where a bfloat16 convolution of
# stride 2 does, oneDNN does not write the gradient of the weights that meet padding alone.
ELRCN_SMALL = {
    "trunk": "resnet10",
    "size": 32,
    "widths": (8, 8, 8, 8),
    "n_steps": 3,
    "lstm_size": 16,
    "n_hidden": 16,
}
FUSE_SMALL = {"n_frames": 17, "size": 8, "n_filters": 8, "n_hidden": (32, 16)}
# 32 frames: PyTorch 2.13's bfloat16 on the CPU now and then gives a convolution over the two frames
# that 16 leave to the last layers a gradient from memory that nobody wrote.
C3D_SMALL = {"n_frames": 32, "size": 16, "width": 4, "n_hidden": 64, "dropout": 0.0}
R3D18_SMALL = {"n_frames": 4, "size": 16, "widths": (8, 8, 8, 8)}


def lstm(n_in, n_units):
    """Four gates with weights of input and state, and two biases as PyTorch has them."""
    return 4 * n_units * (n_in + n_units + 2)


CASES = [
    # 3 + 5 + 8 filters of 3x3x3 with a bias, a scale and a shift each; 400 numbers to 3 scores:
    # 16 * (27 + 1 + 2) + 401 * 3 = 480 + 1,203.
    case("STSTNet", 1_683),
    # 12 numbers to 64, 64 to 3 scores, with biases.
    case("MLP", 13 * 64 + 65 * 3, {"n_inputs": 12}),
    # Two streams of 6 filters of 5x5 and 16 of 6x5x5 with biases; 2*16*7*7 -> 1024 -> 1024 -> 3.
    case("OffApexNet", 2 * (26 * 6 + 151 * 16) + 1569 * 1024 + 1025 * 1024 + 1025 * 3),
    # The 13 x 13 x 256 numbers of AlexNet's second pool, or the authors' 15 x 15 x 256 = 57,600.
    case("SSSN", ALEXNET_STREAM + 43_265 * 3, small={"size": 51}),
    case("DSSN", 2 * ALEXNET_STREAM + 43_265 * 3, {"merge": "product"}, {"size": 51}),
    case("DSSN", 2 * ALEXNET_STREAM + 43_265 * 3, {"merge": "sum"}, {"size": 51}),
    case("DSSN", 2 * ALEXNET_STREAM + 86_529 * 3, {"merge": "concatenation"}, {"size": 51}),
    case("ResNet10", RESNET10 + 513 * 3, small=RESNET10_SMALL),
    # Per block of w channels 3w -> w/16 -> 1 with biases, for w = 64, 128, 256, 512.
    case(
        "MicroAttentionNet",
        RESNET10 + sum((3 * w + 1) * (w // 16) + w // 16 + 1 for w in WIDTHS) + 513 * 3,
        small=RESNET10_SMALL,
    ),
    # Two LSTM layers of 512; 512 + 512 features.
    case(
        "ATNet",
        RESNET10 + lstm(128, 512) + lstm(512, 512) + 1025 * 3,
        small={**RESNET10_SMALL, "n_steps": 4, "n_flow": 6, "lstm_size": 8},
        learning_rate=1e-2,
    ),
    # VGG-16 to fc7 on 5 channels, or one trunk each on 3, 1 and 1; LSTM; 3000 -> 128 -> 3.
    case(
        "ELRCN",
        VGG16 + 2 * 9 * 64 + lstm(4096, 3000) + 3001 * 128 + 129 * 3,
        {"enrichment": "spatial"},
        ELRCN_SMALL,
        learning_rate=3e-3,
    ),
    case(
        "ELRCN",
        3 * VGG16 - 2 * 2 * 9 * 64 + lstm(3 * 4096, 3000) + 3001 * 128 + 129 * 3,
        {"enrichment": "temporal"},
        ELRCN_SMALL,
        learning_rate=3e-3,
    ),
    # 32 filters of 15x3x3; 82 frames of 62x62 are pooled to 27 of 20x20, 4 frames to one.
    case(
        "MicroExpSTCNN",
        SPACE_TIME + (32 * 27 * 20 * 20 + 1) * 128 + 129 * 3,
        small={"n_frames": 18, "size": 8, "n_filters": 8, "n_hidden": 16},
    ),
    case(
        "MicroExpSTCNN",
        SPACE_TIME + (32 * 1 * 20 * 20 + 1) * 128 + 129 * 3,
        {"n_frames": 18},
        {"size": 8, "n_filters": 8, "n_hidden": 16},
    ),
    # Crops of 96x32x32 are pooled to 27x10x10, 86,400 numbers of 32 filters.
    case(
        "MicroExpFuseNet",
        2 * SPACE_TIME + (2 * 86_400 + 1) * 1024 + 1025 * 128 + 129 * 3,
        {"fusion": "intermediate"},
        FUSE_SMALL,
    ),
    case(
        "MicroExpFuseNet",
        2 * (SPACE_TIME + 86_401 * 1024 + 1025 * 128) + 257 * 3,
        {"fusion": "late"},
        FUSE_SMALL,
    ),
    case("C3D", C3D_TRUNK + 4097 * 3, small=C3D_SMALL, learning_rate=3e-3),
    case("R3D18", R3D18_TRUNK + 513 * 3, small=R3D18_SMALL, learning_rate=3e-3),
]
# Numbers of parameters that the literature and libraries state for other variants.
STATED = [
    # 78.41 million with the 101 classes of UCF101.
    case("C3D", 78_409_573, {"n_classes": 101}),
    # torchvision's r3d_18, with the 400 classes of Kinetics.
    case("R3D18", 33_371_472, {"n_classes": 400}),
]
each = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_network_has_a_case():
    exported = {
        name
        for name in nets.__all__
        if inspect.isclass(getattr(nets, name)) and issubclass(getattr(nets, name), Network)
    }
    assert {case.name for case in CASES} == set(NETWORKS) == exported - {"Network"}
    assert all(NETWORKS[name] is getattr(nets, name) for name in NETWORKS)


@pytest.mark.parametrize("case", CASES + STATED, ids=str)
def test_number_of_parameters(case):
    with torch.device("meta"):  # shapes without memory
        network = NETWORKS[case.name](**case.published)
    assert count_parameters(network) == case.n_parameters


@each
class TestNetworks(NetworkContract):
    """Each network of the library."""


@each
def test_published_form_is_the_default(case):
    parameters = inspect.signature(NETWORKS[case.name]).parameters
    needed = {name for name, p in parameters.items() if p.default is p.empty}
    assert needed <= set(case.published)
    assert parameters["n_classes"].default == 3


def test_what_is_no_network_is_not_registered():
    class Unfinished(Network):
        def __init__(self, n_classes=3):
            super().__init__([Part("numbers", (4,), "a table")])

    class Fixed(nets.MLP):
        def __init__(self):
            super().__init__(4)

    taken = type("MLP", (nets.MLP,), {})
    for network, message in (
        (nets.MLP(4), "network: expected a subclass of Network, got MLP"),
        (torch.nn.Linear, "network: expected a subclass of Network, got <class"),
        (Unfinished, r"network: expected a class that defines \['_features'\], got Unfinished"),
        (Fixed, "network: expected a class whose constructor takes n_classes, got Fixed"),
        (taken, "network: expected a name that is not taken, got MLP, which is a class of cdmer"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            register_network(network)
    assert {case.name for case in CASES} == set(NETWORKS)
    assert register_network(nets.MLP) is NETWORKS["MLP"]


def test_what_a_subclass_lacks_is_said():
    class Bare(Network):
        def __init__(self, parts):
            super().__init__(parts)

    class Headless(Bare):
        def _features(self, x):
            return x

    parts = [Part("numbers", (4,), "a table of features")]
    with pytest.raises(TypeError, match="abstract.*Bare.*_features"):
        Bare(parts)
    with pytest.raises(TypeError, match="Headless: expected a constructor that ends with"):
        Headless(parts)(torch.zeros(2, 4))
    for wrong in ([], [("numbers", (4,))]):
        with pytest.raises(ValueError, match="parts: expected a sequence of Part, got"):
            Headless(wrong)
