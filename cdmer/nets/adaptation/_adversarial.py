"""What adversarial losses share: a domain classifier and reversed gradients."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import softplus

from cdmer._parameters import ParameterError, check_number
from cdmer.nets.adaptation._base import Adaptation


class Adversarial(Adaptation):
    """Base of losses with a domain head, which has `hidden_layer_sizes` and `lr_factor`."""

    def _check_parameters(self):
        super()._check_parameters()
        check_number("lr_factor", self.lr_factor, above=0)
        sizes = self.hidden_layer_sizes
        if not isinstance(sizes, tuple | list):
            raise ParameterError(f"hidden_layer_sizes: expected a tuple of numbers, got {sizes!r}")
        for size in sizes:
            check_number("hidden_layer_sizes", size, least=1, whole=True)


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def reverse(x, strength):
    """Return x itself; its gradient is reversed and multiplied by `strength`."""
    return _Reversal.apply(x, strength)


def domain_head(n_inputs, hidden_layer_sizes):
    """Layers that score how much a row looks like a source row: one number, before any sigmoid."""
    sizes = [n_inputs, *hidden_layer_sizes]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 1), nn.Flatten(0))


def domain_loss(source_scores, target_scores, source_weights=1.0, target_weights=1.0):
    """Mean cross-entropy of the source rows plus that of the target rows.

    Parameters
    ----------
    source_scores : torch.Tensor of shape (n_source,)
        As `domain_head` gives them.
    target_scores : torch.Tensor of shape (n_target,)
    source_weights : torch.Tensor of shape (n_source,) or float, default=1.0
        Each row's loss is multiplied by it.
    target_weights : torch.Tensor of shape (n_target,) or float, default=1.0

    Returns
    -------
    torch.Tensor of shape ()
    """
    source_loss = source_weights * softplus(-source_scores)  # -log sigmoid
    target_loss = target_weights * softplus(target_scores)  # -log(1 - sigmoid)
    return source_loss.mean() + target_loss.mean()
