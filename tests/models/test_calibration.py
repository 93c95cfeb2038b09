"""Known temperatures are recovered; what is measured is what a sceptic computes by hand."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from cdmer.models import Calibration


def drawn(n, n_classes, slope=1.0, bias=0.0, seed=0, people=40):
    """Scores, and true classes that follow softmax(slope * scores + bias)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, (n, n_classes))
    chances = softmax(slope * scores + bias, axis=1)
    y = (chances.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return scores, y, rng.integers(0, people, n)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("slope", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_a_known_temperature_is_recovered(n_classes, slope, unit):
    scores, y, people = drawn(3000, n_classes, slope, people=5)
    found = Calibration.fit(scores * unit, y, people)
    assert found.bias == (0.0,) * n_classes
    assert_allclose(found.slope * unit, slope, rtol=0.15)
    assert found.calibration_error < 0.05
    assert found.log_loss < found.log_loss_prior


def test_known_biases_are_recovered():
    bias = np.array([0.8, -0.5, -0.3])
    scores, y, people = drawn(4000, 3, 0.5, bias, people=5)
    found = Calibration.fit(scores, y, people, biased=True)
    assert_allclose(found.slope, 0.5, rtol=0.1)
    assert_allclose(np.subtract(found.bias, np.mean(found.bias)), bias, atol=0.12)
    assert found.log_loss < Calibration.fit(scores, y, people).log_loss


def test_calibrated_probabilities_stay():
    scores, y, people = drawn(4000, 3, people=5)
    stated = softmax(scores, axis=1)
    found = Calibration.fit(stated, y, people, of_probabilities=True)
    assert_allclose(found.apply(stated), stated, atol=0.04)
    assert_allclose(found.log_loss, found.log_loss_before, atol=1e-3)


def test_measures_are_those_by_hand():
    """Two people: each calibrated by the other's clips alone."""
    scores, y, _ = drawn(60, 3, 2.0, seed=3)
    people = np.arange(60) % 2
    found = Calibration.fit(scores, y, people)
    left_out = np.empty((60, 3))
    for who in (0, 1):
        # The other's fit, doubled so that there are two people, has the same minimum.
        mine, others = people == who, people != who
        twice = np.tile(np.arange(2), others.sum())
        rows = np.repeat(np.flatnonzero(others), 2)
        grid = np.linspace(0, 20, 4001)
        counts = np.bincount(y[others], minlength=3)
        targets = np.full((len(rows), 3), 1.0) / (counts[y[rows]] + 3)[:, None]
        targets[np.arange(len(rows)), y[rows]] *= counts[y[rows]] + 1
        centred = scores - scores.mean(axis=1, keepdims=True)
        losses = [
            -(targets * np.log(softmax(a * centred[rows], axis=1))).sum() / len(twice) for a in grid
        ]
        left_out[mine] = softmax(grid[np.argmin(losses)] * scores[mine], axis=1)
    truth = np.eye(3)[y]
    assert_allclose(found.log_loss, -np.log(left_out[truth == 1]).mean(), rtol=1e-3)
    assert_allclose(found.brier, np.square(left_out - truth).sum(axis=1).mean(), rtol=1e-3)
    before = softmax(scores, axis=1)
    assert_allclose(found.log_loss_before, -np.log(before[truth == 1]).mean())
    error = 0
    most, right = left_out.max(axis=1), left_out.argmax(axis=1) == y
    for low in np.arange(10) / 10:
        inside = (most >= low) & (most < low + 0.1)
        error += abs((most[inside] - right[inside]).sum()) / 60
    assert_allclose(found.calibration_error, error, atol=2e-3)
    assert (found.n_clips, found.n_people) == (60, 2)


def test_the_order_of_rows_does_not_matter():
    scores, y, people = drawn(200, 3, 2.0)
    order = np.random.default_rng(1).permutation(200)
    one = Calibration.fit(scores, y, people)
    other = Calibration.fit(scores[order], y[order], people[order])
    assert_allclose(one.slope, other.slope, rtol=1e-5)
    assert_allclose(one.log_loss, other.log_loss, rtol=1e-5)


def test_a_handful_of_right_clips_is_no_certainty():
    scores = 5 * np.eye(3)[[0, 1, 2, 0, 1, 2]]
    found = Calibration.fit(scores, [0, 1, 2, 0, 1, 2], list("aabbcc"), biased=True)
    assert 0.5 < found.apply(scores).max() < 0.9


def test_scores_that_say_nothing_become_even_chances():
    rng = np.random.default_rng(0)
    scores, y = rng.normal(size=(300, 4)), np.arange(300) % 4
    wrong = Calibration.fit(-np.eye(4)[y], y, np.arange(300))
    assert wrong.slope == 0
    assert_allclose(wrong.apply(scores), 0.25)


def test_a_class_that_only_one_person_shows():
    scores, _, _ = drawn(30, 3)
    y = np.r_[np.zeros(14, int), np.ones(14, int), [2, 2]]
    people = np.r_[np.arange(28) % 4, [9, 9]]
    found = Calibration.fit(scores, y, people, biased=True)
    assert np.isfinite(found.log_loss)
    assert_allclose(found.apply(scores).sum(axis=1), 1)


def test_two_classes_are_a_sigmoid():
    d = np.linspace(-3, 3, 7)
    found = replace(Calibration.fit(*drawn(50, 2)), slope=1.7)
    scores = np.stack([-d / 2, d / 2], axis=1)
    assert_allclose(found.apply(scores)[:, 1], 1 / (1 + np.exp(-1.7 * d)))


def test_wrong_input_is_named():
    scores, y, people = drawn(20, 3)
    fit = Calibration.fit
    for arguments, message in [
        ((scores[:, 0], y, people), "scores: expected shape"),
        ((scores[:, :1], y, people), "scores: expected shape"),
        ((scores * np.nan, y, people), "scores: expected finite"),
        ((scores, y[:-1], people), "y: expected a whole number for each of 20"),
        ((scores, y + 1, people), "y: expected columns 0 to 2"),
        ((scores, y * 1.0, people), "y: expected a whole number"),
        ((scores, y, people[:-1]), "groups: expected the person of each"),
        ((scores, y, np.zeros(20)), "groups: expected clips of two people"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(*arguments)
    with pytest.raises(ValueError, match="expected probabilities"):
        fit(scores, y, people, of_probabilities=True)
    with pytest.raises(ValueError, match="one for each of 3 classes, got 2"):
        fit(scores, y, people).apply(scores[:, :2])
    for name, value in [("slope", -1.0), ("bias", (0.0,)), ("bias", (np.nan, 0.0)), ("brier", 3)]:
        with pytest.raises(ValueError, match=name):
            replace(fit(scores, y, people), **{name: value})
