"""The discriminator of ICE-GAN: capsules for what is real and for its class."""

from itertools import pairwise
from math import log2
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from cdmer.nets._icegan.capsules import DigitCapsules, lengths, squash
from cdmer.nets._icegan.generator import check_picture
from cdmer.nets._icegan.spectral_norm import SpectralConv2d
from cdmer.nets._networks.layers import check_sizes

GRID = 8
CHANGE = 10
DIM_PRIMARY, DIM_DIGIT = 8, 16
GENERATED, REAL = 0, 1


class Verdict(NamedTuple):
    """What the discriminator finds in pictures.

    Parameters
    ----------
    authenticity : torch.Tensor of shape (n, 2)
        Lengths of the capsules "generated" and "real".
    capsules : torch.Tensor of shape (n, n_classes, 16)
        Capsules of the classes.
    """

    authenticity: torch.Tensor
    capsules: torch.Tensor

    @property
    def scores(self):
        """Lengths of the class capsules, shape (n, n_classes)."""
        return lengths(self.capsules)


class ICEGANDiscriminator(nn.Module):
    """Distinguish real pictures from generated ones, and classify both.

    Convolutions of 4x4 with stride 2 and spectral normalisation (PatchGAN) lead to 8x8 places. At
    each of them 16 primary capsules of 8 units (`width` 64) vote for two digit capsules, generated
    and real, and for one per class, of 16 units each. A decoder draws the picture from the class
    capsule of its label alone.

    Parameters
    ----------
    n_classes : int, default=3
    size : int, default=128
        A power of two from 16.
    width : int, default=64
        Channels after the first convolution; doubled by every further one. A quarter of it is the
        number of primary capsules per place.
    channels : int, default=1
        Pictures per row, 1 or 2.
    n_iterations : int, default=3
        Iterations of the routing.

    Attributes
    ----------
    n_primary : int
        Number of primary capsules: 1,024 for `width` 64.

    Notes
    -----
    Of two pictures it sees the first, and ten times what changes from there to the second: layers
    of spectral norm one cannot make a change of a few grey levels any larger.

    Primary capsules come from a convolution of 3x3 without spectral normalisation, so that their
    lengths are free. Capsules are computed in the precision of the weights: half precision would
    lose short ones.
    """

    def __init__(self, n_classes=3, size=128, width=64, channels=1, n_iterations=3):
        super().__init__()
        check_sizes(n_classes=n_classes, channels=channels)
        check_picture(size, width)
        self.n_classes, self.shape = n_classes, (channels, size, size)
        widths = [channels, *(width << i for i in range(int(log2(size // GRID))))]
        self.patches = nn.ModuleList(
            SpectralConv2d(n_in, n_out, 4, 2, 1) for n_in, n_out in pairwise(widths)
        )
        n_kinds = width // 4
        self.primary = nn.Conv2d(widths[-1], n_kinds * DIM_PRIMARY, 3, 1, 1)
        self.n_primary = GRID * GRID * n_kinds
        digits = self.n_primary, DIM_PRIMARY, DIM_DIGIT, n_iterations
        self.authenticity = _digits(2, *digits)
        self.classes = _digits(n_classes, *digits)
        self.decoder = nn.Sequential(
            nn.Linear(n_classes * DIM_DIGIT, 8 * width),
            nn.ReLU(),
            nn.Linear(8 * width, 16 * width),
            nn.ReLU(),
            nn.Linear(16 * width, channels * size * size),
            nn.Sigmoid(),
        )

    def forward(self, x):
        """Judge pictures.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, size, size)
            Grey levels from 0 to 1.

        Returns
        -------
        Verdict
        """
        x = torch.cat([2 * x[:, :1] - 1, CHANGE * (x[:, 1:] - x[:, :1])], dim=1)
        for layer in self.patches:
            x = functional.leaky_relu(layer(x), 0.2)
        x = self.primary(x)
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.classes.weight.dtype).unflatten(1, (-1, DIM_PRIMARY)).movedim(2, -1)
            capsules = squash(x.flatten(1, 3))
            return Verdict(lengths(self.authenticity(capsules)), self.classes(capsules))

    def decode(self, capsules, label):
        """Draw pictures from the capsules of their classes.

        Parameters
        ----------
        capsules : torch.Tensor of shape (n, n_classes, 16)
        label : torch.Tensor of int, shape (n,)
            Class whose capsule is read; the others count as zero.

        Returns
        -------
        torch.Tensor of shape (n, channels, size, size)
        """
        mask = functional.one_hot(label, self.n_classes).to(capsules.dtype)
        drawn = self.decoder((capsules * mask[:, :, None]).flatten(1))
        return drawn.unflatten(1, self.shape)


def _digits(n_out, n_primary, dim_primary, dim_digit, n_iterations):
    return DigitCapsules(n_primary, n_out, dim_primary, dim_digit, n_iterations)
