"""Estimators and corpora that try to cheat. None of them gets anything."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer.adaptation import TCA, TGSR, DomainStandardizer, SourceOnly
from cdmer.corpora import Clip, Corpus, PublishedFeatures
from cdmer.evaluation import (
    CDMERPairs,
    CompositeLOSO,
    Experiment,
    Fold,
    HoldOutDatabase,
    LeaveOneCorpusOut,
    Method,
    Protocol,
    WithinCorpusLOSO,
    benchmark,
    uf1,
)
from cdmer.evaluation.selection import CRITERIA
from cdmer.extraction import extract

CLASSES = ("negative", "positive", "surprise")


def published(name, n=30, shift=0.0, seed=0):
    """Features in which nothing tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3)
    return PublishedFeatures(rng.normal(size=(n, 24)) + shift, labels, CLASSES, name)


PAIR = [published("casme2", 30), published("smic-vis", 24, 0.5, 1)]


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers everything that it is given, and predicts what it was told last."""

    seen = []

    def fit(self, X, y, sample_domain=None, **more):
        Spy.seen.append(("fit", np.array(X), np.array(y), sample_domain, more))
        self.classes_ = np.unique(y[np.asarray(sample_domain) >= 0])
        return self

    def predict(self, X):
        Spy.seen.append(("predict", np.array(X)))
        return np.full(len(X), self.classes_[0])


class PlainSpy(ClassifierMixin, BaseEstimator):
    """Knows nothing of corpora, and asks for all that an early stopping might want."""

    seen = []

    def fit(self, X, y, X_test=None, y_test=None, eval_set=None, groups=None):
        PlainSpy.seen.append((np.array(X), np.array(y), X_test, y_test, eval_set, groups))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture(autouse=True)
def forget():
    Spy.seen, PlainSpy.seen, SpyScaler.seen = [], [], []


def test_no_method_sees_a_label_of_the_target():
    benchmark({"spy": Spy()}, PAIR)
    fits = [entry for entry in Spy.seen if entry[0] == "fit"]
    assert len(fits) == 2
    for _, X, y, domain, more in fits:
        assert more == {}  # no test fold, no groups, no true labels under any other name
        assert (y[domain < 0] == -1).all()
        assert len(X) == len(y) == len(domain)


@pytest.mark.parametrize("how", [f"label-free:{name}" for name in CRITERIA])
def test_target_labels_change_no_prediction_under_any_criterion(how):
    rng = np.random.default_rng(3)
    poisons = [
        PAIR[1]._replace(labels=rng.permutation(PAIR[1].labels)),
        PAIR[1]._replace(labels=np.zeros(24, dtype=int)),
    ]
    method = {"TCA": Method(TCA(SVC(kernel="linear", random_state=0)), {"n_components": [1, 2, 4]})}
    forth = CDMERPairs([Experiment("9", "casme2", "smic-vis")])
    clean = benchmark(method, PAIR, forth, selection=how, progress=False)
    for poison in poisons:
        again = benchmark(method, [PAIR[0], poison], forth, selection=how, progress=False)
        assert (clean.predictions["y_pred"] == again.predictions["y_pred"]).all()
        assert (clean.predictions["y_true"] != again.predictions["y_true"]).any()
        assert clean.jobs["params"][0] == again.jobs["params"][0]


def test_only_the_oracle_profits_from_labels_of_pure_noise():
    """Features hold nothing: whoever is above chance in the mean has seen the labels."""
    method = {"plain": TCA(), "TCA": Method(TCA(), {"n_components": [1, 2, 4, 8]})}
    forth = CDMERPairs([Experiment("9", "casme2", "smic-vis")])
    accuracy = []
    for seed in range(30):
        corpora = [published("casme2", 40, 0, seed), published("smic-vis", 40, 0.5, 1000 + seed)]
        results = benchmark(
            method, corpora, forth, progress=False, selection=["label-free:entropy", "oracle"]
        )
        accuracy.append(results.table("WAR").loc["9"])
    means = np.mean(accuracy, axis=0)
    assert results.methods == ["plain", "TCA, label-free:entropy", "TCA, oracle"]
    error = np.sqrt(2 / 9 / (30 * 40))
    assert abs(means[0] - 1 / 3) < 3 * error
    assert abs(means[1] - 1 / 3) < 3 * error
    assert means[2] > 1 / 3 + 3 * error  # 0.39 over many seeds


def test_early_stopping_that_asks_for_the_test_fold_gets_none():
    benchmark({"early": PlainSpy()}, PAIR)
    benchmark({"early": PlainSpy()}, PAIR, HoldOutDatabase())
    assert len(PlainSpy.seen) == 4
    for X, y, *asked in PlainSpy.seen:
        assert asked == [None] * 4
        assert len(X) == len(y)
        assert {len(X)} <= {30, 24}


class SpyScaler(TransformerMixin, BaseEstimator):
    """A scaler that counts the rows whose statistics it takes."""

    seen = []

    def fit(self, X, y=None):
        SpyScaler.seen.append(np.array(X))
        self.scaler_ = StandardScaler().fit(X)
        return self

    def transform(self, X):
        return self.scaler_.transform(X)


def rows_of(corpus):
    return {row.tobytes() for row in corpus.features}


@pytest.mark.parametrize("last", [SVC(), SourceOnly()], ids=["plain", "SourceOnly"])
def test_a_scaler_never_sees_a_test_row_that_is_held_out(last):
    benchmark({"scaled": make_pipeline(SpyScaler(), last)}, PAIR, HoldOutDatabase())
    seen = [{row.tobytes() for row in X} for X in SpyScaler.seen]
    whole = [rows_of(corpus) for corpus in PAIR]
    assert seen in (whole, whole[::-1])


def test_a_plain_scaler_sees_labelled_rows_alone_where_the_target_may_be_seen():
    benchmark({"scaled": make_pipeline(SpyScaler(), SVC())}, PAIR)
    assert [len(X) for X in SpyScaler.seen] == [30, 24]


@pytest.mark.parametrize(
    "protocol", [HoldOutDatabase(), LeaveOneCorpusOut()], ids=lambda p: type(p).__name__
)
@pytest.mark.parametrize(
    ("method", "part"),
    [
        (TGSR(), "TGSR"),
        (make_pipeline(StandardScaler(), TCA()), "TCA"),
        (make_pipeline(DomainStandardizer(), SourceOnly()), "DomainStandardizer"),
        (Spy(), "Spy"),
    ],
    ids=["TGSR", "pipeline", "standardiser", "foreign"],
)
def test_methods_that_ask_for_a_hidden_target_are_refused(protocol, method, part):
    with pytest.raises(ValueError, match=f"'sly': {part} adapts to unlabelled clips of the target"):
        benchmark({"sly": method}, PAIR, protocol)
    with pytest.raises(ValueError, match="looks at unlabelled clips of the target"):
        benchmark(
            {"SVM": Method(SVC(), {"C": [1, 2]})}, PAIR, protocol, selection="label-free:entropy"
        )


class Leaky(Protocol):
    """Says that the target is hidden, and hands it out."""

    allows_unlabelled_target = False
    roles_given = (np.array([0, 1]), np.array([2]), np.array([2]))

    def roles(self, metadata):
        return [Fold("all", "one", *self.roles_given)]

    def words(self):
        return ""


def test_a_protocol_is_held_to_what_it_states():
    with pytest.raises(ValueError, match="has 1 rows to adapt to, and says that it allows none"):
        benchmark({"SVM": SVC()}, PAIR, Leaky())
    mixed = Leaky()
    mixed.roles_given = (np.array([0, 1]), np.array([], dtype=int), np.array([1, 2]))
    with pytest.raises(ValueError, match="1 rows are both of role train and test"):
        benchmark({"SVM": SVC()}, PAIR, mixed)
    none = np.array([], dtype=int)
    for test in ([3], np.array([-1]), np.array([54]), np.array([3, 3]), np.arange(54) > 3):
        mixed.roles_given = (np.array([0, 1]), none, test)
        with pytest.raises(ValueError, match="test: expected an array of different row numbers fr"):
            benchmark({"SVM": SVC()}, PAIR, mixed)


def recorded(name, subjects, n=24, seed=0, signal=0.0):
    """A corpus of tiny clips; the mean grey value tells the class if there is a signal."""
    rng = np.random.default_rng(seed)
    clips = []
    for i in range(n):
        frames = rng.integers(0, 200, (3, 4, 4)) + int(signal * (i % 3))
        clips.append(
            Clip(
                frames.astype(np.uint8),
                f"c{i}",
                subjects[i % len(subjects)],
                name,
                label=CLASSES[i % 3],
                action_units=("4",),
                objective_class="I",
            )
        )
    return Corpus(clips, name)


class ClipSpy(ClassifierMixin, BaseEstimator):
    """Takes clips and looks for annotations."""

    seen = []

    def fit(self, X, y, sample_domain):
        ClipSpy.seen.append((list(X), np.array(sample_domain)))
        self.classes_ = np.unique(y[sample_domain >= 0])
        return self

    def predict(self, X):
        ClipSpy.seen.append((list(X), np.full(len(X), -1)))
        return np.zeros(len(X), dtype=int)


def test_clips_come_without_annotations_of_class():
    ClipSpy.seen = []
    corpora = [recorded("casme2x", "ab"), recorded("other", "cd", seed=1)]
    benchmark({"spy": ClipSpy()}, corpora, CDMERPairs(None))
    for clips, domain in ClipSpy.seen:
        for clip, number in zip(clips, domain, strict=True):
            about = (clip.label, clip.action_units, clip.objective_class)
            assert (about == (None, (), None)) == (number < 0)
    assert corpora[0][0].label == "negative"  # the caller's own are as they were


class Grey(TransformerMixin, BaseEstimator):
    """Mean and deviation of the frames."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.array([[c.frames.mean(), c.frames.std()] for c in X])


