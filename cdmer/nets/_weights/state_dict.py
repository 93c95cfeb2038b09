"""Tensors by name, from files in which nothing can run."""

from collections.abc import Mapping
from contextlib import contextmanager
from math import isfinite
from os import PathLike
from pathlib import Path

import torch

from cdmer._parameters import ParameterError
from cdmer.nets._weights.entry import Entry
from cdmer.nets._weights.tensor_file import open_tensors


@contextmanager
def open_state(path_or_state, network_name):
    """Open a file or a state dict of tensors by name, and nothing else.

    Parameters
    ----------
    path_or_state : path-like or dict of str to torch.Tensor
        A safetensors file, a torch file of a state dict, or a state dict.
    network_name : str
        What they are for, named where there is no file.

    Yields
    ------
    source : str or Path
        What to call it in messages.
    state : dict of str to (torch.Tensor or Entry)
        Shapes and types.
    read : callable
        Gives the tensor of a name, on the CPU where it comes from a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is neither a path nor a dict.
    ValueError
        If it holds anything else than tensors by name.
    """
    if isinstance(path_or_state, Mapping):
        _check_state(path_or_state, "path_or_state")
        yield "path_or_state", dict(path_or_state), path_or_state.__getitem__
        return
    if not isinstance(path_or_state, str | PathLike):
        raise ParameterError(
            f"path_or_state: expected a path or a dict of tensors, got {path_or_state!r}"
        )
    path = Path(path_or_state)
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(
            f"{path}: there is no such file; expected weights of {network_name} as "
            "safetensors, or as a torch file of a state dict"
        )
    with open_tensors(path) as file:
        _check_state(file.entries, path)
        yield path, dict(file.entries), file.read


def check_finite(name, tensor, own, source):
    """Refuse numbers that are not finite in place of numbers that are.

    Parameters
    ----------
    name : str
        What the tensor is called in the source.
    tensor : torch.Tensor
    own : torch.Tensor
        What it takes the place of. Where this is infinite, as in a mask, so may the other be.
    source : str or Path

    Raises
    ------
    ValueError
        If a number is infinite or NaN.
    """
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return
    # A sum is quick, and not finite if one of its terms is not.
    if isfinite(abs(tensor.sum().item())):
        return
    if tensor.isfinite().all() or not own.isfinite().all():
        return
    n = int((~tensor.isfinite()).sum())
    raise ValueError(
        f"{source}: expected finite numbers in {name!r}, got {n} of {tensor.numel()} that are "
        "infinite or NaN"
    )


def _check_state(state, source):
    if not isinstance(state, Mapping) or not state:
        found = "none" if isinstance(state, Mapping) else _kind(state)
        raise ValueError(f"{source}: expected a dict of tensors by name, got {found}")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor | Entry):
            inside = "; hand over that part alone" if isinstance(tensor, Mapping) else ""
            raise ValueError(
                f"{source}: expected tensors by name, got {_kind(tensor)} under {name!r}{inside}"
            )
        if isinstance(tensor, torch.Tensor) and (
            tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta
        ):
            raise ValueError(
                f"{source}: expected plain tensors with all their numbers, {name!r} is "
                f"{'on no device' if tensor.is_meta else 'quantised or sparse'}"
            )


def _kind(value):
    return "Tensor" if isinstance(value, Entry) else type(value).__name__
