"""The base of descriptors: clips in, one row per clip out, columns grouped by facial region."""

from abc import abstractmethod

import array_api_compat
import numpy as np
from sklearn.base import clone

from cdmer._array import check_device, is_foreign, to_device
from cdmer._clip_transformer import ClipwiseTransformer
from cdmer._clips import named_clips, read_frames
from cdmer._parameters import ParameterError
from cdmer._vision.grid import RegionGrid

MOST_FEATURES = 10**7


class ClipDescriptor(ClipwiseTransformer):
    """Base of descriptors: a histogram, or a few numbers, per facial region.

    Parameters
    ----------
    grid : RegionGrid or LandmarkRegions, default=None
        Regions of the face. None stands for ``RegionGrid()``, 85 regions, unless a subclass says
        otherwise.
    device : str or torch.device, default=None
        Device on which PyTorch computes, such as ``"cuda"``. None computes with the library and on
        the device of the frames.
    n_jobs : int, default=None
        Number of threads, each of which handles one clip at a time. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. The result is the same for any
        number.

    Attributes
    ----------
    grid_ : RegionGrid or LandmarkRegions
        The regions used.
    feature_groups_ : ndarray of int64, shape (n_features_out,)
        Region that each column belongs to, an index into ``grid_.names``.

    See Also
    --------
    FlowDescriptor : Base of descriptors of motion.
    register_descriptor : Make a descriptor known by a name.

    Notes
    -----
    A subclass stores `grid`, `device`, `n_jobs` and its own parameters in its constructor. Of these
    methods and attributes it must define the first two:

    - ``_columns()``: names of the columns of one region, a list of str.
    - ``_describe(data, boxes)``: the numbers of every region, an array of float64, shape
      (n_regions, n_columns), in the library and on the device of `data`. `data` is an array of
      uint8, shape (T, H, W), the grey frames of one clip with their border. `boxes` is an ndarray
      of int64, shape (n_regions, 4): top, bottom, left and right of each region, counted from the
      first pixel inside the border; bottom and right are exclusive.
    - ``_check_parameters()``: raises an error that names the parameter, what was expected and what
      came, for parameters of its own.
    - ``_measure(frames, clip, name)``: what `_describe` gets in place of the frames, an array whose
      first axis is time, such as optical flow. `clip` is what the frames were read from, `name`
      what messages call it.
    - ``_border``: frames at either end and pixels on each side that belong to no region, such as
      the radius of a neighbourhood; (int, int), by default (0, 0).
    - ``_fewest_frames``: least number of frames of a clip, by default 1.
    - ``_default_levels``: levels of the `RegionGrid` that ``grid=None`` stands for.
    """

    _default_levels = (1, 2, 4, 8)
    _border = (0, 0)
    _fewest_frames = 1

    def __init__(self, grid=None, device=None, n_jobs=None):
        self.grid = grid
        self.device = device
        self.n_jobs = n_jobs

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
        n_features = self.n_features_out
        if n_features > MOST_FEATURES:
            raise ParameterError(
                f"grid: expected {MOST_FEATURES} features of a clip at most, got "
                f"{n_features} in {self.grid_.n_regions} regions"
            )
        self.feature_groups_ = np.repeat(np.arange(self.grid_.n_regions), len(self._columns()))
        return self

    @property
    def n_features_out(self):
        """Number of features of a clip, an int; parameters are checked."""
        self._check_parameters()
        grid = RegionGrid(self._default_levels) if self.grid is None else self.grid
        return grid.n_regions * len(self._columns())

    def transform(self, X):
        """Compute the features of clips.

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

    def boxes(self, clip):
        """Place the regions on a clip.

        Parameters
        ----------
        clip : Clip or array of uint8 of shape (T, H, W)
            One clip.

        Returns
        -------
        ndarray of int64, shape (n_regions, 4)
            Top, bottom, left and right of each region in pixels of the frames; bottom and right are
            exclusive.

        Raises
        ------
        TypeError, ValueError
            As `transform`.
        """
        ((name, clip),) = named_clips([clip])
        ready = self._ready()
        frames = read_frames(clip, name, colour=False)
        return ready._place(frames, name) + ready._border[1]

    def get_feature_names_out(self, input_features=None):
        """Name the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects, shape (n_features_out,)
            Region, then column: ``"l8r3c5_…"`` is row 3, column 5 of the 8 × 8 grid.
        """
        ready = self._ready()
        columns = ready._columns()
        return np.asarray([f"{r}_{c}" for r in ready.grid_.names for c in columns], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags

    @abstractmethod
    def _columns(self):
        """Names of the columns of one region, a list of str."""

    @abstractmethod
    def _describe(self, data, boxes):
        """Numbers of every region, array of float64, shape (n_regions, n_columns)."""

    def _ready(self):
        """Itself, or a fitted copy: nothing is learnt, so nobody has to call `fit` first."""
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
