"""Motion of less than a pixel between small pictures that are all but alike."""

import numpy as np

from cdmer._cv2 import import_cv2

# Grey levels squared: gradients below their root say little of motion.
_FLAT = 3.0
_WINDOW = 4.0  # spread of the window in which motion is even, pixels


def blur(picture, spread=1.0):
    """Smooth a picture of float32 with a Gaussian."""
    return import_cv2().GaussianBlur(picture, (0, 0), spread)


def align(first, second, n_iterations=40):
    """Turn and shift the second picture so that it lies over the first.

    By the enhanced correlation coefficient (Evangelidis and Psarakis, 2008,
    https://doi.org/10.1109/TPAMI.2008.113), which light does not change. Then light is matched: a
    factor and a constant.

    Parameters
    ----------
    first, second : ndarray of float32, shape (H, W)
    n_iterations : int, default=40

    Returns
    -------
    ndarray of float32, shape (H, W)
        The second picture as it was where no alignment is found, as for empty ones.
    """
    cv2 = import_cv2()
    warp = np.eye(2, 3, dtype=np.float32)
    criteria = cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, n_iterations, 1e-6
    try:
        cv2.findTransformECC(first, second, warp, cv2.MOTION_EUCLIDEAN, criteria, None, 5)
    except cv2.error:
        moved = second
    else:
        height, width = first.shape
        moved = cv2.warpAffine(
            second,
            warp,
            (width, height),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    a, b = first - first.mean(), moved - moved.mean()
    spread = float((b * b).sum())
    factor = float((a * b).sum()) / spread if spread > 0 else 1.0
    return factor * b + first.mean()


def displacement(picture, change):
    """Local displacement that explains the change of a picture, to first order.

    The least-squares solution of Lucas and Kanade (IJCAI 1981) in a Gaussian window. It tends to 0
    where the picture is flat: noise there moves nothing.

    Parameters
    ----------
    picture, change : ndarray of float32, shape (H, W)

    Returns
    -------
    ndarray of float32, shape (H, W, 2)
        To the right and down, pixels, less the median of each.
    """
    right, down = _gradient(picture)
    rr, dd = (blur(one * one, _WINDOW) + _FLAT for one in (right, down))
    rd, rc, dc = (blur(a * b, _WINDOW) for a, b in ((right, down), (right, change), (down, change)))
    determinant = rr * dd - rd * rd
    moved = np.stack([rd * dc - dd * rc, rd * rc - rr * dc], axis=-1) / determinant[..., None]
    return moved - np.median(moved, axis=(0, 1))


def outlines(picture):
    """Lengths of the gradients of a smoothed picture, float32, shape (H, W)."""
    return blur(np.hypot(*_gradient(blur(picture))))


def likeness(first, second, reach):
    """Largest correlation of the middle of one picture with another one, over all shifts.

    Parameters
    ----------
    first, second : ndarray of float32, shape (H, W)
    reach : int
        Largest shift, pixels.

    Returns
    -------
    float
        At most 1; 0 where one of them is flat.
    """
    cv2 = import_cv2()
    middle = first[reach:-reach, reach:-reach]
    if first.std() < 1e-3 or second.std() < 1e-3:
        return 0.0
    found = cv2.matchTemplate(second, np.ascontiguousarray(middle), cv2.TM_CCOEFF_NORMED)
    return float(min(1.0, np.nan_to_num(found.max(), nan=0, posinf=0, neginf=0)))


def _gradient(picture):
    """Grey levels per pixel, to the right and down."""
    cv2 = import_cv2()
    return [cv2.Sobel(picture, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1))]
