import re

import numpy as np
import pandas as pd
import pytest
from feature_tables import write_tables
from hypothesis import given
from hypothesis import strategies as st
from protocol_contract import (
    BOTH,
    EVERY_CHECK,
    SMALL,
    by_clip,
    check_splitter,
    data_of_small,
    table,
)
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVC

from cdmer.corpora import get_layout, get_scheme
from cdmer.evaluation import benchmark
from cdmer.evaluation.protocols import (
    CDMER_EXPERIMENTS,
    CDMERPairs,
    CompositeLOSO,
    Experiment,
    Fold,
    HoldOutDatabase,
    LeaveOneCorpusOut,
    Protocol,
    WithinCorpusLOSO,
    fold_notes,
    missing_clips,
    people,
    shared_people,
)
from cdmer.evaluation.protocols._corpora import in_order
from cdmer.evaluation.protocols._expected import _load

MEGC2019 = {"casme2": (145, 24, "sub{:02d}"), "smic-hs": (164, 16, "s{}"), "samm": (133, 28, "{}")}
UNSEEN = [
    HoldOutDatabase(),
    HoldOutDatabase(train=["casme2", "smic-vis"]),
    CompositeLOSO(),
    WithinCorpusLOSO(),
    LeaveOneCorpusOut(),
]
SEEN = [CDMERPairs(), LeaveOneCorpusOut(unlabelled_target=True)]
EVERY = pytest.mark.parametrize("protocol", UNSEEN + SEEN, ids=repr)


def test_megc2019_has_its_published_numbers():
    metadata = table(MEGC2019, seed=0)
    assert len(metadata) == 442
    folds = CompositeLOSO.megc2019().roles(metadata)
    assert len(folds) == CompositeLOSO.megc2019().get_n_splits(metadata) == 68
    assert {fold.experiment for fold in folds} == {"casme2 + smic-hs + samm"}
    families = [fold.name.split("/")[0] for fold in folds]
    assert {f: families.count(f) for f in families} == {"casme2": 24, "smic": 16, "samm": 28}
    tested = np.concatenate([fold.test for fold in folds])
    np.testing.assert_array_equal(np.sort(tested), np.arange(442))
    for fold in folds:
        assert len(fold.train) == 442 - len(fold.test)
        assert not len(fold.adapt)


def test_presets_take_their_corpora_and_no_others():
    metadata = table({**MEGC2019, "mmew": (5, 2, "S{}")}, seed=1)
    used = {
        c
        for f in CompositeLOSO.megc2018().roles(metadata)
        for c in metadata["corpus"].iloc[np.concatenate([f.train, f.test])]
    }
    assert used == {"casme2", "samm"}
    assert len(CompositeLOSO.megc2018().roles(metadata)) == 24 + 28
    assert len(CompositeLOSO().roles(metadata)) == 68 + 2


@EVERY
@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(protocol, check):
    check(protocol)


CLIPS = st.lists(
    st.tuples(
        st.sampled_from(["casme2", "samm", "smic-hs", "smic-vis", "smic-nir"]),
        st.sampled_from(["s1", "s2", "s10"]),
    ),
    min_size=2,
    max_size=25,
)


@given(CLIPS)
def test_nobody_is_on_both_sides_when_one_subject_is_left_out(rows):
    metadata = pd.DataFrame(rows, columns=["corpus", "subject"])
    # The definition once more: a camera of SMIC says nothing about who a person is.
    person = [(corpus.split("-")[0], subject) for corpus, subject in rows]
    assert (people(*zip(*rows, strict=True)) == ["/".join(p) for p in person]).all()
    if metadata["corpus"].nunique() < 2 or len(set(person)) < 2:
        with pytest.raises(ValueError, match="two or more"):
            CompositeLOSO().roles(metadata)
        return
    folds = CompositeLOSO().roles(metadata)
    for fold in folds:
        left_out = {person[i] for i in fold.test}
        assert len(left_out) == 1
        assert set(fold.test) == {i for i, p in enumerate(person) if p in left_out}
        assert set(fold.train) == set(range(len(rows))) - set(fold.test)
        assert shared_people(metadata, fold) == 0
    assert len(folds) == len(set(person))
    assert fold_notes(metadata, folds) == []


