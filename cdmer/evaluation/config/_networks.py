"""Networks in config files; torch is imported where a file names one."""

import inspect
from collections.abc import Mapping
from functools import partial
from importlib import import_module

from sklearn.model_selection import ParameterGrid

from cdmer._extras import import_extra
from cdmer._parameters import ParameterError, at_setting
from cdmer._text import unknown

# A file says what is computed: not where that leaves files, nor what a run before it left.
UNSAID = {"checkpoint", "checkpoint_every", "memory", "progress", "warm_start"}
_LOSSES = ("CDAN", "DAN", "DANN", "DeepCORAL", "MCC")
_MOST_PARAMETERS = 10**9
# Each takes some milliseconds to make without memory.
_MOST_NETWORKS = 200
# What says how large a network is.
_MAKING = ("network", "network_params", "adaptation")


class Classes(Mapping):
    """Classes by name, some of which are imported when they are looked up.

    Parameters
    ----------
    known : dict of str to callable
    lazy : dict of str to callable
        Functions without arguments that give a class; ImportError where a package is missing.
    """

    def __init__(self, known, lazy):
        self._known, self._lazy = known, lazy

    def __getitem__(self, name):
        return self._lazy[name]() if name in self._lazy else self._known[name]

    def __contains__(self, name):
        return name in self._known or name in self._lazy

    def __iter__(self):
        yield from self._known
        yield from self._lazy

    def __len__(self):
        return len(self._known) + len(self._lazy)


def restricted(kind, unsaid, check):
    """Make a function in place of a class: without some parameters, and checking what it makes."""

    def make(**params):
        made = kind(**params)
        check(made)
        return made

    make.__name__, make.__module__ = kind.__name__, kind.__module__
    signature = inspect.signature(kind)
    kept = [p for name, p in signature.parameters.items() if name not in unsaid]
    make.__signature__ = signature.replace(parameters=kept)
    return make


def _member(module, name):
    import_extra("torch", "deep")
    return getattr(import_module(module), name)


def _net_classifier():
    import_extra("torch", "deep")
    from cdmer.nets import NetClassifier

    return restricted(NetClassifier, UNSAID, _check)


DEEP = {"NetClassifier": _net_classifier}
DEEP |= {"HorizontalFlip": partial(_member, "cdmer.nets", "HorizontalFlip")}
DEEP |= {name: partial(_member, "cdmer.nets.adaptation", name) for name in _LOSSES}


def check_grid(estimator, table):
    """Check the networks that the settings of a grid make, as `NetClassifier` itself is checked.

    Parameters
    ----------
    estimator : estimator
        What the parameters belong to.
    table : dict of str to list
        Values of parameters.

    Raises
    ------
    ValueError
        If one is not to be had, or there are too many to look at.
    """
    for prefix, part in _net_classifiers(estimator).items():
        own = {key: values for key in _MAKING if (values := table.get(f"{prefix}{key}"))}
        settings = ParameterGrid(own)
        if settings.__len__() > _MOST_NETWORKS:
            raise ValueError(
                f"{', '.join(own)}: expected {_MOST_NETWORKS} networks at most, got "
                f"{settings.__len__():.3g}"
            )
        for setting in settings if own else ():
            _check(at_setting(part, setting))


def _net_classifiers(estimator):
    """Parts of an estimator that train networks, by what their parameters are prefixed with."""
    parts = {"": estimator} | {
        f"{name}__": part for name, part in estimator.get_params(deep=True).items()
    }
    # By name, so that torch is not imported for others.
    return {key: part for key, part in parts.items() if type(part).__name__ == "NetClassifier"}


def _check(classifier):
    """Refuse what `fit` would refuse, and what would fill the memory, before anything is computed.

    The network is made without memory for its weights.
    """
    import torch

    from cdmer.nets import NETWORKS

    classifier.check_parameters()
    name, params = classifier.network, classifier.network_params or {}
    if not isinstance(name, str) or name not in NETWORKS:
        name = name if isinstance(name, str) else f"{name!r}"
        raise ValueError(f"network: {unknown('network', name, list(NETWORKS))}")
    known = inspect.signature(NETWORKS[name]).parameters
    for key in params:
        # How many classes and columns there are is for the corpora to say.
        if key not in known or key in ("n_classes", "n_inputs"):
            free = [one for one in known if one not in ("n_classes", "n_inputs")]
            raise ValueError(f"network_params: {unknown(f'parameter of {name}', key, free)}")
    sizes = {"n_inputs": 1, "n_classes": 3}
    sizes = {key: value for key, value in sizes.items() if key in known}
    try:
        with torch.device("meta"):
            network = NETWORKS[name](**sizes, **params)
            parts = [network]
            if classifier.adaptation is not None:
                parts.append(classifier.adaptation.build(network.n_features, 3))
    except ParameterError:
        raise
    except (RuntimeError, TypeError) as error:  # sizes that no number of bytes can hold
        reason = str(error).splitlines()[0][:100]
        raise ValueError(f"network_params: expected a network, got {params} ({reason})") from None
    tensors = [t for part in parts if part is not None for t in part.state_dict().values()]
    n_numbers = sum(tensor.numel() for tensor in tensors)
    if n_numbers > _MOST_PARAMETERS:
        raise ValueError(
            f"network_params: expected a network of {_MOST_PARAMETERS} numbers at most, with the "
            f"layers of its adaptation, got {n_numbers}"
        )
