"""Names that people know for the regions of a face."""

import numpy as np

from cdmer._steps import flat_steps
from cdmer.features import LandmarkRegions
from cdmer.preprocessing import CropAlign, CropRegion, Flip

# Places of parts in a face as `CropAlign` puts it, in units of the square that the face fills, seen
# from its centre, x to the left side of the person (the right of the picture), y down: eyes are at
# (0.2, -0.15). The other places follow from proportions of faces: brows lie 0.35, the tip of
# the nose 0.6, the mouth 1.1 and the chin 1.7 distances of the eyes above or below these.
_MIDDLE = {
    "forehead": ((0.0, -0.45), (0.1, -0.55)),
    "nose": ((0.0, -0.15), (0.0, 0.0), (0.05, 0.08)),
    "mouth": ((0.0, 0.23), (0.06, 0.28), (0.0, 0.34), (0.06, 0.36)),
    "chin": ((0.0, 0.5), (0.12, 0.52)),
}
_SIDES = {
    "forehead": ((0.25, -0.45), (0.35, -0.52)),
    "brow": ((0.1, -0.29), (0.2, -0.31), (0.3, -0.28)),
    "temple": ((0.5, -0.25), (0.48, -0.4)),
    "eye": ((0.12, -0.13), (0.2, -0.13), (0.29, -0.12)),
    "cheek": ((0.2, 0.08), (0.25, 0.02), (0.33, 0.1), (0.3, 0.2)),
    "ear": ((0.52, -0.05), (0.52, 0.1)),
    "mouth corner": ((0.17, 0.28),),
    "jaw": ((0.42, 0.3), (0.3, 0.4), (0.25, 0.5), (0.45, 0.5)),
}
# Shares of the frame from which on a box is named for what it holds, not for where its middle is.
_NEARLY_ALL, _LARGE = 0.8, 0.35


def face_margin(pipeline):
    """Margin, height and width of the faces that a pipeline cuts out.

    Parameters
    ----------
    pipeline : estimator

    Returns
    -------
    (float, int, int) or None
        None where its frames need not hold an upright face in its place.
    """
    crops = None
    for step in flat_steps(pipeline):
        if isinstance(step, CropAlign):
            crops = step.margin, step.height, step.width
        elif isinstance(step, CropRegion | Flip):
            crops = None
    return crops


def name_parts(grid, boxes, size, crop):
    """Name the part of the face that each region lies on.

    Parameters
    ----------
    grid : RegionGrid or LandmarkRegions
    boxes : ndarray of int, shape (n_regions, 4)
        Top, bottom, left and right.
    size : (int, int)
        Height and width of the frames.
    crop : (float, int, int) or None
        Result of `face_margin`. None: regions are named for their place in the picture.

    Returns
    -------
    tuple of str
        Left and right are the person's own in parts of a face, and the picture's in places of a
        picture, which say so.
    """
    if isinstance(grid, LandmarkRegions):
        return tuple(name.replace("_", " ") for name in grid.names)
    height, width = size
    top, bottom, left, right = np.asarray(boxes, dtype=np.float64).T
    shares = np.stack([(right - left) / width, (bottom - top) / height], axis=1)
    middles = np.stack([(left + right) / (2 * width), (top + bottom) / (2 * height)], axis=1) - 0.5
    if crop is None:
        return tuple(map(_place, shares, middles))
    margin, height, width = crop
    face = np.array([width, height]) * (1 + 2 * margin) / min(height, width)
    return tuple(_part(share, middle, face) for share, middle in zip(shares, middles, strict=True))


def _part(share, middle, face):
    """Name of a box of a face, from its size and its middle as shares of the frame."""
    (wide, high), (x, y) = share, middle
    side, level = "left" if x > 0 else "right", "lower" if y > 0 else "upper"
    across, along = wide >= _NEARLY_ALL, high >= _NEARLY_ALL
    if across and along:
        return "whole face"
    if across:
        return f"{level} half of the face" if high >= _LARGE else f"{level} face"
    if along:
        return f"{side} half of the face" if wide >= _LARGE else f"{side} side of the face"
    if min(wide, high) >= _LARGE and max(abs(x), abs(y)) > 0.1:
        return f"{level} {side} quarter of the face"
    x, y = middle * face
    near = {}
    for name, places in _MIDDLE.items():
        near[name] = min(np.hypot(abs(x) - a, y - b) for a, b in places)
    for name, places in _SIDES.items():
        near[f"{side} {name}"] = min(np.hypot(abs(x) - a, y - b) for a, b in places)
    return min(near, key=near.get)


def _place(share, middle):
    """Name of a box of a picture."""
    (wide, high), (x, y) = share, middle
    if min(wide, high) >= _NEARLY_ALL:
        return "whole picture"
    half = (wide if high >= _NEARLY_ALL else high if wide >= _NEARLY_ALL else 0) >= _LARGE
    if half and abs(x) > 0.1:
        return f"{'right' if x > 0 else 'left'} half of the picture"
    if half and abs(y) > 0.1:
        return f"{'lower' if y > 0 else 'upper'} half of the picture"
    down = "bottom" if y > 1 / 6 else "top" if y < -1 / 6 else ""
    along = "right" if x > 1 / 6 else "left" if x < -1 / 6 else ""
    return f"{' '.join(filter(None, (down, along))) or 'middle'} of the picture"
