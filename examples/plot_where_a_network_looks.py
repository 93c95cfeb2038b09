"""
Where a network looks
=====================

A network is trained on pictures of motion, and its score is watched while one window of a picture
after the other is hidden. Mapped to facial regions, the places that count can be compared with the
regions that TGSR keeps.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.pipeline import make_pipeline

from cdmer.adaptation import TGSR
from cdmer.corpora import make_synthetic_corpus, pack
from cdmer.evaluation import RegionMap, plot_regions
from cdmer.features import LBPTOP, FlowImages, RegionGrid
from cdmer.nets import NetClassifier, saliency

source = make_synthetic_corpus("webcam-25fps", n_clips=45, n_subjects=15, size=80, random_state=0)
target = make_synthetic_corpus("nir-25fps", n_clips=24, n_subjects=8, size=80, random_state=0)
clips, y, domain = pack(source, target, "cdmer-130")
train, test = clips[: len(source)], clips[len(source) :]

model = NetClassifier("STSTNet", n_epochs=40, learning_rate=5e-3, random_state=0)
network = make_pipeline(FlowImages(), model).fit(train, y[domain >= 0])
print(f"STSTNet on the target: {network.score(test, y[domain < 0]):.0%} correct")

# %%
# What speaks for the class that the network predicts, on the face at the apex. The line surrounds
# what counts at least half as much as the strongest place.

classes = ["negative", "positive", "surprise"]
found = saliency(network, test)
chosen = [i for code in range(3) for i in np.flatnonzero(found.targets == code)[:4]]
faces = [clip.frames[clip.position("apex")] for clip in test[chosen]]
titles = [
    f"{classes[code]}\n{', '.join(f'AU {unit}' for unit in clip.action_units)}"
    for code, clip in zip(found.targets[chosen], test[chosen], strict=True)
]
out = Path("where_a_network_looks.png")
found[chosen].draw(faces, titles).savefig(out, dpi=110)
print(f"written: {out}")

# %%
# Shares of regions, their mean over all clips of the target, come in the order of a descriptor's
# groups. So the regions that count most for the network can be laid beside those that TGSR keeps.

grid = RegionGrid((8,))
X = LBPTOP(grid=grid).fit_transform(clips)
tgsr = TGSR(groups=grid.n_regions, n_selected=16).fit(X, y, sample_domain=domain)
shares = found.regions(grid).mean(axis=0)
strongest = np.where(shares >= np.sort(shares)[-16], shares, 0)
common = np.count_nonzero(strongest * tgsr.group_norms_)
print(f"{common} of 16 regions in common; by chance it would be {16 * 16 / grid.n_regions:.0f}")

figure = Figure(figsize=(9, 6.6), layout="compressed")
face = test[0].frames[test[0].position("onset")]
boxes = grid.boxes(*face.shape)
methods = {"STSTNet, the 16 strongest": strongest, "TGSR, 16 selected": tgsr.group_norms_}
for half, (title, weights) in zip(figure.subfigures(1, 2), methods.items(), strict=True):
    regions = RegionMap(title, face, boxes, weights, grid.levels)
    plot_regions(regions, half).suptitle(title)
    print(f"{title}: {regions.caption}")
out = Path("regions_of_a_network.png")
figure.savefig(out, dpi=110, bbox_inches="tight")
print(f"written: {out}")
