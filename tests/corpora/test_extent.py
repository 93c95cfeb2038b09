"""A clip is the frames from onset to offset, whatever else its folder or video holds."""

import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

import cdmer.features
from cdmer.corpora import (
    Clip,
    Corpus,
    FrameFolder,
    VideoFile,
    check_database,
    load_casme2,
    load_casme3,
    load_database,
    load_manifest,
    make_database,
)
from cdmer.corpora._databases.databases import DATABASES
from cdmer.extraction import extract
from cdmer.features import LBPTOP, ApexFrame, BiWOOF, ClipDescriptor, FlowImages, RegionGrid
from cdmer.preprocessing import ApexSpotter, LinearResampling, TemporalInterpolation

FILE = "CASME2-coding-20140508.xlsx"
HEADER = [
    "Subject",
    "Filename",
    None,
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    None,
    "Action Units",
    "Estimated Emotion",
]
ONSET, APEX, OFFSET = 46, 52, 59
# The same clip as the database has it three times, and what else its folders are called.
FOLDERS = {
    "CASME2_RAW_selected": ("raw", "img{}.jpg", range(ONSET, OFFSET + 1)),
    "CASME2-RAW": ("raw", "img{}.jpg", range(1, 101)),
    "Cropped": ("cropped", "reg_img{}.jpg", range(ONSET, OFFSET + 1)),
}


def picture(number):
    """A face that smiles from onset to offset and shakes elsewhere, at one number always alike."""
    base = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    base = cv2.GaussianBlur(base, (0, 0), 2)
    shift = 3 * np.sin(number)
    if ONSET <= number <= OFFSET:
        shift = np.sin(np.pi * (number - ONSET) / (OFFSET - ONSET))
    move = np.float32([[1, 0, shift], [0, 1, 0]])
    return cv2.warpAffine(base, move, (64, 64), borderMode=cv2.BORDER_REFLECT)


