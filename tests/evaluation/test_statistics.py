import importlib.util
from itertools import chain, combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, norm
from sklearn.metrics import balanced_accuracy_score, f1_score

from cdmer.evaluation import Results
from cdmer.evaluation._metrics.known import CLASS_METRICS
from cdmer.evaluation.statistics import (
    compare,
    comparisons,
    holm,
    intervals,
    plot_comparisons,
    plot_forest,
    plot_ranks,
    ranks,
)
from cdmer.evaluation.statistics._clusters import Pool, pools_of
from cdmer.evaluation.statistics._permutation import permutation_tests, random_exchanges
from cdmer.evaluation.statistics._pooled import Pooled
from cdmer.evaluation.statistics._resampling import (
    bootstrap_weights,
    degrees_of_freedom,
    difference_interval,
    jackknife_weights,
    strata_of,
)

CLASSES = ("negative", "positive", "surprise")
UNITS = ("AU1", "AU2", "AU4")
CORPORA = ("casme2", "smic-hs", "smic-vis", "smic-nir")


def row_of(source, target, method, seed, clip, person, experiment):
    return {
        "experiment": experiment,
        "kind": "",
        "source": source,
        "target": target,
        "fold": "all",
        "method": method,
        "selection": "oracle" if "oracle" in method else "fixed",
        "seed": seed,
        "clip": clip,
        "corpus": target,
        "subject": person.split("/")[-1],
        "person": person,
    }


def results_of(rows, classes=CLASSES):
    """Results of rows of predictions, columns of the types that the store gives."""
    frame = pd.DataFrame(rows)
    outcomes = ["absent", "present"] if "action_unit" in frame else list(classes)
    for column in frame.columns.drop("seed"):
        known = outcomes if column in ("y_true", "y_pred") else list(dict.fromkeys(frame[column]))
        frame[column] = pd.Categorical(frame[column], categories=known)
    return Results(frame, classes, "made up")


def made_up(
    methods=("A", "B"), n_experiments=1, n_people=6, n_clips=4, seeds=(-1,), known=True, units=False
):
    """Methods that are right ever more often; the cameras of SMIC have the same people."""
    rng = np.random.default_rng(0)
    rows = []
    pairs = [(s, t) for t, s in product(CORPORA, CORPORA) if s != t]
    pairs = pairs[2 : 2 + n_experiments]
    for number, (source, target) in enumerate(pairs, start=1):
        truth = np.random.default_rng(len(target)).choice(3, n_people * n_clips, p=[0.5, 0.3, 0.2])
        for (m, method), seed in product(enumerate(methods), seeds):
            hit = rng.random(len(truth)) < 0.4 + 0.5 * m / len(methods)
            guess = np.where(hit, truth, rng.integers(0, 3, len(truth)))
            for i, (y, g) in enumerate(zip(truth, guess, strict=True)):
                person = f"{target.split('-')[0]}/{i // n_clips}" if known else ""
                row = row_of(source, target, method, seed, f"{target}/{i}", person, str(number))
                if units:
                    rows += [
                        row
                        | {
                            "action_unit": u,
                            "y_true": ("absent", "present")[int(k == y)],
                            "y_pred": ("absent", "present")[int(k == g)],
                        }
                        for k, u in enumerate(UNITS)
                    ]
                else:
                    rows.append(row | {"y_true": CLASSES[y], "y_pred": CLASSES[g]})
    return results_of(rows, UNITS if units else CLASSES)


def macro_f1(frame):
    return f1_score(
        frame["y_true"], frame["y_pred"], labels=list(CLASSES), average="macro", zero_division=0
    )


# The bootstrap


