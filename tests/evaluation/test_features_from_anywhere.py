"""Features that were computed elsewhere: arrays and data frames, from rows to the report."""

import numpy as np
import pandas as pd
import pytest

from cdmer.adaptation import CORAL, SourceOnly
from cdmer.corpora import Clip
from cdmer.evaluation import benchmark, label_free_pipeline
from cdmer.evaluation.protocols import (
    CDMERPairs,
    CompositeLOSO,
    HoldOutDatabase,
    WithinCorpusLOSO,
)
from cdmer.evaluation.protocols._people import people
from cdmer.evaluation.report import write_report
from cdmer.evaluation.selection import SourceKFold
from cdmer.extraction import FeatureTable

EMOTIONS = np.array(["negative", "positive", "surprise"])
NAMES = ("here", "there", "elsewhere")


def made_up(n=24, n_features=6, seed=0):
    """Columns of any sign, such as action units and angles of the head, of three corpora."""
    rng = np.random.default_rng(seed)
    codes = np.tile(np.arange(n) % 3, len(NAMES))
    X = rng.normal(size=(n * len(NAMES), n_features)) - 2
    X[:, :3] += 3 * np.eye(3)[codes]
    corpus = np.repeat(NAMES, n)
    subject = np.array([f"p{i // 4}" for i in range(n)] * len(NAMES))
    return X, EMOTIONS[codes], subject, corpus


def frame(**more):
    X, label, subject, corpus = made_up()
    columns = pd.DataFrame(X, columns=[f"AU{i:02d}_r" for i in range(X.shape[1])])
    return columns.assign(label=label, subject=subject, corpus=corpus, **more)


def test_arrays_become_a_table():
    X, label, subject, _ = made_up()
    table = FeatureTable.from_arrays(X, label, subject, "openface")
    np.testing.assert_array_equal(table.features, X)
    assert table.corpus == "openface"
    assert table.feature_names.tolist() == [f"x{i}" for i in range(6)]
    assert table.feature_groups is None
    assert table.clips["key"][5] == "openface/p1/5"
    assert table.labels("three") == label.tolist()
    assert len(table.failures) == 0
    assert table.transformer == "features from elsewhere"


def test_tables_survive_their_file(tmp_path):
    table = FeatureTable.from_frame(frame(onset=pd.array([1, pd.NA] * 36, dtype="Int64"), fps=25.0))
    table.save(tmp_path / "table.npz")
    again = FeatureTable.load(tmp_path / "table.npz")
    np.testing.assert_array_equal(again.features, table.features)
    pd.testing.assert_frame_equal(again.clips, table.clips)
    assert again.clips["onset"].tolist()[:2] == [1, pd.NA]
    assert (again.clips["fps"] == 25).all()


def test_frames_and_arrays_give_the_same_table():
    X, label, subject, corpus = made_up()
    columns = [f"AU{i:02d}_r" for i in range(6)]
    one = FeatureTable.from_arrays(X, label, subject, corpus, feature_names=columns)
    other = FeatureTable.from_frame(frame())
    named = FeatureTable.from_arrays(pd.DataFrame(X, columns=columns), label, subject, corpus)
    for table in (other, named):
        np.testing.assert_array_equal(table.features, one.features)
        pd.testing.assert_frame_equal(table.clips, one.clips)
        assert table.feature_names.tolist() == columns
    assert one.corpus is None
    parts = one.split()
    assert [part.corpus for part in parts] == list(NAMES)
    np.testing.assert_array_equal(np.concatenate([part.features for part in parts]), X)
    assert [part.clips["key"][0] for part in parts] == [
        "here/p0/0",
        "there/p0/24",
        "elsewhere/p0/48",
    ]


