"""What all networks that MediaPipe runs have in common."""

import numpy as np


def import_mediapipe(user):
    """Import MediaPipe.

    Parameters
    ----------
    user : str
        What needs it, for the message.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is missing; says what to install.
    """
    try:
        import mediapipe
    except ImportError as error:
        raise ImportError(f"{user} needs MediaPipe: pip install 'cdmer[mediapipe]'") from error
    return mediapipe


def base_options(mp, path):
    """Options that all tasks on single pictures take, a dict."""
    return {
        "base_options": mp.tasks.BaseOptions(model_asset_path=path),
        "running_mode": mp.tasks.vision.RunningMode.IMAGE,
    }


def as_image(mp, frame):
    """A frame of shape (H, W) or (H, W, 3) as MediaPipe's image."""
    if frame.ndim == 2:
        frame = np.repeat(frame[..., None], 3, axis=2)
    return mp.Image(image_format=mp.ImageFormat.SRGB, data=frame)


def not_run(path, network, error):
    """The error of a file that MediaPipe refused."""
    said = " ".join(str(error).split())[:200]
    return ValueError(
        f"{path}: is no network {network} that MediaPipe can run, or cut off ({said})"
    )
