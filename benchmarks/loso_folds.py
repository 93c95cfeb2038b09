"""Time of leaving one subject out: all folds at once against one fold after the other.

Trains a network on random pictures of the size of the composite of the 2019 challenge, 442 from 68
subjects. Every line of the table is the same training of the same folds. The loop may be measured
on a sample of the folds, spread evenly, and of the epochs; its time is then scaled up to all of
them, and the table says so. Prints markdown.
"""

import argparse
import datetime
import os
import platform
import time

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import clone

from cdmer.nets import NetClassifier, fit_folds


def pictures(n, n_subjects, shape, seed):
    """Random pictures from 0 to 255, three classes, and folds of unequal sizes."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, size=(n, *shape)).astype(np.float32)
    subjects = np.r_[:n_subjects, rng.integers(0, n_subjects, n - n_subjects)]
    folds = [np.flatnonzero(subjects != subject) for subject in range(n_subjects)]
    return X, np.arange(n) % 3, folds


def fit(estimator, X, y, fold):
    """What the loop does in each fold."""
    return clone(estimator).fit(X[fold], y[fold])


def seconds(function, device):
    """Time of a call, and what it gives."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    started = time.perf_counter()
    result = function()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started, result


def difference(models, others):
    """Largest difference between the parameters of two lists of models."""
    return max(
        (ours - theirs).abs().max().item()
        for model, other in zip(models, others, strict=True)
        for ours, theirs in zip(
            model.network_.parameters(), other.network_.parameters(), strict=True
        )
    )


def measure(options, batch_size):
    """Lines of the table for one size of batches: what, seconds, and a remark."""
    X, y, folds = pictures(options.images, options.subjects, options.shape, options.seed)
    estimator = NetClassifier(
        options.network,
        n_epochs=options.epochs,
        batch_size=batch_size,
        learning_rate=5e-5,
        device=options.device,
        random_state=options.seed,
        progress=False,
    )
    n_folds, n_epochs = options.loop_folds or len(folds), options.loop_epochs or options.epochs
    places = np.linspace(0, len(folds) - 1, n_folds).astype(int)
    sample = clone(estimator).set_params(n_epochs=n_epochs)
    scale = len(folds) * options.epochs / (n_folds * n_epochs)
    remark = "" if scale == 1 else f"{n_folds} folds and {n_epochs} epochs, times {scale:.4g}"
    # What is done once per process is outside the clock.
    fit_folds(clone(estimator).set_params(n_epochs=1), X, y, folds[:2])
    fit(clone(estimator).set_params(n_epochs=1), X, y, folds[0])

    def one_process():
        return [fit(sample, X, y, folds[place]) for place in places]

    def processes():
        return parallel(delayed(fit)(sample, X, y, folds[place]) for place in places)

    loop, alone = seconds(one_process, options.device)
    lines = [("loop, one process", loop * scale, remark)]
    with Parallel(n_jobs=options.jobs) as parallel:
        parallel(
            delayed(fit)(clone(sample).set_params(n_epochs=1), X, y, folds[0])
            for _ in range(options.jobs)
        )
        lines.append(
            (
                f"loop, {options.jobs} processes",
                seconds(processes, options.device)[0] * scale,
                remark,
            )
        )
    all_at_once, models = seconds(lambda: fit_folds(estimator, X, y, folds), options.device)
    if n_epochs != options.epochs:
        models = fit_folds(sample, X, y, [folds[place] for place in places])
    else:
        models = [models[place] for place in places]
    remark = f"largest difference of a parameter {difference(models, alone):.1e}"
    return [*lines, ("all at once", all_at_once, remark)]


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="STSTNet")
    parser.add_argument("--shape", type=int, nargs="+", default=[3, 28, 28], help="of a picture")
    parser.add_argument("--images", type=int, default=442)
    parser.add_argument("--subjects", type=int, default=68)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256, 32])
    parser.add_argument("--loop-folds", type=int, help="measure the loop on so many folds alone")
    parser.add_argument("--loop-epochs", type=int, help="and on so many epochs")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the second loop")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    device = platform.processor() or platform.machine()
    if options.device.startswith("cuda"):
        device = torch.cuda.get_device_name(options.device)
    print(
        f"{options.network}, {options.images} pictures {' x '.join(map(str, options.shape))}, "
        f"{options.subjects} folds, {options.epochs} epochs; {device}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads of torch {torch.__version__}, "
        f"{datetime.date.today()}\n"
    )
    print("| batch | what | seconds | ratio | |")
    print("|---:|---|---:|---:|---|")
    for batch_size in options.batch_sizes:
        lines = measure(options, batch_size)
        for what, time_taken, remark in lines:
            print(
                f"| {batch_size} | {what} | {time_taken:.1f} | "
                f"{lines[0][1] / time_taken:.1f} | {remark} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
