"""The classes that a config file may name, and no others."""

from collections import ChainMap
from collections.abc import Mapping
from functools import wraps
from inspect import isabstract, isclass, signature

from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from cdmer import adaptation, features, preprocessing
from cdmer.evaluation._label_free import label_free_pipeline
from cdmer.evaluation.config._endpoints import ASKED
from cdmer.evaluation.config._networks import DEEP, Classes

_SCIKIT_LEARN = [
    PCA,
    SVC,
    ExtraTreesClassifier,
    GaussianNB,
    KNeighborsClassifier,
    LinearDiscriminantAnalysis,
    LinearSVC,
    LogisticRegression,
    MLPClassifier,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RandomForestClassifier,
    RidgeClassifier,
    StandardScaler,
]
# What descriptors and steps before them have for parameters, beside estimators.
_PARTS = [
    features.RegionGrid,
    preprocessing.CascadeDetector,
    preprocessing.MediaPipeDetector,
    preprocessing.YuNetDetector,
]
_MOST_COLUMNS = 10**7


@wraps(features.lbp_top_planes)
def _column_planes(layout="cdmer", *, levels=(1, 2, 4, 8), n_bins=59):
    """Refuse what would fill the memory: a config file is read before anything is computed."""
    if 3 * n_bins * sum(level**2 for level in levels) > _MOST_COLUMNS:
        raise ValueError(
            f"levels, n_bins: expected {_MOST_COLUMNS} columns at most, got levels {levels} of "
            f"{n_bins} bins"
        )
    return features.lbp_top_planes(layout, levels=levels, n_bins=n_bins)


_FUNCTIONS = [_column_planes, label_free_pipeline]


def _public(module, base):
    """Public classes of a package that derive from another and can be made, by name."""
    things = {name: getattr(module, name) for name in module.__all__}
    kinds = {n: t for n, t in things.items() if isclass(t) and issubclass(t, base)}
    return {n: t for n, t in kinds.items() if t is not base and not isabstract(t)}


def _named(things):
    return {thing.__name__: thing for thing in things}


class _Registered(Mapping):
    """Descriptors by the names of their classes, those registered later as well."""

    def _classes(self):
        return _named(features.DESCRIPTORS.values())

    def __getitem__(self, name):
        return self._classes()[name]

    def __iter__(self):
        return iter(self._classes())

    def __len__(self):
        return len(self._classes())


# Clip by clip: what may be computed before anybody knows who is trained on.
DESCRIPTORS = _public(features, BaseEstimator) | _public(preprocessing, BaseEstimator)
DESCRIPTORS |= _named(_PARTS) | _named([_column_planes])
METHODS = DESCRIPTORS | _public(adaptation, BaseEstimator)
METHODS |= _named(_SCIKIT_LEARN) | _named(_FUNCTIONS)
METHODS = ChainMap(Classes(METHODS, DEEP | ASKED), _Registered())
DESCRIPTORS = ChainMap(DESCRIPTORS, _Registered())


def parameters(thing):
    """Parameters of a class or function, a dict of name to default."""
    return {name: one.default for name, one in signature(thing).parameters.items()}
