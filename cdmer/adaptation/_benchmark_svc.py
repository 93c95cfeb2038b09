"""The benchmark's support vector machine, ties and all."""

import numpy as np
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from cdmer.adaptation._gram_svc import MAX_ITER
from cdmer.adaptation._meta import InnerEstimator


class BenchmarkSVC(InnerEstimator):
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
        See `sklearn.svm.SVC`.

    Attributes
    ----------
    estimator_ : SVC
        Fitted on the labels' numbers in order of first appearance.
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

    def _fit_together(self, rows, models):
        first = np.unique(rows.codes, return_index=True)[1]
        seen = np.argsort(first)  # classes, in order of first appearance
        for model in models:
            model.classes_ = rows.classes
            model.first_seen_ = seen
            model.estimator_ = model._inner().fit(rows.source, np.argsort(seen)[rows.codes])
            yield model

    def predict(self, X, sample_domain=None):
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.classes_[self.first_seen_[super().predict(X)]]

    def decision_function(self, X, sample_domain=None):
        """Score the classes: see `sklearn.svm.SVC.decision_function`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
        """
        scores = super().decision_function(X)
        if scores.ndim == 1:
            return scores if self.first_seen_[0] == 0 else -scores
        return scores[:, np.argsort(self.first_seen_)]
