"""Where a tensor lies in a file, and of what kind it is, before any of it is read."""

import math
from dataclasses import dataclass

import numpy as np
import torch

# How each type lies in files. NumPy has no bfloat16; and a truth value is any byte in a file.
NUMPY_TYPES = {
    torch.float64: "<f8",
    torch.float32: "<f4",
    torch.float16: "<f2",
    torch.bfloat16: "<i2",
    torch.complex128: "<c16",
    torch.complex64: "<c8",
    torch.int64: "<i8",
    torch.int32: "<i4",
    torch.int16: "<i2",
    torch.int8: "|i1",
    torch.uint8: "|u1",
    torch.bool: "|u1",
}
_MOST_AXES = 32


@dataclass(frozen=True)
class Entry:
    """A tensor in a file.

    Parameters
    ----------
    dtype : torch.dtype
        One of `NUMPY_TYPES`.
    shape, stride : tuple of int
        As those of the tensor.
    offset : int
        Position in the file, in bytes.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    def read(self, content):
        """Give the tensor.

        Parameters
        ----------
        content : mmap.mmap
            Of the file, whose end is not before the tensor's.

        Returns
        -------
        torch.Tensor
            On the CPU; where the machine keeps numbers as the file does, a view of the content.
        """
        if 0 in self.shape:
            return torch.empty(self.shape, dtype=self.dtype)
        kind = np.dtype(NUMPY_TYPES[self.dtype])
        steps = [step * kind.itemsize for step in self.stride]
        values = np.ndarray(self.shape, kind, content, self.offset, steps)
        native = np.bool_ if self.dtype == torch.bool else kind.newbyteorder("=")
        values = np.require(values.astype(native, copy=False), requirements="A")
        return torch.from_numpy(values).view(self.dtype)


def extent(shape, stride):
    """Numbers from the first to the last of a tensor that is not empty."""
    return 1 + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))


def dense_stride(shape):
    """Stride of a contiguous tensor that is not empty."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def are_sizes(values):
    """Whether a file's value is a list or tuple of whole numbers from 0, one for each axis."""
    return (
        isinstance(values, list | tuple)
        and len(values) <= _MOST_AXES
        and all(type(value) is int and 0 <= value < 2**63 for value in values)
    )
