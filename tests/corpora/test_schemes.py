import numpy as np
import pytest

from cdmer.corpora import (
    ActionUnitScheme,
    Clip,
    Corpus,
    LabelScheme,
    get_layout,
    get_scheme,
    list_databases,
    list_schemes,
    pack,
)
from cdmer.extraction import extract
from cdmer.features import LBPTOP, RegionGrid

FRAMES = np.zeros((3, 4, 4), dtype=np.uint8)


def clip(units=(), corpus="casme2", name="c", subject="s", **known):
    return Clip(FRAMES, name, subject, corpus, action_units=tuple(units), **known)


def corpus(name, counts):
    labels = [emotion for emotion, n in counts.items() for _ in range(n)]
    return Corpus([clip(corpus=name, name=f"c{i}", label=e) for i, e in enumerate(labels)], name)


def count(corpus, scheme):
    labels = corpus.labels(scheme)
    return {c: labels.count(c) for c in get_scheme(scheme).classes if c in labels}


# The sheet of 255 clips, and what it holds of the clips that the challenge left out.
CASME2 = {
    "others": 99,
    "disgust": 63,
    "happiness": 32,
    "repression": 27,
    "surprise": 25,
    "sadness": 7,
    "fear": 2,
}
SAMM = {
    "Anger": 57,
    "Happiness": 26,
    "Other": 26,
    "Surprise": 15,
    "Contempt": 12,
    "Disgust": 9,
    "Fear": 8,
    "Sadness": 6,
}
SMIC_HS = {"negative": 70, "positive": 51, "surprise": 43}


@pytest.mark.parametrize(
    ("extra", "left_out"),
    [
        ({}, [("sub04", "EP12_01f"), ("sub05", "EP09_05f")]),
        ({"disgust": 64}, [("sub04", "EP12_01f"), ("sub05", "EP09_05f"), ("sub24", "EP02_07")]),
    ],
    ids=["255 clips", "256 clips"],
)
def test_the_composite_of_megc2019_has_442_clips(extra, left_out):
    """250, 109 and 83 of 68 subjects' clips, from the label files' own counts."""
    counts = CASME2 | extra
    counts["disgust"] -= len(left_out)
    casme2 = list(corpus("casme2", counts))
    casme2 += [clip(name=n, subject=s, label="disgust") for s, n in left_out]
    casme2 = Corpus(casme2, "casme2")
    samm, smic = corpus("samm", SAMM), corpus("smic-hs", SMIC_HS)
    assert len(casme2) == 255 + len(extra)
    assert count(casme2, "three") == {"negative": 88, "positive": 32, "surprise": 25}
    assert count(smic, "three") == {"negative": 70, "positive": 51, "surprise": 43}
    assert count(samm, "three") == {"negative": 92, "positive": 26, "surprise": 15}
    clips, y, _ = pack([casme2, smic, samm], [], "three")
    assert len(clips) == 442
    assert np.bincount(y).tolist() == [250, 109, 83]
    assert get_scheme("three").classes == ("negative", "positive", "surprise")


# Table 1 of Davison, Merghani, Yap 2018, with "AU" as printed there.
DAVISON = {
    "I": "AU6, AU12, AU6+AU12, AU6+AU7+AU12, AU7+AU12",
    "II": "AU1+AU2, AU5, AU25, AU1+AU2+AU25, AU25+AU26, AU5+AU24",
    "III": "AU23, AU4, AU4+AU7, AU4+AU5, AU4+AU5+AU7, AU17+AU24, AU4+AU6+AU7, AU4+AU38",
    "IV": "AU10, AU9, AU4+AU9, AU4+AU40, AU4+AU5+AU40, AU4+AU7+AU9, AU4+AU9+AU17, AU4+AU7+AU10, "
    "AU4+AU5+AU7+AU9, AU7+AU10",
    "V": "AU1, AU15, AU1+AU4, AU6+AU15, AU15+AU17",
    None: "AU1+AU2+AU4, AU20, AU14, AU4+AU14, AU2, AU12+AU15, AU1+AU2+AU5",  # VI and VII
}


