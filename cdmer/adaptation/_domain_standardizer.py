"""Standardisation by corpus."""

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from cdmer._domains import (
    read_domain,
    source_mask,
    split_domains,
    warn_once,
    warn_without_target,
)


class DomainStandardizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Centre and scale the columns of each corpus by its own statistics.

    .. math:: x \mapsto (x - m_d) / s_d\quad\text{for a row of corpus } d.

    No label is needed by default. Rows without a `sample_domain` are new rows of the target and
    take the target's statistics; those of all target corpora pooled where there are several.

    Parameters
    ----------
    with_std : bool, default=True
        Whether to divide by standard deviations. Constant columns are only centred.
    class_balanced : bool, default=False
        Whether the classes of a source corpus have equal weight in its statistics. Corpora hold
        expressions in different shares, and a mean over rows moves with them; a mean over classes
        does not. Reads the labels of source rows.

    Attributes
    ----------
    domains_ : ndarray of int, shape (n_domains,)
        Sorted corpus numbers seen in `fit`.
    mean_ : ndarray of shape (n_domains, n_features)
        Mean per corpus.
    scale_ : ndarray of shape (n_domains, n_features)
        Divisor per corpus.
    target_mean_ : ndarray of shape (n_features,)
        Mean of the target rows; without any, of all rows.
    target_scale_ : ndarray of shape (n_features,)
        Divisor for new rows.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import DomainStandardizer
    >>> X, domain = np.array([[0.0], [2.0], [10.0], [30.0]]), np.array([1, 1, -2, -2])
    >>> DomainStandardizer().fit_transform(X, sample_domain=domain).ravel()
    array([-1.,  1., -1.,  1.])
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__transform = {"sample_domain": True}

    def __init__(self, with_std=True, class_balanced=False):
        self.with_std = with_std
        self.class_balanced = class_balanced

    def fit(self, X, y=None, sample_domain=None):
        """Learn the statistics of each corpus.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all corpora in any order.
        y : array-like of shape (n_samples,) or None, default=None
            Class labels, for `class_balanced`; those of target rows are never read.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Number of each row's corpus, ``>= 0`` for sources and ``< 0`` for targets. None: all
            rows are of one source corpus.

        Returns
        -------
        self : DomainStandardizer
            Fitted transformer.

        Raises
        ------
        ValueError
            If X is not a finite matrix, `sample_domain` does not match it, or `class_balanced` is
            given no labels.

        Warns
        -----
        UserWarning
            If `sample_domain` is given and marks no target row.
        """
        X = validate_data(self, X, dtype=np.float64)
        domain = np.zeros(len(X), dtype=int)
        if sample_domain is not None:
            source_mask(sample_domain, len(X))  # checks it
            domain = read_domain(sample_domain)
            warn_without_target(domain)
        self.domains_ = np.unique(domain)
        weights = self._class_weights(X, y, domain)
        statistics = [
            self._statistics(X[domain == number], weights[domain == number])
            for number in self.domains_
        ]
        self.mean_, self.scale_ = (np.stack(part) for part in zip(*statistics, strict=True))
        new = domain < 0 if (domain < 0).any() else np.ones(len(X), dtype=bool)
        self.target_mean_, self.target_scale_ = self._statistics(X[new], weights[new])
        return self

    def _class_weights(self, X, y, domain):
        """Weights of the rows; with `class_balanced` those of each class sum to 1."""
        weights = np.ones(len(X))
        if not self.class_balanced:
            return weights
        with warn_once(already=True):  # `fit` has warned
            _, labels = split_domains(y, domain, len(X), type(self).__name__)
        source = np.flatnonzero(domain >= 0)
        for number in np.unique(domain[source]):
            own = domain[source] == number
            _, codes, counts = np.unique(labels[own], return_inverse=True, return_counts=True)
            weights[source[own]] = 1 / counts[codes]
        return weights

    def _statistics(self, X, weights):
        mean = np.average(X, axis=0, weights=weights)
        if not self.with_std:
            return mean, np.ones_like(mean)
        with np.errstate(over="ignore"):
            scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
        if not np.isfinite(scale).all():
            raise ValueError("X: the columns' variance overflows, expected numbers of smaller size")
        # A constant column's deviation is rounding of its mean.
        constant = scale <= 10 * np.finfo(float).eps * np.abs(X).max(axis=0)
        return mean, np.where(constant, 1.0, scale)

    def transform(self, X, sample_domain=None):
        """Standardise rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Corpus of each row, one of those seen in `fit`. None: new rows of the target.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Standardised rows.

        Raises
        ------
        ValueError
            If a row's corpus was not seen in `fit`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if sample_domain is None:
            return (X - self.target_mean_) / self.target_scale_
        source_mask(sample_domain, len(X))
        domain = read_domain(sample_domain)
        unknown = np.setdiff1d(domain, self.domains_)
        if unknown.size:
            raise ValueError(
                f"sample_domain: expected numbers seen in fit, {self.domains_.tolist()}, got "
                f"{unknown.tolist()}"
            )
        place = np.searchsorted(self.domains_, domain)
        return (X - self.mean_[place]) / self.scale_[place]

    def fit_transform(self, X, y=None, sample_domain=None):
        """Fit, and standardise the same rows, each by its corpus.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all corpora in any order.
        y : array-like of shape (n_samples,) or None, default=None
            As in `fit`.
        sample_domain : array-like of int of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Standardised rows.
        """
        return self.fit(X, y, sample_domain=sample_domain).transform(X, sample_domain)
