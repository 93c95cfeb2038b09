"""Optical flow between two frames, by three methods with fixed parameters."""

import array_api_compat
import numpy as np

from cdmer._array import to_numpy
from cdmer._cv2 import one_cv2_thread
from cdmer._parameters import check_choice

# Preset "medium" of OpenCV, spelt out.
DIS = {
    "FinestScale": 1,
    "PatchSize": 8,
    "PatchStride": 3,
    "GradientDescentIterations": 25,
    "VariationalRefinementIterations": 5,
    "VariationalRefinementAlpha": 20.0,
    "VariationalRefinementDelta": 5.0,
    "VariationalRefinementGamma": 10.0,
    "UseMeanNormalization": True,
    "UseSpatialPropagation": True,
}
# Those of OpenCV's own examples.
FARNEBACK = {
    "pyr_scale": 0.5,
    "levels": 3,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 5,
    "poly_sigma": 1.1,
    "flags": 0,
}
# The defaults of scikit-image; grey levels are scaled to 0..1.
TVL1 = {
    "attachment": 15,
    "tightness": 0.3,
    "num_warp": 5,
    "num_iter": 10,
    "tol": 1e-4,
    "prefilter": False,
}
# Fewest pixels on the shorter and on the longer side. OpenCV's DIS changes its patch size for
# smaller pictures: results are then not reproducible, and pictures as narrow as 12 x 100 crash the
# process. Farneback's window is to fit into the picture, TV-L1 needs differences.
SMALLEST = {"dis": (16, 46), "farneback": (15, 15), "tvl1": (2, 2)}
METHODS = tuple(SMALLEST)


def optical_flow(first, second, method="dis"):
    """Measure the motion from one frame to another.

    A point at (x, y) of the first frame is found at (x + u, y + v) of the second one.

    Parameters
    ----------
    first, second : array of uint8, shape (H, W)
        Grey frames.
    method : {"dis", "farneback", "tvl1"}, default="dis"
        - "dis": dense inverse search [1]_, OpenCV's, with its preset "medium": finest scale 1 (half
          the resolution), patches of 8 pixels every 3, 25 steps of gradient descent, 5 of
          variational refinement (alpha 20, delta 5, gamma 10), mean normalisation and spatial
          propagation. Needs at least 16 pixels on the shorter and 46 on the longer side.
        - "farneback": polynomial expansion [2]_, OpenCV's, with 3 levels of scale 0.5, a window of
          15 pixels, 3 iterations, neighbourhoods of 5 pixels smoothed by 1.1. At least 15 × 15
          pixels.
        - "tvl1": total variation and an L1 data term [3]_, always scikit-image's, because not every
          build of OpenCV has one; attachment 15, tightness 0.3, 5 warps of 10 iterations, tolerance
          1e-4, no median filter. At least 2 × 2 pixels.

    Returns
    -------
    ndarray of float32, shape (H, W, 2)
        ``[..., 0]`` is u, to the right, ``[..., 1]`` is v, down, both in pixels.

    Raises
    ------
    TypeError
        If a frame is no array of uint8.
    ValueError
        If the frames are not grey, differ in size or are too small, or the method is unknown.

    Notes
    -----
    Equal frames have zero flow. This is not left to the method, because OpenCV's Farnebäck takes
    the second frame for flat in its last row and column: it sees motion of some hundredths of a
    pixel, here and there more than a tenth, where nothing moves. Between frames that differ, if
    only in one pixel, that remains.

    The result does not depend on the number of threads that OpenCV is set to. For 112 × 112 pixels
    one processor core takes about 2 ms ("dis"), 3 ms ("farneback") or 200 ms ("tvl1").

    References
    ----------
    .. [1] T. Kroeger, R. Timofte, D. Dai and L. Van Gool, "Fast optical flow using dense inverse
       search", ECCV 2016, https://arxiv.org/abs/1603.03590
    .. [2] G. Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003,
       https://doi.org/10.1007/3-540-45103-X_50
    .. [3] C. Zach, T. Pock and H. Bischof, "A duality based approach for realtime TV-L1 optical
       flow", DAGM 2007, https://doi.org/10.1007/978-3-540-74936-3_22

    Examples
    --------
    A pattern that moves by two pixels to the right:

    >>> import numpy as np
    >>> from cdmer.features import optical_flow
    >>> x, y = np.meshgrid(np.arange(64), np.arange(64))
    >>> def pattern(x, y):
    ...     return np.uint8(128 + 60 * np.sin(x / 4) + 60 * np.sin(y / 5))
    >>> flow = optical_flow(pattern(x, y), pattern(x - 2, y))
    >>> np.median(flow, axis=(0, 1)).round(1) + 0.0
    array([2., 0.], dtype=float32)
    """
    check_choice("method", method, METHODS)
    frames = [_grey_frame(frame, name) for frame, name in ((first, "first"), (second, "second"))]
    if frames[0].shape != frames[1].shape:
        raise ValueError(
            f"second: expected a frame of shape {frames[0].shape} like the first, got "
            f"{frames[1].shape}"
        )
    check_size(frames[0].shape, method, "first")
    return flows([frames], method)[0]


def flows(pairs, method):
    """Measure the motion between frames of one size, which are known to be good.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Frames of uint8, shape (H, W), contiguous in memory.
    method : {"dis", "farneback", "tvl1"}
        See `optical_flow`.

    Returns
    -------
    ndarray of float32, shape (n_pairs, H, W, 2)
    """
    with one_cv2_thread() as cv2:
        measure = _MEASURES[method](cv2)
        return np.stack(
            [
                np.zeros((*first.shape, 2), np.float32)
                if np.array_equal(first, second)
                else measure(first, second)
                for first, second in pairs
            ]
        )


def check_size(shape, method, name):
    """Check that frames are large enough for a method.

    Raises
    ------
    ValueError
        If they are not.
    """
    shorter, longer = SMALLEST[method]
    if min(shape) < shorter or max(shape) < longer:
        raise ValueError(
            f"{name}: got frames of {shape[0]} x {shape[1]} pixels; the flow method {method!r} "
            f"needs at least {shorter} on the shorter and {longer} on the longer side"
        )


def _grey_frame(frame, name):
    if not array_api_compat.is_array_api_obj(frame):
        raise TypeError(f"{name}: expected an array of shape (H, W), got {type(frame).__name__}")
    frame = to_numpy(frame)
    if frame.ndim != 2:
        raise ValueError(f"{name}: expected a grey frame of shape (H, W), got shape {frame.shape}")
    if frame.dtype != np.uint8:
        raise TypeError(f"{name}: expected a frame of dtype uint8, got {frame.dtype}")
    return np.ascontiguousarray(frame)


def _dis(cv2):
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for parameter, value in DIS.items():
        getattr(search, f"set{parameter}")(value)
    return lambda first, second: search.calc(first, second, None)


def _farneback(cv2):
    return lambda first, second: cv2.calcOpticalFlowFarneback(first, second, None, **FARNEBACK)


def _tvl1(cv2):
    from skimage.registration import optical_flow_tvl1

    def measure(first, second):
        # scikit-image lists the motion along rows first.
        down, right = optical_flow_tvl1(first, second, dtype=np.float32, **TVL1)
        return np.stack([right, down], axis=-1)

    return measure


_MEASURES = {"dis": _dis, "farneback": _farneback, "tvl1": _tvl1}
