"""What the figures share: colours, label widths, axes of their own.

Drawn on `matplotlib.figure.Figure` without pyplot: no window, no global state, safe in threads.
"""

import textwrap

from cdmer._extras import import_extra
from cdmer._text import printable

INK, MUTED, BAND = "#1a1a1a", "#6b6b6b", "#eeeeee"
# Okabe and Ito's blue and vermilion: apart for every kind of colour vision. Shapes differ too.
HONEST, ORACLE = "#0072b2", "#d55e00"
WIDTH, LINE, FONT, SMALL = 4.4, 0.165, 9, 8  # inches, inches, points, points


def new_axes(height):
    """Axes of a figure that stays legible at the width of a phone; height in inches."""
    figure = import_extra("matplotlib.figure").Figure(figsize=(WIDTH, height), layout="constrained")
    return figure.subplots()


def wrapped(label, width=20):
    """Break a long label into lines, within words only where it must."""
    label = printable(label)
    return "\n".join(textwrap.wrap(label, width, break_on_hyphens=False)) or label


def n_lines(label):
    """Number of lines of a label."""
    return label.count("\n") + 1


def marker(is_oracle):
    """Look of a point: hollow where the target's labels chose, a dict for `Axes.plot`."""
    color = ORACLE if is_oracle else HONEST
    face = "white" if is_oracle else color
    return {"color": color, "markerfacecolor": face, "markeredgecolor": color}


def is_oracle(method):
    """Whether a method was selected on the target's labels, by its name."""
    return method.endswith("oracle")


def strip_frame(ax, *keep):
    """Remove the sides of the frame but for some."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(MUTED)
