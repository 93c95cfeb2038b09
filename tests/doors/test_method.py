"""The method that CONTRIBUTING shows, held to what every method owes."""

import numpy as np
import pytest
from four_methods import features
from method_contract import MethodContract, check_settings, rows
from sklearn.base import BaseEstimator, clone
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from cdmer import adaptation
from cdmer.adaptation import SourceOnly
from cdmer.evaluation import Method, benchmark
from cdmer.evaluation.config._classes import _public


@pytest.fixture
def method(build):
    return build("A method").MeanShift()


class TestShownMethod(MethodContract):
    """What CONTRIBUTING shows."""


def test_scikit_learn_checks(method):
    check_estimator(method)


def test_settings_are_separate_fits(method):
    check_settings(method, {"strength": [0.0, 0.5, 2.0]}, *rows())


def test_it_moves_the_source_rows_onto_the_target(method):
    X, y, domain = rows()
    source = domain > 0
    mapped = method.fit_transform(X, y, sample_domain=domain)
    np.testing.assert_allclose(mapped[source].mean(axis=0), X[~source].mean(axis=0))
    np.testing.assert_array_equal(mapped[~source], X[~source])
    plain = SVC(kernel="linear").fit(mapped[source], y[source])
    np.testing.assert_array_equal(method.predict(X[~source]), plain.predict(X[~source]))


def test_parameters_are_checked(method):
    with pytest.raises(ValueError, match="^strength: expected a finite number >= 0, got -1"):
        clone(method).set_params(strength=-1).fit(*rows()[:2])


def test_config_files_know_what_the_package_names(method, monkeypatch):
    monkeypatch.setattr(adaptation, "MeanShift", type(method), raising=False)
    monkeypatch.setattr(adaptation, "__all__", [*adaptation.__all__, "MeanShift"])
    assert _public(adaptation, BaseEstimator)["MeanShift"] is type(method)


def test_it_runs_in_a_benchmark(method):
    corpora = [features("casme2", 40, 0, 0), features("smic-vis", 36, 2, 1)]
    results = benchmark(
        {"SVM": SourceOnly(), "shift": Method(method, {"strength": [0.0, 1.0]})},
        corpora,
        selection=["label-free:entropy", "oracle"],
        progress=False,
    )
    table = results.table("UF1")
    assert "shift, oracle" in table.index.astype(str).tolist() + table.columns.tolist()
    assert table.notna().all().all()
