"""What registration is worth where heads move: trained on still faces, tested on moving ones.

A classifier is fitted on drawn faces that keep still before two cameras, once for each descriptor.
It is tested on a photographed face (scikit-image's astronaut, whose skin is warped) and on other
drawn ones under another camera, at several head motions (`RecordingSetup.head_motion`: 1 is drift
and tremor, 4 is people who talk or smile). Clips carry no annotation: apexes are spotted by flow.
Clips to fit on and clips to test are prepared alike, with registration or without.

Cells hold macro-F1 of three classes without registration and with it. A second table has the error
of `Register` on pairs of onset and apex whose head motion is known: mean distance over the face, in
pixels, with that of OpenCV's `findTransformECC` beside it; and the time for a frame.

All faces are synthetic, and one person is photographed: figures say what motion of the head does to
descriptors and what is left of it after registration, not how accurate they are on real recordings.

Prints markdown.
"""

import argparse
import datetime
import os
import platform
import time
from dataclasses import replace

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer._faces.motion import draw_course
from cdmer.corpora import Clip
from cdmer.features import HOOF, MDMO, BiWOOF, FlowImages
from cdmer.preprocessing import CascadeDetector, Preparation, Register
from cdmer.synthesis import ExpertUnits, WarpRenderer

CLASSES = ("negative", "positive", "surprise")
DESCRIPTORS = {"BiWOOF": BiWOOF(), "HOOF": HOOF(), "MDMO": MDMO(), "FlowImages": FlowImages()}
CLASSIFIERS = {
    "svm": SVC(kernel="linear", C=1.0),
    "scaled-svm": make_pipeline(StandardScaler(), SVC(kernel="linear", C=1.0)),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
}
TRAINED_ON = ("drawn, webcam-25fps", "drawn, nir-25fps")
TESTED_ON = ("photograph, lab-100fps", "photograph, webcam-25fps", "drawn, lab-100fps")


def astronaut():
    """Read the photograph, which comes with scikit-image."""
    from skimage.data import astronaut

    return astronaut()


def make_renderer(face, head_motion, seed, kind=WarpRenderer):
    """Make the renderer that a name such as ``"drawn, nir-25fps"`` says."""
    shown, camera = face.split(", ")
    given = {"size": 112, "setup": camera, "head_motion": head_motion, "random_state": seed}
    if shown == "photograph":
        given |= {"faces": [astronaut()], "detector": CascadeDetector()}
    return kind(**given)


def make_clip(renderer, i, seed):
    """Render one clip, of class i mod 3; its number is the seed of all chance."""
    rng = np.random.default_rng([seed, i])
    expression = ExpertUnits().draw(CLASSES[i % 3], rng)
    course, _ = draw_course(renderer.setup.fps, rng)
    identity = i % (renderer.n_identities or 1000)
    return Clip(renderer.render(identity, expression, course, rng), f"{i}", f"{identity}", "c")


def describe(face, head_motion, i, seed):
    """Features of one clip by every descriptor, without registration and with it."""
    clip = make_clip(make_renderer(face, head_motion, seed), i, seed)
    rows = {}
    for register in (None, "rigid"):
        prepared = clip
        for step in Preparation(register=register, spot="flow").steps():
            [prepared] = step.transform([prepared])
            prepared = replace(prepared, source=prepared.frames)  # once for all descriptors
        for name, descriptor in DESCRIPTORS.items():
            rows[name, register] = descriptor.transform([prepared])[0].ravel()
    return rows


def features(face, head_motion, n_clips, seed, jobs):
    """Features of a corpus, a dict of arrays of shape (n_clips, n_features)."""
    rows = Parallel(jobs)(delayed(describe)(face, head_motion, i, seed) for i in range(n_clips))
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


class KnownHeads(WarpRenderer):
    """Renders pairs of onset and apex whose heads move as they are told."""

    moved = (0.0, 0.0, 0.0)

    def _heads(self, n_frames, rng):
        return np.array([(0.0, 0.0, 0.0), self.moved])


