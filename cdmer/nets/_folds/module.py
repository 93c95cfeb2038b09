"""Many copies of any small network, computed as one."""

import copy
from math import prod

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from cdmer.nets._folds.layers import Given, draw_masks, fill_up, take_over
from cdmer.nets._networks.layers import CONVOLUTIONS
from cdmer.nets._networks.network import count_parameters

# Beyond, a single network keeps the device busy, and copies of it fill the memory.
_MOST_PARAMETERS = 5_000_000
# Numbers that a stack may hold: parameters with the optimizer's, and layers' outputs.
_MOST_NUMBERS = {"cpu": 2**26, "cuda": 2**30}


class StackedModule:
    """Folds' networks with their parameters and buffers stacked, mapped over by `torch.func`.

    Batches are filled up to one length. That rows which fill up have no influence, and that the
    network can be mapped over at all, is tried before it is relied upon, see `suits`.

    Parameters
    ----------
    networks : list of torch.nn.Module
        On one device.
    X : ndarray of shape (n, ...)
    settings : NetClassifier
    generators : list of torch.Generator
        Generators of dropout, one per network.
    orders : list of torch.Generator
        Generators of the order of rows and of augmentation.
    """

    def __init__(self, networks, X, settings, generators, orders):
        self.device = next(networks[0].parameters()).device
        self._augment, self._orders = settings.augment, orders
        self._X = torch.from_numpy(X)
        if self._augment is None:
            self._X = self._X.to(self.device)
        self._networks, self._generators, self._given = networks, generators, Given()
        asks = {name: p.requires_grad for name, p in networks[0].named_parameters()}
        parameters, buffers = stack_module_state(networks)
        self._parameters = {
            name: p.detach().requires_grad_(asks[name]) for name, p in parameters.items()
        }
        self._buffers = {name: buffer.detach().clone() for name, buffer in buffers.items()}
        self._calls = _try(networks[0], X.shape[1:])[0]
        self._template = copy.deepcopy(networks[0]).train()
        take_over(self._template, self._given)

    @staticmethod
    def suits(network, shape, settings, device):
        """Whether a network can be trained so, and gives what it gives by itself.

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
        if count_parameters(network) > _MOST_PARAMETERS:
            return False
        try:
            return _try(network, shape)[2]
        except (RuntimeError, NotImplementedError, ValueError, TypeError, AttributeError):
            return False

    @staticmethod
    def worthwhile(network, device):
        """Whether this is faster than one network after the other.

        On the CPU it is where calls cost more than what they compute: without convolutions.
        """
        if device.type == "cuda":
            return True
        convolves = any(isinstance(m, CONVOLUTIONS) for m in network.modules())
        return not convolves and count_parameters(network) <= 50_000

    @staticmethod
    def most_at_once(network, shape, settings, device):
        """How many networks the memory takes, an int."""
        numbers = _try(network, shape)[1] * min(settings.batch_size, 4096)
        numbers = 3 * numbers + 5 * count_parameters(network)
        most = _MOST_NUMBERS["cuda" if device.type == "cuda" else "cpu"]
        return max(1, most // numbers)

    @property
    def parameters(self):
        """What the optimizer changes, a list of torch.Tensor."""
        return list(self._parameters.values())

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
        rows, codes, weights = zip(*batches, strict=True)
        lengths = [len(given) for given in rows]
        x = self._inputs(rows, max(lengths))
        y, weights, real = (
            fill_up([torch.from_numpy(given) for given in table], self.device)
            for table in (codes, weights, [np.ones(n, weights[0].dtype) for n in lengths])
        )
        masks = [
            draw_masks(p, shape, lengths, x.dtype, self._generators) for p, shape in self._calls
        ]
        for parameter in self.parameters:
            parameter.grad = None
        scores = vmap(self._scores)(self._parameters, self._buffers, x, real, masks)
        losses = cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none")
        losses = (losses.view_as(weights) * weights).sum(1)
        losses.sum().backward()
        return losses.detach()

    def _scores(self, parameters, buffers, x, real, masks):
        self._given.real, self._given.masks = real, iter(masks)
        return functional_call(self._template, (parameters, buffers), (x,))

    def _inputs(self, rows, length):
        if self._augment is None:
            # Rows that fill up are real ones too: their numbers are as harmless as the others'.
            places = np.arange(length)
            index = np.stack([given[places.clip(max=len(given) - 1)] for given in rows])
            return self._X[torch.from_numpy(index).to(self.device)]
        inputs = [
            self._augment(self._X[given], order)
            for given, order in zip(rows, self._orders, strict=True)
        ]
        return fill_up(inputs, self.device)

    @torch.no_grad()
    def hand_back(self):
        """Write what was learnt into the networks."""
        stacked = self._parameters | self._buffers
        for i, network in enumerate(self._networks):
            own = dict(network.named_parameters()) | dict(network.named_buffers())
            for name, tensor in own.items():
                tensor.copy_(stacked[name][i])


def _try(network, shape):
    """Run two copies side by side on three rows and one that fills up.

    Returns
    -------
    calls : list of (float, tuple of int)
        Probability and shape for one row, of every dropout that is reached.
    n_numbers : int
        How many numbers the layers give for one row.
    same : bool
        Whether scores and buffers are those of the network by itself.
    """
    plain, given = copy.deepcopy(network).cpu().double().train(), Given()
    stacked = copy.deepcopy(plain)
    for module in plain.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    x = torch.sin(0.7 * torch.arange(4 * prod(shape), dtype=torch.float64)).view(4, *shape)
    numbers = []
    hooks = [
        layer.register_forward_hook(lambda _m, _i, y: numbers.append(y.numel()))
        for layer in plain.modules()
        if not list(layer.children())
    ]
    with torch.no_grad():
        parameters, buffers = stack_module_state([plain, plain])
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        expected = plain(x[:3])
        for hook in hooks:
            hook.remove()
        take_over(stacked, given)
        given.real = torch.tensor([1.0, 1, 1, 0], dtype=torch.float64)
        found = vmap(lambda p, b: functional_call(stacked, (p, b), (x,)))(parameters, buffers)
    same = torch.allclose(found[:, :3], expected, rtol=1e-6, atol=1e-9) and all(
        torch.allclose(buffers[name].double(), buffer.double(), rtol=1e-6, atol=1e-9)
        for name, buffer in plain.named_buffers()
    )
    whole = all(call[1][0] == 4 for call in given.calls)
    calls = [(p, call[1:]) for p, call in given.calls]
    return calls, sum(numbers) // 3 + prod(shape), bool(same and whole)
