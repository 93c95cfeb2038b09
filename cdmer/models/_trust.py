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


def is_trusted(name):
    """Whether a model may hold objects of a type, beside arrays and plain data.

    Trusted are

    - the public estimators and settings (`RegionGrid` and the like) of `cdmer.adaptation`,
      `cdmer.features` and `cdmer.preprocessing`: setting their attributes, or calling their
      constructors, runs nothing that the file chooses;
    - estimators of scikit-learn from a list, and private types inside them that hold data only.

    Whole packages are not trusted: each also has functions that fetch, write or run something. Nor
    are estimators of scikit-learn whose compiled code indexes memory by numbers that the file
    chooses and nobody checks, such as trees, their ensembles, KMeans, NMF and sparse matrices.

    Parameters
    ----------
    name : str
        Full name. Of scikit-learn, what is named is imported, if it is on the list, and no more.

    Returns
    -------
    bool
    """
    package, _, rest = name.partition(".")
    if package == "sklearn":
        return name in _PRIVATE or name in _listed_types(rest.partition(".")[0])
    return name in _own_types()


@cache
def _listed_types(module):
    """Full names of the trusted types of a module of scikit-learn."""
    names = _OF_SKLEARN.get(module)
    if names is None:
        return frozenset()
    home = import_module(f"sklearn.{module}")
    return frozenset(_full_name(getattr(home, name)) for name in names)


@cache
def _own_types():
    """Full names of the trusted types of cdmer."""
    from cdmer import adaptation, features, preprocessing

    public = [
        getattr(home, n) for home in (adaptation, features, preprocessing) for n in home.__all__
    ]
    return frozenset(
        _full_name(thing)
        for thing in public
        if isinstance(thing, type) and (issubclass(thing, BaseEstimator) or is_dataclass(thing))
    )


def _full_name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"
