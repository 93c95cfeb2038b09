"""What every protocol owes, whoever wrote it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.svm import SVC

from cdmer.evaluation.protocols import Experiment


def table(sizes, seed=None):
    """One row per clip: per corpus so many clips of so many subjects, each with one at least."""
    rows = [
        (name, form.format(i % n_subjects + 1), f"{name}/{i}")
        for name, (n_clips, n_subjects, form) in sizes.items()
        for i in range(n_clips)
    ]
    metadata = pd.DataFrame(rows, columns=["corpus", "subject", "clip"])
    return metadata if seed is None else metadata.sample(frac=1, random_state=seed)


SMALL = {
    "casme2": (12, 4, "sub{:02d}"),
    "samm": (9, 3, "{:03d}"),
    "smic-vis": (10, 3, "s{}"),
    "smic-nir": (10, 3, "s{}"),
}


def by_clip(protocol, metadata):
    """Folds as the clips they hold, in the folds' order."""
    clips = metadata["clip"].to_numpy()
    return [
        (f.experiment, f.name, f.source, f.target, f.kind)
        + tuple(frozenset(clips[rows]) for rows in (f.train, f.adapt, f.test))
        for f in protocol.roles(metadata)
    ]


BOTH = table({name: SMALL[name] for name in ("casme2", "samm")})


def data_of_small(seed=7):
    """Features, labels and metadata of the clips of `SMALL`."""
    metadata = table(SMALL, seed)
    rng = np.random.default_rng(0)
    y = np.arange(len(metadata)) % 3
    return rng.normal(size=(len(metadata), 6)) + np.eye(3, 6)[y], y, metadata


def check_order_of_rows(protocol):
    """The order of rows changes nothing."""
    expected = by_clip(protocol, table(SMALL))
    for seed in range(5):
        assert by_clip(protocol, table(SMALL, seed)) == expected


def check_roles(protocol):
    """Roles are disjoint and allow no more than is stated; the table stays as it is."""
    metadata = table(SMALL, seed=2)
    before = metadata.copy()
    tested = {}
    for fold in protocol.roles(metadata):
        assert set(fold.train).isdisjoint(fold.test)
        expected = fold.test if protocol.allows_unlabelled_target else []
        np.testing.assert_array_equal(fold.adapt, expected)
        for rows in (fold.train, fold.adapt, fold.test):
            assert rows.dtype.kind == "i"
            assert (np.diff(rows) > 0).all()
        assert min(len(fold.train), len(fold.test)) > 0
        tested.setdefault(fold.experiment, []).extend(fold.test)
    for rows in tested.values():
        assert len(set(rows)) == len(rows), "a clip is tested once in an experiment"
    pd.testing.assert_frame_equal(metadata, before)


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers the labels it is given."""

    seen = []

    def fit(self, X, y):
        Recorder.seen.append(set(y))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def check_splitter(protocol, labels=None):
    """As a splitter it never gives labels of the target.

    `labels` are those of the rows of ``table(SMALL, seed=6)``; by default each clip has its own.
    """
    metadata = table(SMALL, seed=6)
    labels = metadata["clip"].to_numpy() if labels is None else labels
    Recorder.seen = []
    cross_validate(
        Recorder(),
        np.zeros((len(metadata), 1)),
        labels,
        cv=protocol,
        groups=metadata,
        scoring=lambda *_: 0.0,
    )
    folds = protocol.roles(metadata)
    assert len(Recorder.seen) == len(folds)
    for seen, fold in zip(Recorder.seen, folds, strict=True):
        assert seen == set(labels[fold.train])
        assert not seen & set(labels[fold.test])


def check_scikit_learn(protocol):
    """scikit-learn takes it as a splitter."""
    X, y, metadata = data_of_small()
    scores = cross_val_score(SVC(), X, y, cv=protocol, groups=metadata)
    by_hand = [
        accuracy_score(y[f.test], SVC().fit(X[f.train], y[f.train]).predict(X[f.test]))
        for f in protocol.roles(metadata)
    ]
    np.testing.assert_array_equal(scores, by_hand)
    search = clone(GridSearchCV(SVC(), {"C": [0.1, 10]}, cv=protocol))
    assert search.fit(X, y, groups=metadata).n_splits_ == len(scores)
    assert repr(protocol) in repr(search)
    with config_context(enable_metadata_routing=True):
        routed = cross_val_score(SVC(), X, y, cv=protocol, params={"groups": metadata})
    np.testing.assert_array_equal(routed, scores)


def check_config(protocol):
    """Its config is JSON and builds it again."""
    config = json.loads(json.dumps(protocol.get_config()))
    parameters = config["parameters"]
    if config["class"] == "CDMERPairs":
        parameters["experiments"] = [Experiment(**e) for e in parameters["experiments"]]
    again = type(protocol)(**parameters)
    assert again.get_config() == protocol.get_config()
    assert by_clip(again, table(SMALL)) == by_clip(protocol, table(SMALL))
    copy = clone(protocol, safe=False)
    assert copy is not protocol
    assert repr(copy) == repr(protocol)
    assert again.words() == protocol.words()


def check_tables(protocol):
    """Tables that are none are refused."""
    for method in (protocol.roles, protocol.get_n_splits, lambda t: list(protocol.split(t))):
        with pytest.raises(ValueError, match=r"metadata: expected a table .* got \['corpus'\]"):
            method(BOTH[["corpus"]])
    with pytest.raises(ValueError, match="metadata: expected a table .* got ndarray"):
        protocol.roles(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="metadata: got no rows"):
        protocol.roles(BOTH[:0])
    with pytest.raises(ValueError, match="metadata: row 2 has no corpus"):
        protocol.roles(BOTH.assign(corpus=["samm", "casme2", None] * 7))
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[9, 21\]"):
        list(protocol.split(np.zeros((9, 2)), groups=BOTH))


EVERY_CHECK = (
    check_order_of_rows,
    check_roles,
    check_splitter,
    check_scikit_learn,
    check_config,
    check_tables,
)
