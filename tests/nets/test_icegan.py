"""ICE-GAN: its layers by their definitions, its losses by hand, its training to the bit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from sklearn.utils import estimator_checks
from torch import nn

from cdmer.nets import ICEGAN, ICEGANClassifier, count_parameters, load_generator
from cdmer.nets._icegan import spectral_norm
from cdmer.nets._icegan.capsules import DigitCapsules, margin_loss, route, squash
from cdmer.nets._icegan.discriminator import ICEGANDiscriminator
from cdmer.nets._icegan.generator import ICEGANGenerator
from cdmer.nets._icegan.graph_reasoning import GraphReasoning
from cdmer.nets._icegan.losses import (
    DISCRIMINATOR,
    GENERATOR,
    GANBatch,
    discriminator_terms,
    generator_terms,
)
from cdmer.nets._icegan.spectral_norm import SpectralConv2d, SpectralConvTranspose2d, SpectralNorm
from cdmer.nets._weights.tensor_file import open_tensors, write_tensors

QUICK = {
    "size": 16,
    "width": 4,
    "n_epochs": 2,
    "batch_size": 8,
    "random_state": 0,
    "generated_weight": 1.0,
    "device": "cpu",
    "progress": False,
}


def quick(**parameters):
    return ICEGANClassifier(**(QUICK | parameters))


@pytest.fixture(scope="module")
def rows():
    """Pairs of faces; the second is brighter at a place that tells the class."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.uniform(0.2, 0.6, (24, 1, 16, 16)), 2, axis=1).astype(np.float32)
    y = np.arange(24) % 3
    for i, label in enumerate(y):
        X[i, 1, 5 * label : 5 * label + 4] += 0.3
    return X, np.array(["negative", "positive", "surprise"])[y]


@pytest.fixture(scope="module")
def fitted(rows):
    return quick().fit(*rows)


def bits(model):
    curves = {name: torch.from_numpy(curve) for name, curve in model.loss_curves_.items()}
    state = curves | model.network_.state_dict()
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


def made(**parameters):
    torch.manual_seed(0)
    return ICEGAN(**({"size": 16, "width": 4, "channels": 2} | parameters))


def batch(n=6, labels=(0, 1, 2, -1, 0, -1)):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 2, 16, 16, generator=generator)
    label, asked = torch.tensor(labels), torch.tensor([0, 2, 2, 1, 1, 0])
    counts = n, int((label >= 0).sum()), int((label == asked).sum())
    return GANBatch(x, label, asked, torch.randn(n, 100, generator=generator), counts)


# Sizes


def reasoning(n):
    """To n/4 nodes and n/2 states with biases, both matrices, and back with biases."""
    nodes, states = n // 4, n // 2
    return (n + 1) * nodes + (n + 1) * states + nodes**2 + states**2 + (states + 1) * n


def generator_size(widths, n_classes=3):
    """4x4 kernels and biases: down, up from the code (with skips), and the last one."""
    down = sum((16 * a + 1) * b for a, b in zip([1, *widths], widths, strict=False))
    ups = widths[-2::-1]
    inputs = [widths[-1] + 100 + n_classes, *(2 * n for n in ups)]
    up = sum(16 * a * b + b for a, b in zip(inputs, [*ups, 1], strict=True))
    return down + up + sum(map(reasoning, widths[:-1]))