def test_weights_equal_people_drawn_one_by_one():
    results = made_up(n_experiments=1)
    (pool,), n = pools_of(results, ["experiment"])
    weights = bootstrap_weights([np.arange(n)], n, 20, random_state=3)
    scores = pool.score("B", CLASS_METRICS["UF1"], weights)
    frame = results.predictions.query("method == 'B'")
    names = list(dict.fromkeys(frame["person"]))
    for weight, score in zip(weights, scores, strict=True):
        drawn = np.round(weight * (n - 1) / n).astype(int)
        assert drawn.sum() == n - 1
        parts = [
            frame[frame["person"] == p] for p, k in zip(names, drawn, strict=True) for _ in range(k)
        ]
        assert score == pytest.approx(macro_f1(pd.concat(parts)))


def test_jackknife_leaves_each_person_out_once():
    results = made_up()
    (pool,), n = pools_of(results, ["experiment"])
    scores = pool.score("A", CLASS_METRICS["UF1"], jackknife_weights([np.arange(n)], n))
    frame = results.predictions.query("method == 'A'")
    for person, score in zip(dict.fromkeys(frame["person"]), scores, strict=True):
        assert score == pytest.approx(macro_f1(frame[frame["person"] != person]))


def test_variance_of_a_mean_is_that_of_the_sample():
    values = np.random.default_rng(0).normal(size=12)
    weights = bootstrap_weights([np.arange(12)], 12, 200_000, random_state=0)
    assert (weights @ values / 12).var() == pytest.approx(values.var(ddof=1) / 12, rel=0.01)
    without = jackknife_weights([np.arange(12)], 12) @ values / 12
    assert 11 / 12 * ((without - without.mean()) ** 2).sum() == pytest.approx(
        values.var(ddof=1) / 12
    )


def test_interval_of_a_mean_is_student_s():
    # Values of two kinds, evenly: a kurtosis below the normal one costs no degree of freedom.
    values = np.array([0.0, 0.1] * 8)
    drawn = bootstrap_weights([np.arange(16)], 16, 100_000, random_state=0) @ values / 16
    without = jackknife_weights([np.arange(16)], 16) @ values / 16
    low, high = difference_interval(values.mean(), drawn, without, [16], 0.95)
    half = 2.1314 * values.std(ddof=1) / 4  # quantile of t with 15 degrees of freedom
    assert (low, high) == pytest.approx((0.05 - half, 0.05 + half), abs=2e-4)


def test_one_person_who_decides_costs_degrees_of_freedom():
    assert degrees_of_freedom(np.array([0.0, 1.0] * 8), [16]) == pytest.approx(15)
    assert degrees_of_freedom(np.array([0.0] * 15 + [1.0]), [16]) < 3
    # Two strata alike have twice as many; one without any spread adds nothing.
    assert degrees_of_freedom(np.array([0.0, 1.0] * 16), [16, 16]) == pytest.approx(30)
    assert degrees_of_freedom(np.array([0.0, 1.0] * 8 + [0.0] * 9), [16, 9]) == pytest.approx(15)


def test_strata_are_people_linked_through_pools():
    groups = [np.array(g) for g in ([0, 1], [4, 5], [1, 2], [5], [7])]
    found = sorted(s.tolist() for s in strata_of(groups))
    assert found == [[0, 1, 2], [4, 5], [7]]


def test_interval_of_the_mean_weighs_a_person_alike_everywhere():
    # Experiments 1 and 2 of exactly the same people and predictions: the mean is each of them.
    rows = made_up().predictions.astype(object)
    again = rows.assign(experiment="2", target="smic-vis")
    results = results_of(pd.concat([rows, again]).to_dict("records"))
    frame = intervals(results).set_index(["experiment", "method"])
    bounds = ["score", "low", "high"]
    mean, one = (frame.loc[(e, "A"), bounds].astype(float) for e in ("mean", "1"))
    np.testing.assert_allclose(mean, one, atol=5e-3)  # twice the clips in the logit's half clip
    assert frame.loc[("mean", "A"), "n_clusters"] == 6
    # Were they other people, the mean would be surer.
    others = again.assign(person=["other/" + p for p in again["person"]])
    apart = intervals(results_of(pd.concat([rows, others]).to_dict("records")))
    apart = apart.set_index(["experiment", "method"]).loc[("mean", "A")]
    assert apart["n_clusters"] == 12
    assert apart["high"] - apart["low"] < 0.85 * (one["high"] - one["low"])


