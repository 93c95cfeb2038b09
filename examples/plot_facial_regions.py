"""
Which facial regions TGSR keeps
===============================

TGSR selects groups of columns; with LBP-TOP over a grid, groups are facial regions. The path solver
gives every number of regions at once, and the region map shows one of them on a face.
"""

from pathlib import Path

import numpy as np

from cdmer.adaptation import TGSR, tgsr_path
from cdmer.corpora import make_synthetic_corpus, pack
from cdmer.evaluation import RegionMap, plot_regions
from cdmer.features import LBPTOP, RegionGrid

source = make_synthetic_corpus("lab-100fps", n_clips=30, random_state=0)
target = make_synthetic_corpus("webcam-25fps", n_clips=30, random_state=0)
clips, y, domain = pack(source, target, "cdmer-130")

grid = RegionGrid()
descriptor = LBPTOP(grid=grid)
X = descriptor.fit_transform(clips)

# %%
# How soon does each region enter as more are allowed?

n_selected = np.arange(1, 86)
coefs = tgsr_path(
    X,
    y,
    sample_domain=domain,
    groups=grid.n_regions,
    n_selected=n_selected,
    mmd_weight=np.ones(85),
)
norms = np.linalg.norm(coefs.reshape(85, grid.n_regions, -1), axis=2)
first = np.where(norms.any(axis=0), (norms > 0).argmax(axis=0) + 1, 0)
for region in np.argsort(first)[:8]:
    print(f"{grid.names[region]} enters with {first[region]} region(s)")

# %%
# The regions of one setting, on a face of the target.

model = TGSR(groups=grid.n_regions, n_selected=20).fit(X, y, sample_domain=domain)
clip = target[0]
face = clip.frames[clip.apex]
trim = descriptor.radius
boxes = grid.boxes(face.shape[0] - 2 * trim, face.shape[1] - 2 * trim) + trim
figure = plot_regions(RegionMap("TGSR, 20 of 85 regions", face, boxes, model.group_norms_))
out = Path("facial_regions.png")
figure.savefig(out, dpi=120, bbox_inches="tight")
print(f"written: {out}")
