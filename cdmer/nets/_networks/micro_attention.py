"""Micro-attention: a residual network whose blocks learn weights of places."""

import torch
from torch import nn
from torch.nn import functional

from cdmer.nets._networks.residual import ResidualBlock
from cdmer.nets._networks.resnet10 import ResNet10

REDUCTION = 16


class MicroAttentionBlock(ResidualBlock):
    """A residual block with a weight per place, computed from all its branches.

    Parameters are those of `ResidualBlock`.
    """

    def __init__(self, n_in, n_out, stride):
        super().__init__(n_in, n_out, stride)
        n_between = max(1, n_out // REDUCTION)
        self.attention = nn.Sequential(
            nn.Conv2d(3 * n_out, n_between, 1),
            nn.ReLU(),
            nn.Conv2d(n_between, 1, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        """Add the branches, and once more times the weight of each place."""
        shortcut, first, second = self.branches(x)
        mask = self.attention(torch.cat([shortcut, first, second], dim=1))
        total = shortcut + second
        return functional.relu(total * mask + total)


class MicroAttentionNet(ResNet10):
    r"""ResNet-10 with a micro-attention unit in each block [1]_.

    With the shortcut :math:`s` and the two convolutions :math:`c_1, c_2` of a residual block, all
    of one shape,

    .. math::
        m = \operatorname{sigmoid}(\operatorname{conv}_{1 \times 1}(\operatorname{conv}_{1 \times 1}
        [s, c_1, c_2])), \qquad \text{out} = (s + c_2)\, m + (s + c_2),

    where the mask :math:`m` has one value per place. 4,966,463 parameters for grey faces and three
    classes, 1.3 % more than `ResNet10`.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    channels : int, default=1
        1 for grey faces, 3 for colour.
    size : int, default=224
        Height and width of the face.
    widths : sequence of four int, default=(64, 128, 256, 512)
        Channels of the residual blocks; the last is the number of features.
    dropout : float, default=0.0
        Share of the features set to zero in training.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    The first 1x1 convolution keeps a sixteenth of the block's channels and is followed by a ReLU;
    [1]_ asks for no noticeable number of parameters and leaves both open. The published results
    start from weights learnt on a larger set of macro-expressions, which is part of the method;
    from random weights they are not to be expected.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] C. Wang, M. Peng, T. Bi and T. Chen, "Micro-attention for micro-expression recognition",
       Neurocomputing 410, 2020, https://doi.org/10.1016/j.neucom.2020.06.005,
       https://arxiv.org/abs/1811.02360

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import MicroAttentionNet
    >>> network = MicroAttentionNet(size=64).eval()
    >>> network(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2, 3])
    """

    _block = MicroAttentionBlock
