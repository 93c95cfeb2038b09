"""What transformers accept as clips, turned into grey frames and a name for messages."""

import array_api_compat

from cdmer._parameters import ParameterError


def named_clips(X):
    """Pair every clip with the name that messages call it by.

    Parameters
    ----------
    X : sequence of clips, or array of shape (n_clips, T, H, W)
        A clip is a `cdmer.corpora.Clip` (anything with `frames` and `key`) or an array of shape
        (T, H, W).

    Returns
    -------
    list of (str, clip)
        ``clip 'corpus/subject/name'``, or ``clip 3`` for a bare array. Frames are not read.

    Raises
    ------
    TypeError
        If `X` is no sequence of clips.
    ValueError
        If `X` holds no clip, or is an array that is not four-dimensional.
    """
    if hasattr(X, "frames"):
        raise TypeError(
            f"X: expected a sequence of clips, got one {type(X).__name__}; wrap it in a list"
        )
    if array_api_compat.is_array_api_obj(X) and not _holds_objects(X):
        if X.ndim != 4:
            raise ValueError(
                "X: expected a sequence of clips or one array of shape (n_clips, T, H, W), "
                f"got one array of shape {tuple(X.shape)}"
            )
        clips = [X[i, ...] for i in range(X.shape[0])]
    else:
        try:
            clips = list(X)
        except TypeError:
            raise TypeError(f"X: expected a sequence of clips, got {type(X).__name__}") from None
    if not clips:
        raise ValueError("X: got no clip, expected at least one")
    return [
        (f"clip {clip.key!r}" if hasattr(clip, "key") else f"clip {i}", clip)
        for i, clip in enumerate(clips)
    ]


def grey_frames(clip, name):
    """Read the frames of one clip.

    Parameters
    ----------
    clip : Clip, or array of shape (T, H, W)
        See `named_clips`.
    name : str
        Name of the clip in messages.

    Returns
    -------
    array of uint8, shape (T, H, W)
        In the library, and on the device, where they are.

    Raises
    ------
    TypeError
        If the frames are no array, or not uint8.
    ValueError
        If they are not grey.
    """
    frames = getattr(clip, "frames", clip)
    if not array_api_compat.is_array_api_obj(frames):
        raise TypeError(
            f"{name}: expected a Clip or an array of shape (T, H, W), got {type(frames).__name__}"
        )
    xp = array_api_compat.array_namespace(frames)
    shape = tuple(frames.shape)
    if len(shape) == 4 and shape[-1] == 3:
        raise ValueError(
            f"{name}: expected grey frames of shape (T, H, W), got colour frames of shape {shape}; "
            "convert the clip to grey first"
        )
    if len(shape) != 3:
        raise ValueError(f"{name}: expected frames of shape (T, H, W), got shape {shape}")
    if frames.dtype != xp.uint8:
        raise TypeError(f"{name}: expected frames of dtype uint8, got {frames.dtype}")
    return frames


def to_device(frames, device):
    """Move frames to a device of PyTorch.

    Parameters
    ----------
    frames : array of uint8
        Of NumPy or PyTorch.
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


def _holds_objects(array):
    return array_api_compat.is_numpy_array(array) and array.dtype == object
