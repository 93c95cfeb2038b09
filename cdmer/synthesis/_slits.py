"""Lids that move over the eyes and lips that part, in a picture that has only one layer."""

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._faces.face import EXTENT, axes, lids, mouth_line, ramp

# Of the gap between the lips, the share by which the upper lip rises; the jaw gives the rest.
_UPPER_LIP = 0.3
_LIP_LINE = 0.004  # half width of what is stretched over the gap
# What is left of an eye that is shut: a line as dark as lashes, and the map can be inverted.
_SHUT = 0.94


def vertical_map(y, sources, places):
    """Where the picture is looked up in every column, between knots that move up and down.

    Parameters
    ----------
    y : ndarray, shape (rows, 1)
    sources, places : list of ndarray, shape (1, columns)
        Where each knot was, and where it comes to, rising from one knot to the next. The first and
        the last stay where they were, and so does what lies beyond them.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Rises along y.
    """
    looked_up = y
    for top, bottom, start, stop in zip(
        places[:-1], places[1:], sources[:-1], sources[1:], strict=True
    ):
        slope = (stop - start) / np.maximum(bottom - top, 1e-6)
        looked_up = np.where(y > top, start + (y - top) * slope, looked_up)
    return np.where(y > places[-1], y, looked_up).astype(np.float32)


def move_lids(picture, shape, raised, lifted, closed):
    """Move the skin of the lids over the eyes.

    Parameters
    ----------
    picture : ndarray of float32, shape (n, n)
        Over [-EXTENT, EXTENT]; changed in place.
    shape : FaceShape
    raised, lifted, closed : ndarray, shape (1, n)
        How far the upper and the lower lids are moved up, and how far the eyes are shut.
    """
    x, y = axes(len(picture))
    upper, lower, inside = lids(shape, x)
    round_ = inside**0.7
    new_lower = lower - lifted * round_
    new_upper = upper - raised * round_
    new_upper = new_upper + _SHUT * (new_lower - new_upper) * closed
    top, bottom = upper - 0.7 * (shape.eye_y - shape.brow_y), lower + 0.15
    rows = _rows(y, top.min(), bottom.max())
    looked_up = vertical_map(
        y[rows], [top, upper, lower, bottom], [top, new_upper, new_lower, bottom]
    )
    # A blur keeps what rises along y rising, and takes the corners out.
    offset = import_cv2().GaussianBlur(looked_up - y[rows], (0, 0), len(picture) / 200)
    _look_up(picture, rows, y[rows] + offset)


def part_lips(picture, shape, gap):
    """Part the lips, and darken what shows between them.

    Parameters
    ----------
    picture : ndarray of float32, shape (n, n)
        Over [-EXTENT, EXTENT]; changed in place.
    shape : FaceShape or Identity
    gap : ndarray, shape (1, n)
        Between the lips in the middle of the mouth, in half picture widths.
    """
    x, y = axes(len(picture))
    line, profile = mouth_line(
        shape, x - getattr(shape, "lean", 0.0) * (shape.mouth_y - shape.eye_y)
    )
    gap = gap * profile**0.7
    top, bottom = line - 0.8 * (shape.mouth_y - shape.nose_y), np.maximum(shape.chin, line + 0.3)
    upper, lower = line - _UPPER_LIP * gap, line + (1 - _UPPER_LIP) * gap
    rows = _rows(y, top.min(), bottom.max())
    looked_up = vertical_map(
        y[rows],
        [top, line - _LIP_LINE, line + _LIP_LINE, bottom],
        [top, upper - _LIP_LINE, lower + _LIP_LINE, bottom],
    )
    _look_up(picture, rows, looked_up)
    inner = ramp(y[rows] - upper, 0.008) * ramp(lower - y[rows], 0.008)
    picture[rows] *= 1 - 0.8 * inner * np.minimum(1, gap / 0.02)


def _rows(y, top, bottom):
    return slice(*np.searchsorted(y[:, 0], (top, bottom)))


def _look_up(picture, rows, y):
    """Replace rows of a picture by what is found in its columns at y, in place."""
    cv2, n = import_cv2(), len(picture)
    row = (np.float32(n / (2 * EXTENT)) * y + np.float32(n / 2 - 0.5)).astype(np.float32)
    column = np.broadcast_to(np.arange(n, dtype=np.float32), row.shape)
    picture[rows] = cv2.remap(
        picture,
        np.ascontiguousarray(column),
        row,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
