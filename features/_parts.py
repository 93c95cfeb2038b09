"""Results of several transformers in one row per clip."""

from itertools import chain

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

from cdmer._clip_transformer import ClipwiseTransformer
from cdmer._parameters import ParameterError
from cdmer._steps import flat_steps


class Parts(ClipwiseTransformer):
    """Results of several transformers, flattened and side by side in one row per clip.

    Networks with an input of several parts take such rows apart again. scikit-learn's
    `FeatureUnion` joins tables, not pictures and sequences.

    Parameters
    ----------
    transformers : sequence of transformers
        Transformers of clips to one array or row per clip, such as `ApexFrame` and
        `DescriptorSequence`, or pipelines of steps of `cdmer.preprocessing` that end with one. None
        may have anything to learn.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: by `fit` and `transform`, if `transformers` holds none, or
        something else.
    ValueError
        By `fit` and `transform`, if a transformer has something to learn (its scikit-learn tag
        `requires_fit`).

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.features import ApexFrame, FlowImages, Parts
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> Parts([ApexFrame(size=20), FlowImages(size=10)]).fit_transform(clips).shape
    (3, 700)
    """

    def __init__(self, transformers):
        self.transformers = transformers

    def _check_parameters(self):
        given = self.transformers
        if (
            not isinstance(given, tuple | list)
            or not given
            or not all(isinstance(t, BaseEstimator) and hasattr(t, "transform") for t in given)
        ):
            raise ParameterError(f"transformers: expected a list of transformers, got {given!r}")
        for step in chain.from_iterable(map(flat_steps, given)):
            if get_tags(step).requires_fit:
                raise ValueError(
                    f"transformers: {type(step).__name__} has to be fitted (its tag requires_fit "
                    "is True), expected transformers that learn nothing from clips"
                )

    def transform(self, X):
        """Compute the rows of clips.

        Parameters
        ----------
        X : sequence of clips
            Clips as the transformers take them.

        Returns
        -------
        ndarray of float, shape (n_clips, n_columns)
            For each clip the values of the first transformer, in the order of its axes, then those
            of the next.
        """
        self.fit()
        arrays = [np.asarray(transformer.transform(X)) for transformer in self.transformers]
        return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
