"""Gradient descent on a network, epoch by epoch."""

import warnings

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cdmer._devices import RowsAtOnce, mixed, random_states, set_random_states
from cdmer.nets._training.rows import epoch_batches
from cdmer.nets._training.state import copy_into, tensors_of
from cdmer.nets.adaptation import Batch

N_TRIED = 8  # rows that a trained network is tried on


class Training:
    """A fit under way: everything that changes from step to step, and the steps.

    Parameters
    ----------
    network : torch.nn.Module
        On the device; trained in place.
    rows : Rows
    settings : NetClassifier
        Its parameters are read.
    module : torch.nn.Module or None
        Layers of the adaptation loss, on the device.
    device : torch.device
    generator : torch.Generator
        Draws the order of the rows, and augmentations.

    Attributes
    ----------
    epoch : int
        Number of epochs done.
    losses, validation_losses : list of float
        Of every epoch done; the latter stay empty without validation rows.
    best : dict of str to torch.Tensor
        Weights after the epoch with the least validation loss; empty without validation rows.
    memory : RowsAtOnce
    """

    def __init__(self, network, rows, settings, module, device, generator):
        self.network, self.rows, self.settings = network, rows, settings
        self.module, self.device, self.generator = module, device, generator
        self.optimizer = make_optimizer(network.parameters(), settings, module)
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
        self.memory = RowsAtOnce()
        self.epoch, self.losses, self.validation_losses, self.best = 0, [], [], {}
        dtype = torch.from_numpy(rows.X[:0].copy()).dtype  # rows may be read-only
        self._class_weights = torch.as_tensor(rows.class_weights, dtype=dtype, device=device)
        self._codes = torch.from_numpy(rows.codes)
        self._buffers = list(network.buffers())

    @property
    def best_epoch(self):
        """Number of epochs after which the validation loss was least."""
        return int(np.argmin(self.validation_losses)) + 1

    @property
    def done(self):
        """Whether all epochs are done, or the validation loss has stopped falling."""
        stopped = bool(self.best) and self.epoch - self.best_epoch >= self.settings.patience
        return stopped or self.epoch >= self.settings.n_epochs

    def run_epoch(self):
        """Go once through the training rows.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite.
        """
        self.network.train()
        batches = list(
            epoch_batches(
                self.rows,
                self.settings.batch_size,
                self.settings.sampler == "balanced",
                self.generator,
            )
        )
        losses = []
        for i, (source, target) in enumerate(batches):
            progress = (self.epoch + i / len(batches)) / self.settings.n_epochs
            losses.append(self._step(source, target, progress))
        # Looked at once per epoch: every look waits for the GPU.
        losses = torch.stack(losses).double().cpu().numpy()
        check_finite(losses, self.epoch, self.settings)
        self.epoch += 1
        self.losses.append(float(np.average(losses, weights=[len(s) for s, _ in batches])))
        if len(self.rows.validation):
            self._validate()

    def finish(self):
        """Take the best weights, if validation rows tell which they are.

        Raises
        ------
        FloatingPointError
            If the last step made a network whose scores are not finite.
        """
        self.network.eval()
        if self.best:
            copy_into(self.network, self.best)
            return
        some = self.rows.X[self.rows.training[:N_TRIED]]
        rates = ("learning_rate",)
        check_trained(self.network, some, self.epoch, self.settings, rates, self.memory)

    def _step(self, source, target, progress):
        x, x_target = self._inputs(source), self._inputs(target)
        y = self._codes[source].to(self.device)
        buffers = [buffer.clone() for buffer in self._buffers]
        drawn = random_states(self.device)

        def compute(n_parts):
            self.optimizer.zero_grad(set_to_none=True)
            whole = (x, y, x_target)
            parts = zip(*(given.tensor_split(n_parts) for given in whole), strict=True)
            losses = [self._gradient(*part, len(part[0]) / len(x), progress) for part in parts]
            return torch.stack(losses).sum()

        def begin_again():
            # What ran out of memory has moved running means and drawn random numbers.
            for buffer, value in zip(self._buffers, buffers, strict=True):
                buffer.copy_(value)
            set_random_states(drawn, self.device)

        loss = self.memory.try_smaller(compute, len(x), self._consequence, begin_again)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss

    def _inputs(self, positions):
        x = torch.from_numpy(self.rows.X[positions])
        if self.settings.augment is not None and len(x):
            x = self.settings.augment(x, self.generator)
        return x.pin_memory() if self.device.type == "cuda" else x

    def _gradient(self, x, y, x_target, share, progress):
        """Add the gradient of some rows, `share` of their batch, to that of the parameters."""
        x, x_target = (given.to(self.device, non_blocking=True) for given in (x, x_target))
        with mixed(self.settings.precision, self.device):
            if len(x_target):
                loss = self._adapted_loss(x, y, x_target, progress)
            else:
                loss = self._class_loss(self.network(x), y)
        loss = loss * share
        self.scaler.scale(loss).backward()
        return loss.detach()

    def _adapted_loss(self, x, y, x_target, progress):
        # In one pass, so that both sides share the statistics of batch normalisation.
        features, scores = features_and_scores(self.network, torch.cat([x, x_target]))
        n = len(x)
        source = Batch(features[:n], scores[:n], y)
        target = Batch(features[n:], scores[n:], None)
        adaptation = self.settings.adaptation
        return self._class_loss(scores[:n], y) + adaptation.loss(
            source, target, progress, self.module
        )

    def _class_loss(self, scores, y):
        losses = cross_entropy(scores.to(self._class_weights.dtype), y, reduction="none")
        return (losses * self._class_weights[y]).mean()

    def _consequence(self):
        modules = list(self.network.modules())
        but = []
        if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules):
            but.append("batch normalisation sees the parts one by one")
        if any(
            isinstance(module, nn.modules.dropout._DropoutNd) and module.p for module in modules
        ):
            but.append("dropout draws other random numbers")
        if len(self.rows.target):
            but.append("the adaptation loss is the mean of those of the parts")
        same = "the gradients of a batch's parts are added up, which is the same step"
        return same + (f" except that {' and '.join(but)}" if but else "")

    def _validate(self):
        scores = forward_all(
            self.network,
            self.rows.X[self.rows.validation],
            self.device,
            self.settings,
            self.memory,
        )
        y = self._codes[self.rows.validation]
        losses = cross_entropy(scores, y, reduction="none") * self._class_weights.cpu()[y]
        loss = float(losses.mean())
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"validation loss: expected a finite number, got {loss} after epoch {self.epoch} "
                f"with learning_rate={self.settings.learning_rate}; try a smaller one"
            )
        self.validation_losses.append(loss)
        if self.best_epoch == self.epoch:
            self.best = tensors_of(self.network)


