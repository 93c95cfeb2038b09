import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler
from sklearn.svm import SVC

from cdmer.adaptation import TCA, TGSR, DomainStandardizer, SourceOnly
from cdmer.corpora import Clip, Corpus, PublishedFeatures, get_scheme
from cdmer.evaluation import (
    CDMERPairs,
    Experiment,
    HoldOutDatabase,
    LeaveOneCorpusOut,
    Method,
    ResultStore,
    WithinCorpusLOSO,
    benchmark,
    uf1,
)
from cdmer.extraction import FeatureTable, extract

CLASSES = ("negative", "positive", "surprise")


def features(name, n=30, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    X = rng.normal(size=(n, 12)) + shift
    X[:, :3] += 3 * np.eye(3)[labels]
    return PublishedFeatures(X, labels, CLASSES, name)


CORPORA = [features("casme2", 30), features("smic-vis", 24, 0.5, 1), features("smic-nir", 21, 1, 2)]


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers everything that it is given."""

    seen = []

    def fit(self, X, y, sample_domain=None):
        Recorder.seen.append((np.array(X), np.array(y), np.array(sample_domain)))
        self.classes_ = np.unique(y[sample_domain >= 0])
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_methods_never_see_target_labels():
    Recorder.seen = []
    results = benchmark({"spy": Recorder()}, CORPORA)
    assert len(Recorder.seen) == 6
    for _, y, domain in Recorder.seen:
        assert (y[domain < 0] == -1).all()
        assert (y[domain >= 0] >= 0).all()
    poisoned = [c._replace(labels=np.roll(c.labels, 1)) for c in CORPORA]
    method = {"TGSR": TGSR(groups=4, n_selected=2)}
    clean = benchmark(method, CORPORA)
    for i, corpus in enumerate(CORPORA):  # poison one target at a time
        mixed = [*CORPORA]
        mixed[i] = poisoned[i]
        again = benchmark(method, mixed)
        as_target = clean.predictions["target"] == corpus.corpus
        assert (
            clean.predictions["y_pred"][as_target] == again.predictions["y_pred"][as_target]
        ).all()
    assert set(results.predictions["y_pred"]) == {"negative"}


def test_every_prediction_travels_with_its_clip_and_class_names():
    results = benchmark({"SVM": SourceOnly()}, CORPORA)
    predictions = results.predictions
    assert results.experiments == ["5", "6", "9", "10", "11", "12"]
    assert len(predictions) == 2 * (30 + 24 + 21)
    assert set(predictions["y_true"]) <= set(CLASSES)
    shuffled = predictions.sample(frac=1, random_state=0)
    part = shuffled[shuffled["experiment"] == "9"]
    assert uf1(part["y_true"], part["y_pred"], classes=CLASSES) == pytest.approx(
        results.table("UF1").loc["9", "SVM"]
    )
    with pytest.raises(ValueError, match="index differs"):
        uf1(part["y_true"], part["y_pred"].sort_index(), classes=CLASSES)


def test_same_result_for_any_n_jobs():
    methods = {"SVM": SourceOnly(), "TGSR": TGSR(groups=4, n_selected=2)}
    one = benchmark(methods, CORPORA)
    two = benchmark(methods, CORPORA, n_jobs=2)
    assert one.predictions.equals(two.predictions)
    assert list(one.table("WAR").columns) == ["SVM", "TGSR"]
    np.testing.assert_allclose(one.table("UAR").loc["mean"], one.table("UAR").iloc[:-1].mean())


def test_matches_the_published_svm_where_ties_do_not_decide(published):
    """V→C, N→C, V→N and N→V of the benchmark's SVM row, to all printed digits."""
    corpora = [published(name) for name in ("casme2", "smic-vis", "smic-nir")]
    results = benchmark({"SVM": SourceOnly()}, corpora)
    uf1s, wars = results.table("UF1")["SVM"], 100 * results.table("WAR")["SVM"]
    printed = {
        "10": (0.5367, 53.08),
        "12": (0.2368, 23.85),
        "5": (0.6186, 63.38),
        "6": (0.6078, 63.38),
    }
    for experiment, (m_f1, accuracy) in printed.items():
        assert round(uf1s[experiment], 4) == m_f1
        assert round(wars[experiment], 2) == accuracy


class MeanFace(TransformerMixin, BaseEstimator):
    """A descriptor that counts how often it sees a clip."""

    seen = []

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        MeanFace.seen += [clip.key for clip in X]
        return np.array([clip.frames.reshape(len(clip.frames), -1).mean(axis=0) for clip in X])


def clips(name, n=9):
    rng = np.random.default_rng(len(name))
    emotions = ["happiness", "disgust", "surprise", "others"]
    return Corpus(
        [
            Clip(
                rng.integers(0, 255, (4, 3, 3), dtype=np.uint8),
                f"c{i}",
                f"s{i % 3}",
                name,
                label=emotions[i % 4],
            )
            for i in range(n)
        ],
        name,
    )


def native_clips(name):
    return Corpus(
        [
            Clip(c.source, c.name, c.subject, name, label=CLASSES[i % 3])
            for i, c in enumerate(clips(name))
        ],
        name,
    )


def test_clips_are_described_once_and_labelled_by_the_scheme():
    MeanFace.seen = []
    results = benchmark(
        {"SVM": SourceOnly(), "again": SourceOnly(SVC())},
        [clips("casme2"), native_clips("lab")],
        CDMERPairs(experiments=None),
        descriptor=MeanFace(),
    )
    assert sorted(MeanFace.seen) == sorted(set(MeanFace.seen))
    target = results.predictions.query("target == 'casme2' and method == 'SVM'")
    assert target["clip"].tolist() == [f"casme2/s{i % 3}/c{i}" for i in range(9) if i % 4 != 3]
    assert target["y_true"].tolist()[:3] == ["positive", "negative", "surprise"]
    assert results.confusion("SVM").sum() == 7 + 9


def test_pipelines_take_part_with_routing_on_and_off():
    methods = {"scaled": make_pipeline(StandardScaler(), SourceOnly())}
    off = benchmark(methods, CORPORA)
    with config_context(enable_metadata_routing=True):
        on = benchmark(methods, CORPORA)
    assert off.predictions.equals(on.predictions)
    source, target = CORPORA[:2]
    scaler = StandardScaler().fit(np.concatenate([source.features, target.features]))
    by_hand = SourceOnly().fit(scaler.transform(source.features), source.labels)
    accuracy = by_hand.score(scaler.transform(target.features), target.labels)
    assert off.table("WAR").loc["9", "scaled"] == pytest.approx(accuracy)


def test_a_search_at_the_end_of_a_pipeline_is_given_what_it_passes_on():
    search = GridSearchCV(TCA(), {"n_components": [1, 2]}, cv=2)
    methods = {"search": make_pipeline(StandardScaler(), search)}
    off = benchmark(methods, CORPORA)
    with config_context(enable_metadata_routing=True):
        assert benchmark(methods, CORPORA).predictions.equals(off.predictions)
    plain = GridSearchCV(SVC(), {"C": [1, 2]})  # it would take target rows for a class -1
    for routing in (False, True):
        with (
            config_context(enable_metadata_routing=routing),
            pytest.raises(TypeError, match="GridSearchCV takes no sample_domain, and a step"),
        ):
            benchmark({"half": make_pipeline(DomainStandardizer(), plain)}, CORPORA)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="scheme: expected one of"):
        benchmark({"SVM": SourceOnly()}, CORPORA, scheme="cdmer-131")
    with pytest.raises(ValueError, match="methods: expected a dict of named estimators, got none"):
        benchmark({}, CORPORA)
    with pytest.raises(ValueError, match="'casme2' occurs twice"):
        benchmark({"SVM": SourceOnly()}, [CORPORA[0], CORPORA[0]])
    with pytest.raises(ValueError, match="no pair among"):
        benchmark({"SVM": SourceOnly()}, CORPORA[:1])
    half_way = make_pipeline(DomainStandardizer(), SVC())
    with pytest.raises(TypeError, match=r"'half': SVC takes no sample_domain, and a step before"):
        benchmark({"half": half_way}, CORPORA)
    with pytest.raises(TypeError, match="'class': expected a scikit-learn classifier"):
        benchmark({"class": SVC}, CORPORA)
    with pytest.raises(ValueError, match=r"selection: expected one of .*'best'"):
        benchmark({"SVM": SourceOnly()}, CORPORA, selection="best")
    with pytest.raises(
        ValueError, match=r"'SVM': param_grid: expected parameters of SVC, .*'gama'"
    ):
        benchmark({"SVM": Method(SVC(), {"gama": [1]})}, CORPORA)
    with pytest.raises(ValueError, match=r"seeds: expected a whole number .*-1"):
        benchmark({"SVM": SourceOnly()}, CORPORA, seeds=[-1])
    with pytest.raises(ValueError, match=r"seeds: expected one or more different numbers, got \["):
        benchmark({"SVM": SourceOnly()}, CORPORA, seeds=[])
    with pytest.raises(TypeError, match="protocol: expected a Protocol, got 'CDMERPairs'"):
        benchmark({"SVM": SourceOnly()}, CORPORA, "CDMERPairs")
    with pytest.raises(ValueError, match="n_jobs: expected a number of workers, or -1"):
        benchmark({"SVM": SourceOnly()}, CORPORA, n_jobs=0)
    with pytest.raises(ValueError, match="on_error: expected one of"):
        benchmark({"SVM": SourceOnly()}, CORPORA, on_error="ignore")
    with pytest.raises(ValueError, match="names that differ, got 'SVM, oracle' twice"):
        benchmark(
            {"SVM": Method(SVC(), {"C": [1]}), "SVM, oracle": SVC()}, CORPORA, selection="oracle"
        )
    with pytest.raises(TypeError, match="corpora: expected Corpus"):
        benchmark({"SVM": SourceOnly()}, [np.zeros((3, 3))])
    with pytest.raises(ValueError, match="metric: expected one of"):
        benchmark({"SVM": SourceOnly()}, CORPORA).table("F1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": None}, "seeds: expected a whole number .* got None"),
        ({"selection": None}, "selection: expected a str or a list of them, got None"),
        ({"corpora": None}, "corpora: expected a sequence of corpora, got None"),
        ({"n_jobs": 1.5}, "n_jobs: expected a whole number, got 1.5"),
        ({"title": None}, "title: expected a str, got None"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_of_a_wrong_type_are_named(options, message):
    with pytest.raises(TypeError, match=message):
        benchmark(**{"methods": {"SVM": SVC()}, "corpora": CORPORA} | options)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": np.arange(29) % 3}, "labels of 'casme2' to be 30 whole numbers from 0 to 2"),
        ({"labels": np.arange(30) % 4}, "labels of 'casme2' to be 30 whole numbers from 0 to 2"),
        ({"labels": np.arange(30) % 3 - 1}, "labels of 'casme2' to be 30 whole numbers"),
        ({"labels": np.arange(30) % 3 / 2}, "one per row, got float64 of shape"),
        ({"features": np.zeros(30)}, r"features of 'casme2' to be numbers of shape \(n_clips, n_f"),
        ({"features": np.zeros((30, 2), object)}, "got object of shape"),
    ],
)
def test_features_and_labels_that_do_not_belong_together_are_refused(changed, message):
    with pytest.raises(ValueError, match=f"corpora: expected .*{message}"):
        benchmark({"SVM": SVC()}, [CORPORA[0]._replace(**changed), CORPORA[1]])


