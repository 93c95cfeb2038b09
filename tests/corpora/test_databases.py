"""Every database on a small tree in its official layout, right to the cell."""

import inspect
import pickle

import cv2
import numpy as np
import openpyxl
import pytest
import xlwt

from cdmer import corpora
from cdmer.corpora import (
    Corpus,
    check_database,
    list_databases,
    load_4dme,
    load_cas_me_2,
    load_casme,
    load_casme2,
    load_casme3,
    load_database,
    load_dfme,
    load_mmew,
    load_samm,
    load_smic,
)

LOADERS = [
    load_4dme,
    load_cas_me_2,
    load_casme,
    load_casme2,
    load_casme3,
    load_dfme,
    load_mmew,
    load_samm,
    load_smic,
]


def write_frames(folder, names):
    """Frames that hold their own position, so that order can be read off."""
    folder.mkdir(parents=True)
    for i, name in enumerate(names):
        cv2.imwrite(str(folder / name), np.full((6, 8), 10 + i, dtype=np.uint8))


def write_xlsx(path, rows, sheet="Sheet1", before=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title in before:
        book.create_sheet(title).append(["something else"])
    page = book.create_sheet(sheet)
    for row in rows:
        page.append([None if cell == "" else cell for cell in row])
    book.save(path)


def known(clip):
    return (clip.onset, clip.apex, clip.offset, clip.label, clip.action_units)


def test_smic(tmp_path):
    for camera, subject, emotion, name in [
        ("HS", "s01", "negative", "s01_ne_01"),
        ("HS", "s01", "surprise", "s01_sur_01"),
        ("HS", "s02", "positive", "s02_po_01"),
        ("VIS", "s11", "negative", "s11_ne_01"),
    ]:
        place = tmp_path / camera / subject / "micro" / emotion / name
        write_frames(place, [f"image{n:06d}.bmp" for n in (99, 100, 101)])
        place = tmp_path / "SMIC_all_cropped" / place.relative_to(tmp_path)
        write_frames(place, [f"reg_image{n:06d}.bmp" for n in (99, 100, 101)])
    high = load_smic(tmp_path)
    assert high.name == "smic-hs"
    assert [c.key for c in high] == [
        "smic-hs/s01/s01_ne_01",
        "smic-hs/s01/s01_sur_01",
        "smic-hs/s02/s02_po_01",
    ]
    assert [known(c) for c in high] == [
        (99, None, 101, emotion, ()) for emotion in ("negative", "surprise", "positive")
    ]
    assert high[0].fps == 100
    assert high.faults == ()
    assert high[0].frames[:, 0, 0].tolist() == [10, 11, 12]
    assert high.labels("cdmer-130") == ["negative", "surprise", "positive"]
    cropped = load_smic(tmp_path, camera="VIS", variant="cropped")
    assert [c.key for c in cropped] == ["smic-vis/s11/s11_ne_01"]
    assert cropped[0].fps == 25
    assert cropped[0].source.names[0] == "reg_image000099.bmp"
    within = load_smic(tmp_path / "SMIC_all_cropped", variant="cropped")
    assert [c.key for c in within] == [c.key for c in high]
    for path, camera in ((tmp_path, "NIR"), (tmp_path / "SMIC_all_cropped", "HS")):
        message = (
            f"no folder 'SMIC_all_raw/{camera}' or '{camera}', where SMIC {camera} has its raw"
        )
        with pytest.raises(ValueError, match=message):
            load_smic(path, camera=camera)
    with pytest.raises(ValueError, match="label_file: SMIC HS has none, got 'smic.xlsx'"):
        load_database("smic-hs", tmp_path, label_file="smic.xlsx")
    with pytest.raises(ValueError, match=r"camera: expected one of \('HS', 'VIS', 'NIR'\)"):
        load_smic(tmp_path, camera="hs")


def test_casme(tmp_path):
    header = [
        "Subject",
        "Filename",
        "",
        "OnsetF",
        "ApexF1",
        "ApexF2",
        "OffsetF",
        "",
        "Emotion",
        "AU",
    ]
    rows = [
        header,
        [1, "EP01_5", "", 98, 100, 102, 103, "", "tense", "4+R7"],
        [12, "EP03_2", "", 1, 2, 0, 3, "", "Disgust", 10],
        [12, "EP03_4", "", 30, 20, 0, 10, "", "sadness", "L1"],
    ]
    write_xlsx(tmp_path / "casme.xlsx", rows)
    for base, name in (("CASME_raw_selected", "{}-{}.jpg"), ("Cropped", "reg_{}-{:05d}.jpg")):
        for subject, clip, numbers in (
            ("sub01", "EP01_5", range(98, 104)),
            ("sub12", "EP03_2", range(1, 4)),
            ("sub12", "EP03_4", range(10, 31)),
        ):
            place = tmp_path / base / subject / clip
            write_frames(place, [name.format(clip, n) for n in numbers])
    casme = load_casme(tmp_path)
    assert [c.key for c in casme] == [
        "casme/sub01/EP01_5",
        "casme/sub12/EP03_2",
        "casme/sub12/EP03_4",
    ]
    assert [known(c) for c in casme] == [
        (98, 100, 103, "tense", ("4", "R7")),
        (1, 2, 3, "disgust", ("10",)),
        (30, 20, 10, "sadness", ("L1",)),
    ]
    assert casme[0].fps == 60
    assert casme[0].frame_numbers == (98, 99, 100, 101, 102, 103)
    # 99 comes before 100, as no file system lists them.
    assert casme[0].frames[:, 0, 0].tolist() == [10, 11, 12, 13, 14, 15]
    assert casme[0].position("apex") == 2
    assert [(f.kind, f.where, f.clip) for f in casme.faults] == [
        ("order", "casme.xlsx, E4", "casme/sub12/EP03_4"),
        ("order", "casme.xlsx, E4", "casme/sub12/EP03_4"),
    ]
    cropped = load_casme(tmp_path, variant="cropped", colour=True)
    assert cropped[0].source.names[0] == "reg_EP01_5-00098.jpg"
    assert cropped[0].frames.shape == (6, 6, 8, 3)
    assert [known(c) for c in cropped] == [known(c) for c in casme]


def casme2_tree(root, rows, label_file="CASME2-coding-20140508.xlsx"):
    header = [
        "Subject",
        "Filename",
        "",
        "OnsetFrame",
        "ApexFrame",
        "OffsetFrame",
        "",
        "Action Units",
        "Estimated Emotion",
    ]
    cells = [[s, f, "", on, ap, off, "", au, emotion] for s, f, on, ap, off, au, emotion in rows]
    write_xlsx(root / label_file, [header, *cells])
    for subject, clip, onset, *_ in rows:
        place = root / "CASME2_RAW_selected" / f"sub{int(subject):02d}" / clip
        if not place.exists():
            write_frames(place, [f"img{n}.jpg" for n in range(onset, onset + 5)])


def test_casme2(tmp_path):
    rows = [
        (1, "EP02_01f", 46, 48, 50, "12", "happiness"),
        (4, "EP12_01f", 9, "/", 13, "4+L10", "disgust"),
        ("17", "EP01_06", 5, 6, "", "R14", "Others"),
    ]
    casme2_tree(tmp_path, rows)
    casme2 = load_casme2(tmp_path)
    assert [c.key for c in casme2] == [
        "casme2/sub01/EP02_01f",
        "casme2/sub04/EP12_01f",
        "casme2/sub17/EP01_06",
    ]
    assert [known(c) for c in casme2] == [
        (46, 48, 50, "happiness", ("12",)),
        (9, None, 13, "disgust", ("4", "L10")),
        (5, 6, None, "others", ("R14",)),
    ]
    assert casme2.table["apex"].isna().tolist() == [False, True, False]
    assert {(f.kind, f.where, f.clip) for f in casme2.faults} == {
        ("unknown", "CASME2-coding-20140508.xlsx, E3", "casme2/sub04/EP12_01f"),
        ("unknown", "CASME2-coding-20140508.xlsx, F4", "casme2/sub17/EP01_06"),
    }
    assert casme2[0].fps == 200
    # The rule of the 442 clips leaves the one without apex out.
    assert casme2.labels("three") == ["positive", None, None]
    copy = pickle.loads(pickle.dumps(casme2))
    assert copy.faults == casme2.faults
    np.testing.assert_array_equal(copy[0].frames, casme2[0].frames)


@pytest.mark.parametrize("base", ["Cropped", "Cropped_original"])
def test_casme2_cropped(tmp_path, base):
    casme2_tree(tmp_path, [(1, "EP02_01f", 46, 48, 50, "12", "happiness")])
    place = tmp_path / base / "sub01" / "EP02_01f"
    write_frames(place, [f"reg_img{n}.jpg" for n in range(46, 51)])
    assert load_casme2(tmp_path, variant="cropped")[0].source.names[-1] == "reg_img50.jpg"


def test_cas_me_2(tmp_path):
    book = xlwt.Workbook()
    page = book.add_sheet("Sheet1")
    rows = [
        (1, "disgust2_3", 117, 119, 121, "disgust"),
        (9, "happiness1_1", 8, 0, 11, "happiness"),
    ]
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            page.write(i, j, cell)
    book.save(str(tmp_path / "CAS(ME)2.xls"))
    for subject, clip, onset, _, offset, _ in rows:
        place = tmp_path / "cropped" / str(subject) / clip
        write_frames(place, [f"img{n}.jpg" for n in range(onset, offset + 1)])
    corpus = load_cas_me_2(tmp_path)
    assert [c.key for c in corpus] == ["cas-me-2/1/disgust2_3", "cas-me-2/9/happiness1_1"]
    assert [known(c) for c in corpus] == [
        (117, 119, 121, "disgust", ()),
        (8, None, 11, "happiness", ()),
    ]
    assert [(f.kind, f.where) for f in corpus.faults] == [("unknown", "CAS(ME)2.xls, D2")]
    assert corpus[0].fps == 30


CASME3_HEADER = [
    "Subject",
    "Filename",
    "Onset",
    "Apex",
    "Offset",
    "AU",
    "Objective class",
    "emotion",
]
CASME3_ROWS = [
    ["spNO.1", "a", 3, 5, 7, "4+7", "II", "disgust"],
    ["spNO.1", "a", 12, 13, 15, "12", 1, "Others"],  # the same recording
    ["spNO.10", "B", 4, 2, 8, "1，2", "III", "others"],  # apex before onset, case of the folder
]


def test_casme3_part_a(tmp_path):
    name = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
    write_xlsx(tmp_path / "annotation" / name, [CASME3_HEADER, *CASME3_ROWS])
    for subject, recording in (("spNO.1", "a"), ("spNO.10", "b"), ("spNO.10", "c")):
        place = tmp_path / "part_A" / subject / recording / "color"
        write_frames(place, [f"{n}.jpg" for n in range(1, 17)])
        (place.parent / "depth").mkdir()
    corpus = load_casme3(tmp_path)
    assert [c.key for c in corpus] == [
        "casme3-a/spNO.1/a_3",
        "casme3-a/spNO.1/a_12",
        "casme3-a/spNO.10/B_4",
    ]
    assert [known(c) for c in corpus] == [
        (3, 5, 7, "disgust", ("4", "7")),
        (12, 13, 15, "others", ("12",)),
        (4, 2, 8, "others", ("1", "2")),
    ]
    assert [c.objective_class for c in corpus] == ["II", "I", "III"]
    assert [c.frame_numbers for c in corpus] == [(3, 4, 5, 6, 7), (12, 13, 14, 15), (4, 5, 6, 7, 8)]
    assert corpus[1].frames[:, 0, 0].tolist() == [21, 22, 23, 24]
    where = f"annotation/{name}, D4"
    assert [(f.kind, f.where, f.clip) for f in corpus.faults] == [
        ("order", where, "casme3-a/spNO.10/B_4"),
        ("range", where, "casme3-a/spNO.10/B_4"),
    ]


def test_casme3_part_a_cut_release(tmp_path):
    write_xlsx(
        tmp_path / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", [CASME3_HEADER, *CASME3_ROWS]
    )
    for subject, recording, onset, _, offset, *_ in CASME3_ROWS:
        place = tmp_path / "Part_A_ME_clip" / "frame" / f"{subject}_{recording}_{onset}"
        write_frames(place, [f"{n}.jpg" for n in range(onset, offset + 1)])
    extra = tmp_path / "Part_A_ME_clip" / "frame" / "spNO.2_c_9"
    write_frames(extra, ["9.jpg"])
    corpus = load_casme3(tmp_path, variant="clips")
    assert [c.name for c in corpus] == ["a_3", "a_12", "B_4"]
    assert [c.source.n_frames for c in corpus] == [5, 4, 5]
    assert [f.kind for f in corpus.faults] == ["order", "range", "missing-row"]
    assert corpus.faults[-1].where == "Part_A_ME_clip/frame/spNO.2_c_9"


def test_casme3_part_c(tmp_path):
    rows = [
        ["sub", "count", "onset", "offset", "au", "emotion"],
        [1, 1, 10, 13, "4，7", "negative"],
        [1, 2, 30, 32, "12,6", "positive"],
        [31, 1, 5, 6, 1, "others"],
    ]
    write_xlsx(tmp_path / "CAS(ME)3_part_C_ME.xlsx", rows, "mockCrimeME", before=["notes"])
    for subject, count, onset, offset, *_ in rows[1:]:
        place = tmp_path / "part_C" / f"{subject:02d}" / str(count) / "color"
        write_frames(place, [f"{n}.jpg" for n in range(onset, offset + 1)])
    corpus = load_casme3(tmp_path, part="C")
    assert [c.key for c in corpus] == ["casme3-c/01/1", "casme3-c/01/2", "casme3-c/31/1"]
    assert [known(c) for c in corpus] == [
        (10, None, 13, "negative", ("4", "7")),
        (30, None, 32, "positive", ("12", "6")),
        (5, None, 6, "others", ("1",)),
    ]
    assert corpus.faults == ()
    for subject in ("01", "31"):
        place = tmp_path / "whole" / "part_C" / subject / "a" / "color"
        write_frames(place, [f"{n}.jpg" for n in range(1, 41)])
    label_file = tmp_path / "CAS(ME)3_part_C_ME.xlsx"
    cut = load_casme3(tmp_path / "whole", part="C", variant="recordings", label_file=label_file)
    assert [c.frame_numbers for c in cut] == [c.frame_numbers for c in corpus]
    with pytest.raises(ValueError, match=r"part: expected one of \('A', 'C'\), got 'B'"):
        load_casme3(tmp_path, part="B")


SAMM_HEADER = [
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset Frame",
    "Apex Frame",
    "Offset Frame",
    "Duration",
    "Micro",
    "Action Units",
    "Estimated Emotion",
    "Objective Classes",
    "Notes",
]
SAMM_ROWS = [
    [6, "006_1_2", 1, 3562, 3564, 3566, 5, "1/2", "4+R12A", "Anger", "I", ""],
    ["032", "032_3_1", 3, 4896, 1930, 4950, 55, "1/2", "L14 or R14", "Other", 7, "a note"],
]


def samm_tree(root, row_of_header=12):
    remarks = [["SAMM"], ["Subject to licence"], ["Onset and Offset in frames"]]
    remarks += [[""]] * (row_of_header - len(remarks))
    write_xlsx(root / "SAMM_Micro_FACS_Codes_v2.xlsx", [*remarks, SAMM_HEADER, *SAMM_ROWS])
    for base in ("SAMM", "SAMM_CROP"):
        for subject, (_, clip, _, first, _, last, *_) in zip(
            ("006", "032"), SAMM_ROWS, strict=True
        ):
            place = root / base / subject / clip
            write_frames(place, [f"{subject}_{n:05d}.jpg" for n in range(first, last + 1)])


@pytest.mark.parametrize("variant", ["raw", "cropped"])
def test_samm(tmp_path, variant):
    samm_tree(tmp_path)
    samm = load_samm(tmp_path, variant=variant)
    assert [c.key for c in samm] == ["samm/006/006_1_2", "samm/032/032_3_1"]
    assert [known(c) for c in samm] == [
        (3562, 3564, 3566, "anger", ("4", "R12A")),
        (4896, 4945, 4950, "others", ("L14 or R14",)),
    ]
    assert [c.objective_class for c in samm] == ["I", "VII"]
    (repair,) = samm.repairs
    assert (repair.clip, repair.field, repair.before, repair.after) == (
        "samm/032/032_3_1",
        "apex",
        1930,
        4945,
    )
    assert "before the onset" in repair.reason
    (fault,) = samm.faults
    assert (fault.kind, fault.where) == ("action-units", "SAMM_Micro_FACS_Codes_v2.xlsx, I15")
    assert "L14 or R14" in fault.message


def test_samm_unrepaired(tmp_path):
    samm_tree(tmp_path, row_of_header=13)  # as some copies have it
    samm = load_samm(tmp_path, repair=False)
    assert samm[1].apex == 1930
    assert samm.repairs == ()
    assert [f.kind for f in samm.faults] == ["action-units", "order", "range"]
    assert samm.faults[1].where == "SAMM_Micro_FACS_Codes_v2.xlsx, E16"
    assert "onset 4896 is after apex 1930" in samm.faults[1].message


def test_a_corrected_label_file_is_left_alone(tmp_path, monkeypatch):
    rows = [list(row) for row in SAMM_ROWS]
    rows[1][4] = 4940
    monkeypatch.setitem(globals(), "SAMM_ROWS", rows)
    samm_tree(tmp_path)
    samm = load_samm(tmp_path)
    assert samm[1].apex == 4940
    assert samm.repairs == ()


def test_mmew(tmp_path):
    rows = [
        [
            "Subject",
            "Filename",
            "OnsetFrame",
            "ApexFrame",
            "OffsetFrame",
            "Action Units",
            "Estimated Emotion",
            "remarks",
        ],
        ["S01", "S01-02-001", 1, 4, 6, "6+12", "happiness", ""],
        [30, "S30-07-002", 1, 9, 6, "AU4", "others", "blurred"],
    ]
    write_xlsx(tmp_path / "MMEW_Micro_Exp.xlsx", rows)
    for _, clip, *_, emotion, _ in rows[1:]:
        place = tmp_path / "Micro_Expression" / emotion / clip
        write_frames(place, [f"{n}.jpg" for n in range(1, 7)])
    corpus = load_mmew(tmp_path)
    assert [c.key for c in corpus] == ["mmew/S01/S01-02-001", "mmew/S30/S30-07-002"]
    assert [known(c) for c in corpus] == [
        (1, 4, 6, "happiness", ("6", "12")),
        (1, 9, 6, "others", ("4",)),
    ]
    assert [(f.kind, f.where) for f in corpus.faults] == [
        ("order", "MMEW_Micro_Exp.xlsx, D3"),
        ("range", "MMEW_Micro_Exp.xlsx, D3"),
    ]
    assert corpus[0].fps == 90


def test_4dme(tmp_path):
    rows = [
        ["sub_ID", "fold_name", "Emotion", "Onset", "Apex", "Offset", "AUs", "AU1", "AU4"],
        ["A1", "disgust_1", "Negative", 1, 3, 4, "AU4(k)+AU1", 1, 1],
        ["A1", "happy_1", "Positive", 7, 8, 9, "R12", 0, 0],
    ]
    write_xlsx(tmp_path / "4DME_Labelling_Micro_release v1.xlsx", rows)
    for base in ("gray_micro", "gray_micro_crop"):
        for subject, clip, _, first, _, last, *_ in rows[1:]:
            place = tmp_path / base / subject / clip
            write_frames(place, [f"{n}.jpg" for n in range(first, last + 1)])
    for variant in ("raw", "cropped"):
        corpus = load_4dme(tmp_path, variant=variant)
        assert [c.key for c in corpus] == ["4dme/A1/disgust_1", "4dme/A1/happy_1"]
        assert [known(c) for c in corpus] == [
            (1, 3, 4, "negative", ("AU4(k)", "1")),
            (7, 8, 9, "positive", ("R12",)),
        ]
        assert [(f.kind, f.where) for f in corpus.faults] == [
            ("action-units", "4DME_Labelling_Micro_release v1.xlsx, G2")
        ]


@pytest.mark.parametrize("part", ["A", "B", "C"])
def test_dfme(tmp_path, part):
    rows = "Subject,Filename,Onset,Apex,Offset,Emotion,AUs\n7,clip_1,0,1,2,Other,4+7\n"
    (tmp_path / f"DFME_part_{part}.csv").write_text(rows, encoding="utf-8")
    write_frames(tmp_path / f"part_{part}" / "7" / "clip_1", [f"{n:05d}.png" for n in range(3)])
    corpus = load_dfme(tmp_path, part=part)
    assert [c.key for c in corpus] == ["dfme/7/clip_1"]
    assert known(corpus[0]) == (0, 1, 2, "others", ("4", "7"))
    assert corpus[0].fps == {"A": 500, "B": 300, "C": 200}[part]


def test_all_loaders_have_one_style():
    style = {"variant", "colour"}
    for loader in LOADERS:
        parameters = list(inspect.signature(loader).parameters.values())
        assert parameters[0].name == "path"
        assert style <= {p.name for p in parameters}
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[1:])
    names = {name for name in corpora.__all__ if name.startswith("load_")}
    assert {loader.__name__ for loader in LOADERS} <= names


