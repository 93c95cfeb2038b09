"""A part of the face, by fixed shares of an aligned one."""

import numpy as np

from cdmer._parameters import ParameterError, check_number
from cdmer.preprocessing._base import FrameTransformer

# Top, bottom, left, right.
REGIONS = {
    "eyes": (0.15, 0.5, 0.1, 0.9),
    "nose and mouth": (0.45, 0.95, 0.2, 0.8),
}


class CropRegion(FrameTransformer):
    """Cut the same part out of every frame.

    Parameters
    ----------
    region : {"eyes", "nose and mouth"} or (top, bottom, left, right), default="eyes"
        Part to keep, as shares of the height and of the width, from the upper left corner. "eyes"
        stands for (0.15, 0.5, 0.1, 0.9): both eyes with the brows, raised ones too; "nose and
        mouth" for (0.45, 0.95, 0.2, 0.8).

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if `region` is no region.
    ValueError
        Where frames are computed, if they are too small for the region to have a pixel. The message
        names the clip.

    See Also
    --------
    CropAlign : Brings faces to the places that these regions expect.

    Notes
    -----
    The named regions are made for faces as `CropAlign` cuts them out with its margin of 0.1, by the
    eyes (then at 0.375 of the height) or by the box of a detector. Edges are rounded to the nearest
    pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.preprocessing import CropRegion
    >>> clip = np.zeros((10, 100, 100), dtype=np.uint8)
    >>> CropRegion("eyes").transform([clip])[0].shape
    (10, 35, 80)
    """

    def __init__(self, region="eyes"):
        self.region = region

    def _check_parameters(self):
        self._shares()

    def _shares(self):
        """Top, bottom, left and right as shares, four numbers."""
        region = self.region
        if isinstance(region, str) and region in REGIONS:
            return REGIONS[region]
        if not isinstance(region, tuple | list) or len(region) != 4:
            raise ParameterError(
                f"region: expected one of {tuple(REGIONS)} or four numbers, top, bottom, left and "
                f"right, got {region!r}"
            )
        for share in region:
            check_number("region", share, least=0, most=1)
        top, bottom, left, right = region
        if top >= bottom or left >= right:
            raise ParameterError(
                f"region: expected top < bottom and left < right, got {tuple(region)!r}"
            )
        return top, bottom, left, right

    def _stream(self, frames, clip, name):
        top, bottom, left, right = self._shares()
        for frame in frames:
            height, width = frame.shape[:2]
            rows = slice(round(top * height), round(bottom * height))
            part = frame[rows, round(left * width) : round(right * width)]
            if not part.size:
                raise ValueError(
                    f"{name}: frames of {height} x {width} pixels have none in the region "
                    f"{self.region!r}"
                )
            yield np.ascontiguousarray(part)