def test_a_labelled_clip_is_never_tested_on():
    lab = clips("lab")
    native = [Clip(c.source, c.name, c.subject, "lab", label="positive") for c in lab]
    one, two = Corpus(native[:6], "morning"), Corpus(native[4:], "evening")
    with pytest.raises(ValueError, match=r"'morning' and 'evening' share 2 clips, such as 'lab/"):
        benchmark({"SVM": SourceOnly()}, [one, two], CDMERPairs(None), descriptor=MeanFace())


class Nonsense(Recorder):
    def predict(self, X):
        return np.full(len(X), 7)


class NotANumber(Recorder):
    def predict(self, X):
        return np.full(len(X), np.nan)


class Unsure(Recorder):
    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


class FailsOnce(Recorder):
    """Raises where it has more than 29 source rows."""

    def fit(self, X, y, sample_domain=None):
        if (np.asarray(sample_domain) >= 0).sum() > 29:
            raise RuntimeError("the matrix is singular")
        return super().fit(X, y, sample_domain)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            Nonsense(),
            r"expected class codes of \[0, 1, 2\] in shape \(24,\), got .*with \[7, 7, 7\]",
        ),
        (NotANumber(), r"expected class codes of .* with \[nan, nan, nan\]"),
        (Unsure(), "expected finite scores, got 72 that are NaN or infinite"),
    ],
    ids=["code", "nan", "probabilities"],
)
def test_predictions_that_are_none_are_refused(method, message):
    with pytest.raises(ValueError, match=rf"methods: 2 of 2 jobs failed; .*{message}"):
        benchmark({"bad": method}, CORPORA[:2])
    with pytest.raises(ValueError, match=rf"method 'bad', experiment '9', .*{message}"):
        benchmark({"bad": method}, CORPORA[:2], on_error="raise")


