"""Gradient-weighted class activation maps."""

from contextlib import ExitStack, contextmanager
from functools import partial
from math import prod

import torch
from torch import nn
from torch.autograd.graph import get_gradient_edge
from torch.nn.functional import interpolate

from cdmer._devices import RowsAtOnce
from cdmer._parameters import ParameterError
from cdmer.nets._networks.network import Network


def grad_cam(model, X, codes, part, layer, signed, device):
    """Map clips, batch by batch.

    Parameters
    ----------
    model : NetClassifier
        Fitted; its network is in evaluation mode, on the device.
    X : ndarray of shape (n, ...)
        In the network's own shape.
    codes : ndarray of int, shape (n,)
        Positions of the classes to explain.
    part : PlacedPart
    layer : str, sequence of str or None
    signed : bool
    device : torch.device

    Returns
    -------
    ndarray of shape (n, height, width) or (n, frames, height, width)
    """
    network = model.network_
    names = _check_layer(layer, network)
    memory = RowsAtOnce()
    found = []
    with _gradients(network, device):
        for start in range(0, len(X), model.batch_size):
            batch = slice(start, start + model.batch_size)
            x, targets = torch.from_numpy(X[batch].copy()), torch.from_numpy(codes[batch])

            def compute(n_parts, x=x, targets=targets):
                pieces = zip(x.tensor_split(n_parts), targets.tensor_split(n_parts), strict=True)
                return [
                    _maps(network, piece.to(device), target.to(device), part, names, signed).cpu()
                    for piece, target in pieces
                ]

            found += memory.try_smaller(compute, len(x), lambda: "the result is the same")
    return part.shaped(torch.cat(found).numpy())


def _check_layer(layer, network):
    """Names of the modules asked for, None if they are to be found."""
    if layer is None:
        return None
    names = [layer] if isinstance(layer, str) else layer
    known = [name for name, _ in network.named_modules() if name]
    if not isinstance(names, tuple | list) or not names or not all(n in known for n in names):
        raise ParameterError(
            f"layer: expected modules of {type(network).__name__}, some of {known}, got {layer!r}"
        )
    return list(names)


@contextmanager
def _gradients(network, device):
    """Compute gradients, whatever the caller has set."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        # cuDNN's recurrent layers have no gradient outside training.
        if device.type == "cuda" and any(isinstance(m, nn.RNNBase) for m in network.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield


def _maps(network, x, codes, part, names, signed):
    """Maps of one batch, shape (n, frames, height, width)."""
    pieces = network.split(x) if isinstance(network, Network) else [x]
    leaves = [piece.detach().requires_grad_() for piece in pieces]
    with _outputs(network, part, len(x)) as outputs:
        scores = _scores(network, leaves)
    layers = _choose(outputs, names, scores, leaves[part.position], network)
    if len(x) > 1 and any(len(maps) != len(x) for maps in layers):
        # Frames were joined with clips. One by one, no order of the two need be assumed.
        singles = (_maps(network, x[[i]], codes[[i]], part, names, signed) for i in range(len(x)))
        return torch.cat(list(singles))
    chosen = scores.gather(1, codes[:, None]).sum()
    gradients = torch.autograd.grad(chosen, layers, allow_unused=True, materialize_grads=True)
    weighted = [_weighted_sum(*pair, len(x)) for pair in zip(layers, gradients, strict=True)]
    finest = [max(sizes) for sizes in zip(*(maps.shape[1:] for maps in weighted), strict=True)]
    total = sum(_enlarge(maps, finest) for maps in weighted)
    return _enlarge(total if signed else total.relu(), part.places).detach()


@contextmanager
def _outputs(network, part, n):
    """Collect, by module, the outputs of the block that have places."""
    outputs = []

    def note(name, module, given, output):
        if not isinstance(output, torch.Tensor) or not output.requires_grad:
            return
        whole = output.ndim == (5 if part.is_video else 4) and len(output) == n
        # A video's frames may have become clips, or have been summed up.
        whole |= part.is_video and output.ndim == 4 and len(output) % n == 0
        if whole and prod(output.shape[-2:]) > 1:
            outputs.append((name, output))

    hooks = [
        module.register_forward_hook(partial(note, name))
        for name, module in network.named_modules()
        if name
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def _scores(network, leaves):
    # Copies, as layers that work in place may not touch a leaf.
    pieces = [leaf.clone() for leaf in leaves]
    if len(pieces) == 1:
        return network(pieces[0])
    # Not as rows: split again, each part would depend on all of them.
    return network.head(network.dropout(network._features(*pieces)))


def _choose(outputs, names, scores, leaf, network):
    """Outputs of the modules asked for, or of the last ones, that depend on a part of the input."""
    if not scores.requires_grad:  # some layer has cut them off from the input
        outputs = []
    edges = {_edge(output): output for _, output in outputs}
    last = _reached(_edge(scores), edges) if names is None and edges else edges
    leaf = _edge(leaf)
    usable = [
        (name, output)
        for name, output in outputs
        if _edge(output) in last and leaf in _reached(_edge(output), [leaf])
    ]
    wanted = usable if names is None else [pair for pair in usable if pair[0] in names]
    missing = set(names or ()) - {name for name, _ in wanted}
    if not wanted or missing:
        known = sorted({name for name, _ in usable})
        expected = f"with maps of that part, such as {known}" if known else "with maps"
        got = f"{min(missing)!r}" if missing else f"{type(network).__name__}, which has none"
        raise ParameterError(
            f"layer: grad-cam needs a module of the network {expected}, output of shape (n, "
            f"channels, height, width) or (n, channels, frames, height, width), got {got}"
        )
    # Modules within one another give the same tensor.
    return list({_edge(output): output for _, output in wanted}.values())


def _edge(tensor):
    """Where a tensor comes from in the graph of a computation."""
    edge = get_gradient_edge(tensor)
    return edge.node, edge.output_nr


def _reached(start, goals):
    """Goals at which the ways back from some place in the graph end first."""
    ahead, seen, reached = [start], {start}, set()
    while ahead:
        edge = ahead.pop()
        if edge in goals:
            reached.add(edge)
            continue
        for following in edge[0].next_functions:
            if following[0] is not None and following not in seen:
                seen.add(following)
                ahead.append(following)
    return reached


def _weighted_sum(maps, gradient, n):
    """Sum up channels by their mean gradient, shape (n, frames, height, width)."""
    weights = gradient.mean(tuple(range(2, maps.ndim)), keepdim=True)
    total = (weights * maps).sum(1)
    return total.reshape(n, -1, *total.shape[-2:])


def _enlarge(maps, places):
    return interpolate(maps[:, None], size=tuple(places), mode="trilinear")[:, 0]
