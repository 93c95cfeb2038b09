"""Reasoning over a graph whose nodes are regions that a network finds by itself."""

import torch
from torch import nn

from cdmer.nets._networks.layers import check_sizes


class GraphReasoning(nn.Module):
    r"""Project places to a few nodes, let these exchange what they hold, and project back [1]_.

    With the map :math:`X` of a picture as a matrix of channels by places, :math:`P` of them,

    .. math::
        B = \theta(X), \quad V = \tfrac{1}{P}\, B\, \varphi(X)^\top, \quad
        Z = \operatorname{ReLU}((V + A V)\, W), \quad
        \operatorname{out} = X + \psi(Z^\top B),

    where :math:`\theta, \varphi, \psi` are 1x1 convolutions: :math:`B` says how much each place
    belongs to each node, :math:`V` has a row of states per node. :math:`A` is the graph's learnt
    adjacency and :math:`W` the weight of the graph convolution. Far places of a face, such as a
    brow and the mouth, so meet in a single step.

    Parameters
    ----------
    channels : int
        Channels of the map.
    n_nodes : int
        Nodes of the graph.
    n_states : int
        Numbers that each node holds.

    Notes
    -----
    Sums over places are divided by their number, so that maps of all sizes give alike states.

    References
    ----------
    .. [1] Y. Chen, M. Rohrbach, Z. Yan, S. Yan, J. Feng and Y. Kalantidis, "Graph-based global
       reasoning networks", CVPR 2019, https://arxiv.org/abs/1811.12814
    """

    def __init__(self, channels, n_nodes, n_states):
        super().__init__()
        check_sizes(channels=channels, n_nodes=n_nodes, n_states=n_states)
        self.assign = nn.Conv2d(channels, n_nodes, 1)
        self.reduce = nn.Conv2d(channels, n_states, 1)
        self.adjacency = nn.Linear(n_nodes, n_nodes, bias=False)
        self.update = nn.Linear(n_states, n_states, bias=False)
        self.extend = nn.Conv2d(n_states, channels, 1)

    def forward(self, x):
        """Let the places of a map reason together.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)

        Returns
        -------
        torch.Tensor of the same shape
        """
        assigned = self.assign(x).flatten(2)
        nodes = assigned @ self.reduce(x).flatten(2).mT / assigned.shape[2]
        nodes = nodes + self.adjacency(nodes.mT).mT
        nodes = torch.relu(self.update(nodes))
        places = (nodes.mT @ assigned).unflatten(2, x.shape[2:])
        return x + self.extend(places)
