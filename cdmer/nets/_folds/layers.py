"""Layers that treat the rows of a batch jointly or at random, with masks given from outside.

Folds that are trained side by side have batches of different lengths, so the shorter ones are
filled up with rows that must not count; and each fold draws its own dropout.
"""

import math

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

_AT_ONCE = 2**15  # random numbers that stay in a processor's own cache
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Given:
    """Masks that the layers of one network read in one pass.

    Attributes
    ----------
    real : torch.Tensor of shape (n_rows,)
        One for rows that count, zero for those that fill up.
    masks : iterator of torch.Tensor
        What each dropout multiplies by, in the order in which they are reached.
    calls : list of (float, tuple of int)
        Probability and shape of each dropout reached, while `masks` is None.
    """

    def __init__(self):
        self.real, self.masks, self.calls = None, None, []


class GivenDropout(nn.Module):
    """Multiply by a mask that is given."""

    def __init__(self, dropout, given):
        super().__init__()
        self.p, self.given = dropout.p, given

    def forward(self, x):
        """Leave out what the mask leaves out."""
        if self.p == 0:
            return x
        if self.given.masks is None:
            self.given.calls.append((self.p, tuple(x.shape)))
            return x
        return x * next(self.given.masks)


class GivenBatchNorm(nn.Module):
    """Batch normalisation with the statistics of the rows that count."""

    def __init__(self, norm, given):
        super().__init__()
        self.eps, self.momentum, self.given = norm.eps, norm.momentum, given
        for name, parameter in norm.named_parameters():
            self.register_parameter(name, parameter)
        for name, buffer in norm.named_buffers():
            self.register_buffer(name, buffer)

    def forward(self, x):
        """Normalise, and move the running statistics."""
        real = self.given.real.view(-1, *[1] * (x.ndim - 1))
        axes = [0, *range(2, x.ndim)]
        n = real.sum() * (x[0, 0].numel())
        mean = (x * real).sum(axes, keepdim=True) / n
        centred = x - mean
        variance = (centred.square() * real).sum(axes, keepdim=True) / n
        if hasattr(self, "running_mean"):
            self._follow(mean.detach().flatten(), variance.detach().flatten() * n / (n - 1))
        y = centred * (variance + self.eps).rsqrt()
        if hasattr(self, "weight"):
            shape = [1, -1, *[1] * (x.ndim - 2)]
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y

    @torch.no_grad()
    def _follow(self, mean, variance):
        self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
        self.running_var.mul_(1 - self.momentum).add_(self.momentum * variance)
        self.num_batches_tracked.add_(1)


def take_over(network, given):
    """Put such layers in the place of a network's own.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place; names of parameters and buffers stay.
    given : Given

    Raises
    ------
    NotImplementedError
        If a layer is of a kind that has no such counterpart.
    """
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if type(layer) is nn.Dropout:
                setattr(module, name, GivenDropout(layer, given))
            elif hasattr(layer, "running_mean"):
                if type(layer) not in _NORMS or layer.momentum is None:
                    raise NotImplementedError(type(layer).__name__)
                setattr(module, name, GivenBatchNorm(layer, given))


def fill_up(tensors, device, value=0):
    """Stack tensors whose first axes differ; a value fills up.

    Parameters
    ----------
    tensors : list of torch.Tensor
        On the CPU.
    device : torch.device
    value : float, default=0

    Returns
    -------
    torch.Tensor of shape (n_tensors, largest length, ...)
        On the device.
    """
    table = pad_sequence(tensors, batch_first=True, padding_value=value)
    if device.type == "cuda":
        table = table.pin_memory()  # else the copy would wait for what the GPU is doing
    return table.to(device, non_blocking=True)


def draw_masks(p, shape, lengths, dtype, generators):
    """Draw what dropout multiplies by, for networks whose batches differ in length.

    Parameters
    ----------
    p : float
    shape : tuple of int
        For one row.
    lengths : list of int
        Rows of each batch.
    dtype : torch.dtype
        A floating-point one.
    generators : list of torch.Generator
        One per network, on the device where the masks are asked for; on the CPU they give the
        numbers of `draw_mask`.

    Returns
    -------
    torch.Tensor of shape (n_networks, largest length, *shape)
        What fills up is arbitrary, but finite.
    """
    device = generators[0].device
    if device.type == "cpu":
        masks = [
            draw_mask(p, (n, *shape), dtype, generator)
            for n, generator in zip(lengths, generators, strict=True)
        ]
        return pad_sequence(masks, batch_first=True)
    if p == 1:
        return torch.zeros(len(lengths), max(lengths), *shape, dtype=dtype, device=device)
    drawn = torch.empty(len(lengths), max(lengths), *shape, device=device)
    for place, n, generator in zip(drawn, lengths, generators, strict=True):
        place[:n].uniform_(generator=generator)
    return drawn.ge(p).to(dtype).div_(1 - p)


def draw_mask(p, shape, dtype, generator):
    """Draw what dropout multiplies by, with the numbers that `torch.nn.Dropout` draws on the CPU.

    Parameters
    ----------
    p : float
        Share that is set to zero.
    shape : tuple of int
    dtype : torch.dtype
        Booleans say which numbers stay.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.Tensor
        On the CPU.
    """
    if p == 1:
        return torch.zeros(shape, dtype=dtype)
    # What `bernoulli_` compares with is a 53-bit number; to draw the bits alone is much faster.
    kept, some = torch.empty(shape, dtype=torch.bool), torch.empty(_AT_ONCE, dtype=torch.int64)
    for part in kept.view(-1).split(_AT_ONCE):
        drawn = some[: len(part)].random_(generator=generator).bitwise_and_(2**53 - 1)
        torch.lt(drawn, math.ceil((1 - p) * 2**53), out=part)
    return kept if dtype == torch.bool else kept.to(dtype).div_(1 - p)
