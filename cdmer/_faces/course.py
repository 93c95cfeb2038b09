"""How an expression comes and goes: its course over the frames of a clip."""

import numpy as np

# Micro-expressions last half a second at most.
LONGEST = 0.5


def draw_course(fps, rng):
    """Draw the course of a micro-expression.

    From onset to offset it takes 0.25 to 0.48 s, of which the rise is 35 to 55 percent; before and
    after, the face is at rest. Where frames are few, onset, apex and offset are kept two of them
    apart, and no clip is shorter than 14.

    Parameters
    ----------
    fps : float
        Frames per second.
    rng : numpy.random.Generator

    Returns
    -------
    course : tuple of float
        Share of the apex' displacement in each frame, from 0 to 1.
    moments : tuple of int
        Frames of onset, apex and offset, from 0.
    """
    duration = rng.uniform(0.25, 0.48)
    before, after = rng.uniform(0.01, 0.04, size=2)
    rise = rng.uniform(0.35, 0.55)
    onset = max(2, round(before * fps))
    apex = onset + max(2, round(rise * duration * fps))
    offset = apex + max(2, round((1 - rise) * duration * fps))
    offset = max(min(offset, onset + int(LONGEST * fps)), apex + 2)
    n_frames = max(14, offset + 1 + max(2, round(after * fps)))
    course = np.interp(np.arange(n_frames), [onset, apex, offset], [0.0, 1.0, 0.0])
    course = course * course * (3 - 2 * course)
    return tuple(course.tolist()), (onset, apex, offset)
