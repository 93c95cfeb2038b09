"""Time of TGSR per setting: the path solver against one setting at a time.

Prints a markdown table. Needs the published features: `cdmer fetch casme2 smic-vis`, or CDMER_DATA.
"""

import argparse
import datetime
import os
import platform
import time
from pathlib import Path

import h5py
import numpy as np
from scipy.io import loadmat
from threadpoolctl import threadpool_limits

from cdmer.adaptation import iter_tgsr_path
from cdmer.corpora import load_published_features
from cdmer.evaluation import tgsr_grid

N_GROUPS, N_CLASSES = 85, 3


def plain_alm(X_source, codes, X_target, n_selected, mmd_weight, tol=1e-8):
    """TGSR as its paper and its authors' code solve it: full matrices, one setting.

    The d × d system of the paper is solved in the rows' span by an eigendecomposition made once, as
    the authors' code does; each iteration then costs two products with the d × (n + 1) matrix Y.
    """
    delta = X_source.mean(axis=0) - X_target.mean(axis=0)
    Y = np.column_stack([X_source.T, np.sqrt(mmd_weight) * delta])
    L = np.zeros((Y.shape[1], N_CLASSES))
    L[np.arange(len(codes)), codes] = 1
    values, vectors = np.linalg.eigh(Y.T @ Y)
    correlation = 2 * Y @ L
    B, T, mu = np.ones_like(correlation), np.zeros_like(correlation), 1e-3
    for iteration in range(1, 1000):
        F = B + (correlation - T) / mu
        P = F - Y @ (vectors @ ((vectors.T @ (Y.T @ F)) / (mu / 2 + values)[:, None]))
        W = P + T / mu
        by_group = W.reshape(N_GROUPS, -1)
        norms = np.linalg.norm(by_group, axis=1)
        threshold = 0.0 if n_selected == N_GROUPS else np.sort(norms)[::-1][n_selected]
        factors = np.maximum(norms - threshold, 0) / norms
        B = (by_group * factors[:, None]).reshape(W.shape)
        if np.abs(P - B).max() < tol:
            break
        T += mu * (P - B)
        mu = min(1e15, 1.1 * mu)
    return B, iteration


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="casme2")
    parser.add_argument("--target", default="smic-vis")
    parser.add_argument("--settings", type=int, default=512, help="random settings for the path")
    parser.add_argument(
        "--plain", type=int, default=24, help="of these, how many for the plain one"
    )
    parser.add_argument("--threads", type=int, default=1, help="for both solvers")
    parser.add_argument("--full", action="store_true", help="also time all 23,460 settings")
    parser.add_argument(
        "--device", default="cpu", help="of the path solver: cpu, or cuda with torch"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    source, target = (load_published_features(n) for n in (arguments.source, arguments.target))
    X = np.concatenate([source.features, target.features])
    y = np.concatenate([source.labels, np.full(len(target.labels), -1)])
    domain = np.repeat([1, -2], [len(source.labels), len(target.labels)])
    grid = np.column_stack(tgsr_grid(full=True))
    rng = np.random.default_rng(arguments.seed)
    chosen = grid[rng.choice(len(grid), size=arguments.settings, replace=False)]

    def path(settings):
        rows, synchronize = X, lambda: None
        if arguments.device != "cpu":
            import torch

            rows = torch.from_numpy(X).to(arguments.device)
            synchronize = torch.cuda.synchronize
            synchronize()
        started = time.perf_counter()
        predicted = np.empty((len(settings), len(target.labels)), dtype=int)
        n_iters = np.empty(len(settings), dtype=int)
        batches = iter_tgsr_path(
            rows,
            y,
            sample_domain=domain,
            n_selected=settings[:, 0].astype(int),
            mmd_weight=settings[:, 1],
            groups=N_GROUPS,
            n_jobs=arguments.threads,
        )
        for batch, coefs, n_iter in batches:
            scores = rows[len(source.labels) :] @ coefs
            scores = scores if arguments.device == "cpu" else scores.cpu().numpy()
            predicted[batch], n_iters[batch] = scores.argmax(axis=2), n_iter
        synchronize()
        return time.perf_counter() - started, predicted, n_iters

    if arguments.device != "cpu":
        path(chosen[:8])  # load the device's libraries outside the clock
    seconds, predicted, n_iters = path(chosen)
    sample = rng.choice(len(chosen), size=min(arguments.plain, len(chosen)), replace=False)
    plain_seconds, differ = [], 0
    with threadpool_limits(arguments.threads, user_api="blas"):
        for i in sample:
            started = time.perf_counter()
            B, iteration = plain_alm(
                source.features, source.labels, target.features, int(chosen[i, 0]), chosen[i, 1]
            )
            plain_seconds.append(time.perf_counter() - started)
            same = np.array_equal((target.features @ B).argmax(axis=1), predicted[i])
            differ += not (same and iteration == n_iters[i])
    # The sample's settings need another number of iterations than all: compare per iteration too.
    per_setting = seconds / len(chosen)
    plain = float(np.mean(plain_seconds))
    print(
        f"{arguments.source} → {arguments.target}, {len(source.labels)} source rows × "
        f"{X.shape[1]} columns, {N_GROUPS} groups; {arguments.threads} thread(s), path on "
        f"{arguments.device}; {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, {datetime.date.today()}\n"
    )
    print("| solver | settings | ms per setting | ms per iteration | ratio |")
    print("|---|---:|---:|---:|---:|")
    plain_iteration = 1e3 * sum(plain_seconds) / n_iters[sample].sum()
    path_iteration = 1e3 * seconds / n_iters.sum()
    print(
        f"| plain ALM, one at a time | {len(sample)} | {1e3 * plain:.1f} | "
        f"{plain_iteration:.2f} | 1 |"
    )
    print(
        f"| path solver | {len(chosen)} | {1e3 * per_setting:.1f} | {path_iteration:.3f} | "
        f"{plain / per_setting:.1f} |"
    )
    print(f"\nSettings of the sample whose predictions or iterations differ: {differ}")
    if arguments.full:
        seconds, predicted, _ = path(grid)
        print(f"Full sweep of {len(grid)} settings: {seconds:.1f} s")
        accuracy = (predicted == target.labels).mean(axis=1)
        print(compare_with_recorded(arguments.source, arguments.target, grid, accuracy))


def compare_with_recorded(source, target, grid, accuracy):
    """Compare accuracies of the whole grid with the authors' recorded sweep, if it is at hand."""
    codes = [name.upper().replace("-", "_") for name in (source, target)]
    name = f"Acc_record_3class_{codes[0]}_{codes[1]}_feature_LBPTOP_R3P8.mat"
    path = Path(os.environ.get("CDMER_DATA", ".")) / "recorded" / name
    if not path.exists():
        return f"Not compared with the authors' sweep: there is no {path}"
    if h5py.is_hdf5(path):
        with h5py.File(path) as data:
            recorded = data["Acc"][()].T
    else:
        recorded = loadmat(path)["Acc"]
    np.testing.assert_allclose(recorded[:, :2], grid, rtol=1e-9)
    differ = int((np.abs(recorded[:, 2] - accuracy) > 1e-4).sum())
    return f"Rows of the authors' recorded sweep: {len(recorded)}, mismatches: {differ}"


if __name__ == "__main__":
    main()