@given(CLIPS)
def test_every_clip_is_tested_once_in_its_corpus(rows):
    metadata = pd.DataFrame(rows, columns=["corpus", "subject"])
    pairs = metadata.groupby("corpus")["subject"].nunique()
    if (pairs < 2).any():
        with pytest.raises(ValueError, match="show one subject"):
            WithinCorpusLOSO().roles(metadata)
        return
    folds = WithinCorpusLOSO().roles(metadata)
    assert sorted(np.concatenate([f.test for f in folds])) == list(range(len(rows)))
    for fold in folds:
        own = [i for i, (corpus, _) in enumerate(rows) if corpus == fold.experiment]
        assert sorted([*fold.train, *fold.test]) == own
        assert [i for i in own if rows[i][1] == fold.name] == list(fold.test)


def test_folds_follow_names_and_numbers_in_them():
    metadata = table({"samm": (12, 12, "{}"), "casme2": (11, 11, "s{}")}, seed=3)
    names = [fold.name for fold in CompositeLOSO().roles(metadata)]
    assert names == [f"casme2/s{i}" for i in range(1, 12)] + [f"samm/{i}" for i in range(1, 13)]
    assert in_order(["s2", "s10", "S1", "s02", "2", "", "s²"]) == [
        "",
        "2",
        "S1",
        "s02",
        "s2",
        "s10",
        "s²",
    ]


def test_one_corpus_is_held_out():
    metadata = table(SMALL, seed=4)
    corpora = metadata["corpus"].to_numpy()

    def sides(protocol):
        folds = protocol.roles(metadata)
        for fold in folds:
            assert set(corpora[fold.test]) == {fold.target} == {fold.name}
            assert " + ".join(n for n in SMALL if n in set(corpora[fold.train])) == fold.source
            for rows in (fold.train, fold.test):  # all clips of these corpora
                assert len(rows) == np.isin(corpora, corpora[rows]).sum()
        return [fold.experiment for fold in folds]

    megc2018 = metadata[metadata["corpus"].isin(["casme2", "samm"])]
    folds = HoldOutDatabase().roles(megc2018)
    assert [(f.source, f.target) for f in folds] == [("samm", "casme2"), ("casme2", "samm")]
    assert len(sides(HoldOutDatabase())) == 12
    assert sides(HoldOutDatabase(test=["smic-vis"])) == [
        "casme2 → smic-vis",
        "samm → smic-vis",
        "smic-nir → smic-vis",
    ]
    assert sides(HoldOutDatabase("samm")) == ["samm → casme2", "samm → smic-nir", "samm → smic-vis"]
    assert sides(HoldOutDatabase(("casme2", "samm"), "smic-nir")) == ["casme2 + samm → smic-nir"]
    one = {name: SMALL[name] for name in ("samm", "casme2", "smic-nir")}
    experiments = by_clip(LeaveOneCorpusOut(), table(one))
    assert [(e, s) for e, _, s, *_ in experiments] == [
        ("casme2", "samm + smic-nir"),
        ("samm", "casme2 + smic-nir"),
        ("smic-nir", "casme2 + samm"),
    ]


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
    folds = CDMERPairs().roles(table(SMALL, seed=5))
    assert [fold.experiment for fold in folds] == ["5", "6", "9", "10", "11", "12"]
    assert len(CDMERPairs(None).roles(table(SMALL))) == 12


@EVERY
def test_as_a_splitter_it_never_gives_labels_of_the_target(protocol):
    metadata = table(SMALL, seed=6)
    persons = people(metadata["corpus"], metadata["subject"])
    within = isinstance(protocol, CompositeLOSO | WithinCorpusLOSO)
    labels = persons if within else metadata["corpus"].to_numpy()
    if isinstance(protocol, WithinCorpusLOSO):
        labels = (metadata["corpus"] + "/" + metadata["subject"]).to_numpy()
    check_splitter(protocol, labels)


def test_predictions_of_all_subjects_come_back_in_the_order_of_rows():
    X, y, metadata = data_of_small()
    predicted = cross_val_predict(SVC(), X, y, cv=CompositeLOSO(), groups=metadata)
    one = CompositeLOSO().roles(metadata)[3]
    by_hand = SVC().fit(X[one.train], y[one.train]).predict(X[one.test])
    np.testing.assert_array_equal(predicted[one.test], by_hand)


