"""Classifiers that may leave a clip unanswered: wrong everywhere, and never taken for a guess."""

import json
import sqlite3
from itertools import product

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cdmer.corpora import Clip
from cdmer.evaluation import (
    CDMERPairs,
    Method,
    Results,
    ResultStore,
    WithinCorpusLOSO,
    benchmark,
    compare,
    intervals,
    plot_confusion,
)
from cdmer.evaluation._runner.choose import class_codes
from cdmer.evaluation._runner.identity import identify
from cdmer.evaluation._runner.work import costs
from cdmer.evaluation._store.records import JobResult, TestSet, canonical_json
from cdmer.extraction import FeatureTable
from cdmer.extraction._frames import clips_frame, failures_frame

CLASSES = ("negative", "positive", "surprise")
MACRO = {"labels": [0, 1, 2], "average": "macro", "zero_division": 0}


class Reader(ClassifierMixin, BaseEstimator):
    """Predict what a column says."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.arange(3)
        return self

    def predict(self, X):
        return X[:, self.column].astype(int)


class Reticent(Reader):
    abstains = True
    unsaid = ("patience",)

    def __init__(self, column=0, patience=1):
        super().__init__(column)
        self.patience = patience

    def predict(self, X):
        found = super().predict(X)
        self.abstentions_ = {str(i): "cannot tell" for i in np.flatnonzero(found < 0)}
        self.usage_ = {"requests": len(X), "prompt_tokens": 90 * len(X), "completion_tokens": 0}
        return found


def tables(n_people=5, n_clips=6):
    """Two corpora; columns hold the truth, spoilt ever more, the last one without abstentions."""
    rng = np.random.default_rng(1)
    made = []
    for name in ("lab", "web"):
        truth = rng.integers(0, 3, n_people * n_clips)
        columns = [
            np.where(rng.random(len(truth)) < hit, truth, rng.integers(least, 3, len(truth)))
            for hit, least in ((0.5, -1), (0.2, -1), (0.4, 0))
        ]
        clips = [
            Clip(np.zeros((2, 4, 4), np.uint8), f"c{i}", f"s{i // n_clips}", name, CLASSES[code])
            for i, code in enumerate(truth)
        ]
        made.append(
            FeatureTable(
                np.column_stack(columns).astype(float),
                ["a", "b", "c"],
                None,
                clips_frame(clips),
                failures_frame([]),
                "made up",
                name,
            )
        )
    return made


@pytest.fixture(scope="module")
def results():
    methods = {"few": Reticent(0), "many": Reticent(1), "none": Reader(2)}
    return benchmark(methods, tables(), CDMERPairs(None), progress=False)


def codes(results, method, experiment=None):
    frame = results.predictions[results.predictions["method"] == method]
    if experiment is not None:
        frame = frame[frame["experiment"] == experiment]
    return frame["y_true"].cat.codes.to_numpy(), frame["y_pred"].cat.codes.to_numpy()


@pytest.mark.parametrize("by", ["experiment", "all"])
def test_metrics_are_those_of_scikit_learn_over_the_classes(results, by):
    for row in results.scores(by).to_dict("records"):
        true, predicted = codes(results, row["method"], row.get("experiment"))
        assert row["UF1"] == pytest.approx(sk.f1_score(true, predicted, **MACRO))
        assert row["UAR"] == pytest.approx(sk.recall_score(true, predicted, **MACRO))
        assert row["WAR"] == sk.accuracy_score(true, predicted)
        assert row["n_clips"] == len(true)
        assert row["n_abstained"] == (predicted < 0).sum()
        assert (row["n_abstained"] > 0) == (row["method"] != "none")


def test_a_last_column_counts_them(results):
    true, predicted = codes(results, "few")
    counts = sk.confusion_matrix(true, predicted, labels=[-1, 0, 1, 2])[1:, [1, 2, 3, 0]]
    np.testing.assert_array_equal(results.confusion("few"), counts)
    assert not results.confusion("none")[:, 3].any()
    frame = results.predictions
    alone = Results(frame[frame["method"] == "none"], results.classes, results.scheme)
    np.testing.assert_array_equal(alone.confusion("none"), results.confusion("none")[:, :3])


def test_averages_of_folds_count_classes_that_are_present():
    found = benchmark({"few": Reticent()}, tables(n_clips=2), WithinCorpusLOSO(), progress=False)
    rows = found.averages().set_index("experiment")
    for experiment, frame in found.predictions.groupby("experiment", observed=True):
        folds = []
        for _, fold in frame.groupby("fold", observed=True):
            true, predicted = (fold[c].cat.codes.to_numpy() for c in ("y_true", "y_pred"))
            present = sorted({*true, *predicted} - {-1})
            folds.append(sk.f1_score(true, predicted, labels=present, average="macro"))
        told = rows.loc[experiment, "mean of folds, classes present"]
        assert told == pytest.approx(np.mean(folds))


def test_intervals_leave_people_out_with_their_abstentions(results):
    for row in intervals(results, by="all").to_dict("records"):
        score = sk.f1_score(*codes(results, row["method"]), **MACRO)
        assert row["score"] == pytest.approx(score)
        assert row["low"] < score < row["high"]


def test_a_comparison_exchanges_abstentions_too(results):
    """Two-sided, exact: all exchanges of people, by the definition."""
    found = compare(results, "few", "many", n_resamples=20)
    row = found.experiments.iloc[0]
    frame = results.predictions[results.predictions["experiment"] == row["experiment"]]
    person = frame[frame["method"] == "few"]["person"].astype(str).to_numpy()
    true, few = codes(results, "few", row["experiment"])
    _, many = codes(results, "many", row["experiment"])
    differences = []
    for exchanged in product((False, True), repeat=5):
        swap = np.isin(person, np.unique(person)[np.array(exchanged)])
        a, b = np.where(swap, many, few), np.where(swap, few, many)
        differences.append(sk.f1_score(true, a, **MACRO) - sk.f1_score(true, b, **MACRO))
    share = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
    assert row["exact"]
    assert row["difference"] == pytest.approx(differences[0])
    assert row["p_value"] == pytest.approx(share)


def test_a_store_keeps_them(results, tmp_path):
    path = tmp_path / "results.sqlite"
    benchmark({"few": Reticent()}, tables(), CDMERPairs(None), store=path, progress=False)
    with ResultStore(path, read_only=True) as store:
        found = store.results()
    assert sorted(set(codes(found, "few")[1])) == [-1, 0, 1, 2]
    kept = results.predictions[results.predictions["method"] == "few"]
    assert found.predictions["y_pred"].tolist()[0] == kept["y_pred"].tolist()[0]
    assert found.scores("all")["UF1"][0] == results.scores("all")["UF1"][0]
    with sqlite3.connect(path) as connection:
        texts = [text for (text,) in connection.execute("SELECT predicted FROM jobs")]
    assert sum(json.loads(text).count(-1) for text in texts) == found.scores()["n_abstained"].sum()


def test_what_is_not_declared_is_an_error():
    with pytest.warns(UserWarning, match="2 of 4 jobs"):
        found = benchmark(
            {"undeclared": Reader(0), "fine": Reader(2)}, tables(), CDMERPairs(None), progress=False
        )
    assert set(found.failures["method"]) == {"undeclared"}
    assert r"class codes of [0, 1, 2]" in found.failures["message"].iloc[0]
    with pytest.raises(ValueError, match=r"of \[-1, 0, 1, 2\] .* with \[-2\]"):
        class_codes([-2, 0], (2,), 3, may_abstain=True)


@pytest.mark.parametrize("selection", ["oracle", "nested-loso"])
def test_settings_are_not_chosen_for_their_silence(selection):
    param_grid = {"reticent__column": [1, 0]}
    model = make_pipeline(FunctionTransformer(), Reticent())
    found = benchmark(
        {"asked": Method(model, param_grid)},
        tables(),
        CDMERPairs(None),
        selection=selection,
        progress=False,
    )
    lab, web = tables()
    for job in found.jobs.to_dict("records"):
        read = {"oracle": job["experiment"].split(" → ")[1]}
        read = read.get(selection, job["experiment"].split(" → ")[0])
        table = {"lab": lab, "web": web}[read]
        true = [CLASSES.index(label) for label in table.clips["label"]]
        best = sk.f1_score(true, table.features[:, 0].astype(int), **MACRO)
        assert job["params"] == {"reticent__column": 0}
        assert job["details"]["selection_score"] == pytest.approx(best)


def test_action_units_by_their_definition():
    rng = np.random.default_rng(0)
    action_units = ("AU1", "AU4", "AU12")
    truth, predicted = rng.integers(0, 2, (20, 3)), rng.integers(-1, 2, (20, 3))

    def rows(table):
        return tuple(map(tuple, table.tolist()))

    clips = tuple(f"c{i}" for i in range(20))
    tested = TestSet(clips, ("lab",) * 20, tuple(f"s{i // 4}" for i in range(20)), rows(truth))
    fold = {"experiment": "one", "name": "all", "source": "web", "target": "lab", "kind": ""}
    config = {"fold": fold, "method": {}, "seed": None, "selection": "fixed"}
    job = JobResult(
        canonical_json(config), tested.key, rows(predicted), details={"abstentions": {"refused": 7}}
    )
    info = {"scheme": {"name": "action-units", "classes": list(action_units), "multilabel": True}}
    found = Results.from_jobs(info, [("asked", job)], {tested.key: tested})
    macro, binary = [], []
    for true, given in zip(truth.T, predicted.T, strict=True):
        both = sk.f1_score(true, given, labels=[0, 1], average=None, zero_division=0)
        macro.append(both.mean())
        binary.append(both[1])
    row = found.scores().iloc[0]
    assert row["macro F1"] == pytest.approx(np.mean(macro))
    assert row["binary F1"] == pytest.approx(np.mean(binary))
    assert (row["n_clips"], row["n_abstained"]) == (20, (predicted < 0).sum())
    assert found.confusion("asked").shape == (3, 2, 3)
    assert intervals(found, by="all")["score"][0] == pytest.approx(np.mean(macro))
    assert (
        f"of action units of clips, count as wrong: asked {(predicted < 0).sum()} of 60 (clips: "
        "refused 7)." in found.to_markdown()
    )


def test_tables_and_report_say_how_many(results, tmp_path):
    number = {m: int((codes(results, m)[1] < 0).sum()) for m in ("few", "many")}
    said = "; ".join(f"{m} {n} of 60 (cannot tell {n})" for m, n in number.items())
    said = f"Abstentions, of clips, count as wrong: {said}."
    assert said in results.to_markdown()
    assert f"% {said}\n" in results.to_latex()
    page = results.report(tmp_path / "report.html").read_text("utf-8")
    assert said in page
    assert results.confusion("few")[0, 3] > 0
    assert f"true negative: {', '.join(_counted(results.confusion('few')[0]))}" in page
    assert f"Confusion matrix of none. Predicted true negative: {_none(results)};" in page
    assert '<th scope="col">prompt tokens</th>' in page
    assert f"<td>60</td><td>{60 * 90:,}</td><td>0</td></tr>" in page


def _counted(row):
    return [f"{n} {name}" for n, name in zip(row, [*CLASSES, "abstained"], strict=True)]


def _none(results):
    return ", ".join(_counted(results.confusion("none")[0])[:3])


def test_the_figure_has_a_column_where_there_are_any(results):
    labels = [t.get_text() for t in results.plot_confusion("few").get_xticklabels()]
    assert labels == [*CLASSES, "abstained"]
    labels = [t.get_text() for t in results.plot_confusion("none").get_xticklabels()]
    assert labels == list(CLASSES)
    with pytest.raises(ValueError, match="counts: expected numbers >= 0 of shape"):
        plot_confusion(np.zeros((3, 5), int), CLASSES)


def test_jobs_keep_what_a_model_cost(results):
    details = results.jobs.loc[results.jobs["method"] == "few", "details"]
    for told, found in zip(details, ("lab → web", "web → lab"), strict=False):
        _, predicted = codes(results, "few", found)
        assert told["usage"] == {"requests": 30, "prompt_tokens": 2700, "completion_tokens": 0}
        assert sum(told["abstentions"].values()) == (predicted < 0).sum()
    assert "usage" not in results.jobs.loc[results.jobs["method"] == "none", "details"].iloc[0]


def test_networks_tell_their_size():
    torch = pytest.importorskip("torch")
    model = Reader()
    model.network_ = torch.nn.Linear(4, 3)
    assert costs(model) == {"n_parameters": 15}
    model.network_.bias.requires_grad_(False)
    assert costs(model) == {"n_parameters": 12}


def test_parameters_that_change_no_result_are_not_described():
    assert identify(Reticent(1, 5)) == identify(Reticent(1, 7)) != identify(Reticent(2, 5))
    assert identify(Reticent())["parameters"] == {"column": 0}