def discriminator_size(widths, n_primary, size, width, channels=1, n_classes=3):
    patches = sum((16 * a + 1) * b for a, b in zip([channels, *widths], widths, strict=False))
    primary = (9 * widths[-1] + 1) * (n_primary // 64 * 8)
    digits = n_primary * (2 + n_classes) * 16 * 8
    layers = [16 * n_classes, 8 * width, 16 * width, channels * size**2]
    decoder = sum((a + 1) * b for a, b in zip(layers, layers[1:], strict=False))
    return patches + primary + digits + decoder


@pytest.mark.parametrize(
    ("size", "width", "channels", "down", "patches"),
    [
        (64, 16, 2, [16, 32, 64, 128, 128, 80], [16, 32, 64]),
        (32, 8, 1, [8, 16, 32, 64, 40], [8, 16]),
        (16, 4, 2, [4, 8, 16, 20], [4]),
    ],
)
def test_parameters_are_those_counted_by_hand(size, width, channels, down, patches):
    network = ICEGAN(3, size, width, channels)
    assert count_parameters(network.generator) == generator_size(down)
    n_primary = 16 * width
    assert network.discriminator.n_primary == n_primary
    expected = discriminator_size(patches, n_primary, size, width, channels)
    assert count_parameters(network.discriminator) == expected


def test_published_numbers(monkeypatch):
    monkeypatch.setattr(spectral_norm, "FIRST", 0)
    with torch.device("meta"):
        network = ICEGAN()
    down, patches = [64, 128, 256, 512, 512, 512, 320], [64, 128, 256, 512]
    assert [layer.out_channels for layer in network.generator.down] == down
    assert [layer.out_channels for layer in network.discriminator.patches] == patches
    assert network.discriminator.n_primary == 1024
    sizes = generator_size(down), discriminator_size(patches, 1024, 128, 64)
    for part, size in zip((network.generator, network.discriminator), sizes, strict=True):
        assert count_parameters(part) == size
        assert f"{size:,}" in ICEGAN.__doc__


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("channels", [1, 2])
def test_shapes(size, channels):
    network = made(size=size, channels=channels, n_classes=4)
    x = torch.rand(3, channels, size, size)
    out = network.express(x, torch.tensor([0, 1, 3]), torch.randn(3, 100))
    assert out.shape == x.shape
    assert torch.equal(out[:, : channels - 1], x[:, : channels - 1])
    assert 0 < out.min() < out.max() < 1
    verdict = network.discriminator(x)
    assert verdict.authenticity.shape == (3, 2)
    assert verdict.capsules.shape == (3, 4, 16)
    assert network.discriminator.decode(verdict.capsules, torch.tensor([0, 1, 3])).shape == x.shape
    assert network(x).shape == (3, 4)
    assert network.embed(x).shape == (3, 64)
    assert ((network(x) >= 0) & (network(x) < 1)).all()


# Capsules


def test_squash_keeps_directions_and_shrinks_lengths():
    s = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[0.6, 0.8], [0.6, 0.8], [0.0, 0.0]], dtype=torch.float64)
    expected *= torch.tensor([[25 / 26], [0.25 / 1.25], [0.0]])
    torch.testing.assert_close(squash(s), expected, atol=1e-7, rtol=0)
    s.requires_grad_(True)
    squash(s).sum().backward()
    assert torch.isfinite(s.grad).all()


def routed_by_hand(votes, n_iterations):
    """Procedure 1 of Sabour et al., capsule by capsule."""
    n_in, n_out, _ = votes.shape
    b = np.zeros((n_in, n_out))
    for _ in range(n_iterations):
        above = []
        for j in range(n_out):
            s = np.zeros(votes.shape[2])
            for i in range(n_in):
                s = s + np.exp(b[i, j]) / np.exp(b[i]).sum() * votes[i, j]
            length = np.sqrt((s**2).sum())
            above.append(length**2 / (1 + length**2) * s / length)
        for i in range(n_in):
            for j in range(n_out):
                b[i, j] += votes[i, j] @ above[j]
    return np.array(above)


