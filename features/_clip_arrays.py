"""What transformers share that turn each clip into one array, all of one shape."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.parallel import Parallel, delayed

from cdmer._clips import named_clips


class ClipArrays(TransformerMixin, BaseEstimator):
    """Base of transformers that prepare the input of networks.

    A subclass has the parameter `n_jobs` and defines

    - ``_check_parameters()``: raises for parameters of the wrong type or value;
    - ``_array(clip, name)``: ndarray of one clip, which `name` names in messages.
    """

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
        self._check_parameters()
        return self

    def transform(self, X):
        """Prepare clips.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip`, or a uint8 array of its frames.

        Returns
        -------
        ndarray of float32, shape (n_clips, ...)
            The shape of one clip is told where the class is described.

        Raises
        ------
        ValueError
            If clips give arrays of different shapes.
        """
        self.fit()
        pairs = named_clips(X)
        arrays = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._array)(clip, name) for name, clip in pairs
        )
        for (name, _), array in zip(pairs, arrays, strict=True):
            if array.shape != arrays[0].shape:
                raise ValueError(
                    f"{name}: gives an array of shape {array.shape}, the first clip one of shape "
                    f"{arrays[0].shape}; bring clips to one number of frames (TemporalInterpolation"
                    ", LinearResampling) and one size (Resize of cdmer.preprocessing) first"
                )
        return np.ascontiguousarray(np.stack(arrays))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags
