"""What each network says prepares its input does so: from clips to scores, in one expression."""

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline

import cdmer.features
import cdmer.preprocessing
from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.evaluation import CompositeLOSO, benchmark
from cdmer.features import HOOF, RegionGrid
from cdmer.nets import NETWORKS, NetClassifier
from cdmer.preprocessing import ToGrey

NAMES = {**vars(cdmer.features), **vars(cdmer.preprocessing), "make_pipeline": make_pipeline}
# Variants that are quick; their inputs are made by the same transformers.
SMALL = {
    "ATNet": [
        {"size": 32, "n_steps": 3, "lstm_size": 8},
        {"size": 32, "n_steps": 2, "n_flow": 12, "lstm_size": 8},
    ],
    "C3D": [
        {"size": 16, "width": 4, "n_hidden": 8},
        {"size": 16, "width": 4, "n_hidden": 8, "channels": 1},
    ],
    "DSSN": [{"size": 51}],
    "ELRCN": [
        {"size": 16, "n_steps": 3, "trunk": "resnet10", "lstm_size": 8},
        {
            "size": 16,
            "n_steps": 3,
            "trunk": "resnet10",
            "lstm_size": 8,
            "enrichment": "temporal",
            "kinds": ("grey", "flow"),
        },
    ],
    "MLP": [{"n_inputs": 12}],
    "MicroAttentionNet": [{"size": 32}, {"size": 32, "channels": 3}],
    "MicroExpFuseNet": [{"n_frames": 17, "size": 8, "n_hidden": (8, 8)}],
    "MicroExpSTCNN": [{"n_frames": 18, "size": 8, "n_hidden": 8}],
    "OffApexNet": [{}, {"channels": ("magnitude", "grey")}],
    "R3D18": [
        {"n_frames": 4, "size": 16, "widths": (4, 4, 4, 4)},
        {"n_frames": 4, "size": 16, "widths": (4, 4, 4, 4), "channels": 1},
    ],
    "ResNet10": [{"size": 32}, {"size": 32, "channels": 3}],
    "SSSN": [{"size": 51}],
    "STSTNet": [{}, {"channels": ("grey", "strain"), "size": 20}],
}
CASES = [
    pytest.param(name, variant, id=f"{name}-{i}")
    for name, variants in SMALL.items()
    for i, variant in enumerate(variants)
    if name != "MLP"
]


@pytest.fixture(scope="module")
def clips():
    """Three clips whose frames are at hand."""
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=64, random_state=0)
    return [
        Clip(c.frames, c.name, c.subject, c.corpus, c.label, c.onset, c.apex, c.offset)
        for c in corpus
    ]


def test_every_network_is_here():
    assert set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_made_by_makes_the_input(name, variant, clips):
    network = NETWORKS[name](**variant).eval()
    arrays = [eval(part.made_by, NAMES).transform(clips) for part in network.expected_input]
    for array, part in zip(arrays, network.expected_input, strict=True):
        assert array.shape == (3, *part.shape)
        assert array.dtype == np.float32
        assert array.std() > 0
    whole = eval(network.made_by, NAMES).transform(clips)
    given = [torch.from_numpy(array) for array in arrays]
    for piece, array in zip(network.split(torch.from_numpy(whole)), given, strict=True):
        assert torch.equal(piece, array)
    with torch.no_grad():
        scores = network(torch.from_numpy(whole))
    assert scores.shape == (3, 3)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"MLP"}))
def test_published_forms_name_such_transformers_too(name, clips):
    with torch.device("meta"):
        network = NETWORKS[name]()
    model = eval(network.made_by, NAMES)
    assert model.fit(clips) is model


def test_any_table_of_features_suits_an_mlp(clips):
    network = NETWORKS["MLP"](n_inputs=16).eval()
    assert network.made_by == "a descriptor of 16 columns"
    rows = HOOF(4, grid=RegionGrid((2,))).transform(clips)
    assert network(torch.from_numpy(rows.astype(np.float32))).shape == (3, 3)


def test_channels_that_nothing_here_makes_are_said_so():
    network = NETWORKS["R3D18"](channels=4, n_frames=4, size=16)
    assert "<a transformer of your own, to 4 channels>" in network.made_by


@pytest.mark.parametrize("name", ["STSTNet", "ATNet", "C3D"])
def test_through_the_runner_from_clips(name, clips):
    """Rows that the runner extracts clip by clip fit the network, colour clips after `ToGrey`."""
    colour = [np.repeat(c.frames[..., None], 3, axis=-1) for c in clips]
    corpora = []
    for corpus in ("one", "two"):
        given = [
            Clip(frames, f"{c.name}{j}", f"s{j}", corpus, c.label, c.onset, c.apex)
            for j in range(2)
            for frames, c in zip(colour, clips, strict=True)
        ]
        # Another grey level each: the runner refuses one clip under two names.
        given = [
            Clip(
                c.frames // 2 + 5 * i + 50 * (corpus == "two"),
                c.name,
                c.subject,
                corpus,
                c.label,
                c.onset,
                c.apex,
            )
            for i, c in enumerate(given)
        ]
        corpora.append(cdmer.corpora.Corpus(given, corpus))
    variant = SMALL[name][-1]
    prepare = make_pipeline(ToGrey(), eval(NETWORKS[name](**variant).made_by, NAMES))
    model = NetClassifier(name, network_params=variant, n_epochs=1, batch_size=4, random_state=0)
    results = benchmark({name: model}, corpora, CompositeLOSO(), descriptor=prepare, progress=False)
    assert len(results.predictions) == 12
    assert results.failures.empty