def test_a_method_that_raises_costs_its_own_job(tmp_path):
    methods = {"SVM": SourceOnly(), "frail": FailsOnce()}
    store = tmp_path / "r.sqlite"
    with pytest.warns(UserWarning, match=r"2 of 12 jobs failed; first method 'frail', exp.* '9'"):
        results = benchmark(methods, CORPORA, store=store, n_jobs=2)
    assert results.failures["experiment"].tolist() == ["9", "11"]
    assert results.failures["error"].tolist() == ["RuntimeError"] * 2
    assert "the matrix is singular" in results.failures["message"][0]
    assert "in fit" in results.failures["traceback"][0]
    table = results.table()
    assert table["frail"].isna().tolist() == [False, False, True, False, True, False, True]
    assert table["SVM"].notna().all()
    with pytest.warns(UserWarning, match="2 of 12"):  # asked again, failed jobs run again
        again = benchmark(methods, CORPORA, store=store)
    assert again.table().equals(table)


def test_embeddings_of_sparse_rows_and_of_rows_with_gaps():
    bins = KBinsDiscretizer(3, encode="onehot", quantile_method="averaged_inverted_cdf")
    dense = KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
    methods = {"sparse": make_pipeline(bins, SVC()), "dense": make_pipeline(dense, SVC())}
    kept = benchmark(methods, CORPORA[:2], embeddings=True).jobs["embedding"]
    assert len(kept) == 4
    for one, other in (kept[:2], kept[2:]):
        np.testing.assert_array_equal(one["after"], other["after"])
    gaps = CORPORA[0].features.copy()
    gaps[::7, 3] = np.nan
    corpora = [CORPORA[0]._replace(features=gaps), CORPORA[1]]
    filled = benchmark({"m": make_pipeline(SimpleImputer(), SVC())}, corpora, embeddings=True)
    assert not len(filled.failures)
    assert filled.jobs["embedding"].isna().all()


