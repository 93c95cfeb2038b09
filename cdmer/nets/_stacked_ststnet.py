"""Many STSTNets, computed as one on the CPU."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cdmer.nets._patch_maps import PatchMaps
from cdmer.nets._stacked_layers import draw_mask
from cdmer.nets._ststnet import STSTNet

_MOST_AT_ONCE, _MOST_PAIRS = 34, 34 * 256
# Pictures whose windows stay in a processor's own cache.
_SLICE = 128
_threshold_backward = torch.ops.aten.threshold_backward.grad_input


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
        self._maps = PatchMaps(X, sum(self._widths))
        kernels = [torch.cat([_kernel(stream.conv) for stream in n.streams]) for n in networks]
        self._kernel = nn.Parameter(torch.stack(kernels).permute(2, 0, 1).contiguous())
        self._gamma = nn.Parameter(self._joined("weight"))
        self._beta = nn.Parameter(self._joined("bias"))
        self._head = nn.Parameter(torch.stack([n.head.weight.detach() for n in networks]))
        self._head_bias = nn.Parameter(torch.stack([n.head.bias.detach() for n in networks]))
        self._mean, self._variance = self._joined("running_mean"), self._joined("running_var")
        self._n_steps = 0

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
        largest, sums = self._maps.forward(rows, self._kernel, self._gamma.sign())
        mean, deviation = self._statistics(sums[0], n)
        for parameter in self.parameters:
            parameter.grad = torch.empty_like(parameter)
        losses = [
            self._pass(i, largest[end - len(given) : end], mean[i], deviation[i], *batches[i][1:])
            for i, (given, end) in enumerate(zip(rows, ends.tolist(), strict=True))
        ]
        # What were the largest values are their slopes now.
        slopes = self._maps.backward(largest, len(rows))
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

    def _pass(self, i, largest, mean, deviation, codes, weights):
        """Score the largest values of one network, and put their slopes in their place."""
        scale = (self._gamma[i] / deviation).to(largest.dtype)
        shift = (self._beta[i] - mean * self._gamma[i] / deviation).to(largest.dtype)
        stays = self._draw_dropout(i, len(largest))
        y, weights = torch.from_numpy(codes), torch.from_numpy(weights)
        at_head, at_bias = self._head.grad[i].zero_(), self._head_bias.grad[i].zero_()
        loss, sums = 0.0, largest.new_zeros(2, largest.shape[2], dtype=torch.float64)
        for start in range(0, len(largest), _SLICE):
            here = slice(start, start + _SLICE)
            mask = self._mask([part[here] for part in stays])
            seen, kept = self._average(largest[here] * mask), self._average(mask)
            features = (scale * seen + shift * kept).transpose(1, 2).flatten(1)
            scores = torch.addmm(self._head_bias[i], features, self._head[i].t())
            loss += (cross_entropy(scores, y[here], reduction="none") * weights[here]).sum()

            at_scores = scores.softmax(1)
            at_scores[torch.arange(len(scores)), y[here]] -= 1
            at_scores *= weights[here, None]
            at_head.addmm_(at_scores.t(), features)
            at_bias += at_scores.sum(0)
            at_features = (at_scores @ self._head[i]).view(len(scores), -1, seen.shape[1])
            at_features = at_features.transpose(1, 2).contiguous()
            for total, given in zip(sums, (kept, seen), strict=True):
                total += (at_features * given).sum(0).sum(0)
            self._spread(at_features, mask, largest[here])
        self._beta.grad[i] = sums[0]
        self._gamma.grad[i] = (sums[1] - mean * sums[0]) / deviation
        return loss

    def _draw_dropout(self, i, n):
        """Draw which of the largest values stay: per stream, of shape (n, n_filters, n_windows)."""
        n_windows = self._maps.pooled_side**2
        shapes = [(n, width, n_windows) for width in self._widths]
        if self._p == 0:
            return [torch.ones(shape, dtype=torch.bool) for shape in shapes]
        return [draw_mask(self._p, shape, torch.bool, self._generators[i]) for shape in shapes]

    def _mask(self, stays):
        """What dropout multiplies by, of shape (n, n_windows, n_filters)."""
        mask = self._gamma.new_empty(len(stays[0]), stays[0].shape[2], sum(self._widths))
        for part, stay in zip(mask.split(self._widths, dim=2), stays, strict=True):
            part.copy_(stay.transpose(1, 2))
        return mask.div_(1 - self._p) if self._p < 1 else mask

    def _average(self, windows):
        """Average 2 x 2 windows: from (n, n_windows, n_filters) to (n, n_averages, n_filters)."""
        side = self._maps.pooled_side
        even, windows = side // 2 * 2, windows.view(-1, side, side, windows.shape[2])
        rows = windows[:, 0:even:2] + windows[:, 1:even:2]
        return rows[:, :, 0:even:2].add_(rows[:, :, 1:even:2]).flatten(1, 2).div_(4)

    def _spread(self, averages, mask, largest):
        """Put the slopes of the largest values in their place, given those of the averages."""
        side, half, wide = self._maps.pooled_side, self._maps.pooled_side // 2, largest.shape[2]
        # Every row of averages, each twice, stands for two rows of windows.
        rows = torch.cat([averages / 4] * 2, dim=2).view(-1, half, 1, 2 * half * wide)
        slope = torch.zeros_like(largest)
        used, windows = (
            given.view(-1, side, side * wide)[:, : 2 * half, : 2 * half * wide]
            for given in (slope, mask)
        )
        torch.mul(windows.unflatten(1, (half, 2)), rows, out=used.unflatten(1, (half, 2)))
        _threshold_backward(slope, largest, 0, grad_input=largest)

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
            network.head.weight.copy_(self._head[i])
            network.head.bias.copy_(self._head_bias[i])


def _kernel(conv):
    """Weights of a convolution in the order of a patch, the bias last."""
    return torch.cat([conv.weight.detach().flatten(1), conv.bias.detach()[:, None]], dim=1)