def write_tree(root, name, numbers=None, moments=(ONSET, APEX, OFFSET)):
    """One clip of CASME II in one of its folders."""
    root.mkdir(parents=True)
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    onset, apex, offset = moments
    book.active.append(["01", "EP01_01", None, onset, apex, offset, None, "12", "happiness"])
    book.save(root / FILE)
    variant, frame, whole = FOLDERS[name]
    place = root / name / "sub01" / "EP01_01"
    place.mkdir(parents=True)
    for number in whole if numbers is None else numbers:
        cv2.imwrite(str(place / frame.format(number)), picture(number))
    return variant


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The same clip from each folder, and the faults of its corpus."""
    found = {}
    for name in FOLDERS:
        root = tmp_path_factory.mktemp("trees") / name
        corpus = load_casme2(root, variant=write_tree(root, name))
        found[name] = corpus
    return found


def steps_of_features():
    """Every exported step that describes clips and needs no torch, small enough to run here."""
    own = {"Parts": lambda kind: kind([LBPTOP(grid=RegionGrid((1,)))])}
    for name in cdmer.features.__all__:
        kind = getattr(cdmer.features, name)
        if not isinstance(kind, type) or name in ("ClipDescriptor", "FlowDescriptor"):
            continue
        if name == "DeepFeatures" or not hasattr(kind, "transform"):
            continue
        if name in ("HellingerMap", "PlaneSelector"):  # of tables
            continue
        if name in own:
            yield name, own[name](kind)
        elif issubclass(kind, ClipDescriptor):
            yield name, kind(grid=RegionGrid((2,)))
        else:
            yield name, kind()


STEPS = dict(steps_of_features())


def contents(values):
    """Types, shapes and bytes of what a step gives, one array or arrays in one."""
    values = np.asarray(values)
    if values.dtype == object:
        return [contents(value) for value in values.flat]
    return str(values.dtype), values.shape, values.tobytes()


@pytest.mark.parametrize("name", STEPS)
def test_every_descriptor_sees_the_same_frames(clips, name):
    first, *others = (STEPS[name].fit_transform(list(corpus)) for corpus in clips.values())
    for other in others:
        assert contents(other) == contents(first)


def test_every_descriptor_is_among_them():
    missing = {kind.__name__ for kind in cdmer.features.DESCRIPTORS.values()} - set(STEPS)
    assert missing <= {"DeepFeatures"}
    assert {"Frames", "ApexFrame", "FlowImages", "FlowSequence", "DescriptorSequence"} <= set(STEPS)


@pytest.mark.parametrize(
    "step",
    [
        TemporalInterpolation(10),
        LinearResampling(10),
        LinearResampling(fps=100),
        ApexSpotter(),
    ],
)
def test_steps_from_clip_to_clip_see_the_same_frames(clips, step):
    first, *others = (step.fit_transform(list(corpus))[0] for corpus in clips.values())
    for other in others:
        assert other.frames.tobytes() == first.frames.tobytes()
        for field in ("onset", "apex", "offset", "fps", "frame_numbers"):
            assert getattr(other, field) == getattr(first, field)


def test_what_is_left_out_is_listed(clips):
    assert [len(corpus.faults) for corpus in clips.values()] == [0, 1, 0]
    (fault,) = clips["CASME2-RAW"].faults
    assert (fault.kind, fault.where, fault.clip) == (
        "extent",
        "CASME2-RAW/sub01/EP01_01",
        "casme2/sub01/EP01_01",
    )
    assert fault.message == "86 of 100 frames lie outside of the expression and are left out"


def test_folders_as_they_are(tmp_path):
    write_tree(tmp_path / "raw", "CASME2-RAW")
    (clip,) = corpus = load_casme2(tmp_path / "raw", extent="folder")
    assert clip.frame_numbers == tuple(range(1, 101))
    assert len(clip.frames) == 100
    assert corpus.faults == ()


@pytest.mark.parametrize(
    ("margin", "first", "last"),
    [(3, 43, 62), ("0.02 s", 42, 63), ("0.1s", 26, 79), (45, 1, 100), (np.int64(0), 46, 59)],
)
def test_margins_end_with_the_folder(tmp_path, margin, first, last):
    write_tree(tmp_path / "raw", "CASME2-RAW")
    (clip,) = load_casme2(tmp_path / "raw", margin=margin)
    assert clip.frame_numbers == tuple(range(first, last + 1))
    assert (clip.position("onset"), clip.position("offset")) == (46 - first, 59 - first)
    (whole,) = load_casme2(tmp_path / "raw", extent="folder")
    assert whole.cut(margin).frame_numbers == clip.frame_numbers
    assert whole.cut(margin).source == clip.source


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"extent": "clip"}, r"extent: expected one of \('expression', 'folder'\), got 'clip'"),
        ({"margin": -1}, "margin: expected a whole number >= 0, got -1"),
        ({"margin": 1.5}, "margin: expected a whole number >= 0, got 1.5"),
        ({"margin": True}, "margin: expected a whole number >= 0, got True"),
        ({"margin": "3"}, "margin: expected seconds such as '0.2 s', got '3'"),
        ({"margin": "-1 s"}, "margin: expected seconds such as '0.2 s', got '-1 s'"),
        ({"margin": "nan s"}, "margin: expected seconds such as '0.2 s', got 'nan s'"),
        ({"extent": "folder", "margin": 2}, "margin: expected 0, as extent='folder' leaves nothi"),
    ],
)
def test_extents_that_there_are_not(tmp_path, keywords, message):
    write_tree(tmp_path / "raw", "CASME2-RAW")
    place = tmp_path / "raw" / "CASME2-RAW" / "sub01" / "EP01_01"
    (tmp_path / "m.csv").write_text(f"path,subject,label\n{place},1,x\n")
    for load in (load_casme2, lambda path, **kw: load_database("casme2", path, **kw)):
        with pytest.raises(ValueError, match=message):
            load(tmp_path / "raw", **keywords)
    with pytest.raises(TypeError, match=message):
        load_manifest(tmp_path / "m.csv", **keywords)


@pytest.mark.parametrize("name", ["CASME2-RAW", "CASME2_RAW_selected"])
@pytest.mark.parametrize(
    ("dropped", "onset", "offset"),
    [([46], 0, 12), ([59], 0, 12), ([46, 59], 0, 11), ([50, 52], 0, 11)],
)
def test_frames_that_are_missing_at_an_end_are_bridged(tmp_path, name, dropped, onset, offset):
    numbers = [n for n in FOLDERS[name][2] if n not in dropped]
    write_tree(tmp_path / "tree", name, numbers)
    (clip,) = corpus = load_casme2(tmp_path / "tree")
    assert clip.frame_numbers == tuple(n for n in range(46, 60) if n not in dropped)
    assert (clip.position("onset"), clip.position("offset")) == (onset, offset)
    kinds = {fault.kind for fault in corpus.faults}
    if name == "CASME2-RAW":
        assert kinds == {"gap", "extent"}
        gap = next(fault for fault in corpus.faults if fault.kind == "gap")
        assert gap.message == f"frames {', '.join(map(str, dropped))} are missing"
    else:  # what is beyond the ends of a folder is not known to have been dropped
        assert kinds == {"gap"} if dropped == [50, 52] else kinds == {"range"}
    assert FlowImages().fit_transform(list(corpus)).shape[0] == 1
    (short,) = TemporalInterpolation(10).fit_transform(list(corpus))
    assert (short.onset, short.offset) == (0, 9)


@pytest.mark.parametrize(
    "dropped", [range(46, 52), range(54, 60), [*range(46, 50), *range(55, 60)]]
)
def test_many_that_are_missing_between_frames_of_the_folder_are_bridged(tmp_path, dropped):
    write_tree(tmp_path / "tree", "CASME2-RAW", [n for n in range(1, 101) if n not in dropped])
    (clip,) = corpus = load_casme2(tmp_path / "tree")
    left = [n for n in range(46, 60) if n not in dropped]
    assert clip.frame_numbers == tuple(left)
    assert (clip.position("onset"), clip.position("offset")) == (0, len(left) - 1)
    assert {fault.kind for fault in corpus.faults} == {"gap", "extent"}
    (whole,) = load_casme2(tmp_path / "tree", extent="folder")
    assert whole.cut().__dict__ == whole.cut(3).cut().__dict__ == clip.__dict__
    assert clip.cut().__dict__ == clip.__dict__
    assert len(TemporalInterpolation(10).fit_transform(list(corpus))[0].frames) == 10
    corpus.to_manifest(tmp_path / "m.csv")
    assert load_manifest(tmp_path / "m.csv")[0].__dict__ == clip.__dict__
    assert "ends" not in corpus.table


def test_a_moment_far_beyond_the_frames_is_refused():
    numbers = tuple(range(20, 40))
    clip = Clip(np.zeros((20, 4, 4), np.uint8), "c", "s", "k", frame_numbers=numbers)
    for moment, number, message in [
        ("onset", 17, "onset 17 lies outside its frames, 20 to 39"),
        ("offset", 42, "offset 42 lies outside its frames, 20 to 39"),
        ("apex", 40, "apex 40 lies outside its frames, 20 to 39"),
        ("apex", 19, "apex 19 lies outside its frames, 20 to 39"),
    ]:
        with pytest.raises(ValueError, match=message):
            replace(clip, **{moment: number}).position(moment)
    assert replace(clip, onset=18).position("onset") == 0
    assert replace(clip, offset=41, apex=40).position("apex") == 19
    zero = replace(clip, onset=-1, frame_numbers=tuple(range(20)))
    with pytest.raises(ValueError, match="onset -1 lies outside its frames, 0 to 19"):
        zero.position("onset")


@pytest.mark.parametrize(
    ("moments", "numbers", "said"),
    [
        ((46, 52, None), range(46, 101), "no offset: ''; the clip ends with its folder, at frame"),
        ((None, 52, 59), range(1, 60), "no onset: ''; the clip begins with its folder, at frame 1"),
        ((46, 52, "?"), range(46, 101), "got '?'; the clip ends with its folder, at frame 100"),
        ((59, 52, 46), range(1, 101), "onset 59 is after apex 52; the clip is all of its folder"),
        ((146, 152, 159), range(1, 101), "outside the frames, 1 to 100; the clip is all of its fo"),
    ],
)
def test_ends_that_are_unknown(tmp_path, moments, numbers, said):
    write_tree(tmp_path / "tree", "CASME2-RAW", moments=moments)
    (clip,) = corpus = load_casme2(tmp_path / "tree")
    assert clip.frame_numbers == tuple(numbers)
    assert any(said in fault.message for fault in corpus.faults), corpus.faults


def test_an_apex_out_of_order_does_not_stretch_the_clip(tmp_path):
    write_tree(tmp_path / "tree", "CASME2-RAW", moments=(46, 70, 59))
    (clip,) = corpus = load_casme2(tmp_path / "tree")
    assert clip.frame_numbers == tuple(range(46, 60))
    assert [fault.kind for fault in corpus.faults] == ["order", "extent"]
    with pytest.raises(ValueError, match="apex 70 lies outside its frames, 46 to 59"):
        clip.position("apex")


SURROUNDED = [
    name
    for name, layout in DATABASES.items()
    if layout.label_files and not next(iter(layout.folders.values())).recordings
]


@pytest.mark.parametrize("name", SURROUNDED)
def test_more_frames_in_the_folders_of_a_database_change_nothing(tmp_path, name):
    small = {"n_clips": 5, "n_subjects": 2, "size": 32, "preset": "webcam-25fps"}
    make_database(name, tmp_path, random_state=0, **small)
    before = load_database(name, tmp_path)
    surrounded = [clip for clip in before if clip.offset is not None and clip.onset > 0]
    for clip in surrounded:
        place = Path(clip.source.folder)
        content = (place / clip.source.names[0]).read_bytes()
        suffix = Path(clip.source.names[0]).suffix
        for number in (0, *range(clip.offset + 1, clip.offset + 8)):
            (place / f"more{number}{suffix}").write_bytes(content)
    after = load_database(name, tmp_path)
    assert [clip.__dict__ for clip in after] == [clip.__dict__ for clip in before]
    new = [fault for fault in after.faults if fault.kind == "extent"]
    assert [fault.clip for fault in new] == [clip.key for clip in surrounded]
    assert all(fault.message.startswith("8 of ") for fault in new)
    assert [f for f in after.faults if f.kind != "extent"] == list(before.faults)
    found = check_database(name, tmp_path)
    assert found.left_out == dict.fromkeys([clip.key for clip in surrounded], 8)
    line = f"frames outside of the expression left out: {len(surrounded)} of 5 clips, 8 frames a"
    assert str(found).count(line) == 1
    assert str(found).count("[extent]") == 1


def test_recordings_hold_more_as_they_should(tmp_path):
    make_database("casme3-a", tmp_path, n_clips=4, size=32, random_state=0)
    corpus = load_casme3(tmp_path)
    assert "extent" not in {fault.kind for fault in corpus.faults}
    wide = load_casme3(tmp_path, margin=2)
    for clip, other in zip(corpus, wide, strict=True):
        assert set(clip.frame_numbers) < set(other.frame_numbers)
        assert set(other.frame_numbers) <= set(range(clip.onset - 2, clip.offset + 3))
    whole = load_casme3(tmp_path, extent="folder")
    for clip, other in zip(corpus, whole, strict=True):
        assert other.source.n_frames == len(list(Path(clip.source.folder).iterdir()))


def test_a_dropped_onset_in_a_recording_is_a_gap(tmp_path):
    make_database("casme3-a", tmp_path, n_clips=3, size=32, random_state=0)
    clip = load_casme3(tmp_path)[0]
    Path(clip.source.folder, clip.source.names[0]).unlink()
    corpus = load_casme3(tmp_path)
    faults = [fault for fault in corpus.faults if fault.clip == clip.key]
    assert [(fault.kind, fault.message) for fault in faults] == [
        ("gap", f"frames {clip.onset} are missing")
    ]
    assert corpus[0].position("onset") == 0
    assert corpus[0].frame_numbers == clip.frame_numbers[1:]


@pytest.mark.parametrize("extent", ["expression", "folder"])
def test_clips_far_longer_than_an_expression_are_listed(tmp_path, extent):
    rows = [[46, 52, 59], [1, 52, 800], [1, 52, 801]]  # 4 s at 200 frames per second are 800
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    for i, (onset, apex, offset) in enumerate(rows):
        book.active.append([i, "EP01_01", None, onset, apex, offset, None, "12", "happiness"])
        place = tmp_path / "CASME2-RAW" / f"sub{i:02d}" / "EP01_01"
        place.mkdir(parents=True)
        for number in range(1, 802):
            (place / f"img{number}.jpg").touch()
    book.save(tmp_path / FILE)
    corpus = load_casme2(tmp_path, extent=extent)
    (fault,) = (fault for fault in corpus.faults if fault.kind == "long")
    assert (fault.where, fault.clip) == ("CASME2-RAW/sub02/EP01_01", "casme2/sub02/EP01_01")
    assert fault.message == (
        "frames 1 to 801 are 4.005 s at 200 per second; expressions take 4 s at most"
    )


class TestManifests:
    """What holds for databases holds for folders and videos in a table."""

    @pytest.fixture
    def root(self, tmp_path):
        """A folder, and a video of the same pictures."""
        (tmp_path / "folder").mkdir()
        writer = cv2.VideoWriter(
            str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"FFV1"), 50.0, (64, 64)
        )
        for number in range(100):
            frame = picture(number)
            cv2.imwrite(str(tmp_path / "folder" / f"{number}.png"), frame)
            writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
        writer.release()
        return tmp_path

    def load(self, root, cells, header="onset,apex,offset,fps", **keywords):
        rows = [f"{place},1,x,{cells}" for place in ("folder", "film.avi")]
        text = "\n".join([f"path,subject,label,{header}", *rows])
        (root / "m.csv").write_text(text + "\n")
        return load_manifest(root / "m.csv", **keywords)

    def test_the_expression(self, root):
        folder, film = corpus = self.load(root, "46,52,59,50")
        assert folder.frame_numbers == film.frame_numbers == tuple(range(46, 60))
        np.testing.assert_array_equal(folder.frames, film.frames)
        assert film.source == VideoFile(str(root / "film.avi"), 46, 60)
        message = "86 of 100 frames lie outside of the expression and are left out"
        assert [(f.kind, f.where, f.message) for f in corpus.faults] == [
            ("extent", f"m.csv, row {row}", message) for row in (2, 3)
        ]

    def test_all_there_is(self, root):
        folder, film = corpus = self.load(root, "46,52,59,50", extent="folder")
        assert len(folder.frames) == len(film.frames) == 100
        assert corpus.faults == ()

    @pytest.mark.parametrize("margin", [3, "0.06 s"])
    def test_margins(self, root, margin):
        folder, film = self.load(root, "46,52,59,50", margin=margin)
        assert folder.frame_numbers == film.frame_numbers == tuple(range(43, 63))
        assert len(film.frames) == 20

    def test_margins_do_not_lead_beyond_a_video_that_is_shorter_than_it_says(self, root):
        folder, film = self.load(root, "46,52,95,50", margin=20)
        assert folder.frame_numbers == tuple(range(26, 100))
        assert film.frame_numbers == tuple(range(26, 97))  # of 100, three may not be there
        folder, film = self.load(root, "46,52,99,50", margin=20)
        assert folder.frame_numbers == film.frame_numbers == tuple(range(26, 100))

    def test_seconds_need_a_rate(self, root):
        with pytest.warns(UserWarning, match=r"margin '1 s' needs its frame rate, which is unkno"):
            [film] = corpus = self.load(root, "46,52,59,", margin="1 s")  # a video says its rate
        assert film.frame_numbers is not None
        assert [(fault.kind, fault.clip) for fault in corpus.faults][:1] == [("frames", None)]

    def test_rows_that_say_which_frames(self, root):
        folder, film = corpus = self.load(
            root, "46,59,40,70", header="onset,offset,start,stop", margin=1
        )
        assert folder.frame_numbers == film.frame_numbers == tuple(range(40, 70))
        assert corpus.faults == ()

    def test_unknown_ends_leave_the_clip_as_it_is(self, root):
        for cells in ("46,52,,50", ",52,59,50", ",,,"):
            folder, film = corpus = self.load(root, cells)
            assert (len(folder.frames), film.frame_numbers) == (100, None)
            assert corpus.faults == ()

    def test_moments_outside_a_video(self, root):
        _, film = corpus = self.load(root, "46,52,120,50")
        assert film.source == VideoFile(str(root / "film.avi"))
        assert [(f.kind, f.where, f.message) for f in corpus.faults if f.kind == "range"] == [
            ("range", "m.csv, F2", "offset 120 lies outside the frames, 0 to 99"),
            (
                "range",
                "m.csv, F3",
                "offset 120 lies outside the frames, 0 to 99; the clip is all of its video",
            ),
        ]
        (folder, film) = corpus = self.load(root, "59,52,46,50")
        assert (len(folder.frames), film.source.stop) == (100, None)
        assert [f.message for f in corpus.faults] == [
            f"{problem}; the clip is all of its {place}"
            for place in ("folder", "video")
            for problem in ("onset 59 is after apex 52", "apex 52 is after offset 46")
        ]

    def test_long_clips(self, root):
        corpus = self.load(root, "0,52,90,20")
        assert [(f.kind, f.where) for f in corpus.faults if f.kind == "long"] == [
            ("long", "m.csv, row 2"),
            ("long", "m.csv, row 3"),
        ]

    @pytest.mark.parametrize(
        "keywords", [{}, {"margin": 4}, {"margin": "0.1 s"}, {"extent": "folder"}]
    )
    def test_manifests_keep_what_was_asked_for(self, root, keywords):
        before = self.load(root, "46,52,59,50", **keywords)
        before.to_manifest(root / "again.csv")
        after = load_manifest(root / "again.csv", name="m")
        assert [clip.__dict__ for clip in after] == [clip.__dict__ for clip in before]

    def test_a_database_keeps_its_clips(self, root):
        write_tree(root / "tree", "CASME2-RAW")
        for keywords in ({}, {"margin": 4}, {"extent": "folder"}):
            before = load_casme2(root / "tree", **keywords)
            before.to_manifest(root / "again.csv")
            after = load_manifest(root / "again.csv")
            assert [clip.__dict__ for clip in after] == [clip.__dict__ for clip in before]

    def test_features_are_kept_apart(self, root):
        step = LBPTOP(grid=RegionGrid((1,)))
        tables = [
            extract(self.load(root, "46,52,59,50", **keywords), step, cache_dir=root / "cache")
            for keywords in ({}, {"margin": 4}, {"extent": "folder"})
        ]
        for one, other in zip(tables, tables[1:], strict=False):
            assert not np.array_equal(one.features, other.features)


class TestCut:
    """Clips that are made by hand."""

    FRAMES = np.arange(30, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)

    def make(self, source=None, **known):
        source = self.FRAMES if source is None else source
        moments = {"onset": 5, "apex": 8, "offset": 14}
        return Clip(source, name="c", subject="s", corpus="k", **(moments | known))

    def test_arrays(self):
        clip = self.make()
        new = clip.cut()
        assert new.frames[:, 0, 0].tolist() == list(range(5, 15))
        assert new.frames.base is not None  # no copy
        assert new.frame_numbers == tuple(range(5, 15))
        assert [new.position(m) for m in ("onset", "apex", "offset")] == [0, 3, 9]
        assert replace(new, source=clip.source, frame_numbers=None).__dict__ == clip.__dict__
        assert len(clip.frames) == 30

    @pytest.mark.parametrize("margin", [2, "0.08 s"])
    def test_margins(self, margin):
        new = self.make(fps=25).cut(margin)
        assert new.frame_numbers == tuple(range(3, 17))
        assert new.cut().frame_numbers == tuple(range(5, 15))
        assert self.make().cut(100).frame_numbers == tuple(range(30))

    def test_callables_are_not_called(self):
        calls = []

        def source():
            calls.append(1)
            return self.FRAMES

        new = self.make(source).cut()
        assert (calls, new.frame_numbers, new.source.n_frames) == ([], tuple(range(5, 15)), 10)
        assert new.frames[:, 0, 0].tolist() == list(range(5, 15))
        assert new.cut().frames[:, 0, 0].tolist() == list(range(5, 15))
        too_short = self.make(lambda: self.FRAMES[:9]).cut()
        with pytest.raises(ValueError, match="expected at least 15 frames, of which the clip is a"):
            _ = too_short.frames

    def test_numbered_frames(self):
        numbers = tuple(range(0, 60, 2))
        new = self.make(frame_numbers=numbers).cut(1)
        assert new.frame_numbers == (4, 6, 8, 10, 12, 14)
        assert new.frames[:, 0, 0].tolist() == [2, 3, 4, 5, 6, 7]

    def test_folders_and_videos(self):
        names = tuple(f"{n}.png" for n in range(30))
        assert self.make(FrameFolder("f", names)).cut().source == FrameFolder("f", names[5:15])
        assert self.make(VideoFile("v.avi")).cut().source == VideoFile("v.avi", 5, 15)
        numbers = tuple(range(3, 33))
        film = self.make(VideoFile("v.avi", 3, 33), frame_numbers=numbers).cut()
        assert (film.source, film.frame_numbers) == (VideoFile("v.avi", 5, 15), tuple(range(5, 15)))

    def test_unknown_ends(self):
        assert self.make(onset=None).cut().frame_numbers == tuple(range(15))
        assert self.make(offset=None).cut().frame_numbers == tuple(range(5, 30))
        clip = self.make(onset=None, offset=None)
        assert clip.cut() is clip
        clip = self.make(lambda: self.FRAMES, offset=None)
        with pytest.raises(
            ValueError, match="'k/s/c': has no offset, and the number of its frames"
        ):
            clip.cut()

    def test_what_cannot_be_cut(self):
        with pytest.raises(ValueError, match="'k/s/c': no frame from onset 14 to offset 5"):
            self.make(onset=14, offset=5).cut()
        with pytest.raises(ValueError, match="'k/s/c': no frame from onset 40 to offset 50"):
            self.make(onset=40, offset=50).cut()
        with pytest.raises(ValueError, match="'k/s/c': margin '1 s' needs its frame rate"):
            self.make().cut("1 s")
        with pytest.raises(ValueError, match="margin: expected a whole number >= 0, got -1"):
            self.make().cut(-1)

    def test_corpora(self):
        clips = [self.make(), replace(self.make(), name="d", onset=None, offset=None)]
        corpus = Corpus(clips, "k")
        assert [len(clip.frames) for clip in corpus.cut()] == [10, 30]
        assert [len(clip.frames) for clip in corpus.cut(1)] == [12, 30]
        lazy = Corpus([replace(clip, source=pick) for clip in clips], "k").cached()
        cut = lazy.cut()
        assert [clip.frames[0, 0, 0] for clip in cut] == [5, 0]
        assert [len(clip.frames) for clip in lazy] == [30, 30]
        assert [len(clip.frames) for clip in pickle.loads(pickle.dumps(cut))] == [10, 30]


def pick():
    return TestCut.FRAMES


class TestPicturesOfTheApex:
    """A picture of the apex needs no motion."""

    @pytest.mark.parametrize("onset", [None, 4, 7])
    def test_the_onset_does_not_matter(self, onset):
        clip = Clip(TestCut.FRAMES, "c", "s", "k", onset=onset, apex=4, offset=9)
        picture = ApexFrame(size=4, scaling="pixels").fit_transform([clip])
        assert (picture == 4).all()

    @pytest.mark.parametrize("step", [FlowImages(), BiWOOF()])
    def test_motion_needs_both(self, step):
        frames = np.random.default_rng(0).integers(0, 255, (10, 64, 64), np.uint8)
        clip = Clip(frames, "c", "s", "k", onset=4, apex=4, offset=9)
        with pytest.raises(ValueError, match="'k/s/c': expected the apex after the onset"):
            step.fit_transform([clip])

    def test_without_apex(self):
        clip = Clip(TestCut.FRAMES, "c", "s", "k", onset=4)
        with pytest.raises(ValueError, match="'k/s/c': has no apex"):
            ApexFrame().fit_transform([clip])
