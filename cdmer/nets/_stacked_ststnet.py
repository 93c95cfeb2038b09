"""Many STSTNets, computed as one on the CPU."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cdmer.nets._patch_maps import PatchMaps
from cdmer.nets._stacked_layers import draw_mask
from cdmer.nets._ststnet import STSTNet

_MOST_AT_ONCE, _MOST_PAIRS = 34, 34 * 256


class StackedSTSTNet:
    r"""Folds' STSTNets side by side, with the gradient written out.

    Every network sees the same pictures, and these need no gradient. So a picture is laid out once
    as patches :math:`P` (a row per place of the convolution: 3 x 3 pixels of every channel and a
    one, for the bias), and one matrix product with the filters :math:`w` of all networks that have
    the picture in their batch gives :math:`r = \max(P w, 0)`. For one filter of one network, with
    :math:`n` places in all pictures of the batch,

    .. math::
        y = \gamma \, (r - \mu) / \sigma + \beta, \quad
        \mu = \tfrac{1}{n} \sum r, \quad \sigma^2 = \tfrac{1}{n} \sum r^2 - \mu^2 + \epsilon .

    A window's largest :math:`y` is where :math:`\operatorname{sign}(\gamma) \, r` is largest, which
    is known before the statistics are, and everything behind it is small. Backwards, let :math:`d`
    be the gradient at the places that were largest, and zero at all others. Then

    .. math::
        \partial w = \tfrac{\gamma}{\sigma} \Bigl( P^\top ([r > 0] \, d) - \tfrac{1}{n} \bigl(
        \partial\beta \, G_2 + \tfrac{\partial\gamma}{\sigma} (G_1 - \mu G_2) \bigr) \Bigr), \quad
        G_1 = P^\top r, \quad G_2 = P^\top [r > 0] ,

    with :math:`\partial\beta = \sum d` and :math:`\partial\gamma = \sum d \, (r - \mu) / \sigma`.
    The same :math:`G_1` gives the statistics: its last row is :math:`\sum r`, and :math:`\sum r^2 =
    w^\top G_1`. Sums over a batch are in double precision, since they are subtracted.

    Parameters
    ----------
    networks : list of STSTNet
        As `suits` wants them.
    X : ndarray of shape (n, n_channels, size, size)
    settings : NetClassifier
    generators : list of torch.Generator
        Of dropout, one per network.
    orders : list of torch.Generator
        Not read: pictures are not augmented.
    """

    def __init__(self, networks, X, settings, generators, orders):
        self._networks, self._generators = networks, generators
        self._norms = [[stream.norm for stream in network.streams] for network in networks]
        self._widths = [norm.num_features for norm in self._norms[0]]
        self._p = networks[0].streams[0].dropout.p
        # Of a sum of four windows, which is larger where dropout leaves some out.
        self._share = 1 / 4 / (1 - self._p) if self._p < 1 else 0
        self._maps = PatchMaps(X, sum(self._widths))
        kernels = [torch.cat([_kernel(stream.conv) for stream in n.streams]) for n in networks]
        self._kernel = nn.Parameter(torch.stack(kernels).permute(2, 0, 1).contiguous())
        self._gamma = nn.Parameter(self._joined("weight"))
        self._beta = nn.Parameter(self._joined("bias"))
        # Of the averages of all filters at the first place, then at the second, as maps have them.
        heads = torch.stack([n.head.weight.detach() for n in networks])
        heads = heads.unflatten(2, (sum(self._widths), -1)).transpose(2, 3)
        self._head = nn.Parameter(heads.flatten(2))
        self._head_bias = nn.Parameter(torch.stack([n.head.bias.detach() for n in networks]))
        self._mean, self._variance = self._joined("running_mean"), self._joined("running_var")
        self._n_steps, self._stays = 0, torch.empty(0)

    @staticmethod
    def suits(network, shape, settings, device):
        """Whether a network is an STSTNet as its class makes it, on the CPU.

        Parameters
        ----------
        network : torch.nn.Module
        shape : tuple of int
            Of one row of its input.
        settings : NetClassifier
        device : torch.device

        Returns
        -------
        bool
        """
        if type(network) is not STSTNet or device.type != "cpu" or settings.augment is not None:
            return False
        part, dropout = network.expected_input[0], network.streams[0].dropout.p
        channels = [str(i) for i in range(part.shape[0])]
        with torch.device("meta"):
            plain = STSTNet(network.n_classes, channels, part.shape[1], dropout)
        trained = all(p.requires_grad for p in network.parameters())
        return trained and str(network) == str(plain) and tuple(shape) == tuple(part.shape)

    @staticmethod
    def worthwhile(network, device):
        """Whether this is faster than one network after the other."""
        return True

    @staticmethod
    def most_at_once(network, shape, settings, device):
        """How many networks the memory takes, an int."""
        return max(1, min(_MOST_PAIRS // settings.batch_size, _MOST_AT_ONCE))

    @property
    def parameters(self):
        """What the optimizer changes, a list of torch.Tensor."""
        return [self._kernel, self._gamma, self._beta, self._head, self._head_bias]

    @torch.no_grad()
    def losses(self, batches):
        """Compute the loss of every network on its batch, and the gradients.

        Parameters
        ----------
        batches : list of (ndarray, ndarray, ndarray)
            Rows, codes and weights, one per network; a loss is the weighted sum over its rows.

        Returns
        -------
        torch.Tensor of shape (n_networks,)
        """
        rows = [given for given, _, _ in batches]
        ends = np.cumsum([len(given) for given in rows])
        n = torch.tensor([len(given) * self._maps.side**2 for given in rows]).double()[:, None]
        stays = self._draw_dropout([len(given) for given in rows])
        windows, sums = self._maps.forward(rows, self._kernel, self._gamma.sign(), stays)
        windows *= self._share
        mean, deviation = self._statistics(sums[0], n)
        for parameter in self.parameters:
            parameter.grad = torch.empty_like(parameter)
        losses = [
            self._pass(i, *windows[:, end - len(given) : end], mean[i], deviation[i], *batch)
            for i, (given, end, (_, *batch)) in enumerate(
                zip(rows, ends.tolist(), batches, strict=True)
            )
        ]
        # What were averages are their slopes now.
        slopes = self._maps.backward(windows[0], len(rows))
        through_statistics = self._beta.grad * sums[1] + self._gamma.grad / deviation * (
            sums[0] - mean * sums[1]
        )
        self._kernel.grad.copy_(self._gamma / deviation * (slopes - through_statistics / n))
        return torch.stack(losses)

    def _statistics(self, products, n):
        """Mean and deviation of the maps; the running ones follow."""
        mean = products[-1] / n
        square = (self._kernel * products).sum(0) / n
        variance = (square - mean**2).clamp_(min=0)
        norm = self._norms[0][0]
        self._mean.lerp_(mean.to(self._mean.dtype), norm.momentum)
        unbiased = (variance * n / (n - 1)).to(self._variance.dtype)
        self._variance.lerp_(unbiased, norm.momentum)
        self._n_steps += 1
        return mean, (variance + norm.eps).sqrt()

    def _pass(self, i, seen, kept, mean, deviation, codes, weights):
        """Score one network's averages, of the largest values and of dropout's mask.

        Puts the slopes of the former, but for a factor, in their place.
        """
        scale = (self._gamma[i] / deviation).to(seen.dtype)
        shift = (self._beta[i] - mean * self._gamma[i] / deviation).to(seen.dtype)
        y, weights = torch.from_numpy(codes), torch.from_numpy(weights)
        features = torch.addcmul(scale * seen, shift, kept).flatten(1)
        scores = torch.addmm(self._head_bias[i], features, self._head[i].t())
        loss = (cross_entropy(scores, y, reduction="none") * weights).sum()

        at_scores = scores.softmax(1)
        at_scores[torch.arange(len(scores)), y] -= 1
        at_scores *= weights[:, None]
        torch.mm(at_scores.t(), features, out=self._head.grad[i])
        torch.sum(at_scores, 0, out=self._head_bias.grad[i])
        at_features = (at_scores @ self._head[i]).view(seen.shape)
        at_shift, at_scale = (
            (at_features * given).sum(0).sum(0, dtype=torch.float64) for given in (kept, seen)
        )
        self._beta.grad[i] = at_shift
        self._gamma.grad[i] = (at_scale - mean * at_shift) / deviation
        torch.mul(at_features, self._share, out=seen)
        return loss

    def _draw_dropout(self, lengths):
        """Draw which of the largest values stay: of shape (n_pairs, n_filters, n_windows)."""
        n_windows = self._maps.pooled_side**2
        if len(self._stays) < sum(lengths):  # else memory would be mapped anew in every step
            shape = (sum(lengths), sum(self._widths), n_windows)
            self._stays = torch.ones(shape, dtype=torch.uint8)
        stays = self._stays[: sum(lengths)]
        if self._p > 0:
            for generator, part in zip(self._generators, stays.split(lengths), strict=True):
                for stream in part.split(self._widths, dim=1):
                    drawn = draw_mask(self._p, stream.shape, torch.bool, generator)
                    stream.copy_(drawn.view(torch.uint8))
        return stays

    def _joined(self, name):
        return torch.stack(
            [torch.cat([getattr(norm, name).detach() for norm in norms]) for norms in self._norms]
        )

    @torch.no_grad()
    def hand_back(self):
        """Write what was learnt into the networks."""
        kernels = self._kernel.permute(1, 2, 0)
        for i, network in enumerate(self._networks):
            learnt = zip(
                network.streams,
                *(given[i].split(self._widths) for given in (
                    kernels, self._gamma, self._beta, self._mean, self._variance
                )),
                strict=True,
            )  # fmt: skip
            for stream, kernel, gamma, beta, mean, variance in learnt:
                stream.conv.weight.copy_(kernel[:, :-1].reshape(stream.conv.weight.shape))
                stream.conv.bias.copy_(kernel[:, -1])
                stream.norm.weight.copy_(gamma)
                stream.norm.bias.copy_(beta)
                stream.norm.running_mean.copy_(mean)
                stream.norm.running_var.copy_(variance)
                stream.norm.num_batches_tracked += self._n_steps
            head = self._head[i].unflatten(1, (-1, sum(self._widths))).transpose(1, 2)
            network.head.weight.copy_(head.flatten(1))
            network.head.bias.copy_(self._head_bias[i])


def _kernel(conv):
    """Weights of a convolution in the order of a patch, the bias last."""
    return torch.cat([conv.weight.detach().flatten(1), conv.bias.detach()[:, None]], dim=1)
