import pickle

import numpy as np
import pandas as pd
import pytest

from cdmer.corpora import Clip, Corpus, LabelScheme, get_scheme, list_schemes, pack

FRAMES = np.zeros((4, 5, 6), dtype=np.uint8)


def corpus(name, labels, **known):
    return Corpus(
        [
            Clip(FRAMES, f"c{i}", f"s{i % 2}", name, label=label, **known)
            for i, label in enumerate(labels)
        ],
        name,
    )


def test_frames_are_made_when_asked_for():
    calls = []

    def make():
        calls.append(1)
        return FRAMES

    clip = Clip(make, "c", "s", "lab")
    assert not calls
    assert clip.frames.shape == (4, 5, 6)
    assert clip.key == "lab/s/c"
    assert len(calls) == 1


@pytest.mark.parametrize("frames", [FRAMES.astype(float), FRAMES[0], np.zeros((4, 5, 6, 2), "u1")])
def test_wrong_frames_name_the_clip(frames):
    with pytest.raises(ValueError, match=r"frames of clip 'lab/s/c': expected uint8 .*got"):
        _ = Clip(frames, "c", "s", "lab").frames


def test_a_corpus_is_a_sequence_with_a_table():
    lab = corpus("lab", ["negative", "positive", "surprise"], apex=3, fps=100.0)
    assert len(lab) == 3
    assert [clip.name for clip in lab] == ["c0", "c1", "c2"]
    assert lab[1].label == "positive"
    assert len(lab[:2]) == 2
    table = lab.table
    assert table["label"].tolist() == ["negative", "positive", "surprise"]
    assert table["apex"].tolist() == [3, 3, 3]
    assert table["onset"].isna().all()
    assert table["onset"].dtype == pd.Int64Dtype()
    copy = pickle.loads(pickle.dumps(lab))
    assert copy.table.equals(table)


def test_select():
    lab = corpus("lab", ["negative", "positive", "surprise", "positive"])
    assert [c.name for c in lab.select(label="positive")] == ["c1", "c3"]
    assert [c.name for c in lab.select(label=["negative", "surprise"], subject="s0")] == [
        "c0",
        "c2",
    ]
    assert len(lab.select(np.array([True, False, False, True]))) == 2
    for arguments, keywords, message in [
        ((), {"emotion": "x"}, "unknown column 'emotion'"),
        ((), {"label": "joy"}, "no clip of corpus 'lab' meets"),
        (([True],), {}, r"mask: expected bool of shape \(4,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            lab.select(*arguments, **keywords)


def test_a_corpus_refuses_nothing_and_doubles():
    with pytest.raises(ValueError, match="corpus 'lab' got none"):
        Corpus([], "lab")
    with pytest.raises(ValueError, match="'lab/s/c' occurs twice"):
        Corpus([Clip(FRAMES, "c", "s", "lab")] * 2, "lab")
    with pytest.raises(TypeError, match="expected Clip objects, got int"):
        Corpus([1], "lab")


CASME2 = {
    "happiness": 32,
    "disgust": 64,
    "surprise": 25,
    "sadness": 7,
    "fear": 2,
    "repression": 27,
    "others": 99,
}


@pytest.mark.parametrize(
    ("scheme", "negative"), [("cdmer-130", 73), ("cdmer-148", 91)], ids=["130", "148"]
)
def test_casme2_counts_of_the_two_cdmer_schemes(scheme, negative):
    labels = corpus("casme2", [e for e, n in CASME2.items() for _ in range(n)]).labels(scheme)
    counts = {c: labels.count(c) for c in get_scheme(scheme).classes}
    assert counts == {"negative": negative, "positive": 32, "surprise": 25}
    assert sum(counts.values()) == int(scheme[-3:])


def test_megc2019_leaves_two_clips_out_by_key():
    keys = [("sub04", "EP12_01f"), ("sub05", "EP09_05f"), ("sub05", "EP1")]
    clips = [Clip(FRAMES, name, subject, "casme2", label="disgust") for subject, name in keys]
    assert Corpus(clips, "casme2").labels("three") == [None, None, "negative"]


def test_samm_pools_its_negative_emotions():
    emotions = ["Anger", "Contempt", "Disgust", "Fear", "Sadness", "Happiness", "Surprise", "Other"]
    assert corpus("samm", emotions).labels("three") == ["negative"] * 5 + [
        "positive",
        "surprise",
        None,
    ]


def test_native_labels_and_unknown_ones():
    assert corpus("smic-vis", ["negative", "positive"]).labels("cdmer-130") == [
        "negative",
        "positive",
    ]
    with pytest.raises(ValueError, match=r"label of clip 'smic-vis/s0/c0': scheme 'cdmer-130'"):
        corpus("smic-vis", ["joy"]).labels("cdmer-130")
    with pytest.raises(ValueError, match=r"got None"):
        corpus("smic-vis", [None]).labels("cdmer-130")


def test_schemes_are_data():
    assert list_schemes() == [
        "three",
        "cdmer-130",
        "cdmer-148",
        "objective",
        "emotion",
        "action-units",
    ]
    rules = {"native": {"corpora": [], "emotions": {"sad": "low", "glad": "high"}}}
    own = LabelScheme("valence", ("low", "high"), rules)
    assert get_scheme(own) is own
    assert corpus("lab", ["Sad", "glad"]).labels(own) == ["low", "high"]
    with pytest.raises(ValueError, match=r"scheme: expected one of .*got 'four'"):
        get_scheme("four")


def test_pack():
    lab = corpus("lab", ["surprise", "negative"])
    casme2 = corpus("casme2", ["others", "happiness", "disgust"])
    web = corpus("web", ["positive"])
    clips, y, domain = pack([lab, casme2], web, "cdmer-130")
    assert [c.key for c in clips] == [
        "lab/s0/c0",
        "lab/s1/c1",
        "casme2/s1/c1",
        "casme2/s0/c2",
        "web/s0/c0",
    ]
    assert y.tolist() == [2, 0, 1, 0, 1]
    assert domain.tolist() == [1, 1, 2, 2, -3]
    _, _, domain = pack(lab, [], "cdmer-130")
    assert domain.tolist() == [1, 1]


def test_pack_names_what_is_wrong():
    lab = corpus("lab", ["surprise"])
    with pytest.raises(ValueError, match="sources: got none"):
        pack([], lab, "cdmer-130")
    with pytest.raises(ValueError, match="leaves no clip of corpus 'casme2'"):
        pack(lab, corpus("casme2", ["others"]), "cdmer-130")
    with pytest.raises(ValueError, match="scheme: expected one of"):
        pack(lab, lab, "none")
    with pytest.raises(TypeError, match="targets: expected Corpus objects, got ndarray"):
        pack(lab, [np.zeros(3)], "cdmer-130")


def test_concat():
    lab, web = corpus("lab", ["surprise", "negative"]), corpus("web", ["positive"])
    both = Corpus.concat([lab, web], "both")
    assert [clip.key for clip in both] == ["lab/s0/c0", "lab/s1/c1", "web/s0/c0"]
    assert both.name == "both"
    for corpora, error, message in [
        ([lab, lab], ValueError, "'lab/s0/c0' occurs twice in corpus 'both'"),
        ([], ValueError, "corpus 'both' got none"),
        ([lab[0]], TypeError, "corpora: expected Corpus objects, got Clip"),
    ]:
        with pytest.raises(error, match=message):
            Corpus.concat(corpora, "both")
