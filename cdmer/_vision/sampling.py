"""Where local binary patterns sample their neighbours, with interpolation in exact integers."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

INTERPOLATIONS = ("bilinear", "nearest")

# Sums of weighted grey levels stay below 255 * 2**20 < 2**31: they fit int32.
_LARGEST_UNIT = 2**20


@dataclass(frozen=True)
class Neighbour:
    """One sampling point on the circle around a pixel of a plane.

    With n the grey levels at the pixels that surround the point and c that of the centre, bit 1
    means ``sum(weight * n) >= unit * c - slack(255)``, all of them integers.

    Parameters
    ----------
    columns : tuple of (int, tuple of (int, int))
        For each column offset in pixels, the (row offset, weight) pairs in that column.
    unit : int
        Sum of the weights.
    error : float
        Sum of the differences between the weights and the numbers that they stand for.
    """

    columns: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    unit: int
    error: float

    def slack(self, most):
        """How far rounding the weights may move the weighted sum, rounded down.

        Parameters
        ----------
        most : int
            Largest difference of two grey levels.

        Returns
        -------
        int
        """
        return math.floor(most * self.error)


@lru_cache
def neighbours(radius, n_points, interpolation):
    """Place the sampling points: point p at the angle 2πp/P, rows counting downwards.

    Parameters
    ----------
    radius, n_points : int
        Circle of `n_points` points, `radius` pixels from the centre.
    interpolation : {"bilinear", "nearest"}
        See `cdmer.features.LBPTOP`.

    Returns
    -------
    tuple of Neighbour
        In the order of p.
    """
    points = []
    for p in range(n_points):
        angle = 2 * math.pi * p / n_points
        # cos(pi/2) is 6e-17 and cos(pi/3) is 1/2 + 1e-16: 12 decimals put such points back onto
        # the pixel (or half pixel) where they belong, and mirrored points onto mirrored places.
        row, column = round(-radius * math.sin(angle), 12), round(radius * math.cos(angle), 12)
        if interpolation == "nearest":
            row, column = _half_away_from_zero(row), _half_away_from_zero(column)
        points.append(_interpolated(row, column))
    return tuple(points)


def _half_away_from_zero(offset):
    return math.copysign(math.floor(abs(offset) + 0.5), offset)


def _interpolated(row, column):
    rows, columns = _linear(row), _linear(column)
    weights = [v * w for _, v in rows for _, w in columns]
    integers, unit, error = _integer_weights(tuple(sorted(round(w, 12) for w in weights)))
    return Neighbour(
        columns=tuple(
            (c, tuple((r, integers[round(v * w, 12)]) for r, v in rows)) for c, w in columns
        ),
        unit=unit,
        error=error,
    )


def _linear(offset):
    """Pixels next to an offset along one axis, each with its share."""
    pixel = math.floor(offset)
    share = offset - pixel
    return [(pixel, 1 - share), (pixel + 1, share)] if share else [(pixel, 1.0)]


@lru_cache
def _integer_weights(weights):
    """Find integers that stand in nearly the same proportion as bilinear weights.

    Searched is the unit u for which rounding u * weights changes a weighted mean of grey levels
    least. The weights of a neighbour are powers of few irrational numbers, so a good u comes much
    closer than rounding to a fixed number of bits: for 8 points at radius 3, u = 313888 is within
    1.3e-8 grey levels, where 20 bits would be within 5e-4.

    Parameters
    ----------
    weights : tuple of float
        They sum to 1.

    Returns
    -------
    integers : dict of float to int
        The integer of each weight. Together they sum to `unit`.
    unit : int
    error : float
        See `Neighbour`.
    """
    if len(weights) == 1:
        return {weights[0]: 1}, 1, 0.0
    units = np.arange(1.0, _LARGEST_UNIT + 1)
    error, total = np.zeros_like(units), np.zeros_like(units)
    for weight in weights:
        integer = np.rint(units * weight)
        error += np.abs(units * weight - integer)
        total += integer
    best = np.argmin(np.where(total == units, error / units, np.inf))
    integers = {weight: round(units[best] * weight) for weight in weights}
    return integers, int(units[best]), float(error[best])
