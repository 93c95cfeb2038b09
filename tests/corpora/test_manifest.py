import os
from dataclasses import replace

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdmer.corpora import (
    Clip,
    Corpus,
    FrameFolder,
    VideoFile,
    load_database,
    load_manifest,
    make_database,
    make_synthetic_corpus,
)

HEADER = "path,subject,label,onset,apex,offset,action_units,fps"


def folder_of_frames(path, numbers):
    path.mkdir(parents=True)
    for number in numbers:
        picture = np.full((6, 8), number % 256, np.uint8)
        (path / f"img{number}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())


@pytest.fixture
def root(tmp_path):
    """Two folders, one with a gap, and a video."""
    root = tmp_path / "données 顔"
    folder_of_frames(root / "s1" / "a b", range(46, 60))
    folder_of_frames(root / "s2" / "c.d", [1, 2, 4, 5, 9])
    writer = cv2.VideoWriter(
        str(root / "s2" / "film.avi"), cv2.VideoWriter_fourcc(*"FFV1"), 50.0, (96, 64)
    )
    for i in range(12):
        writer.write(np.full((64, 96, 3), 10 * i, np.uint8))
    writer.release()
    return root


def write(root, *lines, header=HEADER, name="mine.csv"):
    path = root / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


ROWS = ("s1/a b,1,happiness,47,50,58,6+R12B,200", "s2/c.d,2,,,,,,", "s2/film.avi,2,fear,0,5,11,,")


def rows(corpus):
    """All that a corpus knows, as plain values."""
    return [
        [
            clip.key,
            *map(
                str,
                (
                    clip.label,
                    clip.onset,
                    clip.apex,
                    clip.offset,
                    clip.action_units,
                    clip.fps,
                    clip.frame_numbers,
                    clip.objective_class,
                    clip.apex_spotted_by,
                ),
            ),
        ]
        for clip in corpus
    ]


def test_folders_and_videos(root):
    corpus = load_manifest(write(root, *ROWS), extent="folder")
    assert corpus.name == "mine"
    assert [clip.key for clip in corpus] == ["mine/1/a b", "mine/2/c.d", "mine/2/film"]
    smile, blank, film = corpus
    assert (smile.label, smile.onset, smile.apex, smile.offset) == ("happiness", 47, 50, 58)
    assert smile.action_units == ("6", "R12B")
    assert smile.fps == 200.0
    assert smile.frame_numbers == tuple(range(46, 60))
    assert smile.frames[smile.position("apex")].max() == 50
    assert (blank.label, blank.onset, blank.apex, blank.action_units, blank.fps) == (
        None,
        None,
        None,
        (),
        None,
    )
    assert blank.frames[:, 0, 0].tolist() == [1, 2, 4, 5, 9]
    assert film.fps == 50.0
    assert film.frames[film.position("apex"), 0, 0] == 50
    assert [(f.kind, f.where, f.clip) for f in corpus.faults] == [
        ("gap", "mine.csv, row 3", "mine/2/c.d")
    ]
    assert "frames 3, 6-8 are missing" in str(corpus.faults[0])


def test_frames_in_colour(root):
    corpus = load_manifest(write(root, *ROWS), colour=True)
    assert [clip.frames.ndim for clip in corpus] == [4, 4, 4]


def test_headers_and_cells_in_other_spellings(root):
    path = write(
        root,
        'Ann , sadness,s1/a b,"4，17、L15",49.0,',
        header="\ufeffSUBJECT,Label,Path,Action Units,Onset,notes",
    )
    (clip,) = corpus = load_manifest(path)
    assert (clip.subject, clip.label, clip.onset) == ("Ann", "sadness", 49)
    assert clip.action_units == ("4", "17", "L15")
    (fault,) = corpus.faults
    assert (fault.kind, fault.where) == ("column", "mine.csv, F1")
    assert "column 'notes' is not read; there are path, subject" in fault.message


def test_moments_that_do_not_fit_are_listed(root):
    path = write(root, "s1/a b,1,x,50,47,70,,", "s2/film.avi,2,x,0,5,12,,")
    corpus = load_manifest(path, extent="folder")
    assert [(f.kind, f.where, f.message) for f in corpus.faults] == [
        ("order", "mine.csv, E2", "onset 50 is after apex 47"),
        ("range", "mine.csv, F2", "offset 70 lies outside the frames, 46 to 59"),
        ("range", "mine.csv, F3", "offset 12 lies outside the frames, 0 to 11"),
    ]
    assert (corpus[0].onset, corpus[0].apex, corpus[0].offset) == (50, 47, 70)


def test_parts_of_folders_and_videos(root):
    path = write(
        root,
        "s1/a b,s1,x,early,,52",
        "s1/a b,s1,x,late,53,",
        "s2/c.d,s2,x,middle,2,6",
        "s2/film.avi,s2,x,start,,3",
        "s2/film.avi,s2,x,end,4,12",
        header="path,subject,label,name,start,stop",
    )
    clips = {clip.name: clip for clip in load_manifest(path)}
    numbers = {name: clip.frame_numbers for name, clip in clips.items()}
    assert numbers == {
        "early": tuple(range(46, 52)),
        "late": tuple(range(53, 60)),
        "middle": (2, 4, 5),
        "start": (0, 1, 2),
        "end": tuple(range(4, 12)),
    }
    for clip in clips.values():
        step = 10 if "film" in str(clip.source) else 1
        assert clip.frames[:, 0, 0].tolist() == [step * n for n in clip.frame_numbers]


def test_names_of_corpora(root):
    header = "path,subject,label,corpus"
    one = load_manifest(write(root, "s1/a b,1,x,lab", "s2/c.d,2,x,lab", header=header))
    assert (one.name, one[0].corpus) == ("lab", "lab")
    two = load_manifest(write(root, "s1/a b,1,x,lab", "s2/c.d,2,x,", header=header))
    assert (two.name, two[0].corpus, two[1].corpus) == ("mine", "lab", "mine")
    own = load_manifest(write(root, "s1/a b,1,x,lab", "s2/c.d,2,x,", header=header), name="web")
    assert (own.name, own[0].corpus, own[1].corpus) == ("web", "lab", "web")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_corpus_survives_its_manifest(root, suffix):
    corpus = load_manifest(write(root, *ROWS), extent="folder")
    clips = [
        replace(
            corpus[0],
            objective_class="III",
            apex_spotted_by="ApexSpotter('lbp')",
            label='a, "b"\nü',
            name="x/y",
        ),
        replace(
            corpus[0],
            source=corpus[0].source.part(2, 9),
            frame_numbers=tuple(range(48, 55)),
            corpus="other",
            fps=np.float64(29.97),
            onset=np.int64(48),
        ),
        corpus[1],
        replace(
            corpus[2], source=VideoFile(corpus[2].source.path, 3, 8), frame_numbers=(3, 4, 5, 6, 7)
        ),
    ]
    before = Corpus(clips, "all").cached()
    path = root / f"again{suffix}"
    before.to_manifest(path)
    after = load_manifest(path)
    assert rows(after) == rows(before)
    assert [clip.source for clip in after] == [clip.source for clip in clips]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.frames, new.frames)