class Peeking(Grey):
    """Takes the class for a feature."""

    def transform(self, X):
        return np.array([[[*CLASSES, None].index(c.label), len(c.action_units)] for c in X])


def test_a_descriptor_sees_no_annotation_of_class():
    corpora = [recorded("casme2x", "ab"), recorded("other", "cd", seed=1)]
    results = benchmark({"SVM": SVC()}, corpora, CDMERPairs(None), descriptor=Peeking())
    assert (results.table("WAR") == 1 / 3).all(axis=None)  # one class for all clips
    assert corpora[0][0].label == "negative"


class Vandal(ClassifierMixin, BaseEstimator):
    """Makes source rows of target rows, with labels of its own, if it can."""

    def fit(self, X, y, sample_domain=None):
        for values in (sample_domain, y, X):
            values[...] = 0
        return self

    def predict(self, X):
        X[...] = 0
        return X[:, 0].astype(int)


@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_what_a_method_writes_reaches_no_other_method(backend):
    with parallel_config(backend=backend, n_jobs=2), pytest.warns(UserWarning, match="2 of 4"):
        results = benchmark({"vandal": Vandal(), "spy": Spy()}, PAIR, progress=False)
    assert set(results.failures["message"]) == {"assignment destination is read-only"}
    fits = sorted((entry for entry in Spy.seen if entry[0] == "fit"), key=lambda e: sum(e[3] < 0))
    for (_, X, y, domain, _), target in zip(fits, PAIR[::-1], strict=True):
        np.testing.assert_array_equal(X[domain < 0], target.features)
        assert (domain < 0).sum() == (y == -1).sum() == len(target.labels)


