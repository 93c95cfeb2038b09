"""A metric as CONTRIBUTING.md shows it."""

import numpy as np
import pytest
from scipy.stats import gmean
from sklearn.metrics import recall_score

from cdmer.adaptation import TCA, SourceOnly
from cdmer.corpora import PublishedFeatures
from cdmer.evaluation import CDMERPairs, benchmark, compare, comparisons, intervals, ranks

CLASSES = ("negative", "positive", "surprise")


@pytest.fixture
def metric(build):
    return build("A metric").G_MEAN


def features(name, n, shift, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    X = rng.normal(size=(n, 6)) + shift
    X[:, :3] += 2 * np.eye(3)[labels]
    return PublishedFeatures(X, labels, CLASSES, name)


@pytest.fixture(scope="module")
def results():
    corpora = [features(name, 30, i / 2, i) for i, name in enumerate("abc")]
    return benchmark(
        {"SVM": SourceOnly(), "TCA": TCA(n_components=4)},
        corpora,
        CDMERPairs(None),
        progress=False,
    )


@pytest.mark.parametrize("n_columns", [3, 4], ids=["all answered", "with abstentions"])
def test_it_keeps_what_a_metric_owes(metric, n_columns):
    metric.check((3, n_columns))
    counts = np.random.default_rng(0).integers(0, 4, (5, 2, 3, n_columns))
    counts[0, 0, 1] = 0  # a class without clips
    for many in (counts, counts * 0.3):
        alone = [[metric(one) for one in row] for row in many]
        np.testing.assert_allclose(metric(many), alone)
    np.testing.assert_allclose(metric(2.5 * counts), metric(counts))


def test_it_is_scikit_learn_s(metric, results):
    for row in results.scores(metrics=[metric]).to_dict("records"):
        frame = results.predictions
        rows = (frame["method"] == row["method"]) & (frame["experiment"] == row["experiment"])
        recalls = recall_score(frame["y_true"][rows], frame["y_pred"][rows], average=None)
        assert row["G-mean"] == pytest.approx(gmean(recalls))


def test_it_stands_wherever_a_metric_is_named(metric, results, tmp_path):
    table = results.table(metric)
    scores = results.scores(metrics=["UF1", metric])
    assert list(scores.columns[-2:]) == ["UF1", "G-mean"]
    assert table.columns.name == "G-mean"
    assert results.find_metric(metric) is metric
    for text in (results.to_markdown(metric), results.to_latex(metric)):
        assert "G-mean: the geometric mean of the recalls of all classes." in text
        assert all(f"{value:.4f}" in text for value in table.to_numpy().ravel())
    assert set(intervals(results, metric)["metric"]) == {"G-mean"}
    assert set(comparisons(results, metric, n_permutations=99)["metric"]) == {"G-mean"}
    assert compare(results, "SVM", "TCA", metric, n_permutations=99).metric == "G-mean"
    assert ranks(results, metric).metric == "G-mean"
    assert results.plot_forest(metric).get_xlabel().startswith("G-mean")
    assert "G-mean" in results.plot_ranks(metric).get_xlabel()
    page = results.report(tmp_path / "report.html", metrics=[metric, "UF1"]).read_text("utf-8")
    assert "<strong>G-mean</strong>: the geometric mean of the recalls of all classes." in page
    assert "Average ranks by G-mean" in page
    assert "<strong>WAR</strong>" not in page
    assert all(f"{value:.4f}" in page for value in results.table("UF1").to_numpy().ravel())