@pytest.mark.parametrize("name", ["casme2", "casme3-a", "samm", "smic-hs"])
def test_databases_survive_their_manifests(tmp_path, name):
    make_database(name, tmp_path, n_clips=4, size=32, random_state=0)
    before = load_database(name, tmp_path)
    before.to_manifest(tmp_path / "manifest.csv")
    after = load_manifest(tmp_path / "manifest.csv")
    assert after.name == before.name
    assert rows(after) == rows(before)
    assert [clip.source for clip in after] == [clip.source for clip in before]


def test_paths_are_relative_and_the_tree_can_move(root, tmp_path):
    load_manifest(write(root, *ROWS), extent="folder").to_manifest(root / "again.csv")
    assert str(root) not in (root / "again.csv").read_text("utf-8")
    moved = tmp_path / "moved"
    root.rename(moved)
    assert len(load_manifest(moved / "again.csv")[0].frames) == 14


def test_a_root_apart_from_the_manifest(root, tmp_path):
    corpus = load_manifest(write(root, *ROWS))
    with pytest.raises(ValueError, match=r"clip 'mine/1/a b': lies outside of .*name a folder .*"):
        corpus.to_manifest(root / "s2" / "m.csv")
    corpus.to_manifest(tmp_path / "m.csv", root=root)
    again = load_manifest(tmp_path / "m.csv", root=root, name="mine")
    assert rows(again) == rows(corpus)


