"""What the parameters of a descriptor by a network may be."""

import os
import warnings
from numbers import Integral

import numpy as np

from cdmer._devices import PRECISIONS
from cdmer._parameters import ParameterError, check_choice, check_flag, check_number


def check_settings(settings):
    """Check the parameters of a `DeepFeatures` that making the network does not check.

    Warns
    -----
    UserWarning
        If weights are random.

    Raises
    ------
    ParameterError
        If one has the wrong type or value.
    """
    from torch import nn

    kinds = {
        "layer": (str | None, "a name or None"),
        "weights": (str | os.PathLike | None, 'a path, "default" or None'),
        "network_params": (dict | None, "a dict or None"),
    }
    for name, (kind, words) in kinds.items():
        if not isinstance(getattr(settings, name), kind):
            raise ParameterError(f"{name}: expected {words}, got {getattr(settings, name)!r}")
    prepare = settings.prepare
    if prepare is not None and (isinstance(prepare, type) or not hasattr(prepare, "transform")):
        raise ParameterError(f"prepare: expected a transformer or None, got {prepare!r}")
    moments(settings)
    check_number("batch_size", settings.batch_size, least=1, whole=True)
    check_flag("strict", settings.strict)
    check_choice("pool", settings.pool, ("mean", "max", None))
    check_choice("precision", settings.precision, PRECISIONS)
    check_flag("compile", settings.compile)
    if settings.random_state is not None:
        check_number("random_state", settings.random_state, least=0, whole=True)
    if settings.weights is None and not isinstance(settings.network, nn.Module):
        _agree_to_random_weights(settings)


def moments(settings):
    """Mean and standard deviation that an input is scaled by.

    Returns
    -------
    mean, std : ndarray of float64, shape (channels,) or (1,)

    Raises
    ------
    ParameterError
        If they are no such numbers.
    """
    for name, above in (("mean", None), ("std", 0)):
        value = getattr(settings, name)
        for number in value if isinstance(value, tuple | list) and value else (value,):
            check_number(name, number, above=above)
    return np.atleast_1d(settings.mean).astype(float), np.atleast_1d(settings.std).astype(float)


def _agree_to_random_weights(settings):
    if not isinstance(settings.random_state, Integral):
        raise ParameterError(
            "random_state: expected a whole number where weights are random, so that they are the "
            f"same in every process, got {settings.random_state!r}; or give weights"
        )
    warnings.warn(
        f"weights: None, so those of {settings.network!r} are random and its features are those of "
        "an untrained network",
        stacklevel=4,
    )
