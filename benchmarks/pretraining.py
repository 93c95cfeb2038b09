"""What pre-training on synthesis gains with little labelled data, and what it is owed to.

Networks are pre-trained on pairs that `cdmer.synthesis` renders, fine-tuned on a few labelled clips
of one preset, and tested on corpora of two other presets; beside that, networks that see the
labelled clips alone. Nobody is in two of the three, and synthesis has a camera that no preset has.
Prints a Markdown table: UF1 over the clips of both tested corpora, mean and standard error over
seeds, without and with fine-tuning, and the gain over training from scratch, seed by seed; then the
same for fainter expressions, where the tested presets have half their amplitude. Every seed draws
other labelled clips and other initial weights. All pre-trainings make the same number of steps, so
that more pairs mean more to see, not more training.

Two caveats. Synthesis and presets share the program that draws neutral faces, and presets draw
their action units from the very table of `ExpertUnits`; what moves the skin is written twice. So
the tables show that pre-training, fine-tuning and the ablation work, and what they gain where
synthesis is nearly as good as recordings; what they gain on real ones, only those can tell. And
annotated units and tables of macro-expressions are stand-ins unless given: units that a rendered
corpus is annotated with, which come from that table as well, and the prototypes of EMFACS as posed.

With --store, finished trainings are kept, one line of JSON each, and not done again.
"""

import argparse
import csv
import datetime
import json
import os
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from cdmer import __version__
from cdmer.corpora import PRESETS, RecordingSetup, make_synthetic_corpus
from cdmer.evaluation import uf1
from cdmer.extraction import extract
from cdmer.features import FlowImages
from cdmer.nets import NetClassifier
from cdmer.synthesis import (
    ACTION_UNITS,
    AnnotatedUnits,
    EarlyMacroUnits,
    ExpertUnits,
    WarpRenderer,
    synthesize,
)

CLASSES = ("negative", "positive", "surprise")
CAMERA = RecordingSetup(
    fps=60, resolution=120, noise=0.006, gamma=2.1, light=(0.2, -0.6, 0.8), background=0.45
)
LABELLED, TESTED = "lab-100fps", ("webcam-25fps", "nir-25fps")
AMPLITUDES = {"as it is": 1.0, "faint": 0.5}
ALL = ("expert", "annotated", "early-macro")
BATCH = 32
SCRATCH = "none"


# Channels, training from scratch, fine-tuning; pre-training has the learning rate of the former.
NETWORKS = {
    "STSTNet": (
        3,
        {"n_epochs": 60, "learning_rate": 5e-3},
        {"n_epochs": 20, "learning_rate": 1e-3},
    ),
    "OffApexNet": (
        2,
        {"n_epochs": 20, "learning_rate": 1e-3},
        {"n_epochs": 20, "learning_rate": 2e-4},
    ),
}

# Prototypes of EMFACS, as posed: units that reach their apex together.
PROTOTYPES = {
    "happiness": (6, 12),
    "surprise": (1, 2, 5, 26),
    "sadness": (1, 4, 15),
    "fear": (1, 2, 4, 5, 7, 20, 26),
    "anger": (4, 5, 7, 23),
    "disgust": (9, 10, 17),
}


def make_sources(folder, annotated=None, tables=None):
    """Make the three sources; `folder` is for the stand-in tables."""
    if annotated is None:
        annotated = make_synthetic_corpus(
            "lab-200fps", n_clips=180, n_subjects=30, random_state=1000
        )
    tables = write_tables(folder) if tables is None else tables
    return {
        "expert": ExpertUnits(),
        "annotated": AnnotatedUnits(annotated),
        "early-macro": EarlyMacroUnits(tables),
    }


