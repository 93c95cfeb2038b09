"""What ICE-GAN learns of synthetic faces: to recognise expressions, and to draw them.

Pairs of onset and apex of one synthetic corpus; every third person is held out of all training, and
with --train-people so many of the others are all there is to train on. Prints a Markdown table with
a row per variant, means over seeds (and their standard errors, if there are more than one): UF1 and
UAR of the classifier on held-out people; the share of faces drawn on their onsets in which a
separately trained network (`ResNet10`, on what changes) sees the class asked for, chance being one
third; how far the drawn faces are from other real pictures of the same person and of other people
(root mean square over pixels), and the share of them whose nearest is of the same person; the
seconds of the training, and pictures per second.
The variants leave out one part each:

- generator: the discriminator learns from real pictures alone, and drawn ones need not look real;
- discriminator: the generator learns from pixels and identity alone;
- graph reasoning: skips are joined as they are;
- routing: capsules above weigh all votes alike;
- onset: apex pictures alone, as published.

In one more, drawn faces are further training rows, with the classes that were asked for.

The default fits on a CPU: one to two minutes per variant on one core. --full trains the
published size, 128x128 and 62 million parameters, and is meant for a GPU.
"""

import argparse
import datetime
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.metrics import f1_score, recall_score
from sklearn.metrics.pairwise import euclidean_distances

from cdmer.corpora import PRESETS, make_synthetic_corpus
from cdmer.nets import ICEGAN, ICEGANClassifier, NetClassifier, count_parameters

VARIANTS = {
    "whole": {},
    "without generator": {"adversarial_weight": 0.0},
    "without discriminator": {"adversarial_weight": 0.0, "asked_weight": 0.0},
    "without graph reasoning": {"graph_reasoning": False},
    "without routing": {"n_iterations": 1},
    "without onset": {},
    "with generated classes": {"generated_weight": 1.0},
}
GAIN = 10


def read_pair(clip):
    """Onset and apex of a clip."""
    return clip.frames[[clip.position("onset"), clip.position("apex")]]


def read_pairs(preset, n_clips, n_people, size, n_jobs=None):
    """Onset and apex of every clip, their classes and people."""
    corpus = make_synthetic_corpus(
        preset, n_clips=n_clips, n_subjects=n_people, size=size, random_state=0
    )
    frames = Parallel(n_jobs)(delayed(read_pair)(clip) for clip in corpus)
    people = np.unique([clip.subject for clip in corpus], return_inverse=True)[1]
    X = np.stack(frames).astype(np.float32) / 255
    return X, np.array([clip.label for clip in corpus]), people


def changes(X):
    """What a judge sees: the change alone, so that nobody's face can help."""
    return GAIN * (X[:, 1:] - X[:, :1])


def make_judge(X, y, device):
    """A network of another kind that learns the classes of real changes."""
    params = {"size": X.shape[-1], "widths": (8, 16, 32, 64)}
    judge = NetClassifier(
        "ResNet10",
        network_params=params,
        n_epochs=25,
        batch_size=16,
        learning_rate=3e-3,
        device=device,
        random_state=1,
        progress=False,
    )
    return judge.fit(changes(X), y)


def draw_all(model, X, judge):
    """Every class on every onset; the faces, and the share in which the judge sees the class."""
    faces = np.stack([model.generate(X[:, :1], c, random_state=0) for c in model.classes_])
    seen = [judge.predict(changes(np.concatenate([X[:, :1], f], axis=1))) for f in faces]
    return faces, float(np.mean([s == c for s, c in zip(seen, model.classes_, strict=True)]))


def identity(faces, X, people):
    """Distances to onsets of other clips, and how often the nearest is of the same person."""
    rows = faces.reshape(len(X), -1), X[:, 0].reshape(len(X), -1)
    rows = [row.astype(np.float64) for row in rows]
    apart = euclidean_distances(*rows) / np.sqrt(rows[0].shape[1])
    np.fill_diagonal(apart, np.inf)  # the very picture that the face was drawn on
    same = (people[:, None] == people) & np.isfinite(apart)
    other = people[:, None] != people
    return apart[same].mean(), apart[other].mean(), (people[apart.argmin(axis=1)] == people).mean()