def test_numbers_are_texts_and_columns_with_gaps_are_whole_numbers():
    table = FeatureTable.from_arrays(np.eye(4), [0, 1, 2, 1], [1.0, 2.0, np.nan, 2.0], "a")
    assert table.clips["label"].tolist() == ["0", "1", "2", "1"]
    assert table.clips["subject"].tolist() == ["1", "2", "", "2"]
    labels = pd.Series([0, 1, 2, 1], dtype="Int64")
    assert FeatureTable.from_arrays(np.eye(4), labels).clips["label"].tolist() == list("0121")


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", " ", pd.NaT])
def test_missing_subjects_are_unknown_people(missing):
    X, label, subject, corpus = made_up()
    subject = subject.astype(object)
    subject[5] = missing
    data = frame().assign(subject=subject)
    table = FeatureTable.from_frame(data)
    assert table.clips["subject"][5] == ""
    methods = {"SVM": SourceOnly()}
    with pytest.raises(ValueError, match="1 of 24 clips of 'here' have no subject"):
        benchmark(methods, data, WithinCorpusLOSO(), scheme="three", progress=False)
    found = benchmark(methods, data, HoldOutDatabase(), scheme="three", progress=False)
    assert "nan" not in set(found.predictions["subject"].astype(str))
    # Protocols alone, on a table of their own.
    with pytest.raises(ValueError, match="1 of 24 clips of 'here' have no subject"):
        list(CompositeLOSO().roles(pd.DataFrame({"corpus": corpus, "subject": subject})))


def test_without_subjects_protocols_that_need_people_refuse():
    X, label, _, corpus = made_up()
    tables = FeatureTable.from_arrays(X, label, corpus=corpus).split()
    methods = {"SVM": SourceOnly()}
    for protocol in (CompositeLOSO(), WithinCorpusLOSO()):
        with pytest.raises(ValueError, match="24 of 24 clips of '.*' have no subject"):
            benchmark(methods, tables, protocol, scheme="three", progress=False)


@pytest.mark.parametrize("kind", ["tables", "frame", "frames"])
def test_from_rows_to_the_report(kind, tmp_path):
    data = frame()
    corpora = {
        "tables": FeatureTable.from_frame(data).split(),
        "frame": data,
        "frames": [part for _, part in data.groupby("corpus", sort=False)],
    }[kind]
    methods = {"SVM": SourceOnly(), "CORAL": CORAL(), "label-free": label_free_pipeline()}
    found = benchmark(methods, corpora, CDMERPairs(None), scheme="three", progress=False)
    table = found.table("UF1")
    assert len(table) == 7
    assert np.isfinite(table.to_numpy()).all()
    assert table.loc["mean", "label-free"] > 0.8
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert all(name in page for name in (*NAMES, *methods))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.ones((3, 2, 2))}, "Found array with dim 3"),
        ({"X": np.ones(4)}, "Expected 2D array, got 1D"),
        ({"X": [[1.0], [np.nan], [2.0], [3.0]]}, "Input X contains NaN"),
        ({"X": [[1.0], [np.inf], [2.0], [3.0]]}, "Input X contains infinity"),
        ({"label": ["a"] * 3}, r"label: expected one per row of X \(4\), got 3"),
        (
            {"label": ["a", None, "b", "c"]},
            "label: expected a text in every row, got None in row 1",
        ),
        (
            {"label": ["a", "b", np.nan, "c"]},
            "label: expected a text in every row, got nan in row 2",
        ),
        ({"label": [0.5, 1, 2, 3]}, "label: expected texts or whole numbers, got 0.5"),
        ({"subject": ["p"]}, r"subject: expected one per row of X \(4\), got 1"),
        ({"subject": [("p", 1)] * 4}, "subject: expected texts or whole numbers, got"),
        ({"corpus": ["a"]}, r"corpus: expected one per row of X \(4\), got 1"),
        ({"corpus": ["a", "a", "", "b"]}, "corpus: expected a text in every row, got '' in row 2"),
        ({"corpus": None}, "corpus: expected a text in every row, got None in row 0"),
        ({"name": list("abca")}, "name: 'features//a' occurs twice"),
        ({"name": list("abc")}, r"name: expected one per row of X \(4\), got 3"),
        ({"feature_names": ["one"]}, r"feature_names: expected 2, one per column of X, got shape"),
        ({"feature_names": ["one", "one"]}, "feature_names: 'one' occurs twice"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message):
    given = {"X": np.eye(4)[:, :2], "label": list("abca")} | change
    with pytest.raises(ValueError, match=message):
        FeatureTable.from_arrays(given.pop("X"), given.pop("label"), **given)


