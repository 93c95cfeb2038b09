"""Maps of places drawn on faces."""

import numpy as np
import torch
from torch.nn.functional import interpolate

from cdmer._extras import import_extra

_FOR, _AGAINST = "plasma", "Blues"
_MOST_COLUMNS = 6
_INCHES = 2.2


def draw_saliency(places, faces, titles, figure):
    """Draw a face per map; see `SaliencyMaps.draw`."""
    faces = [_check_face(face, i) for i, face in enumerate(faces)]
    for name, given in (("faces", faces), ("titles", titles)):
        if len(given) != len(places):
            raise ValueError(f"{name}: expected one per clip, {len(places)}, got {len(given)}")
    n_columns = min(len(faces), _MOST_COLUMNS)
    n_rows = -(-len(faces) // n_columns)
    if figure is None:
        height, width = faces[0].shape[:2]
        size = _INCHES * n_columns, (_INCHES * height / width + 0.3) * n_rows
        figure = import_extra("matplotlib.figure").Figure(figsize=size, layout="compressed")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, face, heat, title in zip(axes, faces, places, titles, strict=False):
        _draw_face(ax, face, _enlarged(heat, face.shape[:2]))
        ax.set_title(title, fontsize=9)
        ax.set_axis_off()
    for ax in axes[len(faces) :]:
        ax.remove()
    return figure


def _check_face(face, i):
    face = np.asarray(face)
    if face.dtype != np.uint8 or not (face.ndim == 2 or face.ndim == 3 and face.shape[2] == 3):
        raise ValueError(
            f"faces: expected uint8 of shape (height, width) or (height, width, 3), got "
            f"{face.dtype} of shape {face.shape} at position {i}"
        )
    return face


def _enlarged(heat, shape):
    """Bring a map to the size of a face, and its largest value to 1."""
    heat = torch.from_numpy(np.array(heat, np.float64))[None, None]
    heat = interpolate(heat, size=shape, mode="bilinear")[0, 0].numpy()
    return heat / (np.abs(heat).max() or 1.0)


def _draw_face(ax, face, heat):
    grey = face if face.ndim == 2 else face @ [0.299, 0.587, 0.114]
    # Lifted blacks and lowered whites: heat stands out on any skin and in any light.
    ax.imshow(grey, cmap="gray", vmin=-60, vmax=300)
    colormaps = import_extra("matplotlib").colormaps
    for name, values in ((_FOR, heat), (_AGAINST, -heat)):
        values = np.maximum(values, 0)
        colors = colormaps[name](values)
        colors[..., 3] = 0.65 * values  # weak evidence leaves the face as it is
        ax.imshow(colors)
    if heat.max() > 0.5 and min(heat.shape) > 1:
        casing = import_extra("matplotlib.patheffects").withStroke(linewidth=2.4, foreground="0.1")
        lines = ax.contour(heat, levels=[0.5], colors="white", linewidths=1.1)
        lines.set_path_effects([casing])
