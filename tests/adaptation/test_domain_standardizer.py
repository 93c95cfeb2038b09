"""DomainStandardizer: statistics of each corpus, and of the target for new rows."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from cdmer.adaptation import TCA, DomainStandardizer

NUMBERS = (1, 4, -2, -3)


def rows(seed=0):
    rng = np.random.default_rng(seed)
    domain = rng.permutation(np.repeat(NUMBERS, [9, 12, 10, 14]))
    X = rng.normal(size=(len(domain), 5)) * rng.uniform(0.1, 10, size=5)
    X = X * (1 + np.abs(domain))[:, None] + 3.0 * domain[:, None]  # no two corpora alike
    return X, np.arange(len(X)) % 3, domain


@pytest.mark.parametrize("with_std", [True, False])
def test_each_corpus_is_standardised_by_itself(with_std):
    X, _, domain = rows()
    scaler = DomainStandardizer(with_std=with_std)
    standard = scaler.fit_transform(X, sample_domain=domain)
    for number in NUMBERS:
        own = domain == number
        np.testing.assert_allclose(standard[own].mean(axis=0), 0, atol=1e-12)
        if with_std:
            np.testing.assert_allclose(standard[own].std(axis=0), 1, rtol=1e-12)
        expected = StandardScaler(with_std=with_std).fit_transform(X[own])
        np.testing.assert_allclose(standard[own], expected, atol=1e-12)
    np.testing.assert_array_equal(scaler.domains_, sorted(NUMBERS))
    np.testing.assert_array_equal(scaler.transform(X, domain), standard)
    # A part of the rows, in another order, takes the statistics of the fit.
    part = np.random.default_rng(1).permutation(len(X))[:6]
    np.testing.assert_array_equal(scaler.transform(X[part], domain[part]), standard[part])


@pytest.mark.parametrize("with_std", [True, False])
def test_new_rows_take_the_statistics_of_the_pooled_target(with_std):
    X, _, domain = rows()
    scaler = DomainStandardizer(with_std=with_std).fit(X, sample_domain=domain)
    new = rows(seed=1)[0]
    pooled = StandardScaler(with_std=with_std).fit(X[domain < 0])
    np.testing.assert_allclose(scaler.transform(new), pooled.transform(new), atol=1e-12)
    # With one target corpus its new rows are treated as its old ones.
    one = DomainStandardizer(with_std=with_std).fit(X, sample_domain=np.where(domain < 0, -2, 1))
    target = X[domain < 0]
    as_known = one.transform(target, np.full(len(target), -2))
    np.testing.assert_array_equal(one.transform(target), as_known)


def test_without_a_target_the_rows_are_pooled():
    X, _, domain = rows()
    expected = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(DomainStandardizer().fit_transform(X), expected, atol=1e-12)
    sources = DomainStandardizer().fit(X, sample_domain=np.abs(domain))
    np.testing.assert_allclose(sources.transform(X), expected, atol=1e-12)


def test_a_corpus_that_was_not_seen_is_named():
    X, _, domain = rows()
    scaler = DomainStandardizer().fit(X, sample_domain=domain)
    with pytest.raises(ValueError, match=r"^sample_domain: .*\[-3, -2, 1, 4\], got \[-7, 2\]"):
        scaler.transform(X[:3], [2, 1, -7])


@pytest.mark.parametrize("bad", [[1, -2], [0.5] * 45, [[1]] * 45])
def test_sample_domain_is_checked(bad):
    X, _, domain = rows()
    with pytest.raises(ValueError, match="^sample_domain: expected one integer per row"):
        DomainStandardizer().fit(X, sample_domain=bad)
    with pytest.raises(ValueError, match="^sample_domain: expected one integer per row"):
        DomainStandardizer().fit(X, sample_domain=domain).transform(X, bad)


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e9 / 3, 1e-30])
def test_constant_columns_become_zeros(value):
    """Also where the mean of equal numbers is not that number, and in one corpus alone."""
    X, _, domain = rows()
    X[domain == -3, 2] = value
    X[:, 4] = value
    standard = DomainStandardizer().fit_transform(X, sample_domain=domain)
    assert np.isfinite(standard).all()
    rounding = 1e-12 * abs(value)
    np.testing.assert_allclose(standard[domain == -3, 2], 0, atol=rounding)
    np.testing.assert_allclose(standard[:, 4], 0, atol=rounding)
    np.testing.assert_allclose(standard[domain == 4, 2].std(), 1, rtol=1e-12)


def test_a_corpus_of_one_row_becomes_zeros():
    X, _, domain = rows()
    domain[0] = 9
    standard = DomainStandardizer().fit_transform(X, sample_domain=domain)
    np.testing.assert_array_equal(standard[0], 0)


def test_small_deviations_are_not_taken_for_constants():
    X, _, domain = rows()
    X[:, 0] = 1 + 1e-9 * X[:, 0]
    standard = DomainStandardizer().fit_transform(X, sample_domain=domain)
    np.testing.assert_allclose(standard[domain == 1, 0].std(), 1, rtol=1e-6)


def test_before_an_adaptive_classifier_with_routing_on_and_off():
    X, y, domain = rows()
    standard = DomainStandardizer().fit(X, sample_domain=domain)
    by_hand = TCA(n_components=3).fit(standard.transform(X, domain), y, domain)
    new = rows(seed=1)[0]
    expected = by_hand.decision_function(standard.transform(new))
    pipe = Pipeline([("standardize", DomainStandardizer()), ("adapt", TCA(n_components=3))])
    given = {"standardize__sample_domain": domain, "adapt__sample_domain": domain}
    off = clone(pipe).fit(X, y, **given)
    np.testing.assert_array_equal(off.decision_function(new), expected)
    with sklearn.config_context(enable_metadata_routing=True):
        on = clone(pipe).fit(X, y, sample_domain=domain)
        np.testing.assert_array_equal(on.decision_function(new), expected)
    # Target labels are not needed by any step.
    hidden = y.astype(object)
    hidden[domain < 0] = None
    blind = clone(pipe).fit(X, hidden, **given)
    np.testing.assert_array_equal(blind.decision_function(new), expected)


def test_labels_are_not_read():
    X, y, domain = rows()
    expected = DomainStandardizer().fit_transform(X, sample_domain=domain)
    for labels in (y, np.full(len(y), np.nan), ["?"] * len(y)):
        standard = DomainStandardizer().fit_transform(X, labels, sample_domain=domain)
        np.testing.assert_array_equal(standard, expected)