def test_paths_that_lead_outside_are_refused_unless_allowed(root, tmp_path):
    folder_of_frames(tmp_path / "secret" / "clip", range(3))
    folder_of_frames(tmp_path / f"{root.name}2" / "clip", range(3))
    (root / "link").symlink_to(tmp_path / "secret")
    outside = [
        "../secret/clip",
        str(tmp_path / "secret" / "clip"),
        "link/clip",
        "s1/../../secret/clip",
        f"../{root.name}2/clip",
    ]
    for path in outside:
        manifest = write(root, f"{path},1,x", header="path,subject,label")
        with pytest.raises(ValueError, match=r"row 2: path: .* leads out of .*allow_outside=True"):
            load_manifest(manifest)
        assert len(load_manifest(manifest, allow_outside=True)[0].frames) == 3
    inside = write(root, f"{root}/s1/../s1/a b,1,x", header="path,subject,label")
    assert len(load_manifest(inside)[0].frames) == 14
    missing = write(root, "../nowhere,1,x", header="path,subject,label")
    with pytest.raises(ValueError, match="leads out of"):
        load_manifest(missing)


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("s1/gone,1,x,,,,,", "missing-folder", "path: there is no 's1/gone' in"),
        ("s1/film.mp4,1,x,,,,,", "missing-folder", "path: there is no 's1/film.mp4' in"),
        (",1,x,,,,,", "cell", "no path, so that the row names no clip"),
        ("s1,1,x,,,,,", "frames", "s1: holds no image"),
        ("mine.csv,1,x,,,,,", "frames", "mine.csv: OpenCV cannot play"),
        ("s2/cut.avi,1,x,,,,,", "frames", "cut.avi: OpenCV cannot play"),
        ("../s3,1,x,,,,,", "outside", "path: '../s3' leads out of"),
        ("s1/a b,1,x,,,,,25,9", "cell", "has 9 cells for 8 columns"),
        (
            "s2/c.d,2,x,,,,,",
            "duplicate",
            "clip 'mine/2/c.d' stands in row 2 already, which counts; a",
        ),
    ],
)
def test_rows_that_give_no_clip(root, line, kind, message):
    """The rest of the manifest goes on."""
    film = (root / "s2" / "film.avi").read_bytes()
    (root / "s2" / "cut.avi").write_bytes(film[:50])
    manifest = write(root, "s2/c.d,2,,,,,,", line, "s2/film.avi,2,,,,,,")
    with pytest.warns(UserWarning, match=r"mine.csv: 2 clips; 1 more rows give none, .*row 3: "):
        corpus = load_manifest(manifest)
    assert [clip.name for clip in corpus] == ["c.d", "film"]
    fault = next(fault for fault in corpus.faults if fault.kind != "gap")
    assert (fault.kind, fault.where, fault.clip) == (kind, "mine.csv, row 3", None)
    assert message in fault.message
    with pytest.raises(ValueError, match="rows cannot be read:"):
        load_manifest(write(root, *[line.replace("s2/c.d", "s2/gone")] * 2))


NUMBER = "expected the number of a frame as"


@pytest.mark.parametrize(
    ("line", "where", "message"),
    [
        ("s1/a b,1,x,4.5,50,58,6,25", "D2", f"{NUMBER} onset, got '4.5'"),
        ("s1/a b,1,x,forty,50,58,6,25", "D2", f"{NUMBER} onset, got 'forty'"),
        ("s1/a b,1,x,47,/,58,6,25", "E2", f"{NUMBER} apex, got '/'"),
        ("s1/a b,1,x,47,50,-1,6,25", "F2", f"{NUMBER} offset, got '-1'"),
        ("s1/a b,1,x,47,50,58,6,fast", "H2", "expected a number above 0 as fps, got 'fast'"),
        ("s1/a b,1,x,47,50,58,6,nan", "H2", "expected a number above 0 as fps, got 'nan'"),
        ("s1/a b,1,x,47,50,58,6,0", "H2", "expected a number above 0 as fps, got '0'"),
    ],
)
def test_a_clip_keeps_what_is_known(root, line, where, message):
    (clip,) = corpus = load_manifest(write(root, line))
    faults = [fault for fault in corpus.faults if fault.kind != "extent"]
    assert [(f.kind, f.where, f.message, f.clip) for f in faults] == [
        ("cell", f"mine.csv, {where}", message, "mine/1/a b")
    ]
    known = {"D2": clip.onset, "E2": clip.apex, "F2": clip.offset, "H2": clip.fps}
    assert known.pop(where) is None
    assert set(known.values()) < {47, 50, 58, 25.0}
    assert (clip.label, clip.action_units) == ("x", ("6",))


