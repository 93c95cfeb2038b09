"""Matrix of paired differences."""

import numpy as np

from cdmer._extras import import_extra
from cdmer.evaluation.statistics._comparisons import comparisons
from cdmer.evaluation.statistics._drawing import (
    BAND,
    FONT,
    INK,
    LINE,
    MUTED,
    SMALL,
    n_lines,
    new_axes,
    strip_frame,
    wrapped,
)

_MOST_WITH_NUMBERS = 7


def plot_comparisons(pairs, ax=None, *, alpha=0.05):
    """Draw the differences of all pairs of methods, row minus column, and mark significant ones.

    Orange: better than the method of the column; purple: worse. A dot marks differences whose
    p-value, corrected by Holm, is at most `alpha`. Up to 7 methods, differences are written out, in
    hundredths.

    Parameters
    ----------
    pairs : pandas.DataFrame or Results
        What `comparisons` gives; for Results, it is called with its defaults.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure, as wide as a phone's screen and as high
        as needed.
    alpha : float, default=0.05
        Level of the marks.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        As `comparisons` does.
    """
    frame = pairs if hasattr(pairs, "columns") else comparisons(pairs)
    methods = list(dict.fromkeys([*frame["a"], *frame["b"]]))
    n = len(methods)
    labels = [wrapped(f"{i} {m}") for i, m in enumerate(methods, start=1)]
    lines = max(
        2.4 if n <= _MOST_WITH_NUMBERS else 1.5, *(n_lines(label) + 0.3 for label in labels)
    )
    if ax is None:
        ax = new_axes(n * lines * LINE + 1.1)
    differences, significant = _matrices(frame, methods, alpha)
    largest = np.nanmax(np.abs(differences), initial=0) or 1.0
    colors = import_extra("matplotlib").colormaps["PuOr_r"].with_extremes(bad=BAND)
    image = ax.imshow(
        np.ma.masked_invalid(differences),
        cmap=colors,
        vmin=-1.7 * largest,
        vmax=1.7 * largest,
        aspect="auto",
    )
    for (row, column), difference in np.ndenumerate(differences):
        if np.isfinite(difference):
            _write(ax, row, column, difference, significant[row, column], n)
    every = 1 if n <= 12 else 2
    ax.set_xticks(range(0, n, every), range(1, n + 1, every))
    ax.set_yticks(range(n), labels, parse_math=False)
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=FONT if n <= 12 else SMALL, labelcolor=INK)
    ax.set_xticks(np.arange(n - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(n - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="minor", length=0)
    strip_frame(ax)
    bar = ax.figure.colorbar(image, ax=ax, orientation="horizontal", aspect=30, pad=0.02)
    bar.ax.set_xlim(-largest, largest)
    bar.set_label(f"{frame['metric'].iloc[0]}, row minus column", fontsize=SMALL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    bar.outline.set_edgecolor(MUTED)
    return ax


def _matrices(frame, methods, alpha):
    """Difference of row and column, and whether it is significant; NaN where not compared."""
    place = {method: i for i, method in enumerate(methods)}
    differences = np.full((len(methods),) * 2, np.nan)
    significant = np.zeros(differences.shape, dtype=bool)
    for a, b, difference, p in frame[["a", "b", "difference", "p_holm"]].itertuples(index=False):
        i, j = place[a], place[b]
        differences[i, j], differences[j, i] = difference, -difference
        significant[i, j] = significant[j, i] = p <= alpha
    return differences, significant


def _write(ax, row, column, difference, significant, n):
    if n > _MOST_WITH_NUMBERS:
        if significant:
            ax.plot([column], [row], "o", color=INK, markersize=3)
        return
    text = f"{100 * difference:+.1f}" + ("\n•" if significant else "")
    weight = "bold" if significant else "normal"
    ax.text(
        column, row, text, ha="center", va="center", fontsize=SMALL, color=INK, fontweight=weight
    )
