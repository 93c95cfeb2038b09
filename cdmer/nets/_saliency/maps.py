"""Saliency maps, and the shares that facial regions have in them."""

from dataclasses import dataclass, replace
from math import lcm

import numpy as np

from cdmer.nets._saliency.figure import draw_saliency


@dataclass(frozen=True, eq=False)
class SaliencyMaps:
    """Saliency maps of clips, as `saliency` computes them.

    Parameters
    ----------
    maps : ndarray of float, shape (n_clips, height, width) or (n_clips, frames, height, width)
        Evidence of each pixel of the network's input for the class; negative values are evidence
        against it.
    targets : ndarray of shape (n_clips,)
        Class that each map explains.
    method : str
        Method that made the maps.
    part : str
        Part of the network's input that is mapped.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.features import RegionGrid
    >>> from cdmer.nets import SaliencyMaps
    >>> maps = np.zeros((1, 4, 4))
    >>> maps[0, 0, :3] = 1
    >>> found = SaliencyMaps(maps, np.array(["positive"]), "occlusion", "flow images")
    >>> found.regions(RegionGrid((1, 2))).round(2)
    array([[1.  , 0.67, 0.33, 0.  , 0.  ]])
    """

    maps: np.ndarray
    targets: np.ndarray
    method: str
    part: str

    def __getitem__(self, clips):
        """Maps of some of the clips: a position, a slice, or an array of positions or bools."""
        chosen = np.atleast_1d(np.arange(len(self.maps))[clips])
        return replace(self, maps=self.maps[chosen], targets=self.targets[chosen])

    @property
    def places(self):
        """The maps, those of videos summed over time, shape (n_clips, height, width)."""
        return self.maps if self.maps.ndim == 3 else self.maps.sum(axis=1)

    def regions(self, grid):
        """Shares of the facial regions.

        Parameters
        ----------
        grid : cdmer.features.RegionGrid
            Grid that is laid over the whole picture. The default has 85 regions, in the order of
            the groups of columns of a descriptor with this grid, and so of `TGSR.group_norms_`.

        Returns
        -------
        ndarray of float64, shape (n_clips, n_regions)
            Sum over the region's pixels of `places`, divided by the sum of absolute values over all
            pixels. If no value is negative, the shares of each level of a grid without overlap add
            up to 1; where the map is 0 throughout they are 0.

        Notes
        -----
        A pixel through which an edge runs is divided between the regions by area: on 28 pixels
        each of 8 regions is 3.5 wide. So regions of a level are equally large however coarse the
        pictures are; where the number of pixels is a multiple of each level, these are the pixels
        of `RegionGrid.boxes`.

        The regions are those of the picture. Descriptors leave out a border of a few pixels, in
        which they know no neighbours, before they lay the same grid; pictures of eyes or mouth
        alone have regions of their own.
        """
        places = self.places.astype(np.float64)
        rows, columns = _overlaps(grid, *places.shape[1:])
        sums = np.einsum("ry,nyx,rx->nr", rows, places, columns, optimize=True)
        totals = np.abs(places).sum(axis=(1, 2))[:, None]
        return np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)

    def draw(self, faces, titles=None, figure=None):
        """Draw the maps on faces.

        The stronger the evidence of a place for the class, the more it is coloured; a line
        surrounds where it is at least half as strong as the strongest. Each face has a scale of its
        own. Evidence against the class, if known, is blue.

        Parameters
        ----------
        faces : sequence of array-like of uint8, shape (height, width) or (height, width, 3)
            A face for each clip, of any size, cropped as the pictures are: for example frames at
            onset or apex.
        titles : sequence of str, default=None
            Titles of the faces; None gives the class that each map explains.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            Figure to draw into; None makes one.

        Returns
        -------
        matplotlib.figure.Figure or SubFigure
            One axes per clip.

        Raises
        ------
        ValueError
            If there are not as many faces or titles as clips, or a face is no picture.
        ImportError
            If matplotlib is missing.
        """
        titles = [str(label) for label in self.targets] if titles is None else titles
        return draw_saliency(self.places, faces, titles, figure)


def _overlaps(grid, height, width):
    """Share of each row, and of each column, of pixels that lies in each region."""
    # On a grid so many times as fine every region has whole pixels.
    times = lcm(*grid.levels)
    top, bottom, left, right = grid.boxes(height * times, width * times).T / times
    return _shares(top, bottom, height), _shares(left, right, width)


def _shares(first, last, size):
    pixels = np.arange(size)
    ends = np.minimum(last[:, None], pixels + 1) - np.maximum(first[:, None], pixels)
    return np.maximum(ends, 0)
