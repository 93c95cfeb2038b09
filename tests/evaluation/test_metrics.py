"""Metrics, and the traps that published numbers fell into."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from cdmer.evaluation import class_f1, confusion, macro_f1, uar, uf1, war

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