def measure(name, data, judge, options, seed):
    """Train one variant; give the numbers of its row, and the model."""
    X, y, people, taught, held = data
    rows = X[:, 1:] if name == "without onset" else X
    model = ICEGANClassifier(
        size=options.size,
        width=options.width,
        n_epochs=options.epochs,
        device=options.device,
        batch_size=options.batch_size,
        precision=options.precision,
        random_state=seed,
        progress=False,
        **VARIANTS[name],
    )
    started = time.perf_counter()
    model.fit(rows[taught], y[taught])
    seconds = time.perf_counter() - started
    found = model.predict(rows[held])
    faces, share = draw_all(model, X[held], judge)
    measured = [identity(f[:, 0], X[held], people[held]) for f in faces]
    numbers = [
        f1_score(y[held], found, average="macro"),
        recall_score(y[held], found, average="macro"),
        share,
        *np.mean(measured, axis=0),
        seconds,
        options.epochs * taught.sum() / seconds,
    ]
    return numbers, model


def cells(numbers):
    """Numbers of all seeds as text: means, and standard errors of what is no time."""
    means = np.mean(numbers, axis=0)
    texts = [f"{mean:.3f}" for mean in means[:-2]] + [f"{mean:.0f}" for mean in means[-2:]]
    if len(numbers) > 1:
        errors = np.std(numbers, axis=0, ddof=1) / np.sqrt(len(numbers))
        texts[:3] = [f"{t} ± {e:.3f}" for t, e in zip(texts[:3], errors[:3], strict=True)]
    return texts


def draw(model, X, path, n_people=4):
    """A picture: onsets, all classes drawn on them, what that changes, and the true apex."""
    from matplotlib.figure import Figure

    chosen = X[:: max(1, len(X) // n_people)][:n_people]
    faces = [model.generate(chosen[:, :1], c, random_state=0)[:, 0] for c in model.classes_]
    titles = ["onset", *model.classes_, *(f"{c}: change" for c in model.classes_), "true apex"]
    figure = Figure(figsize=(1.5 * len(titles), 1.55 * n_people + 0.3), layout="compressed")
    axes = figure.subplots(n_people, len(titles))
    for i, row in enumerate(axes):
        onset = chosen[i, 0]
        drawn = [onset, *(f[i] for f in faces), *(f[i] - onset for f in faces), chosen[i, 1]]
        for ax, picture, title in zip(row, drawn, titles, strict=True):
            look = {"cmap": "gray", "vmin": 0, "vmax": 1}
            if title.endswith("change"):
                look = {"cmap": "RdBu_r", "vmin": -0.15, "vmax": 0.15}
            ax.imshow(picture, **look)
            ax.set_axis_off()
            if i == 0:
                ax.set_title(title, fontsize=9)
    figure.savefig(path, dpi=110)


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--preset", choices=PRESETS, default="lab-100fps")
    parser.add_argument("--clips", type=int, default=180)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--train-people", type=int, help="train on so many people alone")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, help="processes that render the faces")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--full",
        action="store_true",
        help="128x128, width 64, 3,000 clips of 1,000 people, batches of 64 in "
        "bf16, in place of what is given",
    )
    parser.add_argument("--picture", type=Path, help="PNG of faces drawn by the whole variant")
    parser.add_argument("--curves", type=Path, help="PNG of its losses")
    options = parser.parse_args()
    if options.full:
        options.size, options.width, options.clips, options.people = 128, 64, 3000, 1000
        options.batch_size, options.precision = 64, "bf16"
    started = time.perf_counter()
    network = ICEGAN(3, options.size, options.width, 2)
    data = read_pairs(options.preset, options.clips, options.people, options.size, options.jobs)
    X, y, people = data
    held = people % 3 == 0
    taught = ~held & np.isin(people, np.unique(people[~held])[: options.train_people])
    judge = make_judge(X[~held], y[~held], options.device)
    right = (judge.predict(changes(X[held])) == y[held]).mean()
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, torch "
        f"{torch.__version__}, {'CUDA' if torch.cuda.is_available() else 'CPU'}; {options.preset}, "
        f"{taught.sum()} pairs to train on, {held.sum()} of held-out people; {options.size} "
        f"pixels, width {options.width} ({count_parameters(network):,} parameters), "
        f"{options.epochs} epochs, {options.precision}, seeds {options.seeds}. The judge is right "
        f"on {right:.3f} of real held-out pairs.\n"
    )
    print(
        "| variant | UF1 | UAR | class recovered | from same person | from others | nearest is "
        "same | seconds | pictures/s |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for name in options.variants:
        rows = []
        for seed in options.seeds:
            numbers, model = measure(name, (X, y, people, taught, held), judge, options, seed)
            rows.append(numbers)
        print(f"| {name} | {' | '.join(cells(rows))} |", flush=True)
        if name == "whole" and options.picture:
            draw(model, X[held], options.picture)
        if name == "whole" and options.curves:
            model.plot_losses()[0].figure.savefig(options.curves, dpi=110)
    print(f"\n{time.perf_counter() - started:.0f} s in all, rendering and judge included")


if __name__ == "__main__":
    main()