@pytest.mark.parametrize("expected", DAVISON)
def test_objective_classes_follow_the_table(expected):
    scheme = get_scheme("objective")
    assert scheme.classes == ("I", "II", "III", "IV", "V")
    for text in DAVISON[expected].split(", "):
        units = text.split("+")
        for written in (
            units,
            units[::-1],
            [u.removeprefix("AU") for u in units],
            [u.replace("AU", "R") + "B" for u in units],
            [*units, units[0].replace("AU", "L")],  # both sides of one unit
        ):
            assert scheme.classify(clip(written)) == expected, written


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ("2+1", "II"),
        ("L2+L1", "II"),
        ("5", "II"),
        ("4", "III"),
        ("9", "IV"),
        ("9+4", "IV"),
        ("1", "V"),
        ("15", "V"),
        ("7", None),
        ("14", None),
        ("L14", None),
        ("17", None),
        ("24", None),
        ("38", None),
        ("B28", None),
        ("T18", None),
        ("9+10", None),
        ("9+14", None),
        ("6+9+4", None),
        ("2+1+5", None),
        ("2+1+14", None),
        ("14+9+4", None),
    ],
)
def test_casme3_reads_the_table_alike(units, expected):
    """Combinations and classes as its authors pair them in the column of part A."""
    assert get_scheme("objective").classify(clip(units.split("+"), "casme3-a")) == expected


def test_every_combination_of_a_class_is_in_no_other():
    rules = get_scheme("objective").rules["native"]["action_units"]
    combinations = [frozenset(t.split("+")) for texts in rules.values() for t in texts]
    assert len(set(combinations)) == len(combinations) == 34


def test_an_annotated_objective_class_goes_before_the_table():
    scheme = get_scheme("objective")
    assert scheme.classify(clip(["12"], "samm", objective_class="IV")) == "IV"
    assert scheme.classify(clip(["12 or 15"], "samm", objective_class="I")) == "I"
    for dropped in ("VI", "VII"):
        assert scheme.classify(clip(["12"], "samm", objective_class=dropped)) is None
    with pytest.raises(ValueError, match=r"objective class of clip 'samm/s/c': .*'VII'.*got '8'"):
        scheme.classify(clip(["12"], "samm", objective_class="8"))


def test_objective_classes_need_action_units():
    with pytest.raises(ValueError, match="action units of clip 'smic-hs/s/c': .*got none"):
        get_scheme("objective").classify(clip(corpus="smic-hs", label="negative"))
    assert get_scheme("objective").classify(clip(["?"])) is None  # class VII: all others


def test_megc2018_packs_two_databases():
    casme2 = Corpus(
        [clip(["4"], name="a"), clip(["R12A"], name="b"), clip(["14"], name="d")], "casme2"
    )
    samm = Corpus([clip(["4"], "samm", objective_class="V")], "samm")
    clips, y, domain = pack(casme2, samm, "objective")
    assert [c.key for c in clips] == ["casme2/s/a", "casme2/s/b", "samm/s/c"]
    assert y.tolist() == [2, 0, 4]
    assert domain.tolist() == [1, 1, -2]


def test_emotions_as_annotated():
    scheme = get_scheme("emotion")
    written = [
        "Anger",
        "happy",
        "Happiness",
        "sad",
        " Fear ",
        "Other",
        "others",
        "tense",
        "positive",
        "Repression",
    ]
    classes = [
        "anger",
        "happiness",
        "happiness",
        "sadness",
        "fear",
        "others",
        "others",
        "tense",
        "positive",
        "repression",
    ]
    assert [scheme.classify(clip(label=label)) for label in written] == classes
    assert set(classes) < set(scheme.classes)
    assert set(scheme.rules["native"]["emotions"].values()) == set(scheme.classes)
    with pytest.raises(ValueError, match="got 'bored'"):
        scheme.classify(clip(label="bored"))


