"""Contact sheets: what the clips of each class look like.

Drawn on `matplotlib.figure.Figure` without pyplot: no window, no global state, safe in threads.
"""

import numpy as np

from cdmer._extras import import_extra
from cdmer._parameters import check_number
from cdmer._text import printable
from cdmer.corpora._summary import classes_of

_INCHES = 1.5


def draw_contact_sheet(corpus, n_per_class, scheme):
    """Draw a row of clips for each class; see `Corpus.plot_samples`."""
    check_number("n_per_class", n_per_class, least=1, whole=True)
    figure_type = import_extra("matplotlib.figure").Figure
    classes, names = classes_of(corpus, scheme)
    names = [*names, None] if None in classes and scheme is None else names
    rows = {name: [c for c, k in zip(corpus, classes, strict=True) if k == name] for name in names}
    n_columns = min(n_per_class, max(map(len, rows.values())))
    if not n_columns:
        raise ValueError(f"scheme: {scheme!r} leaves no clip of corpus {corpus.name!r}")
    size = (n_columns + 0.3) * _INCHES, (len(rows) + 0.2) * _INCHES * 1.25
    figure = figure_type(figsize=size, layout="constrained")
    figure.suptitle(printable(corpus.name), fontsize=10, parse_math=False)
    grid = figure.subplots(len(rows), n_columns, squeeze=False)
    for axes, (name, clips) in zip(grid, rows.items(), strict=True):
        label = f"{'no label' if name is None else name} ({len(clips)})"
        axes[0].set_ylabel(printable(label), fontsize=8, parse_math=False)
        samples = _evenly(clips, n_columns)
        for ax, clip in zip(axes, samples, strict=False):
            _draw_clip(ax, clip)
        for ax in axes[len(samples) :]:
            ax.set_frame_on(False)
        for ax in axes:
            ax.set(xticks=[], yticks=[])
    return figure


def _evenly(clips, n):
    """Pick `n` clips, or all if there are fewer, from the first to the last."""
    picks = np.linspace(0, len(clips) - 1, min(n, len(clips)))
    return [clips[round(i)] for i in picks]


def _draw_clip(ax, clip):
    frame, moment = sample_frame(clip)
    ax.imshow(frame, cmap="gray", vmin=0, vmax=255)
    # Dollar signs in names are no formulas.
    title = printable(f"{clip.subject}/{clip.name}\n{moment}")
    ax.set_title(title, fontsize=6, parse_math=False)


def sample_frame(clip):
    """Read the frame that stands for a clip, and no other where that is possible.

    Parameters
    ----------
    clip : Clip

    Returns
    -------
    frame : ndarray of uint8, shape (H, W) or (H, W, 3)
        Its apex, or where that is not known, or outside of the clip, its middle frame.
    moment : str
        Which one.
    """
    source, numbers = clip.source, clip.frame_numbers
    n_frames = len(numbers) if numbers is not None else getattr(source, "n_frames", None)
    if n_frames is None or not hasattr(source, "part"):
        frames = clip.frames
        position, moment = _moment(clip, len(frames))
        return frames[position], moment
    position, moment = _moment(clip, n_frames)
    return source.part(position, position + 1)()[0], moment


def _moment(clip, n_frames):
    try:
        position = clip.position("apex")
    except ValueError:
        position = n_frames
    if 0 <= position < n_frames:
        return position, f"apex {clip.apex}"
    middle = n_frames // 2
    number = middle if clip.frame_numbers is None else clip.frame_numbers[middle]
    return middle, f"frame {number}"
