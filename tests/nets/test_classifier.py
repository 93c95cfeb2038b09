"""A network trained like any other classifier."""

import copy
import functools
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from cdmer.nets import MLP, NETWORKS, HorizontalFlip, NetClassifier, STSTNet, fit_folds
from cdmer.nets.adaptation import DANN, DeepCORAL

QUICK = {"n_epochs": 4, "batch_size": 16, "random_state": 0, "progress": False}


def rows(n=60, n_features=6, n_classes=3, seed=0):
    """Rows of six subjects, classes apart in their first columns."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    X = rng.normal(size=(n, n_features)).astype(np.float32)
    X[:, :n_classes] += 2 * np.eye(n_classes, dtype=np.float32)[y]
    return X, y, np.arange(n) // 3 % 6


def quick(**parameters):
    return NetClassifier(**(QUICK | parameters))


def bits(model):
    state = {"curve": torch.from_numpy(model.loss_curve_), **model.network_.state_dict()}
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(1)
    return rng.normal(size=(40, 3, 28, 28)).astype(np.float32), np.arange(40) % 3


@pytest.mark.filterwarnings("ignore:batch_size")
@parametrize_with_checks([NetClassifier(n_epochs=20, learning_rate=1e-2, progress=False)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_learns_what_a_plain_loop_learns():
    """The same steps written out: Adam on the mean cross-entropy of the rows in their order."""
    X, y, _ = rows(60)
    start = MLP(6, 3, (8,))
    model = quick(network=start, n_epochs=3, batch_size=60).fit(X, y)
    network = copy.deepcopy(start)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(torch.from_numpy(X)), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(model.loss_curve_, losses, rtol=1e-6)
    for ours, theirs in zip(model.network_.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    scores = network(torch.from_numpy(X)).detach()
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), scores.softmax(1), atol=1e-5)


def test_the_module_that_is_given_stays_as_it_was():
    X, y, _ = rows()
    given = MLP(6, 3)
    before = copy.deepcopy(given.state_dict())
    quick(network=given).fit(X, y)
    assert given.training
    assert all(torch.equal(before[name], tensor) for name, tensor in given.state_dict().items())


@pytest.mark.parametrize("network", ["STSTNet", STSTNet, STSTNet()], ids=["name", "class", "made"])
def test_networks_by_name_class_and_instance(network, pictures):
    X, y = pictures
    names = np.array(["negative", "positive", "surprise"])[y]
    model = quick(network=network, n_epochs=1).fit(X, names)
    assert isinstance(model.network_, STSTNet)
    assert model.classes_.tolist() == ["negative", "positive", "surprise"]
    assert set(model.predict(X)) <= set(names)
    assert model.transform(X).shape == (40, 400) == model.embed(X).shape
    assert not hasattr(model, "n_features_in_")
    np.testing.assert_array_equal(model.predict_proba(X.reshape(40, -1)), model.predict_proba(X))


def test_flat_and_native_rows_train_alike(pictures):
    X, y = pictures
    flat = quick(network="STSTNet", augment=HorizontalFlip()).fit(X.reshape(40, -1), y)
    assert bits(flat) == bits(quick(network="STSTNet", augment=HorizontalFlip()).fit(X, y))
    assert flat.n_features_in_ == 2352


def test_float64_is_computed_in_float64():
    X, y, _ = rows()
    model = quick(precision="float64").fit(X.astype(np.float64), y)
    assert model.network_.head.weight.dtype == torch.float64
    assert model.decision_function(X).dtype == np.float64


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_nearly_the_same(precision):
    X, y, _ = rows(120)
    full = quick(n_epochs=10).fit(X, y)
    mixed = quick(n_epochs=10, precision=precision).fit(X, y)
    assert mixed.network_.head.weight.dtype == torch.float32
    np.testing.assert_allclose(mixed.loss_curve_, full.loss_curve_, rtol=0.02)
    np.testing.assert_allclose(mixed.predict_proba(X), full.predict_proba(X), atol=0.03)


def test_mixed_precision_leaves_no_gradient_to_chance():
    """OneDNN may leave parts of them unwritten on the CPU: it is set aside, and comes back."""
    X, y, _ = rows()
    enabled = []

    def augment(x, generator):
        enabled.append(torch._C._get_mkldnn_enabled())
        return x

    before = torch._C._get_mkldnn_enabled()
    for precision in ("float32", "bf16", "fp16"):
        quick(precision=precision, n_epochs=1, augment=augment, batch_size=60).fit(X, y)
    assert enabled == [before, False, False]
    assert torch._C._get_mkldnn_enabled() == before


@pytest.mark.parametrize(
    ("optimizer", "reference"),
    [
        ({"optimizer": "sgd", "momentum": 0.9}, lambda p: torch.optim.SGD(p, 0.1, 0.9)),
        (
            {"optimizer": "adamw", "weight_decay": 0.1},
            lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1),
        ),
    ],
    ids=["sgd", "adamw"],
)
def test_optimizers_are_those_of_torch(optimizer, reference):
    X, y, _ = rows()
    network = MLP(6, 3)
    model = quick(network=network, batch_size=60, learning_rate=0.1, **optimizer).fit(X, y)
    theirs = reference(network.parameters())
    for _ in range(4):
        theirs.zero_grad()
        nn.functional.cross_entropy(network(torch.from_numpy(X)), torch.from_numpy(y)).backward()
        theirs.step()
    torch.testing.assert_close(model.network_.head.weight, network.head.weight)


# Random numbers


@pytest.mark.parametrize("network", ["STSTNet", "MLP"])
def test_fits_repeat_to_the_bit(network, pictures):
    X, y = pictures if network == "STSTNet" else rows()[:2]
    model = quick(network=network)
    expected = bits(model.fit(X, y))
    assert bits(model.fit(X, y)) == expected
    assert bits(clone(model).fit(X, y)) == expected
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    torch.manual_seed(7)
    assert bits(clone(model).fit(X, y)) == expected
    torch.set_num_threads(threads)
    assert bits(quick(network=network, random_state=1).fit(X, y)) != expected


@pytest.mark.slow
def test_workers_find_the_same_bits(pictures):
    X, y = pictures
    model = quick(network="STSTNet")
    expected = _fit(model, X, y)
    found = Parallel(n_jobs=2)(delayed(_fit)(clone(model), X, y) for _ in range(2))
    assert found == [expected, expected]


def _fit(model, X, y):
    return bits(model.fit(X, y))


def test_fits_in_threads_do_not_disturb_each_other(pictures):
    X, y = pictures
    expected = [_fit(quick(network="STSTNet", random_state=seed), X, y) for seed in range(3)]
    found = {}

    def work(seed):
        found[seed] = _fit(quick(network="STSTNet", random_state=seed), X, y)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(3)] == expected


@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_numbers_and_threads_are_left_alone(random_state, pictures):
    X, y = pictures
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads()  # noqa: NPY002
    quick(network="STSTNet", random_state=random_state, sampler="balanced").fit(X, y).predict(X)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.get_num_threads() == before[2]


def test_random_state_none_differs_each_time():
    X, y, _ = rows()
    assert _fit(quick(random_state=None), X, y) != _fit(quick(random_state=None), X, y)


# Roles of rows


def test_target_rows_are_left_out_without_an_adaptation():
    X, y, _ = rows()
    domain = np.where(np.arange(60) % 4 == 0, -1, 1)
    model = quick()
    assert not model.reads_target
    alone = bits(clone(model).fit(X[domain > 0], y[domain > 0]))
    X_other, hidden = X.copy(), y.astype(object)
    X_other[domain < 0] += 100
    hidden[domain < 0] = None
    assert bits(clone(model).fit(X_other, hidden, sample_domain=domain)) == alone


@pytest.mark.parametrize("adaptation", [None, DeepCORAL(), DANN()], ids=["none", "coral", "dann"])
def test_labels_of_target_rows_change_nothing(adaptation):
    X, y, groups = rows()
    domain = np.where(np.arange(60) % 4 == 0, -1, 1)
    model = quick(adaptation=adaptation, early_stopping=True)
    assert model.reads_target == (adaptation is not None)
    expected = bits(clone(model).fit(X, y, sample_domain=domain, groups=groups))
    poisoned, missing = y.copy(), y.astype(object)
    poisoned[domain < 0] = 17
    missing[domain < 0] = None
    for labels in (poisoned, missing):
        fitted = clone(model).fit(X, labels, sample_domain=domain, groups=groups)
        assert bits(fitted) == expected
        assert fitted.classes_.tolist() == [0, 1, 2]


def test_adaptation_moves_the_weights_and_clones():
    X, y, _ = rows()
    domain = np.where(np.arange(60) < 40, 0, -1)
    model = quick(adaptation=DeepCORAL(weight=10.0))
    X = X + 3 * (domain < 0)[:, None].astype(np.float32)
    adapted = clone(model).fit(X, y, sample_domain=domain)
    assert bits(adapted) != bits(quick().fit(X, y, sample_domain=domain))
    assert clone(model).get_params()["adaptation__weight"] == 10.0
    zero = clone(model).set_params(adaptation__weight=0.0)
    assert zero.adaptation.weight == 0.0
    assert model.adaptation.weight == 10.0


class Recorder(nn.Module):
    """Notes which rows it sees while training and otherwise; rows carry their number."""

    seen = []  # noqa: RUF012

    def __init__(self, n_classes):
        super().__init__()
        self.linear = nn.Linear(1, n_classes)

    def forward(self, x):
        Recorder.seen += [(self.training, int(row)) for row in x[:, 0].tolist()]
        return self.linear(x / 100)


def recorded(model, X, y, **fit):
    Recorder.seen = []
    model.fit(X, y, **fit)
    Recorder.seen, seen = [], Recorder.seen[1:]  # the first row is tried before the training
    return [i for training, i in seen if training], [i for training, i in seen if not training]


def numbered(n):
    return np.arange(n, dtype=np.float32)[:, None], np.arange(n) % 3


def test_early_stopping_sees_training_subjects_alone():
    X, y = numbered(60)
    groups = np.array([f"s{i}" for i in np.arange(60) // 6])
    domain = np.where(np.arange(60) < 48, 0, -1)
    model = quick(network=Recorder, early_stopping=True, n_epochs=3)
    trained, validated = recorded(model, X, y, sample_domain=domain, groups=groups)
    held = {i for i in range(48) if groups[i] in model.validation_groups_}
    assert set(validated) == held
    assert set(trained) == set(range(48)) - held
    assert 0.2 * 48 <= len(held) < 0.2 * 48 + 6
    assert sorted(trained) == sorted(list(set(trained)) * 3)


def test_early_stopping_keeps_the_best_weights():
    X, y, groups = rows(60)
    y = np.random.default_rng(0).permutation(y)  # nothing to learn, so that it over-fits
    model = quick(early_stopping=True, n_epochs=200, patience=3, learning_rate=0.02)
    model.fit(X, y, groups=groups)
    curve = model.validation_loss_curve_
    assert model.n_epochs_ == model.best_epoch_ + 3 < 200
    assert model.best_epoch_ == curve.argmin() + 1
    held = np.isin(groups, model.validation_groups_)
    shares = model.predict_proba(X[held])[np.arange(held.sum()), y[held]]
    assert np.isclose(-np.log(shares).mean(), curve.min(), rtol=1e-5)
    fixed = quick(n_epochs=5).fit(X, y)
    assert fixed.n_epochs_ == len(fixed.loss_curve_) == 5
    assert not hasattr(fixed, "best_epoch_")


@pytest.mark.filterwarnings("ignore:batch_size")
def test_early_stopping_never_takes_the_last_rows_of_a_class():
    X, y = numbered(12)
    groups = np.where(y == 2, 9, np.arange(12))  # all rows of one class are of one subject
    for seed in range(5):
        model = quick(network=Recorder, early_stopping=True, n_epochs=1, random_state=seed)
        recorded(model, X, y, groups=groups)
        assert 9 not in model.validation_groups_


@pytest.mark.parametrize("n", [32, 33, 34, 47, 48])
def test_every_row_comes_once_per_epoch_and_none_alone(n):
    X, y = numbered(n)
    sizes = []

    def note(x, generator):
        sizes.append(len(x))
        return x

    trained, _ = recorded(quick(network=Recorder, n_epochs=2, augment=note), X, y)
    assert sorted(trained) == sorted([*range(n)] * 2)
    assert trained[:n] != trained[n:]
    assert sum(sizes) == 2 * n
    assert min(sizes) > 1


def test_batch_normalisation_survives_a_single_row_left_over():
    X, y, _ = rows(33)
    network = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert np.isfinite(quick(network=network).fit(X, y).predict_proba(X)).all()


def test_balanced_sampler_draws_the_classes_alike():
    X, _ = numbered(100)
    y = np.repeat([0, 1, 2], [80, 15, 5])
    model = quick(network=Recorder, n_epochs=40, sampler="balanced")
    trained, _ = recorded(model, X, y)
    assert len(trained) == 4000
    # Four standard deviations of a share of one third in 4,000 draws are 0.03.
    np.testing.assert_allclose(np.bincount(y[trained]) / 4000, 1 / 3, atol=0.03)


@pytest.mark.filterwarnings("ignore:batch_size")
def test_source_and_target_come_in_balance():
    network = MLP(1, 3)
    seen = []

    class Pairs(DeepCORAL):
        def loss(self, source, target, progress, module=None):
            seen.append((len(source.labels), len(target.features), progress, target.labels))
            return super().loss(source, target, progress, module)

    X, y = numbered(50)
    domain = np.where(np.arange(50) < 10, 0, -1)
    quick(network=network, adaptation=Pairs(), n_epochs=2).fit(X, y, sample_domain=domain)
    assert [step[:2] for step in seen] == [(16, 16), (16, 16), (8, 8)] * 2
    np.testing.assert_allclose([step[2] for step in seen], np.arange(6) / 6)
    assert all(step[3] is None for step in seen)


# Class weights


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 4.0, 2: 0.0}])
def test_class_weights_are_those_of_the_weighted_mean(weights):
    X = rows(60)[0]
    y = np.repeat([0, 1, 2], [40, 15, 5])
    network = MLP(6, 3)
    model = quick(network=network, n_epochs=1, batch_size=60, class_weight=weights).fit(X, y)
    each = {0: 1 / 40, 1: 1 / 15, 2: 1 / 5} if weights == "balanced" else weights
    share = torch.tensor([each[i] for i in y.tolist()])
    losses = nn.functional.cross_entropy(
        network(torch.from_numpy(X)), torch.from_numpy(y), reduction="none"
    )
    expected = (losses * share).sum() / share.sum()
    assert np.isclose(model.loss_curve_[0], expected.item(), rtol=1e-5)


# Memory


class Small(nn.Module):
    """Runs out of memory beyond some rows, having moved its running mean and drawn numbers."""

    def __init__(self, n_classes, n_rows=5, dropout=0.0):
        super().__init__()
        self.n_rows = n_rows
        self.norm = nn.BatchNorm1d(6, momentum=0.5) if dropout else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(6, n_classes)

    def forward(self, x):
        x = self.dropout(self.norm(x))
        if len(x) > self.n_rows:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return self.linear(x)


def small(n_rows, **parameters):
    torch.manual_seed(3)
    return quick(network=Small(3, n_rows, **parameters), precision="float64")


@pytest.mark.filterwarnings("ignore:the GPU ran out")
def test_halved_batches_take_the_same_steps():
    X, y, _ = rows(61)  # odd batches too
    whole = small(10**6).fit(X, y)
    with pytest.warns(UserWarning, match="ran out of memory: from now on at most 4 rows") as caught:
        halved = small(5).fit(X, y)
    assert len(caught) == 2  # 16 rows to 8 to 4, once each
    assert str(caught[1].message).endswith(
        "the gradients of a batch's parts are added up, which is the same step"
    )
    np.testing.assert_allclose(halved.loss_curve_, whole.loss_curve_, rtol=1e-12)
    torch.testing.assert_close(halved.network_.linear.weight, whole.network_.linear.weight)
    with pytest.warns(UserWarning, match="the result is the same"):
        found = halved.predict_proba(X)
    np.testing.assert_allclose(found, whole.predict_proba(X), rtol=1e-9)


def test_what_halving_changes_is_said():
    X, y, _ = rows(32)
    with pytest.warns(
        UserWarning,
        match="except that batch normalisation sees the parts one by "
        "one and dropout draws other random numbers",
    ):
        model = small(8, dropout=0.5).fit(X, y)
    # Two batches of two parts in each of four epochs; failed tries leave no trace.
    assert model.network_.norm.num_batches_tracked == 16


@pytest.mark.filterwarnings("ignore:the GPU ran out")
def test_one_row_too_much_is_an_error():
    X, y, _ = rows()
    model = small(10**6)
    model.network.n_rows = 1  # enough for the row that is tried
    model.network.register_forward_pre_hook(_full_while_training)
    with (
        pytest.warns(UserWarning, match="at most 1 rows"),
        pytest.raises(RuntimeError, match="out"),
    ):
        model.fit(X, y)


def _full_while_training(module, args):
    if module.training:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")


# Checkpoints


RESUMED = """
    import os, signal, sys
    import torch
    from cdmer.nets.adaptation import DANN
    sys.path.insert(0, {folder!r})
    from test_classifier import resumable
    step, n_steps = torch.optim.Adam.step, 0
    def killed(self, *args, **kwargs):
        global n_steps
        n_steps += 1
        if n_steps == 14:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *args, **kwargs)
    torch.optim.Adam.step = killed
    resumable({path!r}, DANN())
