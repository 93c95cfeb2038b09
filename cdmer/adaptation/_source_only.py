"""The baseline that does not adapt."""

from collections.abc import Sequence

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from cdmer._array import take_rows
from cdmer._domains import split_domains
from cdmer.adaptation._meta import InnerEstimator


class SourceOnly(InnerEstimator):
    """Fit a classifier on the source rows and ignore the target rows.

    The baseline that every adaptive method is compared with.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Anything with scikit-learn's fit and predict, pipelines included. None:
        ``SVC(kernel="linear", C=1.0)``, the benchmark's classifier.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.
    n_features_in_ : int
        Number of columns seen in `fit`, where the estimator records it.

    References
    ----------
    Y. Zong, T. Zhang, W. Zheng, X. Hong, C. Tang, Z. Cui, G. Zhao, "Cross-Database Micro-Expression
    Recognition: A Benchmark", IEEE TKDE 34(2):544-559, 2022, arXiv:1812.07742.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import SourceOnly
    >>> X, domain = np.array([[0.0], [1.0], [0.1], [0.9]]), [1, 1, -2, -2]
    >>> SourceOnly().fit(X, ["neg", "pos", None, None], sample_domain=domain).predict(X)
    array(['neg', 'pos', 'neg', 'pos'], dtype='<U3')
    """

    # It takes `sample_domain` to leave target rows out; protocols that hide them may have it.
    reads_target = False

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit(self, X, y, sample_domain=None):
        """Fit the estimator on the source rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Whatever the estimator takes: a matrix, or clips for a pipeline with a descriptor.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a source row.

        Returns
        -------
        self : SourceOnly

        Raises
        ------
        ValueError
            If no row is a source row, or the source holds one class only.
        """
        if not hasattr(X, "shape") and not isinstance(X, Sequence):
            X = np.asarray(X)
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        source, y_source = split_domains(y, sample_domain, n_samples, type(self).__name__)
        X_source = X if source.all() else take_rows(X, np.flatnonzero(source))
        self.estimator_ = clone(self._inner()).fit(X_source, y_source)
        self.classes_ = self.estimator_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _for_inner(self, X, sample_domain):
        return X  # clips, matrices: whatever the estimator takes

    def iter_path(self, X, y, *, sample_domain=None, settings):
        """Fit one model per setting: see `TGSR.iter_path`."""
        for index, setting in enumerate(settings):
            yield index, clone(self).set_params(**setting).fit(X, y, sample_domain=sample_domain)

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self._inner())
        tags.input_tags = inner.input_tags
        return tags
