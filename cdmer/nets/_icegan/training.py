"""Training of both networks of a GAN in turn."""

from functools import partial

import numpy as np
import torch

from cdmer._devices import mixed
from cdmer.nets._icegan.losses import (
    DISCRIMINATOR,
    GENERATOR,
    GANBatch,
    discriminator_terms,
    generator_terms,
)
from cdmer.nets._training.training import Training

BETAS = (0.5, 0.999)


class ICEGANTraining(Training):
    """Steps down the losses of the discriminator and of the generator, in turn.

    Parameters
    ----------
    start : Start
    settings : ICEGANClassifier
    device : torch.device
    """

    rates = ("discriminator_lr", "generator_lr")

    def _make_optimizer(self):
        # One optimizer for both: it leaves alone what has no gradient.
        both = self.network.discriminator, self.network.generator
        groups = [
            {"params": list(network.parameters()), "lr": getattr(self.settings, rate)}
            for network, rate in zip(both, self.rates, strict=True)
        ]
        return torch.optim.Adam(groups, betas=BETAS)

    def _step(self, source, target, progress):
        batch = self._draw(source, target)
        terms = {}
        for weights, compute in (
            (DISCRIMINATOR, discriminator_terms),
            (GENERATOR, generator_terms),
        ):
            weights = {name: getattr(self.settings, weight) for name, weight in weights.items()}
            weights = {name: weight for name, weight in weights.items() if weight}
            if weights:
                terms |= self._descend(
                    len(batch.x), partial(self._add_gradients, batch, weights, compute)
                )
        return terms

    def _record(self, curves, lengths):
        return {name: float(curve.mean()) for name, curve in curves.items()}

    def _draw(self, source, target):
        """Rows of one step with what they are asked for."""
        positions, n = np.concatenate([source, target]), len(source) + len(target)
        x = torch.from_numpy(self.rows.X[positions])
        label = self._codes[positions]
        asked = torch.randint(self.network.generator.n_classes, (n,), generator=self.generator)
        # Own classes are where the picture to be made is known; every second row is asked for it.
        own = (torch.rand(n, generator=self.generator) < 0.5) & (label >= 0)
        asked = torch.where(own, label, asked)
        noise = torch.randn(
            n, self.network.generator.n_noise, generator=self.generator, dtype=x.dtype
        )
        counts = n, int((label >= 0).sum()), int((asked == label).sum())
        tensors = (given.to(self.device) for given in (x, label, asked, noise))
        return GANBatch(*tensors, counts)

    def _add_gradients(self, batch, weights, compute_terms, n_parts):
        totals = dict.fromkeys(weights, 0)
        for part in batch.parts(n_parts):
            with mixed(self.settings.precision, self.device):
                terms = compute_terms(self.network, part, weights)
            loss = sum(weights[name] * term for name, term in terms.items())
            self.scaler.scale(loss).backward()
            totals = {name: totals[name] + terms[name].detach() for name in weights}
        return totals

    def _consequence(self):
        return (
            "the gradients of a batch's parts are added up, which is the same step except that "
            "spectral norms are estimated once per part"
        )
