"""Bases of meta-classifiers: an inner estimator, fitted on source rows, moved or weighted."""

from abc import abstractmethod

import numpy as np
from sklearn import config_context
from sklearn.base import MetaEstimatorMixin, TransformerMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from cdmer._domains import source_mask
from cdmer.adaptation._base import AdaptiveClassifier, PathClassifier
from cdmer.adaptation._gram_svc import GramSVC


def _inner_has(method):
    def check(self):
        inner = self.estimator_ if hasattr(self, "estimator_") else self._inner()
        getattr(inner, method)  # raises AttributeError with the inner estimator's reason
        return True

    return check


class TakesWeights:
    """Mixin of adaptive classifiers whose `fit` heeds ``sample_weight``; named before the base."""

    __metadata_request__fit = {"sample_domain": True, "sample_weight": True}

    _takes_weights = True


class MetaClassifier(MetaEstimatorMixin, AdaptiveClassifier):
    """Base of adaptive classifiers that predict by an inner classifier.

    A subclass has a parameter `estimator`, and defines ``_fit(rows)`` as `AdaptiveClassifier` says,
    which sets ``estimator_`` to a clone of ``self._inner()`` (the parameter, or a linear support
    vector machine where it is None), as ``self._fit_inner(X, y)`` gives it.
    """

    def _fit_inner(self, X, y, weights=None):
        """Fit a clone of the inner classifier.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows as the inner classifier sees them.
        y : ndarray of shape (n,)
        weights : ndarray of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        classifier
        """
        if weights is None:
            return clone(self._inner()).fit(X, y)
        return fit_weighted(self._inner(), X, y, weights)

    def _inner(self):
        return GramSVC() if self.estimator is None else self.estimator

    def _for_inner(self, X, sample_domain):
        return self._check_rows(X, reset=False)

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
        check_is_fitted(self)
        return self.estimator_.predict(self._for_inner(X, sample_domain))

    @available_if(_inner_has("decision_function"))
    def decision_function(self, X, sample_domain=None):
        """Score the classes by the inner classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a target row.

        Returns
        -------
        ndarray
            As the inner classifier gives it.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(self._for_inner(X, sample_domain))

    @available_if(_inner_has("predict_proba"))
    def predict_proba(self, X, sample_domain=None):
        """Class probabilities by the inner classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a target row.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(self._for_inner(X, sample_domain))