@pytest.mark.parametrize("how", ["oracle", "nested-loso", "label-free:source"])
def test_steps_that_work_in_place_change_no_score(how):
    corpora = [people_table("lab", 6), people_table("web", 6)]
    param_grid = {"svc__C": [1e-3, 1, 100]}
    found = [
        benchmark(
            {"m": Method(make_pipeline(StandardScaler(copy=copy), SVC()), param_grid)},
            corpora,
            CDMERPairs(None),
            selection=how,
            progress=False,
        )
        for copy in (True, False)
    ]
    assert found[0].predictions.equals(found[1].predictions)
    for one, other in zip(found[0].jobs["scores"], found[1].jobs["scores"], strict=True):
        np.testing.assert_array_equal(one, other)


class PeopleSpy(ClassifierMixin, BaseEstimator):
    """Recognises people by a column that names them."""

    seen = []

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y):
        PeopleSpy.seen.append(("fit", set(X[:, 0].tolist())))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        PeopleSpy.seen.append(("predict", set(X[:, 0].tolist())))
        return np.full(len(X), self.classes_[0])


def people_table(name, n_people=5, n=30):
    """A feature table whose first column is the subject's number."""
    corpus = recorded(name, [f"s{i}" for i in range(n_people)], n)
    table = extract(corpus, Grey(), progress=False)
    features = np.column_stack([np.arange(n) % n_people, table.features[:, 1]]).astype(float)
    return type(table)(
        features,
        table.feature_names,
        None,
        table.clips,
        table.failures,
        table.transformer,
        table.corpus,
    )


def test_inner_and_outer_folds_keep_people_together():
    PeopleSpy.seen = []
    benchmark(
        {"spy": Method(PeopleSpy(), {"C": [1.0, 2.0]})},
        [people_table("lab")],
        WithinCorpusLOSO(),
        selection="nested-loso",
        progress=False,
    )
    fitted = None
    sizes = []
    for what, who in PeopleSpy.seen:
        if what == "fit":
            fitted = who
            sizes.append(len(who))
        else:
            assert len(who) == 1
            assert not who & fitted
    # Per outer fold: 4 inner folds of 3 people at 2 settings, then all 4.
    assert sizes == ([3] * 8 + [4]) * 5


