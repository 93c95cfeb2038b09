"""Frames of a clip side by side, as one picture to send."""

import base64
import hashlib
from typing import NamedTuple

import numpy as np

from cdmer._array import to_numpy
from cdmer._clips import read_frames
from cdmer._cv2 import one_cv2_thread
from cdmer._moments import apex_position, offset_position, onset_position
from cdmer._parameters import ParameterError

MOMENTS = ("onset", "apex", "offset")


class Picture(NamedTuple):
    """A picture as it is sent.

    Parameters
    ----------
    digest : str
        SHA-256 of its pixels, which does not depend on how they are compressed.
    url : str
        PNG file as a data URL.
    """

    digest: str
    url: str


def check_frames(frames):
    """Check which frames are asked for.

    Raises
    ------
    ParameterError
        If they are no sequence of moments, each at most once.
    """
    good = isinstance(frames, tuple | list) and 0 < len(frames) == len(set(map(str, frames)))
    if not good or any(moment not in MOMENTS for moment in frames):
        raise ParameterError(
            f"frames: expected some of {MOMENTS} in a tuple, each once, got {frames!r}"
        )


def draw_picture(clip, name, moments, longest_side):
    """Put frames of a clip side by side.

    Parameters
    ----------
    clip : Clip, or array of uint8 of shape (T, H, W)
    name : str
        Name of the clip in messages.
    moments : sequence of {"onset", "apex", "offset"}
        From left to right. Without annotation the first frame is the onset, the last the offset.
    longest_side : int
        Larger frames are shrunk to this many pixels along their longest side.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError, TypeError
        If the clip is no uint8 clip, or lacks the apex that is asked for. The message names it.
    """
    frames = to_numpy(read_frames(clip, name))
    shown = frames[[_position(clip, moment, len(frames), name) for moment in moments]]
    with one_cv2_thread() as cv2:
        row = np.concatenate([_shrunk(frame, longest_side, cv2) for frame in shown], axis=1)
        _, png = cv2.imencode(
            ".png", row if row.ndim == 2 else cv2.cvtColor(row, cv2.COLOR_RGB2BGR)
        )
    digest = hashlib.sha256(str(row.shape).encode() + row.tobytes()).hexdigest()
    return Picture(digest, f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}")


def _position(clip, moment, n_frames, name):
    if moment == "onset":
        return onset_position(clip, n_frames, name)
    if moment == "offset":
        return offset_position(clip, n_frames, name)
    return apex_position(clip, n_frames, name)


def _shrunk(frame, longest_side, cv2):
    height, width = frame.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return frame
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(np.ascontiguousarray(frame), size, interpolation=cv2.INTER_AREA)