def test_repr_is_code():
    assert repr(CDMERPairs()) == "CDMERPairs()"
    assert repr(HoldOutDatabase("samm")) == "HoldOutDatabase(train='samm')"
    assert repr(LeaveOneCorpusOut(True)) == "LeaveOneCorpusOut(unlabelled_target=True)"
    own = CDMERPairs([Experiment("a", "samm", "mmew")])
    for protocol in (own, CDMERPairs(None), CompositeLOSO.megc2019(), WithinCorpusLOSO()):
        assert eval(repr(protocol)).get_config() == protocol.get_config()


def test_words_say_what_is_seen():
    assert "casme2, smic-hs and samm are pooled" in CompositeLOSO.megc2019().words()
    assert "clips of all corpora are pooled" in CompositeLOSO().words()
    assert "casme2 and samm, pooled" in HoldOutDatabase(["casme2", "samm"]).words()
    assert "clips of samm, and" in HoldOutDatabase("samm").words()
    assert "one other corpus at a time" in HoldOutDatabase().words()
    assert "No clip of that one is seen" in LeaveOneCorpusOut().words()
    assert "unlabelled clips of that one" in LeaveOneCorpusOut(unlabelled_target=True).words()
    for protocol in UNSEEN + SEEN:
        assert re.fullmatch(r"([A-Z][^.]+\.)( [A-Z][^.]+\.)+", protocol.words())


def fold(train, test):
    return Fold("e", "f", np.array(train), np.array([], dtype=int), np.array(test))


def test_people_in_front_of_several_cameras_are_counted():
    metadata = pd.DataFrame(
        [
            ("smic-vis", "s1"),
            ("smic-vis", "s2"),
            ("smic-nir", "s2"),
            ("smic-nir", "s3"),
            ("smic-hs", "s9"),
            ("casme2", "s1"),
            ("casme2", ""),
            ("smic-hs", ""),
        ],
        columns=["corpus", "subject"],
    )
    assert shared_people(metadata, fold([0, 1], [2, 3])) == 1
    assert shared_people(metadata, fold([0, 1], [4])) == 0
    assert shared_people(metadata, fold([0, 1, 2], [1, 2])) == 1  # one person, twice
    assert shared_people(metadata, fold([0, 1], [5, 6])) == 0  # other people, whoever they are
    assert shared_people(metadata, fold([0, 1], [2, 7])) is None
    assert fold_notes(metadata, [fold([0, 1], [4]), fold([0], [5, 6])]) == []
    end = "do not tell how a method does on new people."
    both = [fold([0, 1], [2, 3]), fold([2, 3], [0, 1])]
    assert fold_notes(metadata, both) == [
        "smic-nir and smic-vis show the same people at the same moments (1 person is both trained "
        f"on and tested): scores between them {end}"
    ]
    assert fold_notes(metadata, [*both, fold([0], [7]), fold([4], [0])]) == [
        f"smic-hs and smic-vis show the same people: scores between them {end}",
        *fold_notes(metadata, both),
    ]
    # A split of clips, not of people, as some papers have made it.
    assert fold_notes(metadata, [fold([1, 2], [1, 2])])[-1] == (
        f"smic-vis is on both sides (1 person is both trained on and tested): its scores {end}"
    )
    assert fold_notes(metadata, [fold([5], [6])]) == [
        f"casme2 is on both sides, and its subjects are not known: its scores {end}"
    ]


def test_the_benchmark_between_cameras_of_one_session_is_said_not_refused():
    metadata = table(SMALL, seed=8)
    folds = CDMERPairs().roles(metadata)
    (note,) = fold_notes(metadata, folds)
    assert note.startswith("smic-nir and smic-vis show the same people at the same moments (3 peop")
    (unknown,) = fold_notes(metadata.assign(subject=""), folds)
    assert unknown.startswith("smic-nir and smic-vis show the same people at the same moments: sc")