@pytest.mark.parametrize(("n_people", "n_folds"), [(6, 5), (3, 3)])
def test_label_free_folds_keep_people_together(n_people, n_folds):
    PeopleSpy.seen = []
    corpora = [people_table("lab", n_people, 32), people_table("web", n_people, 32)]
    benchmark(
        {"spy": Method(PeopleSpy(), {"C": [1.0, 2.0]})},
        corpora,
        CDMERPairs(None),
        selection="label-free:source",
        progress=False,
    )
    validated = [
        (fitted[1], predicted[1])
        for fitted, predicted in zip(PeopleSpy.seen, PeopleSpy.seen[1:], strict=False)
        if fitted[0] == "fit" and predicted[0] == "predict" and len(fitted[1]) < n_people
    ]
    assert len(validated) == 2 * n_folds * 2
    assert all(not fitted & predicted for fitted, predicted in validated)


class Perfect(ClassifierMixin, BaseEstimator):
    """Reads the class off the first column."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return X[:, 0].astype(int)


class Careless(Perfect):
    """Does not look at every third clip."""

    def predict(self, X):
        codes = super().predict(X)
        codes[::3] = 0
        return codes


def labelled_table(name, people, order):
    corpus = recorded(name, people, 24)
    clips = [corpus[i] for i in order]
    table = extract(Corpus(clips, name), Grey(), progress=False)
    features = table.features.copy()
    features[:, 0] = [CLASSES.index(clip.label) for clip in clips]
    return type(table)(
        features,
        table.feature_names,
        None,
        table.clips,
        table.failures,
        table.transformer,
        table.corpus,
    )


@pytest.mark.parametrize(
    "protocol",
    [CDMERPairs(None), HoldOutDatabase(), CompositeLOSO(), WithinCorpusLOSO(), LeaveOneCorpusOut()],
    ids=lambda p: type(p).__name__,
)
def test_a_perfect_classifier_scores_one_in_any_order_of_rows(protocol):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        corpora = [
            labelled_table(name, people, rng.permutation(24))
            for name, people in (("lab", ["a", "b", "c", "d"]), ("web", ["e", "f", "g"]))
        ]
        results = benchmark({"perfect": Perfect()}, corpora, protocol, progress=False)
        assert (results.table("UF1") == 1).all(axis=None)
        assert (results.table("UAR") == 1).all(axis=None)
        frame = results.predictions.sample(frac=1, random_state=seed)
        assert uf1(frame["y_true"], frame["y_pred"], classes=CLASSES) == 1
        assert frame.groupby(["experiment", "clip"], observed=True).size().eq(1).all()


def test_shuffled_rows_give_the_same_prediction_for_every_clip():
    rng = np.random.default_rng(0)
    tables = []
    for order in (np.arange(24), rng.permutation(24)):
        corpora = [
            labelled_table("lab", ["a", "b", "c", "d"], order),
            labelled_table("web", ["e", "f", "g"], order),
        ]
        results = benchmark(
            {"TCA": TCA(), "SVM": SourceOnly()}, corpora, CDMERPairs(None), progress=False
        )
        frame = results.predictions.astype(str)
        tables.append(frame.sort_values(["experiment", "method", "clip"])["y_pred"].tolist())
    assert tables[0] == tables[1]


def test_three_ways_of_averaging_and_only_the_pooled_one_is_called_uf1():
    people = ["a", "b", "b", "c", "a", "c"]  # each of whom shows two classes of three
    corpora = [labelled_table("lab", people, np.arange(24))]
    results = benchmark({"careless": Careless()}, corpora, WithinCorpusLOSO(), progress=False)
    row = results.averages().iloc[0]
    frame = results.predictions
    present, fixed = [], []
    for _, fold in frame.groupby("fold", observed=True):
        true, predicted = fold["y_true"].to_numpy(), fold["y_pred"].to_numpy()
        f1 = {}
        for c in CLASSES:
            hits = np.sum((true == c) & (predicted == c))
            involved = np.sum(true == c) + np.sum(predicted == c)
            if involved:
                f1[c] = 2 * hits / involved
        present.append(np.mean(list(f1.values())))
        fixed.append(sum(f1.values()) / 3)
    assert row["UF1"] == uf1(frame["y_true"], frame["y_pred"], classes=CLASSES)
    assert row["mean of folds, classes present"] == pytest.approx(np.mean(present))
    assert row["mean of folds, all classes"] == pytest.approx(np.mean(fixed))
    assert len({round(float(row[c]), 6) for c in results.averages().columns[2:]}) == 3
    assert list(results.scores().columns[-3:]) == ["UF1", "UAR", "WAR"]
    assert results.scores()["UF1"].tolist() == [row["UF1"]]


def test_the_oracle_is_named_in_every_table():
    results = benchmark({"TCA": Method(TCA(), {"n_components": [1, 2]})}, PAIR, selection="oracle")
    assert results.methods == ["TCA, oracle"]
    assert list(results.table().columns) == ["TCA, oracle"]
    assert set(results.scores()["method"]) == {"TCA, oracle"}
    assert isinstance(results.predictions, pd.DataFrame)
    assert set(results.predictions["selection"]) == {"oracle"}
