"""Linear support vector machine on inner products, the default inner classifier."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted, validate_data

# Rows up to which the matrix of their inner products is made: 200 MB.
MOST_ROWS = 5000
# As in LIBSVM's own programs. Without an end, forty rows of large numbers can take minutes.
MAX_ITER = 10_000_000


class GramSVC(ClassifierMixin, BaseEstimator):
    """Linear support vector machine, several times as fast as ``SVC`` where rows are wide.

    It is ``SVC(kernel="linear")``, and the default inner classifier of the methods of this package.
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
        Fitted machine, on inner products with `X_fit_` where that is there.
    X_fit_ : ndarray of shape (n_samples, n_features) or None
        Rows of the fit that have a weight; None where there were too many for a matrix of products.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels.

    References
    ----------
    C.-C. Chang, C.-J. Lin, "LIBSVM: A Library for Support Vector Machines", ACM TIST 2(3):27, 2011,
    doi:10.1145/1961189.1961199.

    Examples
    --------
    >>> from cdmer.adaptation import GramSVC
    >>> GramSVC().fit([[0.0], [1.0]], ["neg", "pos"]).predict([[0.4]])
    array(['neg'], dtype='<U3')
    """

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y, sample_weight=None):
        """Fit the machine.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Factors of C, one per row. None: all ones.

        Returns
        -------
        self : GramSVC
            Fitted machine.

        Raises
        ------
        ValueError
            If X is not a finite matrix, `y` does not match it or holds one class only, or the
            weights do not match it or are all zero.

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
            if sample_weight.shape != (len(X),):
                raise ValueError(
                    f"sample_weight: expected one number per row of X, shape ({len(X)},), got "
                    f"shape {sample_weight.shape}"
                )
            kept = sample_weight > 0
            if not kept.any():
                raise ValueError("sample_weight: expected a weight above zero, got none")
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
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, as in `classes_`.
        """
        products = self._checked(X)
        return self.svc_.predict(products)

    def decision_function(self, X):
        """Score the classes: see `sklearn.svm.SVC.decision_function`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Scores.
        """
        products = self._checked(X)
        return self.svc_.decision_function(products)

    def _checked(self, X):
        check_is_fitted(self)
        return self._products(validate_data(self, X, dtype=np.float64, reset=False))

    def _products(self, X):
        return X if self.X_fit_ is None else X @ self.X_fit_.T
