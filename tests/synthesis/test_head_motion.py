"""Heads move as far as the documentation says, and as before where they hardly move."""

import command_line
import numpy as np
import pytest
from doubles import contents

from cdmer._faces.motion import draw_head
from cdmer.synthesis import ExpertUnits, WarpRenderer, synthesize

SECONDS = np.arange(0, 0.401, 0.05)


def pixels_moved(strength, n_heads=1500):
    """Mean distance over an oval face from its place at the start to that 0.4 s later."""
    x, y = np.meshgrid(*[np.linspace(-0.8, 0.8, 9)] * 2)
    face = (x + 1j * y)[(x / 0.6) ** 2 + (y / 0.8) ** 2 < 1]
    moved = []
    for seed in range(n_heads):
        right, down, turn = draw_head(SECONDS, np.random.default_rng(seed), strength)[[0, -1]].T
        places = np.exp(1j * turn)[:, None] * face + (right + 1j * down)[:, None]
        moved.append(56 * np.abs(places[1] - places[0]).mean())
    return np.quantile(moved, [0.5, 0.9])


@pytest.mark.parametrize(
    ("strength", "median", "one_in_ten"), [(1, 0.35, 0.64), (2, 1.4, 3.7), (4, 3.7, 11)]
)
def test_heads_move_as_far_as_is_said(strength, median, one_in_ten):
    assert pixels_moved(strength) == pytest.approx([median, one_in_ten], rel=0.12)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_quiet_heads_move_by_drift_and_tremor(strength):
    rng, other = np.random.default_rng(3), np.random.default_rng(3)
    head = draw_head(SECONDS, rng, strength)
    np.testing.assert_array_equal(head, strength * draw_head(SECONDS, other, 1.0))
    assert rng.random() == other.random()


def test_a_swing_starts_where_the_head_is():
    quiet, lively = (draw_head(SECONDS, np.random.default_rng(0), s) for s in (1.0, 5.0))
    np.testing.assert_allclose(lively[0], 5 * quiet[0])


def test_the_command_moves_heads(tmp_path):
    small = ["--identities", "2", "--size", "32", "-j", "1", "-q"]
    outcome = command_line.cdmer("synthesize", *small, "--head-motion", "4", "-o", tmp_path / "out")
    assert (outcome[0], outcome[2]) == (0, "")
    synthesize(
        tmp_path / "expected",
        identities=2,
        renderer=WarpRenderer(size=32, head_motion=4),
        sources={"expert": ExpertUnits()},
    )
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "much"])
def test_the_command_refuses_what_is_no_factor(value, tmp_path):
    code, _, errors = command_line.cdmer("synthesize", "--head-motion", value, "-o", tmp_path / "o")
    assert code in (1, 2)
    assert "head" in errors
    assert "motion" in errors
    assert not (tmp_path / "o").exists()
