"""How action units move the skin: smooth maps that can be inverted, however strong these are.

An action unit's bumps are a velocity; the skin follows it for one unit of time. Where strong action
units meet, displacements that are merely added would fold the skin; a flow cannot.
"""

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._faces.face import axes
from cdmer._faces.motion import LOWER_LID, MOUTH, STROKE, UPPER_LID, bumps_of
from cdmer.synthesis._expression import split_code

# An action unit at the most that can be moves the skin five times as far as the micro-expressions
# of `make_synthetic_corpus` do at theirs: 9 pixels of 112.
FULL_STROKE = 5 * STROKE
# How far lids rise and lips part at most, in half picture widths.
_MOST_RAISED, _MOST_LIFTED, _MOST_OPEN = 0.045, 0.05, 0.3
_GRID = 96  # points along each side of the field, far fewer than the narrowest bump needs
_DOUBLINGS = 5


def by_side(action_units):
    """Action unit → intensities on the person's left and right, from codes with sides."""
    sides = {}
    for code, intensity in action_units:
        side, action_unit = split_code(code)
        both = sides.setdefault(action_unit, [0.0, 0.0])
        for i in range(2):
            if side in ("", "LR"[i]):
                both[i] = intensity
    return sides


def velocity(shape, sides, amplitude=1.0):
    """Velocity of the skin.

    Parameters
    ----------
    shape : FaceShape or Identity
    sides : dict of str to (float, float)
        Action units and their intensities, 0 to 1, on the left and right.
    amplitude : float
        Factor on all of them.

    Returns
    -------
    ndarray of float32, shape (2, 96, 96)
        Towards x and y over the picture, [-1, 1], in half picture widths.
    """
    x, y = axes(_GRID, extent=1.0)
    x = x - getattr(shape, "lean", 0.0) * (y - shape.eye_y)
    field = np.zeros((2, _GRID, _GRID), dtype=np.float32)
    bumps = bumps_of(shape)
    for action_unit, both in sides.items():
        for cx, cy, sx, sy, dx, dy in bumps[action_unit]:
            across = np.exp(-0.5 * ((y - cy) / sy) ** 2)
            for side, intensity in zip((1, -1), both, strict=True):  # the left is on the right
                if intensity:
                    stroke = FULL_STROKE * amplitude * intensity * (1 - side * shape.asymmetry)
                    weight = stroke * across * np.exp(-0.5 * ((x - side * cx) / sx) ** 2)
                    field[0] += side * dx * weight
                    field[1] += dy * weight
    return field


def backward(field, n):
    """Follow a velocity back for one unit of time.

    By scaling and squaring (Arsigny et al., 2006): a small part of the way is a displacement, and
    going a way twice is looking up the displacement where it leads.

    Parameters
    ----------
    field : ndarray of float32, shape (2, m, m)
    n : int

    Returns
    -------
    ndarray of float32, shape (2, n, n)
        What to add to a place to find where its skin came from, in half picture widths.

    References
    ----------
    V. Arsigny, O. Commowick, X. Pennec and N. Ayache, "A log-Euclidean framework for statistics on
    diffeomorphisms", MICCAI 2006, https://doi.org/10.1007/11866565_113
    """
    cv2 = import_cv2()
    m = field.shape[-1]
    if not field.any():
        return np.zeros((2, n, n), dtype=np.float32)
    column, row = np.meshgrid(*2 * [np.arange(m, dtype=np.float32)])
    way = np.moveaxis(field, 0, -1) * np.float32(-0.5 * m / 2**_DOUBLINGS)  # in points of the grid
    for _ in range(_DOUBLINGS):
        way = way + cv2.remap(
            way,
            column + way[..., 0],
            row + way[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    way = cv2.resize(way, (n, n), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.moveaxis(way, -1, 0)) * np.float32(2 / m)


def openings(sides, x, amplitude=1.0):
    """How far lids and lips are off their rest.

    Parameters
    ----------
    sides : dict of str to (float, float)
    x : ndarray
        Places across the face, the midline at 0.
    amplitude : float

    Returns
    -------
    raised, lifted, closed : ndarray, of the shape of x
        How far the upper and the lower lids are moved up, in half picture widths, and how far the
        upper lids come down to the lower ones, 0 to 1.
    gap : ndarray
        Between the lips, in half picture widths.
    """
    raised, lifted, gap = (
        5
        * amplitude
        * sum(
            size * np.asarray(sides.get(action_unit, (0, 0))) for action_unit, size in table.items()
        )
        for table in (UPPER_LID, LOWER_LID, MOUTH)
    )
    raised, lifted = (
        _MOST_RAISED * np.tanh(raised / _MOST_RAISED),
        _MOST_LIFTED * np.tanh(lifted / _MOST_LIFTED),
    )
    # The jaw is one bone: the lips part on both sides, less where their own muscles rest, and
    # without a step in the middle.
    gap = _MOST_OPEN * np.tanh((0.75 * gap + 0.25 * gap[::-1]) / _MOST_OPEN)
    across = gap[1] + (gap[0] - gap[1]) * np.clip(0.5 + x / 0.3, 0, 1)
    closed = np.clip(amplitude * np.asarray(sides.get("45", (0, 0))), 0, 1)
    eyes = (np.where(x > 0, *np.float32(two)) for two in (raised, lifted, closed))
    return *eyes, across.astype(np.float32)