def test_no_experiment_has_the_name_of_the_mean():
    corpora = [CORPORA[0]._replace(corpus="mean"), CORPORA[1]]
    with pytest.raises(ValueError, match="expected another name of the experiment"):
        benchmark({"SVM": SVC()}, corpora, LeaveOneCorpusOut())


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class FailsSilently(Recorder):
    def fit(self, X, y, sample_domain=None):
        raise Silent


def test_an_error_without_words_is_recorded():
    with pytest.warns(UserWarning, match="2 of 4 jobs failed"):
        results = benchmark({"SVM": SVC(), "silent": FailsSilently()}, CORPORA[:2])
    assert results.failures["error"].tolist() == ["Silent"] * 2


class Torn(ResultStore):
    """Cannot be read once the work has begun."""

    def finished(self, keys):
        if len(keys) == 1:
            raise OSError("the disk is gone")
        return super().finished(keys)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_store_that_breaks_is_no_lost_worker(n_jobs):
    with Torn() as store, pytest.raises(OSError, match="the disk is gone"):
        benchmark({"SVM": SVC()}, CORPORA, store=store, n_jobs=n_jobs)


class Held:
    """Cannot leave its process."""

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("stays here")


def test_a_method_that_cannot_be_sent_to_workers_is_no_lost_worker():
    method = {"held": HoldingSVC(Held())}
    assert benchmark(method, CORPORA[:2]).methods == ["held"]
    with pytest.raises(TypeError, match="methods: one cannot be sent to other processes"):
        benchmark(method, CORPORA[:2], n_jobs=2)


class HoldingSVC(SVC):
    """Holds something."""

    def __init__(self, held=None):
        super().__init__()
        self.held = held


