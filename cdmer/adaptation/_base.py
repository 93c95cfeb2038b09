"""What every adaptive classifier shares: reading source rows and target rows, and predicting."""

from typing import NamedTuple

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from cdmer._array import check_matrix, is_foreign, take_rows, to_numpy
from cdmer._domains import split_domains


class Rows(NamedTuple):
    """Rows of one fit, sorted into source and target.

    Parameters
    ----------
    source : array of shape (n_source, n_features)
    target : array of shape (n_target, n_features)
    y : ndarray of shape (n_source,)
        Labels of the source rows.
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    codes : ndarray of int, shape (n_source,)
        Position of each label in `classes`.
    """

    source: object
    target: object
    y: np.ndarray
    classes: np.ndarray
    codes: np.ndarray

    @property
    def one_hot(self):
        """Indicator of the classes, shape (n_source, n_classes)."""
        return np.eye(len(self.classes))[self.codes]


class AdaptiveClassifier(ClassifierMixin, BaseEstimator):
    """Base of classifiers fitted on labelled source rows and unlabelled target rows together.

    A method defines ``_fit_together(rows, models)``: it fits models that differ in the parameters
    named in `_path_parameters` alone, sharing what work they can, and yields each as it is done.
    `fit` is the case of one model, `iter_path` that of a list of settings.

    The metadata request is declared here, so that ``pipe.fit(X, y, sample_domain=d)`` reaches the
    classifier when scikit-learn's metadata routing is on.
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True}
    __metadata_request__predict_proba = {"sample_domain": True}
    __metadata_request__decision_function = {"sample_domain": True}

    _path_parameters = ()
    _takes_foreign_arrays = False

    def fit(self, X, y, sample_domain=None):
        """Fit on labelled source rows and unlabelled target rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Source and target rows in any order.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a source row, and
            nothing is adapted.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X is not a finite matrix, no row is a source row, the source holds one class only,
            or a parameter does not fit the data.
        """
        rows = self._read(X, y, sample_domain)
        for _ in self._fit_together(rows, [self]):
            pass
        return self

    def iter_path(self, X, y, *, sample_domain=None, settings):
        """Fit one model per setting, sharing what work the settings have in common.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_domain : array-like of int of shape (n_samples,), default=None
            As in `fit`.
        settings : sequence of dict
            Parameters of each model, as for `set_params`.

        Yields
        ------
        index : int
            Which setting. Each comes once; the order may vary.
        model : object
            A fitted clone, the same as ``clone(self).set_params(**settings[index]).fit(...)``.
        """
        reader = clone(self)
        rows = reader._read(X, y, sample_domain)
        families = {}
        for index, setting in enumerate(settings):
            rest = {k: v for k, v in setting.items() if k not in self._path_parameters}
            families.setdefault(joblib.hash(rest), []).append(index)
        for indices in families.values():
            models = [clone(self).set_params(**settings[index]) for index in indices]
            place = {id(model): index for model, index in zip(models, indices, strict=True)}
            for model in models:
                for name in ("n_features_in_", "feature_names_in_"):
                    if hasattr(reader, name):
                        setattr(model, name, getattr(reader, name))
            for model in models[0]._fit_together(rows, models):
                yield place[id(model)], model

    def _read(self, X, y, sample_domain):
        X = self._check_rows(X, reset=True)
        source, y_source = split_domains(y, sample_domain, X.shape[0], type(self).__name__)
        classes, codes = np.unique(y_source, return_inverse=True)
        parts = (take_rows(X, np.flatnonzero(rows)) for rows in (source, ~source))
        return Rows(*parts, y_source, classes, codes)

    def _check_rows(self, X, reset):
        if not (self._takes_foreign_arrays and is_foreign(X)):
            return validate_data(self, X, dtype=np.float64, reset=reset)
        X = check_matrix(X, "X")
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X


class LargestScore:
    """Prediction by the largest of the scores that ``_scores(X)`` gives, one column per class."""

    def decision_function(self, X, sample_domain=None):
        """Score the classes for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        array of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the second score minus the first.
        """
        check_is_fitted(self)
        scores = self._scores(self._check_rows(X, reset=False))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X, sample_domain=None):
        """Predict the class with the largest score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_domain : array-like of int of shape (n_samples,), default=None
            Not read: source rows and target rows are scored alike.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, as in `classes_`.
        """
        scores = to_numpy(self.decision_function(X))
        index = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[index]
