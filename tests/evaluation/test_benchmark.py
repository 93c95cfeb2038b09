import dataclasses

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer.adaptation import TGSR, SourceOnly
from cdmer.corpora import Clip, Corpus, PublishedFeatures
from cdmer.evaluation import CDMER_EXPERIMENTS, CDMERPairs, benchmark, uf1
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


def test_the_twelve_experiments():
    pairs = [(e.source, e.target) for e in CDMER_EXPERIMENTS]
    assert len(set(pairs)) == 12
    assert pairs[0] == ("smic-hs", "smic-vis")
    assert pairs[4] == ("smic-vis", "smic-nir")
    assert pairs[8] == ("casme2", "smic-vis")
    assert pairs[11] == ("smic-nir", "casme2")
    for experiment in CDMER_EXPERIMENTS:
        assert (experiment.kind == "TYPE-II") == (
            "casme2" in (experiment.source, experiment.target)
        )


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
    printed = {"10": (0.5367, 53.08), "12": (0.2368, 23.85), "5": (0.6186, 63.38),
               "6": (0.6078, 63.38)}  # fmt: skip
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
            Clip(rng.integers(0, 255, (4, 3, 3), dtype=np.uint8), f"c{i}", f"s{i % 3}", name,
                 label=emotions[i % 4])
            for i in range(n)
        ],
        name,
    )  # fmt: skip


def native_clips(name):
    return Corpus(
        [Clip(c.source, c.name, c.subject, name, label=CLASSES[i % 3])
         for i, c in enumerate(clips(name))], name,
    )  # fmt: skip


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


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="scheme: expected one of"):
        benchmark({"SVM": SourceOnly()}, CORPORA, scheme="cdmer-131")
    with pytest.raises(ValueError, match="methods: got none"):
        benchmark({}, CORPORA)
    with pytest.raises(ValueError, match="'casme2' occurs twice"):
        benchmark({"SVM": SourceOnly()}, [CORPORA[0], CORPORA[0]])
    with pytest.raises(ValueError, match="no pair among"):
        benchmark({"SVM": SourceOnly()}, CORPORA[:1])
    with pytest.raises(TypeError, match=r"'plain': SVC takes no sample_domain"):
        benchmark({"plain": SVC()}, CORPORA)
    with pytest.raises(TypeError, match="corpora: expected Corpus"):
        benchmark({"SVM": SourceOnly()}, [np.zeros((3, 3))])
    with pytest.raises(ValueError, match="metric: expected one of"):
        benchmark({"SVM": SourceOnly()}, CORPORA).table("F1")


def test_a_labelled_clip_is_never_tested_on():
    lab = clips("lab")
    native = [Clip(c.source, c.name, c.subject, "lab", label="positive") for c in lab]
    one, two = Corpus(native[:6], "morning"), Corpus(native[4:], "evening")
    with pytest.raises(ValueError, match=r"'morning' and 'evening' share 2 clips, such as 'lab/"):
        benchmark({"SVM": SourceOnly()}, [one, two], CDMERPairs(None), descriptor=MeanFace())


class Nonsense(Recorder):
    def predict(self, X):
        return np.full(len(X), 7)


def test_predictions_outside_the_class_list_are_refused():
    with pytest.raises(ValueError, match="method 'bad': expected 24 class codes between 0 and 2"):
        benchmark({"bad": Nonsense()}, CORPORA[:2])


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
