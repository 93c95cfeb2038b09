"""How a face moves: action units as local smooth displacement fields, their course, and the head.

Coordinates are those of `cdmer._faces.face`: the picture spans [-1, 1], x to the right, y down.
"""

import numpy as np

from cdmer._faces.face import bell

# Displacement of an action unit at intensity 1, in half picture widths: 1.8 pixels of 112.
STROKE = 0.032
# Micro-expressions last half a second at most.
LONGEST = 0.5


def bumps_of(who):
    """Action unit → bumps (x, y, spread x, spread y, towards x, towards y) of the right half."""
    eye, brow, nose = who.eye_x, who.brow_y, who.nose_y
    mouth, corner, chin = who.mouth_y, who.mouth_width, who.chin
    return {
        "1": [(0.13, brow, 0.11, 0.11, 0, -1.0), (0.1, brow - 0.2, 0.15, 0.12, 0, -0.5)],
        "2": [
            (1.2 * eye, brow, 0.13, 0.11, 0.1, -1.0),
            (1.1 * eye, brow - 0.2, 0.15, 0.1, 0, -0.5),
        ],
        "4": [(0.13, brow, 0.13, 0.11, -0.6, 0.8), (1.0 * eye, brow, 0.15, 0.1, -0.2, 0.5)],
        "5": [],
        "6": [(0.46, 0.08, 0.17, 0.14, -0.1, -0.8)],
        "7": [(eye, who.eye_y + 0.09, 0.13, 0.06, 0, -0.5)],
        "9": [(0.09, nose - 0.12, 0.09, 0.13, 0, -0.8), (0.12, brow, 0.12, 0.1, -0.3, 0.5)],
        "10": [(0.13, mouth - 0.06, 0.14, 0.08, 0, -0.9), (0.2, nose + 0.1, 0.1, 0.1, 0, -0.5)],
        "12": [(corner, mouth, 0.13, 0.12, 0.75, -0.8), (0.44, 0.25, 0.15, 0.15, 0.1, -0.5)],
        "14": [(corner + 0.02, mouth, 0.1, 0.1, 0.8, 0.0)],
        "15": [(corner, mouth + 0.03, 0.12, 0.12, -0.1, 0.9)],
        "17": [(0.0, chin - 0.14, 0.12, 0.11, 0, -0.5), (0.05, mouth + 0.08, 0.14, 0.06, 0, -0.35)],
        "20": [(corner, mouth, 0.15, 0.11, 1.0, 0.15)],
        "23": [
            (0.8 * corner, mouth, 0.13, 0.08, -0.6, 0.0),
            (0.1, mouth - 0.05, 0.12, 0.04, 0, 0.4),
            (0.1, mouth + 0.07, 0.12, 0.04, 0, -0.4),
        ],
        "25": [
            (0.06, mouth - 0.06, 0.13, 0.06, 0, -0.25),
            (0.06, mouth + 0.07, 0.13, 0.07, 0, 0.4),
        ],
        "26": [(0.1, mouth + 0.28, 0.28, 0.22, 0, 0.6)],
        "45": [],
    }


# How far action units open the mouth, raise the upper lid and raise the lower lid; 45 closes the
# eye.
MOUTH = {"25": 0.035, "26": 0.06}
UPPER_LID = {"5": 0.03}
LOWER_LID = {"6": 0.018, "7": 0.028}


def displacement(who, intensities, x, y):
    """Displacement of every point at the apex.

    Parameters
    ----------
    who : Identity
    intensities : dict of str to float
        Action units and how strong each is.
    x, y : ndarrays that broadcast to (n, n)

    Returns
    -------
    ndarray of float32, shape (2, n, n)
        Towards x and y, in half picture widths.
    """
    shape = np.broadcast_shapes(x.shape, y.shape)
    field = np.zeros((2, *shape), dtype=np.float32)
    bumps = bumps_of(who)
    for action_unit, intensity in intensities.items():
        for cx, cy, sx, sy, dx, dy in bumps[action_unit]:
            for side in (1, -1):
                stroke = STROKE * intensity * (1 - side * who.asymmetry)
                weight = stroke * bell(x, y, side * cx, cy, sx, sy)
                field[0] += side * dx * weight
                field[1] += dy * weight
    return field


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


def draw_head(seconds, rng, factor):
    """Draw the motion of a head.

    Within 0.4 s, the face moves by 0.35 pixels of 112 for a factor of 1 (median; one in ten by
    0.64), which is drift and tremor of somebody who keeps still, by 1.4 (3.7) for 2, and by 3.7
    (11) for 4. People who talk or smile are between the last two.

    Parameters
    ----------
    seconds : ndarray of float, shape (n_frames,)
    rng : numpy.random.Generator
        For another factor up to 1, it gives the same numbers.
    factor : float
        On place, drift and tremor. By what it exceeds 1, people nod and turn as well.

    Returns
    -------
    ndarray of float64, shape (n_frames, 3)
        Shifts to the right and down in half picture widths, and turn in radians.
    """
    drift = rng.normal(scale=(0.012, 0.012, 0.008)) * seconds[:, None]
    tremor = np.zeros_like(drift)
    for frequency in rng.uniform(2, 9, size=3):
        phase = rng.uniform(0, 2 * np.pi, size=3)
        strength = rng.normal(scale=(0.0012, 0.0012, 0.0008))
        tremor += strength * np.sin(2 * np.pi * frequency * seconds[:, None] + phase)
    place = rng.normal(scale=(0.015, 0.015, 0.01))
    head = factor * (place + drift + tremor)
    return head + (factor - 1) * _draw_swing(seconds, rng) if factor > 1 else head


def _draw_swing(seconds, rng):
    """Part of a nod or a turn, from its place at the start; most are small, some are large."""
    far = rng.normal(scale=(0.02, 0.02, 0.012)) * rng.lognormal(sigma=0.5)
    pace, phase = 2 * np.pi * rng.uniform(0.3, 1.2), rng.uniform(0, 2 * np.pi)
    return far * (np.sin(pace * seconds[:, None] + phase) - np.sin(phase))
