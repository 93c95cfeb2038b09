"""Pictures of one flow field: its components, its length, its strain, and the face itself."""

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._parameters import ParameterError
from cdmer.features._flow.strain import optical_strain

CHANNELS = ("u", "v", "magnitude", "strain", "grey")


def check_channels(channels):
    """Check names of channels.

    Raises
    ------
    ParameterError
        If they are not some of `CHANNELS`, each at most once.
    """
    if (
        not isinstance(channels, tuple | list)
        or not channels
        or not all(isinstance(c, str) and c in CHANNELS for c in channels)
        or len(set(channels)) < len(channels)
    ):
        raise ParameterError(
            f"channels: expected some of {CHANNELS}, each at most once, got {channels!r}"
        )


def motion_pictures(flow, grey, channels, size, *, relative):
    """Make pictures of one flow field.

    Parameters
    ----------
    flow : ndarray of float32, shape (H, W, 2)
        Motion in pixels.
    grey : ndarray of uint8, shape (H, W)
        The frame that the motion leads to.
    channels : sequence of str
        Some of `CHANNELS`.
    size : int
        Height and width of the pictures.
    relative : bool
        Whether motion counts in widths and heights of the frame, and grey levels from 0 to 1; else
        in pixels and from 0 to 255.

    Returns
    -------
    ndarray of float32, shape (n_channels, size, size)
        In the order of `channels`, computed at the size of the frames and then resized.
    """
    planes = {"strain": optical_strain(flow), "grey": grey.astype(np.float32)}
    if relative:
        height, width = grey.shape
        flow = flow / np.array([width, height], np.float32)
        planes["grey"] /= 255
    u, v = np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1])
    planes |= {"u": u, "v": v, "magnitude": np.hypot(u, v)}
    return np.stack([resized(planes[channel], size) for channel in channels])


def resized(plane, size):
    """Bring a picture of float32 to a square: means over areas where it shrinks, else linear."""
    cv2 = import_cv2()
    way = cv2.INTER_AREA if min(plane.shape[:2]) >= size else cv2.INTER_LINEAR
    return cv2.resize(plane, (size, size), interpolation=way)


def stretched(pictures):
    """Scale the pictures of one channel, together, to run from 0 to 255."""
    low, high = pictures.min(), pictures.max()
    return (pictures - low) / (high - low if high > low else 1) * 255
