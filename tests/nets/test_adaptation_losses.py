"""Each loss equals its definition, written as loops in NumPy, and so does its gradient."""

from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from cdmer._parameters import ParameterError
from cdmer.nets.adaptation import CDAN, DAN, DANN, MCC, Adaptation, Batch, DeepCORAL, _cdan
from cdmer.nets.adaptation._adversarial import domain_loss, reverse
from cdmer.nets.adaptation._base import entropy, ramp
from cdmer.nets.adaptation._dan import mk_mmd, squared_distances

LOSSES = {
    "DAN": DAN(),
    "DeepCORAL": DeepCORAL(),
    "DANN": DANN(),
    "CDAN": CDAN(),
    "CDAN+E": CDAN(entropy=True),
    "CDAN random": CDAN(entropy=True, n_random=7),
    "MCC": MCC(),
}
PENALTIES = ["DAN", "DeepCORAL", "MCC"]


@pytest.fixture(params=LOSSES)
def adaptation(request, monkeypatch):
    if request.param == "CDAN random":
        monkeypatch.setattr(_cdan, "LARGEST_PRODUCT", 0)
    return clone(LOSSES[request.param])


def draw(n, n_features=4, n_classes=3, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    features = torch.tensor(rng.normal(shift, 1, (n, n_features)))
    return Batch(features, torch.tensor(rng.normal(0, 2, (n, n_classes))))


def built(adaptation, n_features=4, n_classes=3):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = adaptation.build(n_features, n_classes)
    return module if module is None else module.double()


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def entropies(p):
    return [-sum(v * np.log(v) for v in row) for row in p]


# Definitions


@pytest.mark.parametrize(("n", "m"), [(6, 6), (5, 3), (1, 4), (1, 1)])
@pytest.mark.parametrize(("n_kernels", "step"), [(5, 2.0), (4, 3.0), (33, 2**0.5)])
def test_dan_is_the_unbiased_mmd_over_all_pairs(n, m, n_kernels, step):
    source, target = draw(n), draw(m, seed=1, shift=1)
    s, t = source.features.numpy(), target.features.numpy()
    both = np.vstack([s, t])
    pairs = sorted(((a - b) ** 2).sum() for a, b in combinations(both, 2))
    gamma = pairs[(len(pairs) - 1) // 2]

    def k(a, b):
        exponents = np.arange(n_kernels) - (n_kernels - 1) / 2
        return np.mean([np.exp(-((a - b) ** 2).sum() / (gamma * step**u)) for u in exponents])

    def within(x):
        values = [k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
        return np.mean(values) if values else 1.0

    expected = within(s) + within(t) - 2 * np.mean([k(a, b) for a in s for b in t])
    loss = DAN(n_kernels=n_kernels, step=step).loss(source, target, 0.3)
    assert float(loss) == pytest.approx(expected, abs=1e-12)


def test_the_family_of_the_paper_spans_eight_octaves_on_either_side():
    # One squared distance, 1: then gamma is 1, and MMD = 2 - 2 k with k the mean over the family.
    source, target = (Batch(torch.tensor([[x]]).double(), torch.zeros(1, 3)) for x in (0, 1))
    k = np.mean(np.exp(-1 / 2 ** np.arange(-8, 8.25, 0.5)))
    assert float(DAN(n_kernels=33, step=2**0.5).loss(source, target, 0)) == pytest.approx(2 - 2 * k)


def test_dan_is_zero_in_the_mean_over_all_splits_of_one_set():
    # What unbiased means, exactly: the median is that of all rows and so the same in each split.
    rows = draw(7).features
    values = []
    for chosen in combinations(range(7), 3):
        rest = [i for i in range(7) if i not in chosen]
        source, target = (Batch(rows[list(i)], torch.zeros(len(i), 3)) for i in (chosen, rest))
        values.append(float(DAN().loss(source, target, 0)))
    assert np.mean(values) == pytest.approx(0, abs=1e-14)
    assert np.std(values) > 0.01


@pytest.mark.parametrize(("n", "m", "d"), [(9, 9, 2), (5, 3, 20), (4, 6, 1), (1, 5, 3)])
def test_deep_coral_is_the_distance_of_covariances(n, m, d):
    source, target = draw(n, d), draw(m, d, seed=1)

    def covariance(x):
        centred = x - x.mean(axis=0)
        c = np.zeros((d, d))
        for row in centred:
            c += np.outer(row, row)
        return c / max(len(x) - 1, 1)

    gap = covariance(source.features.numpy()) - covariance(target.features.numpy())
    expected = sum(v**2 for v in gap.ravel()) / (4 * d**2)
    assert float(DeepCORAL().loss(source, target, 0)) == pytest.approx(expected, rel=1e-12)


def test_deep_coral_takes_many_features():
    # Rows 1 and -1 in d dimensions have the covariance 2 in every entry, against none: 4d² / 4d².
    # Of 57,600 features (SSSN) it would have 3.3e9 entries.
    rows, scores = torch.ones(2, 57_600), torch.zeros(2, 3)
    rows[1] = -1
    loss = DeepCORAL().loss(Batch(rows, scores), Batch(0 * rows, scores), 0)
    assert float(loss) == pytest.approx(1)


@pytest.mark.parametrize("temperature", [2.5, 1.0])
def test_mcc_is_the_confusion_of_classes(temperature):
    target = draw(7, n_classes=4)
    y = softmax(target.scores.numpy() / temperature)
    raw = [1 + np.exp(-h) for h in entropies(y)]
    weights = [len(y) * w / sum(raw) for w in raw]
    c = np.zeros((4, 4))
    for j in range(4):
        for k in range(4):
            c[j, k] = sum(w * row[j] * row[k] for w, row in zip(weights, y, strict=True))
    c = np.array([row / row.sum() for row in c])
    expected = sum(c[j, k] for j in range(4) for k in range(4) if j != k) / 4
    loss = MCC(temperature=temperature).loss(draw(3), target, 0)
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_mcc_is_zero_without_doubt_and_largest_without_knowledge():
    features = torch.zeros(6, 2)
    sure = Batch(features, 1e4 * torch.eye(3).repeat(2, 1))
    unsure = Batch(features, torch.zeros(6, 3))
    assert float(MCC().loss(sure, sure, 0)) == 0
    assert float(MCC().loss(sure, unsure, 0)) == pytest.approx(2 / 3)


def test_mcc_of_a_class_that_no_row_is_given_to():
    # softmax underflows to 0 in float32; the definition would be 0/0. Its limit: class 2 is taken
    # for the class that wins in the row where class 2 is least unlikely, here the first.
    scores = torch.tensor([[800.0, 0.0, -900.0], [0.0, 800.0, -2000.0]], requires_grad=True)
    loss = MCC(temperature=1.0).loss(Batch(scores, scores), Batch(scores, scores), 0)
    loss.backward()
    assert loss.item() == pytest.approx(1 / 3)
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("n_target", [5, 2])
def test_cdan_weighs_rows_and_joins_features_with_predictions(entropy, n_target):
    source, target = draw(5), draw(n_target, seed=1)
    adaptation = CDAN(entropy=entropy, hidden_layer_sizes=(8,))
    module = built(adaptation)
    first, _, last, _ = module.head
    (a, b), (c, d) = ([p.detach().numpy() for p in x.parameters()] for x in (first, last))
    expected = 0
    for batch, is_source in ((source, True), (target, False)):
        f, g = batch.features.numpy(), softmax(batch.scores.numpy())
        losses = []
        for i, h in enumerate(entropies(g)):
            joined = [f[i, j] * g[i, k] for j in range(4) for k in range(3)]
            score = (c @ np.maximum(a @ joined + b, 0) + d)[0]
            likely = 1 / (1 + np.exp(-score))
            weight = 1 + np.exp(-h) if entropy else 1
            losses.append(-weight * np.log(likely if is_source else 1 - likely))
        expected += np.mean(losses)
    assert adaptation.loss(source, target, 0.4, module).item() == pytest.approx(expected)


def test_cdan_draws_products_where_there_are_too_many():
    assert not list(CDAN().build(1365, 3).buffers())  # 4,095
    module = CDAN(n_random=50).build(1366, 3)  # 4,098
    r_f, r_g = module.pairs.buffers()
    assert (r_f.shape, r_g.shape, module.head[0].in_features) == ((1366, 50), (3, 50), 50)
    f, g = torch.randn(2, 1366), torch.rand(2, 3)
    joined = module.pairs(f, g)
    f, g, r_f, r_g = (x.double().numpy() for x in (f, g, r_f, r_g))
    expected = [
        [np.dot(f[i], r_f[:, k]) * np.dot(g[i], r_g[:, k]) / 50**0.5 for k in range(50)]
        for i in range(2)
    ]
    np.testing.assert_allclose(joined, expected, rtol=1e-4, atol=1e-4)
    assert len(list(module.parameters())) == 4  # the mixtures stay as they were drawn


def test_random_products_have_the_inner_products_of_all_products():
    # Their mean over the draw; the error falls with the root of their number.
    torch.manual_seed(0)
    pairs = _cdan.RandomProducts(4, 3, 200_000)
    f, g = torch.randn(2, 4), torch.rand(2, 3)
    a, b = pairs(f, g)
    c, d = _cdan.OuterProduct()(f, g)
    assert float(a @ b) == pytest.approx(float(c @ d), abs=0.1)


def test_dann_is_the_cross_entropy_of_the_domains():
    source, target = draw(6), draw(4, seed=1)
    adaptation = DANN(hidden_layer_sizes=())
    module = built(adaptation)
    (weight,), (bias,) = (p.detach().numpy() for p in module.parameters())
    likely = [1 / (1 + np.exp(-(b.features.numpy() @ weight + bias))) for b in (source, target)]
    expected = np.mean(-np.log(likely[0])) + np.mean(-np.log(1 - likely[1]))
    assert adaptation.loss(source, target, 0.2, module).item() == pytest.approx(expected)


def test_heads_have_the_layers_asked_for():
    sizes = [tuple(p.shape) for p in DANN(hidden_layer_sizes=(7, 5)).build(4, 3).parameters()]
    assert sizes == [(7, 4), (7,), (5, 7), (5,), (1, 5), (1,)]
    assert CDAN(hidden_layer_sizes=(9,)).build(4, 3).head[0].in_features == 12
    assert all(LOSSES[name].build(4, 3) is None for name in PENALTIES)


# Gradients, weights and schedules


def test_reversal_turns_gradients_round_and_multiplies_them():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = reverse(x, 0.3)
    assert torch.equal(y, x)
    (y * torch.tensor([5.0, 7.0])).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([-1.5, -2.1]))


@pytest.mark.parametrize("adaptation", [DANN(), CDAN(), CDAN(entropy=True)], ids=str)
def test_the_head_learns_in_full_and_the_network_against_it(adaptation):
    def gradients(strength, plain=False):
        given = clone(adaptation).set_params(weight=strength, schedule="constant")
        module = built(given)
        batches = [
            Batch(b.features.requires_grad_(), b.scores.requires_grad_())
            for b in (draw(5), draw(4, seed=1))
        ]
        given.loss(*batches, 0.5, module).backward()
        network = [x.grad for b in batches for x in b[:2] if x.grad is not None]
        return [p.grad for p in module.parameters()], network

    head_1, network_1 = gradients(1.0)
    head_2, network_2 = gradients(0.25)
    through_scores = getattr(adaptation, "entropy", False)
    assert len(network_1) == (4 if through_scores else 2)
    torch.testing.assert_close(head_1, head_2)
    torch.testing.assert_close([0.25 * g for g in network_1], network_2)
    assert all(g.abs().max() > 0 for g in network_1)

    # Against it: a step down the gradient makes the loss of the head larger.
    module, (source, target) = built(adaptation), (draw(5), draw(4, seed=1))
    before = adaptation.loss(source, target, 1, module)
    steps = iter(network_1)
    moved = [
        Batch(*(x - 1e-3 * next(steps) if use else x for x, use in zip(b[:2], uses, strict=True)))
        for b, uses in ((b, (True, through_scores)) for b in (source, target))
    ]
    assert adaptation.loss(*moved, 1, module) > before


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_grow_with_weight_and_schedule(name):
    batches = draw(5), draw(6, seed=1, shift=1)
    plain = LOSSES[name].loss(*batches, 0.1)
    twice = clone(LOSSES[name]).set_params(weight=2.0)
    torch.testing.assert_close(twice.loss(*batches, 0.1), 2 * plain)
    ramped = twice.set_params(schedule="ramp")
    for progress in (0, 0.1, 1):
        factor = 2 / (1 + np.exp(-10 * progress)) - 1
        torch.testing.assert_close(ramped.loss(*batches, progress), 2 * factor * plain)


def test_the_ramp_is_that_of_the_paper():
    assert ramp(0) == 0
    assert ramp(0.1) == pytest.approx(0.46211716)  # tanh(1/2)
    assert ramp(1) == pytest.approx(0.9999092)


def test_gradients_are_those_of_the_definition(adaptation):
    if hasattr(adaptation, "hidden_layer_sizes"):
        adaptation.set_params(hidden_layer_sizes=(5,))
    module = built(adaptation)
    inputs = [x.requires_grad_() for b in (draw(4), draw(3, seed=1, shift=0.5)) for x in b[:2]]

    def loss(a, b, c, d):
        if isinstance(adaptation, DAN):  # the median is a constant of the step: hold it
            return mk_mmd(squared_distances(torch.cat([a, c])), 4, torch.tensor(3.0), [0.25, 1, 4])
        return adaptation.loss(Batch(a, b), Batch(c, d), 0.5, module)

    if module is None:
        assert torch.autograd.gradcheck(loss, inputs)
        return
    assert torch.autograd.gradcheck(lambda *_: loss(*inputs), tuple(module.parameters()))
    turned = torch.autograd.grad(loss(*inputs), inputs, allow_unused=True, materialize_grads=True)
    expected = differences(loss, inputs)
    expected[1], expected[3] = torch.zeros(4, 3).double(), torch.zeros(3, 3).double()
    if getattr(adaptation, "entropy", False):  # scores: by the weights alone, not the products
        domain_scores = [module(x, s.softmax(1)) for x, s in (inputs[:2], inputs[2:])]

        def weighted(*scores):
            return domain_loss(*domain_scores, *(1 + torch.exp(-entropy(s)) for s in scores))

        expected[1], expected[3] = differences(weighted, inputs[1::2])
    for got, slope in zip(turned, expected, strict=True):
        torch.testing.assert_close(got, -ramp(0.5) * slope, atol=1e-7, rtol=1e-6)


@torch.no_grad()
def differences(function, inputs, step=1e-6):
    """Gradients by central differences, which know nothing of a reversal."""
    gradients = [torch.zeros_like(x) for x in inputs]
    for x, gradient in zip(inputs, gradients, strict=True):
        for i in np.ndindex(*x.shape):
            x[i] += step
            above = function(*inputs)
            x[i] -= 2 * step
            gradient[i] = (above - function(*inputs)) / (2 * step)
            x[i] += step
    return gradients


# Equal distributions


@pytest.mark.parametrize("name", ["DeepCORAL", "DAN"])
def test_equal_batches_are_at_the_minimum(name):
    batch = draw(8)
    rows = batch.features.clone().requires_grad_()
    loss = LOSSES[name].loss(Batch(rows, batch.scores), batch, 0)
    far = LOSSES[name].loss(Batch(2 * rows + 1, batch.scores), batch, 0)
    assert loss < far
    if name == "DeepCORAL":
        loss.backward()
        assert float(loss) == pytest.approx(0, abs=1e-14)
        torch.testing.assert_close(rows.grad, torch.zeros_like(rows), atol=1e-12, rtol=0)


@pytest.mark.parametrize("adaptation", [DANN(), CDAN()], ids=str)
def test_no_head_beats_chance_on_equal_batches(adaptation):
    # 2 log 2 is what a head gets that gives every row one half; no other does better here.
    batch, module = draw(8), built(adaptation)
    assert adaptation.loss(batch, batch, 1, module) >= 2 * np.log(2)
    *_, weights, bias = module.parameters()
    nn.init.zeros_(weights)
    nn.init.zeros_(bias)
    assert float(adaptation.loss(batch, batch, 1, module)) == pytest.approx(2 * np.log(2))


# Hard input


HARD = {
    "identical rows": ((4, 3, 3), (4, 3, 3), lambda x: torch.ones_like(x) * 0.1),
    "dead units": ((4, 3, 3), (4, 3, 3), lambda x: torch.zeros_like(x)),
    "more than half alike": (
        (6, 3, 3),
        (6, 3, 3),
        lambda x: x * (torch.arange(6) == 0).float()[:, None],
    ),
    "one row each": ((1, 3, 3), (1, 3, 3), lambda x: x),
    "one source row": ((1, 3, 3), (5, 3, 3), lambda x: x),
    "one feature": ((5, 1, 3), (4, 1, 3), lambda x: x),
    "two classes": ((5, 3, 2), (4, 3, 2), lambda x: x),
    "large": ((5, 3, 3), (4, 3, 3), lambda x: 1e4 * x),
    "tiny": ((5, 3, 3), (4, 3, 3), lambda x: 1e-30 * x),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_batches_have_finite_losses_and_gradients(adaptation, case):
    source_shape, target_shape, change = HARD[case]
    module = adaptation.build(*source_shape[1:])
    inputs = []
    for seed, shape in enumerate((source_shape, target_shape)):
        inputs.append(Batch(*(change(x.float()).requires_grad_() for x in draw(*shape, seed)[:2])))
    loss = adaptation.loss(*inputs, 0.5, module)
    assert torch.isfinite(loss)
    assert loss.shape == ()
    loss.backward()
    for x in (x for b in inputs for x in b[:2] if x.grad is not None):
        assert torch.isfinite(x.grad).all()


def test_rows_that_are_all_alike_leave_nothing_to_do():
    rows = torch.full((6, 3), 0.1, requires_grad=True)
    batch = Batch(rows, torch.zeros(6, 3))
    loss = DAN().loss(batch, batch, 0)
    loss.backward()
    assert float(loss) == 0
    assert not rows.grad.any()


def test_the_mean_stands_in_for_a_median_of_zero():
    # 4 + 3 rows at 0, one target row at 1: 21 of 28 distances are 0, and 7 are 1.
    source, target = torch.zeros(4, 1), torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    k = np.mean([np.exp(-1 / (0.25 * 2.0**u)) for u in range(-2, 3)])
    expected = 1 + (3 + 3 * k) / 6 - 2 * (12 + 4 * k) / 16
    scores = torch.zeros(4, 3)
    loss = DAN().loss(Batch(source, scores), Batch(target, scores), 0)
    assert float(loss) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_full(adaptation, dtype):
    module = adaptation.build(4, 3)
    half = [Batch(*(x.to(dtype) for x in b[:2])) for b in (draw(5), draw(6, seed=1))]
    full = [Batch(*(x.float() for x in b[:2])) for b in half]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = adaptation.loss(*half, 0.5, module)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, adaptation.loss(*full, 0.5, module))


# Manners


def test_labels_and_order_change_nothing(adaptation):
    module = built(adaptation)
    source, target = draw(5), draw(6, seed=1)
    expected = adaptation.loss(source, target, 0.5, module)
    labelled = source._replace(labels=torch.tensor([0, 1, 2, 0, 1]))
    assert torch.equal(adaptation.loss(labelled, target, 0.5, module), expected)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    turned = Batch(target.features[order], target.scores[order])
    torch.testing.assert_close(adaptation.loss(source, turned, 0.5, module), expected)


def test_inputs_stay_as_they_are(adaptation):
    module = built(adaptation)
    source, target = draw(5), draw(6, seed=1)
    before = [x.clone() for b in (source, target) for x in b[:2]]
    adaptation.loss(source, target, 0.5, module)
    after = [x for b in (source, target) for x in b[:2]]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_losses_are_cloned_and_have_parameters(adaptation):
    assert isinstance(adaptation, Adaptation)
    changed = clone(adaptation).set_params(weight=0.125)
    assert changed.get_params() == {**adaptation.get_params(), "weight": 0.125}
    assert changed.lr_factor == 1.0


def test_layers_come_from_the_global_generator(adaptation):
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        module = adaptation.build(4, 3)
        states.append([] if module is None else list(module.state_dict().values()))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


@pytest.mark.parametrize(
    ("adaptation", "message"),
    [
        (DAN(weight=-1), "weight: expected a finite number >= 0, got -1"),
        (MCC(weight="1"), "weight: expected a finite number >= 0, got '1'"),
        (DeepCORAL(schedule="cosine"), "schedule: expected one of .*'constant', 'ramp'"),
        (DAN(n_kernels=0), "n_kernels: expected a whole number >= 1, got 0"),
        (DAN(step=1), "step: expected a finite number > 1, got 1"),
        (MCC(temperature=0), "temperature: expected a finite number > 0, got 0"),
        (DANN(hidden_layer_sizes=100), "hidden_layer_sizes: expected a tuple of numbers, got 100"),
        (DANN(hidden_layer_sizes=(0,)), "hidden_layer_sizes: expected a whole number >= 1, got 0"),
        (DANN(lr_factor=0), "lr_factor: expected a finite number > 0, got 0"),
        (CDAN(entropy="yes"), "entropy: expected True or False, got 'yes'"),
        (CDAN(n_random=1.5), "n_random: expected a whole number >= 1, got 1.5"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(adaptation, message):
    with pytest.raises(ParameterError, match=message):
        adaptation.build(4, 3)


def test_a_loss_that_defines_nothing_says_so():
    class Empty(Adaptation):
        pass

    rows = Batch(torch.zeros(2, 2), torch.zeros(2, 3))
    assert Empty().build(2, 3) is None
    with pytest.raises(NotImplementedError, match="^Empty: expected a subclass of Adaptation that"):
        Empty().loss(rows, rows, progress=0.5)
