"""One bit of a file of tensors that cdmer wrote is turned round: noticed, or without effect."""

import json
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cdmer.nets import (  # noqa: E402
    ICEGANClassifier,
    NetClassifier,
    STSTNet,
    load_generator,
    load_weights,
    save_weights,
)
from cdmer.nets._weights.tensor_file import open_tensors  # noqa: E402

N_FLIPS = 200


def flipped(content, bit):
    content = bytearray(content)
    content[bit // 8] ^= 1 << bit % 8
    return bytes(content)


def weights(path):
    network = STSTNet()
    load_weights(network, path)
    return network.state_dict()


def generator(path):
    network, classes = load_generator(path)
    return network.state_dict() | {"classes": torch.tensor([ord(c) for c in " ".join(classes)])}


def checkpoint(path):
    with open_tensors(path, "checkpoint") as file:
        found = {name: file.read(name).clone() for name in file.entries}
        text = json.dumps(file.sealed["content"], sort_keys=True)
    return found | {"content": torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)}


def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(24, 3, 28, 28)).astype(np.float32), np.arange(24) % 3


def fit(path, n_epochs=4):
    settings = {"batch_size": 8, "checkpoint_every": 1, "random_state": 0, "progress": False}
    return NetClassifier("STSTNet", n_epochs=n_epochs, checkpoint=path, **settings).fit(*rows())


def write(kind, path):
    if kind is weights:
        torch.manual_seed(0)
        save_weights(STSTNet(), path)
    elif kind is generator:
        X, y = np.full((8, 2, 16, 16), 0.5), ["negative", "positive"] * 4
        model = ICEGANClassifier(size=16, width=4, n_epochs=1, batch_size=4, random_state=0)
        model.fit(X, y).save_generator(path)
    else:
        fit(path, n_epochs=2)


@pytest.mark.parametrize("kind", [weights, generator, checkpoint])
def test_flipped_bits(kind, tmp_path):
    path = tmp_path / "file.safetensors"
    write(kind, path)
    content, expected = path.read_bytes(), kind(path)
    n_header = 8 + int.from_bytes(content[:8], "little")
    draw, noticed = random.Random(0), []
    places = [draw.randrange(8 * len(content)) for _ in range(N_FLIPS)]
    places += [draw.randrange(8 * n_header) for _ in range(N_FLIPS)]  # and of its header alone
    for bit in places:
        path.write_bytes(flipped(content, bit))
        try:
            found = kind(path)
        except ValueError as error:
            noticed.append(str(error))
        else:
            assert found.keys() == expected.keys(), bit
            assert all(torch.equal(found[name], expected[name]) for name in expected), bit
    assert all(str(path) in message for message in noticed)
    assert len(noticed) > 0.9 * len(places)


class Killed(BaseException):
    pass


def test_a_fit_does_not_go_on_from_a_flipped_bit(tmp_path, monkeypatch):
    expected = fit(tmp_path / "whole.safetensors").network_.state_dict()
    path, step, steps = tmp_path / "killed.safetensors", torch.optim.Adam.step, []

    def killed(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 8:  # in the third epoch, of three batches
            raise Killed
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", killed)
        with pytest.raises(Killed):
            fit(path)
    content = path.read_bytes()
    with open_tensors(path) as file:
        name = next(n for n in file.entries if n.startswith("network") and "conv.weight" in n)
        place = file.entries[name].offset
    path.write_bytes(flipped(content, 8 * place + 3))
    with pytest.raises(ValueError, match=rf"checkpoint: .*'{name}' is not what was .* remove it"):
        fit(path)
    path.write_bytes(content)
    found = fit(path).network_.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