def test_published_counts_follow_from_the_label_files():
    """The published numbers of clips per emotion, through the schemes' rules."""
    checked = 0
    for name in ("cdmer-130", "cdmer-148", "three"):
        scheme = get_scheme(name)
        for corpus, expected in _load()[name].items():
            rules = scheme._rules_for(corpus)
            counts = dict.fromkeys(scheme.classes, 0)
            for emotion, number in get_layout(corpus).emotions.items():
                label = rules["emotions"][emotion]
                # Emotions as in CASME II's sheet of 2014, in its longer form: one disgust more.
                by_sheet = number if isinstance(number, tuple) else (number, number)
                if label:
                    counts[label] += by_sheet[1 if emotion == "disgust" else 0]
            counts["negative"] -= len(rules.get("without", ()))  # all three show disgust
            assert expected["classes"] == counts
            checked += 1
    assert checked == 11
    three, objective = _load()["three"], _load()["objective"]
    assert sum(sum(e["classes"].values()) for e in three.values()) == 442
    assert sum(e["subjects"] for e in three.values()) == 68
    assert sum(e["clips"] for e in objective.values()) == 253
    assert sum(e["clips"] for e in _load()["action-units"].values()) == 2031


def test_missing_clips_are_said():
    whole = {"negative": 73, "positive": 32, "surprise": 25}
    end = ": its scores cannot be compared with published ones"
    half = {"negative": 73, "positive": 12, "surprise": 0}
    assert missing_clips("cdmer-130", {"casme2": whole, "mine": {"negative": 1}}) == []
    assert missing_clips("cdmer-130", {"casme2": half}) == [
        "casme2 has 85 of the 130 clips of cdmer-130 (12 positive instead of 32, 0 surprise "
        f"instead of 25){end}"
    ]
    assert missing_clips("cdmer-148", {"casme2": whole}) == [
        f"casme2 has 130 of the 148 clips of cdmer-148 (73 negative instead of 91){end}"
    ]
    assert missing_clips("cdmer-130", {"casme2": 148, "smic-vis": 71}) == [
        f"casme2 has 148 clips, where cdmer-130 has 130{end}"
    ]
    printed = {"negative": 28, "positive": 23, "surprise": 20}  # the misprint of the papers
    assert missing_clips("cdmer-130", {"smic-nir": printed}) == [
        "smic-nir has the 71 clips of cdmer-130 under other labels (28 negative instead of 23, "
        f"23 positive instead of 28){end}"
    ]
    assert missing_clips("objective", {"samm": {"I": 60, "V": 7}, "mmew": {"I": 3}}) == [
        f"samm has 67 of the 68 clips of objective{end}"
    ]
    assert missing_clips("emotion", {"casme2": {"anger": 1}}) == []
    assert missing_clips("my own", {"casme2": {"anger": 1}}) == []
    assert missing_clips("action-units", {"casme2": 255}) == [
        f"casme2 has 255 of the 256 clips of action-units{end}"
    ]
    with pytest.raises(ValueError, match="number of clips of 'casme2', got numbers per class"):
        missing_clips("action-units", {"casme2": {"AU1": 200, "AU2": 56}})


def test_a_subject_per_clip_is_noticed():
    counts = {"smic-hs": {"negative": 70, "positive": 51, "surprise": 43}}
    assert missing_clips("three", counts, {"smic-hs": 16}) == []
    assert missing_clips("three", counts, {"smic-hs": 0}) == []
    (sentence,) = missing_clips("three", counts, {"smic-hs": 164})
    assert sentence.startswith("smic-hs has 164 subjects, where three has 16: its scores cannot")
    casme2 = {"casme2": {"negative": 73, "positive": 32, "surprise": 25}}
    assert missing_clips("cdmer-130", casme2, {"casme2": 26}) == []  # no number is published


