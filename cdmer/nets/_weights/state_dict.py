"""Tensors by name, from files in which nothing can run."""

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import torch

from cdmer._extras import import_extra
from cdmer._parameters import ParameterError


def read_state_dict(path_or_state, network_name):
    """Read tensors by name, and nothing else, from a file or a state dict.

    Parameters
    ----------
    path_or_state : path-like or dict of str to torch.Tensor
        A safetensors file, a torch file of a state dict, or a state dict.
    network_name : str
        What they are for, named where there is no file.

    Returns
    -------
    source : str or Path
        What to call it in messages.
    state : dict of str to torch.Tensor
        On the CPU where read from a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If the file is a safetensors file and safetensors is missing.
    TypeError
        If it is neither a path nor a dict.
    ValueError
        If it holds anything else than tensors by name.
    """
    if isinstance(path_or_state, Mapping):
        source, state = "path_or_state", path_or_state
    elif isinstance(path_or_state, str | PathLike):
        source = Path(path_or_state)
        if not source.is_file():
            raise FileNotFoundError(
                f"{source}: there is no such file; expected weights of {network_name} as "
                "safetensors, or as a torch file of a state dict"
            )
        state = _read_safetensors(source) if _is_safetensors(source) else _read_torch(source)
    else:
        raise ParameterError(
            f"path_or_state: expected a path or a dict of tensors, got {path_or_state!r}"
        )
    _check_state(state, source)
    return source, dict(state)


def _is_safetensors(path):
    # Eight bytes with its length, then a header in JSON; no torch file has a brace there.
    with open(path, "rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path):
    safetensors = import_extra("safetensors", "deep")
    load_file = import_extra("safetensors.torch", "deep").load_file
    try:
        return load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path}: is no whole safetensors file ({error})") from error


def _read_torch(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    # What damaged files raise depends on where the damage is.
    except Exception as error:
        other = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        found = f"it holds {other[1]}, which could run code" if other else "it is no such file"
        raise ValueError(
            f"{path}: expected safetensors or a torch file of tensors alone, {found}. Where you "
            "trust it, save its state_dict() with safetensors.torch.save_file"
        ) from error


def _check_state(state, source):
    if not isinstance(state, Mapping) or not state:
        found = "none" if isinstance(state, Mapping) else type(state).__name__
        raise ValueError(f"{source}: expected a dict of tensors by name, got {found}")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            inside = "; hand over that part alone" if isinstance(tensor, Mapping) else ""
            raise ValueError(
                f"{source}: expected tensors by name, got {type(tensor).__name__} under "
                f"{name!r}{inside}"
            )
