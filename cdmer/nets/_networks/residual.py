"""The 10-layer residual trunk that several networks share."""

from torch import nn
from torch.nn import functional

from cdmer.nets._networks.layers import check_widths, he_normal

WIDTHS = (64, 128, 256, 512)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Parameters
    ----------
    n_in, n_out : int
        Channels before and after.
    stride : int
        Stride of the first convolution and the shortcut. The shortcut is the input itself where the
        shape stays, otherwise a 1x1 convolution.
    """

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def branches(self, x):
        """Outputs of the shortcut and of both convolutions, all of one shape."""
        first = functional.relu(self.bn1(self.conv1(x)))
        return self.downsample(x), first, self.bn2(self.conv2(first))

    def forward(self, x):
        """Add the second convolution to the shortcut."""
        shortcut, _, second = self.branches(x)
        return functional.relu(shortcut + second)


class ResidualTrunk(nn.Module):
    """ResNet-10 up to the global average pool.

    Layers are named as torchvision names those of its residual networks.

    Parameters
    ----------
    channels : int
        Channels of the input.
    widths : sequence of four int
        Channels of each stage; each stage but the first halves height and width.
    block : type
        Built as ``block(n_in, n_out, stride)``, once per stage.

    Attributes
    ----------
    n_features : int
        Numbers per picture, the last width.
    """

    def __init__(self, channels, widths=WIDTHS, block=ResidualBlock):
        super().__init__()
        check_widths("widths", widths, len(WIDTHS))
        self.n_features = widths[-1]
        self.conv1 = nn.Conv2d(channels, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(block(widths[0], widths[0], stride=1))
        self.layer2 = nn.Sequential(block(widths[0], widths[1], stride=2))
        self.layer3 = nn.Sequential(block(widths[1], widths[2], stride=2))
        self.layer4 = nn.Sequential(block(widths[2], widths[3], stride=2))
        he_normal(self)

    def forward(self, x):
        """Describe pictures.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)

        Returns
        -------
        torch.Tensor of shape (n, n_features)
        """
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean((2, 3))
