"""From the parameters of an estimator to a network and its rows, ready to be trained."""

import copy
import secrets
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from cdmer._devices import seed_torch, weight_dtype
from cdmer._domains import split_domains
from cdmer.nets._training.choice import make_network, native_shape, try_network
from cdmer.nets._training.rows import Rows, assign_roles, read_rows


class Start(NamedTuple):
    """A fit before its first step.

    Parameters
    ----------
    network : torch.nn.Module
        On the CPU.
    module : torch.nn.Module or None
        Layers of the adaptation loss.
    classes : ndarray of shape (n_classes,)
    rows : Rows
    n_features : int or None
        Number of features; None for a module without `embed`.
    generator : torch.Generator
        Draws the order of the rows, and augmentations.
    """

    network: torch.nn.Module
    module: torch.nn.Module | None
    classes: np.ndarray
    rows: Rows
    n_features: int | None
    generator: torch.Generator


def start_fit(model, X, y, sample_domain, groups, device):
    """Check the rows of a fit and make its network, inside `own_torch`.

    What torch's generators draw next is what comes after the initial weights.

    Parameters
    ----------
    model : NetClassifier
        Learns the number and the names of the columns.
    X, y, sample_domain, groups
        As `NetClassifier.fit` takes them.
    device : torch.device

    Returns
    -------
    Start

    Raises
    ------
    ValueError
        As `NetClassifier.fit` says.
    """
    X = read_rows(model, X, reset=True)
    source, classes, codes, generator = split_and_seed(model, len(X), y, sample_domain, device)
    network = _first_network(model, X, classes)
    X = native_shape(network, X)
    n_features = try_network(network, X, classes, model.reads_target)
    module = model.adaptation.build(n_features, len(classes)) if model.reads_target else None
    rows = assign_roles(X, source, classes, codes, groups, model, generator)
    return Start(network, module, classes, rows, n_features, generator)


def split_and_seed(model, n_rows, y, sample_domain, device):
    """Find the source rows and their classes, and seed what is drawn from.

    Parameters
    ----------
    model : TrainedClassifier
    n_rows : int
    y, sample_domain
        As `NetClassifier.fit` takes them.
    device : torch.device

    Returns
    -------
    source : ndarray of bool, shape (n_rows,)
    classes : ndarray of shape (n_classes,)
    codes : ndarray of int, shape (n_source,)
        Position of the class of each source row.
    generator : torch.Generator
    """
    source, y_source = split_domains(y, sample_domain, n_rows, type(model).__name__)
    classes, codes = np.unique(y_source, return_inverse=True)
    seeds = draw_seeds(model.random_state)
    seed_torch(seeds[0], device)
    return source, classes, codes, torch.Generator().manual_seed(seeds[1])


def draw_seeds(random_state):
    """Seeds of torch's generators and of the order of rows."""
    if random_state is None:
        return secrets.randbits(31), secrets.randbits(31)
    return check_random_state(random_state).randint(2**31 - 1, size=2).tolist()


def _first_network(model, X, classes):
    if model.warm_start and hasattr(model, "network_"):
        if not np.array_equal(model.classes_, classes):
            raise ValueError(
                f"warm_start: expected the classes of the last fit, {model.classes_.tolist()}, "
                f"got {classes.tolist()}"
            )
        for name, last in model._made_from.items():
            given = getattr(model, name)
            # Modules and classes may look the same and be others.
            plain = isinstance(given, str | dict | None)
            if given is not last and not (plain and repr(given) == repr(last)):
                raise ValueError(
                    f"warm_start: expected the network of the last fit, {name}={last!r}, got "
                    f"{given!r}; fit a new estimator, or set warm_start=False"
                )
        network = copy.deepcopy(model.network_).cpu()
    else:
        network = make_network(model.network, model.network_params, X.shape[1:], len(classes))
    return network.to(weight_dtype(model.precision))
