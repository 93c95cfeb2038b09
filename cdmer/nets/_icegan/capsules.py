"""Capsules: groups of units whose length says whether something is present, and direction what."""

import torch
from torch import nn

from cdmer.nets._networks.layers import check_sizes

PRESENT, ABSENT, DOWN_WEIGHT = 0.9, 0.1, 0.5
EPS = 1e-8


def squash(s, dim=-1):
    r"""Shrink vectors to lengths below one and keep their directions.

    .. math:: v = \frac{\|s\|^2}{1 + \|s\|^2} \frac{s}{\|s\|}

    Parameters
    ----------
    s : torch.Tensor
    dim : int, default=-1
        Axis along which vectors lie.

    Returns
    -------
    torch.Tensor of the same shape
    """
    squared = s.square().sum(dim, keepdim=True)
    # Length of zero has no gradient; the small number gives it one.
    return s * (squared / (1 + squared) / (squared + EPS).sqrt())


def lengths(capsules):
    """Lengths of capsules along the last axis, with a gradient at zero too."""
    return (capsules.square().sum(-1) + EPS).sqrt()


def route(votes, n_iterations):
    """Route votes by agreement: procedure 1 of Sabour et al.

    Parameters
    ----------
    votes : torch.Tensor of shape (n, n_in, n_out, dimension)
        What each capsule below expects of each one above.
    n_iterations : int

    Returns
    -------
    torch.Tensor of shape (n, n_out, dimension)
        Capsules above, each a squashed sum of the votes for it. Only the last sum passes gradients
        on to the votes; the couplings count as constants.
    """
    constant = votes.detach()
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(n_iterations - 1):
        above = squash(torch.einsum("nij,nijd->njd", logits.softmax(2), constant))
        logits = logits + torch.einsum("nijd,njd->nij", constant, above)
    return squash(torch.einsum("nij,nijd->njd", logits.softmax(2), votes))


class DigitCapsules(nn.Module):
    """Capsules that others vote for.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of capsules below and above.
    dim_in, dim_out : int
        Their numbers of units.
    n_iterations : int, default=3
        Iterations of the routing.

    References
    ----------
    S. Sabour, N. Frosst and G. E. Hinton, "Dynamic routing between capsules", NeurIPS 2017,
    https://arxiv.org/abs/1710.09829
    """

    def __init__(self, n_in, n_out, dim_in, dim_out, n_iterations=3):
        super().__init__()
        check_sizes(n_in=n_in, n_out=n_out, dim_in=dim_in, dim_out=dim_out)
        check_sizes(n_iterations=n_iterations)
        self.n_iterations = n_iterations
        self.weight = nn.Parameter(torch.randn(n_in, n_out, dim_out, dim_in) * 0.1)

    def forward(self, below):
        """Form capsules from those below.

        Parameters
        ----------
        below : torch.Tensor of shape (n, n_in, dim_in)

        Returns
        -------
        torch.Tensor of shape (n, n_out, dim_out)
        """
        votes = torch.einsum("iode,nie->niod", self.weight, below)
        return route(votes, self.n_iterations)


def margin_loss(found, present):
    r"""Loss of capsules' lengths.

    .. math:: \sum_k T_k \max(0, 0.9 - \|v_k\|)^2 + 0.5\, (1 - T_k) \max(0, \|v_k\| - 0.1)^2

    Parameters
    ----------
    found : torch.Tensor of shape (n, n_capsules)
        Lengths.
    present : torch.Tensor of int, shape (n,)
        Which capsule should be long.

    Returns
    -------
    torch.Tensor of shape (n,)
    """
    there = nn.functional.one_hot(present, found.shape[1]).to(found.dtype)
    missing = (PRESENT - found).clamp_min(0).square()
    wrong = (found - ABSENT).clamp_min(0).square()
    return (there * missing + DOWN_WEIGHT * (1 - there) * wrong).sum(1)
