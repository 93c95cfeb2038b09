"""Deep adaptation network: mean embeddings of several kernels."""

import torch

from cdmer._parameters import check_number
from cdmer.nets.adaptation._base import Adaptation


class DAN(Adaptation):
    r"""Deep adaptation network: multi-kernel maximum mean discrepancy (MK-MMD) of the features.

    .. math::
        D = \frac{1}{n(n-1)} \sum_{i \ne j} k(s_i, s_j)
        + \frac{1}{m(m-1)} \sum_{i \ne j} k(t_i, t_j)
        - \frac{2}{nm} \sum_{i, j} k(s_i, t_j),
        \qquad k(x, y) = \frac{1}{K} \sum_{u=1}^{K} e^{-\|x - y\|^2 / \gamma_u},

    with bandwidths :math:`\gamma_u` around the median γ of the squared distances between the rows
    of both batches, neighbours a factor `step` apart.

    Parameters
    ----------
    weight : float, default=1.0
        Weight of the discrepancy against the classification loss.
    schedule : {"constant", "ramp"}, default="constant"
        How the weight grows, see `Adaptation`.
    n_kernels : int, default=5
        Number of kernels, K. The paper has 33.
    step : float, default=2.0
        Factor from one bandwidth to the next, above 1. The paper has the square root of 2.

    Notes
    -----
    The estimate is unbiased, as in the paper: its mean over batches from one distribution is zero,
    a single value may be below. The paper takes the linear-time estimate over quadruples of rows;
    this is the quadratic one over all pairs, which has the same mean and less variance, and costs
    little at the size of a batch. A domain with a single row in the batch has no pairs; its term is
    then k(x, x) = 1, which pulls at nothing.

    The paper learns the shares of its kernels along with the network, by a quadratic program; here
    they are equal, and the family is narrower, since most of 33 kernels in equal shares are flat or
    empty. The paper adapts the last three layers of AlexNet; here it is the features before the
    final layer.

    The median is a constant of each step: no gradient passes through it. Where it is zero, as most
    rows are alike, the mean takes its place, and 1 where that is zero too.

    References
    ----------
    M. Long, Y. Cao, J. Wang, M. I. Jordan, "Learning Transferable Features with Deep Adaptation
    Networks", ICML 2015, arXiv:1502.02791.

    Examples
    --------
    >>> import torch
    >>> from cdmer.nets.adaptation import DAN, Batch
    >>> rows = torch.linspace(0, 1, 8).reshape(8, 1)
    >>> near, far = (Batch(rows + gap, scores=torch.zeros(8, 3)) for gap in (0.1, 2.0))
    >>> loss = DAN().loss
    >>> bool(loss(Batch(rows, near.scores), near, 0.5) < loss(Batch(rows, far.scores), far, 0.5))
    True
    """

    def __init__(self, weight=1.0, schedule="constant", n_kernels=5, step=2.0):
        self.weight = weight
        self.schedule = schedule
        self.n_kernels = n_kernels
        self.step = step

    def _check_parameters(self):
        super()._check_parameters()
        check_number("n_kernels", self.n_kernels, least=1, whole=True)
        check_number("step", self.step, above=1)

    def _discrepancy(self, source, target):
        distances = squared_distances(torch.cat([source.features, target.features]))
        middle = (self.n_kernels - 1) / 2
        factors = [self.step ** (u - middle) for u in range(self.n_kernels)]
        return mk_mmd(distances, len(source.features), typical(distances), factors)


def squared_distances(rows):
    """Squared Euclidean distances between rows, shape (n, n); those of equal rows are exactly 0."""
    # By differences: the usual matrix product leaves rounding where rows are alike, and the
    # bandwidth would be that rounding.
    return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()


def typical(distances):
    """Median of the distances between different rows (the lower of two); 1 if all are zero."""
    i, j = torch.triu_indices(*distances.shape, offset=1, device=distances.device)
    pairs = distances.detach()[i, j]
    gamma = torch.where(pairs.median() > 0, pairs.median(), pairs.mean())
    return torch.where(gamma > 0, gamma, torch.ones_like(gamma))


def mk_mmd(distances, n_source, gamma, factors):
    """Unbiased estimate of the squared MK-MMD.

    Parameters
    ----------
    distances : torch.Tensor of shape (n_source + n_target, n_source + n_target)
        Squared, source rows first.
    n_source : int
    gamma : torch.Tensor of shape ()
        Bandwidth, in units of the squared distances.
    factors : sequence of float
        Each kernel's bandwidth over `gamma`.

    Returns
    -------
    torch.Tensor of shape ()
    """
    least = torch.finfo(distances.dtype).tiny
    kernel = sum(torch.exp(-distances / (gamma * f).clamp_min(least)) for f in factors)
    kernel = kernel / len(factors)
    within_source, within_target = kernel[:n_source, :n_source], kernel[n_source:, n_source:]
    across = kernel[:n_source, n_source:]
    return _mean_of_pairs(within_source) + _mean_of_pairs(within_target) - 2 * across.mean()


def _mean_of_pairs(kernel):
    n = len(kernel)
    return kernel.mean() if n == 1 else (kernel.sum() - kernel.trace()) / (n * (n - 1))
