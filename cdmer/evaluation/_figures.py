"""Figures: which facial regions a method keeps, and which classes it confuses.

Drawn on `matplotlib.figure.Figure` without pyplot: no window, no global state, safe in threads.
"""

from dataclasses import dataclass

import numpy as np

from cdmer._extras import import_extra
from cdmer.features import RegionGrid

INK, HEAT = "#1a1a1a", "plasma"


@dataclass(frozen=True, eq=False)
class RegionMap:
    """A face, its regions, and how much a fitted method relies on each of them.

    Parameters
    ----------
    title : str
        Names the map, such as method and experiment.
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


def plot_regions(region_map, figure=None):
    """Draw which regions of the face are kept.

    Above, all levels together: every kept region spreads its weight evenly over its area, weights
    add up where regions overlap, and each kept region is outlined. Below, level by level, the kept
    cells in the colour of their own weight. The title is left to the caption.

    Parameters
    ----------
    region_map : RegionMap
    figure : matplotlib.figure.Figure or SubFigure, optional
        Drawn into, if given.

    Returns
    -------
    matplotlib.figure.Figure or SubFigure
        Its first axes hold the overlay, with one rectangle per kept region; then one axes per level
        follows.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    """
    n_levels = len(region_map.levels)
    if figure is None:
        height, width = region_map.face.shape
        size = 4.4, 4.4 * height / width * (1 + 1 / n_levels) + 0.9
        figure = import_extra("matplotlib.figure").Figure(figsize=size, layout="compressed")
    grid = figure.add_gridspec(2, n_levels, height_ratios=[n_levels, 1])
    _draw_overlay(figure.add_subplot(grid[0, :]), region_map)
    scale = _color_scale(region_map.weights.max())
    axes = [figure.add_subplot(grid[1, i]) for i in range(n_levels)]
    for ax, level in zip(axes, region_map.levels, strict=True):
        _draw_level(ax, region_map, level, scale)
    bar = figure.colorbar(scale, ax=axes, orientation="horizontal", aspect=40, pad=0.06)
    bar.set_label("weight of a region", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    return figure


def plot_confusion(counts, classes, ax=None):
    """Draw a confusion matrix: counts and row percentages, shaded by the latter.

    Parameters
    ----------
    counts : array-like of int, shape (n_classes, n_classes)
        True classes in rows, predicted classes in columns, as `Results.confusion` gives them.
    classes : sequence of str
        Names of the classes.
    ax : matplotlib.axes.Axes, optional
        Drawn into, if given.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax.figure.savefig(path)`` writes it to a file.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `counts` is not square with one row per class, or holds a negative number.
    """
    counts, classes = np.asarray(counts), list(classes)
    n = len(classes)
    if counts.shape != (n, n) or (counts < 0).any():
        raise ValueError(
            f"counts: expected numbers >= 0 of shape ({n}, {n}), one row per class, got shape "
            f"{counts.shape}" + (f" with {counts.min()}" if counts.size else "")
        )
    if ax is None:
        size = 1.6 + 1.0 * n, 1.1 + 0.8 * n
        ax = import_extra("matplotlib.figure").Figure(figsize=size, layout="tight").subplots()
    shares = row_shares(counts)
    ax.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}\n{share:.0%}" if np.isfinite(share) else f"{count}"
        weight = "bold" if row == column else "normal"
        ax.text(column, row, text, ha="center", va="center", color=INK, fontweight=weight)
    ax.set_xticks(range(n), classes, parse_math=False)
    ax.set_yticks(range(n), classes, parse_math=False)
    ax.set(xlabel="predicted", ylabel="true")
    ax.tick_params(length=0)
    return ax


def row_shares(counts):
    """Divide each row by its sum; NaN where the sum is 0."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def _draw_overlay(ax, region_map):
    heat = np.zeros(region_map.face.shape)
    for i in region_map.selected:
        top, bottom, left, right = region_map.boxes[i]
        heat[top:bottom, left:right] += region_map.weights[i] / ((bottom - top) * (right - left))
    heat /= heat.max() or 1.0
    colors = import_extra("matplotlib").colormaps[HEAT](heat)
    # Weak regions stay visible, and the strongest do not hide the face.
    colors[..., 3] = np.where(heat > 0, 0.3 + 0.35 * heat, 0)
    _show_face(ax, region_map.face)
    _show(ax, colors)
    # A dark line beneath the white one: visible on light and dark skin, and without colour.
    casing = import_extra("matplotlib.patheffects").withStroke(linewidth=3, foreground=INK)
    for i in region_map.selected:
        _add_box(ax, region_map.boxes[i], edgecolor="white", linewidth=1.4, path_effects=[casing])


def _draw_level(ax, region_map, level, scale):
    _show_face(ax, region_map.face)
    cells = np.flatnonzero(region_map.level_of_region == level)
    tops, bottoms, lefts, rights = region_map.boxes[cells].T
    grid = {"colors": "white", "linewidths": 0.4, "alpha": 0.6}
    ax.hlines(np.union1d(tops, bottoms), lefts.min(), rights.max(), **grid)
    ax.vlines(np.union1d(lefts, rights), tops.min(), bottoms.max(), **grid)
    kept = cells[region_map.weights[cells] > 0]
    for i in kept:
        color = scale.to_rgba(region_map.weights[i], alpha=0.8)
        _add_box(ax, region_map.boxes[i], facecolor=color, edgecolor="white", linewidth=0.6)
    ax.set_title(f"{level} × {level}\n{len(kept)} of {len(cells)}", fontsize=9, color=INK)


def _show_face(ax, face):
    # Lifted blacks and lowered whites: heat and outlines stand out on any skin and in any light.
    _show(ax, face, cmap="gray", vmin=-60, vmax=300)
    ax.set_axis_off()


def _show(ax, image, **settings):
    # Pixel edges at whole numbers, so that boxes are drawn where they are.
    height, width = image.shape[:2]
    ax.imshow(image, extent=(0, width, height, 0), **settings)


def _add_box(ax, box, facecolor="none", **settings):
    rectangle = import_extra("matplotlib.patches").Rectangle
    top, bottom, left, right = box
    ax.add_patch(
        rectangle((left, top), right - left, bottom - top, facecolor=facecolor, **settings)
    )


def _color_scale(largest):
    norm = import_extra("matplotlib.colors").Normalize(0, largest or 1.0)
    return import_extra("matplotlib.cm").ScalarMappable(norm, HEAT)


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
