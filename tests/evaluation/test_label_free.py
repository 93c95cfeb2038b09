"""The label-free pipeline, and how methods in pipelines are fitted."""

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdmer.adaptation import TCA, DomainStandardizer
from cdmer.evaluation import benchmark, label_free_pipeline, war
from cdmer.evaluation._fit import fit_adaptive, iter_settings
from cdmer.features import lbp_top_planes

PAIRS = [
    ("casme2", "smic-vis"),
    ("smic-vis", "casme2"),
    ("casme2", "smic-nir"),
    ("smic-nir", "casme2"),
    ("smic-vis", "smic-nir"),
    ("smic-nir", "smic-vis"),
]


def rows(n_features=12):
    rng = np.random.default_rng(0)
    y = np.arange(40) % 3
    X = np.abs(rng.normal(size=(40, n_features)))
    X[:, :3] += np.eye(3)[y]
    return X, y, rng.permutation(np.repeat([1, -2], 20))


def test_it_reads_no_target_label():
    X, y, domain = rows(354)
    planes = np.tile(np.repeat(["xy", "xt", "yt"], 59), 2)
    expected = fit_adaptive(label_free_pipeline(planes), X, y, domain).decision_function(X)
    hidden = np.where(domain > 0, y, -1)
    found = fit_adaptive(label_free_pipeline(planes), X, hidden, domain).decision_function(X)
    np.testing.assert_array_equal(found, expected)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = label_free_pipeline(planes).fit(X, hidden, sample_domain=domain)
    np.testing.assert_array_equal(routed.decision_function(X), expected)


@pytest.mark.slow
def test_on_real_features_nothing_chosen_is_as_good_as_an_oracle(published):
    """Six experiments; TGSR's mean, chosen on target labels, is 64.0 as printed and 63.3 as logged.

    The vote gives 63.6. It must not lose that unnoticed.
    """
    method = label_free_pipeline(lbp_top_planes("published"))
    corpora = [published(name) for name in ("casme2", "smic-vis", "smic-nir")]
    results = benchmark({"label-free": method}, corpora, progress=False)
    table = results.table("WAR")["label-free"]
    assert len(table) == len(PAIRS) + 1
    assert 100 * table["mean"] > 63.4
    scores = results.scores()
    assert len(scores) == 6
    part = results.predictions[results.predictions["experiment"] == scores["experiment"][0]]
    assert war(part["y_true"], part["y_pred"], classes=results.classes) == scores["WAR"][0]


@pytest.mark.parametrize("routing", [False, True])
def test_steps_that_take_domains_get_them_at_any_depth(routing):
    X, y, domain = rows()
    inner = make_pipeline(StandardScaler(), DomainStandardizer())
    nested = make_pipeline(inner, make_pipeline(TCA(n_components=3)))
    scaled = StandardScaler().fit_transform(X)
    by_hand = DomainStandardizer().fit_transform(scaled, sample_domain=domain)
    alone = TCA(n_components=3).fit(by_hand, y, domain)
    with sklearn.config_context(enable_metadata_routing=routing):
        model = fit_adaptive(nested, X, y, domain)
    target = domain < 0
    np.testing.assert_allclose(
        model.decision_function(X[target]), alone.decision_function(by_hand[target])
    )


@pytest.mark.parametrize("routing", [False, True])
def test_settings_of_a_last_step_share_the_steps_before(routing):
    X, y, domain = rows()
    pipe = make_pipeline(DomainStandardizer(), TCA())
    settings = [{"tca__n_components": k} for k in (1, 3, 2)]
    with sklearn.config_context(enable_metadata_routing=routing):
        for index, model in iter_settings(pipe, settings, X, y, domain):
            alone = fit_adaptive(sklearn.clone(pipe).set_params(**settings[index]), X, y, domain)
            np.testing.assert_allclose(
                model.decision_function(X), alone.decision_function(X), atol=1e-3
            )
            np.testing.assert_array_equal(model.predict(X), alone.predict(X))
