"""Where the parts of a face are: all that a warp has to know of it.

Coordinates are those of drawn faces: the picture spans [-1, 1], x to the right, y down. Points of
the 68 are those of iBUG 300-W, counted from 0; the person's right is on the left of the picture.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from cdmer._faces.face import axes

# Where the centres of the eyes come, as in the mean of drawn faces.
EYE_X, EYE_Y = 0.365, -0.2

_BROWS, _UPPER_LIDS, _LOWER_LIDS = slice(17, 27), [37, 38, 43, 44], [40, 41, 46, 47]
_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)


@dataclass(frozen=True)
class FaceShape:
    """Lengths of a photographed face, in half picture widths; means over both sides.

    They are named as those of a drawn identity. Both are taken by what asks where a face's parts
    are. By default they are those of the mean face.
    """

    eye_x: float = EYE_X
    eye_y: float = EYE_Y
    eye_width: float = 0.165
    eye_height: float = 0.065
    eye_tilt: float = 0.03
    brow_y: float = -0.41
    nose_y: float = 0.19
    nose_width: float = 0.125
    mouth_y: float = 0.535
    mouth_width: float = 0.29
    bow: float = 0.0
    chin: float = 0.985
    lean: float = 0.0  # how far the midline moves to the right for each step down
    asymmetry: float = 0.0

    @classmethod
    def from_landmarks(cls, points):
        """Measure a face whose eyes are at their places.

        Parameters
        ----------
        points : ndarray of shape (68, 2)

        Returns
        -------
        FaceShape
        """
        x, y = np.asarray(points, dtype=np.float64).T
        mouth = [48, 54, 62, 66]
        corners, line = y[[48, 54]].mean(), y[[62, 66]].mean()
        upper, lower = y[_UPPER_LIDS].mean(), y[_LOWER_LIDS].mean()
        # Between canthus and middle, a third of the way: where the lids of `lids` stand 0.93 and
        # 0.50 of an eye's height from its middle.
        height = max((lower - upper) / 1.43, 0.01)
        return cls(
            eye_x=EYE_X,
            eye_y=upper + 0.93 * height,
            eye_width=max((x[39] - x[36] + x[45] - x[42]) / 4, 0.02),
            eye_height=height,
            eye_tilt=(y[[39, 42]].mean() - y[[36, 45]].mean()) / (x[39] - x[36] + x[45] - x[42]),
            brow_y=y[_BROWS].mean(),
            nose_y=y[30],
            nose_width=max((x[35] - x[31]) / 2, 0.02),
            mouth_y=line,
            mouth_width=max((x[54] - x[48]) / 2, 0.02),
            bow=corners - line,
            chin=y[8],
            lean=x[mouth].mean() / (y[mouth].mean() - EYE_Y),
        )

    def fitted(self, picture):
        """Take the mouth to the darkest line near its place.

        Parameters
        ----------
        picture : ndarray of float32, shape (n, n)
            Grey levels over [-EXTENT, EXTENT], the eyes at their places.

        Returns
        -------
        FaceShape
        """
        x, y = axes(len(picture))
        columns = np.abs(x[0]) < 0.6 * self.mouth_width
        profile = picture[:, columns].mean(axis=1)
        # A line is darker than what is above and below it.
        line = gaussian_filter1d(profile, len(picture) / 100) - gaussian_filter1d(
            profile, len(picture) / 25
        )
        near = np.abs(y[:, 0] - self.mouth_y) < 0.14
        mouth = float(y[near, 0][np.argmin(line[near])])
        return replace(self, mouth_y=mouth, chin=self.chin + mouth - self.mouth_y)


def eye_centres(points):
    """Centres of the person's right and left eye, ndarray of shape (2, 2), from 68 landmarks."""
    return np.array([points[_RIGHT_EYE].mean(axis=0), points[_LEFT_EYE].mean(axis=0)])
