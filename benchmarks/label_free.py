"""How the label-free pipeline and the default criterion were chosen: on synthetic corpora alone.

Corpora of four recording set-ups; sources or targets are thinned to the class shares of CASME II
(56, 25, 19 %), the other side to those of SMIC (32, 39, 29 %), because the shares of classes differ
between real corpora too. Source and target show different people. Prints markdown tables: mean
accuracy and UAR of pipelines; and, per criterion of `cdmer.evaluation.selection`, the mean accuracy
at the setting that it chooses and its rank correlation with target accuracy.
"""

import argparse
import datetime
import itertools
import os
import platform
import tempfile
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from cdmer.adaptation import (
    CORAL,
    DRLS,
    GFK,
    TGSR,
    DomainStandardizer,
    GridVoting,
    MethodVoting,
    PseudoLabeling,
    SourceOnly,
    SubspaceAlignment,
)
from cdmer.corpora import get_scheme, make_synthetic_corpus
from cdmer.evaluation import label_free_pipeline, uar, war
from cdmer.evaluation._fit import fit_adaptive, iter_settings
from cdmer.evaluation.selection import CRITERIA, score_settings
from cdmer.features import LBPTOP, HellingerMap, PlaneSelector, lbp_top_planes

PRESETS = ("lab-200fps", "webcam-25fps", "nir-25fps", "lab-100fps")
CASME2, SMIC = (0.56, 0.25, 0.19), (0.32, 0.39, 0.29)
PLANES = lbp_top_planes()
CHOICES = {
    "GFK": (GFK(), {"n_components": range(2, 33, 3)}),
    "SubspaceAlignment": (SubspaceAlignment(), {"n_components": range(2, 33, 3)}),
    "DRLS": (DRLS(), {"mmd_weight": [0.01, 1.0, 100.0], "l1_weight": [0.01, 0.1, 1.0, 5.0]}),
    "TGSR": (TGSR(groups=170), {"n_selected": [5, 20, 80, 170], "mmd_weight": [0.01, 1, 100]}),
}


def candidates():
    """Name: pipeline."""
    soft = SVC(kernel="linear", C=0.005, class_weight="balanced")
    components = {"n_components": range(1, 41)}

    def motion():
        return PlaneSelector(PLANES), HellingerMap()

    def balanced():
        return *motion(), DomainStandardizer(class_balanced=True)

    return {
        "linear SVM": SourceOnly(),
        "standardised, SVM": make_pipeline(DomainStandardizer(), SourceOnly()),
        "Hellinger, standardised, SVM": make_pipeline(
            HellingerMap(), DomainStandardizer(), SourceOnly()
        ),
        "motion, Hellinger, standardised, SVM": make_pipeline(
            *motion(), DomainStandardizer(), SourceOnly()
        ),
        "motion, Hellinger, standardised, vote of GFK": make_pipeline(
            *motion(), DomainStandardizer(), GridVoting(GFK(), components)
        ),
        "the same, class-balanced statistics": make_pipeline(
            *balanced(), GridVoting(GFK(), components)
        ),
        "… and soft, class-balanced machines": make_pipeline(
            *balanced(), GridVoting(GFK(soft), components)
        ),
        "all planes instead": make_pipeline(
            HellingerMap(),
            DomainStandardizer(class_balanced=True),
            GridVoting(GFK(soft), components),
        ),
        "SVM instead": make_pipeline(*balanced(), SourceOnly(soft)),
        "vote of SA instead": make_pipeline(
            *balanced(), GridVoting(SubspaceAlignment(soft), components)
        ),
        "vote of TGSR instead": make_pipeline(
            *balanced(), GridVoting(TGSR(), {"mmd_weight": [0.01, 1.0, 100.0]})
        ),
        "CORAL instead": make_pipeline(*balanced(), CORAL(soft)),
        "pseudo-labels instead": make_pipeline(*balanced(), PseudoLabeling(soft, n_rounds=5)),
        "vote of methods (label_free_pipeline)": label_free_pipeline(PLANES),
        "vote of methods, plain statistics": make_pipeline(
            *motion(), DomainStandardizer(), MethodVoting()
        ),
    }


def features(preset, seed, n_clips, folder):
    """LBP-TOP features and class codes of a synthetic corpus, kept in a folder."""
    path = Path(folder) / f"{preset}-{seed}-{n_clips}.npz"
    if not path.exists():
        scheme = get_scheme("cdmer-130")
        corpus = make_synthetic_corpus(preset, n_clips=n_clips, random_state=seed)
        named = [
            (clip, label)
            for clip, label in zip(corpus, corpus.labels(scheme), strict=True)
            if label is not None
        ]
        X = LBPTOP().transform([clip for clip, _ in named])
        y = np.array([scheme.classes.index(label) for _, label in named])
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez(unfinished, X=X, y=y)
        unfinished.replace(path)
    with np.load(path) as saved:
        return saved["X"], saved["y"]


