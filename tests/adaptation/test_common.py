"""What every adaptive classifier owes its users, of all in the package."""

from inspect import isabstract

import numpy as np
import pandas as pd
import pytest
from method_contract import MethodContract, rows
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

import cdmer.adaptation
from cdmer.adaptation import (
    CORAL,
    GFK,
    JDA,
    KGSL,
    TCA,
    TGSR,
    TKL,
    TTRM,
    ULSIF,
    AdaptiveClassifier,
    DomainStandardizer,
    GridVoting,
    MethodVoting,
    OptimalTransport,
    PseudoLabeling,
    SourceOnly,
    SubspaceAlignment,
)

CLASSES = {
    name: thing
    for name in cdmer.adaptation.__all__
    if isinstance(thing := getattr(cdmer.adaptation, name), type)
    and issubclass(thing, AdaptiveClassifier)
    and not isabstract(thing)
}
# Of few settings and methods; by default they have 40 and more, of which every check below would
# fit each, again and again. TTRM's descent to its own tolerance is held by its tests.
SMALL = {
    "GridVoting": GridVoting(GFK(), {"n_components": [1, 2, 3]}),
    "MethodVoting": MethodVoting([SourceOnly(), TCA(n_components=3), CORAL()]),
    "TTRM": TTRM(tol=1e-2),
}
DEFAULTS = {name: SMALL.get(name) or cls() for name, cls in CLASSES.items()}
METHODS = DEFAULTS | {
    "SourceOnly(LogisticRegression)": SourceOnly(LogisticRegression()),
    "TGSR(groups)": TGSR(groups=4, n_selected=2),
    "TCA(rbf)": TCA(LogisticRegression(), n_components=3, kernel="rbf"),
    "JDA(balance)": JDA(n_components=4, balance=0.3),
    "SubspaceAlignment(3)": SubspaceAlignment(n_components=3),
    "GFK(3)": GFK(n_components=3),
    "TKL(rbf)": TKL(kernel="rbf", gamma=0.01),
    # L-BFGS ends where the loss no longer falls, some 1e-3 from the minimum of such large columns.
    "CORAL(small)": CORAL(LogisticRegression(solver="newton-cholesky"), reg=0.01),
    "ULSIF(LogisticRegression)": ULSIF(LogisticRegression()),
    "OptimalTransport(reg)": OptimalTransport(reg=0.1),
    "OptimalTransport(class_reg)": OptimalTransport(reg=0.1, class_reg=0.1),
    "KGSL(groups)": KGSL(groups=4, tol=1e-2),
    "TTRM(groups)": TTRM(groups=4, selection_weight=0.0, tol=1e-2),
    "PseudoLabeling(LogisticRegression)": PseudoLabeling(LogisticRegression()),
    "GridVoting(TGSR)": GridVoting(TGSR(groups=4), {"n_selected": [1, 2], "mmd_weight": [0.1, 1]}),
}


@pytest.fixture(params=METHODS.values(), ids=METHODS.keys())
def method(request):
    return request.param


class TestMethods(MethodContract):
    """Every method, at its defaults and some at other settings."""


@parametrize_with_checks([*DEFAULTS.values(), METHODS["TCA(rbf)"], DomainStandardizer()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_source_only_takes_rows_of_any_container():
    X, y, domain = rows()
    expected = SourceOnly().fit(X, y, sample_domain=domain).decision_function(X)
    for container in (X.tolist(), pd.DataFrame(X)):
        model = SourceOnly().fit(container, y, sample_domain=domain)
        np.testing.assert_array_equal(model.decision_function(container), expected)


def test_source_only_offers_what_its_estimator_offers():
    assert not hasattr(SourceOnly(), "predict_proba")
    assert hasattr(SourceOnly(LogisticRegression()), "predict_proba")
    X, y, domain = rows()
    proba = SourceOnly(LogisticRegression()).fit(X, y, sample_domain=domain).predict_proba(X)
    assert proba.shape == (40, 3)
