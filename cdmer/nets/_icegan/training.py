"""Gradient descent on both networks of a GAN in turn, epoch by epoch."""

import numpy as np
import torch

from cdmer._devices import RowsAtOnce, mixed
from cdmer.nets._icegan.losses import (
    DISCRIMINATOR,
    GENERATOR,
    GANBatch,
    discriminator_terms,
    generator_terms,
)
from cdmer.nets._training.rows import epoch_batches

BETAS = (0.5, 0.999)


class ICEGANTraining:
    """A fit under way: everything that changes from step to step, and the steps.

    Parameters
    ----------
    network : ICEGAN
        On the device; trained in place.
    rows : Rows
    settings : ICEGANClassifier
        Its parameters are read.
    device : torch.device
    generator : torch.Generator
        Draws the order of the rows, the classes asked for, and noise.

    Attributes
    ----------
    epoch : int
        Number of epochs done.
    losses : list of dict of str to float
        Mean of every term in every epoch done.
    memory : RowsAtOnce
    """

    # What checkpoints ask of a training, and this one does not have.
    module, best, validation_losses = None, {}, []  # noqa: RUF012

    def __init__(self, network, rows, settings, device, generator):
        self.network, self.rows, self.settings = network, rows, settings
        self.device, self.generator = device, generator
        # One optimizer for both: it leaves alone what has no gradient.
        self.optimizer = torch.optim.Adam(
            [
                {
                    "params": list(network.discriminator.parameters()),
                    "lr": settings.discriminator_lr,
                },
                {"params": list(network.generator.parameters()), "lr": settings.generator_lr},
            ],
            betas=BETAS,
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
        self.memory = RowsAtOnce()
        self.epoch, self.losses = 0, []
        self._codes = torch.from_numpy(rows.codes)
        self._n_classes = network.generator.n_classes
        self._buffers = list(network.buffers())

    @property
    def done(self):
        """Whether all epochs are done."""
        return self.epoch >= self.settings.n_epochs

    def run_epoch(self):
        """Go once through the training rows.

        Raises
        ------
        FloatingPointError
            If a term of the losses is no longer finite.
        """
        self.network.train()
        balanced = self.settings.sampler == "balanced"
        batches = epoch_batches(self.rows, self.settings.batch_size, balanced, self.generator)
        steps = [self._step(source, target) for source, target in batches]
        # Looked at once per epoch: every look waits for the GPU.
        curves = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
        curves = {name: curve.double().cpu().numpy() for name, curve in curves.items()}
        self._check_finite(curves)
        self.epoch += 1
        self.losses.append({name: float(curve.mean()) for name, curve in curves.items()})

    def _step(self, source, target):
        batch = self._draw(source, target)
        terms = {}
        for weights, compute in (
            (DISCRIMINATOR, discriminator_terms),
            (GENERATOR, generator_terms),
        ):
            weights = {name: getattr(self.settings, weight) for name, weight in weights.items()}
            weights = {name: weight for name, weight in weights.items() if weight}
            if weights:
                terms |= self._descend(batch, weights, compute)
        return terms

    def _draw(self, source, target):
        """Rows of one step with what they are asked for."""
        positions, n = np.concatenate([source, target]), len(source) + len(target)
        x = torch.from_numpy(self.rows.X[positions])
        label = self._codes[positions]
        asked = torch.randint(self._n_classes, (n,), generator=self.generator)
        # Own classes are where the picture to be made is known; every second row is asked for it.
        own = (torch.rand(n, generator=self.generator) < 0.5) & (label >= 0)
        asked = torch.where(own, label, asked)
        noise = torch.randn(
            n, self.network.generator.n_noise, generator=self.generator, dtype=x.dtype
        )
        counts = n, int((label >= 0).sum()), int((asked == label).sum())
        tensors = (given.to(self.device) for given in (x, label, asked, noise))
        return GANBatch(*tensors, counts)

    def _descend(self, batch, weights, compute_terms):
        """Make a step down some weighted terms; give the terms."""
        buffers = [buffer.clone() for buffer in self._buffers]

        def compute(n_parts):
            self.optimizer.zero_grad(set_to_none=True)
            totals = dict.fromkeys(weights, 0)
            for part in batch.parts(n_parts):
                with mixed(self.settings.precision, self.device):
                    terms = compute_terms(self.network, part, weights)
                loss = sum(weights[name] * term for name, term in terms.items())
                self.scaler.scale(loss).backward()
                totals = {name: totals[name] + terms[name].detach() for name in weights}
            return totals

        def begin_again():
            for buffer, value in zip(self._buffers, buffers, strict=True):
                buffer.copy_(value)

        terms = self.memory.try_smaller(
            compute,
            len(batch.x),
            lambda: (
                "the gradients of a batch's parts are added up, which is the same step except "
                "that spectral norms are estimated once per part"
            ),
            begin_again,
        )
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return terms

    def _check_finite(self, curves):
        wrong = {name: np.flatnonzero(~np.isfinite(curve)) for name, curve in curves.items()}
        wrong = {name: batches[0] for name, batches in wrong.items() if len(batches)}
        if wrong:
            name = min(wrong, key=wrong.get)
            raise FloatingPointError(
                f"loss: expected finite numbers, got {curves[name][wrong[name]]} for the term "
                f"{name!r} in batch {wrong[name] + 1} of epoch {self.epoch + 1} with "
                f"discriminator_lr={self.settings.discriminator_lr} and "
                f"generator_lr={self.settings.generator_lr}; try smaller ones"
            )
