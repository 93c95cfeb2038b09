"""What label schemes leave out is said; classes as annotated; notations of action units."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neighbors import KNeighborsClassifier

from cdmer.adaptation import SourceOnly
from cdmer.corpora import Clip, Corpus, LabelScheme, PublishedFeatures, get_scheme
from cdmer.evaluation import CDMERPairs, LeaveOneCorpusOut, benchmark
from cdmer.evaluation.config import load_config, run_config, summarize_config
from cdmer.extraction import extract


class MeanFace(TransformerMixin, BaseEstimator):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.array([clip.frames.mean(axis=(0, 1)) for clip in X])


def corpus(name, labels=(), units=()):
    rng = np.random.default_rng(len(name))
    n = max(len(labels), len(units))
    labels, units = labels or [None] * n, units or [()] * n
    frames = rng.integers(0, 255, (n, 3, 4, 4), dtype=np.uint8)
    return Corpus(
        [
            Clip(frames[i], f"c{i}", f"s{i % 3}", name, label=labels[i], action_units=units[i])
            for i in range(n)
        ],
        name,
    )


def run(corpora, protocol=None, **given):
    method = {"m": KNeighborsClassifier(1)}
    protocol = LeaveOneCorpusOut() if protocol is None else protocol
    return benchmark(method, corpora, protocol, descriptor=MeanFace(), progress=False, **given)


def notes(results):
    return [note for note in results.info["notes"] if "left out" in note or "doubtful" in note]


CASME2 = ["happiness", "disgust", "surprise", "others", "repression", "others"]


def test_a_benchmark_says_what_the_scheme_leaves_out():
    casme2, lab = corpus("casme2", CASME2), corpus("lab", ["negative", "positive", "surprise"])
    left_out = "3 of 6 clips of casme2 are left out by scheme 'cdmer-130': others 2, repression 1"
    for one in (casme2, extract(casme2, MeanFace())):
        assert notes(run([one, lab])) == [left_out]
    assert notes(run([casme2, lab], scheme="emotion")) == []


# Cells in the shapes that SAMM's sheet has; the last three have alternatives, or say nothing.
SAMM = [
    ("A2", "12"),
    ("A12B",),
    ("10A/B", "4"),
    ("A/L12", "ref(7B)"),
    ("R12 or L12",),
    ("4", "soft focus"),
    ("12", "AD38", "M58"),
    ("(R6 or R12)", "4"),
    ("R14A or 17A or 24A",),
    (),
]
DATABASES = ["casme", "casme2", "mmew", "4dme", "casme3-a"]


def test_six_databases_run_by_action_units_as_their_sheets_write_them():
    units = [("4",), ("12",), ("R12B", "6"), ("4", "7"), ("1", "2")]
    corpora = [corpus("samm", units=SAMM), *(corpus(name, units=units) for name in DATABASES)]
    refused = run(corpora, scheme="action-units")
    named = "samm/s1/c7 '(R6 or R12)', samm/s2/c8 'R14A or 17A or 24A', samm/s0/c9 none"
    assert notes(refused) == [
        "3 of 10 clips of samm are left out, as their action units are missing or unreadable: "
        + named
    ]
    truth = refused.predictions.query("corpus == 'samm' and y_true == 'present'")
    shown = truth.groupby("clip", observed=True)["action_unit"].agg(set)
    assert shown["samm/s0/c0"] == {"AU2", "AU12"}
    assert shown["samm/s0/c3"] == {"AU7", "AU12"}
    assert shown["samm/s1/c4"] == {"AU12"}
    for doubtful, expected in (("any", {"AU4", "AU6", "AU12"}), ("drop", {"AU4"})):
        results = run(corpora, scheme="action-units", doubtful=doubtful)
        assert notes(results) == [
            "1 of 10 clips of samm are left out, as their action units are missing or unreadable: "
            "samm/s0/c9 none",
            f"2 clips of samm with doubtful action units, read by doubtful={doubtful!r}: "
            "samm/s1/c7 '(R6 or R12)', samm/s2/c8 'R14A or 17A or 24A'",
        ]
        truth = results.predictions.query("clip == 'samm/s1/c7' and y_true == 'present'")
        assert set(truth["action_unit"]) == expected
        scheme = get_scheme("action-units", doubtful=doubtful)
        assert run(corpora, scheme=scheme).predictions.equals(results.predictions)


def test_doubtful_stands_beside_action_units_alone():
    corpora = [corpus("lab", ["negative", "positive"]), corpus("web", ["positive", "surprise"])]
    with pytest.raises(ValueError, match="doubtful: expected None, as scheme 'three' is not one"):
        run(corpora, scheme="three", doubtful="any")


def test_classes_as_annotated_are_those_of_all_corpora():
    one = corpus("lab", ["Benign", "malign", "benign", "benign"])
    other = corpus("web", ["Malign", "malign", "unsure"])
    results = run([one, other], scheme="labels")
    assert (results.scheme, results.classes) == ("labels", ("benign", "malign", "unsure"))
    assert results.predictions.query("corpus == 'web'")["y_true"].tolist() == [
        "malign",
        "malign",
        "unsure",
    ]
    tables = [extract(given, MeanFace()) for given in (one, other)]
    again = benchmark(
        {"m": KNeighborsClassifier(1)}, tables, LeaveOneCorpusOut(), scheme="labels", progress=False
    )
    assert again.predictions.equals(results.predictions)
    own = LabelScheme.from_labels(["benign", "malign", "unsure"])
    assert run([one, other], scheme=own).predictions.equals(results.predictions)


def test_published_features_are_annotated_by_their_class_names():
    rng = np.random.default_rng(0)
    corpora = [
        PublishedFeatures(rng.normal(size=(6, 3)), np.arange(6) % 2, ("high", "low"), name)
        for name in ("one", "two")
    ]
    results = benchmark({"SVM": SourceOnly()}, corpora, CDMERPairs(None), scheme="labels")
    assert results.classes == ("high", "low")


CONFIG = """
scheme = "{scheme}"
corpora = [
    {{source = "synthetic:nir-25fps", n_clips = 6}},
    {{source = "synthetic:lab-200fps", n_clips = 6}},
]
protocol = {{class = "CDMERPairs", experiments = "all"}}
descriptor = {{class = "LBPTOP", radius = 1, grid = {{class = "RegionGrid", levels = [1]}}}}
methods = {{one = {{class = "SourceOnly"}}}}
"""


def test_config_files_name_classes_as_annotated(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text(CONFIG.format(scheme="labels"))
    config = load_config(path)
    assert (config.scheme, config.doubtful) == ("labels", None)
    assert "nir-25fps: 6 clips (negative 2, positive 2, surprise 2)" in summarize_config(config)
    assert run_config(config, progress=False).classes == ("negative", "positive", "surprise")


def test_config_files_say_what_becomes_of_doubtful_action_units(tmp_path):
    path = tmp_path / "bench.toml"
    text = CONFIG.format(scheme="action-units")
    path.write_text('doubtful = "drop"\n' + text)
    assert load_config(path).doubtful == "drop"
    assert run_config(path, progress=False).multilabel
    path.write_text('doubtful = "all"\n' + text)
    with pytest.raises(ValueError, match=r"bench.toml: doubtful: expected one of .*got 'all'"):
        load_config(path)
    for scheme in ("three", "labels"):
        path.write_text('doubtful = "any"\n' + CONFIG.format(scheme=scheme))
        with pytest.raises(ValueError, match=f"doubtful: expected None, as scheme '{scheme}'"):
            load_config(path)
