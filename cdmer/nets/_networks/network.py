"""What every network shares: an input that is described and checked, features, a final layer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod

import torch
from torch import nn

from cdmer._parameters import ParameterError, check_number


@dataclass(frozen=True)
class Part:
    """One array of a network's input.

    Parameters
    ----------
    name : str
        Name of the part, such as ``"flow images"``.
    shape : tuple of int
        Shape for one clip: (channels, height, width), with frames (channels, frames, height,
        width), or (steps, numbers).
    made_by : str
        Transformer that makes it, such as ``"FlowImages(size=28)"``: an expression of
        `cdmer.features`, `cdmer.preprocessing` and scikit-learn's `make_pipeline`. It takes clips
        that show the face alone, as `CropAlign` cuts it out; grey ones (`ToGrey`) unless it says
        ``colour=True``.
    """

    name: str
    shape: tuple[int, ...]
    made_by: str

    @property
    def size(self):
        """Number of values of one clip, an int."""
        return prod(self.shape)


class Network(nn.Module, ABC):
    """Base of the networks.

    A network takes one array per clip, in the shape of its only part, or rows in which all parts
    are flattened one after the other: what tables of features hold. `embed` gives the features
    before the final layer, which is `head`, a linear layer in every network.

    The constructor of a subclass takes ``n_classes``, calls ``super().__init__(parts)``, makes its
    layers, and ends with ``self._finish(n_features, n_classes, dropout)``, which makes `head`. The
    method ``_features(*parts)`` gets one tensor of shape (n_clips, *shape) per part and gives the
    features, of shape (n_clips, n_features). `register_network` makes the class known by its name.

    Where weights of it are public under other names, ``_released_names`` maps these as the `names`
    of `load_weights`, and ``_released_input()`` gives the parts that they were trained with.

    Parameters
    ----------
    parts : sequence of Part
        What one clip has to be, and what prepares it.

    Attributes
    ----------
    expected_input : tuple of Part
        What one clip has to be, and what prepares it.
    n_features : int
        Number of features before the final layer.
    n_classes : int
        Number of scores.
    head : torch.nn.Linear
        The final layer.

    See Also
    --------
    NetClassifier : Trains networks.
    cdmer.features.DeepFeatures : Describes clips by networks.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import Network, Part
    >>> class Means(Network):
    ...     def __init__(self, n_classes=3):
    ...         super().__init__([Part("flow images", (2, 28, 28), "FlowImages(('u', 'v'))")])
    ...         self._finish(2, n_classes)
    ...     def _features(self, pictures):
    ...         return pictures.mean((2, 3))
    >>> Means()(torch.zeros(4, 2, 28, 28)).shape
    torch.Size([4, 3])
    """

    _released_names = None

    def __init__(self, parts):
        super().__init__()
        self.expected_input = tuple(parts)
        if not self.expected_input or not all(isinstance(p, Part) for p in self.expected_input):
            raise ParameterError(f"parts: expected a sequence of Part, got {self.expected_input}")

    @property
    def made_by(self):
        """Expression of the transformer that makes the whole input, a str: see `Part`."""
        makers = [part.made_by for part in self.expected_input]
        return makers[0] if len(makers) == 1 else f"Parts([{', '.join(makers)}])"

    def _finish(self, n_features, n_classes, dropout=0.0):
        """Make the final layer, and the dropout before it."""
        check_number("n_classes", n_classes, least=1, whole=True)
        check_number("dropout", dropout, least=0, most=1)
        self.n_features, self.n_classes = n_features, n_classes
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_features, n_classes)

    def _released_input(self):
        """Parts of the input that released weights were trained with."""
        return self.expected_input

    def forward(self, x):
        """Compute the scores of clips.

        Parameters
        ----------
        x : torch.Tensor of shape (n_clips, ...)
            See `expected_input`.

        Returns
        -------
        torch.Tensor of shape (n_clips, n_classes)
            Scores before any softmax.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        features = self.embed(x)
        return self.head(self.dropout(features))

    def embed(self, x):
        """Compute the features before the final layer.

        Parameters
        ----------
        x : torch.Tensor of shape (n_clips, ...)
            See `expected_input`.

        Returns
        -------
        torch.Tensor of shape (n_clips, n_features)
        """
        return self._features(*self.split(x))

    @abstractmethod
    def _features(self, *parts):
        """Compute the features before the final layer.

        Parameters
        ----------
        *parts : torch.Tensor of shape (n_clips, *shape)
            One per part of the input.

        Returns
        -------
        torch.Tensor of shape (n_clips, n_features)
        """

    def split(self, x):
        """Check an input and split it into its parts.

        Parameters
        ----------
        x : torch.Tensor of shape (n_clips, ...)
            See `expected_input`.

        Returns
        -------
        list of torch.Tensor
            One per part, each of shape (n_clips, *shape).

        Raises
        ------
        ValueError
            If the shape is another one; says what is expected and what prepares it.
        """
        if not hasattr(self, "head"):
            raise TypeError(
                f"{type(self).__name__}: expected a constructor that ends with "
                "self._finish(n_features, n_classes, dropout), got one without"
            )
        parts, given = self.expected_input, tuple(x.shape[1:])
        if len(parts) == 1 and given == parts[0].shape:
            return [x]
        if given != (sum(part.size for part in parts),):
            expected = " and ".join(
                f"{part.name} of shape {part.shape}, as {part.made_by} makes it" for part in parts
            )
            raise ValueError(
                f"x: {type(self).__name__} expects {expected}, or rows in which that is flattened, "
                f"got shape {given} per clip"
            )
        pieces = torch.split(x, [part.size for part in parts], dim=1)
        return [
            piece.reshape(len(x), *part.shape) for piece, part in zip(pieces, parts, strict=True)
        ]


def count_parameters(network):
    """Count the trainable parameters of a network.

    Parameters
    ----------
    network : torch.nn.Module
        Network whose parameters are counted.

    Returns
    -------
    int
        Number of values in parameters that ask for a gradient.
    """
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
