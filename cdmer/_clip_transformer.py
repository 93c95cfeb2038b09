"""The base of transformers that learn nothing and handle clips one by one."""

from abc import ABC

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.parallel import delayed

from cdmer._clips import named_clips
from cdmer._workers import parallel


class ClipwiseTransformer(TransformerMixin, BaseEstimator, ABC):
    """Base of transformers whose result for a clip depends on that clip alone.

    A subclass with parameters of its own defines ``_check_parameters()``, which raises for those
    of the wrong type or value. Where it has the parameter `n_jobs`, so many threads share the
    clips.
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags

    def _check_parameters(self):
        """Accept every value: a subclass without parameters has none to refuse."""

    def _each(self, function, X):
        """Results of ``function(clip, name)`` for every clip of `X`, a list in their order."""
        return parallel(getattr(self, "n_jobs", 1), prefer="threads")(
            delayed(function)(clip, name) for name, clip in named_clips(X)
        )


def as_objects(results):
    """Put results of unequal shapes, or clips, into an ndarray of object, shape (n_results,)."""
    objects = np.empty(len(results), dtype=object)
    for i, result in enumerate(results):
        objects[i] = result
    return objects
