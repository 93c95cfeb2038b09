"""Classifiers of rows of features by name, as `train_model` takes them."""

from inspect import Parameter, isabstract, isclass, signature

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from cdmer import adaptation
from cdmer._parameters import ParameterError
from cdmer._text import unknown
from cdmer.adaptation import DomainStandardizer
from cdmer.features import LBPTOP

SVM, LOGISTIC, LABEL_FREE = "svm", "logistic", "label-free"


def list_learners():
    """Names that `train_model` takes as `classifier`, a list of str: plain ones, then adaptive."""
    return [SVM, LOGISTIC, LABEL_FREE, *_adaptive()]


def _adaptive():
    """Adaptive methods that need no parameter, a dict of name to class."""
    things = {name: getattr(adaptation, name) for name in adaptation.__all__}
    return {
        name: kind
        for name, kind in things.items()
        if isclass(kind)
        and not isabstract(kind)
        and hasattr(kind, "predict")
        and getattr(kind, "reads_target", True)
        and "sample_domain" in signature(kind.fit).parameters
        and all(p.default is not Parameter.empty for p in signature(kind).parameters.values())
    }


def make_learner(name, descriptor, groups):
    """Make the classifier that a name stands for.

    Parameters
    ----------
    name : str
        One of `list_learners`, in upper or lower case.
    descriptor : transformer
        What gives the rows.
    groups : ndarray of int, shape (n_features,), or None
        Facial region of each column.

    Returns
    -------
    estimator

    Raises
    ------
    ParameterError
        If there is none of that name.
    """
    named = {one.lower(): one for one in list_learners()}
    found = named.get(name.lower())
    if found is None:
        raise ParameterError(f"classifier: {unknown('method', name, list(named.values()))}")
    if found == SVM:
        # One weight per column, and no row of a person who was recorded.
        machine = LinearSVC(class_weight="balanced", max_iter=100_000)
        return make_pipeline(StandardScaler(), machine)
    if found == LOGISTIC:
        regression = LogisticRegression(class_weight="balanced", max_iter=10_000)
        return make_pipeline(StandardScaler(), regression)
    if found == LABEL_FREE:
        from cdmer.evaluation import label_free_pipeline  # longer to load than a prediction

        return label_free_pipeline(_planes(descriptor))
    method = _adaptive()[found]()
    if "groups" in method.get_params():
        return method.set_params(groups=groups)
    return make_pipeline(DomainStandardizer(), method)


def _planes(descriptor):
    """Plane of each column of LBP-TOP; None of other descriptors."""
    if not isinstance(descriptor, LBPTOP):
        return None
    names = clone(descriptor).fit().get_feature_names_out()
    return np.array([name.split("_")[1] for name in names])
