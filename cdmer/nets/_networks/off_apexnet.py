"""Optical flow features from apex frame network."""

from collections import OrderedDict

import torch
from torch import nn

from cdmer.nets._networks.inputs import flow_input
from cdmer.nets._networks.network import Network

_N_HIDDEN = 1024


class OffApexNet(Network):
    """Optical flow features from apex frame network (OFF-ApexNet) [1]_.

    Each component of the flow has a stream of its own: 6 filters of 5 x 5 → ReLU → maximum over
    2 x 2 → 16 filters of 5 x 5 → ReLU → maximum over 2 x 2, the convolutions padded to keep the
    size. The 2 x 16 maps of 7 x 7 are joined and pass two layers of 1,024 units with ReLU before
    the final one. 2,664,475 parameters.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    channels : sequence of str, default=("u", "v")
        What the pictures hold, see `cdmer.features.FlowImages`; a stream for each.
    size : int, default=28
        Height and width of the pictures, at least 4.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or value.

    See Also
    --------
    STSTNet : The same authors' smaller network.

    Notes
    -----
    [1]_ states an accuracy of 74.60 % over three databases. The largest class has the largest
    weight in an accuracy: it is not comparable with UF1 and UAR.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] Y. S. Gan, S.-T. Liong, W.-C. Yau, Y.-C. Huang and L.-K. Tan, "OFF-ApexNet on
       micro-expression recognition system", Signal Processing: Image Communication, 2019,
       https://arxiv.org/abs/1805.08699

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import OffApexNet
    >>> network = OffApexNet(n_classes=5)
    >>> network(torch.zeros(2, 2, 28, 28)).shape
    torch.Size([2, 5])
    >>> network.expected_input[0].made_by
    "FlowImages(channels=('u', 'v'), size=28)"
    """

    def __init__(self, n_classes=3, channels=("u", "v"), size=28):
        super().__init__([flow_input(channels, size, least=4)])
        self.streams = nn.ModuleList(_stream() for _ in channels)
        n_joined = len(channels) * 16 * (size // 2 // 2) ** 2
        self.dense = nn.Sequential(
            nn.Linear(n_joined, _N_HIDDEN), nn.ReLU(), nn.Linear(_N_HIDDEN, _N_HIDDEN), nn.ReLU()
        )
        self._finish(_N_HIDDEN, n_classes)

    def _features(self, pictures):
        planes = pictures.split(1, dim=1)
        maps = [stream(plane) for stream, plane in zip(self.streams, planes, strict=True)]
        return self.dense(torch.cat(maps, dim=1).flatten(1))


def _stream():
    layers = OrderedDict(
        conv1=nn.Conv2d(1, 6, 5, padding=2),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, 5, padding=2),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
    )
    return nn.Sequential(layers)
