"""Networks to compute features with: made, filled with weights, and read at a layer."""

import copy
import os
import warnings

from cdmer._devices import find_device, own_torch, seed_torch
from cdmer._fingerprint import fingerprint
from cdmer._parameters import ParameterError


def name_network(settings):
    """Name a network with its weights, the same in every process.

    Parameters
    ----------
    settings : DeepFeatures
        Its parameters are read, and size and time of change of a file of weights.

    Returns
    -------
    str or None
        None where only the network itself identifies it: a module, or names mapped by a function.
    """
    weights = settings.weights
    if isinstance(weights, str | os.PathLike) and os.path.exists(weights):
        status = os.stat(weights)
        weights = os.path.abspath(weights), status.st_size, status.st_mtime_ns
    try:
        return fingerprint(
            settings.network,
            settings.network_params,
            weights,
            settings.names,
            settings.strict,
            settings.random_state,
        )
    except TypeError:
        return None


def make_network(settings):
    """Make the network that a descriptor asks for.

    Parameters
    ----------
    settings : DeepFeatures
        Its parameters are read.

    Returns
    -------
    network : torch.nn.Module
        On the CPU; a copy where a module is given.
    report : WeightsReport or None
        What became of weights from a file.

    Raises
    ------
    ImportError
        If a library is missing.
    ParameterError
        If there is no such network, or it does not take its parameters.
    FileNotFoundError, ValueError
        If weights are missing or do not fit.
    """
    from torch import nn

    network, weights = settings.network, settings.weights
    if isinstance(network, nn.Module):
        if settings.network_params:
            raise ParameterError(
                "network_params: expected None for a network that is made already, got "
                f"{settings.network_params!r}"
            )
        network = copy.deepcopy(network).cpu()
    else:
        kind = _kind(network, weights == "default")
        cpu = find_device("cpu")
        with own_torch(cpu):
            seed_torch(settings.random_state or 0, cpu)
            try:
                network = kind(**(settings.network_params or {}))
            except ParameterError:
                raise
            # TypeError for arguments that it does not have; what unknown names raise differs.
            except (TypeError, ValueError, RuntimeError, KeyError) as error:
                raise ParameterError(
                    f"network: {settings.network!r} with network_params="
                    f"{settings.network_params!r} cannot be made: {error}"
                ) from error
    if weights is None or weights == "default":
        if weights == "default" and not _is_of_library(settings.network):
            raise ParameterError(
                'weights: "default" downloads the weights of "torchvision:…" and "timm:…" models; '
                f"expected a file for {_short(settings.network)}"
            )
        return network, None
    return network, _fill(network, settings)


def _short(network):
    return repr(network) if isinstance(network, str | type) else type(network).__name__


def _is_of_library(network):
    return isinstance(network, str) and network.startswith(("torchvision:", "timm:"))


def _kind(network, pretrained):
    """What makes the network, a callable that takes its parameters."""
    from torch import nn

    from cdmer.nets import NETWORKS

    if isinstance(network, str) and network in NETWORKS:
        return NETWORKS[network]
    if isinstance(network, type) and issubclass(network, nn.Module):
        return network
    if not _is_of_library(network):
        raise ParameterError(
            f'network: expected one of {sorted(NETWORKS)}, "torchvision:<model>", "timm:<model>", '
            f"a torch.nn.Module or a class of such, got {network!r}"
        )
    library, _, name = network.partition(":")
    try:
        if library == "timm":
            from timm import create_model

            return lambda **params: create_model(name, pretrained=pretrained, **params)
        from torchvision.models import get_model
    except ImportError as error:
        raise ImportError(
            f"network={network!r}: {library} is missing: pip install {library}"
        ) from error
    return lambda **params: get_model(name, weights="DEFAULT" if pretrained else None, **params)


def _fill(network, settings):
    """Fill a network from a file; weights of a final layer that is not computed may differ."""
    from cdmer.nets import Network, load_weights

    report = load_weights(network, settings.weights, settings.names, strict=False)
    wrong = [*report.missing, *report.unexpected.values(), *report.differing]
    if settings.layer is None and isinstance(network, Network):
        wrong = [name for name in wrong if not name.startswith("head.")]
    if wrong and settings.strict:
        raise ValueError(
            f"weights: {os.fspath(settings.weights)} does not fit {type(network).__name__}; "
            f"{report}. names= maps given names to the network's; strict=False fills what fits"
        )
    if wrong:
        warnings.warn(
            f"weights: {os.fspath(settings.weights)} does not fit {type(network).__name__} as a "
            f"whole, what is missing stays random; {report}",
            stacklevel=5,
        )
    return report


def features_of(network, layer, pool):
    """Make the function from a network's input to features.

    Parameters
    ----------
    network : torch.nn.Module
        A hook is set on the layer, if one is named.
    layer : str or None
    pool : {"mean", "max"} or None

    Returns
    -------
    callable
        Takes a tensor of shape (n_clips, ...), gives one of shape (n_clips, n_features).

    Raises
    ------
    ParameterError
        If there is no such layer.
    """
    if layer is None:
        if not hasattr(network, "embed"):
            raise ParameterError(
                f"layer: {type(network).__name__} has no embed, expected the name of a module in "
                f"it, or '' for its own output; it has {_listed(network)}"
            )
        return lambda x: _flat(network.embed(x), x, pool, "embed")
    modules = dict(network.named_modules())
    if layer not in modules:
        raise ParameterError(
            f"layer: expected None or a module in {type(network).__name__}, which has "
            f"{_listed(network)}, got {layer!r}"
        )
    outputs = []
    modules[layer].register_forward_hook(lambda module, inputs, output: outputs.append(output))

    def function(x):
        outputs.clear()
        network(x)
        if len(outputs) != 1:
            raise ParameterError(
                f"layer: expected one that is computed once per clip, {layer!r} was {len(outputs)} "
                "times"
            )
        return _flat(outputs.pop(), x, pool, layer)

    return function


def _flat(output, x, pool, layer):
    """Numbers per clip: pooled over places, or one after the other."""
    import torch

    if not isinstance(output, torch.Tensor) or output.ndim == 0 or len(output) != len(x):
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ParameterError(
            f"layer: expected one that gives a tensor with one row per clip, {layer!r} gives "
            f"{found} for {len(x)} clip(s)"
        )
    if output.dtype in (torch.bfloat16, torch.float16):
        output = output.float()
    if pool is not None and output.ndim > 2:
        axes = 1 if output.ndim == 3 else tuple(range(2, output.ndim))
        output = output.mean(axes) if pool == "mean" else output.amax(axes)
    return output.reshape(len(x), -1)


def _listed(network, most=12):
    names = [name for name, _ in network.named_modules() if name]
    return ", ".join(map(repr, names[:most])) + (" …" if len(names) > most else "")