@pytest.mark.parametrize(
    ("protocol", "metadata", "message"),
    [
        (CompositeLOSO.megc2019(), BOTH, r"corpora: expected clips of \['smic-hs'\], got clips of"),
        (CompositeLOSO("samm"), BOTH, r"two or more to pool, got \['samm'\]; WithinCorpusLOSO"),
        (CompositeLOSO(), BOTH[:12], r"two or more to pool, got \['casme2'\]"),
        (CompositeLOSO(()), BOTH, r"corpora: expected distinct names of corpora, got \(\)"),
        (CompositeLOSO(("samm", "samm")), BOTH, "corpora: expected distinct names"),
        (CompositeLOSO(), BOTH.replace("sub01", ""), "3 of 12 clips of 'casme2' have no subject"),
        (CompositeLOSO(), BOTH.replace("001", None), "3 of 9 clips of 'samm' have no subject"),
        (WithinCorpusLOSO(), BOTH.replace("001", np.nan), "3 of 9 clips of 'samm' have no subj"),
        (
            WithinCorpusLOSO(),
            BOTH.assign(subject="7"),
            "all 12 clips of 'casme2' show one subject, '7'; leaving one out takes two or more",
        ),
        (
            CompositeLOSO(),
            BOTH.assign(corpus=["smic-vis", "smic-nir", "smic-hs"] * 7, subject="s1"),
            "all 21 clips of 'smic-hs [+] smic-nir [+] smic-vis' show one subject, 'smic/s1'",
        ),
        (LeaveOneCorpusOut(), BOTH[:12], r"corpora: leaving one out .* clips of \['casme2'\]"),
        (LeaveOneCorpusOut("yes"), BOTH, "unlabelled_target: expected True or False, got 'yes'"),
        (HoldOutDatabase(), BOTH[:12], r"corpora: holding one out .* clips of \['casme2'\]"),
        (HoldOutDatabase(["casme2", "samm"]), BOTH, "corpora: holding one out takes two or more"),
        (HoldOutDatabase("mmew"), BOTH, r"train: expected clips of \['mmew'\]"),
        (HoldOutDatabase(test=["samm", "dfme"]), BOTH, r"test: expected clips of \['dfme'\]"),
        (HoldOutDatabase("samm", "samm"), BOTH, r"test: expected .* got \['samm'\], which train"),
        (HoldOutDatabase(train=3), BOTH, "train: expected distinct names of corpora, got 3"),
        (CDMERPairs(), BOTH, "the protocol has no pair among"),
    ],
)
def test_what_a_protocol_cannot_do_is_refused_by_name(protocol, metadata, message):
    with pytest.raises(ValueError, match=message):
        protocol.roles(metadata)


def test_numbers_are_names_of_subjects_too():
    metadata = pd.DataFrame({"corpus": "mine", "subject": [10, 0, 2, 0]})
    assert [fold.name for fold in WithinCorpusLOSO().roles(metadata)] == ["0", "2", "10"]


def test_a_protocol_without_its_hooks_cannot_be_made():
    class Forgetful(Protocol):
        allows_unlabelled_target = False

        def roles(self, metadata):
            return []

    with pytest.raises(TypeError, match=r"abstract class Forgetful with.* abstract method '?words"):
        Forgetful()
    with pytest.raises(TypeError, match="abstract class Protocol .*roles.*words"):
        Protocol()


@pytest.mark.parametrize("given", [[], None, [([0], [], [1])], "folds"])
def test_roles_that_are_no_folds_are_refused(given, tmp_path):
    class Odd(Protocol):
        allows_unlabelled_target = False

        def roles(self, metadata):
            return given

        def words(self):
            return "Nothing is done."

    tables = write_tables(tmp_path, ["lab"], n_clips=6)
    message = r"protocol: Odd: roles: expected a list of one Fold or more, got "
    with pytest.raises(TypeError, match=message):
        benchmark({"SVM": SVC()}, tables, Odd(), progress=False)


def test_a_protocol_of_ones_own():
    class Halves(Protocol):
        allows_unlabelled_target = False

        def roles(self, metadata):
            half = len(metadata) // 2
            return [fold(range(half), range(half, len(metadata)))]

        def words(self):
            return "The first half is fitted on. The second half is tested."

    assert Halves().get_config() == {"class": "Halves", "parameters": {}}
    ((train, test),) = Halves().split(BOTH)
    assert (len(train), len(test)) == (10, 11)


@pytest.mark.parametrize(
    "experiments",
    [
        "abc",
        [("casme2", "samm")],
        Experiment("1", "casme2", "samm"),
        [Experiment("1", "casme2", "casme2")],
        (Experiment(str(i), "casme2", "samm") for i in range(2)),
    ],
    ids=["str", "tuples", "single", "same", "generator"],
)
def test_pairs_are_experiments_of_two_corpora(experiments):
    metadata = pd.DataFrame({"corpus": ["casme2", "samm"], "subject": "1"})
    with pytest.raises(ValueError, match="experiments: expected a list of Experiment, each of two"):
        CDMERPairs(experiments).roles(metadata)


def test_pairs_have_names_that_differ():
    metadata = pd.DataFrame({"corpus": ["casme2", "samm"], "subject": "1"})
    twice = [Experiment("1", "casme2", "samm"), Experiment("1", "samm", "casme2")]
    with pytest.raises(
        ValueError, match=r"experiments: expected names that differ, got \['1', '1'"
    ):
        CDMERPairs(twice).roles(metadata)
