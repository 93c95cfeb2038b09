"""Forest plot: every score with its interval."""

import numpy as np

from cdmer.evaluation._pools import MEAN
from cdmer.evaluation.statistics._drawing import (
    BAND,
    FONT,
    INK,
    LINE,
    MUTED,
    SMALL,
    is_oracle,
    marker,
    n_lines,
    new_axes,
    strip_frame,
    wrapped,
)
from cdmer.evaluation.statistics._intervals import intervals

_ABOUT = ("experiment", "source", "target", "corpus")


def plot_forest(scores, ax=None):
    """Draw scores with their intervals: methods below each other, experiment by experiment.

    Points are filled; hollow and of another colour for methods that were selected on the target's
    labels, whose names say "oracle". Diamonds are means over experiments.

    Parameters
    ----------
    scores : pandas.DataFrame or Results
        What `intervals` gives, or some rows of it: ``frame[frame["experiment"] == "mean"]`` leaves
        the means alone. For Results, `intervals` is called with its defaults.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure, as wide as a phone's screen and as high
        as needed.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax.figure.savefig(path)`` writes it to a file.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If there is nothing to draw.
    """
    frame = scores if hasattr(scores, "columns") else intervals(scores)
    if not len(frame):
        raise ValueError("scores: got no rows, expected those of `intervals`")
    sections = _sections(frame)
    # Rows are placed by lines of text, so that none overlaps.
    y, places, headers = 0.0, [], []
    for header, rows in sections:
        if header:
            text = wrapped(header, 34)
            headers.append((y, n_lines(text), text))
            y += n_lines(text) + 0.3
        for row in rows:
            label = wrapped(_label(row))
            height = n_lines(label) + 0.25
            places.append((y + height / 2, label, row))
            y += height
        y += 0.25
    if ax is None:
        ax = new_axes(y * LINE + 0.75)
    for top, lines, text in headers:
        ax.axhspan(top, top + lines + 0.15, color=BAND, linewidth=0)
        ax.text(
            0.01,
            top + (lines + 0.15) / 2,
            text,
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=SMALL,
            fontweight="bold",
            color=INK,
            parse_math=False,
        )
    for at, _, row in places:
        _draw(ax, at, row)
    ax.set_yticks([at for at, _, _ in places], [t for _, t, _ in places], parse_math=False)
    ax.set_ylim(y, 0)
    ax.set_xlim(*_limits(frame))
    level = frame["level"].iloc[0]
    ax.set_xlabel(f"{frame['metric'].iloc[0]}, {100 * level:g} % intervals", fontsize=FONT)
    ax.tick_params(axis="y", length=0, labelsize=FONT, labelcolor=INK)
    ax.tick_params(axis="x", labelsize=SMALL, labelcolor=INK, labeltop=y > 40, top=y > 40)
    ax.grid(axis="x", color=BAND, linewidth=0.8)
    ax.set_axisbelow(True)
    strip_frame(ax, "bottom")
    return ax


def _sections(frame):
    """Rows by what is pooled, and a header for each; the mean of one experiment says nothing."""
    about = [c for c in _ABOUT if c in frame.columns]
    rows = frame.to_dict("records")
    sections = {}
    for row in rows:
        sections.setdefault(tuple(row[c] for c in about), []).append(row)
    experiments = {row["experiment"] for row in rows if "experiment" in about} - {MEAN}
    return [
        (_header(found[0], len(experiments)), found)
        for found in sections.values()
        if not (len(experiments) == 1 and found[0].get("experiment") == MEAN)
    ]


def _header(row, n_experiments):
    if row.get("experiment") == MEAN:
        return f"mean over {n_experiments} experiments" if n_experiments else "mean"
    name, source, target = (row.get(c, "") for c in ("experiment", "source", "target"))
    parts = [name] if name else []
    if source and target and not (source in name and target in name):
        parts.append(f"{source} → {target}")
    corpus = row.get("corpus", "")
    return ": ".join(parts) + (f", {corpus}" if corpus and corpus != target else "")


def _label(row):
    oracle = row["selection"] == "oracle" and not is_oracle(row["method"])
    return row["method"] + (", oracle" if oracle else "")


def _draw(ax, at, row):
    if not np.isfinite(row["score"]):
        text = "not run on all" if row.get("experiment") == MEAN else "no score"
    else:
        look = marker(row["selection"] == "oracle")
        shape = "D" if row.get("experiment") == MEAN else "o"
        ax.plot([row["low"], row["high"]], [at, at], color=look["color"], linewidth=1.8)
        ax.plot([row["score"]], [at], shape, markersize=5.5, markeredgewidth=1.5, **look)
        text = f"{row['score']:.2f}"
        if np.isfinite(row["low"]):
            text += f" [{row['low']:.2f}, {row['high']:.2f}]"
    color = INK if np.isfinite(row["score"]) else MUTED
    ax.text(
        1.02, at, text, transform=ax.get_yaxis_transform(), va="center", fontsize=SMALL, color=color
    )


def _limits(frame):
    values = frame[["low", "score", "high"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0, 1)
    room = 0.04 * (high - low) + 0.01
    return low - room, high + room
