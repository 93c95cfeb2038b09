"""Digests of arrays and tensors: whether they are, to the last bit, what was written."""

import hashlib

import array_api_compat
import numpy as np


def digest_arrays(arrays):
    """SHA-256 of the names, types, shapes and bytes of arrays.

    Parameters
    ----------
    arrays : mapping of str to (ndarray or torch.Tensor)
        Of numbers; tensors may be on any device. Their order does not matter.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        kind, shape, content = _parts(arrays[name])
        digest.update(f"{len(name.encode())} {name} {kind} {shape}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _parts(array):
    if array_api_compat.is_torch_array(array):
        import torch

        kind, shape = str(array.dtype).removeprefix("torch."), tuple(array.shape)
        flat = array.detach().cpu().contiguous().reshape(-1)  # bfloat16 is no type of NumPy
        return kind, shape, flat.view(torch.uint8).numpy()
    array = np.asarray(array)
    return array.dtype.name, array.shape, np.ascontiguousarray(array).reshape(-1).view(np.uint8)
