"""C3D: convolutions of 3x3x3 throughout."""

from torch import nn
from torch.nn import functional

from cdmer._parameters import check_number
from cdmer.nets._networks.inputs import video_input
from cdmer.nets._networks.layers import check_sizes, he_normal
from cdmer.nets._networks.network import Network

# Below, the pools leave nothing.
_LEAST = 16


class C3D(Network):
    """Convolutions over space and time [1]_.

    Eight convolutions of 3x3x3 with ReLU (64; 128; 256, 256; 512, 512; 512, 512 channels), a
    max-pool after each group: 2x2 pixels after the first, 2x2x2 after the others; two dense layers
    of 4096 with ReLU and dropout; linear layer. 78,008,067 parameters for colour clips of 16 frames
    of 112x112 and three classes; 78,409,573 with the 101 classes of UCF101.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    channels : int, default=3
        3 for colour, 1 for grey clips.
    n_frames : int, default=16
        Frames of a clip, at least 16.
    size : int, default=112
        Height and width of the frames, at least 16.
    width : int, default=64
        Channels of the first convolution; the others have two, four and eight times as many.
    n_hidden : int, default=4096
        Units of both dense layers, the number of features.
    dropout : float, default=0.5
        Share of the values set to zero in training, after each dense layer.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    The last pool pads height and width by one pixel, as published, so that 8,192 numbers reach the
    dense layers. Layers have their published names: ``conv1`` to ``conv5b``, ``fc6``, ``fc7``; the
    published ``fc8`` is ``head``, by which `load_weights` knows the weights of Sports-1M (487
    classes) that [2]_ brought to PyTorch. Those expect red, green and blue from 0 to 255:
    ``Frames(colour=True, scaling="pixels")``, which `made_by` names once they are loaded.

    References
    ----------
    .. [1] D. Tran, L. Bourdev, R. Fergus, L. Torresani and M. Paluri, "Learning spatiotemporal
       features with 3D convolutional networks", ICCV 2015, https://arxiv.org/abs/1412.0767
    .. [2] https://github.com/DavideA/c3d-pytorch

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import C3D
    >>> network = C3D(size=32, width=8, n_hidden=64)
    >>> network(torch.zeros(2, 3, 16, 32, 32)).shape
    torch.Size([2, 3])
    """

    _released_names = {"fc8": "head"}

    def __init__(
        self,
        n_classes=3,
        channels=3,
        n_frames=16,
        size=112,
        width=64,
        n_hidden=4096,
        dropout=0.5,
    ):
        check_sizes(channels=channels, width=width, n_hidden=n_hidden)
        check_number("n_frames", n_frames, least=_LEAST, whole=True)
        check_number("size", size, least=_LEAST, whole=True)
        super().__init__([video_input(channels, n_frames, size)])
        self.conv1 = _convolution(channels, width)
        self.pool1 = nn.MaxPool3d((1, 2, 2))
        self.conv2 = _convolution(width, 2 * width)
        self.pool2 = nn.MaxPool3d(2)
        self.conv3a = _convolution(2 * width, 4 * width)
        self.conv3b = _convolution(4 * width, 4 * width)
        self.pool3 = nn.MaxPool3d(2)
        self.conv4a = _convolution(4 * width, 8 * width)
        self.conv4b = _convolution(8 * width, 8 * width)
        self.pool4 = nn.MaxPool3d(2)
        self.conv5a = _convolution(8 * width, 8 * width)
        self.conv5b = _convolution(8 * width, 8 * width)
        self.pool5 = nn.MaxPool3d(2, padding=(0, 1, 1))
        side = size // 16 // 2 + 1
        self.fc6 = nn.Linear(8 * width * (n_frames // 16) * side * side, n_hidden)
        self.fc7 = nn.Linear(n_hidden, n_hidden)
        he_normal(self)
        self._finish(n_hidden, n_classes, dropout)

    def _released_input(self):
        return [video_input(*self.expected_input[0].shape[:3], scaling="pixels")]

    def _features(self, clip):
        x = self.pool1(functional.relu(self.conv1(clip)))
        x = self.pool2(functional.relu(self.conv2(x)))
        x = functional.relu(self.conv3a(x))
        x = self.pool3(functional.relu(self.conv3b(x)))
        x = functional.relu(self.conv4a(x))
        x = self.pool4(functional.relu(self.conv4b(x)))
        x = functional.relu(self.conv5a(x))
        x = self.pool5(functional.relu(self.conv5b(x)))
        x = self.dropout(functional.relu(self.fc6(x.flatten(1))))
        return functional.relu(self.fc7(x))


def _convolution(n_in, n_out):
    return nn.Conv3d(n_in, n_out, 3, padding=1)