def check_finite(losses, epoch, settings):
    """Stop a training whose loss is no longer a number.

    Parameters
    ----------
    losses : ndarray of float, shape (n_batches,)
        Of one epoch.
    epoch : int
        Number of epochs before it.
    settings : NetClassifier

    Raises
    ------
    FloatingPointError
        Naming epoch, batch and learning rate.
    """
    wrong = np.flatnonzero(~np.isfinite(losses))
    if len(wrong):
        raise FloatingPointError(
            f"loss: expected a finite number, got {losses[wrong[0]]} in batch {wrong[0] + 1} "
            f"of epoch {epoch + 1} with learning_rate={settings.learning_rate}; "
            "try a smaller one, or bring X to a common scale"
        )


def check_trained(network, X, epoch, settings, rates, memory=None):
    """Stop where the last step, after which no loss is computed, has spoilt a network.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    X : ndarray of shape (n, ...)
        Some rows that it was trained on.
    epoch : int
        Number of epochs done.
    settings : NetClassifier or ICEGANClassifier
    rates : tuple of str
        Names of its learning rates.
    memory : RowsAtOnce, default=None

    Raises
    ------
    FloatingPointError
        Naming epoch and learning rates.
    """
    device = next(network.parameters()).device
    tensors = [*network.parameters(), *network.buffers()]
    good = all(bool(t.isfinite().all()) for t in tensors if t.is_floating_point())
    good = good and bool(forward_all(network, X, device, settings, memory).isfinite().all())
    if not good:
        rates = " and ".join(f"{name}={getattr(settings, name)}" for name in rates)
        raise FloatingPointError(
            f"scores: expected finite numbers, got others after the last batch of epoch {epoch} "
            f"with {rates}; try less, or bring X to a common scale"
        )


def make_optimizer(parameters, settings, module=None):
    """Make the optimizer that the parameters of a `NetClassifier` describe.

    Parameters
    ----------
    parameters : iterable of torch.Tensor
        Those that ask for no gradient are left as they are.
    settings : NetClassifier
    module : torch.nn.Module, default=None
        Layers of the adaptation loss.

    Returns
    -------
    torch.optim.Optimizer
    """
    groups = [{"params": [p for p in parameters if p.requires_grad]}]
    if module is not None:
        rate = settings.learning_rate * settings.adaptation.lr_factor
        groups.append({"params": list(module.parameters()), "lr": rate})
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum, **common)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return kind(groups, **common)


def features_and_scores(network, x):
    """What `embed` gives, and the scores that follow from it."""
    features = network.embed(x)
    dropout = getattr(network, "dropout", None)
    return features, network.head(features if dropout is None else dropout(features))


@torch.no_grad()
def forward_all(network, X, device, settings, memory=None, method="forward"):
    """Compute with all rows of an array, batch by batch, without a trace for gradients.

    Parameters
    ----------
    network : torch.nn.Module
        On the device; left in evaluation mode.
    X : ndarray of shape (n, ...)
    device : torch.device
    settings : NetClassifier
    memory : RowsAtOnce, default=None
    method : {"forward", "embed"}, default="forward"

    Returns
    -------
    torch.Tensor of shape (n, n_columns)
        On the CPU, in the precision of X.
    """
    network.eval()
    memory = RowsAtOnce() if memory is None else memory
    # A call of the module, so that hooks run.
    function = network if method == "forward" else getattr(network, method)

    def compute(n_parts, x):
        with mixed(settings.precision, device):
            parts = [
                function(part.to(device)).to(x.dtype).cpu() for part in x.tensor_split(n_parts)
            ]
        return torch.cat(parts)

    outputs = []
    for start in range(0, len(X), settings.batch_size):
        x = torch.from_numpy(np.array(X[start : start + settings.batch_size]))
        outputs.append(
            memory.try_smaller(
                lambda n_parts, x=x: compute(n_parts, x), len(x), lambda: "the result is the same"
            )
        )
    return torch.cat(outputs)


def warn_of_small_set(n_rows, batch_size):
    """Say that a batch is never full."""
    if n_rows < batch_size:
        warnings.warn(
            f"batch_size: {n_rows} training rows fill no batch of {batch_size}; every epoch is a "
            "single step",
            stacklevel=4,
        )
