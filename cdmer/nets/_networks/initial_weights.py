"""Initial weights of deep networks of convolutions."""

from torch import nn


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
