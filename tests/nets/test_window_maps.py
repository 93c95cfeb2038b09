"""The kernels for GPUs, run one element after the other by Triton's interpreter on the CPU.

Triton decides when it is imported whether it interprets: another process does the work.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("triton", reason="needs Triton, which comes with torch's builds for GPUs")

PRELUDE = """
import numpy as np, pytest, torch
from cdmer.nets import NetClassifier, STSTNet, fit_folds
from cdmer.nets._folds import ststnet as _stacked_ststnet
from cdmer.nets._folds.patch_maps import PatchMaps
from cdmer.nets._folds.window_maps import WindowMaps

cpu, rng, widths = torch.device("cpu"), np.random.default_rng(0), [3, 5, 8]
generators = [torch.Generator().manual_seed(seed) for seed in (5, 6, 7)]
torch.set_num_threads(1)  # the interpreter knows one kernel at a time
"""


# Runs each text that it is given, and says what went wrong or nothing.
LOOP = """
import json, sys, traceback
for line in sys.stdin:
    wrong = None
    try:
        exec(json.loads(line), {})
    except BaseException:
        wrong = traceback.format_exc()
    print(json.dumps(wrong), flush=True)
"""


@pytest.fixture(scope="module")
def interpret():
    """Run code after `PRELUDE`; one process for all tests, as torch takes seconds to load."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LOOP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TRITON_INTERPRET": "1"},
    )

    def run(code):
        process.stdin.write(json.dumps(PRELUDE + textwrap.dedent(code)) + "\n")
        process.stdin.flush()
        wrong = json.loads(process.stdout.readline())
        assert wrong is None, wrong

    yield run
    process.stdin.close()
    process.wait(timeout=60)


@pytest.mark.parametrize(("size", "n_channels"), [(6, 3), (26, 2)], ids=["odd windows", "tiles"])
def test_what_patch_maps_compute(interpret, size, n_channels):
    """Batches of three lengths; gamma of all signs."""
    interpret(f"""
        X = rng.normal(size=(7, {n_channels}, {size}, {size})).astype(np.float32)
        batches = [(rng.permutation(7)[:n], np.zeros(n, int), np.ones(n, np.float32))
                   for n in (5, 2, 3)]
        patches = PatchMaps(X, widths, 0.0, generators)
        windows = WindowMaps(X, widths, 0.0, generators, cpu)
        kernel = torch.from_numpy(rng.normal(size=(patches.n_taps, 3, 16)).astype(np.float32))
        sign = torch.from_numpy(rng.choice([-1.0, 1, 0], size=(3, 16)).astype(np.float32))
        expected, expected_sums = patches.forward(batches, kernel, sign)
        found, sums = windows.forward(batches, kernel, sign)
        slope = torch.from_numpy(rng.normal(size=expected[0].shape).astype(np.float32))
        slopes = torch.full_like(found[0], torch.nan)  # what fills up must not be read
        for i, part in enumerate(slope.split([5, 2, 3])):
            slopes[i, : len(part)] = part
        joined = torch.cat([found[:, i, :n] for i, n in enumerate((5, 2, 3))], dim=1)
        torch.testing.assert_close(joined, expected, rtol=1e-5, atol=1e-5)
        assert not found[:, 1, 2:].any()
        for ours, theirs in ((sums, expected_sums),
                             (windows.backward(slopes), patches.backward(slope))):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6 * theirs.abs().max())
    """)


def test_dropout_leaves_out_a_share_and_knows_no_other_fold(interpret):
    interpret("""
        X = np.ones((6, 3, 28, 28), np.float32)
        batches = [(np.arange(n), np.zeros(n, int), np.ones(n, np.float32)) for n in (6, 4, 2)]
        kernel, sign = torch.ones(28, 3, 16), torch.ones(3, 16)
        maps = WindowMaps(X, widths, 0.3, generators, cpu)
        first, second = (maps.forward(batches, kernel, sign)[0][1] for _ in range(2))
        share = [float(kept.sum() / (100 * 16 * 12)) for kept in (first, second)]
        assert all(abs(s - 0.7) < 4 * (0.21 / 19200) ** 0.5 for s in share), share
        assert (first != second).any() and (first[0, :4] != first[1, :4]).any()
        again = WindowMaps(X, widths, 0.3, generators[1:], cpu)
        kept = again.forward(batches[1:2] + batches[:1], kernel[:, 1:], sign[1:])[0][1]
        assert torch.equal(kept[0, :4], first[1, :4])
    """)


def test_trains_like_the_loop(interpret):
    interpret("""
        X, y = rng.normal(size=(12, 3, 6, 6)).astype(np.float32), np.arange(12) % 3
        folds = [np.arange(3, 12), np.r_[:7, 8:12], np.arange(9)]
        estimator = NetClassifier(
            "STSTNet", network_params={"size": 6, "dropout": 0.0}, n_epochs=2, batch_size=4,
            learning_rate=0.01, class_weight="balanced", random_state=0, device="cpu")
        expected = [NetClassifier(**estimator.get_params()).fit(X[f], y[f]) for f in folds]
        _stacked_ststnet._make_maps = WindowMaps
        for model, other in zip(fit_folds(estimator, X, y, folds), expected, strict=True):
            np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, rtol=1e-4)
            for name, tensor in model.network_.state_dict().items():
                torch.testing.assert_close(
                    tensor, other.network_.state_dict()[name], rtol=1e-4, atol=1e-4)
    """)
