import numpy as np
import pytest

from cdmer._action_units import action_unit_number
from cdmer.corpora import ActionUnitScheme, Clip, Corpus, get_scheme, list_schemes, pack
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


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        ("12", 12),
        ("R12B", 12),
        ("L14", 14),
        ("AU7", 7),
        ("12A", 12),
        (" 4 ", 4),
        ("r12", 12),
        ("T18", 18),
        ("B28", 28),
        ("AUL9", 9),
        ("12L", 12),
        ("?", None),
        ("12 or 15", None),
        ("", None),
        ("12(k)", None),
        ("R", None),
        ("AU", None),
        ("4+7", None),
        ("123", None),
        ("12F", None),
    ],
)
def test_action_unit_numbers(text, number):
    assert action_unit_number(text) == number


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
