"""Fitted estimators of scikit-learn: numbers that compiled code indexes memory by, and shapes.

scikit-learn gives libsvm pointers to the arrays of a fitted machine. Of these it checks the types,
the numbers of axes and the order in memory (by Cython), the number of columns of new rows, and that
``_n_support`` adds up to the rows of ``support_vectors_``. All else is read as far as the other
numbers say: `_check_libsvm` checks it. So are the labels of nearest neighbours, by which compiled
code counts. The other estimators that a model may hold compute with NumPy, which checks indices by
itself; their shapes are compared with the table all the same, as NumPy would stretch what is
too short where it can.
"""

import numpy as np

_KERNELS = ("linear", "poly", "rbf", "sigmoid", "precomputed")
# Their distances are computed from the rows alone, and need no array of the file's.
_METRICS = (
    *("chebyshev", "cityblock", "cosine", "euclidean", "l1", "l2", "manhattan", "minkowski"),
    "sqeuclidean",
)
_LINEAR = {"coef_": "DF", "intercept_": "D"}
_SCALER = dict.fromkeys(("mean_", "var_", "scale_", "center_", "max_abs_", "min_"), "F")
_BAYES = {"feature_log_prob_": "KF", "class_log_prior_": "K", "feature_count_": "KF"}
# Attributes by axis: F features, K classes, D decisions (one for two classes), others as found.
_SHAPES = {
    "BernoulliNB": _BAYES,
    "ComplementNB": _BAYES,
    "DomainStandardizer": {"mean_": "GF", "scale_": "GF", "domains_": "G", "target_mean_": "F"},
    "DRLS": {"coef_": "FK", "dual_coef_": "RK"},
    "FactorAnalysis": {"mean_": "F", "components_": "CF", "noise_variance_": "F"},
    "FastICA": {"components_": "CF", "mean_": "F"},
    "GaussianNB": {"theta_": "KF", "var_": "KF", "class_prior_": "K"},
    "IncrementalPCA": {"mean_": "F", "components_": "CF", "explained_variance_": "C"},
    "IsotonicRegression": {"X_thresholds_": "T", "y_thresholds_": "T"},
    "KernelPCA": {"X_fit_": "RF", "eigenvalues_": "C", "eigenvectors_": "RC"},
    "LinearDiscriminantAnalysis": _LINEAR | {"xbar_": "F", "scalings_": "FS"},
    "LinearSVC": _LINEAR,
    "LogisticRegression": _LINEAR,
    "LogisticRegressionCV": _LINEAR,
    "MaxAbsScaler": _SCALER,
    "MinMaxScaler": _SCALER | {"data_min_": "F", "data_max_": "F", "data_range_": "F"},
    "MultinomialNB": _BAYES,
    "NearestCentroid": {"centroids_": "KF"},
    "Nystroem": {"components_": "CF", "component_indices_": "C", "normalization_": "CC"},
    "PCA": {"mean_": "F", "components_": "CF", "explained_variance_": "C"},
    "PowerTransformer": {"lambdas_": "F"},
    "QuadraticDiscriminantAnalysis": {"means_": "KF", "priors_": "K"},
    "QuantileTransformer": {"quantiles_": "QF", "references_": "Q"},
    "RBFSampler": {"random_weights_": "FC", "random_offset_": "C"},
    "RidgeClassifier": _LINEAR,
    "RidgeClassifierCV": _LINEAR,
    "RobustScaler": _SCALER,
    "SkewedChi2Sampler": {"random_weights_": "FC", "random_offset_": "C"},
    "StandardScaler": _SCALER,
    "TGSR": {"coef_": "FK", "group_norms_": "G", "groups_": "G"},
    "TruncatedSVD": {"components_": "CF"},
    "VarianceThreshold": {"variances_": "F"},
}


def check_machine(estimator, name):
    """Check what a fitted estimator's compiled code trusts, and the shapes of its arrays.

    Parameters
    ----------
    estimator : estimator
    name : str
        Where it is, for messages.

    Raises
    ------
    ValueError
        If an array has another type or shape than `fit` gives it, or a number is out of its range.
    """
    fitted = vars(estimator)
    kind = type(estimator).__name__
    if "classes_" in fitted and kind not in ("LabelBinarizer", "LabelEncoder"):
        check_classes(fitted["classes_"], name)
    if "n_features_in_" in fitted:
        n = fitted["n_features_in_"]
        _check(_is_whole(n) and n > 0, name, "n_features_in_", "a number of columns", n)
    if kind in ("SVC", "NuSVC") and "support_" in fitted:
        _check_libsvm(estimator, name)
    elif kind == "GramSVC" and "svc_" in fitted:
        _check_products(estimator, name)
    elif kind == "KNeighborsClassifier" and "_fit_X" in fitted:
        _check_neighbours(estimator, name)
    _check_shapes(fitted, _SHAPES.get(kind, {}), name)


def check_classes(classes, name):
    """Check that classes are distinct, in their order, and two at least: ValueError if not."""
    good = isinstance(classes, np.ndarray) and classes.ndim == 1 and len(classes) > 1
    good = good and bool(np.all(classes[1:] > classes[:-1]))
    _check(good, name, "classes_", "distinct classes in order", classes)


