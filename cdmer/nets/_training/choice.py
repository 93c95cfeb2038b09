"""Making the network that an estimator is asked to train."""

import copy
import inspect
from math import prod

import torch
from torch import nn

from cdmer._parameters import ParameterError
from cdmer.nets._networks.network import Network
from cdmer.nets._networks.registry import NETWORKS


def make_network(network, params, shape, n_classes):
    """Make a network, or copy the one that is given.

    Parameters
    ----------
    network : str, type or torch.nn.Module
    params : dict or None
        Further arguments of its constructor.
    shape : tuple of int
        Shape of one clip; ``n_inputs``, where the constructor takes that, is its size.
    n_classes : int

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ParameterError
        If `network` is no network, or does not take `params`.
    """
    if params is not None and not isinstance(params, dict):
        raise ParameterError(f"network_params: expected a dict or None, got {params!r}")
    if isinstance(network, nn.Module):
        if params:
            raise ParameterError(
                f"network_params: expected none for a network that is made already, got {params!r}"
            )
        return copy.deepcopy(network)
    kind = NETWORKS.get(network) if isinstance(network, str) else network
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise ParameterError(
            f"network: expected one of {sorted(NETWORKS)}, a class of torch modules or a module, "
            f"got {network!r}"
        )
    known = inspect.signature(kind).parameters
    given = {"n_inputs": prod(shape), "n_classes": n_classes}
    given = {name: value for name, value in given.items() if name in known}
    if "n_classes" not in given:
        raise ParameterError(
            f"network: expected a class whose constructor takes n_classes, got {kind.__name__}"
        )
    wrong = sorted(set(params or {}) - set(known) | {"n_classes"} & set(params or {}))
    if wrong:
        raise ParameterError(
            f"network_params: expected parameters of {kind.__name__} but n_classes, which follows "
            f"from y, got {wrong[0]!r}"
        )
    return kind(**(given | (params or {})))


def native_shape(network, X):
    """Reshape flat rows to the only part of a network's input, if their length is its size."""
    parts = getattr(network, "expected_input", ()) if isinstance(network, Network) else ()
    if len(parts) == 1 and X.shape[1:] == (parts[0].size,):
        return X.reshape(len(X), *parts[0].shape)
    return X


@torch.no_grad()
def try_network(network, X, classes, adapting):
    """Score one row, so that what does not fit is found before the training.

    Parameters
    ----------
    network : torch.nn.Module
    X : ndarray of shape (n, ...)
    classes : ndarray
    adapting : bool
        Whether the features before the final layer are needed.

    Returns
    -------
    n_features : int or None
        Number of features; None for a module without `embed`.

    Raises
    ------
    ParameterError
        If the module does not take the rows, does not give one score per class, or has no
        features.
    """
    network.eval()
    x = torch.from_numpy(X[:1].copy())
    try:
        scores = network(x)
    except ValueError:  # of the library's own, which says what it wants
        raise
    except Exception as error:  # of a module that is not the library's, which knows no names
        reason = str(error) or type(error).__name__
        raise ParameterError(
            f"X: {type(network).__name__} does not take rows of shape {X.shape[1:]}: {reason}"
        ) from error
    if not isinstance(scores, torch.Tensor) or scores.shape != (1, len(classes)):
        given = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise ParameterError(
            f"network: expected scores of shape (n, {len(classes)}) for the classes of y, "
            f"{classes.tolist()}, got {given} for one row"
        )
    if adapting and not (hasattr(network, "embed") and hasattr(network, "head")):
        raise ParameterError(
            "adaptation: needs a network with embed and head, as a cdmer.nets.Network has them, "
            f"got {type(network).__name__}"
        )
    return network.embed(x).shape[1] if hasattr(network, "embed") else None