def test_a_clip_of_somebody_unknown_is_a_clip(root):
    (clip,) = corpus = load_manifest(write(root, "s1/a b,,x,47,50,58,6,25"))
    assert (clip.subject, clip.key) == ("", "mine//a b")
    [fault] = [fault for fault in corpus.faults if fault.kind != "extent"]
    message = "no subject, so that nobody knows who is recorded"
    assert (fault.where, fault.message, fault.clip) == ("mine.csv, B2", message, clip.key)


def test_the_rate_of_a_video_stands_in_for_an_unreadable_one(root):
    corpus = load_manifest(write(root, "s2/film.avi,1,x,,,,,often"))
    assert corpus[0].fps == 50.0
    assert [fault.kind for fault in corpus.faults] == ["cell"]


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("s1/a b,s1,x,90,", "frames", "no frame from start=90 to before stop=None, only 46 to 59"),
        ("s1/a b,s1,x,4.5,", "cell", f"{NUMBER} start, got '4.5'"),
        ("s1/a b,s1,x,47,-1", "cell", f"{NUMBER} stop, got '-1'"),
        ("s2/film.avi,s1,x,3,", "frames", "start=3: of a video, give stop, too"),
        ("s2/film.avi,s1,x,3,3", "frames", "stop: expected a whole number > 3"),
        ("s2/film.avi,s1,x,3,999999999", "frames", "stop=999999999: the video has 12 frames"),
    ],
)
def test_parts_that_are_not_there(root, line, kind, message):
    manifest = write(root, line, "s1/a b,s1,x,,", header="path,subject,label,start,stop")
    with pytest.warns(UserWarning, match="1 more rows give none"):
        corpus = load_manifest(manifest)
    assert len(corpus) == 1
    assert [fault.kind for fault in corpus.faults] == [kind]
    assert message in corpus.faults[0].message


def test_a_place_that_may_not_be_read_says_so(root, monkeypatch):
    def refuse(place, mode=None):
        raise PermissionError(13, "Permission denied", place)

    manifest = write(root, "s1/a b,1,x,,,,,", *ROWS[1:])
    monkeypatch.setattr("cdmer.corpora._media.containers.read_head", refuse)
    with pytest.warns(UserWarning, match="2 clips; 1 more rows"):
        corpus = load_manifest(manifest)
    assert [fault.kind for fault in corpus.faults] == ["gap", "frames"]
    assert "Permission denied" in corpus.faults[1].message
    monkeypatch.setattr("cdmer.corpora._media.frames.os.scandir", refuse)
    with pytest.raises(ValueError, match=r"3 of 3 rows (.*\n.*Permission denied: ){3}"):
        load_manifest(manifest)


TABLE = "path,subject,label\ns1/a b,Jürgen,wütend\ns2/c.d,José,fröhlich\n"


@pytest.mark.parametrize(
    ("encoding", "text", "is_certain"),
    [
        ("utf-8", TABLE, True),
        ("utf-8-sig", TABLE.replace(",", ";"), True),
        ("utf-16", TABLE.replace(",", "\t"), True),
        ("utf-16-be", "\ufeff" + TABLE.replace(",", "\t"), True),
        ("windows-1252", "sep=;\r\n" + TABLE.replace(",", ";"), False),
        ("windows-1252", TABLE, False),
    ],
)
def test_encodings(root, encoding, text, is_certain):
    (root / "mine.csv").write_bytes(text.encode(encoding))
    corpus = load_manifest(root / "mine.csv")
    assert [(c.subject, c.label) for c in corpus] == [("Jürgen", "wütend"), ("José", "fröhlich")]
    said = [fault for fault in corpus.faults if fault.kind == "encoding"]
    assert bool(said) is not is_certain
    assert all("read as 'windows-1252'" in fault.message for fault in said)
    if not is_certain:
        named = load_manifest(root / "mine.csv", encoding="cp1252")
        assert [fault.kind for fault in named.faults] == ["gap"]
        other = load_manifest(root / "mine.csv", encoding="windows-1250")
        assert [clip.subject for clip in other] == ["Jürgen", "José"]


