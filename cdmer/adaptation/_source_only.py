"""The baselines, which are fitted on source rows and do not adapt."""

from collections.abc import Sequence

import numpy as np
from sklearn.svm import SVC
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from cdmer._array import take_rows
from cdmer._domains import read_weights, split_domains
from cdmer.adaptation._gram_svc import MAX_ITER
from cdmer.adaptation._meta import MetaClassifier, TakesWeights


class SourceOnly(TakesWeights, MetaClassifier):
    """Fit a classifier on the source rows and ignore the target rows.

    The baseline that every adaptive method is compared with.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Anything with scikit-learn's fit and predict, pipelines included; rows are whatever it
        takes: a matrix, or clips for a pipeline with a descriptor. None:
        ``SVC(kernel="linear", C=1.0)``, the benchmark's classifier.

    Attributes
    ----------
    estimator_ : classifier
        Fitted clone of the inner classifier.
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

    def _read(self, X, y, sample_domain, sample_weight=None):
        # Source rows of any container, such as clips.
        if not hasattr(X, "shape") and not isinstance(X, Sequence):
            X = np.asarray(X)
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        source, y_source = split_domains(y, sample_domain, n_samples, type(self).__name__)
        weights = None if sample_weight is None else read_weights(sample_weight, source, y_source)
        return X if source.all() else take_rows(X, np.flatnonzero(source)), y_source, weights

    def _fit(self, rows):
        self.estimator_ = self._fit_inner(*rows)
        self.classes_ = self.estimator_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))

    def _for_inner(self, X, sample_domain):
        return X  # clips, matrices: whatever the estimator takes

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self._inner())
        tags.input_tags = inner.input_tags
        return tags


class BenchmarkSVC(TakesWeights, MetaClassifier):
    """Support vector machine with ties broken as the benchmark's MATLAB code did.

    libsvm decides between pairs of classes and counts votes; among classes with equally many votes
    the first wins. scikit-learn sorts the classes; libsvm alone, which the benchmark called, has
    them in the order in which labels first appear in the training rows. On CASME II, whose file
    begins with class 2, this changes one clip in a hundred, and the printed tables need it.

    This is the one estimator of the package whose result may depend on the order of the rows; use
    it to compare with published tables and not otherwise. Nothing uses it by default.

    Parameters
    ----------
    C : float, default=1.0
        Penalty of errors.
    kernel : str, default="linear"
        Kernel, as in `sklearn.svm.SVC`.

    Attributes
    ----------
    estimator_ : SVC
        Fitted machine, on the positions of the labels in order of first appearance.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.
    first_seen_ : ndarray of int, shape (n_classes,)
        Positions in `classes_` of the labels in order of first appearance.

    References
    ----------
    C.-C. Chang, C.-J. Lin, "LIBSVM: A Library for Support Vector Machines", ACM TIST 2(3):27, 2011,
    doi:10.1145/1961189.1961199.

    Examples
    --------
    >>> from cdmer.adaptation import BenchmarkSVC
    >>> BenchmarkSVC().fit([[0.0], [1.0], [2.0]], ["pos", "neg", "sur"]).first_seen_
    array([1, 0, 2])
    """

    def __init__(self, C=1.0, kernel="linear"):
        self.C = C
        self.kernel = kernel

    def _inner(self):
        return SVC(C=self.C, kernel=self.kernel, max_iter=MAX_ITER, random_state=0)

    def _fit(self, rows):
        self.classes_ = rows.classes
        first = np.unique(rows.codes, return_index=True)[1]
        self.first_seen_ = np.argsort(first)
        place = np.argsort(self.first_seen_)
        self.estimator_ = self._fit_inner(rows.source, place[rows.codes], rows.weights)

    def predict(self, X, sample_domain=None):
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, as in `classes_`.
        """
        check_is_fitted(self)
        return self.classes_[self.first_seen_[super().predict(X)]]

    def decision_function(self, X, sample_domain=None):
        """Score the classes: see `sklearn.svm.SVC.decision_function`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Scores.
        """
        scores = super().decision_function(X)
        if scores.ndim == 1:
            return scores if self.first_seen_[0] == 0 else -scores
        return scores[:, np.argsort(self.first_seen_)]