class FailsForOnePerson(ClassifierMixin, BaseEstimator):
    """Raises where the clips of a person are missing from the training rows."""

    def fit(self, X, y):
        if len(X) == 6:
            raise RuntimeError("too few rows")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_a_score_without_some_clips_is_not_laid_beside_others():
    emotions = [*CLASSES, "negative"]
    corpus = Corpus(
        [
            Clip(
                c.source,
                c.name,
                "s0" if i < 3 else "s1" if i < 5 else "s2",
                "lab",
                label=emotions[i % 4],
            )
            for i, c in enumerate(clips("lab"))
        ],
        "lab",
    )
    methods = {"SVM": SVC(), "frail": FailsForOnePerson()}
    with pytest.warns(UserWarning, match="1 of 6 jobs failed"):
        results = benchmark(methods, [corpus], WithinCorpusLOSO(), descriptor=MeanFace())
    assert results.scores()["n_clips"].tolist() == [9, 6]
    table = results.table()
    assert table["SVM"].notna().all()
    assert table["frail"].isna().all()


class Counter(Recorder):
    """Counts its fits."""

    fits = 0

    def fit(self, X, y, sample_domain=None):
        Counter.fits += 1
        return super().fit(X, y, sample_domain)


def test_what_is_in_the_store_is_not_run_again(tmp_path):
    Counter.fits = 0
    store = tmp_path / "r.sqlite"
    first = benchmark({"counter": Counter()}, CORPORA[:2], store=store)
    assert Counter.fits == 2
    more = benchmark({"renamed": Counter(), "SVM": SourceOnly()}, CORPORA, store=store)
    assert Counter.fits == 6  # four experiments are new
    same = more.predictions.query("method == 'renamed' and experiment in ('9', '10')")
    assert same["y_pred"].tolist() == first.predictions["y_pred"].tolist()
    changed = [CORPORA[0]._replace(features=CORPORA[0].features + 1e-9), CORPORA[1]]
    benchmark({"counter": Counter()}, changed, store=store)
    assert Counter.fits == 8
    with ResultStore(store) as kept:
        assert len(kept) == 6 + 6 + 2
        assert kept.results(1).predictions.equals(first.predictions)


def test_a_parameter_without_content_is_refused_where_a_store_would_have_to_know_it(tmp_path):
    method = {"odd": make_pipeline(FunctionTransformer(lambda X: X), SVC())}
    assert benchmark(method, CORPORA[:2]).methods == ["odd"]
    with pytest.raises(TypeError, match=r"'odd': cannot identify <function .*by its content"):
        benchmark(method, CORPORA[:2], store=tmp_path / "r.sqlite")


def test_the_oracle_is_the_best_of_the_grid_and_no_other_selection_is():
    param_grid = {"n_components": [1, 2, 3, 5, 8]}
    results = benchmark(
        {"TCA": Method(TCA(), param_grid)},
        CORPORA,
        progress=False,
        selection=["fixed", "label-free:iwv", "oracle"],
    )
    each = {
        n: benchmark({"TCA": TCA(n_components=n)}, CORPORA, progress=False).table()["TCA"]
        for n in param_grid["n_components"]
    }
    table = results.table()
    for experiment in results.experiments:
        best = max(column[experiment] for column in each.values())
        assert table.loc[experiment, "TCA, oracle"] == best
        job = results.jobs.query("experiment == @experiment and selection == 'oracle'").iloc[0]
        assert each[job["params"]["n_components"]][experiment] == best
        chosen = results.jobs.query(
            "experiment == @experiment and selection == 'label-free:iwv'"
        ).iloc[0]["params"]["n_components"]
        assert table.loc[experiment, "TCA, label-free:iwv"] == each[chosen][experiment]


@pytest.mark.parametrize("how", ["oracle", "label-free:source"])
def test_estimators_in_a_grid_are_cloned(how):
    C, held = [1e-3, 1, 100, 1e-4], SVC()
    pipeline = make_pipeline(StandardScaler(), SVC())
    expected, found = (
        benchmark({"SVM": Method(pipeline, param_grid)}, CORPORA, selection=how, progress=False)
        for param_grid in ({"svc__C": C}, {"svc": [held], "svc__C": C})
    )
    assert found.predictions.equals(expected.predictions)
    assert not hasattr(held, "support_")