def test_action_units_are_an_indicator():
    scheme = get_scheme("action-units")
    assert isinstance(scheme, ActionUnitScheme)
    assert get_scheme(scheme) is scheme
    units = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17]
    assert scheme.classes == tuple(f"AU{u}" for u in units)
    shown = [("R12B", "L12A"), ("4", "AU7", "45"), ("45",), tuple(map(str, units))]
    table = scheme.indicator([clip(u) for u in shown])
    expected = np.zeros((4, 12), dtype=int)
    expected[0, units.index(12)] = expected[1, units.index(4)] = expected[1, units.index(7)] = 1
    expected[3] = 1
    np.testing.assert_array_equal(table, expected)
    assert table.dtype == int
    assert scheme.indicator([]).shape == (0, 12)


def test_an_indicator_guesses_nothing():
    scheme = get_scheme("action-units")
    with pytest.raises(ValueError, match="action units of clip 'smic-hs/s/c': .*got none"):
        scheme.indicator([clip(["4"]), clip(corpus="smic-hs")])
    with pytest.raises(ValueError, match="clip 'samm/s/c': .*got '12 or 15'"):
        scheme.indicator([clip(["4", "12 or 15"], "samm")])


# Cells in the shapes that SAMM, DFME and CASME II have, with the action units surely shown.
NOTATIONS = {
    ("A2", "A12B", "10A/B"): {2, 12, 10},
    ("A/L12", "4(B/C)", "ref(7B)"): {12, 4, 7},
    ("R12 or L12",): {12},
    ("12", "AD38", "M58", "soft focus"): {12},
    ("U5", "12L", "T10", "(L/A)4B"): {5, 12, 10, 4},
}


def test_real_notations_are_read():
    scheme = get_scheme("action-units")
    rows = scheme.indicator([clip(texts) for texts in NOTATIONS])
    shown = [
        {int(name[2:]) for name, x in zip(scheme.classes, row, strict=True) if x} for row in rows
    ]
    assert shown == list(NOTATIONS.values())
    # Kept apart: AD38 is not action unit 38.
    assert not ActionUnitScheme("nostrils", ("AU38",)).indicator([clip(["AD38"])]).any()
    assert ActionUnitScheme("nostrils", ("AU38",)).indicator([clip(["AU38"])]).all()


def test_one_error_names_every_refused_clip():
    scheme = get_scheme("action-units")
    clips = [
        clip(["4"], name="a"),
        clip(["(R6 or R12)", "1", "4?"], name="b"),
        clip(name="d"),
        clip(["R14A or 17A or 24A"], name="e"),
        clip(["4", "12F"], name="f"),
    ]
    refused = {
        "casme2/s/b": "'(R6 or R12)', '4?'",
        "casme2/s/d": "none",
        "casme2/s/e": "'R14A or 17A or 24A'",
        "casme2/s/f": "'12F'",
    }
    assert scheme.refused(clips) == refused
    with pytest.raises(ValueError, match="expected single action units .* doubtful='any'") as error:
        scheme.indicator(clips)
    for key, text in refused.items():
        assert f"clip {key!r}: got {text}" in str(error.value)
    assert "casme2/s/a" not in str(error.value)


def test_alternatives_are_read_by_a_named_policy():
    shown = [clip(["(R6 or R12)", "1"]), clip(["R14A or 17A or 24A"]), clip(["4?"]), clip(["?"])]
    expected = {"any": [{1, 6, 12}, {14, 17}, {4}, set()], "drop": [{1}, set(), set(), set()]}
    for doubtful, numbers in expected.items():
        scheme = get_scheme("action-units", doubtful=doubtful)
        assert scheme.doubtful == doubtful
        assert scheme.refused(shown) == {}
        rows = [
            {int(scheme.classes[i][2:]) for i in np.flatnonzero(r)} for r in scheme.indicator(shown)
        ]
        assert rows == numbers
        with pytest.raises(ValueError, match="got '12F'"):  # unreadable, not doubtful
            scheme.indicator([clip(["12F"])])
        with pytest.raises(ValueError, match="got none"):
            scheme.indicator([clip()])
    assert get_scheme("action-units").doubtful == "refuse"
    with pytest.raises(ValueError, match="doubtful: expected one of .*'any'.*got 'all'"):
        get_scheme("action-units", doubtful="all")
    with pytest.raises(ValueError, match="doubtful: expected None, as scheme 'three' is not one"):
        get_scheme("three", doubtful="any")
    for classes in ((), ("12",), ("AU4", "AU4"), "AU4", ("AU123",)):
        with pytest.raises(ValueError, match="classes: expected names such as 'AU12'"):
            ActionUnitScheme("own", classes)


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (("R12 or L12", "6"), "I"),
        (("A12B", "soft focus", "M58"), "I"),
        (("4", "AD38"), "III"),
        (("10A/B", "ref(7B)"), "IV"),
        (("4?",), None),
        (("12 or 4",), None),
        (("12F",), None),
    ],
)
def test_objective_classes_of_real_notations(units, expected):
    assert get_scheme("objective").classify(clip(units, "casme3-a")) == expected


