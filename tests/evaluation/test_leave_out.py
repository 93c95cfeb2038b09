import re

import numpy as np
import pandas as pd
import pytest
from protocol_contract import EVERY_CHECK

from cdmer.evaluation.protocols import (
    CompositeLOSO,
    LeaveOut,
    WithinCorpusLOSO,
)


def table(subjects, corpora="lab"):
    metadata = pd.DataFrame({"subject": subjects, "corpus": corpora})
    metadata["clip"] = [f"c{i}" for i in range(len(metadata))]
    return metadata


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check):
    check(LeaveOut())


@pytest.mark.parametrize(
    ("corpora", "same"), [("lab", WithinCorpusLOSO), (["lab", "own"] * 3, CompositeLOSO)]
)
def test_people_are_left_out_as_by_the_other_protocols(corpora, same):
    metadata = table(["a", "a", "b", "b", "c", "a"], corpora)
    found, expected = LeaveOut().roles(metadata), same().roles(metadata)
    for one, other in zip(found, expected, strict=True):
        assert (one.experiment, one.name) == (other.experiment, other.name)
        for role in ("train", "adapt", "test"):
            np.testing.assert_array_equal(getattr(one, role), getattr(other, role))


@pytest.mark.parametrize("n_folds", [None, 3])
def test_unlabelled_corpora_are_seen_in_every_fold_and_never_tested(n_folds):
    metadata = table(["a", "b", "x", "a", "c", ""], ["lab", "lab", "new", "lab", "lab", "new"])
    protocol = LeaveOut(n_folds, ["new"])
    assert protocol.allows_unlabelled_target
    assert not LeaveOut(n_folds).allows_unlabelled_target
    folds = protocol.roles(metadata)
    assert sorted(np.concatenate([fold.test for fold in folds])) == [0, 1, 3, 4]
    for fold in folds:
        assert fold.adapt.tolist() == [2, 5]
        assert sorted([*fold.train, *fold.test]) == [0, 1, 3, 4]
    assert "seen without labels in every fold" in protocol.words()


def test_parts_of_clips_do_not_depend_on_the_order_of_rows():
    metadata = table([""] * 7)

    def tested(metadata, **options):
        folds = LeaveOut(3, **options).roles(metadata)
        return [set(metadata["clip"].iloc[fold.test]) for fold in folds]

    assert tested(metadata) == tested(metadata.sample(frac=1, random_state=0))
    assert sorted(map(len, tested(metadata))) == [2, 2, 3]
    assert tested(metadata) != tested(metadata, random_state=1)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (LeaveOut(), "2 of 3 clips of 'lab' have no subject"),
        (LeaveOut(4), "n_folds: expected a whole number >= 2 and <= 3, got 4"),
        (LeaveOut(2, ["new"]), "unlabelled: expected clips of .'new'."),
        (LeaveOut(2, ["lab"]), "unlabelled: expected a corpus beside them"),
        (LeaveOut(2, random_state=-1), "random_state: expected"),
    ],
)
def test_what_cannot_be_left_out_is_named(protocol, message):
    with pytest.raises(ValueError, match=message):
        protocol.roles(table(["a", "", None]))


def test_words_and_repr():
    for protocol in (LeaveOut(), LeaveOut(5), LeaveOut(unlabelled=("new",))):
        assert eval(repr(protocol)).get_config() == protocol.get_config()
        assert re.fullmatch(r"([A-Z][^.]+\.)( [A-Z][^.]+\.)+", protocol.words())
