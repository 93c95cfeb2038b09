"""MicroExpSTCNN and MicroExpFuseNet: one wide convolution over space and time."""

import torch
from torch import nn

from cdmer._parameters import check_choice, check_number
from cdmer.nets._networks.inputs import video_input
from cdmer.nets._networks.layers import check_sizes, check_widths
from cdmer.nets._networks.network import Network

_KERNEL = (15, 3, 3)  # frames, height, width
_POOL = 3
_LEAST_FRAMES = _KERNEL[0] - 1 + _POOL
_LEAST_SIZE = _KERNEL[1] - 1 + _POOL


class _SpaceTimeLayer(nn.Sequential):
    """One convolution over space and time, flattened.

    Parameters
    ----------
    n_frames, size : int
        Frames of the grey input, and their height and width.
    n_filters : int
        Number of filters.
    dropout : float
        Share of the values set to zero in training.

    Attributes
    ----------
    n_features : int
        Numbers per clip.
    """

    def __init__(self, n_frames, size, n_filters, dropout):
        super().__init__(
            nn.Conv3d(1, n_filters, _KERNEL),
            nn.ReLU(),
            nn.MaxPool3d(_POOL),
            nn.Dropout(dropout),
            nn.Flatten(),
        )
        frames, side = (n_frames - _KERNEL[0] + 1) // _POOL, (size - _KERNEL[1] + 1) // _POOL
        self.n_features = n_filters * frames * side * side


class MicroExpSTCNN(Network):
    """A single convolution over space and time on whole faces [1]_.

    32 filters of 3x3 pixels and 15 frames, ReLU, 3x3x3 max-pool, dropout, dense layer of 128 with
    ReLU, dropout, linear layer. 44,241,667 parameters for 96 frames of 64x64 and three classes,
    almost all of them in the dense layer; 1,643,267 for the 18 frames used on SMIC.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    n_frames : int, default=96
        Frames of a clip, at least 17. [1]_ takes 96 for CAS(ME)² and 18 for SMIC.
    size : int, default=64
        Height and width of the frames, at least 5.
    n_filters : int, default=32
        Filters of the convolution.
    n_hidden : int, default=128
        Units of the dense layer, the number of features.
    dropout : float, default=0.5
        Share of the values set to zero in training, after the pool and after the dense layer.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    See Also
    --------
    MicroExpFuseNet : Eyes and mouth apart.

    Notes
    -----
    Published were training by SGD in batches of 8 for 100 epochs, and accuracies of 87.8 %
    (CAS(ME)²) and 68.75 % (SMIC) on a random split of clips, in which subjects are on both sides:
    not comparable with any result that keeps subjects apart.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] S. P. T. Reddy, S. T. Karri, S. R. Dubey and S. Mukherjee, "Spontaneous facial
       micro-expression recognition using 3D spatiotemporal convolutional neural networks",
       IJCNN 2019, https://doi.org/10.1109/IJCNN.2019.8852419, https://arxiv.org/abs/1904.01390

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import MicroExpSTCNN, count_parameters
    >>> network = MicroExpSTCNN(n_frames=18)
    >>> count_parameters(network)
    1643267
    >>> network(torch.zeros(2, 1, 18, 64, 64)).shape
    torch.Size([2, 3])
    """

    def __init__(self, n_classes=3, n_frames=96, size=64, n_filters=32, n_hidden=128, dropout=0.5):
        check_sizes(n_filters=n_filters, n_hidden=n_hidden)
        _check_frames(n_frames, size)
        check_number("dropout", dropout, least=0, most=1)
        super().__init__([video_input(1, n_frames, size)])
        self.stream = _SpaceTimeLayer(n_frames, size, n_filters, dropout)
        self.dense = nn.Sequential(nn.Linear(self.stream.n_features, n_hidden), nn.ReLU())
        self._finish(n_hidden, n_classes, dropout)

    def _features(self, face):
        return self.dense(self.stream(face))