def test_several_classes_per_clip_are_refused_where_one_is_expected():
    casme2 = Corpus([clip(["4"])], "casme2")
    for use in (lambda: casme2.labels("action-units"), lambda: pack(casme2, [], "action-units")):
        with pytest.raises(ValueError, match="scheme: 'action-units' gives a clip several classes"):
            use()


def test_feature_tables_know_the_schemes_too():
    """Their action units are one string per clip."""
    clips = [clip(["R12B", "6"], name="a"), clip(["4"], name="b", objective_class="V")]
    table = extract(Corpus(clips, "casme2"), LBPTOP(radius=1, grid=RegionGrid((1,))))
    assert table.labels("objective") == ["I", "V"]
    assert get_scheme("action-units").indicator(list(table.clips.itertuples())).sum() == 3


def test_schemes_say_where_they_are_from():
    for name in list_schemes():
        scheme = get_scheme(name)
        assert scheme.name == name
        assert scheme.description
        assert scheme.source
        assert len(set(scheme.classes)) == len(scheme.classes)


# What the label files of the databases name, beyond what layouts count.
FURTHER = {
    "cas-me-2": ("pain", "helpless"),
    "casme": ("tense", "repression"),
    "4dme": ("repression", "others"),
}
BY_EMOTION = [name for name in list_schemes() if name not in ("objective", "action-units")]


@pytest.mark.parametrize("scheme", BY_EMOTION)
@pytest.mark.parametrize("database", list_databases())
def test_every_emotion_of_every_database_has_a_class_or_is_left_out(database, scheme):
    layout, scheme = get_layout(database), get_scheme(scheme)
    emotions = [*layout.emotions, *FURTHER.get(database, ())]
    classes = corpus(layout.corpus, dict.fromkeys(emotions, 1)).labels(scheme)
    assert set(classes) <= {*scheme.classes, None}
    assert set(classes) - {None}
    if scheme.name == "emotion":
        assert None not in classes
    assert classes[emotions.index("surprise")] == "surprise"


def test_further_databases_are_read_as_the_comments_say():
    casme = corpus("casme", {"tense": 68, "disgust": 45, "repression": 39, "surprise": 20})
    assert count(casme, "three") == {"negative": 84, "surprise": 20}
    assert count(casme, "cdmer-130") == {"negative": 45, "surprise": 20}
    assert count(casme, "cdmer-148") == {"negative": 84, "surprise": 20}
    own = corpus("cas-me-2", {"pain": 2, "helpless": 1, "anger": 3})
    assert own.labels("three") == [None] * 3 + ["negative"] * 3
    assert count(own, "emotion") == {"pain": 2, "helpless": 1, "anger": 3}