def test_estimators_in_a_grid_have_seeds():
    pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC(random_state=0))])
    methods = {"m": Method(pipeline, {"model": [RandomForestClassifier(5), SVC()]})}
    one, two = (
        benchmark(methods, CORPORA, selection="oracle", seeds=[0, 1], progress=False)
        for _ in range(2)
    )
    assert one.predictions.equals(two.predictions)
    assert set(one.predictions["seed"]) == {0, 1}


@pytest.mark.parametrize("how", ["oracle", "nested-loso"])
@pytest.mark.parametrize("wrong", [0.5, "1", 3, np.nan], ids=str)
def test_selection_reads_no_prediction_that_is_none(how, wrong):
    class Wrong(ClassifierMixin, BaseEstimator):
        def __init__(self, value=0):
            self.value = value

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.value)

    methods = {"SVM": SVC(), "wrong": Method(Wrong(), {"value": [0, wrong]})}
    corpora = [clips("casme2"), native_clips("lab")]
    with pytest.warns(UserWarning, match=r"predictions: expected class codes of \[0, 1, 2\]"):
        benchmark(
            methods, corpora, CDMERPairs(None), descriptor=MeanFace(), selection=how, progress=False
        )


def test_nested_selection_by_loops():
    rng = np.random.default_rng(0)
    corpus = Corpus(
        [
            Clip(
                rng.integers(0, 255, (2, 3, 3), dtype=np.uint8),
                f"c{i}",
                f"s{i % 4}",
                "lab",
                label=CLASSES[rng.integers(3)],
            )
            for i in range(40)
        ],
        "lab",
    )
    param_grid = {"C": [1e-7, 1e-5, 1e-3]}
    results = benchmark(
        {"SVM": Method(SVC(kernel="linear"), param_grid)},
        [corpus],
        WithinCorpusLOSO(),
        descriptor=MeanFace(),
        selection="nested-loso",
        progress=False,
    )
    X = MeanFace().transform(corpus)
    y = np.array([CLASSES.index(clip.label) for clip in corpus])
    who = np.array([clip.subject for clip in corpus])
    for job in results.jobs.itertuples():
        outer = who != job.fold
        scores = []
        for C in param_grid["C"]:
            predicted = np.full(40, -1)
            for person in set(who[outer]):
                train, held = outer & (who != person), who == person
                predicted[held] = SVC(kernel="linear", C=C).fit(X[train], y[train]).predict(X[held])
            scores.append(uf1(y[outer], predicted[outer], classes=range(3)))
        assert job.params["C"] == param_grid["C"][int(np.argmax(scores))]
        assert job.details["selection_score"] == pytest.approx(max(scores))


def test_nested_selection_needs_people():
    with pytest.raises(ValueError, match="'nested-loso' leaves people .* subjects are not known"):
        benchmark(
            {"SVM": Method(SVC(), {"C": [1, 2]})},
            CORPORA[:2],
            HoldOutDatabase(),
            selection="nested-loso",
        )


def action_units_corpus(name, n, seed):
    """Clips whose mean grey value tells AU4, and whose first pixel AU12."""
    rng = np.random.default_rng(seed)
    clips = []
    for i in range(n):
        frames = rng.integers(0, 40, (2, 3, 3)).astype(np.uint8)
        units = [unit for unit, chance in (("4", 0.6), ("12", 0.4)) if rng.random() < chance]
        frames += np.uint8(90 * ("4" in units))
        frames[:, 0, 0] += np.uint8(90 * ("12" in units))
        clips.append(Clip(frames, f"c{i}", f"s{i % 5}", name, action_units=tuple(units or ["1"])))
    return Corpus(clips, name)


@pytest.mark.parametrize(
    "method",
    [SourceOnly(SVC(kernel="linear")), KNeighborsClassifier(3), LogisticRegression(C=1e-3)],
    ids=["per action unit", "all at once", "plain"],
)
def test_action_units_are_predicted_unit_by_unit(method):
    corpora = [
        action_units_corpus("casme", 40, 0),
        action_units_corpus("casme2", 30, 1),
        action_units_corpus("samm", 35, 2),
    ]
    results = benchmark(
        {"m": method},
        corpora,
        LeaveOneCorpusOut(),
        descriptor=MeanFace(),
        scheme="action-units",
        progress=False,
    )
    assert results.multilabel
    assert results.metrics == ["macro F1", "binary F1"]
    assert len(results.predictions) == (40 + 30 + 35) * 12
    frame = results.predictions.query("corpus == 'samm'")
    train = [*corpora[0], *corpora[1]]
    scheme = get_scheme("action-units")
    truth, X = scheme.indicator(train), MeanFace().transform(train)
    model = method.estimator if isinstance(method, SourceOnly) else method
    for unit in ("AU4", "AU12"):
        column = scheme.classes.index(unit)
        expected = clone(model).fit(X, truth[:, column]).predict(MeanFace().transform(corpora[2]))
        found = frame.query("action_unit == @unit")["y_pred"] == "present"
        np.testing.assert_array_equal(found.to_numpy(), expected.astype(bool))
        assert expected.any()
    absent = frame.query("action_unit == 'AU17'")
    assert set(absent["y_pred"]) == {"absent"}


