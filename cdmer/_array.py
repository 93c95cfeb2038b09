"""Arrays of any array API library (NumPy, torch, …), checked in one place."""

import array_api_compat
import numpy as np
from sklearn.utils.validation import check_array

from cdmer._parameters import ParameterError


def is_foreign(X):
    """Whether scikit-learn's checks would pull an array into NumPy, as they do torch tensors."""
    return array_api_compat.is_array_api_obj(X) and not array_api_compat.is_numpy_array(X)


def check_matrix(X, name):
    """Check a 2-D array of finite numbers and convert it to float64, on its device.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns)
        Lists and the like become NumPy arrays.
    name : str
        Its name, for messages.

    Returns
    -------
    array of float64, shape (n_rows, n_columns)

    Raises
    ------
    ValueError
        If it is not 2-D, empty, or holds NaN or infinity.
    """
    if not is_foreign(X):
        return check_array(X, dtype=np.float64, input_name=name)
    xp = array_api_compat.array_namespace(X)
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            f"{name}: expected a 2-D array with rows and columns, got {tuple(X.shape)}"
        )
    X = xp.astype(X, xp.float64)
    if not bool(xp.all(xp.isfinite(X))):
        raise ValueError(f"{name}: contains NaN or infinity, expected finite numbers")
    return X


def to_numpy(array):
    """Copy an array of any library and device into NumPy."""
    if array_api_compat.is_torch_array(array):
        return array.detach().cpu().numpy()
    return np.asarray(array)


def read_only(values):
    """View of a NumPy array that cannot be written to; anything else is given back.

    What many models share stays as it is: a step that works in place copies, or fails.
    """
    if not isinstance(values, np.ndarray):
        return values
    view = values.view()
    view.flags.writeable = False
    return view


def take_rows(X, rows):
    """Rows of an array, a data frame or a sequence, by position."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if is_foreign(X):
        xp = array_api_compat.array_namespace(X)
        return xp.take(X, xp.asarray(rows, device=array_api_compat.device(X)), axis=0)
    if hasattr(X, "shape"):
        return X[rows]
    return [X[row] for row in rows]


def to_device(frames, device):
    """Move frames to a device of PyTorch.

    Parameters
    ----------
    frames : array of uint8
        An array of NumPy or PyTorch.
    device : str or torch.device
        The device.

    Returns
    -------
    torch.Tensor
        On `device`.
    """
    import torch

    if isinstance(frames, torch.Tensor):
        return frames.to(device)
    return torch.tensor(frames, device=device)


def check_device(device):
    """Check that PyTorch can compute on a device.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ParameterError
        If the device is not there.
    """
    if device is None:
        return
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"device={device!r} needs PyTorch: pip install 'cdmer[deep]', or leave device=None"
        ) from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ParameterError(
            f"device: expected None or a device that PyTorch can use here, got {device!r}"
        ) from error
