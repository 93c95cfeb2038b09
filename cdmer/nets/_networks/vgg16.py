"""The trunk of VGG-16."""

from torch import nn

from cdmer.nets._networks.layers import check_widths, he_normal

_WIDTHS = (64, 128, 256, 512, 512)
_DEPTHS = (2, 2, 3, 3, 3)  # convolutions per stage


class VGG16Trunk(nn.Module):
    """VGG-16 up to its second dense layer ("fc7").

    Thirteen convolutions of 3x3 in five stages, two dense layers, with ReLU throughout. For three
    channels 134,260,544 parameters. Layers are named as torchvision names those of its
    ``vgg16`` without the last one, ``classifier.6``.

    Parameters
    ----------
    channels : int
        Channels of the input.
    widths : sequence of five int
        Channels of each stage; the dense layers have eight times as many units as the last.

    Attributes
    ----------
    n_features : int
        Numbers per picture, 4096 as published.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015, https://arxiv.org/abs/1409.1556
    """

    def __init__(self, channels, widths=_WIDTHS):
        super().__init__()
        check_widths("widths", widths, len(_WIDTHS))
        self.n_features = 8 * widths[-1]
        layers, n_in = [], channels
        for n_out, depth in zip(widths, _DEPTHS, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
                n_in = n_out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        # Leaves the 7x7 of pictures of 224 as they are, as torchvision's does.
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(n_in * 7 * 7, self.n_features),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(self.n_features, self.n_features),
            nn.ReLU(),
            nn.Dropout(),
        )
        he_normal(self)

    def forward(self, x):
        """Describe pictures.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)
            Height and width at least 32.

        Returns
        -------
        torch.Tensor of shape (n, n_features)
        """
        return self.classifier(self.avgpool(self.features(x)).flatten(1))
