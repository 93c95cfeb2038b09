"""Fully connected layers for rows of numbers."""

from itertools import pairwise

from torch import nn

from cdmer._parameters import ParameterError, check_number
from cdmer.nets._networks.network import Network, Part


class MLP(Network):
    """Multilayer perceptron: layers of linear maps with ReLU between them.

    Parameters
    ----------
    n_inputs : int
        Number of columns. `NetClassifier` gives that of its X.
    n_classes : int, default=3
        Number of scores.
    hidden_layer_sizes : tuple of int, default=(64,)
        Widths of the hidden layers; the last is the number of features.
    dropout : float, default=0.0
        Share of the features set to zero in training.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets import MLP
    >>> MLP(n_inputs=10)(torch.zeros(4, 10)).shape
    torch.Size([4, 3])
    """

    def __init__(self, n_inputs, n_classes=3, hidden_layer_sizes=(64,), dropout=0.0):
        check_number("n_inputs", n_inputs, least=1, whole=True)
        if not isinstance(hidden_layer_sizes, tuple | list) or not hidden_layer_sizes:
            raise ParameterError(
                f"hidden_layer_sizes: expected a tuple of numbers, got {hidden_layer_sizes!r}"
            )
        for size in hidden_layer_sizes:
            check_number("hidden_layer_sizes", size, least=1, whole=True)
        super().__init__(
            [Part("a table of features", (n_inputs,), f"a descriptor of {n_inputs} columns")]
        )
        sizes = [n_inputs, *hidden_layer_sizes]
        self.hidden = nn.Sequential(
            *(layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU()))
        )
        self._finish(sizes[-1], n_classes, dropout)

    def _features(self, x):
        return self.hidden(x)
