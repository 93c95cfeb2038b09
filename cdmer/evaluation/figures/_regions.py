"""Regions of a face, coloured by their weights."""

import numpy as np

from cdmer._extras import import_extra
from cdmer.evaluation.figures._style import INK

HEAT = "plasma"


def plot_regions(region_map, figure=None):
    """Draw the selected regions of a face and their weights.

    Above, all levels together: every kept region spreads its weight evenly over its area, weights
    add up where regions overlap, and each kept region is outlined. Below, level by level, the kept
    cells in the colour of their own weight. The title is left to the caption.

    Parameters
    ----------
    region_map : RegionMap
    figure : matplotlib.figure.Figure or SubFigure, optional
        Figure to draw into; a new one by default.

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