@pytest.mark.parametrize("n_iterations", [1, 2, 3])
def test_routing_is_that_of_a_loop(n_iterations):
    votes = torch.randn(2, 5, 3, 4, dtype=torch.float64, generator=torch.manual_seed(0))
    found = route(votes, n_iterations)
    for one, expected in zip(votes.numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(expected, routed_by_hand(one, n_iterations), rtol=1e-6)


def test_votes_are_a_matrix_per_pair_of_capsules():
    layer = DigitCapsules(5, 3, 4, 6).double()
    below = torch.randn(1, 5, 4, dtype=torch.float64)
    weight = layer.weight.detach().numpy()
    votes = np.array([[weight[i, j] @ below[0, i].numpy() for j in range(3)] for i in range(5)])
    np.testing.assert_allclose(
        layer(below)[0].detach().numpy(), routed_by_hand(votes, 3), rtol=1e-5
    )


def test_margin_loss_by_hand():
    found = torch.tensor([[0.95, 0.1, 0.05], [0.4, 0.7, 0.2]])
    # Long enough and short enough; then .5 missing, and .6 and .1 too long at half weight.
    expected = torch.tensor([0.0, 0.5**2 + 0.5 * (0.6**2 + 0.1**2)])
    torch.testing.assert_close(margin_loss(found, torch.tensor([0, 0])), expected)


# Graph reasoning and spectral norm


def test_graph_reasoning_is_its_formula():
    torch.manual_seed(0)
    layer = GraphReasoning(6, 2, 3).double()
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    state = {name: t.numpy() for name, t in layer.state_dict().items()}

    def project(name, X):
        return state[f"{name}.weight"].squeeze((2, 3)) @ X + state[f"{name}.bias"][:, None]

    for given, found in zip(x, layer(x).detach(), strict=True):
        X = given.reshape(6, 20).numpy()
        B, phi = project("assign", X), project("reduce", X)
        V = B @ phi.T / 20
        V = V + state["adjacency.weight"] @ V
        Z = np.maximum(V @ state["update.weight"].T, 0)
        expected = X + project("extend", Z.T @ B)
        np.testing.assert_allclose(found.reshape(6, 20).numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("kind", "axis"), [(SpectralConv2d, 0), (SpectralConvTranspose2d, 1)], ids=["down", "up"]
)
def test_spectral_norm_of_one(kind, axis):
    # Of few matrices are the two largest singular values so near that iterations take longer.
    torch.manual_seed(0)
    layer = kind(3, 5, 4, 2, 1)
    plain = nn.Conv2d if axis == 0 else nn.ConvTranspose2d
    x = torch.randn(2, 3, 8, 8)
    for _ in range(50):
        layer(x)
    matrix = layer.weight.detach().movedim(axis, 0).flatten(1).numpy()
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    weight = layer.normalised_weight()
    np.testing.assert_allclose(weight.detach() * largest, layer.weight.detach(), rtol=1e-4)
    twin = plain(3, 5, 4, 2, 1)
    twin.load_state_dict({"weight": weight, "bias": layer.bias})
    torch.testing.assert_close(layer.eval()(x), twin(x))
    u = layer.u.clone()
    layer(x)
    assert torch.equal(layer.u, u)  # evaluation leaves the estimate alone


def test_every_convolution_of_4x4_but_the_last_is_normalised():
    network = made(size=32, width=8)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    layers = [layer for layer in layers if layer.kernel_size == (4, 4)]
    free = [layer for layer in layers if not isinstance(layer, SpectralNorm)]
    assert free == [network.generator.last]
    for layer in set(layers) - set(free):
        for _ in range(60):
            weight = layer.normalised_weight().detach()
        largest = torch.linalg.matrix_norm(weight.movedim(layer._out, 0).flatten(1), 2)
        assert abs(largest.item() - 1) < 0.02


# Generator


def test_an_idle_generator_leaves_the_face_alone():
    generator = ICEGANGenerator(size=16, width=4)
    nn.init.zeros_(generator.last.weight)
    face = torch.rand(2, 1, 16, 16) * 0.9 + 0.05
    same = generator(face, torch.tensor([0, 1]), torch.randn(2, 100))
    torch.testing.assert_close(same, face)


def test_class_and_noise_reach_the_picture():
    generator = ICEGANGenerator(size=16, width=4).eval()
    face, noise = torch.rand(1, 1, 16, 16), torch.randn(1, 100)
    drawn = [generator(face, torch.tensor([k]), noise) for k in range(3)]
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], generator(face, torch.tensor([0]), -noise))


def test_without_graph_reasoning_skips_are_plain():
    generator = ICEGANGenerator(size=16, width=4, graph_reasoning=False)
    assert all(isinstance(step, nn.Identity) for step in generator.reason)


# Losses


def test_terms_by_hand():
    network, rows = made().double().eval(), batch()
    rows = rows._replace(x=rows.x.double(), noise=rows.noise.double())
    found = discriminator_terms(network, rows, DISCRIMINATOR)
    found |= generator_terms(network, rows, GENERATOR)
    found = {name: term.item() for name, term in found.items()}
    drawn = network.express(rows.x, rows.asked, rows.noise).detach()
    expected = dict.fromkeys(found, 0.0)
    for x, g, y, c in zip(rows.x, drawn, rows.label.tolist(), rows.asked.tolist(), strict=True):
        real, fake = network.discriminator(x[None]), network.discriminator(g[None])
        loss = [
            margin_loss(v, torch.tensor([k])).item()
            for v, k in (
                (real.authenticity, 1),
                (fake.authenticity, 0),
                (fake.authenticity, 1),
                (fake.scores, c),
            )
        ]
        expected["authenticity"] += (loss[0] + loss[1]) / 6
        expected["adversarial"] += loss[2] / 6
        expected["generated class"] += loss[3] / 6
        expected["class asked for"] += loss[3] / 6
        embed = network.generator.embed
        apart = (embed(g[None, 1:]) - embed(x[None, :1])).abs().mean().item()
        expected["identity"] += apart / 6
        if y >= 0:  # four rows have labels
            label = torch.tensor([y])
            expected["class"] += margin_loss(real.scores, label).item() / 4
            image = network.discriminator.decode(real.capsules, label)[0]
            expected["decoder"] += (image - x).square().mean().item() / 4
        if y == c:  # the first and the third row
            expected["pixel"] += (g[1] - x[1]).abs().mean().item() / 2
    assert found == pytest.approx(expected, rel=1e-9)


