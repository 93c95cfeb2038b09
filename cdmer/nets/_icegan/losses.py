"""The losses of ICE-GAN, of the discriminator and of the generator."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from cdmer._extras import import_extra
from cdmer.nets._icegan.capsules import margin_loss
from cdmer.nets._icegan.discriminator import GENERATED, REAL

# The terms, and the parameters of `ICEGANClassifier` that hold their weights.
DISCRIMINATOR = {
    "authenticity": "adversarial_weight",
    "class": "capsule_weight",
    "generated class": "generated_weight",
    "decoder": "decoder_weight",
}
GENERATOR = {
    "adversarial": "adversarial_weight",
    "class asked for": "asked_weight",
    "pixel": "pixel_weight",
    "identity": "identity_weight",
}


class GANBatch(NamedTuple):
    """Rows of one step.

    Parameters
    ----------
    x : torch.Tensor of shape (n, channels, size, size)
        The last picture is the apex, the first the face that the generator starts from.
    label : torch.Tensor of int, shape (n,)
        Positions of the classes; -1 where there is no label.
    asked : torch.Tensor of int, shape (n,)
        Classes that the generator is asked for.
    noise : torch.Tensor of shape (n, 100)
    counts : tuple of int
        Numbers of rows, of rows with a label, and of rows asked for their own label, in the whole
        batch, of which this may be a part.
    """

    x: torch.Tensor
    label: torch.Tensor
    asked: torch.Tensor
    noise: torch.Tensor
    counts: tuple[int, int, int]

    def parts(self, n_parts):
        """Split the rows, a list of GANBatch; the terms of the parts add up to those of all."""
        split = zip(*(given.tensor_split(n_parts) for given in self[:4]), strict=True)
        return [GANBatch(*part, self.counts) for part in split]


def discriminator_terms(network, batch, wanted):
    """Terms of the discriminator's loss, before their weights.

    Parameters
    ----------
    network : ICEGAN
    batch : GANBatch
    wanted : collection of str
        Names of terms; what only others need is not computed.

    Returns
    -------
    dict of str to torch.Tensor
    """
    n_rows, n_labelled, _ = batch.counts
    # Rows without a label are multiplied by zero: leaving them out would wait for the GPU.
    terms, judge = {}, network.discriminator
    labelled, label = batch.label >= 0, batch.label.clamp_min(0)
    real = judge(batch.x)
    if {"authenticity", "generated class"} & set(wanted):
        with torch.no_grad():
            made = network.express(batch.x, batch.asked, batch.noise)
        fake = judge(made)
    if "authenticity" in wanted:
        judged = _margin(real.authenticity, REAL) + _margin(fake.authenticity, GENERATED)
        terms["authenticity"] = judged.sum() / n_rows
    if "class" in wanted:
        found = margin_loss(real.scores, label) * labelled
        terms["class"] = found.sum() / max(1, n_labelled)
    if "generated class" in wanted:
        terms["generated class"] = margin_loss(fake.scores, batch.asked).sum() / n_rows
    if "decoder" in wanted:
        drawn = judge.decode(real.capsules, label)
        wrong = (drawn - batch.x).square().mean((1, 2, 3)) * labelled
        terms["decoder"] = wrong.sum() / max(1, n_labelled)
    return terms


def generator_terms(network, batch, wanted):
    """Terms of the generator's loss, before their weights.

    Parameters, returns: as those of `discriminator_terms`. No gradient reaches the discriminator.
    """
    n_rows, _, n_own = batch.counts
    terms, generator = {}, network.generator
    made = network.express(batch.x, batch.asked, batch.noise)
    if {"adversarial", "class asked for"} & set(wanted):
        with _constant(network.discriminator):
            fake = network.discriminator(made)
    if "adversarial" in wanted:
        terms["adversarial"] = _margin(fake.authenticity, REAL).sum() / n_rows
    if "class asked for" in wanted:
        terms["class asked for"] = margin_loss(fake.scores, batch.asked).sum() / n_rows
    face, apex, own = made[:, -1:], batch.x[:, -1:], batch.asked == batch.label
    if "pixel" in wanted:
        apart = (face - apex).abs().mean((1, 2, 3)) * own
        terms["pixel"] = apart.sum() / max(1, n_own)
    if "identity" in wanted:
        with torch.no_grad():
            known = generator.embed(batch.x[:, :1])
        # The encoder must not learn to make faces alike.
        with _constant(generator.down):
            seen = generator.embed(face)
        terms["identity"] = (seen - known).abs().mean(1).sum() / n_rows
    return terms


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


def _margin(found, which):
    return margin_loss(found, torch.full((len(found),), which, device=found.device))


@contextmanager
def _constant(module):
    """Compute with a module as it is: gradients pass through it and do not reach its parameters."""
    moving = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in moving:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in moving:
            parameter.requires_grad_(True)