"""


def resumable(path, adaptation):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 3, 28, 28)).astype(np.float32)
    domain = np.where(np.arange(40) < 30, 0, -1)
    model = NetClassifier(
        "STSTNet",
        n_epochs=9,
        batch_size=8,
        augment=HorizontalFlip(),
        sampler="balanced",
        early_stopping=True,
        checkpoint=path,
        checkpoint_every=2,
        adaptation=adaptation,
        random_state=5,
        progress=False,
    )
    return model.fit(X, np.arange(40) % 3, sample_domain=domain, groups=np.arange(40) // 5)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path):
    adaptation = DANN()
    expected = resumable(None, adaptation)
    path = tmp_path / "fit.safetensors"
    code = textwrap.dedent(RESUMED).format(folder=os.path.dirname(__file__), path=str(path))
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr
    done = epochs_in(path)
    assert 0 < done < 9
    resumed = resumable(path, adaptation)
    assert bits(resumed) == bits(expected)
    np.testing.assert_array_equal(resumed.validation_loss_curve_, expected.validation_loss_curve_)
    assert epochs_in(path) == expected.n_epochs_
    assert bits(resumable(path, adaptation)) == bits(expected)  # and again, from its end


def epochs_in(path):
    import json

    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["cdmer"])["content"]["epoch"]


def test_a_resumed_fit_does_not_begin_anew(tmp_path, monkeypatch):
    X, y, _ = rows()
    model = quick(checkpoint=tmp_path / "fit.safetensors", checkpoint_every=1)
    model.fit(X, y)
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: pytest.fail("trained again"))
    assert bits(clone(model).fit(X, y)) == bits(model)


def test_checkpoints_hold_no_pickle_and_nothing_unfinished(tmp_path):
    X, y, _ = rows()
    quick(checkpoint=tmp_path / "fit.safetensors").fit(X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["fit.safetensors"]
    content = (tmp_path / "fit.safetensors").read_bytes()
    assert content[8:9] == b"{"  # the length of the header, then JSON
    assert b"ctorch" not in content


def test_checkpoints_of_other_fits_are_refused(tmp_path):
    X, y, _ = rows()
    path = tmp_path / "fit.safetensors"
    quick(checkpoint=path).fit(X, y)
    others = [quick(random_state=1), quick(learning_rate=0.1), quick(network=MLP(6, 3))]
    for model in others:
        with pytest.raises(ValueError, match="checkpoint: .* belongs to a fit with other rows"):
            model.set_params(checkpoint=path).fit(X, y)
    for changed in ((X + 1, y), (X, y[::-1])):
        with pytest.raises(ValueError, match="belongs to a fit with other rows"):
            quick(checkpoint=path).fit(*changed)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"is no whole checkpoint of a fit .* remove it"):
        quick(checkpoint=path).fit(X, y)


def test_every_fit_has_its_own_file_in_a_folder(tmp_path):
    X, y, _ = rows()
    search = GridSearchCV(quick(checkpoint=tmp_path), {"learning_rate": [1e-3, 1e-2]}, cv=2)
    search.fit(X, y)
    assert len(list(tmp_path.iterdir())) == 5  # two settings in two folds, and the last fit


def test_a_checkpoint_asks_for_a_seed(tmp_path):
    X, y, _ = rows()
    with pytest.raises(ValueError, match="checkpoint: expected a random_state with it"):
        quick(random_state=None, checkpoint=tmp_path).fit(X, y)


# scikit-learn


def test_pickles_score_the_same(pictures):
    X, y = pictures
    model = quick(network="STSTNet").fit(X, y)
    read = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(read.predict_proba(X), model.predict_proba(X))
    assert bits(clone(model).fit(X, y)) == bits(model)


def test_batches_of_scores_do_not_matter(pictures):
    X, y = pictures
    model = quick(network="STSTNet").fit(X, y)
    expected = model.predict_proba(X)
    for batch_size in (1, 7, 100):
        found = model.set_params(batch_size=batch_size).predict_proba(X)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_warm_start_goes_on_from_the_weights():
    X, y, _ = rows()
    model = quick(warm_start=True, network=MLP(6, 3), batch_size=60).fit(X, y)
    first = model.loss_curve_[-1]
    weights = copy.deepcopy(model.network_)
    model.fit(X, y)
    assert model.loss_curve_[0] < first
    assert bits(quick(network=weights, batch_size=60).fit(X, y)) == bits(model)
    with pytest.raises(ValueError, match="warm_start: expected the classes of the last fit"):
        model.fit(X, y + 1)
    # Other settings would be left unread: the network is there already.
    with pytest.raises(ValueError, match="warm_start: expected the network of the last fit"):
        model.set_params(network="MLP").fit(X, y)
    sizes = [{"hidden_layer_sizes": (n,)} for n in (8, 8, 9)]
    model = quick(warm_start=True, network_params=sizes[0]).fit(X, y)
    model.set_params(network_params=sizes[1]).fit(X, y)
    with pytest.raises(ValueError, match=r"network_params=.*\(8,\)}, got .*\(9,\)}"):
        model.set_params(network_params=sizes[2]).fit(X, y)
    model.set_params(warm_start=False).fit(X, y)


def test_a_warm_start_takes_no_other_module_for_the_last():
    X, y, _ = rows()
    one, two = (nn.Sequential(nn.Linear(6, 3)) for _ in range(2))  # they read the same
    model = quick(warm_start=True, network=one).fit(X, y)
    pickle.loads(pickle.dumps(model)).fit(X, y)
    with pytest.raises(ValueError, match="warm_start: expected the network of the last fit"):
        model.set_params(network=two).fit(X, y)


@pytest.mark.parametrize("network", ["STSTNet", "MLP"])
def test_the_order_of_x_in_memory_changes_nothing(network):
    """Dropout draws in the order of memory."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 12, 12, 3)).transpose(0, 3, 1, 2)
    params = {"dropout": 0.4, "size": 12}
    if network == "MLP":
        del params["size"]
        X = np.asfortranarray(X.reshape(40, -1)[:, :9])
    y = np.arange(40) % 3
    assert not X.flags.c_contiguous
    fits = [
        quick(network=network, network_params=params, n_epochs=3).fit(given, y)
        for given in (X, np.ascontiguousarray(X), X.astype(np.float32))
    ]
    assert bits(fits[0]) == bits(fits[1]) == bits(fits[2])
    (together,) = fit_folds(clone(fits[0]), X, y, [np.arange(40)])
    np.testing.assert_allclose(
        together.predict_proba(X), fits[0].predict_proba(X), rtol=1e-3, atol=1e-5
    )


