"""What the losses of `cdmer.nets.adaptation` gain over a network trained on the source alone.

Two pairs of source and target. "turned": three classes in the plane; in the target the plane is
turned by 50 degrees and moved. "moving heads": synthetic faces before a webcam, held still in the
source; in the target other people move their heads, so that this motion lies over that of the
expression; small pictures of the flow. A perceptron is trained for a fixed number of epochs, and
its last weights are kept. Prints a markdown table: accuracy on the target, and how much more it is
than without adaptation, network by network of the same seed. Optionally writes the reports, with
all losses side by side.

All losses have their defaults, but for DeepCORAL, whose definition divides by 4 d², and which has
a weight of 100. No training reads a label of the target. The pairs, networks and sizes of pictures
were picked with an eye to the accuracy on these targets, though: what the tables show is that the
losses work, not what they gain elsewhere. MCC loses on moving heads.
"""

import argparse
import datetime
import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from cdmer.corpora import PRESETS, PublishedFeatures, get_scheme, make_synthetic_corpus
from cdmer.evaluation import CDMERPairs, Experiment, Method, benchmark
from cdmer.features import FlowImages
from cdmer.nets import NetClassifier
from cdmer.nets.adaptation import CDAN, DAN, DANN, MCC, DeepCORAL

SOURCE_ONLY = "source only"
LOSSES = {
    "DAN": (DAN(), "Long et al. 2015, arXiv:1502.02791"),
    "DeepCORAL": (DeepCORAL(weight=100), "Sun and Saenko 2016, arXiv:1607.01719"),
    "DANN": (DANN(), "Ganin et al. 2016, arXiv:1505.07818"),
    "CDAN": (CDAN(), "Long et al. 2018, arXiv:1705.10667"),
    "MCC": (MCC(), "Jin et al. 2020, arXiv:1912.03699"),
}


def make_turned(n_rows=150):
    """Make tables of two columns, the target's turned and moved; classes in equal shares."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 2 * n_rows)
    X = np.array([[2, 0], [0, 1.5], [-2, -0.5]])[y] + rng.normal(0, 0.35, (2 * n_rows, 2))
    angle = np.deg2rad(50)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    X[n_rows:] = X[n_rows:] @ turn + [1, -1]
    classes = get_scheme("cdmer-130").classes
    return [
        PublishedFeatures(X[rows], y[rows], classes, name)
        for name, rows in (("plain", slice(n_rows)), ("turned", slice(n_rows, None)))
    ]


def make_heads(n_clips):
    """Make corpora of still and of moving heads."""
    still = PRESETS["webcam-25fps"]
    moving = replace(still, head_motion=2.5)
    people = {"n_clips": n_clips, "n_subjects": max(3, n_clips // 6)}
    return [
        make_synthetic_corpus(setup, name=name, random_state=seed, **people)
        for seed, (name, setup) in enumerate({"still": still, "moving": moving}.items())
    ]


def make_methods(**network):
    """Name a network per loss, and one without; seeds are left to the benchmark."""
    network |= {"network": "MLP", "device": "cpu", "progress": False}
    methods = {SOURCE_ONLY: NetClassifier(**network)}
    for name, (loss, citation) in LOSSES.items():
        methods[name] = Method(NetClassifier(adaptation=loss, **network), citation=citation)
    return methods


def print_table(results):
    """Print accuracy and gain per method: means over seeds and their standard errors."""
    scores = results.scores().pivot(index="seed", columns="method", values="WAR")
    gains = scores.sub(scores[SOURCE_ONLY], axis=0)
    print("\n| method | accuracy, % | gain, points | gain of each seed | training, s |")
    print("|---|---|---|---|---|")
    seconds = results.jobs.groupby("method", observed=True)["fit_s"].median()
    for method in results.methods:
        cells = [_mean(scores[method]), "", ""]
        if method != SOURCE_ONLY:
            each = ", ".join(f"{100 * gain:+.1f}" for gain in gains[method])
            cells[1:] = [_mean(gains[method], "+"), each]
        print(f"| {method} | {' | '.join(cells)} | {seconds[method]:.2f} |")


def _mean(values, sign=""):
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{100 * values.mean():{sign}.1f} ± {100 * error:.1f}"


def run(name, corpora, methods, descriptor, options):
    """Run one pair, print its table, and write its report if asked to."""
    started = time.perf_counter()
    source, target = (getattr(c, "corpus", getattr(c, "name", None)) for c in corpora)
    results = benchmark(
        methods,
        corpora,
        CDMERPairs([Experiment(f"{source} → {target}", source, target)]),
        descriptor=descriptor,
        seeds=range(options.seeds),
        n_jobs=options.jobs,
        title=f"Deep adaptation: {name}",
        command=f"python benchmarks/deep_adaptation.py --clips {options.clips} "
        f"--epochs {options.epochs} --seeds {options.seeds}",
        progress=False,
    )
    print(f"\n{name}, {time.perf_counter() - started:.0f} s")
    print_table(results)
    if options.reports:
        print(results.report(Path(options.reports) / f"{name.replace(' ', '_')}.html"))


def main():
    """Run both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=90, help="clips per corpus of faces")
    parser.add_argument("--epochs", type=int, default=60, help="of every network")
    parser.add_argument("--seeds", type=int, default=5, help="networks per method")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--reports", help="write the reports to this folder")
    options = parser.parse_args()
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}; "
        f"{options.epochs} epochs, {options.seeds} seeds"
    )
    turned = {"network_params": {"hidden_layer_sizes": (32, 32)}, "batch_size": 50}
    turned |= {"learning_rate": 2e-3, "n_epochs": options.epochs}
    run("turned", make_turned(), make_methods(**turned), None, options)
    small = FlowImages(size=7, scaling="pixels")
    heads = make_heads(options.clips)
    run("moving heads", heads, make_methods(n_epochs=options.epochs), small, options)


if __name__ == "__main__":
    main()