def test_what_schemes_leave_out_is_counted(caplog):
    casme2 = corpus("casme2", CASME2)
    assert get_scheme("cdmer-130").left_out(casme2) == {"others": 99, "repression": 27}
    named = clip(name="EP12_01f", subject="sub04", label="disgust")
    assert get_scheme("three").left_out([named]) == {"named by the scheme": 1}
    units = [clip(["14"]), clip(["14"], objective_class="VI"), clip(["12"]), clip(["4?"])]
    assert get_scheme("objective").left_out(units) == {"action units of no class": 2, "VI": 1}
    assert get_scheme("three").left_out(corpus("smic-hs", SMIC_HS)) == {}
    with caplog.at_level("INFO", logger="cdmer.corpora"):
        pack(casme2, corpus("smic-hs", SMIC_HS), "cdmer-130")
    assert [record.getMessage() for record in caplog.records] == [
        "126 of 255 clips of casme2 are left out by scheme 'cdmer-130': others 99, repression 27"
    ]


def test_packing_does_not_warn_of_what_schemes_are_meant_to_leave_out(recwarn):
    pack(corpus("casme2", CASME2), [], "cdmer-130")
    assert not recwarn.list


MINE = {"Benign": "Benign", "Malign": "Malign", "other": "Malign", "Unsure": None, "Nil": ""}


def test_own_schemes_spell_emotions_as_they_like():
    scheme = LabelScheme("mine", ["Benign", "Malign"], {"native": {"emotions": MINE}})
    labels = ["benign", " BENIGN ", "Others", "other", "unsure", "nil"]
    assert corpus("lab", dict.fromkeys(labels, 1)).labels(scheme) == [
        *["Benign"] * 2,
        *["Malign"] * 2,
        *[None] * 2,
    ]
    assert scheme.classes == ("Benign", "Malign")
    clips, y, _ = pack(corpus("lab", {"BENIGN": 1, "unsure": 1, "other": 1}), [], scheme)
    assert (len(clips), y.tolist()) == (2, [0, 1])


def native(**rules):
    return {"native": rules}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, r"rules: expected a dict of one or more families"),
        ({"benign": "benign"}, r"rules\['benign'\]: expected a dict with one of .*'emotions'"),
        (native(), r"rules\['native'\]: expected one of .*got \[\]"),
        (native(emotions={"x": "y"}), r"\['emotions'\]\['x'\]: expected one of .*'low'.*got 'y'"),
        (native(emotions={"x": 0}), r"\['emotions'\]\['x'\]: expected one of .*got 0"),
        (native(emotions={1: "low"}), r"\['emotions'\]: expected emotions that are texts, got 1"),
        (native(emotions={}), r"\['emotions'\]: expected a dict of emotion to class, got {}"),
        (native(emotions={"Sad": "low", "sad": "high"}), "one class per emotion, 'low' as before"),
        (native(emotions={"other": "low", "others": ""}), "one class per emotion, 'low' as before"),
        (native(emotion={"sad": "low"}), r"expected one of .*got \['emotion'\]"),
        (native(emotions={"sad": "low"}, action_units={"low": ["4"]}), "expected one of"),
        (native(action_units={"sad": ["4"]}), r"expected classes among \('low', 'high'\)"),
        (native(action_units={"low": "4"}), r"expected a list such as \['12', '6\+12'\], got '4'"),
        (native(action_units={"low": ["R4"]}), r"expected numbers such as '6\+12', got 'R4'"),
        (
            native(action_units={"low": ["4+7"], "high": ["7+4"]}),
            "one class per combination, 'low' as before",
        ),
        (
            native(emotions={"sad": "low"}, without="s/c"),
            r"\['without'\]: expected a list of names",
        ),
        (
            {"lab": {"emotions": {"sad": "low"}}},
            r"\['corpora'\]: expected a list of names, got None",
        ),
        (
            {
                "a": {"corpora": ["lab"], "emotions": {"sad": "low"}},
                "b": {"corpora": ["lab"], "emotions": {"sad": "low"}},
            },
            "each corpus once, 'lab' being in 'a'",
        ),
    ],
)
def test_wrong_rules_are_refused_when_the_scheme_is_made(rules, message):
    with pytest.raises(ValueError, match=message):
        LabelScheme("own", ("low", "high"), rules)


@pytest.mark.parametrize("classes", [(), "low", ("low", "low"), ("low", 1), ("",), {"low", "high"}])
def test_wrong_classes_are_refused_when_the_scheme_is_made(classes):
    with pytest.raises(ValueError, match="classes: expected one or more names that differ"):
        LabelScheme("own", classes, native(emotions={"sad": ""}))