def test_intervals_hold_every_score():
    results = made_up(("A", "B", "C, oracle"), n_experiments=4, seeds=(0, 1))
    frame = intervals(results)
    assert ((frame["low"] < frame["score"]) & (frame["score"] < frame["high"])).all()
    table = frame.pivot(index="experiment", columns="method", values="score")
    pd.testing.assert_frame_equal(
        table.loc[results.table().index, results.table().columns],
        results.table(),
        check_names=False,
        check_index_type=False,
        check_column_type=False,
    )
    # casme2 to three cameras that share their people, and one more target.
    means = frame[frame["experiment"] == "mean"]
    assert means["n_clusters"].tolist() == [12] * 3
    assert means["selection"].tolist() == ["fixed", "fixed", "oracle"]
    wide = intervals(results, level=0.99)
    assert (wide["high"] - wide["low"] > frame["high"] - frame["low"]).all()


@pytest.mark.parametrize(("by", "n"), [("experiment", 3), ("corpus", 2), ("all", 1)])
def test_what_is_pooled(by, n):
    results = made_up(("A",), n_experiments=2)
    frame = intervals(results, by=by, metric="UAR")
    assert len(frame) == n
    scores = frame["score"] if by != "experiment" else frame["score"][:-1]
    np.testing.assert_allclose(scores, results.scores(by=by)["UAR"])


def test_unknown_people_are_said_to_be_clips():
    frame = intervals(made_up(known=False))
    assert set(frame["cluster"]) == {"clip"}
    assert set(frame["n_clusters"]) == {24}
    assert set(intervals(made_up())["cluster"]) == {"person"}
    assert "clips taken as independent" in str(compare(made_up(known=False), "A", "B"))


def test_one_person_tells_nothing():
    results = made_up(n_people=1, n_clips=30)
    frame = intervals(results)
    assert frame["score"].notna().all()
    assert frame[["low", "high"]].isna().all(axis=None)
    found = compare(results, "A", "B")
    assert np.isnan([*found.interval, found.p_value]).all()
    assert found.n_clusters == 1


def test_a_perfect_score_does_not_break():
    rows = made_up(("A",)).predictions.astype(object)
    rows["y_pred"] = rows["y_true"]
    frame = intervals(results_of(rows.to_dict("records")))
    assert (frame[["score", "low", "high"]] <= 1).all(axis=None)
    assert (frame["score"] == 1).all()


def test_action_units():
    results = made_up(units=True, n_experiments=2, seeds=(0, 1))
    frame = intervals(results)
    assert set(frame["metric"]) == {"macro F1"}
    assert frame["n_clips"].tolist() == [24] * 4 + [48] * 2
    assert ((frame["low"] < frame["score"]) & (frame["score"] < frame["high"])).all()
    assert 0 < compare(results, "A", "B", "binary F1").p_value <= 1


# Permutations


def test_exact_p_value_equals_enumeration():
    results = made_up(n_experiments=2, n_people=2, n_clips=6)
    found = compare(results, "A", "B", "UAR")
    frame = results.predictions
    everybody = list(dict.fromkeys(frame["person"]))
    assert found.exact
    assert len(everybody) == 4

    def difference(exchanged, experiments):
        scores = []
        for experiment in experiments:
            part = frame[frame["experiment"] == experiment]
            moved = part["person"].isin(exchanged)
            a = part[(part["method"] == "A") ^ moved]
            b = part[(part["method"] == "B") ^ moved]
            scores.append([balanced_accuracy_score(x["y_true"], x["y_pred"]) for x in (a, b)])
        return np.subtract(*np.mean(scores, axis=0))

    for experiments, p_value in (
        (["1", "2"], found.p_value),
        (["1"], found.experiments["p_value"][0]),
        (["2"], found.experiments["p_value"][1]),
    ):
        subsets = chain.from_iterable(combinations(everybody, k) for k in range(5))
        values = np.abs([difference(s, experiments) for s in subsets])
        assert p_value == pytest.approx((values >= values[0] - 1e-9).mean())
    assert found.difference == pytest.approx(difference([], ["1", "2"]))