def errors(face, n_pairs, seed):
    """Mean distance that is left over the face: before, by OpenCV's ECC, rigid, similarity."""
    renderer = make_renderer(face, 0.0, seed, KnownHeads)
    x, y = np.meshgrid(*[np.linspace(-33, 33, 9)] * 2)
    face = x + 1j * y
    found, seconds = [], 0.0
    for i in range(n_pairs):
        rng = np.random.default_rng([seed, 1, i])
        moved = rng.normal(scale=(0.06, 0.06, 0.04))
        renderer.moved = moved
        expression = ExpertUnits().draw(CLASSES[i % 3], rng)
        identity = i % (renderer.n_identities or 1000)
        pair = renderer.render(identity, expression, (0, 1), rng)
        truth = face * np.exp(1j * moved[2]) + 56 * complex(*moved[:2])
        started = time.perf_counter()
        heads = [Register(motion).measure(pair) for motion in ("rigid", "similarity")]
        seconds += time.perf_counter() - started
        places = [face, face + _opencv(*pair, face)]
        for head in heads:
            turn = head.scale[1] * np.exp(1j * np.deg2rad(head.turn[1]))
            places.append(turn * face + complex(head.right[1], head.down[1]))
        found.append([np.abs(place - truth).mean() for place in places])
    return np.array(found), seconds / (2 * n_pairs)


def _opencv(first, second, face):
    """How far OpenCV's ECC finds the places of a face moved; zero where it gives up."""
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-6)
    try:
        _, matrix = cv2.findTransformECC(
            first, second, np.eye(2, 3, dtype=np.float32), cv2.MOTION_EUCLIDEAN, criteria, None, 5
        )
    except cv2.error:
        return 0 * face
    matrix = matrix.astype(np.float64)
    turn, centre = complex(matrix[0, 0], matrix[1, 0]), 55.5 + 55.5j
    return turn * (face + centre) + complex(*matrix[:, 2]) - centre - face


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--train", type=int, default=180, help="clips of each camera to fit on (180)"
    )
    parser.add_argument("--test", type=int, default=45, help="clips per column (default: 45)")
    parser.add_argument("--motions", type=float, nargs="+", default=[0, 1, 4], metavar="FACTOR")
    parser.add_argument("--classifier", choices=CLASSIFIERS, default="scaled-svm")
    parser.add_argument("--pairs", type=int, default=60, help="pairs of known motion (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all chance (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    options = parser.parse_args()
    started = time.perf_counter()
    y = np.tile(np.arange(options.train) % 3, len(TRAINED_ON))
    parts = [features(f, 0.0, options.train, options.seed, options.jobs) for f in TRAINED_ON]
    X = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    model = CLASSIFIERS[options.classifier]
    columns = [(face, motion) for face in TESTED_ON for motion in options.motions]
    scores = {}
    for face, motion in columns:
        tested = features(face, motion, options.test, options.seed + 1, options.jobs)
        truth = np.arange(options.test) % 3
        for key, rows in tested.items():
            predicted = model.fit(X[key], y).predict(rows)
            scores[*key, face, motion] = f1_score(truth, predicted, average="macro")
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, OpenCV "
        f"{cv2.__version__}; synthetic faces; {len(y)} still clips ({'; '.join(TRAINED_ON)}) to "
        f"fit on, {options.test} per column to test; {options.classifier}; macro-F1 without "
        "registration → with it\n"
    )
    print("| descriptor | " + " | ".join(f"{f}, motion {m:g}" for f, m in columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for name in DESCRIPTORS:
        cells = [
            " → ".join(f"{scores[name, register, *column]:.2f}" for register in (None, "rigid"))
            for column in columns
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    print(
        "\n| faces | head moves, px | error of OpenCV's ECC | rigid | similarity | ms per frame |"
    )
    print("|---|---|---|---|---|---|")
    for face in TESTED_ON:
        found, seconds = errors(face, options.pairs, options.seed)
        cells = [f"{np.median(e):.2f} (largest {e.max():.2f})" for e in found.T]
        print(f"| {face} | {' | '.join(cells)} | {1e3 * seconds:.1f} |")
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
