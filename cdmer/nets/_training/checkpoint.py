"""Fits that go on where a killed process left them."""

import hashlib
import json
import struct
from pathlib import Path
from types import FunctionType

import numpy as np
import torch

from cdmer._devices import random_states, set_random_states
from cdmer._extras import import_extra
from cdmer._files.writing import atomic_file
from cdmer._fingerprint import fingerprint
from cdmer._functions import identify_function
from cdmer._modules import identify_module
from cdmer._parameters import ParameterError

_FORMAT = 1
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

    Tensors are held by safetensors, the rest as JSON in its header; nothing is pickled.

    Parameters
    ----------
    path : path-like
        Replaced if it exists.
    training : Training
    name : str
        Names what is fitted; only the same fit can be resumed.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    save = import_extra("safetensors.torch", "deep").save
    tensors = {f"network.{k}": v for k, v in tensors_of(training.network).items()}
    if training.module is not None:
        own = tensors_of(training.module)
        tensors |= {f"adaptation.{k}": v for k, v in own.items()}
    tensors |= {f"best.{k}": v for k, v in training.best.items()}
    tensors |= {f"random.{k}": v for k, v in random_states(training.device).items()}
    tensors["random.order"] = training.generator.get_state()
    for number, state in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{k}": v for k, v in state.items() if v is not None}
    header = {
        "format": _FORMAT,
        "fit": name,
        "epoch": training.epoch,
        "losses": training.losses,
        "validation_losses": training.validation_losses,
        "rows_at_once": training.memory.limit,
        "scaler": training.scaler.state_dict(),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    content = save(tensors, metadata={"cdmer": json.dumps(header)})
    with atomic_file(path) as file:
        file.write(content)


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
        If the file is no checkpoint, or that of another fit.
    """
    content = Path(path).read_bytes()
    load = import_extra("safetensors.torch", "deep").load
    try:
        tensors = load(content)
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["cdmer"])
    except Exception as error:  # the library has an exception of its own for damaged files
        raise ValueError(f"checkpoint: {path} is no checkpoint of a fit ({error})") from None
    if (header.get("format"), header.get("fit")) != (_FORMAT, name):
        raise ValueError(
            f"checkpoint: {path} belongs to a fit with other rows, parameters or initial weights; "
            "remove it, or give another path (or a folder, in which every fit has its own file)"
        )
    copy_into(training.network, _part(tensors, "network"))
    if training.module is not None:
        copy_into(training.module, _part(tensors, "adaptation"))
    training.best = {k: v.to(training.device) for k, v in _part(tensors, "best").items()}
    training.epoch = header["epoch"]
    training.losses = header["losses"]
    training.validation_losses = header["validation_losses"]
    training.memory.limit = header["rows_at_once"]
    training.scaler.load_state_dict(header["scaler"])
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
    found = dict(module.named_buffers())
    if parameters:
        found |= dict(module.named_parameters())
    return {name: tensor.detach().clone() for name, tensor in found.items()}


@torch.no_grad()
def copy_into(module, tensors):
    """Overwrite buffers and parameters of a module, by their names."""
    own = dict(module.named_buffers()) | dict(module.named_parameters())
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


def _part(tensors, prefix):
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