def write_tables(folder, n_clips=20):
    """Write tables of posed expressions as OpenFace would; give the folder."""
    rng = np.random.default_rng(11)
    for emotion, shown in PROTOTYPES.items():
        place = folder / emotion
        place.mkdir(parents=True, exist_ok=True)
        for i in range(n_clips):
            rise = int(rng.integers(20, 40))
            course = np.r_[np.zeros(5), (np.arange(rise) / rise) ** 2, np.ones(10)]
            tops = rng.uniform(2, 5, size=len(shown))
            with open(place / f"{i:02d}.csv", "w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(
                    [
                        "frame",
                        "timestamp",
                        "confidence",
                        "success",
                        *(f"AU{unit:0>2}_r" for unit in ACTION_UNITS),
                    ]
                )
                for t, share in enumerate(course):
                    found = dict(zip(map(str, shown), share * tops, strict=True))
                    noise = np.abs(rng.normal(0, 0.05, size=len(ACTION_UNITS)))
                    cells = [
                        min(5, found.get(u, 0) + n)
                        for u, n in zip(ACTION_UNITS, noise, strict=True)
                    ]
                    rows.writerow([t + 1, f"{t / 30:.3f}", 0.98, 1, *(f"{c:.2f}" for c in cells)])
    return folder


def measure_motion(clips, cache, jobs):
    """Flow from onset to apex, float32 of shape (n, 3, 28, 28), from 0 to 1."""
    table = extract(clips, FlowImages(), cache_dir=cache, n_jobs=jobs, progress=False)
    return (table.features / 255).astype(np.float32).reshape(-1, 3, 28, 28)


