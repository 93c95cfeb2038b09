"""
What a descriptor sees
======================

One synthetic clip, and what becomes of it on the way to features: the motion from onset to apex,
the strain of the skin, local binary patterns in space and in time, and the facial regions in which
all of it is counted.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from cdmer.corpora import make_synthetic_corpus
from cdmer.features import HOOF, LBPTOP, OpticalFlow, RegionGrid, optical_flow, optical_strain

corpus = make_synthetic_corpus("lab-200fps", n_clips=12, random_state=2)
clip = next(c for c in corpus if c.label == "surprise")
frames = clip.frames
onset, apex = frames[clip.position("onset")], frames[clip.position("apex")]

flow = optical_flow(onset, apex)
strain = optical_strain(flow)
length = np.hypot(flow[..., 0], flow[..., 1])
print(f"{clip.key}: largest displacement {length.max():.2f} pixels, strain {strain.max():.3f}")

descriptor = LBPTOP()
codes = descriptor.codes(clip)
trim = descriptor.radius
column = int(np.argmax(np.abs(flow[..., 1]).mean(axis=0)))  # the line that moves up or down most

# %%
# Every region of the grid counts on its own. HOOF adds up motion by direction; the picture shows
# the histogram of each region as a star, as large as the region moves.

grid = RegionGrid((8,))
hoof = HOOF(grid=grid, flow=OpticalFlow(reference="onset"))
shares = hoof.fit_transform([clip])[0].reshape(grid.n_regions, -1)
boxes = grid.boxes(*apex.shape)
moved = np.array([length[t:b, left:r].mean() for t, b, left, r in boxes])

figure, axes = plt.subplots(2, 4, figsize=(15, 7.6), layout="constrained")
grey = {"cmap": "gray", "vmin": 0, "vmax": 255}
axes[0, 0].imshow(onset, **grey)
axes[0, 0].set_title(f"onset (frame {clip.onset})")
axes[0, 1].imshow(apex, **grey)
axes[0, 1].set_title(f"apex (frame {clip.apex}), action units {', '.join(clip.action_units)}")
axes[0, 1].axvline(column, color="tab:orange", linewidth=1)

axes[0, 2].imshow(apex, alpha=0.35, **grey)
image = axes[0, 2].imshow(length, cmap="magma", alpha=0.6)
step = slice(4, None, 8)
y, x = np.mgrid[: apex.shape[0], : apex.shape[1]]
axes[0, 2].quiver(
    x[step, step],
    y[step, step],
    flow[step, step, 0],
    flow[step, step, 1],
    angles="xy",
    scale_units="xy",
    scale=length.max() / 8,
    width=0.005,
    color="white",
)
axes[0, 2].set_title("optical flow, pixels (arrows enlarged)")
figure.colorbar(image, ax=axes[0, 2], location="bottom", shrink=0.8)
image = axes[0, 3].imshow(strain, cmap="viridis")
axes[0, 3].set_title("optical strain")
figure.colorbar(image, ax=axes[0, 3], location="bottom", shrink=0.8)

at_apex = clip.position("apex") - trim
axes[1, 0].imshow(codes["xy"][at_apex], cmap="twilight", interpolation="nearest")
axes[1, 0].set_title("LBP codes in XY, at the apex")
axes[1, 1].imshow(frames[:, :, column].T, aspect="auto", **grey)
axes[1, 1].set_title("the orange line over time")
axes[1, 1].axvline(clip.position("apex"), color="tab:orange", linewidth=1, linestyle=":")
axes[1, 2].imshow(
    codes["yt"][:, :, column - trim].T, aspect="auto", cmap="twilight", interpolation="nearest"
)
axes[1, 2].set_title("its LBP codes, in YT")

axes[1, 3].imshow(apex, alpha=0.6, **grey)
for (top, bottom, left, right), share, motion in zip(boxes, shares, moved, strict=True):
    axes[1, 3].add_patch(
        plt.Rectangle(
            (left - 0.5, top - 0.5),
            right - left,
            bottom - top,
            fill=False,
            edgecolor="white",
            linewidth=0.4,
        )
    )
    angles = 2 * np.pi * (np.arange(share.size) + 0.5) / share.size
    reach = 14 * share * motion / moved.max()
    centre = np.array([(left + right - 1) / 2, (top + bottom - 1) / 2])
    for angle, size in zip(angles, reach, strict=True):
        tip = centre + size * np.array([np.cos(angle), np.sin(angle)])
        axes[1, 3].plot(*zip(centre, tip, strict=True), color="tab:orange", linewidth=1.2)
axes[1, 3].set_title("8 × 8 regions and their HOOF")
for axis in axes.flat:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_box_aspect(1)

out = Path("what_a_descriptor_sees.png")
figure.savefig(out, dpi=110)
print(f"written: {out}")
