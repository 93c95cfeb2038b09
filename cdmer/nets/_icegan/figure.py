"""Loss curves of a GAN."""

import numpy as np

from cdmer._extras import import_extra
from cdmer.nets._icegan.losses import DISCRIMINATOR, GENERATOR


def draw_losses(curves, axes=None):
    """Draw the terms of both losses; see `ICEGANClassifier.plot_losses`."""
    if axes is None:
        figure = import_extra("matplotlib.figure").Figure(figsize=(9, 3.4), layout="constrained")
        axes = figure.subplots(1, 2)
    axes = np.asarray(axes)
    if axes.shape != (2,):
        raise ValueError(f"axes: expected two, got shape {axes.shape}")
    for ax, terms, title in zip(
        axes, (DISCRIMINATOR, GENERATOR), ("Discriminator", "Generator"), strict=True
    ):
        for name in terms:
            if name in curves:
                ax.plot(np.arange(1, len(curves[name]) + 1), curves[name], label=name, lw=1.4)
        # Terms differ by orders of magnitude.
        ax.set(title=title, xlabel="epoch", ylabel="mean term, before its weight", yscale="log")
        ax.spines[["top", "right"]].set_visible(False)
        if ax.lines:
            ax.legend(frameon=False, fontsize=8)
    return axes
