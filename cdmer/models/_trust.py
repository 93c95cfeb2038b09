"""The types that a model file may hold."""

from dataclasses import is_dataclass
from functools import cache
from importlib import import_module

from sklearn.base import BaseEstimator

from cdmer._extras import import_extra

# Of scikit-learn, what computes with NumPy alone, or is checked after loading: see `check_state`.
_OF_SKLEARN = {
    "calibration": ("CalibratedClassifierCV",),
    "decomposition": (
        *("FactorAnalysis", "FastICA", "IncrementalPCA", "KernelPCA", "PCA", "TruncatedSVD"),
    ),
    "discriminant_analysis": ("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"),
    "dummy": ("DummyClassifier",),
    "ensemble": ("BaggingClassifier",),
    "feature_selection": ("RFE", "SelectFromModel", "VarianceThreshold"),
    "frozen": ("FrozenEstimator",),
    "isotonic": ("IsotonicRegression",),
    "kernel_approximation": (
        *("AdditiveChi2Sampler", "Nystroem", "RBFSampler", "SkewedChi2Sampler"),
    ),
    "linear_model": (
        *("LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV"),
    ),
    "multiclass": ("OneVsOneClassifier", "OneVsRestClassifier"),
    "naive_bayes": ("BernoulliNB", "ComplementNB", "GaussianNB", "MultinomialNB"),
    "neighbors": ("KNeighborsClassifier", "NearestCentroid"),
    "pipeline": ("FeatureUnion", "Pipeline"),
    "preprocessing": (
        *("Binarizer", "FunctionTransformer", "KernelCenterer", "LabelBinarizer", "LabelEncoder"),
        *("MaxAbsScaler", "MinMaxScaler", "Normalizer", "PowerTransformer"),
        *("QuantileTransformer", "RobustScaler", "StandardScaler"),
    ),
    "svm": ("LinearSVC", "NuSVC", "SVC"),
}
# Private types inside fitted estimators of scikit-learn that hold data only.
_PRIVATE = {
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}


class UntrustedModelError(ValueError):
    """A model file asks for objects that no model needs, such as functions.

    Parameters
    ----------
    message : str
        Names the file and the types.
    """

    def __init__(self, message):
        super().__init__(message)


def import_skops():
    """Import skops' persistence.

    Returns
    -------
    module
        ``skops.io``.

    Raises
    ------
    ImportError
        If it is missing; says what to install.
    """
    return import_extra("skops.io", "models")


@cache
def trusted_types():
    """Types of the objects that a model may hold beside arrays and plain data.

    These are

    - the public estimators and settings (`RegionGrid` and the like) of `cdmer.adaptation`,
      `cdmer.features` and `cdmer.preprocessing`: setting their attributes, or calling their
      constructors, runs nothing that the file chooses;
    - estimators of scikit-learn from a list, and private types inside them that hold data only.

    Whole packages are not trusted: each also has functions that fetch, write or run something. Nor
    are estimators of scikit-learn whose compiled code indexes memory by numbers that the file
    chooses and nobody checks, such as trees, their ensembles, KMeans, NMF and sparse matrices.

    Returns
    -------
    frozenset of str
        Full names.
    """
    from cdmer import adaptation, features, preprocessing

    types = set()
    for package in (adaptation, features, preprocessing):
        public = [getattr(package, name) for name in package.__all__]
        types.update(
            thing
            for thing in public
            if isinstance(thing, type) and (issubclass(thing, BaseEstimator) or is_dataclass(thing))
        )
    for module, names in _OF_SKLEARN.items():
        types.update(getattr(import_module(f"sklearn.{module}"), name) for name in names)
    return frozenset(_PRIVATE | {f"{kind.__module__}.{kind.__qualname__}" for kind in types})
