"""Trained generators in files."""

from pathlib import Path

import numpy as np
import torch

from cdmer._parameters import ParameterError, check_number
from cdmer.nets._icegan.generator import ICEGANGenerator
from cdmer.nets._weights.state_dict import check_finite
from cdmer.nets._weights.tensor_file import open_tensors, write_tensors

_MOST = 4096  # classes, pixels along a side, channels of the first layer
_MOST_BYTES = 2**31
_SHAPE = ("n_classes", "size", "width", "graph_reasoning")


def save_generator(path, generator, classes):
    """Save a generator and its classes as safetensors.

    Parameters
    ----------
    path : path-like
        Replaced if cdmer wrote it.
    generator : ICEGANGenerator
    classes : array-like of str or int, shape (n_classes,)

    Raises
    ------
    FileExistsError
        If another file is there.
    OSError
        If the file cannot be written.
    """
    content = {"classes": _check_classes(np.asarray(classes).tolist())}
    content |= {name: getattr(generator, name) for name in _SHAPE}
    write_tensors(path, "generator", generator.state_dict(), content)


def load_generator(path):
    """Load a generator that `ICEGANClassifier.save_generator` wrote.

    Tensors and JSON are read; nothing in the file can run.

    Parameters
    ----------
    path : path-like
        A safetensors file.

    Returns
    -------
    generator : torch.nn.Module
        On the CPU, in evaluation mode: ``generator(face, label, noise)`` takes and gives grey
        levels from 0 to 1 of shape (n, 1, size, size), with labels as positions in `classes` and
        noise of shape (n, generator.n_noise).
    classes : ndarray of shape (n_classes,)
        Classes that it can be asked for.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be read.
    ValueError
        If the file is damaged, holds no generator, or its weights do not fit what it says they are.
    """
    path = Path(path)
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; expected a generator of ICEGAN")
    with open_tensors(path, "generator", _MOST_BYTES) as file:
        generator, classes = _build(path, file)
        # Assigned: the generator that was built has shapes alone.
        tensors = {name: file.read(name).clone() for name in file.entries}
        generator.load_state_dict(tensors, assign=True)
    for name, tensor in generator.state_dict().items():
        check_finite(name, tensor, torch.zeros(()), path)
    return generator.eval(), np.asarray(classes)


def _build(path, file):
    """Build the generator that a file describes, without memory for its weights."""
    content = file.sealed["content"]
    try:
        classes = _check_classes(content.get("classes"))
        for name in ("n_classes", "size", "width"):
            check_number(name, content.get(name), least=1, most=_MOST, whole=True)
        if content["n_classes"] != len(classes):
            raise ParameterError(
                f"n_classes: expected {len(classes)}, one for each class, got "
                f"{content['n_classes']}"
            )
        with torch.device("meta"):
            generator = ICEGANGenerator(**{name: content.get(name) for name in _SHAPE})
    except ParameterError as error:
        raise ValueError(f"{path}: holds no generator ({error})") from None
    expected, found = _kinds(generator.state_dict()), _kinds(file.entries)
    differing = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    if differing:
        name = differing[0]
        raise ValueError(
            f"{path}: holds no generator of the size that it says: expected {expected.get(name)} "
            f"under {name!r:.80}, got {found.get(name)}"
        )
    return generator, classes


def _kinds(tensors):
    return {
        name: f"{str(t.dtype).removeprefix('torch.')} of shape {tuple(t.shape)}"
        for name, t in tensors.items()
    }


def _check_classes(classes):
    good = isinstance(classes, list) and 1 <= len(classes) <= _MOST
    good = good and len({type(one) for one in classes}) == 1
    good = good and isinstance(classes[0], str | bool | int | float)
    if not good or len(set(classes)) < len(classes):
        raise ParameterError(
            f"classes: expected a list of 1 to {_MOST} different names or numbers, got "
            f"{type(classes).__name__}"
        )
    return classes