def test_terms_of_parts_add_up():
    network, rows = made().eval(), batch()
    for compute, names in ((discriminator_terms, DISCRIMINATOR), (generator_terms, GENERATOR)):
        whole = compute(network, rows, names)
        parts = [compute(network, part, names) for part in rows.parts(4)]
        for name in names:
            torch.testing.assert_close(sum(part[name] for part in parts), whole[name])


@pytest.mark.parametrize("part", ["discriminator", "generator"])
def test_gradients_reach_every_parameter_of_one_network_alone(part):
    network = made()
    compute, names = {
        "discriminator": (discriminator_terms, DISCRIMINATOR),
        "generator": (generator_terms, GENERATOR),
    }[part]
    sum(compute(network, batch(), names).values()).backward()
    for name, parameter in network.named_parameters():
        touched = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert touched == name.startswith(part), name
        assert parameter.requires_grad


def test_the_identity_term_trains_no_encoder_to_be_blind():
    """The encoder that compares gets no gradient, as if it were another module."""
    network, rows = made().eval(), batch()
    term = generator_terms(network, rows, ["identity"])["identity"]
    other = copy.deepcopy(network.generator)
    known = other.embed(rows.x[:, :1]).detach()
    drawn = network.express(rows.x, rows.asked, rows.noise)[:, 1:]
    same = (other.embed(drawn) - known).abs().mean(1).sum() / 6
    first = network.generator.down[0].weight
    torch.testing.assert_close(*(torch.autograd.grad(t, first)[0] for t in (term, same)))


WEIGHTS = {
    "adversarial_weight": {"authenticity", "adversarial"},
    "asked_weight": {"class asked for"},
    "generated_weight": {"generated class"},
    "pixel_weight": {"pixel"},
    "identity_weight": {"identity"},
    "decoder_weight": {"decoder"},
}


@pytest.mark.parametrize("weight", WEIGHTS)
def test_terms_of_weight_zero_are_gone(weight, rows, fitted):
    model = quick(n_epochs=1, **{weight: 0.0}).fit(*rows)
    assert set(fitted.loss_curves_) - set(model.loss_curves_) == WEIGHTS[weight]


def test_without_any_term_the_generator_stays_as_it_began(rows, fitted):
    names = ("adversarial_weight", "asked_weight", "pixel_weight", "identity_weight")
    model = quick(n_epochs=1, generated_weight=0.0, **dict.fromkeys(names, 0.0)).fit(*rows)
    assert set(model.loss_curves_) == {"class", "decoder"}
    assert not model.network_.generator.last.bias.any()
    assert fitted.network_.generator.last.bias.any()


# Training


def test_one_epoch_is_two_steps_of_adam_per_batch(rows):
    """A plain loop of the losses, on the draws that the fit makes."""
    X, y = rows
    seen = []
    original = ICEGANClassifier._train

    class Recorded(ICEGANClassifier):
        def _train(self, start, device):
            self.began = {k: v.clone() for k, v in start.network.state_dict().items()}
            return original(self, start, device)

    from cdmer.nets._icegan.training import ICEGANTraining

    draw = ICEGANTraining._draw

    def noted(self, *given):
        seen.append(draw(self, *given))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ICEGANTraining, "_draw", noted)
        model = Recorded(**(QUICK | {"n_epochs": 1})).fit(X, y)
    network = made()
    network.load_state_dict(model.began)
    steps = [
        (torch.optim.Adam(part.parameters(), rate, betas=(0.5, 0.999)), terms, names)
        for part, rate, terms, names in (
            (network.discriminator, model.discriminator_lr, discriminator_terms, DISCRIMINATOR),
            (network.generator, model.generator_lr, generator_terms, GENERATOR),
        )
    ]
    assert len(seen) == 3
    for one in seen:
        for optimizer, compute, names in steps:
            network.zero_grad()
            terms = compute(network, one, names)
            sum(getattr(model, names[name]) * term for name, term in terms.items()).backward()
            optimizer.step()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, model.network_.state_dict()[name], msg=name)


