"""
A network that adapts
=====================

A network learns expressions from faces that are held still, and meets faces that move. Trained on
the first alone it stumbles over the motion of the head; with a loss of ``cdmer.nets.adaptation`` it
also sees the new clips, without their labels. Needs the extra ``deep``.
"""

from dataclasses import replace

from cdmer.corpora import PRESETS, make_synthetic_corpus
from cdmer.evaluation import CDMERPairs, Experiment, benchmark
from cdmer.features import FlowImages
from cdmer.nets import NetClassifier
from cdmer.nets.adaptation import DANN, DeepCORAL

webcam = PRESETS["webcam-25fps"]
corpora = [
    make_synthetic_corpus(setup, n_clips=42, n_subjects=7, size=64, random_state=seed, name=name)
    for seed, (name, setup) in enumerate(
        {"still": webcam, "moving": replace(webcam, head_motion=2.5)}.items()
    )
]

# %%
# Flow from onset to apex as pictures of 7 x 7, and a small perceptron. The number of epochs is
# fixed and the last weights are kept: no label of the target has a say in the training. Not every
# loss helps with every gap; ``benchmarks/deep_adaptation.py`` has them all. What is left to chance
# gets its seed from the benchmark.

network = {"network": "MLP", "n_epochs": 40, "device": "cpu", "progress": False}
results = benchmark(
    {
        "source only": NetClassifier(**network),
        "DeepCORAL": NetClassifier(adaptation=DeepCORAL(weight=100), **network),
        "DANN": NetClassifier(adaptation=DANN(), **network),
    },
    corpora,
    CDMERPairs([Experiment("still → moving", "still", "moving")]),
    descriptor=FlowImages(size=7, scaling="pixels"),
    seeds=(0, 1),
    progress=False,
)
print(results.table("UF1").round(3))

# %%
# Scores per seed: networks that begin alike, with and without adaptation, are compared best.

print(results.scores().pivot(index="seed", columns="method", values="UF1").round(3))
