"""Single- and dual-stream shallow networks: AlexNet up to its second convolution."""

from collections import OrderedDict

import torch
from torch import nn

from cdmer._parameters import ParameterError, check_choice, check_number
from cdmer.nets._networks.inputs import flow_input
from cdmer.nets._networks.network import Network

_MERGES = {
    "product": torch.mul,
    "sum": torch.add,
    "concatenation": lambda first, second: torch.cat([first, second], dim=1),
}
_N_MAPS = 256
# The first pool has to leave the second one 3 x 3.
_LEAST_SIZE = 35


class SSSN(Network):
    """Single-stream shallow network (SSSN) [1]_.

    AlexNet [2]_ up to its second convolution: 96 filters of 11 x 11, every fourth → ReLU → local
    response normalisation → maximum over 3 x 3, every second → 256 filters of 5 x 5 in two groups
    (padding 2) → ReLU → normalisation → maximum, as before; then dropout and the final layer.
    472,195 parameters; 515,203 with the authors' padding.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    channels : sequence of str, default=("u", "v", "strain")
        What the pictures hold, see `cdmer.features.FlowImages`.
    size : int, default=227
        Height and width of the pictures, at least 35.
    final_padding : int, default=0
        Rows and columns of zeros around the last maps. 0 leaves the 13 x 13 of AlexNet; 1 gives
        the 15 x 15 (57,600 numbers) of the authors, who kept the padding of the third convolution.
        Weights of the final layer that meet zeros are not learnt: both score alike.
    dropout : float, default=0.5
        Share of the features set to zero in training.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or value.

    See Also
    --------
    DSSN : Two such streams.

    Notes
    -----
    The normalisation is that of [2]_: a / (2 + 1e-4 s) ** 0.75, where s is the sum of squares over
    five neighbouring maps.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] H.-Q. Khor, J. See, S.-T. Liong, R. C. W. Phan and W. Lin, "Dual-stream shallow networks
       for facial micro-expression recognition", ICIP 2019,
       https://doi.org/10.1109/ICIP.2019.8802965
    .. [2] A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep
       convolutional neural networks", NIPS 2012, https://doi.org/10.1145/3065386

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import SSSN
    >>> network = SSSN()
    >>> network.embed(torch.zeros(1, 3, 227, 227)).shape
    torch.Size([1, 43264])
    """

    def __init__(
        self,
        n_classes=3,
        channels=("u", "v", "strain"),
        size=227,
        final_padding=0,
        dropout=0.5,
    ):
        super().__init__([flow_input(channels, size, least=_LEAST_SIZE)])
        side = _last_side(size, final_padding)
        self.stream = _stream(len(channels), final_padding)
        self._finish(_N_MAPS * side**2, n_classes, dropout)

    def _features(self, pictures):
        return self.stream(pictures).flatten(1)


class DSSN(Network):
    """Dual-stream shallow network (DSSN) [1]_.

    Two streams with weights of their own, each as in `SSSN`; their features are merged before
    dropout and the final layer. 814,595 parameters (product and sum), 944,387 (concatenation).

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    streams : pair of sequences of str, default=(("u", "v", "magnitude"), ("u", "v", "strain"))
        Channels that each stream reads. The input holds each channel once, in the order in which
        they are first named: u, v, magnitude and strain by default.
    merge : {"product", "sum", "concatenation"}, default="product"
        How the streams' features are merged; the first two element by element.
    size : int, default=227
        Height and width of the pictures, at least 35.
    final_padding : int, default=0
        Zeros around the last maps, see `SSSN`; 1 is what the authors have.
    dropout : float, default=0.5
        Share of the merged features set to zero in training.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type or value.

    See Also
    --------
    SSSN : One of the streams.

    Notes
    -----
    [1]_ scores each database alone, over its own classes: not comparable with scores on the
    composite or across databases.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] H.-Q. Khor, J. See, S.-T. Liong, R. C. W. Phan and W. Lin, "Dual-stream shallow networks
       for facial micro-expression recognition", ICIP 2019,
       https://doi.org/10.1109/ICIP.2019.8802965

    Examples
    --------
    >>> from cdmer.nets import DSSN, count_parameters
    >>> network = DSSN(merge="concatenation", size=67)
    >>> network.expected_input[0].made_by
    "FlowImages(channels=('u', 'v', 'magnitude', 'strain'), size=67)"
    >>> network.n_features
    4608
    """

    def __init__(
        self,
        n_classes=3,
        streams=(("u", "v", "magnitude"), ("u", "v", "strain")),
        merge="product",
        size=227,
        final_padding=0,
        dropout=0.5,
    ):
        _check_streams(streams)
        check_choice("merge", merge, _MERGES)
        channels = tuple(dict.fromkeys(channel for stream in streams for channel in stream))
        super().__init__([flow_input(channels, size, least=_LEAST_SIZE)])
        side = _last_side(size, final_padding)
        self.merge = merge
        self.places = [[channels.index(channel) for channel in stream] for stream in streams]
        self.streams = nn.ModuleList(_stream(len(stream), final_padding) for stream in streams)
        n_merged = len(streams) if merge == "concatenation" else 1
        self._finish(n_merged * _N_MAPS * side**2, n_classes, dropout)

    def _features(self, pictures):
        first, second = (
            stream(pictures[:, places]).flatten(1)
            for stream, places in zip(self.streams, self.places, strict=True)
        )
        return _MERGES[self.merge](first, second)


def _stream(n_channels, final_padding):
    # torch divides alpha by the five maps that it sums over; the definition does not.
    layers = OrderedDict(
        conv1=nn.Conv2d(n_channels, 96, 11, stride=4),
        relu1=nn.ReLU(),
        norm1=nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2),
        pool1=nn.MaxPool2d(3, stride=2),
        conv2=nn.Conv2d(96, _N_MAPS, 5, padding=2, groups=2),
        relu2=nn.ReLU(),
        norm2=nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2),
        pool2=nn.MaxPool2d(3, stride=2),
        padding=nn.ZeroPad2d(final_padding),
    )
    return nn.Sequential(layers)


def _last_side(size, final_padding):
    """Height and width of the last maps."""
    check_number("final_padding", final_padding, least=0, whole=True)
    side = (size - 11) // 4 + 1
    for _ in range(2):
        side = (side - 3) // 2 + 1
    return side + 2 * final_padding


def _check_streams(streams):
    if (
        not isinstance(streams, tuple | list)
        or len(streams) != 2
        or not all(isinstance(stream, tuple | list) and stream for stream in streams)
        or not all(isinstance(channel, str) for stream in streams for channel in stream)
        or not all(len(set(stream)) == len(stream) for stream in streams)
    ):
        raise ParameterError(
            f"streams: expected two sequences of distinct names of channels, got {streams!r}"
        )
