"""What each network learns of one fixed synthetic composite, and how long that takes.

Three synthetic corpora are pooled and one subject left out after the other. Clips, small variants
and training are fixed here; each network looks at what its `made_by` prepares, unless the table
says otherwise. Prints a Markdown table, a row as soon as its network is done: the input of the
variant, its parameters (and those of the published form), UF1 and UAR over the pooled predictions,
and the seconds of all fits and predictions. With --store, networks that were finished are not
trained again.

The figures tell that a network learns, not how good it is on recordings of real people.
"""

import argparse
import datetime
import os
import platform
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from sklearn.pipeline import make_pipeline

import cdmer.features
import cdmer.preprocessing
from cdmer.corpora import make_synthetic_corpus
from cdmer.evaluation import CompositeLOSO, benchmark
from cdmer.nets import NETWORKS, NetClassifier, count_parameters

NAMES = {**vars(cdmer.features), **vars(cdmer.preprocessing), "make_pipeline": make_pipeline}
PRESETS = ("lab-100fps", "webcam-25fps", "nir-25fps")
FACE = {"size": 48, "widths": (8, 16, 32, 64)}


@dataclass(frozen=True)
class Row:
    """A small variant, how it is trained, and what prepares its input if not `made_by`."""

    variant: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    prepare: str = ""


ROWS = {
    "STSTNet": Row({}, {"n_epochs": 60, "learning_rate": 5e-3}),
    "OffApexNet": Row({}, {"n_epochs": 20}),
    "SSSN": Row({"size": 51}, {"n_epochs": 20}),
    "DSSN": Row({"size": 51}, {"n_epochs": 20}),
    "ELRCN": Row(
        {
            "trunk": "resnet10",
            "widths": (8, 16, 16, 32),
            "size": 28,
            "lstm_size": 32,
            "n_hidden": 32,
        },
        {"n_epochs": 20, "learning_rate": 3e-3},
    ),
    "ATNet": Row({**FACE, "n_steps": 16, "lstm_size": 32}, {"n_epochs": 30, "learning_rate": 3e-3}),
    "ResNet10": Row(FACE, {"n_epochs": 30, "learning_rate": 3e-3}),
    "MicroAttentionNet": Row(FACE, {"n_epochs": 30, "learning_rate": 3e-3}),
    "MicroExpSTCNN": Row(
        {"n_frames": 18, "size": 32, "n_filters": 8, "n_hidden": 64}, {"n_epochs": 30}
    ),
    "MicroExpFuseNet": Row(
        {"n_frames": 18, "size": 20, "n_filters": 8, "n_hidden": (64, 32)}, {"n_epochs": 30}
    ),
    "R3D18": Row(
        {"channels": 1, "n_frames": 4, "size": 32, "widths": (8, 8, 16, 32)},
        {"n_epochs": 15, "learning_rate": 3e-3},
        "make_pipeline(Resize(32, 32), TemporalInterpolation(4), Frames(difference=True))",
    ),
    "C3D": Row(
        {"channels": 2, "size": 16, "width": 4, "n_hidden": 64, "dropout": 0.0},
        {"n_epochs": 20},
        "make_pipeline(TemporalInterpolation(17), FlowSequence(('u', 'v'), size=16))",
    ),
    "MLP": Row({"n_inputs": 128}, {"n_epochs": 100}, "BiWOOF(grid=RegionGrid((4,)))"),
}


def make_composite(n_clips, n_subjects):
    """Give the corpora: `n_clips` clips of `n_subjects` people under each preset."""
    return [
        make_synthetic_corpus(p, n_clips=n_clips, n_subjects=n_subjects, size=64, random_state=0)
        for p in PRESETS
    ]


def measure(name, corpora, store, cache, epochs):
    """Train one network on every fold; give the cells of its row."""
    row = ROWS[name]
    network = NETWORKS[name](**row.variant)
    prepare = row.prepare or network.made_by
    params = {key: value for key, value in row.variant.items() if key != "n_inputs"}
    training = {"batch_size": 16} | row.training | ({"n_epochs": epochs} if epochs else {})
    model = NetClassifier(name, network_params=params, random_state=0, **training)
    results = benchmark(
        {name: model},
        corpora,
        CompositeLOSO(),
        descriptor=eval(prepare, NAMES),
        store=store,
        cache_dir=cache,
        on_error="raise",
        n_jobs=1,
        progress=False,
    )
    scores = results.scores(by="all").iloc[0]
    seconds = float(results.jobs[["fit_s", "predict_s"]].to_numpy().sum())
    shapes = " + ".join("×".join(map(str, part.shape)) for part in network.expected_input)
    return [
        name,
        f"{shapes}: `{prepare}`",
        f"{count_parameters(network):,}",
        published_size(name),
        f"{training['n_epochs']}",
        f"{scores['UF1']:.3f}",
        f"{scores['UAR']:.3f}",
        f"{seconds:.0f}",
    ]


def published_size(name):
    """Parameters of the published form, without the memory for them."""
    if name == "MLP":
        return ""
    with torch.device("meta"):
        return f"{count_parameters(NETWORKS[name]()):,}"


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--epochs", type=int, help="for all networks, in place of their own")
    parser.add_argument("--quick", action="store_true", help="fewer clips and two epochs: a trial")
    parser.add_argument("--store", type=Path, help="SQLite file that keeps finished folds")
    parser.add_argument("--cache", type=Path, help="folder that keeps prepared inputs")
    options = parser.parse_args()
    n_clips, n_subjects = (9, 3) if options.quick else (24, 4)
    epochs = options.epochs or (2 if options.quick else None)
    corpora = make_composite(n_clips, n_subjects)
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, torch "
        f"{torch.__version__}, {'CUDA' if torch.cuda.is_available() else 'CPU'}; "
        f"{len(PRESETS) * n_clips} clips of {len(PRESETS) * n_subjects} people "
        f"({', '.join(PRESETS)}), one person left out\n"
    )
    print("| network | input | parameters | published form | epochs | UF1 | UAR | seconds |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            cache = options.cache or Path(folder)
            cells = measure(name, corpora, options.store, cache, epochs)
            print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s in all, preparation of the inputs included")


if __name__ == "__main__":
    main()
