"""R3D-18: an 18-layer residual network over space and time."""

from torch import nn
from torch.nn import functional

from cdmer.nets._networks.inputs import video_input
from cdmer.nets._networks.layers import check_sizes, check_widths, he_normal
from cdmer.nets._networks.network import Network
from cdmer.nets._networks.residual import WIDTHS


class _Block(nn.Module):
    """Two 3x3x3 convolutions beside a shortcut."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv3d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm3d(n_out),
            nn.ReLU(),
        )
        self.conv2 = nn.Sequential(
            nn.Conv3d(n_out, n_out, 3, padding=1, bias=False), nn.BatchNorm3d(n_out)
        )
        self.downsample = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.downsample = nn.Sequential(
                nn.Conv3d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm3d(n_out)
            )

    def forward(self, x):
        return functional.relu(self.downsample(x) + self.conv2(self.conv1(x)))


class R3D18(Network):
    """An 18-layer residual network over space and time [1]_.

    Convolution of 7x7 pixels with stride 2 and 3 frames, batch normalisation; four stages of two
    residual blocks of two 3x3x3 convolutions, with 64, 128, 256 and 512 channels, the last three
    with stride 2 in space and time; mean over all places and frames; linear layer. 33,167,811
    parameters for colour clips and three classes, 33,371,472 with the 400 classes of Kinetics.

    Parameters
    ----------
    n_classes : int, default=3
        Number of scores.
    channels : int, default=3
        3 for colour, 1 for grey clips.
    n_frames : int, default=16
        Frames of a clip.
    size : int, default=112
        Height and width of the frames.
    widths : sequence of four int, default=(64, 128, 256, 512)
        Channels of the stages; the last is the number of features.
    dropout : float, default=0.0
        Share of the features set to zero in training.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    Notes
    -----
    Layers are laid out and named as in torchvision's ``r3d_18``, whose weights fit but for the
    final layer, its ``fc``, which is ``head`` here: `load_weights` knows them by it. Those weights
    expect frames between 0 and 1 of which the means (0.43216, 0.394666, 0.37645) are subtracted and
    which are then divided by (0.22803, 0.22145, 0.216989), in the order red, green, blue:
    ``Frames(colour=True, scaling="kinetics")``, which `made_by` names once they are loaded.

    References
    ----------
    .. [1] D. Tran, H. Wang, L. Torresani, J. Ray, Y. LeCun and M. Paluri, "A closer look at
       spatiotemporal convolutions for action recognition", CVPR 2018,
       https://arxiv.org/abs/1711.11248

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import R3D18
    >>> network = R3D18(n_frames=8, size=32).eval()
    >>> network.embed(torch.zeros(2, 3, 8, 32, 32)).shape
    torch.Size([2, 512])
    """

    _released_names = {"fc": "head"}

    def __init__(self, n_classes=3, channels=3, n_frames=16, size=112, widths=WIDTHS, dropout=0.0):
        check_sizes(channels=channels, n_frames=n_frames, size=size)
        check_widths("widths", widths, len(WIDTHS))
        super().__init__([video_input(channels, n_frames, size)])
        self.stem = nn.Sequential(
            nn.Conv3d(channels, widths[0], (3, 7, 7), (1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(widths[0]),
            nn.ReLU(),
        )
        self.layer1 = _stage(widths[0], widths[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], stride=2)
        he_normal(self)
        self._finish(widths[3], n_classes, dropout)

    def _released_input(self):
        channels, n_frames, size, _ = self.expected_input[0].shape
        scaling = "kinetics" if channels == 3 else "standard"
        return [video_input(channels, n_frames, size, scaling=scaling)]

    def _features(self, clip):
        x = self.stem(clip)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean((2, 3, 4))


def _stage(n_in, n_out, stride):
    return nn.Sequential(_Block(n_in, n_out, stride), _Block(n_out, n_out, stride=1))