class FeatureAdapter(TakesWeights, TransformerMixin, MetaClassifier, PathClassifier):
    """Base of methods that map rows into features in which the domains differ less.

    The inner classifier is fitted on the mapped source rows; weights of rows are for it alone, not
    for the map. New rows are taken as target rows. Without target rows in `fit` every row is mapped
    as source rows are.

    A subclass has a parameter `estimator`, and defines

    - ``_learn(rows, shared)``, which sets the map from a `DomainRows`;
    - ``_map(X, is_source)``, which maps rows of one domain: an ndarray of shape (n, n_features)
      becomes one of shape (n, n_features_out);
    - if it has settings that share work: their names in ``_path_parameters``, see `PathClassifier`,
      and ``_prepare(rows, models)``, that work, whose result each ``_learn`` is given as `shared`.
    """

    __metadata_request__transform = {"sample_domain": True}

    def _fit_path(self, rows, models):
        shared = self._prepare(rows, models)
        for model in models:
            model._adapts = bool(len(rows.target))
            model._learn(rows, shared)
            mapped = model._map(rows.source, True)
            model.estimator_ = model._fit_inner(mapped, rows.y, rows.weights)
            model.classes_ = model.estimator_.classes_
            model._n_features_out = mapped.shape[1]
            yield model

    def _prepare(self, rows, models):
        return None

    @abstractmethod
    def _learn(self, rows, shared):
        """Set the map.

        Parameters
        ----------
        rows : DomainRows
        shared : object
            What ``_prepare(rows, models)`` gave; None where that is not defined.
        """

    @abstractmethod
    def _map(self, X, is_source):
        """Map rows of one domain.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
        is_source : bool

        Returns
        -------
        ndarray of shape (n, n_features_out)
        """

    def _for_inner(self, X, sample_domain):
        return self._place(self._check_rows(X, reset=False), sample_domain)

    def transform(self, X, sample_domain=None):
        """Map rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a target row.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        return self._place(self._check_rows(X, reset=False), sample_domain)

    def _place(self, X, sample_domain):
        is_source = source_mask(sample_domain, len(X))
        if not self._adapts or is_source.all():
            return self._map(X, True)
        if not is_source.any():
            return self._map(X, False)
        mapped = np.empty((len(X), self._n_features_out))
        for place in (True, False):
            mapped[is_source == place] = self._map(X[is_source == place], place)
        return mapped

    def fit_transform(self, X, y=None, sample_domain=None, **fit_params):
        """Fit, and map the same rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Source and target rows in any order.
        y : array-like of shape (n_samples,)
            Class labels; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows.
        **fit_params
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
        """
        fitted = self.fit(X, y, sample_domain=sample_domain, **fit_params)
        return fitted.transform(X, sample_domain)


class Reweighter(TakesWeights, MetaClassifier, PathClassifier):
    """Base of methods that weight source rows by how much they look like target rows.

    The inner classifier is fitted on the source rows with these weights, all ones without target
    rows; a ``sample_weight`` given to `fit` multiplies them.

    A subclass has a parameter `estimator`, and defines

    - ``_source_weights(rows, shared)``, which gives the weights of the source rows of a
      `DomainRows`, an ndarray of shape (n_source,); it is called where there are target rows;
    - if it has settings that share work: ``_path_parameters`` and ``_prepare(rows, models)``, as a
      `FeatureAdapter`.
    """

    def _fit_path(self, rows, models):
        shared = self._prepare(rows, models) if len(rows.target) else None
        for model in models:
            if len(rows.target):
                model.weights_ = model._checked(model._source_weights(rows, shared), rows)
            else:
                model.weights_ = np.ones(len(rows.source))
            weights = model.weights_
            if rows.weights is not None:
                weights = model._checked(weights * rows.weights, rows)
            model.estimator_ = model._fit_inner(rows.source, rows.y, weights)
            model.classes_ = model.estimator_.classes_
            yield model

    def _prepare(self, rows, models):
        return None

    @abstractmethod
    def _source_weights(self, rows, shared):
        """Weights of the source rows.

        Parameters
        ----------
        rows : DomainRows
            With target rows.
        shared : object
            What ``_prepare(rows, models)`` gave; None where that is not defined.

        Returns
        -------
        ndarray of shape (n_source,)
            None negative.
        """

    def _checked(self, weights, rows):
        """Refuse weights on which no classifier of all classes can be fitted."""
        name = type(self).__name__
        if not np.isfinite(weights).all():
            raise ValueError(
                f"X: {name} found weights that are not finite; expected columns on a scale where "
                "the inner products of rows neither overflow nor vanish"
            )
        left = np.bincount(rows.codes, weights, minlength=len(rows.classes))
        if not (left > 0).all():
            gone = rows.classes[left <= 0].tolist()
            raise ValueError(
                f"X: {name} leaves no weight on the source rows of the classes {gone}, so no "
                "classifier can be fitted; expected rows of each class that resemble target rows"
            )
        return weights


def fit_weighted(estimator, X, y, weights):
    """Fit a clone of a classifier, or of a pipeline that ends in one, with weights per row.

    Raises
    ------
    ValueError
        If the classifier takes no weights.
    """
    estimator = last = clone(estimator)
    path = []
    while isinstance(last, Pipeline):
        path.append(last.steps[-1][0])
        last = last.steps[-1][1]
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(
            f"estimator: expected a classifier whose fit takes sample_weight, got "
            f"{type(last).__name__}"
        )
    # Names of steps are what works with routing off, which only concerns this one call.
    with config_context(enable_metadata_routing=False):
        return estimator.fit(X, y, **{"__".join([*path, "sample_weight"]): weights})
