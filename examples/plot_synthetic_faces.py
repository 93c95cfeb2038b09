"""
Synthetic faces under four recording set-ups
============================================

The embedded corpora need no licence and no download. Each row is a preset: people at the apex of an
expression, and for the last of them onset, apex and what changed between the two.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cdmer.corpora import PRESETS, make_synthetic_corpus

N_PEOPLE = 6

figure = Figure(figsize=(11, 5.4), dpi=110, layout="constrained")
axes = figure.subplots(len(PRESETS), N_PEOPLE + 3)
for row, preset in zip(axes, PRESETS, strict=True):
    corpus = make_synthetic_corpus(preset, n_clips=20, random_state=1)
    for ax, clip in zip(row, corpus, strict=False):
        ax.imshow(clip.frames[clip.apex], cmap="gray", vmin=0, vmax=255)
        ax.set_title(clip.label, fontsize=8)
    shown = next(clip for clip in corpus if clip.label == "surprise")
    frames = shown.frames.astype(float)
    change = np.abs(frames[shown.apex] - frames[shown.onset])
    for ax, picture, title in (
        (row[N_PEOPLE], frames[shown.onset], "onset"),
        (row[N_PEOPLE + 1], frames[shown.apex], "apex"),
    ):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize=8)
    row[-1].imshow(change, cmap="magma", vmin=0, vmax=np.percentile(change, 99.5))
    row[-1].set_title("|apex − onset|", fontsize=8)
    row[0].set_ylabel(f"{preset}\n{frames.shape[0]} frames", fontsize=9)
    print(f"{preset}: AU {' + '.join(shown.action_units)} in the last three pictures")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)

out = Path("synthetic_faces.png")
figure.savefig(out, facecolor="white")
print(f"written: {out}")
