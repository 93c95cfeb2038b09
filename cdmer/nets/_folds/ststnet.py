"""Many STSTNets, computed as one."""

from importlib.util import find_spec

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from cdmer.nets._folds.patch_maps import PatchMaps
from cdmer.nets._networks.ststnet import STSTNet

# Networks, and pairs of a picture and a network.
_MOST = {"cpu": (34, 34 * 256), "cuda": (1024, 2**17)}


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

    `PatchMaps` computes the maps on the CPU, `WindowMaps` on a GPU.

    Parameters
    ----------
    networks : list of STSTNet
        As `suits` wants them.
    X : ndarray of shape (n, n_channels, size, size)
    settings : NetClassifier
    generators : list of torch.Generator
        Generators of dropout, one per network.
    orders : list of torch.Generator
        Ignored: pictures are not augmented.
    """

    def __init__(self, networks, X, settings, generators, orders):
        self._networks, device = networks, networks[0].head.weight.device
        self._norms = [[stream.norm for stream in network.streams] for network in networks]
        self._widths = [norm.num_features for norm in self._norms[0]]
        self._p = networks[0].streams[0].dropout.p
        # Of a sum of four windows, which is larger where dropout leaves some out.
        self._share = 1 / 4 / (1 - self._p) if self._p < 1 else 0
        self._maps = _make_maps(X, self._widths, self._p, generators, device)
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
        self._n_steps = 0

    @staticmethod
    def suits(network, shape, settings, device):
        """Whether a network is an STSTNet as its class makes it.

        On a GPU, if Triton is there, which comes with torch on Linux, and in single precision.

        Parameters
        ----------
        network : torch.nn.Module
        shape : tuple of int
            Shape of one row of its input.
        settings : NetClassifier
        device : torch.device

        Returns
        -------
        bool
        """
        if type(network) is not STSTNet or settings.augment is not None:
            return False
        if device.type != "cpu" and not _has_kernels(device, settings.precision):
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
        most_at_once, most_pairs = _MOST[device.type]
        return max(1, min(most_pairs // settings.batch_size, most_at_once))

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
        n = [[len(rows) * self._maps.side**2] for rows, _, _ in batches]
        n = torch.tensor(n, dtype=torch.float64, device=self._kernel.device)
        windows, sums = self._maps.forward(batches, self._kernel, self._gamma.sign())
        windows *= self._share
        mean, deviation = self._statistics(sums[0], n)
        for parameter in self.parameters:
            parameter.grad = torch.empty_like(parameter)
        losses = [
            self._pass(networks, seen, kept, mean[networks], deviation[networks], *batch)
            for networks, seen, kept, *batch in self._maps.passes(windows, batches)
        ]
        # What were averages are their slopes now.
        slopes = self._maps.backward(windows[0])
        through_statistics = self._beta.grad * sums[1] + self._gamma.grad / deviation * (
            sums[0] - mean * sums[1]
        )
        self._kernel.grad.copy_(self._gamma / deviation * (slopes - through_statistics / n))
        return torch.cat(losses)

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

    def _pass(self, networks, seen, kept, mean, deviation, codes, weights):
        """Score some networks' averages, of the largest values and of dropout's mask.

        Puts the slopes of the former, but for a factor, in their place. The first axis is that of
        the networks, the second that of rows.
        """
        gamma, head = self._gamma[networks], self._head[networks]
        scale = (gamma / deviation).to(seen.dtype)[:, None, None]
        shift = (self._beta[networks] - mean * gamma / deviation).to(seen.dtype)[:, None, None]
        features = torch.addcmul(scale * seen, shift, kept).flatten(2)
        scores = torch.baddbmm(self._head_bias[networks, None], features, head.mT)
        losses = cross_entropy(scores.flatten(0, 1), codes.flatten(), reduction="none")
        losses = (losses.view_as(weights) * weights).sum(1)

        at_scores = scores.softmax(2)
        at_scores -= one_hot(codes, scores.shape[2])
        at_scores *= weights[:, :, None]
        torch.bmm(at_scores.mT, features, out=self._head.grad[networks])
        torch.sum(at_scores, 1, out=self._head_bias.grad[networks])
        at_features = torch.bmm(at_scores, head).view(seen.shape)
        at_shift, at_scale = (
            (at_features * given).sum(1).sum(1, dtype=torch.float64) for given in (kept, seen)
        )
        self._beta.grad[networks] = at_shift.to(seen.dtype)
        self._gamma.grad[networks] = ((at_scale - mean * at_shift) / deviation).to(seen.dtype)
        torch.mul(at_features, self._share, out=seen)
        return losses

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
                *(
                    given[i].split(self._widths)
                    for given in (kernels, self._gamma, self._beta, self._mean, self._variance)
                ),
                strict=True,
            )
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


def _has_kernels(device, precision):
    return device.type == "cuda" and precision == "float32" and find_spec("triton") is not None


def _make_maps(X, widths, p, generators, device):
    if device.type == "cpu":
        return PatchMaps(X, widths, p, generators)
    from cdmer.nets._folds.window_maps import WindowMaps  # needs Triton

    return WindowMaps(X, widths, p, generators, device)
