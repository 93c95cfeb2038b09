import io

import numpy as np
import pytest

from cdmer.corpora import Clip, Corpus
from cdmer.corpora._contact_sheet import sample_frame
from cdmer.corpora._faults import Fault, Repair

FRAMES = np.repeat(np.arange(9, dtype=np.uint8), 20).reshape(9, 4, 5)


def clip(name, subject, label, corpus="lab", fps=100.0, **known):
    return Clip(FRAMES, name, subject, corpus, label, fps=fps, **known)


CLIPS = [
    clip("a", "s1", "fear"),
    clip("b", "s1", "happiness", fps=200.0),
    clip("c", "s2", None),
    clip("d", "s2", "fear", fps=None),
    clip("e", "s1", "fear", corpus="web", fps=None),
]
LAB = Corpus(
    CLIPS,
    "all",
    repairs=[Repair("lab/s1/b", "apex", 2, 3, "because")],
    faults=[
        Fault("gap", "s2/c", "x", "lab/s2/c"),
        Fault("cell", "x.csv, A1", "x", "lab/s2/d"),
        Fault("missing-row", "s3/x", "x"),
        Fault("missing-folder", "y", "x", "lab/s1/gone"),
    ],
)


def test_counts_per_subject_and_class():
    table = LAB.summary()
    assert table.index.tolist() == [("lab", "s1"), ("lab", "s2"), ("web", "s1"), ("all", "")]
    assert table["label"].columns.tolist() == ["fear", "happiness", "none"]
    assert table["label"].to_numpy().tolist() == [[1, 1, 0], [1, 0, 1], [1, 0, 0], [3, 1, 1]]
    assert table["clips", "number"].tolist() == [2, 2, 1, 5]
    assert table["clips", "repairs"].tolist() == [1, 0, 0, 1]
    assert table["clips", "faults"].tolist() == [1, 2, 0, 4]
    assert table["fps", "lowest"].tolist()[:2] == [100.0, 100.0]
    assert table["fps", "highest"].tolist()[:2] == [200.0, 100.0]
    assert table["fps"].loc["web"].isna().all(axis=None)
    assert table["fps"].loc[("all", "")].tolist() == [100.0, 200.0]


def test_counts_under_a_scheme():
    labelled = Corpus([CLIPS[0], clip("g", "s1", "others")], "lab")
    casme2 = Corpus([clip(c.name, c.subject, c.label, "casme2") for c in labelled], "casme2")
    table = casme2.summary("cdmer-130")
    assert table["label"].columns.tolist() == ["negative", "positive", "surprise", "none"]
    assert table["label"].loc["casme2"].to_numpy().tolist() == [[1, 0, 0, 1]]
    with pytest.raises(ValueError, match="label of clip 'lab/s1/a'"):
        LAB.summary("cdmer-130")


def test_faults_and_repairs_follow_their_clips():
    part = LAB[2:4]
    assert [f.clip for f in part.faults] == ["lab/s2/c", "lab/s2/d", None]
    assert part.repairs == ()
    assert LAB.select(label="happiness").repairs == LAB.repairs
    assert repr(LAB) == "Corpus('all', 5 clips, 2 subjects, 4 faults)"


def test_a_contact_sheet_has_a_row_per_class():
    many = Corpus([clip(f"c{i}", f"s{i}", "fear", apex=i) for i in range(9)] + CLIPS[1:3], "$lab_$")
    figure = many.plot_samples(n_per_class=3)
    shown = [ax for ax in figure.axes if ax.images]
    assert len(figure.axes) == 9
    assert [ax.get_title().split("\n") for ax in shown] == [
        ["s0/c0", "apex 0"],
        ["s4/c4", "apex 4"],
        ["s8/c8", "apex 8"],
        ["s1/b", "frame 4"],
        ["s2/c", "frame 4"],
    ]
    assert [int(ax.images[0].get_array()[0, 0]) for ax in shown] == [0, 4, 8, 4, 4]
    assert [ax.get_ylabel() for ax in figure.axes[::3]] == [
        "fear (9)",
        "happiness (1)",
        "no label (1)",
    ]
    assert all(ax.images[0].get_clim() == (0, 255) for ax in shown)
    figure.savefig(io.BytesIO(), format="png")


class Recorded:
    """Source of nine frames that remembers which were read."""

    n_frames = 9

    def __init__(self, start=0, stop=9, read=None):
        self.start, self.stop, self.read = start, stop, [] if read is None else read

    def __call__(self):
        self.read.append((self.start, self.stop))
        return FRAMES[self.start : self.stop]

    def part(self, start, stop):
        return Recorded(start, stop, self.read)


@pytest.mark.parametrize(
    ("known", "number", "text"),
    [
        ({"apex": 7}, 7, "apex 7"),
        ({}, 4, "frame 4"),
        ({"apex": 9}, 4, "frame 4"),
        ({"apex": 13, "frame_numbers": tuple(range(10, 19))}, 3, "apex 13"),
        ({"apex": 3, "frame_numbers": tuple(range(10, 19))}, 4, "frame 14"),
    ],
)
def test_one_frame_is_read_of_a_clip(known, number, text):
    source = Recorded()
    frame, moment = sample_frame(Clip(source, "c", "s", "lab", **known))
    assert (int(frame[0, 0]), moment) == (number, text)
    assert source.read == [(number, number + 1)]


def test_bad_arguments():
    with pytest.raises(ValueError, match="n_per_class: expected a whole number >= 1"):
        LAB.plot_samples(0)
    with pytest.raises(ValueError, match="scheme: expected one of"):
        LAB.plot_samples(scheme="none")
