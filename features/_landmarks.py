"""Facial regions around landmarks: they follow the face, where a grid follows the picture."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cdmer._array import to_numpy
from cdmer._parameters import FrozenParameters, ParameterError, check_number

# Points of the iBUG scheme, counted from 0, whose mean is the centre of a region: on the person's
# right (the left of the picture), and on the left.
_SIDES = {
    "brow_outer": ((17, 18), (25, 26)),
    "brow_middle": ((19,), (24,)),
    "brow_inner": ((20, 21), (22, 23)),
    "eye_outer": ((36,), (45,)),
    "lid_upper": ((37, 38), (43, 44)),
    "eye_inner": ((39,), (42,)),
    "lid_lower": ((40, 41), (46, 47)),
    "cheek_upper": ((40, 41, 48), (46, 47, 54)),
    "cheek_outer": ((2, 31), (14, 35)),
    "nose_side": ((31, 39), (35, 42)),
    "nasolabial": ((31, 48), (35, 54)),
    "mouth_corner": ((48,), (54,)),
    "lip_upper": ((49, 50), (52, 53)),
    "lip_lower": ((58, 59), (55, 56)),
    "chin_side": ((6, 59), (10, 55)),
}
_MIDDLE = {
    "glabella": (21, 22),
    "nose_root": (27, 28),
    "nose_tip": (30, 33),
    "lip_upper_middle": (51, 62),
    "lip_lower_middle": (57, 66),
    "chin": (8, 57),
}
_CENTRES = (
    {f"right_{name}": points for name, (points, _) in _SIDES.items()}
    | {f"left_{name}": points for name, (_, points) in _SIDES.items()}
    | _MIDDLE
)
_EYES = slice(36, 42), slice(42, 48)


@dataclass(frozen=True)
class LandmarkRegions(FrozenParameters):
    """Regions of a face: 36 squares around facial landmarks, for the parameter `grid`.

    The squares lie where action units show: 15 on either side (brows, eye corners, lids, cheeks,
    sides of the nose, nasolabial folds, mouth corners, lips, chin) and 6 in the middle. They are as
    large as the face asks for, may overlap, and stay where they are in the first frame.

    Parameters
    ----------
    landmarker : callable
        Function of the first frame of a clip, an ndarray of uint8 of shape (H, W), that gives an
        array of shape (68, 2): x and y of each point in pixels, where (0, 0) is the centre of the
        first pixel, in the order of iBUG 300-W [1]_ (and of dlib's predictor). It raises, or gives
        None, where it finds no face. `cdmer.preprocessing.MediaPipeLandmarker` is one.
    side : float, default=0.4
        Side of a square as a share of the distance between the centres of the eyes.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if `landmarker` cannot be called, or `side` is no number above
        0.

    See Also
    --------
    RegionGrid : Regions that need no landmarks.

    Notes
    -----
    A pixel belongs to a square if its centre lies in it or on its edge. Squares are cut off at the
    border of the picture. Regions are named for the side of the person: ``"right_mouth_corner"`` is
    on the left of the picture.

    These are not the 36 regions of MDMO [2]_, which are polygons drawn in a figure and not given in
    numbers.

    References
    ----------
    .. [1] C. Sagonas, G. Tzimiropoulos, S. Zafeiriou and M. Pantic, "300 faces in-the-wild
       challenge", ICCV Workshops 2013, https://doi.org/10.1109/ICCVW.2013.59
    .. [2] Y.-J. Liu, J.-K. Zhang, W.-J. Yan, S.-J. Wang, G. Zhao and X. Fu, "A main directional
       mean optical flow feature for spontaneous micro-expression recognition", IEEE Transactions
       on Affective Computing 7(4), 2016, https://doi.org/10.1109/TAFFC.2015.2485205

    Examples
    --------
    >>> from cdmer.features import MDMO, LandmarkRegions
    >>> def landmarker(frame):
    ...     raise RuntimeError("no face in sight")
    >>> regions = LandmarkRegions(landmarker)
    >>> regions.n_regions, regions.names[11]
    (36, 'right_mouth_corner')
    >>> MDMO(grid=regions).fit().feature_groups_.size
    72
    """

    landmarker: Callable
    side: float = 0.4

    def __post_init__(self):
        if not callable(self.landmarker):
            raise ParameterError(f"landmarker: expected a callable, got {self.landmarker!r}")
        check_number("side", self.side, above=0)

    @property
    def n_regions(self):
        """Number of regions, 36."""
        return len(_CENTRES)

    @property
    def names(self):
        """Name of every region, a list of str: those on the right, on the left, in the middle."""
        return list(_CENTRES)

    def place(self, frames, border=0):
        """Place the regions on a clip whose border belongs to no region.

        Parameters
        ----------
        frames : array of uint8, shape (T, H, W)
            Frames of the clip; the landmarker gets the first one.
        border : int, default=0
            Pixels on each side that are left out.

        Returns
        -------
        ndarray of int64, shape (36, 4)
            Top, bottom, left and right of every region, counted from the first pixel inside the
            border; bottom and right are exclusive.

        Raises
        ------
        ValueError
            If the landmarker finds no face or gives anything but 68 finite points, or a region lies
            outside the picture or within its border.
        """
        points = self._points(to_numpy(frames[0, ...]))
        right_eye, left_eye = (points[eye].mean(axis=0) for eye in _EYES)
        half = self.side * np.linalg.norm(left_eye - right_eye) / 2
        centres = np.array(
            [points[list(of_region)].mean(axis=0) for of_region in _CENTRES.values()]
        )
        # (x, y) of the first pixel, and of the first one beyond.
        most = np.array(frames.shape[:0:-1]) - border
        starts = np.maximum(np.ceil(centres - half), border)
        stops = np.minimum(np.floor(centres + half) + 1, most)
        for name, centre, size in zip(_CENTRES, centres, stops - starts, strict=True):
            if size.min() < 1:
                x, y = centre
                raise ValueError(
                    f"landmarker: no pixel is left of region {name!r}, a square of "
                    f"{2 * half:.1f} pixels around ({x:.1f}, {y:.1f})"
                )
        (left, top), (right, bottom) = (starts - border).T, (stops - border).T
        return np.stack([top, bottom, left, right], axis=1).astype(np.int64)

    def _points(self, frame):
        """Landmarks of a frame, ndarray of float64, shape (68, 2)."""
        try:
            points = self.landmarker(frame)
        except Exception as error:
            raise ValueError(f"landmarker: found no face, {error!r}") from error
        if points is None:
            raise ValueError("landmarker: found no face, gave None")
        points = np.asarray(points, dtype=np.float64)
        if points.shape != (68, 2):
            raise ValueError(f"landmarker: expected an array of shape (68, 2), got {points.shape}")
        if not np.isfinite(points).all():
            raise ValueError("landmarker: expected finite coordinates, got NaN or infinity")
        return points
