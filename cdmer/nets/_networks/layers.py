"""What networks are built with: checked sizes, initial weights, recurrent layers."""

import torch
from torch import nn

from cdmer._parameters import ParameterError, check_number

# Kinds of layers; torch has no public base of them.
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
DROPOUTS = (
    nn.AlphaDropout,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.FeatureAlphaDropout,
)


def check_sizes(**sizes):
    """Check positive whole numbers, given by their names.

    Raises
    ------
    ParameterError
        If one is not.
    """
    for name, value in sizes.items():
        check_number(name, value, least=1, whole=True)


def check_widths(name, widths, n_widths):
    """Check numbers of channels or units, one per layer.

    Raises
    ------
    ParameterError
        If they are not as many positive whole numbers as asked for.
    """
    if not isinstance(widths, tuple | list) or len(widths) != n_widths:
        raise ParameterError(f"{name}: expected {n_widths} whole numbers, got {widths!r}")
    for width in widths:
        check_number(name, width, least=1, whole=True)


def he_normal(module):
    """Draw the weights of all convolutions of a module as He et al. do; biases start at zero.

    Zero mean and a variance of 2 over the number of weights that leave an input value ("fan out"),
    as torchvision initialises its residual networks and VGG: what passes backwards keeps its
    variance. PyTorch's own start lets it fade layer by layer where no batch normalisation helps.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place. Numbers come from PyTorch's global generator.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers: surpassing human-level
    performance on ImageNet classification", ICCV 2015, https://arxiv.org/abs/1502.01852
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def read_steps(layer, steps):
    """Outputs of a recurrent layer for each step.

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