@pytest.mark.parametrize(
    ("change", "corpus", "message"),
    [
        (lambda f: f.drop(columns="label"), None, "frame: expected a column 'label' and no 'key'"),
        (lambda f: f.assign(key="k"), None, "frame: expected a column 'label' and no 'key'"),
        (lambda f: f.drop(columns="corpus"), None, "corpus: expected either a column of that name"),
        (lambda f: f, "mine", "corpus: expected either a column of that name or the argument"),
        (lambda f: f.assign(film="a.mp4"), None, r"columns of numbers beside .*, got \['film'\]"),
        (lambda f: f[["label", "corpus"]], None, "columns of numbers beside .*, got none"),
        (lambda f: pd.concat([f, f[["label"]]], axis=1), None, "frame: 'label' occurs twice"),
        (lambda f: f.assign(AU00_r=np.nan), None, "Input X contains NaN"),
    ],
)
def test_frames_that_do_not_fit_are_named(change, corpus, message):
    with pytest.raises(ValueError, match=message):
        FeatureTable.from_frame(change(frame()), corpus=corpus)


def test_frames_in_a_benchmark_have_to_fit_each_other():
    one = frame()
    methods = {"SVM": SourceOnly()}
    with pytest.raises(ValueError, match="'here' occurs twice"):
        benchmark(methods, [one, one], scheme="three")
    other = one.assign(corpus="other").rename(columns={"AU00_r": "AU01_c"})
    with pytest.raises(ValueError, match="features of 'here' and 'other' are not the same"):
        benchmark(methods, [one, other], scheme="three")


def test_label_free_pipeline_takes_columns_of_any_sign():
    X, label, _, corpus = made_up()
    domain = np.where(corpus == "here", -1, 1)
    hidden = np.where(domain < 0, "?", label)
    model = label_free_pipeline()
    parameters = {f"{name}__sample_domain": domain for name, _ in model.steps}
    found = model.fit(X, hidden, **parameters).predict(X[domain < 0])
    assert np.mean(found == label[domain < 0]) > 0.8


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", " "])
def test_missing_subjects_are_unknown_wherever_people_are_read(missing):
    frames = np.zeros((2, 4, 4), dtype=np.uint8)
    clip = Clip(frames, "c1", missing, "mine", "happiness")
    assert clip.subject == ""
    assert clip.key == "mine//c1"
    assert people(["mine", "smic-hs"], [missing, "s1"]).tolist() == ["", "smic/s1"]
    # Rows of people whom nobody knows stay together: they may be the same.
    groups = np.array(["a", "b", missing, missing, "c", "d", missing, "e"] * 2, dtype=object)
    y, domain = np.arange(16) % 2, np.ones(16, dtype=int)
    domain[-1] = -2
    unknown = {2, 3, 6, 10, 11, 14}
    folds = list(SourceKFold(domain, n_splits=2, groups=groups).split(None, y))
    assert [unknown & set(test) for _, test in folds] in ([unknown, set()], [set(), unknown])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_early_stopping_holds_out_nobody_unknown(missing):
    from cdmer.nets import NetClassifier

    X = np.random.default_rng(0).normal(size=(12, 4))
    groups = np.array(["a", "b", missing] * 4, dtype=object)
    model = NetClassifier("MLP", early_stopping=True, n_epochs=1, random_state=0)
    with pytest.raises(ValueError, match="groups: expected the subject of each source row, got"):
        model.fit(X, np.arange(12) % 2, groups=groups)


def test_classes_of_another_field_are_those_of_the_labels():
    data = frame()
    names = {"negative": "walk", "positive": "run", "surprise": "jump"}
    data = data.assign(label=[names[label] for label in data["label"]])
    found = benchmark(
        {"SVM": SourceOnly()}, data, HoldOutDatabase(), scheme="labels", progress=False
    )
    assert found.table("UF1").loc["mean", "SVM"] > 0.7
