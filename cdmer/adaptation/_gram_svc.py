"""The default inner estimator: a linear support vector machine, computed from inner products."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted, validate_data

# Rows up to which the matrix of their inner products is made: 200 MB.
MOST_ROWS = 5000
# As in LIBSVM's own programs. Without an end, forty rows of large numbers can take minutes.
MAX_ITER = 10_000_000


class GramSVC(ClassifierMixin, BaseEstimator):
    """``SVC(kernel="linear", C=1.0)``, several times as fast where rows are wide.

    libsvm computes inner products of rows one by one; here one matrix product makes them all, and
    libsvm is given the result. The machine is the same, but for an end after ten million steps,
    which LIBSVM's own programs have, too.

    Parameters
    ----------
    C : float, default=1.0
        Penalty of errors.

    Attributes
    ----------
    svc_ : SVC
        The fitted machine; on inner products with `X_fit_` unless there were too many rows.
    X_fit_ : ndarray of shape (n_samples, n_features) or None
        The rows.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels.
    """

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y, sample_weight=None):
        """Fit the machine.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or None, default=None

        Returns
        -------
        self : GramSVC

        Warns
        -----
        ConvergenceWarning
            If the steps end too early, as they may where columns have large scales.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        if sample_weight is not None:
            # libsvm drops rows without weight; with a kernel that is given, scikit-learn then takes
            # the wrong columns of it for those of the support vectors.
            sample_weight = np.asarray(sample_weight)
            kept = sample_weight > 0
            X, y, sample_weight = X[kept], y[kept], sample_weight[kept]
        self.X_fit_ = X if len(X) <= MOST_ROWS else None
        kernel = "linear" if self.X_fit_ is None else "precomputed"
        # libsvm needs no chance here, but without a seed it would draw one from the global state.
        self.svc_ = SVC(kernel=kernel, C=self.C, max_iter=MAX_ITER, random_state=0).fit(
            self._products(X), y, sample_weight
        )
        self.classes_ = self.svc_.classes_
        return self

    def predict(self, X):
        """Predict a class for each row, shape (n_samples,)."""
        return self.svc_.predict(self._checked(X))

    def decision_function(self, X):
        """Score the classes: see `sklearn.svm.SVC.decision_function`."""
        return self.svc_.decision_function(self._checked(X))

    def _checked(self, X):
        check_is_fitted(self)
        return self._products(validate_data(self, X, dtype=np.float64, reset=False))

    def _products(self, X):
        return X if self.X_fit_ is None else X @ self.X_fit_.T
