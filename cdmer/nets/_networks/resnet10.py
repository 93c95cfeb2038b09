"""ResNet-10 on the apex frame."""

from cdmer.nets._networks.inputs import apex_part
from cdmer.nets._networks.layers import check_sizes
from cdmer.nets._networks.network import Network
from cdmer.nets._networks.residual import WIDTHS, ResidualBlock, ResidualTrunk


class ResNet10(Network):
    """A 10-layer residual network on the apex frame [1]_, the trunk of `ATNet`.

    7x7 convolution with stride 2, batch normalisation, 3x3 max-pool with stride 2; one residual
    block of two 3x3 convolutions for each of 64, 128, 256 and 512 channels, the last three with
    stride 2; global average pool; linear layer. 4,901,059 parameters for grey faces and three
    classes.

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

    See Also
    --------
    MicroAttentionNet : The same with attention in each block.

    Notes
    -----
    Layers bear torchvision's names after ``trunk.``: ``trunk.layer2.0.conv1.weight``.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition",
       CVPR 2016, https://arxiv.org/abs/1512.03385

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import ResNet10
    >>> network = ResNet10(size=64).eval()
    >>> faces = torch.zeros(2, 1, 64, 64)
    >>> network(faces).shape, network.embed(faces).shape
    (torch.Size([2, 3]), torch.Size([2, 512]))
    """

    _block = ResidualBlock

    def __init__(self, n_classes=3, channels=1, size=224, widths=WIDTHS, dropout=0.0):
        check_sizes(channels=channels, size=size)
        super().__init__([apex_part(channels, size)])
        self.trunk = ResidualTrunk(channels, widths, self._block)
        self._finish(self.trunk.n_features, n_classes, dropout)

    def _features(self, face):
        return self.trunk(face)
