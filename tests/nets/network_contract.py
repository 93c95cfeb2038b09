"""What every network owes its users, whatever it computes."""

import copy
import pickle
import re
from dataclasses import dataclass, field

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cdmer.nets import NETWORKS, load_weights


@dataclass(frozen=True)
class Case:
    """A variant of a network.

    `n_parameters` is that of ``NETWORKS[name](**published)``, worked out by hand in the comment;
    all other tests use the quick ``NETWORKS[name](**small)``.
    """

    name: str
    n_parameters: int
    published: dict = field(default_factory=dict)
    small: dict = field(default_factory=dict)
    learning_rate: float = 1e-3

    def make(self, **more):
        torch.manual_seed(0)
        return NETWORKS[self.name](**(self.small | more))

    def __str__(self):
        return "-".join([self.name, *(str(value) for value in self.published.values())])


def clips_for(network, n_clips, seed=0):
    """Noise in the shape that a network of one part takes in, or flat."""
    parts = network.expected_input
    shape = parts[0].shape if len(parts) == 1 else (sum(part.size for part in parts),)
    return torch.randn(n_clips, *shape, generator=torch.Generator().manual_seed(seed))


class NetworkContract:
    """Tests that take a `case`: a fixture, or a parameter of the class that derives from this."""

    def test_scores_and_features(self, case):
        network = case.make().eval()
        x = clips_for(network, 2)
        scores, features = network(x), network.embed(x)
        assert scores.shape == (2, 3)
        assert features.shape == (2, network.n_features)
        assert isinstance(network.head, nn.Linear)
        assert torch.equal(scores, network.head(features))
        assert torch.isfinite(scores).all()
        assert not torch.equal(scores[0], scores[1])

    def test_flat_rows_score_as_their_clips(self, case):
        network = case.make().eval()
        x = clips_for(network, 2)
        assert torch.equal(network(x.flatten(1)), network(x))

    def test_input_is_described(self, case):
        network = case.make()
        for part in network.expected_input:
            assert part.size == torch.empty(part.shape, device="meta").numel()
            assert part.name
            assert part.made_by

    def test_other_shapes_name_what_makes_the_right_one(self, case):
        network = case.make()
        parts = network.expected_input
        said = " and ".join(f"{p.name} of shape {p.shape}, as {p.made_by} makes it" for p in parts)
        shape = parts[0].shape  # channels, frames, height, width: one more of each
        wrong = [(*shape[:axis], shape[axis] + 1, *shape[axis + 1 :]) for axis in range(len(shape))]
        for shape in [*wrong, (sum(part.size for part in parts) + 1,), ()]:
            message = (
                f"x: {case.name} expects {said}, or rows in which that is flattened, got shape"
            )
            with pytest.raises(ValueError, match=re.escape(f"{message} {shape} per clip")):
                network(torch.zeros(2, *shape))

    def test_number_of_classes(self, case):
        network = case.make(n_classes=5).eval()
        assert network.n_classes == network.head.out_features == 5
        assert network(clips_for(network, 2)).shape == (2, 5)

    @pytest.mark.parametrize("n_classes", [0, 2.5, "three", True])
    def test_bad_number_of_classes(self, case, n_classes):
        with pytest.raises(ValueError, match="n_classes: expected a whole number >= 1, got"):
            case.make(n_classes=n_classes)

    def test_gradients_reach_every_parameter(self, case):
        network = case.make()
        scores = network(clips_for(network, 8))
        nn.functional.cross_entropy(scores, torch.arange(8) % 3).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.any(), name

    def test_learns_sixteen_clips_by_heart(self, case):
        network = case.make()
        x, y = clips_for(network, 16), torch.arange(16) % 3
        optimizer = torch.optim.Adam(network.parameters(), lr=case.learning_rate)
        for _ in range(80):
            network.train()
            for _ in range(5):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(x), y).backward()
                optimizer.step()
            with torch.no_grad():
                right = network.eval()(x).argmax(1) == y
            if right.all():
                return
        assert right.all()

    def test_evaluation_repeats_and_treats_clips_apart(self, case):
        network = case.make().eval()
        x = clips_for(network, 4)
        scores = network(x)
        assert torch.equal(network(x), scores)
        alone = torch.cat([network(clip[None]) for clip in x])
        torch.testing.assert_close(alone, scores, rtol=1e-4, atol=1e-4)

    def test_the_seed_decides_the_weights(self, case):
        first, second = case.make().state_dict(), case.make().state_dict()
        torch.manual_seed(1)
        other = NETWORKS[case.name](**case.small).state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert not all(torch.equal(first[name], other[name]) for name in first)

    def test_saved_weights_load_to_the_bit(self, case, tmp_path):
        network = case.make()
        network(clips_for(network, 4))  # so that statistics of batches are not the initial ones
        network.eval()
        save_file(network.state_dict(), tmp_path / "weights.safetensors")
        torch.manual_seed(1)
        other = NETWORKS[case.name](**case.small).eval()
        x = clips_for(network, 2)
        assert not torch.equal(other(x), network(x))
        report = load_weights(other, tmp_path / "weights.safetensors")
        assert set(report.loaded) == set(network.state_dict())
        assert torch.equal(other(x), network(x))

    def test_runs_in_bfloat16(self, case):
        network = case.make()
        x = clips_for(network, 4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = network(x)
            loss = nn.functional.cross_entropy(scores, torch.arange(4) % 3)
        loss.backward()
        assert scores.dtype == torch.bfloat16
        assert torch.isfinite(scores).all()
        assert all(torch.isfinite(p.grad).all() for p in network.parameters())

    @pytest.mark.parametrize(
        "copied",
        [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))],
        ids=["deepcopy", "pickle"],
    )
    def test_copies_score_alike_and_are_apart(self, case, copied):
        network = case.make().eval()
        x = clips_for(network, 2)
        scores = network(x)
        other = copied(network)
        assert torch.equal(other(x), scores)
        with torch.no_grad():
            other.head.bias += 1
        assert torch.equal(network(x), scores)