def test_features_come_as_frames_where_those_are_asked_for():
    X, y, _ = rows()
    pipe = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas").fit(X, y)
    assert pipe.transform(X).columns[-1] == "netclassifier63"
    assert not hasattr(quick(network=nn.Linear(6, 3)), "transform")


def test_pipelines_pass_domains_and_groups():
    X, y, groups = rows()
    pipe = make_pipeline(
        StandardScaler(), quick(early_stopping=True, network_params={"dropout": 0.2})
    )
    domain = {"netclassifier__sample_domain": np.where(np.arange(60) < 40, 0, -1)}
    pipe.fit(X, y, netclassifier__groups=groups, **domain)
    assert pipe.predict(X).shape == (60,)
    assert pipe[:-1].transform(X).shape == (60, 6)
    assert pipe.transform(X).shape == (60, 64)
    assert pipe.get_feature_names_out()[-1] == "netclassifier63"


def test_modules_without_features_are_no_transformers():
    X, y, _ = rows()
    model = quick(network=nn.Linear(6, 3)).fit(X, y)
    assert not hasattr(model, "transform")
    assert not hasattr(model, "embed")
    assert hasattr(NetClassifier(), "transform")


# Bad input


def test_small_sets_are_warned_of():
    X, y, _ = rows(12)
    with pytest.warns(UserWarning, match="12 training rows fill no batch of 16"):
        quick().fit(X, y)


