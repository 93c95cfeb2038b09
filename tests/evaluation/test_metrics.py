"""Metrics, and the traps that published numbers fell into."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from cdmer.evaluation import Metric, Results, class_f1, confusion, macro_f1, uar, uf1, war
from cdmer.evaluation._metrics.known import ACTION_UNIT_METRICS, CLASS_METRICS

CLASSES = ["negative", "positive", "surprise"]


def draw(n=200, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.choice(CLASSES, size=n, p=[0.6, 0.25, 0.15])
    predicted = np.where(rng.random(n) < 0.6, true, rng.choice(CLASSES, size=n))
    return true, predicted


def test_by_hand():
    true = ["negative", "negative", "negative", "positive", "surprise"]
    predicted = ["negative", "negative", "positive", "positive", "negative"]
    np.testing.assert_array_equal(
        confusion(true, predicted, classes=CLASSES), [[2, 1, 0], [0, 1, 0], [1, 0, 0]]
    )
    np.testing.assert_allclose(class_f1(true, predicted, classes=CLASSES), [4 / 6, 2 / 3, 0.0])
    assert uf1(true, predicted, classes=CLASSES) == pytest.approx((2 / 3 + 2 / 3) / 3)
    assert uar(true, predicted, classes=CLASSES) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert war(true, predicted, classes=CLASSES) == pytest.approx(3 / 5)


def test_agree_with_scikit_learn_where_definitions_do():
    true, predicted = draw()
    keywords = {"labels": CLASSES, "average": "macro", "zero_division": 0}
    assert uf1(true, predicted, classes=CLASSES) == pytest.approx(
        sk.f1_score(true, predicted, **keywords)
    )
    assert uar(true, predicted, classes=CLASSES) == pytest.approx(
        sk.recall_score(true, predicted, **keywords)
    )
    assert war(true, predicted, classes=CLASSES) == sk.accuracy_score(true, predicted)
    assert macro_f1 is uf1


def test_pooling_is_not_the_mean_over_folds():
    """The same predictions under three ways of averaging: only the pooled one is UF1."""
    true, predicted = draw()
    folds = np.arange(200) // 4
    pooled = uf1(true, predicted, classes=CLASSES)
    fixed = [uf1(true[folds == f], predicted[folds == f], classes=CLASSES) for f in range(50)]
    present = [
        sk.f1_score(true[folds == f], predicted[folds == f], average="macro") for f in range(50)
    ]
    assert np.mean(fixed) < np.mean(present) < pooled
    order = np.random.default_rng(0).permutation(200)
    assert uf1(true[order], predicted[order], classes=CLASSES) == pooled


def test_uar_is_recall_not_precision():
    """A published UAR column is the mean precision."""
    true, predicted = draw()
    precision = sk.precision_score(true, predicted, average="macro")
    assert abs(uar(true, predicted, classes=CLASSES) - precision) > 0.01
    assert uar(predicted, true, classes=CLASSES) == pytest.approx(precision)


def test_uf1_is_not_the_harmonic_mean_of_macro_precision_and_recall():
    true, predicted = draw()
    p = sk.precision_score(true, predicted, average="macro")
    r = sk.recall_score(true, predicted, average="macro")
    assert abs(uf1(true, predicted, classes=CLASSES) - 2 * p * r / (p + r)) > 1e-4


def test_uf1_is_not_the_micro_f1():
    true, predicted = draw()
    micro = sk.f1_score(true, predicted, average="micro")
    assert micro == pytest.approx(war(true, predicted, classes=CLASSES))
    assert abs(uf1(true, predicted, classes=CLASSES) - micro) > 0.01


def test_absent_classes_count_as_zero_never_as_one():
    true, predicted = ["negative", "positive"], ["negative", "positive"]
    assert uf1(true, predicted, classes=CLASSES) == pytest.approx(2 / 3)
    assert uar(true, predicted, classes=CLASSES) == pytest.approx(2 / 3)
    assert uf1(true, predicted, classes=CLASSES[:2]) == 1.0


def test_classes_come_from_the_protocol_never_from_the_data():
    with pytest.raises(TypeError, match="classes"):
        uf1(["negative"], ["negative"])
    with pytest.raises(ValueError, match=r"y_pred: expected classes of .*got 'others'"):
        uf1(["negative"], ["others"], classes=CLASSES)


def test_codes_of_another_repository_do_not_pass_for_names():
    """0/1/2 mean different classes in different repositories; names do not."""
    with pytest.raises(ValueError, match="y_true: expected classes of"):
        uf1([0, 1, 2], CLASSES, classes=CLASSES)


def test_two_orders_of_the_same_clips_are_not_scored():
    """A perfect classifier gets 0.33 when predictions come in another order than labels."""
    true = pd.Series(CLASSES, index=["a", "b", "c"])
    assert uf1(true, true.copy(), classes=CLASSES) == 1.0
    with pytest.raises(ValueError, match="index differs"):
        uf1(true, true[["c", "a", "b"]], classes=CLASSES)


@pytest.mark.parametrize(
    ("arguments", "classes", "message"),
    [
        (([], []), CLASSES, "y_true: expected a list of classes"),
        ((CLASSES, CLASSES[:2]), CLASSES, "y_pred: expected 3 values as in y_true, got 2"),
        (([CLASSES], [CLASSES]), CLASSES, "y_true: expected a list of classes"),
        ((CLASSES, CLASSES), ["negative"], "classes: expected at least two distinct"),
        ((CLASSES, CLASSES), [*CLASSES, "negative"], "classes: expected at least two distinct"),
    ],
)
def test_bad_input_is_named(arguments, classes, message):
    with pytest.raises(ValueError, match=message):
        confusion(*arguments, classes=classes)


# Metrics as objects


def accuracy(counts):
    total = counts.sum(axis=(-1, -2))
    return np.trace(counts, axis1=-2, axis2=-1) / np.maximum(total, 1e-12)


def exact_share(counts):
    """Share of action units of clips that are right."""
    total = counts.sum(axis=(-1, -2, -3))
    return np.trace(counts, axis1=-2, axis2=-1).sum(axis=-1) / np.maximum(total, 1e-12)


def results(action_units=False, abstains=False):
    columns = ("experiment", "kind", "source", "target", "fold", "method", "selection", "clip")
    frame = pd.DataFrame(dict.fromkeys((*columns, "corpus", "subject", "person"), ["a"] * 6))
    classes = ["absent", "present"] if action_units else CLASSES
    frame["y_true"] = [classes[i % len(classes)] for i in range(6)]
    frame["y_pred"] = [None if abstains and not i else classes[i % 2] for i in range(6)]
    if action_units:
        frame["action_unit"] = pd.Categorical(["AU1", "AU2", "AU4"] * 2)
    for column in frame.columns.drop("action_unit", errors="ignore"):
        known = classes if column.startswith("y_") else ["a"]
        frame[column] = pd.Categorical(frame[column], categories=known)
    frame["seed"] = -1
    return Results(frame, ["AU1", "AU2", "AU4"] if action_units else CLASSES, "made up")


@pytest.mark.parametrize("metric", CLASS_METRICS.values(), ids=CLASS_METRICS)
@pytest.mark.parametrize("n_columns", [3, 4])
def test_metrics_of_classes_keep_what_a_metric_owes(metric, n_columns):
    assert not metric.action_units
    metric.check((3, n_columns))


@pytest.mark.parametrize("metric", ACTION_UNIT_METRICS.values(), ids=ACTION_UNIT_METRICS)
@pytest.mark.parametrize("n_columns", [2, 3])
def test_metrics_of_action_units_keep_what_a_metric_owes(metric, n_columns):
    assert metric.action_units
    metric.check((5, 2, n_columns))


def test_the_main_metrics_are_found_by_name():
    found = results()
    assert found.find_metric() is CLASS_METRICS["UF1"]
    assert found.find_metrics("WAR") == [CLASS_METRICS["WAR"]]
    assert found.find_metric(CLASS_METRICS["UAR"]) is CLASS_METRICS["UAR"]
    assert [m.name for m in found.find_metrics()] == found.metrics
    assert results(action_units=True).find_metric() is ACTION_UNIT_METRICS["macro F1"]


@pytest.mark.parametrize("abstains", [False, True])
def test_a_metric_of_one_s_own_is_scored(abstains):
    own = Metric("accuracy", accuracy, "the share of clips that are right")
    found = results(abstains=abstains).scores("all", metrics=[own, "WAR"])
    assert found["accuracy"].tolist() == found["WAR"].tolist()
    of_action_units = Metric("exact", exact_share, "right", action_units=True)
    frame = results(action_units=True, abstains=abstains)
    right = (frame.predictions["y_true"] == frame.predictions["y_pred"]).mean()
    assert frame.table(of_action_units).to_numpy() == pytest.approx(right)


def test_a_metric_cannot_change_the_counts_that_others_read():
    def spoil(counts):
        counts[...] = 1
        return accuracy(counts)

    with pytest.raises(ValueError, match=r"metric: expected 'spoils' .*read-only"):
        results().scores(metrics=[Metric("spoils", spoil, "something"), "UF1"])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda c: c.undefined, r"scores for counts of shape \(4, 1, 3, 3\), got AttributeError"),
        (lambda c: "good", "numbers, got <U4"),
        (lambda c: None, "numbers, got object"),
        (lambda c: c[..., 0, 0] > 0, "numbers, got bool"),
        (lambda c: 0.5, r"scores of shape \(4, 1\) for counts of shape \(4, 1, 3, 3\), got"),
        (lambda c: c.sum(axis=-1) / 1e9, r"scores of shape .*, got shape \(4, 1, 3\)"),
        (lambda c: np.full(c.shape[:-2], np.nan), "numbers between 0 and 1, .*, got nan"),
        (lambda c: np.full(c.shape[:-2], np.inf), "numbers between 0 and 1, .*, got inf"),
        (lambda c: accuracy(c) - 0.5, "numbers between 0 and 1, .*, got -"),
        (lambda c: 100 * accuracy(c), "numbers between 0 and 1, .*, got"),
        (
            lambda c: accuracy(c) * (c.ndim > 2),
            "a confusion matrix the same score alone and among",
        ),
    ],
)
def test_a_metric_that_fails_is_named(function, message):
    own = Metric("own", function, "something")
    for call in (results().table, results().to_markdown, results().find_metric):
        with pytest.raises(ValueError, match=f"^metric: expected 'own' to give {message}"):
            call(own)


def test_a_class_without_clips_has_a_score():
    def mean_recall(counts):
        with np.errstate(invalid="ignore"):
            recalls = np.diagonal(counts, axis1=-2, axis2=-1) / counts.sum(axis=-1)
        return recalls.mean(axis=-1)

    with pytest.raises(ValueError, match="also where a class has no clips, got nan"):
        results().table(Metric("own", mean_recall, "something"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("UF1", "expected a name that is not taken, got 'UF1', which is another metric"),
        ("n_clips", "expected a name that is not taken, got 'n_clips', which is a column"),
    ],
)
def test_a_name_that_is_taken_is_refused(name, message):
    own = Metric(name, accuracy, "something")
    for call in (results().table, results().to_latex, results().plot_forest, results().plot_ranks):
        with pytest.raises(ValueError, match=f"metric: {message}"):
            call(own)


def test_lists_of_metrics(tmp_path):
    own = Metric("own", accuracy, "something")
    with pytest.raises(ValueError, match="metrics: expected each name once, got 'own' twice"):
        results().scores(metrics=[own, own])
    with pytest.raises(ValueError, match="metrics: expected at least one, got none"):
        results().report(tmp_path / "report.html", metrics=[])
    with pytest.raises(TypeError, match=r"metric: expected one of .* or a Metric, got <function"):
        results().scores(metrics=accuracy)
    with pytest.raises(ValueError, match=r"metric: expected one of \['UF1', .*\], got 'F2'"):
        results().report(tmp_path / "report.html", metrics=["F2"])


def test_metrics_of_classes_are_not_of_action_units():
    own = Metric("own", accuracy, "something")
    with pytest.raises(ValueError, match="expected one of action units, got 'own' of classes"):
        results(action_units=True).table(own)
    own = Metric("own", exact_share, "something", action_units=True)
    with pytest.raises(ValueError, match="expected one of classes, got 'own' of action units"):
        results().table(own)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((None, accuracy, "x"), TypeError, "name: expected a str, got NoneType"),
        (("  ", accuracy, "x"), ValueError, "name: expected some text, got '  '"),
        (("own", "accuracy", "x"), TypeError, "function: expected a callable, got str"),
        (("own", accuracy, ""), ValueError, "meaning: expected some text, got ''"),
        (("own", accuracy, "x", 1), TypeError, "action_units: expected True or False, got 1"),
    ],
)
def test_a_metric_has_name_function_and_meaning(arguments, error, message):
    with pytest.raises(error, match=message):
        Metric(*arguments)
