"""Shallow triple stream three-dimensional CNN."""

from collections import OrderedDict

import torch
from torch import nn

from cdmer._parameters import check_number
from cdmer.nets._networks.inputs import flow_input
from cdmer.nets._networks.network import Network

_N_FILTERS = (3, 5, 8)


class STSTNet(Network):
    """Shallow triple stream three-dimensional CNN (STSTNet) [1]_.

    Three streams look at the same pictures, with 3, 5 and 8 filters of 3 x 3: convolution (padding
    2) → ReLU → batch normalisation → maximum over 3 x 3, every third (padding 1) → dropout. Their
    16 maps of 10 x 10 are joined, averaged over 2 x 2, and the 400 numbers scored by a linear
    layer. 1,683 parameters.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    channels : sequence of str, default=("u", "v", "strain")
        What the pictures hold, see `cdmer.features.FlowImages`.
    size : int, default=28
        Height and width of the pictures, at least 2.
    dropout : float, default=0.5
        Share of the streams' values set to zero in training.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or value.

    See Also
    --------
    OffApexNet : The same authors' two deeper streams, one per component of the flow.
    load_weights : Fill it from a file, under other names too.

    Notes
    -----
    Trained in [1]_ on pictures of a TV-L1 flow that run from 0 to 255 (``FlowImages``'s
    "per-image"), without a validation set: Adam, learning rate 5e-5, batches of 256, 500 epochs,
    the last of which is kept. Leaving one subject out on the composite of 442 clips [1]_ states
    UF1 .7353 and UAR .7605; the weights that were released for PyTorch score .7209 and .7250.

    Those files [2]_ name their layers ``conv1``, ``bn1``, ``conv2``, ``bn2``, ``conv3``, ``bn3``
    and ``fc``, which `load_weights` knows. They want the channels ("strain", "v", "u") from 0 to
    255, because they were trained on pictures saved as (u, v, strain) and read by `cv2.imread`,
    which gives the channels reversed (BGR); in the usual order their UF1 is .396. `load_weights`
    sets `expected_input` accordingly: ``FlowImages(channels=("strain", "v", "u"))`` makes it.

    References
    ----------
    .. [1] S.-T. Liong, Y. S. Gan, J. See, H.-Q. Khor and Y.-C. Huang, "Shallow triple stream
       three-dimensional CNN (STSTNet) for micro-expression recognition", FG 2019,
       https://arxiv.org/abs/1902.03634
    .. [2] https://github.com/christy1206/STSTNet

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import STSTNet, count_parameters
    >>> network = STSTNet().eval()
    >>> network(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 3])
    >>> count_parameters(network)
    1683
    """

    _released_names = {
        "conv1": "streams.0.conv",
        "bn1": "streams.0.norm",
        "conv2": "streams.1.conv",
        "bn2": "streams.1.norm",
        "conv3": "streams.2.conv",
        "bn3": "streams.2.norm",
        "fc": "head",
    }

    def __init__(self, n_classes=3, channels=("u", "v", "strain"), size=28, dropout=0.5):
        super().__init__([flow_input(channels, size, least=2)])
        check_number("dropout", dropout, least=0, most=1)
        self.streams = nn.ModuleList(_stream(len(channels), n, dropout) for n in _N_FILTERS)
        self.pool = nn.AvgPool2d(2)
        # The padded convolution adds 2 to the size, the padded pool 2 more before it divides.
        side = ((size + 2 + 2) // 3) // 2
        self._finish(sum(_N_FILTERS) * side**2, n_classes)

    def _released_input(self):
        size = self.expected_input[0].shape[-1]
        return [flow_input(("strain", "v", "u"), size, least=2)]

    def _features(self, pictures):
        maps = torch.cat([stream(pictures) for stream in self.streams], dim=1)
        return self.pool(maps).flatten(1)


def _stream(n_channels, n_filters, dropout):
    layers = OrderedDict(
        conv=nn.Conv2d(n_channels, n_filters, 3, padding=2),
        relu=nn.ReLU(),
        norm=nn.BatchNorm2d(n_filters),
        pool=nn.MaxPool2d(3, stride=3, padding=1),
        dropout=nn.Dropout(dropout),
    )
    return nn.Sequential(layers)
