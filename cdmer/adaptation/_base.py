"""Bases of the adaptive classifiers: reading source rows and target rows, fitting, predicting."""

from abc import ABC, ABCMeta, abstractmethod
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from cdmer._array import check_matrix, is_foreign, take_rows, to_numpy
from cdmer._domains import read_weights, split_domains, warn_once
from cdmer._parameters import ParameterError, at_setting


class DomainRows(NamedTuple):
    """Rows of one fit, sorted into source and target.

    Parameters
    ----------
    source : array of shape (n_source, n_features)
        Source rows.
    target : array of shape (n_target, n_features)
        Target rows; there may be none.
    y : ndarray of shape (n_source,)
        Labels of the source rows.
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    codes : ndarray of int, shape (n_source,)
        Position of each label in `classes`.
    weights : ndarray of shape (n_source,) or None, default=None
        Weights of the source rows, where they were given.
    """

    source: object
    target: object
    y: np.ndarray
    classes: np.ndarray
    codes: np.ndarray
    weights: np.ndarray | None = None

    @property
    def one_hot(self):
        """Indicator of the classes, shape (n_source, n_classes)."""
        return np.eye(len(self.classes))[self.codes]


class AdaptiveClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of classifiers fitted on labelled source rows and unlabelled target rows together.

    A subclass defines

    - ``_fit(rows)``, which learns from a `DomainRows` and sets ``classes_`` to ``rows.classes``;
    - ``predict(X, sample_domain=None)``, or takes it from `LargestScore` or `MetaClassifier`. New
      rows are checked by ``self._check_rows(X, reset=False)``, an ndarray of shape
      (n_samples, n_features).

    Where it weights rows by ``rows.weights``, it sets ``_takes_weights = True`` and requests
    ``sample_weight`` for `fit`; without, `fit` refuses weights.

    See Also
    --------
    PathClassifier : Base of methods that fit many settings in less time than one by one.
    FeatureAdapter : Base of methods that map rows into other features.
    Reweighter : Base of methods that weight the source rows.

    Notes
    -----
    Metadata requests are declared, so that ``pipe.fit(X, y, sample_domain=d)`` reaches the
    classifier when scikit-learn's metadata routing is on.

    A plain `GridSearchCV` over source and target rows holds out rows of both, and scores on the
    labels of those target rows: settings are then chosen by labels that nobody would have.
    `cdmer.evaluation.selection.select` does not read them, and neither does a search with
    `SourceKFold`, which holds out source rows alone, or with the splitter and the scorer of another
    criterion, `make_splitter` and `make_scorer`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from cdmer.adaptation import TCA
    >>> from cdmer.evaluation.selection import SourceKFold, select
    >>> X, domain = np.random.default_rng(0).normal(size=(30, 5)), np.repeat([1, -2], 15)
    >>> y, grid = np.arange(30) % 2, {"n_components": [1, 2]}
    >>> other = np.where(domain < 0, 1 - y, y)  # other labels of target rows
    >>> def scores(y, cv):
    ...     search = GridSearchCV(TCA(), grid, cv=cv).fit(X, y, sample_domain=domain)
    ...     return search.cv_results_["mean_test_score"].round(2).tolist()

    A plain search reads the labels of target rows:

    >>> scores(y, cv=3) == scores(other, cv=3)
    False

    These do not:

    >>> source_rows = SourceKFold(domain, n_splits=3)
    >>> scores(y, cv=source_rows) == scores(other, cv=source_rows)
    True
    >>> chosen = [select(TCA(), grid, X, labels, domain, n_splits=3) for labels in (y, other)]
    >>> chosen[0].best_params == chosen[1].best_params
    True
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True}
    __metadata_request__predict_proba = {"sample_domain": True}
    __metadata_request__decision_function = {"sample_domain": True}

    _takes_foreign_arrays = False
    _takes_weights = False

    def fit(self, X, y, sample_domain=None, **fit_params):
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
        **fit_params
            ``sample_weight``, array-like of shape (n_samples,): weights of the rows, for the inner
            classifier of methods that have one; those of target rows are never read. Other methods
            refuse it by name.

        Returns
        -------
        self : object
            Fitted classifier.

        Raises
        ------
        TypeError
            If there is another parameter of `fit`, or the method cannot weight rows.
        ValueError
            If X is not a finite matrix, no row is a source row, the source holds one class only,
            a class has no weight, or a parameter does not fit the data.

        Warns
        -----
        UserWarning
            If `sample_domain` is given and marks no target row, as where 0 means source and 1
            target.
        """
        with warn_once():
            self._fit(self._read(X, y, sample_domain, self._read_fit_params(fit_params)))
        return self

    def _read_fit_params(self, fit_params):
        """Weights of the rows as they came, or None."""
        unknown = sorted(set(fit_params) - {"sample_weight"})
        if unknown:
            raise ParameterError(
                f"{unknown[0]}: expected X, y, sample_domain and sample_weight alone, "
                f"{type(self).__name__}.fit takes no such parameter"
            )
        weights = fit_params.get("sample_weight")
        if weights is not None and not self._takes_weights:
            raise ParameterError(
                f"sample_weight: expected None, {type(self).__name__} cannot weight rows; methods "
                "that fit an inner classifier can, where that takes weights"
            )
        return weights

    @abstractmethod
    def _fit(self, rows):
        """Learn from the rows that `_read` gives, and set ``classes_``.

        Parameters
        ----------
        rows : DomainRows
        """

    @abstractmethod
    def predict(self, X, sample_domain=None):
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a target row.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, as in `classes_`.
        """

    def _read(self, X, y, sample_domain, sample_weight=None):
        X = self._check_rows(X, reset=True)
        source, y_source = split_domains(y, sample_domain, X.shape[0], type(self).__name__)
        classes, codes = np.unique(y_source, return_inverse=True)
        parts = (take_rows(X, np.flatnonzero(rows)) for rows in (source, ~source))
        weights = None if sample_weight is None else read_weights(sample_weight, source, y_source)
        return DomainRows(*parts, y_source, classes, codes, weights)

    def _check_rows(self, X, reset):
        if not (self._takes_foreign_arrays and is_foreign(X)):
            return validate_data(self, X, dtype=np.float64, reset=reset)
        X = check_matrix(X, "X")
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X


