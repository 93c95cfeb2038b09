"""Grey levels added up over bands of a face, and local binary patterns of such sums."""

import array_api_compat
import numpy as np

from cdmer._vision.sampling import neighbours


def band_sums(frames, boxes, border):
    """Add up the grey levels of every band of rows, and of every band of columns.

    Parameters
    ----------
    frames : array of uint8, shape (T, H, W)
        Grey levels, of any library that follows the array API.
    boxes : ndarray of int, shape (n_regions, 4)
        Regions, counted from the first pixel inside the border: each lies in one band of rows and
        one of columns.
    border : int
        Pixels on each side that belong to no region. Bands are as long as the frame, all the same.

    Returns
    -------
    list of two (sums, of_boxes)
        First for the bands of rows, then for those of columns: `sums` is an array of int64, shape
        (T, n_bands, W) or (T, n_bands, H), and `of_boxes`, ndarray of shape (n_regions, 4), places
        the regions on it: row = band, columns as before.
    """
    xp = array_api_compat.array_namespace(frames)
    device = array_api_compat.device(frames)
    grey = xp.astype(frames, xp.float64)  # whole numbers far below 2**53: the products are exact
    results = []
    for axis, across in ((0, 2), (2, 0)):
        bands, band = np.unique(boxes[:, axis : axis + 2], axis=0, return_inverse=True)
        place = np.arange(frames.shape[1 if axis == 0 else 2]) - border
        members = (bands[:, :1] <= place) & (place < bands[:, 1:])
        members = xp.asarray(members.astype(np.float64), device=device)
        volume = grey if axis == 0 else xp.permute_dims(grey, (0, 2, 1))
        sums = xp.astype(members @ volume, xp.int64)
        band = band.reshape(-1)
        of_boxes = np.stack([band, band + 1, boxes[:, across], boxes[:, across + 1]], axis=1)
        results.append((sums, of_boxes))
    return results


def map_patterns(maps, most, radius, n_points, interpolation):
    """Compute local binary patterns of maps, rows along the first axis, columns along the last.

    Parameters
    ----------
    maps : array of int64, shape (n_rows, n_maps, n_columns)
        Sums of grey levels.
    most : int
        Largest difference that two of them may have.
    radius, n_points, interpolation
        See `cdmer.features.LBPTOP`.

    Returns
    -------
    array of int32, shape (n_rows - 2 * radius, n_maps, n_columns - 2 * radius)
    """
    xp = array_api_compat.array_namespace(maps)
    n_rows, n_maps, n_columns = maps.shape

    def shifted(row, column):
        return maps[
            radius + row : n_rows - radius + row, :, radius + column : n_columns - radius + column
        ]

    codes = xp.zeros(
        (n_rows - 2 * radius, n_maps, n_columns - 2 * radius),
        dtype=xp.int32,
        device=array_api_compat.device(maps),
    )
    for point in reversed(neighbours(radius, n_points, interpolation)):
        total = sum(
            shifted(row, column) * weight for column, taps in point.columns for row, weight in taps
        )
        bits = total >= shifted(0, 0) * point.unit - point.slack(most)
        codes = codes + codes + xp.astype(bits, xp.int32)
    return codes


def line_patterns(maps, window):
    """Compute one-dimensional local binary patterns along the last axis.

    Parameters
    ----------
    maps : array of int64, shape (..., n_columns)
        Sums of grey levels.
    window : int
        Odd; bit p compares a place with the p-th of the ``window - 1`` places around it, left to
        right.

    Returns
    -------
    array of int32, shape (..., n_columns - window + 1)
    """
    xp = array_api_compat.array_namespace(maps)
    reach = window // 2
    length = maps.shape[-1] - 2 * reach

    def shifted(step):
        return maps[..., reach + step : reach + step + length]

    steps = [step for step in range(-reach, reach + 1) if step]
    codes = xp.zeros_like(xp.astype(shifted(0), xp.int32))
    for step in reversed(steps):
        codes = codes + codes + xp.astype(shifted(step) >= shifted(0), xp.int32)
    return codes