def test_encodings_that_are_not_there(root):
    manifest = write(root, *ROWS)
    for encoding in ("klingon", "rot13", 5):
        with pytest.raises(ValueError, match=r"encoding: expected the name of a text encoding, .*"):
            load_manifest(manifest, encoding=encoding)
        with pytest.raises(ValueError, match=r"encoding: expected the name of a text encoding, .*"):
            load_manifest(root / "mine.parquet", encoding=encoding)
    (root / "mine.csv").write_bytes(TABLE.encode("cp1252"))
    with pytest.raises(ValueError, match=r"mine.csv: no text in the encoding 'utf-8'"):
        load_manifest(manifest, encoding="utf-8")


def test_all_bad_rows_are_told_at_once(root):
    lines = [f"s1/gone{i},1,x,,,,," for i in range(30)]
    with pytest.raises(ValueError, match="30 of 30 rows") as raised:
        load_manifest(write(root, *lines))
    message = str(raised.value).splitlines()
    assert len(message) == 12
    assert "row 11" in message[10]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path,name", r"expected the columns path, subject, label, got \['path', 'name'\]"),
        ("path,subject,emotion", "expected the columns path, subject, label"),
        ("path,subject,label,Subject", "mine.csv, D1: a second column 'subject'"),
        ("path,subject,label,label", "mine.csv, D1: a second column 'label'"),
    ],
)
def test_columns_that_do_not_fit(root, header, message):
    with pytest.raises(ValueError, match=message):
        load_manifest(write(root, "s1/a b,1,x,y", header=header))


def test_clips_to_predict_need_no_column_of_labels(root):
    [clip] = load_manifest(write(root, "s1/a b,1", header="path,subject"))
    assert (clip.subject, clip.label) == ("1", None)


def test_files_that_are_no_manifest(root):
    with pytest.raises(FileNotFoundError, match="gone.csv: there is no such file"):
        load_manifest(root / "gone.csv")
    for name, content in [("empty.csv", b""), ("header.csv", HEADER.encode() + b"\n\n,,\n")]:
        (root / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: expected a header and at least one row"):
            load_manifest(root / name)
    for name in ("bad.csv", "bad.parquet"):
        (root / name).write_bytes(b"\x00\xff\x00\xfe\x80")
        with pytest.raises(ValueError, match=name):
            load_manifest(root / name)


def test_parquet_from_elsewhere(root):
    table = pa.table(
        {
            "path": ["s1/a b", "s2/c.d"],
            "subject": [1, 2],
            "label": ["joy", None],
            "onset": [47.0, None],
            "fps": pa.array([200, None], pa.float32()),
            "age": [30, 40],
        }
    )
    pq.write_table(table, root / "mine.parquet")
    corpus = load_manifest(root / "mine.parquet")
    assert [(c.subject, c.label, c.onset, c.fps) for c in corpus] == [
        ("1", "joy", 47, 200.0),
        ("2", None, None, None),
    ]
    assert [f.kind for f in corpus.faults] == ["column", "gap"]


def test_what_a_manifest_cannot_tell(root, tmp_path):
    folder = root / "s2" / "c.d"
    names = ("img1.png", "img2.png", "img4.png", "img5.png", "img9.png")
    film = str(root / "s2" / "film.avi")
    cases = [
        (np.zeros((2, 3, 4), np.uint8), None, "come from a source of type ndarray"),
        (
            make_synthetic_corpus(n_clips=3, random_state=0)[0].source,
            None,
            "come from a source of type Render",
        ),
        (FrameFolder(str(folder), names), None, "numbered as their files are"),
        (FrameFolder(str(folder), names), (1, 2, 3, 4, 5), "numbered as their files are"),
        (FrameFolder(str(folder), names[::2]), (1, 4, 9), "frames that follow each other"),
        (FrameFolder(str(folder), ("x1.png",)), (1,), "frames that follow each other"),
        (VideoFile(film, 3), None, "counted from the start of"),
        (VideoFile(film, 3, 6), (0, 1, 2), "counted from the start of"),
        (VideoFile(film), tuple(range(1, 13)), "counted from the start of"),
    ]
    for source, numbers, message in cases:
        corpus = Corpus([Clip(source, "c", "s", "lab", frame_numbers=numbers)], "lab")
        with pytest.raises(ValueError, match=rf"clip 'lab/s/c': .*{message}"):
            corpus.to_manifest(root / "m.csv")
    with pytest.raises(ValueError, match=r"path: expected a file .csv or .parquet, got .*m.xlsx"):
        corpus.to_manifest(root / "m.xlsx")
    assert not os.path.exists(root / "m.csv")
