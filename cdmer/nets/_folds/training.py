"""Gradient descent on many networks at once, epoch by epoch."""

from typing import NamedTuple

import numpy as np
import torch

from cdmer.nets._training.classifier_training import make_optimizer
from cdmer.nets._training.rows import epoch_batches
from cdmer.nets._training.start import Start
from cdmer.nets._training.training import check_finite


class Member(NamedTuple):
    """One fold among those that are trained together.

    Parameters
    ----------
    number : int
        Position among the folds.
    model : NetClassifier
    start : Start
        Without its rows of X.
    fold : ndarray of int
        Positions of its rows.
    generator : torch.Generator
        Generator of dropout.
    """

    number: int
    model: object
    start: Start
    fold: np.ndarray
    generator: torch.Generator

    def batches(self):
        """Draw the batches of one epoch.

        Returns
        -------
        list of (ndarray, ndarray, ndarray)
            Rows, codes, and weights by which losses add up to the loss of the batch.
        """
        rows, model = self.start.rows, self.model
        balanced = model.sampler == "balanced"
        drawn = epoch_batches(rows, model.batch_size, balanced, self.start.generator)
        return [self._batch(source) for source, _ in drawn]

    def _batch(self, source):
        codes = self.start.rows.codes[source]
        weights = self.start.rows.class_weights[codes] / len(source)
        return self.fold[source], codes, weights.astype(self.start.rows.X.dtype)


def train_stacked(stack, members, fail, advance):
    """Train the networks of some folds that have as many batches per epoch as each other.

    Parameters
    ----------
    stack : StackedModule or StackedSTSTNet
    members : list of Member
        In the order of the stack.
    fail : callable
        Called with a fold's number and its exception; the other folds go on.
    advance : callable
        Called with the number of epochs of single folds done.

    Returns
    -------
    list of list of float
        The loss of every epoch, for each member; shorter for those that failed.
    """
    settings = members[0].model
    optimizer = make_optimizer(stack.parameters, settings)
    curves, failed = [[] for _ in members], set()
    latest = _draw_epoch(members)
    for epoch in range(settings.n_epochs):
        steps, losses = latest, []
        for batches in steps:
            losses.append(stack.losses(batches))
            optimizer.step()
        if epoch + 1 < settings.n_epochs:
            latest = _draw_epoch(members)  # while a GPU is still at work
        # Looked at once per epoch: every look waits for the GPU.
        losses = torch.stack(losses).double().cpu().numpy()
        for i, member in enumerate(members):
            if i in failed:
                continue
            try:
                check_finite({"loss": losses[:, i]}, epoch, settings)
            except FloatingPointError as error:
                fail(member.number, error)
                failed.add(i)
                continue
            lengths = [len(batches[i][0]) for batches in steps]
            curves[i].append(float(np.average(losses[:, i], weights=lengths)))
        if len(failed) == len(members):
            break
        advance(len(members))
    stack.hand_back()
    return curves


def _draw_epoch(members):
    """Batches of all members, step by step."""
    return list(zip(*(member.batches() for member in members), strict=True))
