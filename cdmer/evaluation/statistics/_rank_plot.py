"""Critical-difference diagram, turned by 90 degrees: one method per line, for long names."""

from cdmer.evaluation.statistics._drawing import (
    BAND,
    FONT,
    INK,
    LINE,
    SMALL,
    is_oracle,
    marker,
    n_lines,
    new_axes,
    strip_frame,
    wrapped,
)
from cdmer.evaluation.statistics._ranks import Ranks, ranks


def plot_ranks(found, ax=None):
    """Draw average ranks, best on top, and join methods that do not differ.

    A vertical line on the right joins methods whose average ranks are less than the critical
    difference apart; its length is drawn above. Points are hollow for methods that were selected on
    the target's labels, whose names say "oracle".

    Parameters
    ----------
    found : Ranks or Results
        What `ranks` gives; for Results, it is called with its defaults.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure, as wide as a phone's screen and as high
        as needed.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        As `ranks` does.
    """
    found = found if isinstance(found, Ranks) else ranks(found)
    labels = [wrapped(method) for method in found.average.index]
    y, places = 2.2, {}
    for method, label in zip(found.average.index, labels, strict=True):
        height = n_lines(label) + 0.35
        places[method] = y + height / 2
        y += height
    if ax is None:
        ax = new_axes(y * LINE + 0.75)
    for method, at in places.items():
        rank = found.average[method]
        ax.plot([1, rank], [at, at], color=BAND, linewidth=1.5, zorder=1)
        ax.plot([rank], [at], "o", markersize=6, markeredgewidth=1.5, **marker(is_oracle(method)))
    _draw_critical_difference(ax, found)
    _draw_cliques(ax, found, places)
    ax.set_yticks(list(places.values()), labels, parse_math=False)
    ax.set_ylim(y, 0)
    most = max(len(labels), 1 + found.critical_difference)
    ax.set_xlim(1 - 0.03 * (most - 1), most + 0.03 * (most - 1))
    ax.xaxis.get_major_locator().set_params(integer=True)
    n = len(found.table)
    experiments = f"{n} experiment{'s' * (n != 1)}"
    ax.set_xlabel(f"average rank by {found.metric}, {experiments}", fontsize=FONT, color=INK)
    ax.tick_params(axis="y", length=0, labelsize=FONT, labelcolor=INK)
    ax.tick_params(axis="x", labelsize=SMALL, labelcolor=INK)
    strip_frame(ax, "bottom")
    return ax


def _draw_critical_difference(ax, found):
    end = 1 + found.critical_difference
    ax.plot([1, end], [1.6, 1.6], color=INK, linewidth=1.5, marker="|", markersize=7)
    text = f"critical difference {found.critical_difference:.2f}"
    ax.text(1, 0.7, text, fontsize=SMALL, color=INK, va="center")


def _draw_cliques(ax, found, places):
    """Lines beside each other where cliques share methods."""
    columns = []
    for clique in found.cliques:
        first, last = places[clique[0]], places[clique[-1]]
        free = [i for i, end in enumerate(columns) if end < first]
        column = free[0] if free else len(columns)
        columns[column : column + 1] = [last]
        ax.plot(
            [1.04 + 0.045 * column] * 2,
            [first - 0.35, last + 0.35],
            color=INK,
            linewidth=3,
            transform=ax.get_yaxis_transform(),
            clip_on=False,
            solid_capstyle="butt",
        )