def test_random_permutations_approach_all():
    results = made_up(n_experiments=2, n_people=6, seeds=(0, 1))
    exact = compare(results, "A", "B")
    random = compare(results, "A", "B", n_permutations=1500)
    assert exact.exact
    assert not random.exact
    assert random.p_value == pytest.approx(exact.p_value, abs=0.02)


def test_random_p_values_equal_exchanges_one_by_one():
    # Methods with one, two and three seeds; all pairs share what they can, as `comparisons` does.
    rng = np.random.default_rng(0)
    seeds, n_people, metric = {"A": 1, "B": 2, "C": 3}, 16, CLASS_METRICS["UF1"]
    pools = [
        Pool(
            {},
            people,
            "person",
            {
                m: rng.integers(0, 4, size=(n, len(people), 3, 3)).astype(float)
                for m, n in seeds.items()
            },
        )
        for people in (np.arange(n_people), np.arange(4, 15))
    ]
    exchanges = random_exchanges(n_people, 700, 0)
    tests = [(some, a, b) for some in (pools, pools[1:]) for a, b in combinations(seeds, 2)]
    found = permutation_tests(tests, metric, exchanges)
    for (some, a, b), (p_value, exact) in zip(tests, found, strict=True):
        assert not exact
        values = []
        for column in exchanges.T.astype(bool):
            scores = []
            for pool in some:
                moved = column[pool.people][:, None, None]
                one, two = (np.repeat(pool.counts[m], 6 // seeds[m], axis=0) for m in (a, b))
                swapped = np.where(moved, two, one), np.where(moved, one, two)
                scores.append([metric(c.sum(axis=1)).mean() for c in swapped])
            values.append(abs(np.subtract(*np.mean(scores, axis=0))))
        assert p_value == np.mean(np.array(values) >= values[0] - 1e-9)


def test_many_pairs_take_more_permutations(monkeypatch):
    # 34 methods are 561 pairs: with 9999 permutations, none could differ at 5 %.
    asked = []

    def draw(n_everybody, n_permutations, random_state):
        asked.append(n_permutations)
        return random_exchanges(n_everybody, 1, random_state)

    monkeypatch.setattr("cdmer.evaluation.statistics._comparisons.random_exchanges", draw)
    for n_methods in (3, 34):
        results = made_up([f"m{i}" for i in range(n_methods)], n_people=3, n_clips=2)
        comparisons(results, n_resamples=2)
    assert asked == [9999, 561 * 50 - 1]


def test_exchanging_methods_changes_the_sign_alone():
    results = made_up(n_experiments=3, n_people=10)
    one, two = compare(results, "A", "B"), compare(results, "B", "A")
    assert one.difference == -two.difference
    assert one.p_value == two.p_value
    np.testing.assert_allclose(one.interval, [-x for x in two.interval[::-1]])


def test_methods_that_predict_alike_do_not_differ():
    rows = made_up(("A",), n_experiments=2).predictions.astype(object)
    found = compare(
        results_of(pd.concat([rows, rows.assign(method="B")]).to_dict("records")), "A", "B"
    )
    assert found.difference == 0
    assert found.interval == (0, 0)
    assert found.p_value == 1


def test_seeds_are_averaged():
    # A method without chance against itself run with three seeds.
    rows = made_up(("A",)).predictions.astype(object)
    copies = [rows.assign(method="B", seed=s) for s in range(3)]
    results = results_of(pd.concat([rows, *copies]).to_dict("records"))
    assert compare(results, "A", "B").p_value == 1
    seeds = made_up(seeds=(0, 1, 2))
    expected = seeds.scores().groupby("method", observed=True)["UF1"].mean()
    found = compare(seeds, "A", "B")
    assert found.difference == pytest.approx(expected["A"] - expected["B"])


def test_only_experiments_that_both_have_are_compared():
    rows = made_up(("A", "B", "C"), n_experiments=3).predictions
    no_c = ~((rows["experiment"] == "2") & (rows["method"] == "C"))
    # In the third experiment, B lacks a person, such as a fold that failed.
    no_b = ~((rows["experiment"] == "3") & (rows["method"] == "B") & (rows["subject"] == "0"))
    results = results_of(rows[no_c & no_b].astype(object).to_dict("records"))
    found = compare(results, "A", "B")
    assert found.left_out == ("3",)
    assert found.experiments["experiment"].tolist() == ["1", "2"]
    assert "left out, as not both have all its clips: 3" in str(found)
    assert comparisons(results)["n_experiments"].tolist() == [2, 2, 1]
    means = intervals(results).query("experiment == 'mean'").set_index("method")["score"]
    assert np.isnan(means["C"])
    assert np.isfinite(means["A"])
    assert ranks(results).left_out == ("2", "3")


def test_same_seed_same_numbers():
    results = made_up(n_experiments=2, n_people=20)
    pd.testing.assert_frame_equal(intervals(results), intervals(results))
    pd.testing.assert_frame_equal(comparisons(results), comparisons(results))
    assert not intervals(results).equals(intervals(results, random_state=1))
    shuffled = results.predictions.sample(frac=1, random_state=0)
    again = Results(shuffled, CLASSES, "made up")
    columns = ["difference", "p_value"]
    there, back = compare(results, "A", "B"), compare(again, "A", "B")
    for column in columns:
        assert getattr(there, column) == pytest.approx(getattr(back, column), abs=0.01)


# Many tests, and ranks


def test_holm_is_the_closure_of_bonferroni():
    rng = np.random.default_rng(0)
    for n in range(1, 7):
        p_values = rng.random(n) ** 3
        subsets = [s for k in range(1, n + 1) for s in combinations(range(n), k)]
        expected = [
            max(min(1, len(s) * p_values[list(s)].min()) for s in subsets if i in s)
            for i in range(n)
        ]
        np.testing.assert_allclose(holm(p_values), expected)


def test_holm_ignores_tests_not_made():
    np.testing.assert_allclose(holm([np.nan, 0.01, 0.04]), [np.nan, 0.02, 0.04])
    assert len(holm([])) == 0


# Demšar (2006), table 6: AUC of C4.5 with m and cf tuned inside, on 14 data sets. The paper prints
# 0.975 twice in the last row but one, and ranks the first of them above the other.
DEMSAR = """
0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.976 0.975
0.957 0.978 0.946 0.970
"""


def with_table(scores, methods):
    """Results that have this table of accuracies in thousandths, so that ranks are known."""
    rows, times = [], []
    for number, line in enumerate(scores, start=1):
        for method, score in zip(methods, line, strict=True):
            for guess, share in (("negative", score), ("positive", 1 - score)):
                row = row_of("s", "t", method, -1, f"{number}", "p/1", str(number))
                rows.append(row | {"y_true": "negative", "y_pred": guess})
                times.append(round(1000 * share))
    results = results_of(rows)
    many = results.predictions.iloc[np.repeat(np.arange(len(rows)), times)]
    return Results(many, CLASSES, "made up")


def test_ranks_of_demsar():
    scores = np.array(DEMSAR.split(), dtype=float).reshape(14, 4)
    methods = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
    found = ranks(with_table(scores, methods), "WAR")
    expected = {"C4.5+m+cf": 1.964, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert found.average.round(3).to_dict() == expected
    assert list(found.average.index) == list(expected)
    assert found.statistic == pytest.approx(9.28, abs=0.005)
    # F of 3 and 39 degrees of freedom is 3.69, beyond the critical 2.85.
    assert 0.01 < found.p_value < 0.05
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    # No two differ by 1.25, as the paper says of Nemenyi's test at 5 %; at 10 % the best differ
    # from C4.5 by more than 1.12.
    assert found.cliques == (tuple(expected),)
    loose = ranks(with_table(scores, methods), "WAR", alpha=0.10)
    assert loose.critical_difference == pytest.approx(1.12, abs=0.005)
    assert loose.cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


def test_friedman_equals_scipy_without_ties():
    scores = np.random.default_rng(0).permutation(900)[:30].reshape(6, 5) / 1000
    found = ranks(with_table(scores, list("abcde")), "WAR")
    assert found.statistic == pytest.approx(friedmanchisquare(*scores.T).statistic)


def test_critical_difference_of_two_methods_is_the_normal_one():
    found = ranks(with_table([[0.1, 0.2]] * 10, ["a", "b"]), "WAR")
    assert found.critical_difference == pytest.approx(norm.ppf(0.975) / np.sqrt(10))
    assert found.cliques == ()
    assert found.p_value == 0


# Simulation


def study():
    path = Path(__file__).parents[2] / "benchmarks" / "intervals_and_tests.py"
    spec = importlib.util.spec_from_file_location("intervals_and_tests", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# 400 runs have a standard error of 1.1 points; every share is given some three of them.


@pytest.mark.slow
@pytest.mark.parametrize("metric", list(CLASS_METRICS))
def test_intervals_cover(metric):
    below, above, _, plain = study().coverage(
        "fair", CLASS_METRICS[metric], 16, 400, n_resamples=400
    )
    assert 0.92 <= 1 - below - above <= 0.98
    assert plain < 1 - below - above


@pytest.mark.slow
def test_intervals_of_differences_cover():
    covered = study().coverage_of_differences(
        ["fair", "weak"], CLASS_METRICS["UF1"], 20, 400, n_experiments=2, n_resamples=400
    )
    assert 0.92 <= covered <= 0.98


@pytest.mark.slow
def test_tests_have_their_size():
    settings = {"n_permutations": 399, "n_experiments": 3}
    uf1 = CLASS_METRICS["UF1"]
    assert 0.02 <= study().rejections("fair", uf1, 20, 400, n_seeds=2, **settings) <= 0.08
    assert study().rejections("fair", uf1, 20, 200, n_methods=4, **settings) <= 0.07


# Figures

LONG = "A long name of a method with weights, label-free:deep-embedded"


@pytest.mark.parametrize("plot", [plot_forest, plot_ranks, plot_comparisons])
@pytest.mark.parametrize(("n_methods", "n_experiments"), [(2, 1), (5, 3), (25, 4)])
def test_figures_neither_clip_nor_overlap(plot, n_methods, n_experiments):
    methods = [f"M{i}" + ", oracle" * (i % 3 == 0) for i in range(n_methods - 1)] + [LONG]
    results = made_up(methods, n_experiments, n_people=3, n_clips=2)
    table = {
        plot_forest: lambda: intervals(results, n_resamples=50),
        plot_comparisons: lambda: comparisons(results, n_permutations=20, n_resamples=50),
        plot_ranks: lambda: ranks(results),
    }[plot]()
    ax = plot(table)
    figure = ax.figure
    figure.draw_without_rendering()
    assert figure.get_figwidth() == 4.4
    texts = [t for t in [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label] if t.get_text()]
    boxes = [t.get_window_extent() for t in texts]
    assert all(t.get_fontsize() >= 8 for t in texts)
    for box in boxes:
        assert box.x0 >= -0.5
        assert box.x1 <= figure.bbox.x1 + 0.5
        assert box.y0 >= -0.5
        assert box.y1 <= figure.bbox.y1 + 0.5
    labels = sorted((t.get_window_extent() for t in ax.get_yticklabels()), key=lambda b: b.y0)
    assert len(labels) >= n_methods
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(labels, labels[1:], strict=False))


def test_oracle_is_hollow_and_named():
    results = made_up(("A", "A, oracle"), n_experiments=2)
    for ax in (plot_forest(results), plot_ranks(results)):
        points = [x for x in ax.lines if x.get_marker() in ("o", "D") and len(x.get_xdata()) == 1]
        hollow = [x for x in points if x.get_markerfacecolor() == "white"]
        assert len(points) == 2 * len(hollow) > 0
        assert "A, oracle" in [t.get_text() for t in ax.get_yticklabels()]


def test_forest_draws_the_numbers():
    frame = intervals(made_up(("A",)))
    ax = plot_forest(frame)
    # The mean of one experiment is not repeated.
    (text,) = (t.get_text() for t in ax.texts if "[" in t.get_text())
    row = frame.iloc[0]
    assert text == f"{row['score']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def test_figures_draw_into_given_axes():
    from matplotlib.figure import Figure

    results = made_up(n_experiments=2)
    for plot in (plot_forest, plot_ranks, plot_comparisons):
        ax = Figure().subplots()
        assert plot(results, ax=ax) is ax


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: intervals(r, "F1"), r"metric: expected one of \['UF1', 'UAR', 'WAR'\], got"),
        (lambda r: intervals(r, level=95), "level: expected a finite number > 0 and < 1, got 95"),
        (lambda r: intervals(r, level=0), "level: expected a finite number > 0"),
        (lambda r: intervals(r, n_resamples=1.5), "n_resamples: expected a whole number >= 2"),
        (lambda r: intervals(r, by="fold"), "by: expected one of"),
        (lambda r: r.scores(["experiment"]), "by: expected one of"),
        (lambda r: ranks(r, ["UF1"]), r"metric: expected one of .*, got \['UF1'\]"),
        (lambda r: intervals(r, random_state=None), "random_state: expected a whole number"),
        (lambda r: compare(r, "A", "X"), r"b: expected one of \['A', 'B'\], got 'X'"),
        (lambda r: compare(r, "A", "A"), "b: expected another method than a, got 'A' for both"),
        (lambda r: compare(r, "A", "B", n_permutations=0), "n_permutations: expected a whole"),
        (lambda r: ranks(r, alpha=1), "alpha: expected a finite number > 0 and < 1, got 1"),
        (lambda r: holm([0.1, 1.2]), "p_values: expected numbers between 0 and 1, got 1.2"),
        (lambda r: holm(0.1), r"p_values: expected a 1-D array, got shape \(\)"),
        (lambda r: plot_forest(intervals(r)[:0]), "scores: got no rows"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(made_up())


@pytest.mark.parametrize("function", [intervals, ranks, comparisons])
def test_statistics_take_results(function):
    with pytest.raises(TypeError, match="results: expected Results, got DataFrame"):
        function(made_up().predictions)


def test_one_method_cannot_be_compared():
    results = made_up(("A",))
    for function, name in ((comparisons, "comparisons"), (ranks, "ranks")):
        with pytest.raises(ValueError, match=rf"{name}: expected two methods or more, got \['A'\]"):
            function(results)


def test_nothing_in_common_is_said():
    rows = made_up(n_experiments=2).predictions
    keep = (rows["experiment"] == "1") == (rows["method"] == "A")
    results = results_of(rows[keep].astype(object).to_dict("records"))
    with pytest.raises(ValueError, match="no experiment has both 'A' and 'B' on the same clips"):
        compare(results, "A", "B")
    with pytest.raises(ValueError, match="ranks: no experiment has all methods"):
        ranks(results)
    row = comparisons(results).iloc[0]
    assert row["n_experiments"] == 0
    assert np.isnan(row["p_holm"])


def test_no_predictions_are_refused():
    results = made_up()
    empty = Results(results.predictions[:0], CLASSES, "made up")
    with pytest.raises(ValueError, match="results: got no predictions"):
        intervals(empty)


def test_pooled_weights_are_shared_by_methods():
    # A method compared with itself under another name has no spread at all.
    counts = np.random.default_rng(0).integers(0, 3, size=(1, 8, 3, 3)).astype(float)
    pool = Pool({}, np.arange(8), "person", {"a": counts, "b": counts.copy()})
    pooled = Pooled([pool], CLASS_METRICS["UF1"], 8, 100, 0)
    assert pooled.difference_interval("a", "b", 0.95) == (0, 0, 0)
