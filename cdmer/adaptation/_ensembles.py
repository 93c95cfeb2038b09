"""Self-training on target rows, and votes over settings and over methods."""

from abc import abstractmethod

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone, is_classifier
from sklearn.model_selection import ParameterGrid
from sklearn.svm import SVC
from sklearn.utils.validation import has_fit_parameter

from cdmer._parameters import at_setting, check_number
from cdmer.adaptation._base import AdaptiveClassifier, LargestScore
from cdmer.adaptation._meta import MetaClassifier, TakesWeights
from cdmer.adaptation._regression.tgsr import TGSR
from cdmer.adaptation._source_only import SourceOnly
from cdmer.adaptation._subspaces import GFK, SubspaceAlignment


class PseudoLabeling(TakesWeights, MetaClassifier):
    """Self-training on target rows with quotas that grow and are the same for every class.

    A classifier is fitted on the source rows. In round r of R each class takes, of the target rows
    whose largest score is its own, the ``r/R · n_target/n_classes`` with the widest margin; these
    rows join the source rows with that label, and a fresh clone of the classifier is fitted. Equal
    quotas keep a class that the source favours from taking over. Where the source rows have
    weights, target rows have the mean of these.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Classifier with ``decision_function`` or ``predict_proba``. None:
        ``SVC(kernel="linear", C=1.0)``.
    n_rounds : int, default=10
        Number of rounds R.

    Attributes
    ----------
    estimator_ : classifier
        Classifier of the last round.
    pseudo_labels_ : ndarray of shape (n_target,)
        Labels of largest score by the classifier before the last.
    taken_ : ndarray of bool, shape (n_target,)
        Target rows that the last classifier was fitted on.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    References
    ----------
    Y. Zou, Z. Yu, B. V. K. Vijaya Kumar, J. Wang, "Unsupervised Domain Adaptation for Semantic
    Segmentation via Class-Balanced Self-Training", ECCV 2018, arXiv:1810.07911.
    """

    def __init__(self, estimator=None, n_rounds=10):
        self.estimator = estimator
        self.n_rounds = n_rounds

    def _fit(self, rows):
        check_number("n_rounds", self.n_rounds, least=1, whole=True)
        self.classes_ = rows.classes
        self.estimator_ = self._fit_inner(rows.source, rows.y, rows.weights)
        n_target = len(rows.target)
        if not n_target:
            return
        for r in range(1, self.n_rounds + 1):
            scores = class_scores(self.estimator_, rows.target)
            codes = scores.argmax(axis=1)
            falling = np.sort(scores, axis=1)
            margin = falling[:, -1] - falling[:, -2]
            quota = -(-r * n_target // (self.n_rounds * len(self.classes_)))  # rounded up
            self.taken_ = np.zeros(n_target, dtype=bool)
            for code in range(len(self.classes_)):
                own = np.flatnonzero(codes == code)
                self.taken_[own[np.argsort(-margin[own], kind="stable")[:quota]]] = True
            self.pseudo_labels_ = self.classes_[codes]
            weights = rows.weights
            if weights is not None:
                added = np.full(self.taken_.sum(), weights.mean())
                weights = np.concatenate([weights, added])
            self.estimator_ = self._fit_inner(
                np.concatenate([rows.source, rows.target[self.taken_]]),
                np.concatenate([rows.y, self.pseudo_labels_[self.taken_]]),
                weights,
            )


def class_scores(model, X):
    """Scores of a fitted classifier, one column per class.

    They are those of ``decision_function``, or else of ``predict_proba``.

    Parameters
    ----------
    model : classifier
        Fitted classifier.
    X : array-like of shape (n_samples, n_features)
        Rows.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Scores; of two classes the halves of the difference, with opposite signs.

    Raises
    ------
    ValueError
        If it has neither ``decision_function`` nor ``predict_proba``.
    """
    for name in ("decision_function", "predict_proba"):
        if hasattr(model, name):
            scores = np.asarray(getattr(model, name)(X))
            return np.column_stack([-scores, scores]) / 2 if scores.ndim == 1 else scores
    raise ValueError(
        f"estimator: expected decision_function or predict_proba, {type(model).__name__} has "
        "neither"
    )


class _Voting(TakesWeights, MetaEstimatorMixin, LargestScore, AdaptiveClassifier):
    """Majority vote of ``estimators_``, scores deciding between equals.

    Voters that cannot weight rows say so themselves.

    The score of a class is its votes plus a part of less than half a vote; rows are target rows.
    """

    def _read(self, X, y, sample_domain, sample_weight=None):
        # As they came: each method sorts them itself.
        given = {"sample_domain": sample_domain}
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        return self._check_rows(X, reset=True), y, given

    def _fit(self, rows):
        self.estimators_ = self._fit_each(*rows)
        self.classes_ = self.estimators_[0].classes_

    @abstractmethod
    def _fit_each(self, X, y, given):
        """Fit the voters, a list of classifiers; `given` are further parameters of `fit`."""

    def _scores(self, X):
        votes, total = 0, 0.0
        for model in self.estimators_:
            scores = class_scores(model, X)
            votes = votes + (model.predict(X)[:, None] == self.classes_)
            # The scores of each row are scaled to 0 to 1: methods differ in scale.
            low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
            total = total + (scores - low) / np.where(high > low, high - low, 1.0)
        return votes + total / (3 * len(self.estimators_))


class GridVoting(_Voting):
    """Majority vote over all settings of a method, in place of choosing one.

    Equal votes are decided by the sum of the settings' scores, each row's brought to 0 to 1.
    Methods that derive from `PathClassifier` fit their settings together.

    Parameters
    ----------
    estimator : adaptive classifier or None, default=None
        Method whose settings vote. None: `GFK`.
    param_grid : dict, list of dict or None, default=None
        Settings, as in `sklearn.model_selection.ParameterGrid`. None:
        ``{"n_components": range(1, 41)}``.

    Attributes
    ----------
    estimators_ : list of classifier
        Fitted models, in the order of `settings_`.
    settings_ : list of dict
        Settings, in the order of the grid.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    See Also
    --------
    MethodVoting : Vote over methods.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import GridVoting, SubspaceAlignment
    >>> X = np.random.default_rng(0).normal(size=(12, 5))
    >>> vote = GridVoting(SubspaceAlignment(), {"n_components": [1, 2, 3]})
    >>> vote.fit(X, np.arange(12) % 2, sample_domain=np.repeat([1, -2], 6)).settings_[0]
    {'n_components': 1}
    """

    def __init__(self, estimator=None, param_grid=None):
        self.estimator = estimator
        self.param_grid = param_grid

    def _fit_each(self, X, y, given):
        method = GFK() if self.estimator is None else self.estimator
        if not (is_classifier(method) and has_fit_parameter(method, "sample_domain")):
            raise ValueError(
                "estimator: expected an adaptive classifier of this package, got "
                f"{type(method).__name__}; wrap a plain classifier in SourceOnly"
            )
        grid = {"n_components": range(1, 41)} if self.param_grid is None else self.param_grid
        self.settings_ = list(ParameterGrid(grid))
        if not hasattr(method, "iter_path"):
            models = (at_setting(method, setting) for setting in self.settings_)
            return [model.fit(X, y, **given) for model in models]
        path = method.iter_path(X, y, **given, settings=self.settings_)
        models = dict(path)
        return [models[index] for index in range(len(models))]


class MethodVoting(_Voting):
    """Majority vote over methods, one vote each.

    Methods err differently under a change of corpus, and without target labels it is unknown which
    errs least. Equal votes are decided as in `GridVoting`.

    Parameters
    ----------
    estimators : list of adaptive classifiers or None, default=None
        Methods that vote. None: a linear support vector machine on the source rows, and votes of
        GFK and subspace alignment over their first 40 components and of TGSR over three weights of
        the mean discrepancy. The machines have a small C and balanced class weights, and are meant
        for standardised columns.

    Attributes
    ----------
    estimators_ : list of classifier
        Fitted methods.
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels of the source rows.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.adaptation import GFK, TCA, MethodVoting, SourceOnly
    >>> X = np.random.default_rng(0).normal(size=(12, 5))
    >>> vote = MethodVoting([SourceOnly(), GFK(n_components=2), TCA(n_components=2)])
    >>> vote.fit(X, np.arange(12) % 2, sample_domain=np.repeat([1, -2], 6)).classes_
    array([0, 1])
    """

    def __init__(self, estimators=None):
        self.estimators = estimators

    def _fit_each(self, X, y, given):
        methods = default_committee() if self.estimators is None else self.estimators
        if not len(methods):
            raise ValueError("estimators: got none, expected a list of adaptive classifiers")
        plain = [type(m).__name__ for m in methods if not has_fit_parameter(m, "sample_domain")]
        if plain:
            raise ValueError(
                f"estimators: expected adaptive classifiers, got {plain}; wrap plain ones in "
                "SourceOnly"
            )
        return [clone(m).fit(X, y, **given) for m in methods]


def default_committee():
    """A support vector machine, and methods that did better than it on synthetic corpora."""
    soft = SVC(kernel="linear", C=0.005, class_weight="balanced", random_state=0)
    components = {"n_components": range(1, 41)}
    return [
        SourceOnly(soft),
        GridVoting(GFK(soft), components),
        GridVoting(SubspaceAlignment(soft), components),
        GridVoting(TGSR(), {"mmd_weight": [0.01, 1.0, 100.0]}),
    ]