def thin(X, y, shares, rng, n=60):
    """Draw rows with given class shares."""
    rows = [
        rng.choice(own := np.flatnonzero(y == code), min(len(own), round(share * n)), replace=False)
        for code, share in enumerate(shares)
    ]
    rows = rng.permutation(np.concatenate(rows))
    return X[rows], y[rows]


def score(method, source, target):
    """Accuracy and UAR of one pair."""
    X = np.concatenate([source[0], target[0]])
    y = np.concatenate([source[1], np.full(len(target[1]), -1)])
    domain = np.repeat([1, -2], [len(source[1]), len(target[1])])
    with threadpool_limits(1, user_api="blas"):
        predicted = fit_adaptive(method, X, y, domain).predict(target[0])
    return [metric(target[1], predicted, classes=range(3)) for metric in (war, uar)]


def choose(pair, name):
    """Accuracy at each criterion's choice, the oracle's, and rank correlations, for one pair."""
    (Xs, ys), (Xt, yt) = pair
    X = np.concatenate([Xs, Xt])
    y = np.concatenate([ys, np.full(len(yt), -1)])
    domain = np.repeat([1, -2], [len(ys), len(yt)])
    steps = PlaneSelector(PLANES), HellingerMap(), DomainStandardizer(class_balanced=True)
    for step in steps:  # once, for all folds: a criterion ranks settings of what comes after
        takes = isinstance(step, DomainStandardizer)
        extra = {"sample_domain": domain} if takes else {}
        X = step.fit_transform(X, y, **extra)
    X *= 7 / np.sqrt(X.shape[1])  # norms like those of LBP-TOP features
    method, param_grid = CHOICES[name]
    with threadpool_limits(1, user_api="blas"):
        table = score_settings(method, param_grid, X, y, domain, list(CRITERIA), progress=False)
        accuracy = np.empty(len(table))
        for index, model in iter_settings(method, list(ParameterGrid(param_grid)), X, y, domain):
            accuracy[index] = war(yt, model.predict(X[domain < 0]), classes=range(3))
    chosen = [accuracy[table[c].idxmax()] for c in CRITERIA]
    ranks = [
        spearmanr(table[c], accuracy).statistic if np.ptp(table[c]) and np.ptp(accuracy) else 0.0
        for c in CRITERIA
    ]
    return chosen + [accuracy.max(), accuracy.mean()], ranks


def print_criteria(pairs, jobs):
    """Print what the criteria choose."""
    columns = [*CRITERIA, "oracle", "mean of the grid"]
    print("\n| method | figure |", " | ".join(columns), "|\n|---|---|" + "---|" * len(columns))
    everything = []
    for name in CHOICES:
        found = Parallel(n_jobs=jobs)(delayed(choose)(pair, name) for pair in pairs)
        chosen, ranks = (np.mean(part, axis=0) for part in zip(*found, strict=True))
        everything.append((chosen, ranks))
        print_rows(name, chosen, ranks)
    print_rows("**mean**", *(np.mean(part, axis=0) for part in zip(*everything, strict=True)))


def print_rows(name, chosen, ranks):
    """Print the two rows of one method."""
    print(f"| {name} | accuracy, % |", " | ".join(f"{100 * v:.1f}" for v in chosen), "|")
    cells = [f"{v:+.2f}" for v in ranks] + ["", ""]
    print(f"| {name} | rank correlation |", " | ".join(cells), "|", flush=True)


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="corpora per set-up")
    parser.add_argument("--clips", type=int, default=100, help="clips per corpus")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--folder", help="keep features here; default: a folder that goes away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = options.folder or folder
        Path(folder).mkdir(parents=True, exist_ok=True)
        keys = list(itertools.product(PRESETS, range(options.seeds)))
        found = Parallel(n_jobs=options.jobs)(
            delayed(features)(*key, options.clips, folder) for key in keys
        )
    corpora = dict(zip(keys, found, strict=True))
    rng = np.random.default_rng(0)
    pairs = []
    for seed in range(options.seeds):
        for one, other in itertools.permutations(PRESETS, 2):
            if one[:3] != other[:3]:  # the two laboratory set-ups are much alike
                shares = (CASME2, SMIC) if len(pairs) % 2 == 0 else (SMIC, CASME2)
                ends = corpora[one, seed], corpora[other, (seed + 1) % options.seeds]
                pairs.append([thin(*end, s, rng) for end, s in zip(ends, shares, strict=True)])
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, ", end="")
    print(f"{len(pairs)} pairs\n\n| pipeline | accuracy, % | UAR, % |\n|---|---|---|")
    for name, method in candidates().items():
        scores = Parallel(n_jobs=options.jobs)(delayed(score)(method, *pair) for pair in pairs)
        mean = 100 * np.mean(scores, axis=0)
        print(f"| {name} | {mean[0]:.1f} | {mean[1]:.1f} |", flush=True)
    print_criteria(pairs, options.jobs)


if __name__ == "__main__":
    main()
