"""What all descriptors share: clips in, one row per clip out, columns grouped by facial region."""

import array_api_compat
import numpy as np
from sklearn.base import clone

from cdmer._array import check_device, is_foreign, to_device
from cdmer._clip_transformer import ClipwiseTransformer
from cdmer._clips import read_frames
from cdmer._parameters import ParameterError
from cdmer._vision.grid import RegionGrid


class ClipDescriptor(ClipwiseTransformer):
    """Base of descriptors: a histogram, or a few numbers, per facial region.

    A subclass has the parameters `grid`, `device` and `n_jobs` and defines

    - ``_check_parameters()``: raises for parameters of the wrong type or value;
    - ``_columns()``: names of the columns of one region, a list of str;
    - ``_describe(data, boxes)``: array of float64, shape (n_regions, n_columns), in the library and
      on the device of `data`;
    - ``_border``: frames and pixels at the border of a clip that belong to no region, (int, int);
    - ``_measure(frames, clip, name)`` unless `_describe` takes the frames as they are: what it
      takes in their place, such as optical flow.
    """

    _default_levels = (1, 2, 4, 8)
    _border = (0, 0)
    _fewest_frames = 1

    def fit(self, X=None, y=None):
        """Check the parameters; nothing is learnt from clips.

        Parameters
        ----------
        X : ignored
            Clips; their frames are not read.
        y : ignored

        Returns
        -------
        self
            The transformer itself.
        """
        super().fit()
        if self.grid is not None and not hasattr(self.grid, "place"):
            raise ParameterError(
                f"grid: expected a RegionGrid, LandmarkRegions or None, got {self.grid!r}"
            )
        check_device(self.device)
        self.grid_ = RegionGrid(self._default_levels) if self.grid is None else self.grid
        self.feature_groups_ = np.repeat(np.arange(self.grid_.n_regions), len(self._columns()))
        return self

    def transform(self, X):
        """Describe clips.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip` with grey frames or a uint8 array of shape (T, H, W)
            of any library that follows the array API. Clips may differ in length and size.

        Returns
        -------
        array of float64, shape (n_clips, n_features_out)
            The array belongs to the library, and lies on the device, of the frames; frames moved
            from NumPy to `device` give a NumPy array.
        """
        ready = self._ready()
        rows = ready._each(ready._row, X)
        return array_api_compat.array_namespace(*rows).stack(rows)

    def get_feature_names_out(self, input_features=None):
        """Name the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects, shape (n_features_out,)
            Region, then what is counted: ``"l8r3c5_…"`` is row 3, column 5 of the 8 × 8 grid.
        """
        ready = self._ready()
        columns = ready._columns()
        return np.asarray([f"{r}_{c}" for r in ready.grid_.names for c in columns], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    def _ready(self):
        """Give itself, or a fitted copy: nothing is learnt, so nobody has to call `fit` first."""
        return self if hasattr(self, "grid_") else clone(self).fit()

    def _row(self, clip, name):
        """Features of one clip, shape (n_features_out,)."""
        frames = read_frames(clip, name, colour=False)
        boxes = self._place(frames, name)
        data = self._measure(frames, clip, name)
        if self.device is not None:
            data = to_device(data, self.device)
        elif is_foreign(frames) and not is_foreign(data):
            xp = array_api_compat.array_namespace(frames)
            data = xp.asarray(data, device=array_api_compat.device(frames))
        row = self._describe(data, boxes)
        row = array_api_compat.array_namespace(row).reshape(row, (-1,))
        back = self.device is not None and array_api_compat.is_numpy_array(frames)
        return row.cpu().numpy() if back else row

    def _measure(self, frames, clip, name):
        return frames

    def _place(self, frames, name):
        """Boxes of the regions inside the border, ndarray of int64, shape (n_regions, 4)."""
        in_time, in_space = self._border
        fewest = max(self._fewest_frames, 2 * in_time + 1)
        if frames.shape[0] < fewest:
            raise ValueError(
                f"{name}: got {self._size(frames)}; {type(self).__name__} with these parameters "
                f"needs at least {fewest} frames"
            )
        try:
            return self.grid_.place(frames, in_space)
        except ValueError as error:
            raise ValueError(f"{name}: got {self._size(frames)}; {error}") from error

    @staticmethod
    def _size(frames):
        n_frames, height, width = frames.shape
        return f"{n_frames} frame{'s' * (n_frames != 1)} of {height} x {width} pixels"


def shares(histograms):
    """Divide histograms by their sums.

    Parameters
    ----------
    histograms : array of float64, shape (..., n_bins)
        Not negative.

    Returns
    -------
    array of float64, shape (..., n_bins)
        Each sums to 1, or is 0 throughout where nothing was counted.
    """
    xp = array_api_compat.array_namespace(histograms)
    total = xp.sum(histograms, axis=-1, keepdims=True)
    return histograms / xp.where(total > 0, total, xp.ones_like(total))
