"""The base of transformers that turn each clip into one array, all of one shape."""

from abc import abstractmethod

import numpy as np

from cdmer._clip_transformer import ClipwiseTransformer
from cdmer._clips import named_clips


class ClipArrays(ClipwiseTransformer):
    """Base of transformers that prepare the input of networks.

    A subclass has the parameter `n_jobs` and defines what `ClipwiseTransformer` asks for, and
    ``_array(clip, name)``.
    """

    def transform(self, X):
        """Turn clips into arrays.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip`, or a uint8 array of its frames.

        Returns
        -------
        ndarray of float32, shape (n_clips, ...)
            The class says what the array of one clip looks like.

        Raises
        ------
        ValueError
            If clips give arrays of different shapes.
        """
        self.fit()
        pairs = named_clips(X)
        arrays = self._each(self._array, [clip for _, clip in pairs])
        for (name, _), array in zip(pairs, arrays, strict=True):
            if array.shape != arrays[0].shape:
                raise ValueError(
                    f"{name}: gives an array of shape {array.shape}, the first clip one of shape "
                    f"{arrays[0].shape}; bring clips to one number of frames (TemporalInterpolation"
                    ", LinearResampling) and one size (Resize of cdmer.preprocessing) first"
                )
        return np.ascontiguousarray(np.stack(arrays))

    @abstractmethod
    def _array(self, clip, name):
        """Array of one clip, an ndarray; `name` is what messages call the clip."""