def test_fits_repeat_to_the_bit_and_differ_by_seed(rows, fitted):
    before = torch.get_rng_state()
    assert bits(clone(fitted).fit(*rows)) == bits(fitted)
    assert bits(quick(random_state=1).fit(*rows)) != bits(fitted)
    assert torch.equal(torch.get_rng_state(), before)


def test_labels_of_target_rows_change_nothing_and_their_pictures_do(rows):
    X, y = rows
    domain = np.where(np.arange(24) % 4, 0, -1)
    model = quick(n_epochs=1)
    expected = bits(clone(model).fit(X, y, sample_domain=domain))
    poisoned, missing = y.copy(), y.astype(object)
    poisoned[domain < 0] = "zzz"
    missing[domain < 0] = None
    for labels in (poisoned, missing):
        fitted = clone(model).fit(X, labels, sample_domain=domain)
        assert bits(fitted) == expected
        assert fitted.classes_.tolist() == ["negative", "positive", "surprise"]
    other = X.copy()
    other[domain < 0] = 1 - other[domain < 0]
    assert bits(clone(model).fit(other, y, sample_domain=domain)) != expected


class Killed(BaseException):
    pass


def test_a_killed_fit_resumes_to_the_bit(tmp_path, rows):
    """Kills of a whole process are tested with `NetClassifier`, which has the same checkpoints."""
    X, y = rows
    domain = np.where(np.arange(24) < 20, 0, -1)
    model = quick(checkpoint_every=1)
    expected = bits(clone(model).fit(X, y, sample_domain=domain))
    path = tmp_path / "state.safetensors"
    step, steps = torch.optim.Adam.step, []

    def killed(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 3 * 2 + 3:  # in the second epoch, of three batches and two networks
            raise Killed
        return step(self, *args, **kwargs)

    kept = clone(model).set_params(checkpoint=path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", killed)
        with pytest.raises(Killed):
            kept.fit(X, y, sample_domain=domain)
    assert path.exists()
    assert bits(kept.fit(X, y, sample_domain=domain)) == expected
    with pytest.raises(ValueError, match="belongs to a fit with other rows"):
        quick(checkpoint=path).fit(X, y)


@pytest.mark.parametrize("precision", ["bf16", "fp16", "float64"])
def test_precisions(precision, rows, fitted):
    model = quick(precision=precision).fit(*rows)
    dtype = torch.float64 if precision == "float64" else torch.float32
    assert model.network_.generator.last.weight.dtype == dtype
    for name, curve in model.loss_curves_.items():
        np.testing.assert_allclose(curve[0], fitted.loss_curves_[name][0], rtol=0.5)
    drawn = model.generate(rows[0], "positive", random_state=0)
    assert drawn.dtype == (np.float64 if precision == "float64" else np.float32)


def test_a_small_memory_takes_the_same_steps(rows, monkeypatch):
    X, y = rows
    whole = quick(n_epochs=1, precision="float64").fit(X, y)
    forward = ICEGANDiscriminator.forward

    def full(self, x):
        if self.training and len(x) > 3:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(self, x)

    monkeypatch.setattr(ICEGANDiscriminator, "forward", full)
    with pytest.warns(UserWarning, match="spectral norms are estimated once per part"):
        parts = quick(n_epochs=1, precision="float64").fit(X, y)
    for name in set(whole.loss_curves_) - {"identity"}:  # of which there is next to nothing yet
        curves = parts.loss_curves_[name], whole.loss_curves_[name]
        np.testing.assert_allclose(*curves, rtol=0.1)


def test_it_learns_both_to_tell_and_to_draw(rows):
    X, y = rows
    rates = {"discriminator_lr": 5e-3, "generator_lr": 5e-3, "generated_weight": 0.0}
    model = quick(n_epochs=16, width=8, batch_size=12, **rates).fit(X, y)
    assert (model.predict(X) == y).all()
    for k, label in enumerate(model.classes_):
        change = (model.generate(X, label, random_state=0) - X[:, :1]).mean(axis=(0, 1, 3))
        bands = [change[5 * i : 5 * i + 4].mean() for i in range(3)]
        assert np.argmax(bands) == k
        assert bands[k] > 0.05


# As an estimator


def test_flat_rows_are_the_same_rows(rows, fitted):
    X, y = rows
    flat = quick().fit(X.reshape(24, -1), y)
    assert flat.n_features_in_ == 512
    assert bits(flat) == bits(fitted)
    np.testing.assert_array_equal(flat.predict_proba(X.reshape(24, -1)), fitted.predict_proba(X))


def test_scores_are_lengths_of_capsules(rows, fitted):
    X, y = rows
    found = fitted.decision_function(X)
    capsules = fitted.embed(X).reshape(24, 3, 16)
    np.testing.assert_allclose(found, np.linalg.norm(capsules, axis=2), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fitted.predict_proba(X), found / found.sum(1, keepdims=True))
    assert (fitted.predict(X) == fitted.classes_[found.argmax(1)]).all()
    two = y != "surprise"
    binary = quick(n_epochs=1).fit(X[two], y[two])
    np.testing.assert_array_equal(binary.predict(X) == "positive", binary.decision_function(X) > 0)


def test_pickled_models_predict_alike(rows, fitted):
    other = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        other.decision_function(rows[0]), fitted.decision_function(rows[0])
    )


# Checks of scikit-learn that bring no table of their own: rows here are pictures.
CHECKS = [
    "no_attributes_set_in_init",
    "parameters_default_constructible",
    "get_params_invariance",
    "set_params",
    "estimator_cloneable",
    "estimator_repr",
    "estimator_tags_renamed",
    "valid_tag_types",
    "mixin_order",
    "do_not_raise_errors_in_init_or_set_params",
    "estimators_unfitted",
]


@pytest.mark.parametrize("name", CHECKS)
def test_scikit_learn_checks(name):
    getattr(estimator_checks, f"check_{name}")("ICEGANClassifier", ICEGANClassifier())


# Drawing


def test_generate(rows, fitted, tmp_path):
    X = rows[0]
    labels = np.resize(fitted.classes_, 24)
    drawn = fitted.generate(X, labels, random_state=3)
    assert drawn.shape == (24, 1, 16, 16)
    np.testing.assert_array_equal(drawn, fitted.generate(X[:, :1], labels, random_state=3))
    np.testing.assert_array_equal(
        drawn, fitted.generate(X[:, 0].reshape(24, -1), labels, random_state=3)
    )
    assert (drawn != fitted.generate(X, labels, random_state=4)).any()
    one = fitted.generate(X, "positive", random_state=3)
    np.testing.assert_allclose(one[labels == "positive"], drawn[labels == "positive"], atol=1e-6)
    path = tmp_path / "generator.safetensors"
    fitted.save_generator(path)
    generator, classes = load_generator(path)
    assert classes.tolist() == fitted.classes_.tolist()
    own = fitted.network_.generator.state_dict()
    assert all(torch.equal(own[k], v) for k, v in generator.state_dict().items())
    given = torch.rand(2, 1, 16, 16), torch.tensor([0, 2]), torch.randn(2, 100)
    assert torch.equal(generator(*given), fitted.network_.generator(*given))


def test_losses_are_drawn(fitted):
    axes = fitted.plot_losses()
    labels = [line.get_label() for ax in axes for line in ax.lines]
    assert labels == [*DISCRIMINATOR, *GENERATOR]
    np.testing.assert_array_equal(axes[1].lines[2].get_ydata(), fitted.loss_curves_["pixel"])
    with pytest.raises(ValueError, match="axes: expected two"):
        fitted.plot_losses(axes=axes[:1])


# Bad input


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"size": 48}, "size: expected a power of two from 16, got 48"),
        ({"size": 8}, "size: expected a power of two from 16, got 8"),
        ({"width": 6}, "width: expected a multiple of 4, got 6"),
        ({"n_iterations": 0}, "n_iterations: expected a whole number >= 1, got 0"),
        ({"generator_lr": 0.0}, "generator_lr: expected a finite number > 0, got 0.0"),
        ({"capsule_weight": 0.0}, "capsule_weight: expected a finite number > 0, got 0.0"),
        ({"pixel_weight": -1.0}, "pixel_weight: expected a finite number >= 0, got -1.0"),
        ({"sampler": "even"}, "sampler: expected one of"),
        ({"precision": "int8"}, "precision: expected one of"),
        ({"graph_reasoning": 1}, "graph_reasoning: expected True or False, got 1"),
        ({"checkpoint": "x", "random_state": None}, "checkpoint: expected a random_state"),
        ({"device": "abacus"}, "device: expected"),
    ],
)
def test_bad_parameters(parameters, message, rows):
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(*rows)


