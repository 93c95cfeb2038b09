"""Fits that go on where a killed process left them."""

import hashlib
from pathlib import Path
from types import FunctionType

import numpy as np
import torch

from cdmer._devices import random_states, set_random_states
from cdmer._fingerprint import fingerprint
from cdmer._functions import identify_function
from cdmer._modules import identify_module
from cdmer._parameters import ParameterError
from cdmer.nets._weights.tensor_file import open_tensors, write_tensors

# What changes how, not what, is computed; and what the rows and initial weights stand for.
_NOT_IN_NAME = (
    "network",
    "network_params",
    "device",
    "checkpoint",
    "checkpoint_every",
    "warm_start",
    "random_state",
    "progress",
)


def name_fit(settings, start):
    """Name a fit that is about to begin by everything that its result depends on.

    Parameters
    ----------
    settings : TrainedClassifier
    start : Start

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        If a parameter has no content by which another process could identify it.
    """
    params = {k: v for k, v in settings.get_params(deep=False).items() if k not in _NOT_IN_NAME}
    augment = params.get("augment")
    if isinstance(augment, FunctionType):
        try:
            params["augment"] = identify_function(augment)
        except TypeError as error:
            raise ParameterError(
                "checkpoint: another process must identify augment, expected a function at "
                "the top of a module, without defaults, or a dataclass such as HorizontalFlip; got "
                f"{augment!r}: {error}"
            ) from None
    # Hashed on its own: a fingerprint copies what it names several times.
    content = hashlib.sha256(np.ascontiguousarray(start.rows.X)).hexdigest()
    others = [start.rows.X.shape, *start.rows[1:]]
    generators = torch.get_rng_state().numpy(), start.generator.get_state().numpy()
    modules = [module for module in (start.network, start.module) if module is not None]
    try:
        parts = [identify_module(module, fingerprint) for module in modules]
        return fingerprint(params, parts, generators, content, others)
    except TypeError as error:
        raise ParameterError(f"checkpoint: this fit cannot be identified: {error}") from None


def checkpoint_path(given, name):
    """File of a checkpoint: the one that is given, or in a folder one named by the fit."""
    path = Path(given)
    return path / f"{name}.safetensors" if path.is_dir() else path


def write_checkpoint(path, training, name):
    """Write the state of a training, whole or not at all.

    Parameters
    ----------
    path : path-like
        Replaced if cdmer wrote it.
    training : Training
    name : str
        Names what is fitted; only the same fit can be resumed.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    tensors = {f"network.{k}": v for k, v in tensors_of(training.network).items()}
    if training.module is not None:
        own = tensors_of(training.module)
        tensors |= {f"adaptation.{k}": v for k, v in own.items()}
    tensors |= {f"best.{k}": v for k, v in training.best.items()}
    tensors |= {f"random.{k}": v for k, v in random_states(training.device).items()}
    tensors["random.order"] = training.generator.get_state()
    for number, state in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{k}": v for k, v in state.items() if v is not None}
    content = {
        "fit": name,
        "epoch": training.epoch,
        "losses": training.losses,
        "validation_losses": training.validation_losses,
        "rows_at_once": training.memory.limit,
        "scaler": training.scaler.state_dict(),
    }
    write_tensors(path, "checkpoint", tensors, content)


def read_checkpoint(path, training, name):
    """Restore the state of a training from a file.

    Parameters
    ----------
    path : path-like
    training : Training
        As it began.
    name : str

    Raises
    ------
    ValueError
        If the file is no checkpoint, is damaged, or is that of another fit.
    """
    try:
        with open_tensors(path, "checkpoint") as file:
            if file.sealed["content"].get("fit") != name:
                raise ParameterError(
                    f"checkpoint: {path} belongs to a fit with other rows, parameters or initial "
                    "weights; remove it, or give another path (or a folder, in which every fit has "
                    "its own file)"
                )
            _check_shapes(file.entries, training)
            tensors = {name: file.read(name).clone() for name in file.entries}
            _restore(training, tensors, file.sealed["content"])
    except ParameterError:
        raise
    # Digests are right: only a file that was made up fails in other ways.
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ValueError(
            f"checkpoint: {path} is no whole checkpoint of a fit ({reason}); remove it, and the "
            "fit begins anew, or give another path"
        ) from error


def _check_shapes(entries, training):
    """Check shapes before anything is read: of what was trained, and of what optimizers keep."""
    own = {f"network.{k}": v for k, v in _tensors(training.network).items()}
    if training.module is not None:
        own |= {f"adaptation.{k}": v for k, v in _tensors(training.module).items()}
    own["random.cpu"], own["random.order"] = torch.get_rng_state(), training.generator.get_state()
    missing = set(own) - set(entries)
    if missing:
        raise ValueError(f"{min(missing)} is missing")
    learnt = [p for group in training.optimizer.param_groups for p in group["params"]]
    for name, entry in entries.items():
        kind, _, rest = name.partition(".")
        if name == "random.cuda":  # of another device, which a fit may move to or from
            continue
        if kind == "optimizer":
            shapes = (), tuple(learnt[int(rest.partition(".")[0])].shape)
        else:
            shapes = (tuple(own[f"network.{rest}" if kind == "best" else name].shape),)
        if entry.shape not in shapes:
            raise ValueError(f"{name!r:.80}: expected shape {shapes[-1]}, got {entry.shape}")


def _restore(training, tensors, content):
    epoch, losses, limit = content["epoch"], content["losses"], content["rows_at_once"]
    if not 0 < epoch == len(losses) <= training.settings.n_epochs:
        raise ValueError(f"epoch: expected 1 to {training.settings.n_epochs}, one for each loss")
    if len(content["validation_losses"]) not in (0, epoch) or not (limit is None or limit > 0):
        raise ValueError("expected a validation loss for each epoch, and rows at once above 0")
    copy_into(training.network, _part(tensors, "network"))
    if training.module is not None:
        copy_into(training.module, _part(tensors, "adaptation"))
    training.best = {k: v.to(training.device) for k, v in _part(tensors, "best").items()}
    training.epoch, training.losses, training.memory.limit = epoch, losses, limit
    training.validation_losses = content["validation_losses"]
    training.scaler.load_state_dict(content["scaler"])
    states = training.optimizer.state_dict()
    for key, value in _part(tensors, "optimizer").items():
        number, entry = key.split(".", 1)
        states["state"].setdefault(int(number), {})[entry] = value
    training.optimizer.load_state_dict(states)
    random = _part(tensors, "random")
    training.generator.set_state(random.pop("order"))
    set_random_states(random, training.device)


def tensors_of(module, parameters=True):
    """Copy the buffers of a module, and its parameters, by their names.

    Unlike its state dict this has the buffers that are not kept in files.
    """
    found = _tensors(module) if parameters else dict(module.named_buffers())
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def _tensors(module):
    return dict(module.named_buffers()) | dict(module.named_parameters())


@torch.no_grad()
def copy_into(module, tensors):
    """Overwrite buffers and parameters of a module, by their names."""
    own = _tensors(module)
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


def _part(tensors, prefix):
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