def test_by_name(tmp_path):
    casme2_tree(tmp_path, [(1, "EP02_01f", 46, 48, 50, "12", "happiness")])
    corpus = load_database("casme2", tmp_path)
    assert isinstance(corpus, Corpus)
    assert corpus.name == "casme2"
    assert list_databases() == [
        "smic-hs",
        "smic-vis",
        "smic-nir",
        "casme",
        "casme2",
        "cas-me-2",
        "casme3-a",
        "casme3-c",
        "samm",
        "mmew",
        "4dme",
        "dfme-a",
        "dfme-b",
        "dfme-c",
    ]
    with pytest.raises(ValueError, match=r"name: expected one of \['smic-hs', .*got 'casme4'"):
        load_database("casme4", tmp_path)
    with pytest.raises(ValueError, match=r"name: expected one of"):
        check_database("casme4", tmp_path)
    with pytest.raises(ValueError, match=r"variant: expected one of \('raw', 'cropped'\)"):
        load_database("casme2", tmp_path, variant="gray")
    with pytest.raises(ValueError, match="repair: expected True or False"):
        load_database("casme2", tmp_path, repair="yes")


def test_check(tmp_path):
    samm_tree(tmp_path)
    check = check_database("samm", tmp_path)
    assert check.problem is None
    assert not check.complete
    assert check.label_file == "SAMM_Micro_FACS_Codes_v2.xlsx"
    assert check.folder == "SAMM"
    assert check.counts == {
        "all": 2,
        "anger": 1,
        "happiness": 0,
        "others": 1,
        "surprise": 0,
        "contempt": 0,
        "disgust": 0,
        "fear": 0,
        "sadness": 0,
    }
    assert check.published["anger"] == (57,)
    assert check.published["all"] == (159,)
    assert check.n_subjects == 2
    assert len(check.repairs) == len(check.faults) == 1
    report = str(check)
    for line in (
        "  label file: SAMM_Micro_FACS_Codes_v2.xlsx",
        "    anger            1  published 57  differs",
        "    samm/032/032_3_1: apex 1930 -> 4945",
        "    [action-units] SAMM_Micro_FACS_Codes_v2.xlsx, I15: ",
    ):
        assert line in report
    assert [f.kind for f in check_database("samm", tmp_path, repair=False).faults] == [
        "action-units",
        "order",
        "range",
    ]


def test_check_of_a_whole_copy_and_of_none(tmp_path):
    rows = [
        (1, f"EP{i:03d}", 1, 2, 5, "4", emotion)
        for i, emotion in enumerate(
            e
            for e, n in {
                "others": 99,
                "disgust": 64,
                "happiness": 32,
                "repression": 27,
                "surprise": 25,
                "sadness": 7,
                "fear": 2,
            }.items()
            for _ in range(n)
        )
    ]
    casme2_tree(tmp_path / "copy", rows)
    check = check_database("casme2", tmp_path / "copy")
    assert check.complete
    assert "published 255 or 256" in str(check)
    assert "differs" not in str(check)
    (tmp_path / "copy" / "CASME2-coding-20140508.xlsx").unlink()
    check = check_database("casme2", tmp_path / "copy")
    assert not check.complete
    assert "no label file; expected one named like 'CASME2-coding-*.xlsx'" in str(check)
    assert "expected the folder of CASME II" in check_database("casme2", tmp_path / "x").problem
