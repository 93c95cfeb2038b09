"""What each descriptor is worth on synthetic corpora, within a recording set-up and across.

Every descriptor, with its default parameters, goes with three classifiers through

- within a preset: leave one subject out, predictions pooled over the folds;
- across presets: fitted on one preset, tested on another, without adaptation, mean over the ordered
  pairs.

Scores are UF1 (mean F1 of three classes; chance is about 0.33). The faces are rendered: figures
compare descriptors under known conditions, they do not predict accuracy on real recordings.

Prints markdown. Features are cached in --cache, so that a second run is quick.
"""

import argparse
import datetime
import os
import time
from itertools import permutations
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer.corpora import get_scheme, make_synthetic_corpus
from cdmer.evaluation import uf1
from cdmer.extraction import extract
from cdmer.features import (
    FHOFO,
    HIGOTOP,
    HOGTOP,
    HOOF,
    LBPMOP,
    LBPSIP,
    LBPTOP,
    LPQTOP,
    MDMO,
    STLBPIP,
    BiWOOF,
    HellingerMap,
)
from cdmer.preprocessing import TemporalInterpolation

DESCRIPTORS = {
    "LBPTOP": LBPTOP(),
    "LBPSIP": LBPSIP(),
    "LBPMOP": LBPMOP(),
    "LPQTOP": LPQTOP(),
    "STLBPIP": STLBPIP(),
    "HOGTOP": HOGTOP(),
    "HIGOTOP": HIGOTOP(),
    "HOOF": HOOF(),
    "FHOFO": FHOFO(),
    "MDMO": MDMO(),
    "BiWOOF": BiWOOF(),
    "TIM 10 + LBPTOP": make_pipeline(TemporalInterpolation(10), LBPTOP()),
    "TIM 10 + HIGOTOP": make_pipeline(TemporalInterpolation(10), HIGOTOP()),
}
CLASSIFIERS = {
    "linear SVM": SVC(kernel="linear", C=1.0),
    "linear SVM, columns standardised": make_pipeline(StandardScaler(), SVC(kernel="linear")),
    "Hellinger map, linear SVM": make_pipeline(HellingerMap(), SVC(kernel="linear", C=1.0)),
}


def within(model, X, y, subjects):
    """UF1 of leave-one-subject-out predictions, pooled."""
    predicted = cross_val_predict(model, X, y, groups=subjects, cv=LeaveOneGroupOut())
    return uf1(y, predicted, classes=range(3))


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--presets",
        nargs="+",
        default=["lab-200fps", "webcam-25fps", "nir-25fps"],
        help="recording set-ups (default: lab-200fps webcam-25fps nir-25fps)",
    )
    parser.add_argument("--n-clips", type=int, default=60, help="clips per preset (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the corpora (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="workers (default: 2)")
    parser.add_argument("--cache", type=Path, help="folder for features (default: none)")
    parser.add_argument(
        "--descriptors",
        nargs="+",
        default=list(DESCRIPTORS),
        metavar="NAME",
        help=f"of {', '.join(DESCRIPTORS)} (default: all)",
    )
    arguments = parser.parse_args()
    started = time.perf_counter()
    presets = arguments.presets
    corpora = {
        preset: make_synthetic_corpus(
            preset, n_clips=arguments.n_clips, random_state=arguments.seed
        )
        for preset in presets
    }
    classes = get_scheme("cdmer-130").classes
    labels = {p: np.array([classes.index(c.label) for c in corpora[p]]) for p in presets}
    subjects = {p: [c.subject for c in corpora[p]] for p in presets}
    print(
        f"{datetime.date.today()}; {arguments.n_clips} clips of 10 people per preset, 112 x 112; "
        f"UF1\n"
    )
    print(f"| descriptor | classifier | {' | '.join(presets)} | within, mean | across, mean |")
    print("|---|---|" + "---|" * (len(presets) + 2), flush=True)
    for name in arguments.descriptors:
        X = {
            p: extract(
                corpora[p], DESCRIPTORS[name], n_jobs=arguments.jobs, cache_dir=arguments.cache
            ).features
            for p in presets
        }
        for classifier, model in CLASSIFIERS.items():
            if classifier.startswith("Hellinger") and min(x.min() for x in X.values()) < 0:
                continue  # it maps histograms
            inside = [within(model, X[p], labels[p], subjects[p]) for p in presets]
            outside = [
                uf1(labels[t], model.fit(X[s], labels[s]).predict(X[t]), classes=range(3))
                for s, t in permutations(presets, 2)
            ]
            cells = [*inside, np.mean(inside), np.mean(outside)]
            print(
                f"| {name} | {classifier} | " + " | ".join(f"{c:.2f}" for c in cells) + " |",
                flush=True,
            )
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
