"""Training, epoch by epoch: the loop, steps that fit into memory, and what is checked."""

import warnings
from abc import ABC, abstractmethod

import numpy as np
import torch

from cdmer._devices import RowsAtOnce, mixed, random_states, set_random_states
from cdmer.nets._training.checkpoint import copy_into
from cdmer.nets._training.rows import epoch_batches

N_TRIED = 8  # rows that a trained network is tried on


class Training(ABC):
    """A fit under way: everything that changes from step to step, and the steps.

    Parameters
    ----------
    start : Start
        Its network is trained in place, on the device.
    settings : TrainedClassifier
        Its parameters are read.
    device : torch.device

    Attributes
    ----------
    epoch : int
        Number of epochs done.
    losses : list
        What `_record` keeps of every epoch done.
    validation_losses : list of float
        One per epoch done; empty without validation rows.
    best : dict of str to torch.Tensor
        Weights after the epoch with the least validation loss; empty without validation rows.
    memory : RowsAtOnce
    """

    rates = ("learning_rate",)  # parameters that hold learning rates

    def __init__(self, start, settings, device):
        self.network, self.module, self.device = start.network.to(device), start.module, device
        if self.module is not None:
            self.module.to(next(self.network.parameters()))
        self.rows, self.generator, self.settings = start.rows, start.generator, settings
        self.optimizer = self._make_optimizer()
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
        self.memory = RowsAtOnce()
        self.epoch, self.losses, self.validation_losses, self.best = 0, [], [], {}
        self._codes = torch.from_numpy(self.rows.codes)
        self._buffers = list(self.network.buffers())

    @abstractmethod
    def _make_optimizer(self):
        """Make the optimizer of all that is trained."""

    @abstractmethod
    def _step(self, source, target, progress):
        """Learn from one batch, by `_descend`.

        Parameters
        ----------
        source, target : ndarray of int
            Positions of rows; `target` is empty if no row is a target row.
        progress : float
            Share of the training that is done.

        Returns
        -------
        dict of str to torch.Tensor of shape ()
            Losses, or their terms, by name.
        """

    @abstractmethod
    def _record(self, curves, lengths):
        """Summarise an epoch's losses.

        Parameters
        ----------
        curves : dict of str to ndarray of float, shape (n_batches,)
            What `_step` gave.
        lengths : list of int
            Number of source rows of each batch.

        Returns
        -------
        float or dict of str to float
        """

    @abstractmethod
    def _consequence(self):
        """Describe, for a warning, how a step changes where its batch is computed in parts."""

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
            If a loss is no longer finite.
        """
        self.network.train()
        balanced, size = self.settings.sampler == "balanced", self.settings.batch_size
        batches = list(epoch_batches(self.rows, size, balanced, self.generator))
        steps = [
            self._step(*batch, (self.epoch + i / len(batches)) / self.settings.n_epochs)
            for i, batch in enumerate(batches)
        ]
        # Looked at once per epoch: every look waits for the GPU.
        curves = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
        curves = {name: curve.double().cpu().numpy() for name, curve in curves.items()}
        check_finite(curves, self.epoch, self.settings, self.rates)
        self.epoch += 1
        self.losses.append(self._record(curves, [len(source) for source, _ in batches]))

    def finish(self):
        """Take the best weights, if there are validation rows.

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
        check_trained(self.network, some, self.epoch, self.settings, self.rates, self.memory)

    def _descend(self, n_rows, add_gradients):
        """Make a step of the optimizer, computed in parts where the memory asks for it.

        Parameters
        ----------
        n_rows : int
        add_gradients : callable
            Takes the number of parts, adds up their gradients.

        Returns
        -------
        object
            What `add_gradients` gives.
        """
        buffers = [buffer.clone() for buffer in self._buffers]
        drawn = random_states(self.device)

        def compute(n_parts):
            self.optimizer.zero_grad(set_to_none=True)
            return add_gradients(n_parts)

        def begin_again():
            # What ran out of memory has moved running means and drawn random numbers.
            for buffer, value in zip(self._buffers, buffers, strict=True):
                buffer.copy_(value)
            set_random_states(drawn, self.device)

        found = self.memory.try_smaller(compute, n_rows, self._consequence, begin_again)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return found


def check_finite(curves, epoch, settings, rates=Training.rates):
    """Raise an error where losses are no longer finite.

    Parameters
    ----------
    curves : dict of str to ndarray of float, shape (n_batches,)
        Losses of one epoch by name, or the terms of one.
    epoch : int
        Number of epochs before it.
    settings : TrainedClassifier
    rates : tuple of str
        Names of its learning rates.

    Raises
    ------
    FloatingPointError
        Naming epoch, batch and learning rates.
    """
    wrong = {name: np.flatnonzero(~np.isfinite(curve)) for name, curve in curves.items()}
    wrong = {name: batches[0] for name, batches in wrong.items() if len(batches)}
    if wrong:
        name = min(wrong, key=wrong.get)
        term = f" for the term {name!r}" if len(curves) > 1 else ""
        raise FloatingPointError(
            f"loss: expected a finite number, got {curves[name][wrong[name]]}{term} in batch "
            f"{wrong[name] + 1} of epoch {epoch + 1} with {_values(settings, rates)}; try a "
            "smaller rate, or bring X to a common scale"
        )


def check_trained(network, X, epoch, settings, rates=Training.rates, memory=None):
    """Raise an error where the last step, after which no loss is computed, spoilt a network.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    X : ndarray of shape (n, ...)
        Some rows that it was trained on.
    epoch : int
        Number of epochs done.
    settings : TrainedClassifier
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
        raise FloatingPointError(
            f"scores: expected finite numbers, got others after the last batch of epoch {epoch} "
            f"with {_values(settings, rates)}; try a smaller rate, or bring X to a common scale"
        )


def _values(settings, names):
    return " and ".join(f"{name}={getattr(settings, name)}" for name in names)


@torch.no_grad()
def forward_all(network, X, device, settings, memory=None, method="forward"):
    """Compute the outputs of a network for all rows of an array, without gradients.

    Parameters
    ----------
    network : torch.nn.Module
        On the device; left in evaluation mode.
    X : ndarray of shape (n, ...)
    device : torch.device
    settings : TrainedClassifier
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
    """Warn if no batch is full."""
    if n_rows < batch_size:
        warnings.warn(
            f"batch_size: {n_rows} training rows fill no batch of {batch_size}; every epoch is a "
            "single step",
            stacklevel=4,
        )
