"""The generator of ICE-GAN: a U-Net that gives a face another expression."""

from itertools import pairwise
from math import log2

import torch
from torch import nn
from torch.nn import functional

from cdmer._parameters import ParameterError, check_flag
from cdmer.nets._icegan.graph_reasoning import GraphReasoning
from cdmer.nets._icegan.spectral_norm import SpectralConv2d, SpectralConvTranspose2d
from cdmer.nets._networks.layers import check_sizes

N_NOISE = 100
DARKEST = 1e-3


class ICEGANGenerator(nn.Module):
    """Change the expression of a face [1]_.

    Convolutions of 4x4 with stride 2 and spectral normalisation bring the face down to a single
    place; there noise and the class asked for join it, and transposed convolutions lead back up.
    Each map on the way up is joined by that of its size on the way down, through a module of
    `GraphReasoning`.

    Parameters
    ----------
    n_classes : int, default=3
    size : int, default=128
        Height and width of the face: a power of two from 16.
    width : int, default=64
        Channels after the first convolution; those that follow have 2, 4, and 8 times as many,
        the last 5 times. A multiple of 4.
    graph_reasoning : bool, default=True
        False joins the maps as they are.

    Attributes
    ----------
    n_features : int
        Channels of the single place, the generator's features of a face.
    n_noise : int
        Numbers of noise, 100.

    Notes
    -----
    The picture itself is the outermost skip: the U-Net gives what is added to the logit of each
    grey level, so that one that gives nothing leaves the face alone, and no level leaves the range
    from 0 to 1. Micro-expressions move a face by a pixel or two; without this the network would
    have to learn to copy before it could learn to move. The one-hot code of the class is scaled to
    the length of the noise, which else drowns it. The graphs have a node for every four
    channels, and half as many states as channels. [1]_ leaves these open.

    References
    ----------
    .. [1] J. Yu, C. Zhang, Y. Song and W. Cai, "ICE-GAN: identity-aware and capsule-enhanced GAN
       with graph-based reasoning for micro-expression recognition and synthesis", IJCNN 2021,
       https://doi.org/10.1109/IJCNN52387.2021.9533988, https://arxiv.org/abs/2005.04370
    """

    n_noise = N_NOISE

    def __init__(self, n_classes=3, size=128, width=64, graph_reasoning=True):
        super().__init__()
        check_sizes(n_classes=n_classes)
        check_picture(size, width)
        check_flag("graph_reasoning", graph_reasoning)
        self.n_classes, self.size, self.width = n_classes, size, width
        self.graph_reasoning = graph_reasoning
        widths = down_widths(size, width)
        self.n_features = widths[-1]
        self.down = nn.ModuleList(
            SpectralConv2d(n_in, n_out, 4, 2, 1) for n_in, n_out in pairwise([1, *widths])
        )
        self.reason = nn.ModuleList(
            GraphReasoning(n, max(1, n // 4), max(1, n // 2)) if graph_reasoning else nn.Identity()
            for n in widths[:-1]
        )
        # From the single place up: every map but the first comes with its skip.
        outputs = widths[-2::-1]
        inputs = [widths[-1] + N_NOISE + n_classes, *(2 * n for n in outputs)]
        self.up = nn.ModuleList(
            SpectralConvTranspose2d(n_in, n_out, 4, 2, 1)
            for n_in, n_out in zip(inputs, outputs, strict=False)
        )
        # Free to be as faint or as strong as expressions are.
        self.last = nn.ConvTranspose2d(inputs[-1], 1, 4, 2, 1)
        if not self.last.weight.is_meta:  # of which torch would load its compiler first
            nn.init.normal_(self.last.weight, std=0.02)
        nn.init.zeros_(self.last.bias)

    def forward(self, face, label, noise):
        """Change the expression of faces.

        Parameters
        ----------
        face : torch.Tensor of shape (n, 1, size, size)
            Grey levels from 0 to 1.
        label : torch.Tensor of int, shape (n,)
            Positions of the classes asked for.
        noise : torch.Tensor of shape (n, 100)

        Returns
        -------
        torch.Tensor of shape (n, 1, size, size)
            Grey levels from 0 to 1.
        """
        maps = self._descend(face)
        asked = N_NOISE**0.5 * functional.one_hot(label, self.n_classes).to(face.dtype)
        code = torch.cat([noise, asked], dim=1)[:, :, None, None]
        x = torch.cat([maps.pop(), code], dim=1)
        for up, below, reason in zip(self.up, maps[::-1], self.reason[::-1], strict=True):
            x = torch.cat([torch.relu(up(x)), reason(below)], dim=1)
        return torch.sigmoid(torch.logit(face, eps=DARKEST) + self.last(x))

    def embed(self, face):
        """Features of faces: the maps at the single place.

        Parameters
        ----------
        face : torch.Tensor of shape (n, 1, size, size)

        Returns
        -------
        torch.Tensor of shape (n, n_features)
        """
        return self._descend(face)[-1].flatten(1)

    def _descend(self, face):
        maps, x = [], 2 * face - 1
        for down in self.down:
            x = functional.leaky_relu(down(x), 0.2)
            maps.append(x)
        return maps


def down_widths(size, width):
    """Channels on the way down, a list of int: for 128 and 64 those of the paper."""
    n_layers = int(log2(size))
    return [width, 2 * width, 4 * width, *[8 * width] * (n_layers - 4), 5 * width]


def check_picture(size, width):
    """Check the sizes of both networks.

    Raises
    ------
    ParameterError
        If `size` is no power of two from 16, or `width` no multiple of 4.
    """
    check_sizes(size=size, width=width)
    if size < 16 or size & (size - 1):
        raise ParameterError(f"size: expected a power of two from 16, got {size!r}")
    if width % 4:
        raise ParameterError(f"width: expected a multiple of 4, got {width!r}")