class PathClassifier(AdaptiveClassifier):
    """Base of adaptive classifiers that fit many settings in less time than one by one.

    A subclass names, in the tuple ``_path_parameters``, the parameters in which settings may differ
    that are fitted together, and defines ``_fit_path(rows, models)`` in place of ``_fit``: from a
    `DomainRows` it fits each of a list of models, of which it is itself the first, and yields each
    as it is done, in any order. Work that does not depend on these parameters is done once.
    """

    _path_parameters = ()

    @abstractmethod
    def _fit_path(self, rows, models):
        """Fit models that differ in `_path_parameters` alone, and yield each when it is done.

        Parameters
        ----------
        rows : DomainRows
        models : list of estimator
            `self` is the first.
        """

    def _fit(self, rows):
        for _ in self._fit_path(rows, [self]):
            pass

    def iter_path(self, X, y, *, sample_domain=None, sample_weight=None, settings):
        """Fit one model per setting, sharing what work the settings have in common.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Source and target rows in any order.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            As in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.
        settings : sequence of dict
            Parameters of each model, as for `set_params`.

        Yields
        ------
        index : int
            Position of the setting. Each comes once; the order may vary.
        model : object
            A fitted clone, the same as ``clone(self).set_params(**settings[index]).fit(...)``.

        Raises
        ------
        TypeError, ValueError
            As `fit`.
        """
        reader = clone(self)
        weights = self._read_fit_params({"sample_weight": sample_weight})
        rows = reader._read(X, y, sample_domain, weights)
        families = {}
        for index, setting in enumerate(settings):
            rest = {k: v for k, v in setting.items() if k not in self._path_parameters}
            families.setdefault(joblib.hash(rest), []).append(index)
        for indices in families.values():
            models = [at_setting(self, settings[index]) for index in indices]
            place = {id(model): index for model, index in zip(models, indices, strict=True)}
            for model in models:
                for name in ("n_features_in_", "feature_names_in_"):
                    if hasattr(reader, name):
                        setattr(model, name, getattr(reader, name))
            for model in models[0]._fit_path(rows, models):
                yield place.pop(id(model)), model
            if place:
                raise RuntimeError(
                    f"{type(self).__name__}._fit_path: expected each of {len(models)} models once, "
                    f"{len(place)} did not come"
                )


class LargestScore(ABC):
    """Mixin of adaptive classifiers that predict the class with the largest score.

    A subclass, which names it before `AdaptiveClassifier` or `PathClassifier`, defines
    ``_scores(X)``: the scores of checked rows, an array of shape (n_samples, n_classes) with the
    classes in the order of ``classes_``.
    """

    @abstractmethod
    def _scores(self, X):
        """Score the classes, also where there are two.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples, n_classes)
        """

    def decision_function(self, X, sample_domain=None):
        """Score the classes for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
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
            Rows.
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