class Data:
    """Flow of everything that networks are trained and tested on.

    Parameters
    ----------
    options : argparse.Namespace
    folder : Path
        Where synthesis goes, and what is measured of it.
    """

    def __init__(self, options, folder):
        cache, jobs = folder / "flow", options.jobs
        sources = make_sources(folder / "tables")
        pairs = synthesize(
            folder / f"synthesis-{options.identities[-1]}",
            sources=sources,
            renderer=WarpRenderer(setup=CAMERA, head_motion=1.0, random_state=7),
            identities=options.identities[-1],
            random_state=7,
            n_jobs=jobs,
            progress=False,
        )
        self.pairs = pairs.table[["subject", "name", "label"]]
        self.motion = measure_motion(pairs, cache, jobs)
        people = {"n_clips": options.labelled, "n_subjects": max(3, options.labelled // 3)}
        self.labelled = {}
        for seed in range(options.seeds):
            clips = make_synthetic_corpus(LABELLED, random_state=seed, **people)
            self.labelled[seed] = measure_motion(clips, cache, jobs), [c.label for c in clips]
        self.tested = {}
        for name, factor in AMPLITUDES.items():
            clips = [clip for preset in TESTED for clip in make_tested(preset, factor, options)]
            self.tested[name] = measure_motion(clips, cache, jobs), [c.label for c in clips]

    def select(self, sources, identities):
        """Pairs of some sources and the first identities: flow and labels."""
        kept = self.pairs["name"].str.split("-", n=1).str[1].str.rsplit("-", n=1).str[0]
        kept = kept.isin(sources) & (self.pairs["subject"] < f"id{identities:05d}")
        return self.motion[kept], self.pairs["label"][kept].to_numpy()


def make_tested(preset, factor, options):
    """Make the corpus that is tested on, with expressions of so much the amplitude."""
    setup = replace(PRESETS[preset], amplitude=factor * PRESETS[preset].amplitude)
    return make_synthetic_corpus(
        setup, n_clips=options.tested, n_subjects=options.tested // 3, random_state=500, name=preset
    )


def train(key, data, steps):
    """Train one network in one way; give UF1 without and with fine-tuning, a dict."""
    channels, scratch, tuning = NETWORKS[key["network"]]
    X, y = data.labelled[key["seed"]]
    model = NetClassifier(
        key["network"],
        batch_size=BATCH,
        random_state=key["seed"],
        device="cpu",
        progress=False,
        warm_start=True,
        learning_rate=scratch["learning_rate"],
    )

    def score():
        return {
            name: float(uf1(truth, model.predict(tested[:, :channels]), classes=CLASSES))
            for name, (tested, truth) in data.tested.items()
        }

    if key["sources"] == SCRATCH:
        model.set_params(**scratch, batch_size=16).fit(X[:, :channels], y)
        return {"tuned": score()}
    pairs, labels = data.select(key["sources"].split("+"), key["identities"])
    n_epochs = max(1, round(steps * BATCH / len(pairs)))
    model.set_params(n_epochs=n_epochs).fit(pairs[:, :channels], labels)
    found = {"pairs": len(pairs), "alone": score()}
    model.set_params(**tuning, batch_size=16).fit(X[:, :channels], y)
    return found | {"tuned": score()}


def plan(options):
    """Every training that the table is made of, a list of dicts."""
    most = options.identities[-1]
    arms = [(SCRATCH, 0), *((source, most) for source in ALL)]
    arms += [("+".join(ALL), identities) for identities in options.identities]
    common = {
        "cdmer": __version__,
        "labelled": options.labelled,
        "tested": options.tested,
        "steps": options.steps,
        "most": most,
    }
    return [
        {"network": network, "sources": sources, "identities": identities, "seed": seed} | common
        for network in options.networks
        for sources, identities in arms
        for seed in range(options.seeds)
    ]


class Store:
    """Finished trainings, one line of JSON each; a line that a kill cut short does not count."""

    def __init__(self, path):
        self.path, self.found = path, {}
        for line in path.read_text().splitlines() if path and path.is_file() else ():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            self.found[_name(record["key"])] = record["found"]

    def add(self, key, found):
        """Keep a result."""
        self.found[_name(key)] = found
        if self.path:
            with open(self.path, "a") as file:
                file.write("\n" * (file.tell() > 0) + json.dumps({"key": key, "found": found}))

    def __contains__(self, key):
        return _name(key) in self.found

    def __getitem__(self, key):
        return self.found[_name(key)]


def _name(key):
    return json.dumps(key, sort_keys=True)


def print_table(keys, store):
    """Print what is there of all trainings."""
    print(
        "| network | pre-trained on | identities | pairs | seeds | UF1, not fine-tuned | UF1 "
        "| gain | faint: UF1 | gain |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    arms = {(key["network"], key["sources"], key["identities"]): key for key in keys}
    for (network, sources, identities), arm in arms.items():
        found = _of_seeds(arm, keys, store)
        if not found:
            continue
        scratch = _of_seeds(arm | {"sources": SCRATCH, "identities": 0}, keys, store)
        first = next(iter(found.values()))
        cells = [
            network,
            sources,
            str(identities or ""),
            str(first.get("pairs", "")),
            str(len(found)),
            _mean([f["alone"]["as it is"] for f in found.values() if "alone" in f]),
        ]
        for name in AMPLITUDES:
            gains = [
                found[s]["tuned"][name] - scratch[s]["tuned"][name]
                for s in found
                if s in scratch and sources != SCRATCH
            ]
            cells += [_mean([f["tuned"][name] for f in found.values()]), _mean(gains, "+")]
        print(f"| {' | '.join(cells)} |", flush=True)


def _of_seeds(arm, keys, store):
    """What is there of one row of the table, by seed."""
    arm = {**arm, "seed": 0}
    return {k["seed"]: store[k] for k in keys if k in store and {**k, "seed": 0} == arm}


def _mean(values, sign=""):
    if not values:
        return ""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):{sign}.3f} ± {error:.3f}"


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument(
        "--identities",
        nargs="+",
        type=int,
        default=[10, 30, 100, 300],
        help="ablation; the last number is that of the others, too",
    )
    parser.add_argument("--labelled", type=int, default=18, help="labelled clips (default: 18)")
    parser.add_argument("--tested", type=int, default=90, help="tested clips of each preset")
    parser.add_argument("--steps", type=int, default=800, help="of pre-training (default: 800)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--store", type=Path, help="file that keeps finished trainings")
    parser.add_argument("--folder", type=Path, help="keeps synthesis and what is measured of it")
    options = parser.parse_args()
    options.identities.sort()
    keys, store = plan(options), Store(options.store)
    started = time.perf_counter()
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, torch "
        f"{torch.__version__}; {options.labelled} labelled clips ({LABELLED}), tested on "
        f"{options.tested} each of {' and '.join(TESTED)}\n",
        flush=True,
    )
    left = [key for key in keys if key not in store]
    if left:
        with tempfile.TemporaryDirectory() as place:
            data = Data(options, options.folder or Path(place))
        tasks = (delayed(_keyed)(key, data, options.steps) for key in left)
        for key, found in Parallel(options.jobs, return_as="generator_unordered")(tasks):
            store.add(key, found)
    print_table(keys, store)
    print(f"\n{time.perf_counter() - started:.0f} s")


def _keyed(key, data, steps):
    return key, train(key, data, steps)


if __name__ == "__main__":
    main()