def test_bad_rows(rows, fitted):
    X, y = rows
    with pytest.raises(ValueError, match=r"expected pictures of shape \(1, 16, 16\) or \(2, 16, 1"):
        quick().fit(X[:, :, :8], y)
    with pytest.raises(ValueError, match=r"levels from 0 to 1, as ApexFrame.*got levels from 5"):
        quick().fit(X * 255, y)
    with pytest.raises(ValueError, match="contains NaN"):
        quick().fit(X * np.nan, y)
    with pytest.raises(ValueError, match=r"expected pictures of shape \(2, 16, 16\), as size=16"):
        fitted.predict(X[:, :1])
    with pytest.raises(ValueError, match="only one class"):
        quick().fit(X, np.zeros(24))
    with pytest.raises(ValueError, match="label: expected members of classes_.*got 'joy'"):
        fitted.generate(X, "joy")
    with pytest.raises(ValueError, match="one label, or one for each of 24 faces"):
        fitted.generate(X, ["positive"] * 3)


def test_drawings_that_are_no_numbers_are_not_given(rows, fitted):
    broken = copy.deepcopy(fitted)
    next(broken.network_.generator.parameters()).data.fill_(np.inf)
    with pytest.raises(FloatingPointError, match="generate: expected finite grey levels"):
        broken.generate(rows[0], "positive")


