"""Recurrent layers, on every processor."""

import torch


def read_steps(layer, steps):
    """Give what a recurrent layer makes of each step.

    On the CPU it is computed in the precision of its weights, also under autocast: oneDNN has
    recurrent layers of half precision for some processors alone, and raises an error on others.

    Parameters
    ----------
    layer : torch.nn.RNNBase
        With ``batch_first=True``.
    steps : torch.Tensor of shape (n_clips, n_steps, n_inputs)

    Returns
    -------
    torch.Tensor of shape (n_clips, n_steps, n_units)
    """
    if steps.device.type != "cpu":
        return layer(steps)[0]
    with torch.autocast("cpu", enabled=False):
        return layer(steps.to(layer.weight_ih_l0.dtype))[0]