def _check_libsvm(machine, name):
    fitted, n_classes = vars(machine), len(machine.classes_)
    n_pairs = n_classes * (n_classes - 1) // 2
    counts = fitted["_n_support"]
    _check_array(counts, np.int32, (n_classes,), name, "_n_support")
    _check(counts.min() >= 0, name, "_n_support", "numbers >= 0", counts)
    n_vectors = int(counts.sum(dtype=np.int64))
    n_rows, n_columns = fitted["shape_fit_"]
    good = _is_whole(n_rows) and n_rows >= n_vectors and n_columns == machine.n_features_in_
    _check(good, name, "shape_fit_", f"({n_vectors} or more, {machine.n_features_in_})", n_rows)
    _check(fitted["kernel"] in _KERNELS, name, "kernel", f"one of {_KERNELS}", fitted["kernel"])
    given = fitted["kernel"] == "precomputed"  # columns of a kernel matrix, by their numbers
    _check(not given or n_rows == n_columns, name, "shape_fit_", "a square", (n_rows, n_columns))
    support = fitted["support_"]
    _check_array(support, np.int32, (n_vectors,), name, "support_")
    good = n_vectors == 0 or (support.min() >= 0 and support.max() < n_rows)
    _check(good, name, "support_", f"rows of {n_rows}", support)
    vectors = (0, 0) if given else (n_vectors, n_columns)
    _check_array(fitted["support_vectors_"], np.float64, vectors, name, "support_vectors_")
    for prefix in ("", "_"):
        shape = (n_classes - 1, n_vectors)
        _check_array(fitted[f"{prefix}dual_coef_"], np.float64, shape, name, f"{prefix}dual_coef_")
        shape = (n_pairs,)
        _check_array(fitted[f"{prefix}intercept_"], np.float64, shape, name, f"{prefix}intercept_")
    n_given = n_pairs if np.size(fitted["_probA"]) else 0
    for attribute in ("_probA", "_probB"):
        _check_array(fitted[attribute], np.float64, (n_given,), name, attribute)
    _check(fitted["_sparse"] is False, name, "_sparse", "False", fitted["_sparse"])
    _check(_is_real(fitted["_gamma"]), name, "_gamma", "a number >= 0", fitted["_gamma"])
    _check(_is_real(fitted["coef0"], None), name, "coef0", "a number", fitted["coef0"])
    degree = fitted["degree"]
    _check(_is_real(degree) and degree <= 1000, name, "degree", "a number up to 1000", degree)


def _check_products(machine, name):
    rows, svc = vars(machine)["X_fit_"], machine.svc_
    if rows is not None:
        shape = (svc.shape_fit_[0], machine.n_features_in_)
        _check_array(rows, np.float64, shape, name, "X_fit_")
    kernel = "linear" if rows is None else "precomputed"
    _check(svc.kernel == kernel, name, "svc_", f"the kernel {kernel!r}", svc.kernel)
    _check(
        np.array_equal(machine.classes_, svc.classes_), name, "classes_", "those of svc_", "more"
    )


def _check_neighbours(machine, name):
    fitted = vars(machine)
    rows, labels = fitted["_fit_X"], fitted["_y"]
    n_rows = fitted["n_samples_fit_"]
    _check(_is_whole(n_rows), name, "n_samples_fit_", "a number of rows", n_rows)
    good = isinstance(rows, np.ndarray) and rows.dtype in (np.float64, np.float32)
    good = good and rows.shape == (n_rows, machine.n_features_in_)
    _check(
        good, name, "_fit_X", f"{n_rows} rows of {machine.n_features_in_} numbers", np.shape(rows)
    )
    good = isinstance(labels, np.ndarray) and labels.dtype == np.intp and labels.shape == (n_rows,)
    good = good and labels.min() >= 0 and labels.max() < len(machine.classes_)
    _check(good, name, "_y", f"the class of each of {n_rows} rows", labels)
    near = fitted["n_neighbors"]
    _check(_is_whole(near) and 0 < near <= n_rows, name, "n_neighbors", f"1 to {n_rows}", near)
    metrics = (fitted["metric"], fitted["effective_metric_"])
    _check(set(metrics) <= set(_METRICS), name, "metric", f"one of {_METRICS}", metrics)
    settings = fitted["effective_metric_params_"]
    good = set(settings) <= {"p"} and all(_is_real(p) and p >= 1 for p in settings.values())
    _check(good and fitted["metric_params"] is None, name, "metric_params", "None", settings)
    expected = {"_fit_method": "brute", "_tree": None, "outputs_2d_": False}
    for attribute, value in expected.items():
        _check(fitted[attribute] == value, name, attribute, repr(value), fitted[attribute])


def _check_shapes(fitted, table, name):
    n_classes = len(fitted.get("classes_", ()))
    sizes = {"K": n_classes, "D": 1 if n_classes == 2 else n_classes}
    if "n_features_in_" in fitted:
        sizes["F"] = fitted["n_features_in_"]
    for attribute, axes in table.items():
        value = fitted.get(attribute)
        if value is None or (attribute == "intercept_" and np.ndim(value) == 0 and value == 0):
            continue  # without centring, scaling or an intercept
        shape = np.shape(value)
        if len(shape) == len(axes):
            for axis, size in zip(axes, shape, strict=True):
                sizes.setdefault(axis, size)
        expected = tuple(sizes.get(axis, "any") for axis in axes)
        _check(shape == expected, name, attribute, f"the shape {expected}", shape)


def _check_array(value, dtype, shape, name, attribute):
    good = isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == shape
    got = f"{getattr(value, 'dtype', type(value).__name__)} of shape {np.shape(value)}"
    _check(good, name, attribute, f"{np.dtype(dtype)} of shape {shape}", got)


def _check(good, name, attribute, expected, got):
    if not good:
        found = got if isinstance(got, str) else " ".join(repr(got).split())[:100]
        raise ValueError(f"{name}.{attribute}: expected {expected}, got {found}")


def _is_whole(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_real(value, least=0):
    good = isinstance(value, int | float | np.integer | np.floating) and bool(np.isfinite(value))
    return good and (least is None or value >= least)
