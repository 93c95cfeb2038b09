"""Confusion matrices."""

import numpy as np

from cdmer._extras import import_extra
from cdmer._text import printable
from cdmer.evaluation._metrics.counts import named_columns
from cdmer.evaluation.figures._style import INK


def plot_confusion(counts, classes, ax=None):
    """Draw a confusion matrix: counts and row percentages, shaded by the latter.

    Parameters
    ----------
    counts : array-like of int, shape (n_classes, n_classes) or (n_classes, n_classes + 1)
        True classes in rows, predicted classes in columns, as `Results.confusion` gives them. A
        last column counts abstentions, and is drawn if there are any.
    classes : sequence of str
        Names of the classes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax.figure.savefig(path)`` writes it to a file.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `counts` has not one row per class, or holds a negative number.
    """
    counts, classes = np.asarray(counts), list(classes)
    n = len(classes)
    if counts.shape not in ((n, n), (n, n + 1)) or (counts < 0).any():
        raise ValueError(
            f"counts: expected numbers >= 0 of shape ({n}, {n}), one row per class, got shape "
            f"{counts.shape}" + (f" with {counts.min()}" if counts.size else "")
        )
    counts, columns = named_columns(counts, classes)
    if ax is None:
        size = 1.6 + 1.0 * len(columns), 1.1 + 0.8 * n
        ax = import_extra("matplotlib.figure").Figure(figsize=size, layout="tight").subplots()
    shares = row_shares(counts)
    ax.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}\n{share:.0%}" if np.isfinite(share) else f"{count}"
        weight = "bold" if row == column else "normal"
        ax.text(column, row, text, ha="center", va="center", color=INK, fontweight=weight)
    ax.set_xticks(range(len(columns)), list(map(printable, columns)), parse_math=False)
    ax.set_yticks(range(n), list(map(printable, classes)), parse_math=False)
    ax.set(xlabel="predicted", ylabel="true")
    ax.tick_params(length=0)
    return ax


def row_shares(counts):
    """Divide each row by its sum; NaN where the sum is 0."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
