"""Maps of facial regions and their weights."""

from dataclasses import dataclass

import numpy as np

from cdmer.features import RegionGrid


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Weights of the regions of a face, and the face to draw them on.

    Parameters
    ----------
    title : str
        Title of the map, such as method and experiment.
    face : ndarray of uint8, shape (height, width)
        The face to draw on.
    boxes : ndarray of int, shape (n_regions, 4)
        Top, bottom, left and right of each region in pixels of `face`; bottom and right are
        exclusive, as `RegionGrid.boxes` gives them.
    weights : ndarray of float, shape (n_regions,)
        At least 0, and 0 for a region that is not selected: `TGSR.group_norms_`.
    levels : tuple of int, default=(1, 2, 4, 8)
        Rows (and columns) of each grid, as in `RegionGrid`.

    Raises
    ------
    ValueError
        If shapes or numbers do not fit together, a box leaves the face or is empty, or a weight is
        negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.evaluation import RegionMap
    >>> from cdmer.features import RegionGrid
    >>> boxes = RegionGrid(levels=(1, 2)).boxes(height=64, width=64)
    >>> face = np.full((64, 64), 128, dtype=np.uint8)
    >>> regions = RegionMap("mouth", face, boxes, [0, 0, 0, 0.5, 2], levels=(1, 2))
    >>> regions.caption
    '2 of 5 regions kept: none at 1 × 1, 2 at 2 × 2. Largest weights: l2r1c1 (2.00), l2r1c0 (0.50).'
    """

    title: str
    face: np.ndarray
    boxes: np.ndarray
    weights: np.ndarray
    levels: tuple[int, ...] = (1, 2, 4, 8)

    def __post_init__(self):
        grid = RegionGrid(self.levels)
        face = _check_face(self.face)
        checked = {
            "face": face,
            "boxes": _check_boxes(self.boxes, grid.n_regions, grid.levels, face.shape),
            "weights": _check_weights(self.weights, grid.n_regions),
            "levels": grid.levels,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def selected(self):
        """Positions of the regions with a weight above 0, ndarray of int."""
        return np.flatnonzero(self.weights)

    @property
    def level_of_region(self):
        """The level that each region belongs to, ndarray of int, shape (n_regions,)."""
        return np.repeat(self.levels, np.square(self.levels))

    @property
    def caption(self):
        """The map in words: regions kept per level, and the names of the strongest, a str."""
        kept = np.bincount(self.level_of_region[self.selected], minlength=max(self.levels) + 1)
        levels = ", ".join(f"{kept[n] or 'none'} at {n} × {n}" for n in self.levels)
        text = f"{len(self.selected)} of {len(self.weights)} regions kept: {levels}."
        names = RegionGrid(self.levels).names
        strongest = self.selected[np.argsort(-self.weights[self.selected], kind="stable")][:5]
        ranking = ", ".join(f"{names[i]} ({self.weights[i]:.2f})" for i in strongest)
        return f"{text} Largest weights: {ranking}." if ranking else text


def _check_face(face):
    face = np.asarray(face)
    if face.dtype != np.uint8 or face.ndim != 2 or not face.size:
        raise ValueError(
            f"face: expected uint8 of shape (height, width), got {face.dtype} of shape {face.shape}"
        )
    return face


def _check_boxes(boxes, n_regions, levels, shape):
    boxes = np.asarray(boxes)
    if boxes.shape != (n_regions, 4) or not np.issubdtype(boxes.dtype, np.integer):
        raise ValueError(
            f"boxes: expected integers of shape ({n_regions}, 4) for levels {levels}, got "
            f"{boxes.dtype} of shape {boxes.shape}"
        )
    top, bottom, left, right = boxes.T
    height, width = shape
    fits = (top >= 0) & (top < bottom) & (bottom <= height)
    fits &= (left >= 0) & (left < right) & (right <= width)
    if not fits.all():
        raise ValueError(
            "boxes: expected top < bottom and left < right within the face of "
            f"{height} x {width} pixels, got {boxes[~fits][0].tolist()}"
        )
    return boxes


def _check_weights(weights, n_regions):
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (n_regions,):
        raise ValueError(
            f"weights: expected one per box, shape ({n_regions},), got shape {weights.shape}"
        )
    valid = np.isfinite(weights) & (weights >= 0)
    if not valid.all():
        raise ValueError(f"weights: expected finite numbers >= 0, got {weights[~valid][0]}")
    return weights
