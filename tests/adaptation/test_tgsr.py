import os
from pathlib import Path

import numpy as np
import pytest
from reference import dense_tgsr
from sklearn.exceptions import ConvergenceWarning

from cdmer.adaptation import TGSR, iter_tgsr_path, tgsr_path


def problem(n_source=20, n_target=15, d=24, n_classes=3, seed=0):
    """Interleaved source and target rows with a shifted target."""
    rng = np.random.default_rng(seed)
    n = n_source + n_target
    source = np.zeros(n, dtype=bool)
    source[rng.permutation(n)[:n_source]] = True
    y = rng.integers(0, n_classes, size=n)
    y[np.flatnonzero(source)[:n_classes]] = np.arange(n_classes)
    X = rng.normal(size=(n, d))
    X[:, : d // 3] += y[:, None]
    X[~source] += 0.4
    return X, y, np.where(source, 1, -2)


GROUPINGS = {
    "blocks of many columns": (40, 4),
    "blocks of few columns": (40, 20),
    "single columns": (24, None),
    "one group": (24, 1),
    "unequal, scattered": (40, np.random.default_rng(1).choice([3, 7, 11, 20], size=40)),
}


@pytest.mark.parametrize("grouping", GROUPINGS)
@pytest.mark.parametrize("n_source", [6, 30], ids=["n<d", "n~d"])
def test_equals_the_dense_method_iteration_for_iteration(grouping, n_source):
    d, groups = GROUPINGS[grouping]
    X, y, domain = problem(n_source=n_source, d=d)
    group_of = TGSR(groups=groups).fit(X, y, sample_domain=domain).groups_
    group_of = np.asarray(groups) if np.ndim(groups) else np.repeat(group_of, d // len(group_of))
    n_groups = len(np.unique(group_of))
    for kept in sorted({1, max(1, n_groups // 2), n_groups}):
        for weight in (0.0, 1e-3, 1.0, 1e3):
            model = TGSR(groups=groups, n_selected=kept, mmd_weight=weight)
            model.fit(X, y, sample_domain=domain)
            coef, n_iter = dense_tgsr(X, y, domain > 0, group_of, kept, weight)
            np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=1e-8)
            assert model.n_iter_ == n_iter
            np.testing.assert_array_equal(
                model.selected_groups_,
                [g for g in np.unique(group_of) if np.any(coef[group_of == g])],
            )


def test_more_rows_than_columns():
    X, y, domain = problem(n_source=60, n_target=10, d=8)
    model = TGSR(groups=4, n_selected=2, mmd_weight=0.5).fit(X, y, sample_domain=domain)
    coef, n_iter = dense_tgsr(X, y, domain > 0, np.repeat(np.arange(4), 2), 2, 0.5)
    np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=1e-8)
    assert model.n_iter_ == n_iter


def test_rank_deficient_rows():
    X, y, domain = problem(n_source=12, d=24)
    X[:, 5] = 0.0
    X[:, 6] = X[:, 7]
    rows = np.flatnonzero(domain > 0)
    X[rows[4]] = X[rows[3]]
    model = TGSR(groups=4, n_selected=2).fit(X, y, sample_domain=domain)
    coef, _ = dense_tgsr(X, y, domain > 0, np.repeat(np.arange(4), 6), 2, 1.0)
    np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=1e-8)


@pytest.mark.parametrize("groups", [4, None])
def test_groups_that_tie(groups):
    """Groups of equal norm: none is above the threshold, and B is zero for a while."""
    X, y, domain = problem(n_source=12, d=24)
    X = np.tile(X[:, :6], 4)
    X[:, 5] = 0
    group_of = np.repeat(np.arange(4), 6) if groups else np.arange(24)
    for kept in (1, 2):
        model = TGSR(groups=groups, n_selected=kept, max_iter=500).fit(X, y, sample_domain=domain)
        coef, n_iter = dense_tgsr(X, y, domain > 0, group_of, kept, 1.0, max_iter=500)
        np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=1e-8)
        assert model.n_iter_ == n_iter
        assert not model.selected_groups_.size


@pytest.mark.parametrize("scale", [0, -3, -6])
@pytest.mark.parametrize("kept", [1, 2, 3])
def test_rounding_decides_no_tie(kept, scale):
    """Four copies of a group and one that is better: it is kept, and no copy at any order."""
    X, y, domain = problem(n_source=30, n_target=20, d=200)
    copy = X[:, 100:] * np.logspace(scale, 0, 100)
    X = np.hstack([np.tile(copy, 4), X[:, :100] + 3 * y[:, None]])
    for order in (np.arange(50), np.random.default_rng(1).permutation(50)):
        model = TGSR(groups=5, n_selected=kept)
        model.fit(X[order], y[order], sample_domain=domain[order])
        np.testing.assert_array_equal(model.selected_groups_, [4])
        assert not model.coef_[:400].any()


@pytest.mark.parametrize("weight", [0.0, 2.0, 1e3, 1e6])
def test_keeping_all_groups_is_a_ridge_step_from_ones(weight):
    X, y, domain = problem()
    model = TGSR(groups=4, mmd_weight=weight).fit(X, y, sample_domain=domain)
    source = X[domain > 0]
    delta = source.mean(axis=0) - X[domain < 0].mean(axis=0)
    # By QR of the rows: a Hessian of such a weight has the square of their condition number.
    root = np.sqrt(1e-3 / 2)
    rows = np.vstack([source, np.sqrt(weight) * delta, root * np.eye(24)])
    goals = np.vstack([np.eye(3)[y[domain > 0]], np.zeros(3), root * np.ones((24, 3))])
    expected = np.linalg.lstsq(rows, goals, rcond=None)[0]
    np.testing.assert_allclose(model.coef_, expected, rtol=0, atol=1e-10)
    assert model.n_iter_ == 1


def test_discrepancy_weight_draws_mean_predictions_together():
    X, y, domain = problem(n_source=12, d=24)
    gaps = []
    for weight in (0.0, 1.0, 100.0):
        coef = TGSR(groups=4, n_selected=2, mmd_weight=weight).fit(X, y, sample_domain=domain).coef_
        delta = X[domain > 0].mean(axis=0) - X[domain < 0].mean(axis=0)
        gaps.append(np.linalg.norm(delta @ coef))
    assert gaps[0] > gaps[1] > gaps[2]


def test_path_equals_single_fits_in_any_order_and_for_any_n_jobs(monkeypatch):
    import cdmer.adaptation._regression.tgsr_solver as solver

    monkeypatch.setattr(solver, "CPU_BATCH", 5)
    monkeypatch.setattr(solver, "CPU_BATCH_LEAST", 5)
    X, y, domain = problem(d=40)
    rng = np.random.default_rng(0)
    kept, weights = rng.integers(1, 5, size=23), 10 ** rng.uniform(-3, 3, size=23)
    settings = {"sample_domain": domain, "n_selected": kept, "mmd_weight": weights, "groups": 4}
    coefs, n_iter = tgsr_path(X, y, **settings, return_n_iter=True)
    assert coefs.shape == (23, 40, 3)
    for i in range(23):
        model = TGSR(4, int(kept[i]), float(weights[i])).fit(X, y, sample_domain=domain)
        np.testing.assert_allclose(coefs[i], model.coef_, atol=1e-12)
        assert n_iter[i] == model.n_iter_
    np.testing.assert_array_equal(coefs, tgsr_path(X, y, **settings, n_jobs=2))
    seen = np.concatenate([batch for batch, _, _ in iter_tgsr_path(X, y, **settings)])
    np.testing.assert_array_equal(np.sort(seen), np.arange(23))


def test_torch_tensors_stay_torch_and_agree():
    torch = pytest.importorskip("torch")
    X, y, domain = problem(d=40)
    settings = {"sample_domain": domain, "n_selected": [1, 2, 4], "mmd_weight": [0.1, 1.0, 10.0]}
    for groups in (4, 20, None):
        expected = tgsr_path(X, y, **settings, groups=groups)
        coefs = tgsr_path(torch.from_numpy(X), y, **settings, groups=groups)
        assert isinstance(coefs, torch.Tensor)
        np.testing.assert_allclose(coefs.numpy(), expected, atol=1e-9)
    model = TGSR(4, 2).fit(torch.from_numpy(X), y, sample_domain=domain)
    assert isinstance(model.coef_, torch.Tensor)
    np.testing.assert_array_equal(
        model.predict(torch.from_numpy(X)), TGSR(4, 2).fit(X, y, sample_domain=domain).predict(X)
    )


def test_an_accelerators_layout_gives_the_same(monkeypatch):
    """One block and large batches, as on a GPU, here on the processor."""
    from cdmer.adaptation._regression.tgsr_solver import TGSRProblem

    X, y, domain = problem(d=40)
    settings = {"sample_domain": domain, "n_selected": [1, 2, 4], "mmd_weight": [0.1, 1.0, 10.0]}
    for groups in (4, 20, None):
        expected = tgsr_path(X, y, **settings, groups=groups)
        with monkeypatch.context() as patch:
            patch.setattr(TGSRProblem, "on_cpu", False)
            coefs = tgsr_path(X, y, **settings, groups=groups)
        np.testing.assert_allclose(coefs, expected, atol=1e-10)


@pytest.mark.gpu
def test_a_gpu_gives_the_same():
    torch = pytest.importorskip("torch")
    X, y, domain = problem(d=40)
    settings = {"sample_domain": domain, "n_selected": [1, 2, 4], "mmd_weight": [0.1, 1.0, 10.0]}
    for groups in (4, 20, None):
        expected = tgsr_path(X, y, **settings, groups=groups)
        coefs = tgsr_path(torch.from_numpy(X).cuda(), y, **settings, groups=groups)
        assert coefs.device.type == "cuda"
        np.testing.assert_allclose(coefs.cpu().numpy(), expected, atol=1e-9)


def test_solver_uses_standard_array_functions_alone():
    strict = pytest.importorskip("array_api_strict")
    X, y, domain = problem(d=40)
    for groups in (4, 20):
        settings = {"sample_domain": domain, "n_selected": [1, 2], "mmd_weight": [0.1, 1.0]}
        coefs = tgsr_path(strict.asarray(X), y, **settings, groups=groups)
        expected = tgsr_path(X, y, **settings, groups=groups)
        np.testing.assert_allclose(np.asarray(coefs), expected, atol=1e-9)


def test_two_classes_and_the_sign_of_the_decision():
    X, y, domain = problem(n_classes=2)
    model = TGSR(groups=4, n_selected=2).fit(X, np.array(["no", "yes"])[y], sample_domain=domain)
    scores = model.decision_function(X)
    assert scores.shape == (35,)
    np.testing.assert_allclose(scores, X @ (model.coef_[:, 1] - model.coef_[:, 0]))
    np.testing.assert_array_equal(model.predict(X) == "yes", scores > 0)


def test_warns_where_it_does_not_converge():
    X, y, domain = problem()
    with pytest.warns(ConvergenceWarning, match=r"max_iter=5.*max\|P - B\| = [0-9.]+"):
        TGSR(groups=4, n_selected=2, max_iter=5).fit(X, y, sample_domain=domain)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"groups": 5}, r"groups: .*divides the 24 columns.*got 5"),
        ({"groups": 0}, r"groups: .*got 0"),
        ({"groups": "regions"}, r"groups: .*got 'regions'"),
        ({"groups": [0, 1]}, r"groups: .*shape \(24,\), got shape \(2,\)"),
        ({"groups": 4, "n_selected": 5}, r"n_selected: .*groups \(4\), got 5"),
        ({"groups": 4, "n_selected": 0}, r"n_selected: .*got 0"),
        ({"groups": 4, "n_selected": 1.5}, r"n_selected: .*whole numbers"),
        ({"mmd_weight": -1.0}, r"mmd_weight: .*>= 0, got \[-1.0\]"),
        ({"mmd_weight": np.nan}, r"mmd_weight: .*finite"),
        ({"tol": 0}, r"tol: .*> 0, got 0"),
        ({"max_iter": 0}, r"max_iter: .*>= 1, got 0"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y, domain = problem()
    with pytest.raises(ValueError, match=message):
        TGSR(**parameters).fit(X, y, sample_domain=domain)


def test_path_refuses_lists_of_different_lengths():
    X, y, domain = problem()
    with pytest.raises(ValueError, match=r"mmd_weight: .*shape \(2,\), got \(1,\)"):
        tgsr_path(X, y, sample_domain=domain, n_selected=[1, 2], mmd_weight=[1.0])


RECORDED = {
    ("casme2", "smic-vis"): "CASME2_SMIC_VIS",
    ("smic-vis", "smic-nir"): "SMIC_VIS_SMIC_NIR",
    ("smic-nir", "casme2"): "SMIC_NIR_CASME2",
}


def load_recorded(code):
    """The authors' sweep: rows of (regions, lambda, accuracy, mean F1)."""
    import h5py
    from scipy.io import loadmat

    folder = Path(os.environ["CDMER_DATA"]) / "recorded"
    path = folder / f"Acc_record_3class_{code}_feature_LBPTOP_R3P8.mat"
    if not path.exists():
        pytest.skip(f"needs the authors' recorded sweep {path.name} in CDMER_DATA/recorded")
    if h5py.is_hdf5(path):
        with h5py.File(path) as data:
            return data["Acc"][()].T
    return loadmat(path)["Acc"]


@pytest.mark.slow
@pytest.mark.parametrize("pair", RECORDED, ids=lambda pair: "->".join(pair))
def test_reproduces_the_authors_recorded_sweeps(published, pair):
    from sklearn.metrics import f1_score

    source, target = published(pair[0]), published(pair[1])
    recorded = load_recorded(RECORDED[pair])
    assert recorded.shape == (23460, 4)
    rng = np.random.default_rng(20220821)
    last = len(recorded) - 1
    corners = [0, 275, last - 275, last]  # 1 and 85 regions, lambda 0.001 and 1000
    assert {tuple(recorded[c, :2]) for c in corners} == {
        (1, 0.001),
        (1, 1000),
        (85, 0.001),
        (85, 1000),
    }
    rows = recorded[np.unique([*corners, *rng.choice(len(recorded), size=500, replace=False)])]
    assert len(rows) >= 500

    X = np.vstack([source.features, target.features])
    y = np.concatenate([source.labels, np.full(len(target.labels), -1)])
    domain = np.repeat([1, -2], [len(source.labels), len(target.labels)])
    coefs = iter_tgsr_path(
        X,
        y,
        sample_domain=domain,
        n_selected=rows[:, 0].astype(int),
        mmd_weight=rows[:, 1],
        groups=85,
        n_jobs=2,
    )
    for settings, coef, _ in coefs:
        predicted = (target.features @ coef).argmax(axis=2)
        accuracy = (predicted == target.labels).mean(axis=1)
        np.testing.assert_allclose(accuracy, rows[settings, 2], atol=1e-4)
        m_f1 = [
            f1_score(target.labels, p, average="macro", labels=[0, 1, 2], zero_division=0)
            for p in predicted
        ]
        np.testing.assert_allclose(m_f1, rows[settings, 3], atol=1e-4)
