"""Copies of what a module has learnt."""

import torch


def tensors_of(module, parameters=True):
    """Copy the buffers of a module, and its parameters, by their names.

    Unlike its state dict this has the buffers that are not kept in files.
    """
    found = dict(module.named_buffers())
    if parameters:
        found |= dict(module.named_parameters())
    return {name: tensor.detach().clone() for name, tensor in found.items()}


@torch.no_grad()
def copy_into(module, tensors):
    """Overwrite buffers and parameters of a module, by their names."""
    own = dict(module.named_buffers()) | dict(module.named_parameters())
    for name, tensor in tensors.items():
        own[name].copy_(tensor)