def test_a_loss_that_is_no_number_stops_the_fit(rows, monkeypatch):
    from cdmer.nets._icegan import losses as _icegan_losses

    calls = []

    def broken(found, which):
        calls.append(1)
        return margin_loss(found, which) * (np.nan if len(calls) == 6 * 3 + 1 else 1)

    monkeypatch.setattr(_icegan_losses, "margin_loss", broken)
    message = (
        r"got nan for the term 'authenticity' in batch 1 of epoch 2 with discriminator_lr=0.\d+ "
        r"and generator_lr=0.\d+; try a smaller rate"
    )
    with pytest.raises(FloatingPointError, match=message):
        quick().fit(*rows)


def test_generator_files_that_do_not_match(fitted, tmp_path):
    path = tmp_path / "generator.safetensors"
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        load_generator(path)
    fitted.save_generator(path)
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    with pytest.raises(ValueError, match="is no whole safetensors file"):
        load_generator(path)
    path.write_bytes(content)
    save_file(load_file(path), path)
    with pytest.raises(ValueError, match="holds no generator"):
        load_generator(path)
    path.write_bytes(content.replace(b'\\"width\\": 4', b'\\"width\\": 8'))
    with pytest.raises(ValueError, match="is damaged: its header is not what was written"):
        load_generator(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 48}, r"holds no generator \(size: expected a power of two"),
        ({"width": 8}, r"of the size that it says: expected float32 of shape \(8, 1, 4, 4\) under"),
        ({"width": 2000}, r"of the size that it says: expected float32 of shape \(2000, 1, 4, 4\)"),
        ({"width": 100_000}, r"holds no generator \(width: .*<= 4096, got 100000"),
        ({"size": 2**20}, r"holds no generator \(size: .*<= 4096, got 1048576"),
        ({"n_classes": 10**9}, r"holds no generator \(n_classes: .*<= 4096, got"),
        (
            {"n_classes": 4},
            r"holds no generator \(n_classes: expected 3, one for each class, got 4",
        ),
        (
            {"graph_reasoning": "no"},
            r"holds no generator \(graph_reasoning: expected True or False",
        ),
        ({"classes": ["a", "b", "a"]}, r"holds no generator \(classes: expected .* different"),
    ],
)
def test_generators_of_other_sizes_are_refused_before_they_are_built(
    change, message, fitted, tmp_path
):
    path = tmp_path / "generator.safetensors"
    fitted.save_generator(path)
    rewrite(path, change)
    with pytest.raises(ValueError, match=message):
        load_generator(path)


def rewrite(path, change):
    """Change what the header says, with digests that are right."""
    with open_tensors(path) as file:
        tensors = {name: file.read(name) for name in file.entries}
        content = file.sealed["content"] | change
    write_tensors(path, "generator", tensors, content)