def test_a_scheme_without_native_rules_names_the_corpora_it_knows():
    rules = {"mine": {"corpora": ["lab"], "emotions": {"sad": "low"}}}
    scheme = LabelScheme("own", ("low",), rules)
    assert scheme.classify(clip(corpus="lab", label="sad")) == "low"
    with pytest.raises(ValueError, match=r"corpus: .* rules for \['lab'\] alone, got 'web'"):
        scheme.classify(clip(corpus="web", label="sad"))
    rules["mine"]["emotions"]["sad"] = "gone"  # a scheme keeps its own copy
    assert scheme.classify(clip(corpus="lab", label="sad")) == "low"


def test_labels_as_annotated_are_a_scheme():
    lab, web = corpus("lab", {"Sad": 1, "joy": 2, "sad": 2}), corpus("web", {"other": 1, "awe": 1})
    assert lab.labels("labels") == ["sad", "joy", "joy", "sad", "sad"]
    clips, y, domain = pack(lab, web, "labels")
    assert (len(clips), y.tolist()) == (7, [3, 1, 1, 3, 3, 2, 0])
    assert domain.tolist() == [1] * 5 + [-2] * 2
    table = lab.summary("labels")
    assert table.loc[("all", ""), "label"].to_dict() == {"joy": 2, "sad": 3}
    scheme = get_scheme("labels", labels=[c.label for c in [*lab, *web]])
    assert scheme == LabelScheme.from_labels(["sad", "joy", "other", "awe", "sad", "Sad", "joy"])
    assert (scheme.name, scheme.classes) == ("labels", ("awe", "joy", "other", "sad"))
    assert scheme.left_out([*lab, *web]) == {}
    features = extract(lab, LBPTOP(radius=1, grid=RegionGrid((1,))))
    assert features.labels("labels") == lab.labels("labels")


def test_labels_as_annotated_need_labels():
    with pytest.raises(
        ValueError, match="scheme: 'labels' takes its classes from annotated .*none"
    ):
        get_scheme("labels")
    with pytest.raises(ValueError, match="'labels' takes its classes"):
        Corpus([clip()], "casme2").labels("labels")
    with pytest.raises(ValueError, match="label of clip 'casme2/s/b': .*got None"):
        Corpus([clip(label="joy"), clip(name="b")], "casme2").labels("labels")
    for labels, got in (([], "none"), ([1], "1"), (["a", None], "None"), ([" "], "' '")):
        with pytest.raises(ValueError, match=f"labels: expected one or more texts, got {got}"):
            LabelScheme.from_labels(labels)


@pytest.mark.parametrize(
    ("scheme", "expected"), [("three", None), ("cdmer-130", "negative"), ("cdmer-148", None)]
)
@pytest.mark.parametrize("label", ["sadness", "surprise"])
@pytest.mark.parametrize("name", ["EP07_01", "EP07_04f", "EP10_03"])
def test_both_revisions_of_casme2_give_the_protocols_classes(scheme, expected, label, name):
    """The sheet of 2019 calls three clips surprise that the protocols' sheet calls sadness."""
    clip = Clip(np.zeros((3, 8, 8), np.uint8), name, "sub24", "casme2", label=label)
    assert get_scheme(scheme).classify(clip) == expected
    assert get_scheme("emotion").classify(clip) == label


@pytest.mark.parametrize(
    ("annotated", "message"),
    [
        (["s/c"], "expected a dict of 'subject/name' to emotion, got"),
        ({"s/c": "joy"}, r"expected emotions among \['sad'\], got 'joy'"),
        ({"s/c": None}, r"expected emotions among \['sad'\], got None"),
    ],
)
def test_annotations_of_a_protocol_are_checked(annotated, message):
    rules = {"native": {"emotions": {"sad": "sad"}, "annotated": annotated}}
    with pytest.raises(ValueError, match=message):
        LabelScheme("mine", ("sad", "glad"), rules)
