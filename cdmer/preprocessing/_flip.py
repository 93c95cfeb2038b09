"""Clips, and flow, seen in a mirror."""

import re

import array_api_compat
import numpy as np

from cdmer.preprocessing._base import FrameTransformer


class Flip(FrameTransformer):
    """Mirror clips left to right.

    The sides of action units change places with the face: ``"L14"`` becomes ``"R14"``.

    Notes
    -----
    Optical flow need not be computed anew for a mirrored clip, see `flip_flow`.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import Flip
    >>> Flip().transform([np.array([[[1, 2, 3]]], dtype=np.uint8)])[0]
    array([[[3, 2, 1]]], dtype=uint8)
    """

    def _stream(self, frames, clip, name):
        for frame in frames:
            yield np.ascontiguousarray(frame[:, ::-1])

    def _annotate(self, clip, name):
        return {"action_units": tuple(map(_other_side, clip.action_units))}


def flip_flow(flow):
    """Mirror optical flow left to right: what moved to the right now moves to the left.

    Parameters
    ----------
    flow : array of float, shape (..., H, W, 2)
        Displacement to the right (u) and down (v) at each pixel, of any library that follows the
        array API.

    Returns
    -------
    array of float, shape (..., H, W, 2)
        ``-u`` and ``v``, columns in reverse order: the flow of the mirrored clip.

    Raises
    ------
    ValueError
        If the shape is another.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import flip_flow
    >>> flip_flow(np.array([[[1.0, 0.5], [2.0, 0.0]]]))
    array([[[-2. ,  0. ],
            [-1. ,  0.5]]])
    """
    if flow.ndim < 3 or flow.shape[-1] != 2:
        raise ValueError(f"flow: expected shape (..., H, W, 2), got {tuple(flow.shape)}")
    xp = array_api_compat.array_namespace(flow)
    signs = xp.asarray([-1, 1], dtype=flow.dtype, device=array_api_compat.device(flow))
    # Adding zero turns -0.0, whose angle would be pi, back into 0.0.
    return xp.flip(flow, axis=-2) * signs + 0


def _other_side(action_unit):
    """``"L14"`` to ``"R14"`` and back; those without a side as they are."""
    return re.sub(r"^[LR](?=\d)", lambda side: {"L": "R", "R": "L"}[side[0]], action_unit)