class MicroExpFuseNet(Network):
    """Convolutions over space and time on eyes and mouth apart [1]_.

    Each crop passes the first layers of `MicroExpSTCNN`, with weights of its own.

    - Intermediate fusion puts what comes out side by side; dense layers of 1024 and 128 follow.
    - Late fusion gives each stream such dense layers of its own and puts their 128 features side
      by side.

    Dense layers have ReLU and dropout; a linear layer follows. 177,088,515 parameters with
    intermediate, 177,221,123 with late fusion, for crops of 96 frames of 32x32 and three classes.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    fusion : {"intermediate", "late"}, default="intermediate"
        Where the streams meet.
    n_frames : int, default=96
        Frames of a clip, at least 17. [1]_ takes 96 for CAS(ME)² and 18 for SMIC.
    size : int, default=32
        Height and width of both crops, at least 5.
    n_filters : int, default=32
        Filters of each convolution.
    n_hidden : sequence of two int, default=(1024, 128)
        Units of the dense layers.
    dropout : float, default=0.5
        Share of the values set to zero in training, after each pool and each dense layer.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    See Also
    --------
    MicroExpSTCNN : The whole face, and what is known about the published figures.

    Notes
    -----
    The input are rows: the frames of the eyes (both, with the brows), then those of nose and mouth.

    No weights of it are public for PyTorch, as far as is known.

    References
    ----------
    .. [1] S. P. T. Reddy, S. T. Karri, S. R. Dubey and S. Mukherjee, "Spontaneous facial
       micro-expression recognition using 3D spatiotemporal convolutional neural networks",
       IJCNN 2019, https://doi.org/10.1109/IJCNN.2019.8852419, https://arxiv.org/abs/1904.01390

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import MicroExpFuseNet
    >>> network = MicroExpFuseNet(fusion="late", n_frames=18)
    >>> eyes, mouth = torch.rand(2, 2, 1, 18, 32, 32)
    >>> rows = torch.cat([eyes.flatten(1), mouth.flatten(1)], dim=1)
    >>> network(rows).shape, network.embed(rows).shape
    (torch.Size([2, 3]), torch.Size([2, 256]))
    """

    def __init__(
        self,
        n_classes=3,
        fusion="intermediate",
        n_frames=96,
        size=32,
        n_filters=32,
        n_hidden=(1024, 128),
        dropout=0.5,
    ):
        check_choice("fusion", fusion, ("intermediate", "late"))
        check_sizes(n_filters=n_filters)
        check_widths("n_hidden", n_hidden, 2)
        _check_frames(n_frames, size)
        check_number("dropout", dropout, least=0, most=1)
        super().__init__(
            video_input(1, n_frames, size, region=region) for region in ("eyes", "nose and mouth")
        )
        self.eyes, self.mouth = (
            _SpaceTimeLayer(n_frames, size, n_filters, dropout) for _ in range(2)
        )
        n_stream = self.eyes.n_features
        if fusion == "late":
            self.dense_eyes, self.dense_mouth = (
                _dense_layers(n_stream, n_hidden, dropout) for _ in range(2)
            )
        else:
            self.dense = _dense_layers(2 * n_stream, n_hidden, dropout)
        self.fusion = fusion
        self._finish(n_hidden[1] * (1 + (fusion == "late")), n_classes, dropout)

    def _features(self, eyes, mouth):
        eyes, mouth = self.eyes(eyes), self.mouth(mouth)
        if self.fusion == "late":
            return torch.cat([self.dense_eyes(eyes), self.dense_mouth(mouth)], dim=1)
        return self.dense(torch.cat([eyes, mouth], dim=1))


def _dense_layers(n_in, n_hidden, dropout):
    # The dropout after the second layer is the network's own.
    first, second = n_hidden
    return nn.Sequential(
        nn.Linear(n_in, first), nn.ReLU(), nn.Dropout(dropout), nn.Linear(first, second), nn.ReLU()
    )


def _check_frames(n_frames, size):
    check_number("n_frames", n_frames, least=_LEAST_FRAMES, whole=True)
    check_number("size", size, least=_LEAST_SIZE, whole=True)
