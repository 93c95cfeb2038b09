"""
Pre-training on synthetic expressions
=====================================

A dozen labelled clips are too few for a network. Rendered faces cost nothing: a network is trained
on them first, then fine-tuned on the clips, and tested on other people before another camera.
Needs the extra ``deep``.

The clips of this example are rendered, too, so that it runs anywhere; nobody is in two of the three
corpora, and each has a camera of its own. What synthesis gains on recordings, recordings must tell.
"""

import tempfile

import numpy as np

from cdmer.corpora import RecordingSetup, make_synthetic_corpus
from cdmer.evaluation import uf1
from cdmer.features import FlowImages
from cdmer.nets import NetClassifier
from cdmer.synthesis import WarpRenderer, synthesize

CLASSES = ("negative", "positive", "surprise")


def flow_and_labels(corpus):
    """Flow from onset to apex, from 0 to 1, and the classes."""
    return FlowImages().fit_transform(corpus) / np.float32(255), [clip.label for clip in corpus]


# %%
# Every identity shows every class once, with action units from the expert table of MiE-X. On disk
# this is a corpus like any other: ``manifest.csv`` lists its clips with their action units.

camera = RecordingSetup(fps=60, resolution=120, noise=0.006, light=(0.2, -0.6, 0.8))
with tempfile.TemporaryDirectory() as folder:
    pairs = synthesize(
        folder, renderer=WarpRenderer(setup=camera, head_motion=1.0), identities=40, progress=False
    )
    print(pairs, pairs[0].action_units)
    synthetic = flow_and_labels(pairs)

few = flow_and_labels(
    make_synthetic_corpus("webcam-25fps", n_clips=12, n_subjects=4, random_state=0)
)
tested = make_synthetic_corpus("nir-25fps", n_clips=30, n_subjects=10, random_state=1)
X, y = flow_and_labels(tested)

# %%
# With ``warm_start`` a fit begins where the last one ended. Fine-tuning takes smaller steps, so
# that twelve clips do not undo what 120 pairs have taught.

for seed in (0, 1):
    scratch = NetClassifier(
        "STSTNet", n_epochs=60, learning_rate=5e-3, batch_size=12, random_state=seed, progress=False
    ).fit(*few)
    tuned = NetClassifier(
        "STSTNet",
        n_epochs=30,
        learning_rate=5e-3,
        warm_start=True,
        random_state=seed,
        progress=False,
    ).fit(*synthetic)
    alone = uf1(y, tuned.predict(X), classes=CLASSES)
    tuned.set_params(n_epochs=20, learning_rate=1e-3, batch_size=12).fit(*few)
    print(
        f"seed {seed}: UF1 from scratch {uf1(y, scratch.predict(X), classes=CLASSES):.3f}, "
        f"pre-trained {alone:.3f}, and fine-tuned {uf1(y, tuned.predict(X), classes=CLASSES):.3f}"
    )

# %%
# benchmarks/pretraining.py does this for five seeds and two networks, by source of action units and
# by number of identities.