def test_a_loss_that_is_no_number_says_where():
    X, y, _ = rows()
    X[:, 0] *= 1e30
    with pytest.raises(
        FloatingPointError,
        match=r"got (nan|inf) in batch \d of epoch \d with "
        r"learning_rate=100000.0",
    ):
        quick(optimizer="sgd", learning_rate=1e5).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"network": "STST"}, r"network: expected one of \['ATNet'.* got 'STST'"),
        ({"network": nn.Linear}, "constructor takes n_classes, got Linear"),
        ({"network": nn.Linear(6, 2)}, r"expected scores of shape \(n, 3\) .*got \(1, 2\)"),
        ({"network": 3}, "network: expected one of"),
        ({"network_params": {"width": 3}}, "network_params: expected parameters of MLP.*'width'"),
        ({"network_params": {"n_classes": 4}}, "which follows from y, got 'n_classes'"),
        ({"network": MLP(6), "network_params": {"dropout": 0.1}}, "is made already"),
        ({"network_params": 3}, "network_params: expected a dict or None, got 3"),
        ({"n_epochs": 0}, "n_epochs: expected a whole number >= 1, got 0"),
        ({"batch_size": 2.0}, "batch_size: expected a whole number"),
        ({"optimizer": "lbfgs"}, "optimizer: expected one of"),
        ({"learning_rate": 0}, "learning_rate: expected a finite number > 0"),
        ({"class_weight": "even"}, "class_weight: expected None"),
        ({"class_weight": {0: -1, 1: 1, 2: 1}}, "class_weight: expected numbers >= 0"),
        ({"class_weight": {7: 1}}, "class_weight: "),
        ({"sampler": "random"}, "sampler: expected one of"),
        ({"augment": 3}, "augment: expected a callable"),
        ({"early_stopping": True}, "groups: early stopping holds out whole subjects"),
        ({"device": "gpu"}, "device: expected"),
        ({"precision": "half"}, "precision: expected one of"),
        ({"adaptation": "DAN"}, "adaptation: expected a loss of cdmer.nets.adaptation"),
        ({"adaptation": DANN(), "network": nn.Linear(6, 3)}, "needs a network with embed"),
        ({"checkpoint": 3}, "checkpoint: expected a path or None"),
        ({"warm_start": 1}, "warm_start: expected True or False"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
def test_wrong_parameters(parameters, message):
    X, y, _ = rows()
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(X, y)


def test_wrong_shapes_say_what_makes_the_right_ones(pictures):
    X, y = pictures
    for wrong in (X[:, :2], X[..., :27], X.reshape(40, -1)[:, 1:]):
        with pytest.raises(ValueError, match=r"STSTNet expects .*\(3, 28, 28\).*FlowImages"):
            quick(network="STSTNet").fit(wrong, y)
    model = quick(network="STSTNet", n_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="STSTNet expects"):
        model.predict(X[:, :2])
    plain = quick(network=nn.Sequential(nn.Flatten(), nn.Linear(2352, 3)), n_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"X: expected rows of the shape that was fitted"):
        plain.predict(X[:, :2])


def test_subjects_that_cannot_be_spared():
    X, y, groups = rows()
    model = quick(early_stopping=True)
    with pytest.raises(ValueError, match=r"groups: expected shape \(60,\), .* got \(59,\)"):
        model.fit(X, y, groups=groups[1:])
    with pytest.raises(
        ValueError, match="groups: expected the subject of each source row, got None"
    ):
        model.fit(X, y, groups=[None, *map(str, groups[1:])])
    with pytest.raises(ValueError, match=r"groups: .* got 1 subject\(s\) of which none"):
        model.fit(X, y, groups=np.zeros(60))
    with pytest.raises(ValueError, match=r"got 3 subject\(s\) of which none can be spared"):
        model.fit(X, y, groups=y)


def test_a_missing_class_is_named_for_a_network_that_is_made():
    X, y, _ = rows()
    with pytest.raises(ValueError, match=r"the classes of y, \[0, 2\], got \(1, 3\)"):
        quick(network=MLP(6, 3)).fit(X[y != 1], y[y != 1])
    assert quick().fit(X[y != 1], y[y != 1]).predict_proba(X).shape == (60, 2)


def test_torch_absent_names_the_extra():
    code = """
        import sys
        sys.modules["torch"] = None
        try:
            import cdmer.nets
        except ImportError as error:
            print(error)
    """
    outcome = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert outcome.stdout.strip() == 'torch is missing: pip install "cdmer[deep]"'


def test_mlp_is_a_network_by_name():
    assert NETWORKS["MLP"] is MLP
    X, y, _ = rows()
    model = quick(network_params={"hidden_layer_sizes": (5, 4)}).fit(X, y)
    assert model.embed(X).shape == (60, 4)


class Scaled(nn.Module):
    """A parameter that acts in `forward` alone, which the module's text does not show."""

    def __init__(self, n_classes, n_inputs, scale=1.0):
        super().__init__()
        self.scale, self.scores = scale, nn.Linear(n_inputs, n_classes)

    def forward(self, x):
        return self.scores(self.scale * x)


class Particular(Scaled):
    """A module that says in its own way what it wants."""

    def forward(self, x):
        if x.shape[1] != 7:
            raise AssertionError
        return super().forward(x[:, :, 0])


def test_a_module_that_fails_in_its_own_way_is_named():
    X, y, _ = rows(n_features=7)
    with pytest.raises(ValueError, match=r"X: Particular does not take .*\(7,\): too many indices"):
        quick(network=Particular).fit(X, y)
    X, y, _ = rows()
    with pytest.raises(ValueError, match=r"does not take rows of shape \(6,\): AssertionError"):
        quick(network=Particular).fit(X, y)


def double(x, generator):
    return 2 * x


def test_a_checkpoint_knows_what_networks_do_not_show(tmp_path):
    X, y, _ = rows()
    path = tmp_path / "fit.safetensors"
    quick(network=Scaled, network_params={"scale": 1.0}, checkpoint=path).fit(X, y)
    with pytest.raises(ValueError, match="belongs to a fit with other rows, parameters"):
        quick(network=Scaled, network_params={"scale": 50.0}, checkpoint=path).fit(X, y)


def test_a_checkpoint_takes_functions_that_can_be_identified(tmp_path):
    X, y, _ = rows()
    fit = quick(checkpoint=tmp_path, augment=double).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    assert bits(clone(fit).fit(X, y)) == bits(fit)
    for augment in (lambda x, g: x, functools.partial(double), lambda x, g=1: x):
        with pytest.raises(ValueError, match=r"checkpoint: .*(function at the top|be identified)"):
            quick(checkpoint=tmp_path, augment=augment).fit(X, y)


STRENGTH = 0.1
FUNCTIONS = """
def with_lambda(x, generator):
    twice = lambda z: z + z
    return twice(x)

def with_set(x, generator):
    return x if len(x) in {"a", "b", "c", "d"} else 2 * x

def calls_another(x, generator):
    return with_set(x, generator) + SHIFT

SHIFT = 1.0
"""


def noisy(x, generator):
    return x + STRENGTH * torch.randn(x.shape, generator=generator)


def test_a_checkpoint_knows_what_a_function_reads(tmp_path, monkeypatch):
    X, y, _ = rows()
    path = tmp_path / "fit.safetensors"
    quick(checkpoint=path, augment=noisy).fit(X, y)
    quick(checkpoint=path, augment=noisy).fit(X, y)
    monkeypatch.setattr(sys.modules[__name__], "STRENGTH", 10.0)
    with pytest.raises(ValueError, match="belongs to a fit with other rows, parameters"):
        quick(checkpoint=path, augment=noisy).fit(X, y)
    with open(os.devnull) as file:
        monkeypatch.setattr(sys.modules[__name__], "STRENGTH", file)
        with pytest.raises(ValueError, match="checkpoint: another process must identify augment"):
            quick(checkpoint=path, augment=noisy).fit(X, y)


def test_a_function_is_the_same_in_another_process(tmp_path):
    """Its code holds addresses, and sets in an order of their own."""
    module, told = tmp_path / "some_augmentations.py", []
    code = """
import some_augmentations as functions
from cdmer._functions import identify_function
print(*map(identify_function, (functions.with_lambda, functions.with_set, functions.calls_another)))
"""
    for seed, shift in (("1", "1.0"), ("2", "1.0"), ("3", "2.0")):
        module.write_text(FUNCTIONS.replace("SHIFT = 1.0", f"SHIFT = {shift}"))
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": seed}
        told.append(
            subprocess.check_output([sys.executable, "-B", "-c", code], env=environment, text=True)
        )
    assert told[0] == told[1]
    first, changed = told[0].split(), told[2].split()
    assert (len(set(first)), first[:2], first[2] != changed[2]) == (3, changed[:2], True)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("network", ["MLP", "STSTNet"])
def test_weights_that_the_last_step_spoils_are_noticed(network, together):
    """No loss is computed after it."""
    X, y, _ = rows()
    params = {"network_params": {"size": 6}} if network == "STSTNet" else {}
    X = np.resize(X, (60, 108)) if network == "STSTNet" else X
    model = quick(network=network, n_epochs=1, batch_size=60, learning_rate=1e20, **params)
    message = r"scores: expected finite numbers, .* epoch 1 with learning_rate=1e\+20"
    with pytest.raises(FloatingPointError, match=message):
        fit_folds(model, X, y, [np.arange(60)]) if together else model.fit(X, y)


def test_a_validation_loss_that_is_no_number_is_no_best():
    X, y, groups = rows()
    model = quick(early_stopping=True, n_epochs=3, batch_size=60, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="loss: expected a finite number, got nan"):
        model.fit(X, y, groups=groups)


def test_classes_in_place_of_what_they_make_are_named():
    X, y, _ = rows()
    for parameters in ({"adaptation": DANN}, {"augment": HorizontalFlip}):
        with pytest.raises(ValueError, match=f"{[*parameters][0]}: expected .* with its brackets"):
            quick(**parameters).fit(X, y)
    wrong = nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv1d(3, 2, 3), nn.Flatten())
    with pytest.raises(ValueError, match=r"X: Sequential does not take rows of shape \(6,\)"):
        quick(network=wrong).fit(X, y)
