"""Source and target rows in the plane, before and after adaptation."""

import numpy as np

from cdmer._extras import import_extra
from cdmer._text import printable
from cdmer.evaluation.figures._style import COLORS, INK, LINE

STAGES = ("before", "after")


def plot_embedding(embedding, classes, axes=None):
    """Draw the rows of a fold in the plane, before and after adaptation.

    Colours are classes; hollow circles are source rows, filled triangles target rows. Classes of
    target rows are only drawn: no method has seen them.

    Parameters
    ----------
    embedding : dict of str to ndarray
        ``before`` and ``after``, shape (n_rows, 2); ``target``, bool of shape (n_rows,); ``codes``,
        int of shape (n_rows,): position of each row's class in `classes`. See `JobResult`.
    classes : sequence of str
    axes : sequence of 2 matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, shape (2,)
        ``axes[0].figure.savefig(path)`` writes it to a file.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    """
    target, codes = (np.asarray(embedding[name]) for name in ("target", "codes"))
    if axes is None:
        figure = import_extra("matplotlib.figure").Figure(figsize=(5, 3.3), layout="constrained")
        axes = figure.subplots(1, 2)
        figure.legend(
            handles=_legend(classes, np.unique(codes)),
            loc="outside lower center",
            ncols=3,
            fontsize=8,
            frameon=False,
            handletextpad=0.2,
            labelcolor=INK,
        )
    for ax, stage in zip(axes, STAGES, strict=True):
        points = np.asarray(embedding[stage])
        for code in np.unique(codes):
            color = COLORS[code % len(COLORS)]
            x, y = points[~target & (codes == code)].T
            ax.scatter(x, y, s=16, marker="o", facecolors="none", edgecolors=color, linewidths=0.9)
            x, y = points[target & (codes == code)].T
            ax.scatter(x, y, s=16, marker="^", color=color, alpha=0.85, linewidths=0)
        ax.set_title(stage, fontsize=10, color=INK)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color(LINE)
    return np.asarray(axes)


def domain_gap(embedding):
    """Distance between source and target rows in the plane.

    Parameters
    ----------
    embedding : dict of str to ndarray
        As in `plot_embedding`.

    Returns
    -------
    before, after : float
        Distance between the means of source and target rows, in units of the root mean squared
        distance of rows from the mean of their own side. NaN where that is 0.
    """
    target = np.asarray(embedding["target"], dtype=bool)
    return tuple(_gap(np.asarray(embedding[s], dtype=float), target) for s in STAGES)


def _gap(points, target):
    sides = [points[target], points[~target]]
    spread = np.concatenate([side - side.mean(axis=0) for side in sides])
    scale = np.sqrt(np.square(spread).sum(axis=1).mean())
    between = np.linalg.norm(sides[0].mean(axis=0) - sides[1].mean(axis=0))
    return float(between / scale) if scale > 0 else float("nan")


def _legend(classes, codes):
    line = import_extra("matplotlib.lines").Line2D
    # Dollar signs in names are no formulas.
    names = [printable(str(name)).replace("$", r"\$") for name in classes]
    look = [(names[c], "s", COLORS[c % len(COLORS)], "full") for c in codes]
    look += [("source", "o", INK, "none"), ("target", "^", INK, "full")]
    return [
        line([], [], linestyle="none", marker=marker, color=color, fillstyle=fill, label=label)
        for label, marker, color, fill in look
    ]