def test_clips_without_features_are_told():
    corpora = [clips("casme2"), native_clips("lab")]
    table = extract(corpora[0], MeanFace())
    failed = dataclasses.replace(
        table,
        features=table.features[1:],
        clips=table.clips.iloc[1:].reset_index(drop=True),
        failures=pd.DataFrame({"key": ["casme2/s0/c0"], "error": "OSError", "message": "torn"}),
    )
    results = benchmark(
        {"SVM": SourceOnly()}, [failed, corpora[1]], CDMERPairs(None), descriptor=MeanFace()
    )
    notes = " ".join(results.info["notes"])
    assert "1 clips of casme2 have no features and take no part; first casme2/s0/c0: torn" in notes
    assert "casme2 has 6 of the 130 clips of cdmer-130" in notes
    assert results.info["corpora"][0]["n_failed"] == 1


def test_a_class_absent_from_a_target_is_told():
    labels = np.arange(24) % 2
    target = CORPORA[1]._replace(labels=labels)
    results = benchmark(
        {"SVM": SourceOnly()},
        [CORPORA[0], target],
        CDMERPairs([Experiment("9", "casme2", "smic-vis")]),
    )
    assert any("experiment 9 is of class surprise: its F1 and" in n for n in results.info["notes"])
    assert results.scores()["UAR"][0] <= 2 / 3


def test_feature_tables_are_as_good_as_their_clips(tmp_path):
    corpora = [clips("casme2"), native_clips("smic-hs")]
    tables = [extract(corpus, MeanFace()) for corpus in corpora]
    tables[1].save(tmp_path / "t.npz")
    tables[1] = FeatureTable.load(tmp_path / "t.npz")
    methods = {"SVM": SourceOnly()}
    from_clips = benchmark(methods, corpora, descriptor=MeanFace())
    for given in (tables, [tables[0], corpora[1]]):
        results = benchmark(methods, given, descriptor=MeanFace())
        assert results.predictions.equals(from_clips.predictions)
    assert results.predictions["clip"].str.startswith("casme2/s0/").any()


def test_feature_tables_have_to_fit_each_other_and_the_scheme():
    one, other = extract(clips("casme2"), MeanFace()), extract(native_clips("smic-hs"), MeanFace())
    renamed = dataclasses.replace(other, feature_names=[f"x{i}" for i in range(9)])
    with pytest.raises(ValueError, match=r"features of 'casme2' and 'smic-hs' are not the same: M"):
        benchmark({"SVM": SourceOnly()}, [one, renamed])
    with pytest.raises(ValueError, match="one corpus per feature table, got clips of several"):
        benchmark({"SVM": SourceOnly()}, [one, dataclasses.replace(other, corpus=None)])
    with pytest.raises(ValueError, match="'casme2' occurs twice"):
        benchmark({"SVM": SourceOnly()}, [one, clips("casme2")])
    others = extract([c for c in clips("casme2") if c.label == "others"], MeanFace())
    with pytest.raises(ValueError, match="leaves no clip of corpus 'casme2'"):
        benchmark({"SVM": SourceOnly()}, [others, other])
    assert one.labels("cdmer-130").count(None) == 2  # left out, not misread


def test_results_show_themselves():
    results = benchmark({"SVM <a>": SourceOnly()}, CORPORA)
    head, *table = repr(results).splitlines()
    assert head == "Results(1 method, 6 experiments, scheme 'cdmer-130')"
    assert f"{results.table().loc['mean', 'SVM <a>']:.4f}" in table[-1]
    assert "SVM &lt;a&gt;" in results._repr_html_()
