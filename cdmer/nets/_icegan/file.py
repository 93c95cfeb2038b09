"""Trained generators in files."""

import json
from pathlib import Path

import numpy as np

from cdmer._extras import import_extra
from cdmer._files.writing import atomic_file
from cdmer._parameters import ParameterError
from cdmer.nets._icegan.generator import ICEGANGenerator
from cdmer.nets._weights.weights import load_weights

_FORMAT = 1
_SHAPE = ("n_classes", "size", "width", "graph_reasoning")


def save_generator(path, generator, classes):
    """Save a generator and its classes as safetensors.

    Parameters
    ----------
    path : path-like
        Replaced if it exists.
    generator : ICEGANGenerator
    classes : array-like of str or int, shape (n_classes,)

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    save = import_extra("safetensors.torch", "deep").save
    header = {"format": _FORMAT, "classes": np.asarray(classes).tolist()}
    header |= {name: getattr(generator, name) for name in _SHAPE}
    tensors = {name: t.detach().cpu().contiguous() for name, t in generator.state_dict().items()}
    content = save(tensors, metadata={"cdmer.generator": json.dumps(header)})
    with atomic_file(path) as file:
        file.write(content)


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
    ImportError
        If safetensors is missing.
    ValueError
        If the file is damaged, holds no generator, or its weights do not fit what it says they are.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; expected a generator of ICEGAN")
    header = _read_header(path)
    try:
        generator = ICEGANGenerator(**{name: header[name] for name in _SHAPE})
    except ParameterError as error:
        raise ValueError(f"{path}: holds no generator ({error})") from None
    load_weights(generator, path)
    return generator.eval(), np.asarray(header["classes"])


def _read_header(path):
    safetensors = import_extra("safetensors", "deep")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path}: is no whole safetensors file ({error})") from None
    try:
        header = json.loads(metadata["cdmer.generator"])
        classes = header["classes"]
        whole = header["format"] == _FORMAT and isinstance(classes, list)
        whole = whole and len(classes) == header["n_classes"]
        whole = whole and all(name in header for name in _SHAPE)
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise ValueError(
            f"{path}: holds no generator; expected what ICEGANClassifier.save_generator wrote"
        )
    return header
