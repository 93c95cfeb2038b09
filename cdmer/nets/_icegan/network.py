"""ICE-GAN: a generator and a discriminator of micro-expressions."""

import torch
from torch import nn

from cdmer._parameters import check_number
from cdmer.nets._icegan.discriminator import ICEGANDiscriminator
from cdmer.nets._icegan.generator import ICEGANGenerator


class ICEGAN(nn.Module):
    """Generator and discriminator of ICE-GAN, the identity-aware and capsule-enhanced GAN [1]_.

    `ICEGANClassifier` trains it. For grey faces of 128x128 pixels and three classes, as published,
    the generator has 40,884,049 parameters and the discriminator 21,343,808.

    Parameters
    ----------
    n_classes : int, default=3
        Number of classes.
    size : int, default=128
        Height and width of the pictures: a power of two from 16.
    width : int, default=64
        Channels of the first convolutions, a multiple of 4. All other numbers of channels, primary
        capsules (16 times as many) and units of the decoder follow it.
    channels : int, default=1
        Pictures per row: 1 for apex frames alone; 2 for onset and apex, of which the generator
        makes the second from the first.
    n_iterations : int, default=3
        Iterations of the routing between capsules.
    graph_reasoning : bool, default=True
        Whether the generator's skips pass through graph reasoning.

    Attributes
    ----------
    generator : torch.nn.Module
        Called with faces, classes and noise.
    discriminator : torch.nn.Module
        Called with pictures.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value.

    References
    ----------
    .. [1] J. Yu, C. Zhang, Y. Song and W. Cai, "ICE-GAN: identity-aware and capsule-enhanced GAN
       with graph-based reasoning for micro-expression recognition and synthesis", IJCNN 2021,
       https://doi.org/10.1109/IJCNN52387.2021.9533988, https://arxiv.org/abs/2005.04370

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import ICEGAN
    >>> network = ICEGAN(size=64, width=8).eval()
    >>> network(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, n_classes=3, size=128, width=64, channels=1, n_iterations=3, graph_reasoning=True
    ):
        super().__init__()
        check_number("channels", channels, least=1, most=2, whole=True)
        self.shape = (channels, size, size)
        self.generator = ICEGANGenerator(n_classes, size, width, graph_reasoning)
        self.discriminator = ICEGANDiscriminator(n_classes, size, width, channels, n_iterations)

    def forward(self, x):
        """Compute the scores of the classes.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, size, size)
            Grey levels from 0 to 1.

        Returns
        -------
        torch.Tensor of shape (n, n_classes)
            Lengths of the class capsules, from 0 to 1.
        """
        return self.discriminator(x).scores

    def embed(self, x):
        """Compute the class capsules.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, size, size)
            Grey levels from 0 to 1.

        Returns
        -------
        torch.Tensor of shape (n, 16 * n_classes)
        """
        return self.discriminator(x).capsules.flatten(1)

    def express(self, x, label, noise):
        """Replace the apex of rows by a generated one.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, size, size)
            Rows whose first picture is the face that is given.
        label : torch.Tensor of int, shape (n,)
            Positions of the classes to show.
        noise : torch.Tensor of shape (n, 100)
            Standard normal noise.

        Returns
        -------
        torch.Tensor of shape (n, channels, size, size)
            The rows with a generated last picture.
        """
        made = self.generator(x[:, :1], label, noise)
        return torch.cat([x[:, :-1].to(made.dtype), made], dim=1)
