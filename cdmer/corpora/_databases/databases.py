"""The databases: how each lies on disk, what its label file holds, what was published of it."""

from cdmer.corpora._databases.layout import Folders, KnownMistake, Layout

# Per camera: published counts, frames per second.
_CAMERAS = {
    "HS": ({"negative": 70, "positive": 51, "surprise": 43}, 164, 100.0),
    "VIS": ({"negative": 23, "positive": 28, "surprise": 20}, 71, 25.0),
    "NIR": ({"negative": 23, "positive": 28, "surprise": 20}, 71, 25.0),
}


def _smic(camera):
    emotions, n_clips, fps = _CAMERAS[camera]
    place = f"{camera}/{{subject}}/micro/{{label}}/{{clip}}"
    return Layout(
        name=f"smic-{camera.lower()}",
        title=f"SMIC {camera}",
        fps=fps,
        folders={
            "raw": Folders((f"SMIC_all_raw/{place}", place), "image{number:06d}.bmp"),
            "cropped": Folders((f"SMIC_all_cropped/{place}",), "reg_image{number:06d}.bmp"),
        },
        emotions=emotions,
        n_clips=n_clips,
        subject="s{:02d}",
    )


CASME = Layout(
    name="casme",
    title="CASME",
    fps=60.0,
    folders={
        "raw": Folders(("CASME_raw_selected/{subject}/{clip}",), "{clip}-{number}.jpg"),
        "cropped": Folders(("Cropped/{subject}/{clip}",), "reg_{clip}-{number:05d}.jpg"),
    },
    emotions={
        "tense": 68,
        "disgust": 45,
        "repression": 39,
        "surprise": 20,
        "happiness": 7,
        "sadness": 6,
        "contempt": 2,
        "fear": 2,
    },
    n_clips=189,
    label_files=("casme.xlsx",),
    columns=(
        ("Subject", "subject"),
        ("Filename", "clip"),
        ("", None),
        ("OnsetF", "onset"),
        ("ApexF1", "apex"),
        ("ApexF2", None),
        ("OffsetF", "offset"),
        ("", None),
        ("Emotion", "label"),
        ("AU", "action_units"),
    ),
    subject="sub{:02d}",
)

CASME2 = Layout(
    name="casme2",
    title="CASME II",
    fps=200.0,
    folders={
        "raw": Folders(
            ("CASME2_RAW_selected/{subject}/{clip}", "CASME2-RAW/{subject}/{clip}"),
            "img{number}.jpg",
        ),
        "cropped": Folders(
            ("Cropped/{subject}/{clip}", "Cropped_original/{subject}/{clip}"),
            "reg_img{number}.jpg",
        ),
    },
    emotions={
        "others": 99,
        "disgust": (63, 64),
        "happiness": 32,
        "repression": 27,
        "surprise": 25,
        "sadness": 7,
        "fear": 2,
    },
    n_clips=(255, 256),
    label_files=("CASME2-coding-*.xlsx",),
    columns=(
        ("Subject", "subject"),
        ("Filename", "clip"),
        ("", None),
        ("OnsetFrame", "onset"),
        ("ApexFrame", "apex"),
        ("OffsetFrame", "offset"),
        ("", None),
        ("Action Units", "action_units"),
        ("Estimated Emotion", "label"),
    ),
    subject="sub{:02d}",
    unknown={"apex": ("/",)},
)

CAS_ME_2 = Layout(
    name="cas-me-2",
    title="CAS(ME)^2",
    fps=30.0,
    folders={
        "cropped": Folders(("cropped/{subject}/{clip}", "{subject}/{clip}"), "img{number}.jpg"),
    },
    emotions=dict.fromkeys(
        ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "others")
    ),
    n_clips=54,
    label_files=("CAS(ME)2.xls",),
    columns=(
        ("", "subject"),
        ("", "clip"),
        ("", "onset"),
        ("", "apex"),
        ("", "offset"),
        ("", "label"),
    ),
    header=None,
    subject="{:d}",
    unknown={"apex": ("0",)},
)

CASME3_A = Layout(
    name="casme3-a",
    title="CAS(ME)^3 part A",
    fps=30.0,
    folders={
        "raw": Folders(
            ("part_A/{subject}/{clip}/color", "{subject}/{clip}/color"),
            "{number}.jpg",
            recordings=True,
        ),
        "clips": Folders(
            ("Part_A_ME_clip/frame/{subject}_{clip}_{onset}", "frame/{subject}_{clip}_{onset}"),
            "{number}.jpg",
        ),
    },
    emotions={
        "disgust": 250,
        "surprise": 187,
        "others": 161,
        "fear": 86,
        "anger": 64,
        "sad": 57,
        "happy": 55,
    },
    n_clips=860,
    label_files=(
        "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",
        "cas(me)3_part_A_ME_label_JpgIndex*.xlsx",
    ),
    columns=(
        ("Subject", "subject"),
        ("Filename", "clip"),
        ("Onset", "onset"),
        ("Apex", "apex"),
        ("Offset", "offset"),
        ("AU", "action_units"),
        ("Objective class", "objective_class"),
        ("emotion", "label"),
    ),
    clip="{clip}_{onset}",
)

CASME3_C = Layout(
    name="casme3-c",
    title="CAS(ME)^3 part C",
    fps=30.0,
    folders={
        "raw": Folders(("part_C/{subject}/{clip}/color", "{subject}/{clip}/color"), "{number}.jpg"),
        "recordings": Folders(
            ("part_C/{subject}/a/color", "{subject}/a/color"), "{number}.jpg", recordings=True
        ),
    },
    emotions={"negative": 99, "surprise": 30, "others": 20, "positive": 16},
    n_clips=165,
    label_files=("CAS(ME)3_part_C_ME.xlsx",),
    sheet="mockCrimeME",
    columns=(
        ("sub", "subject"),
        ("count", "clip"),
        ("onset", "onset"),
        ("offset", "offset"),
        ("au", "action_units"),
        ("emotion", "label"),
    ),
    subject="{:02d}",
)

SAMM = Layout(
    name="samm",
    title="SAMM",
    fps=200.0,
    folders={
        "raw": Folders(("SAMM/{subject}/{clip}", "{subject}/{clip}"), "{subject}_{number:05d}.jpg"),
        "cropped": Folders(("SAMM_CROP/{subject}/{clip}",), "{subject}_{number:05d}.jpg"),
    },
    emotions={
        "anger": 57,
        "happiness": 26,
        "others": 26,
        "surprise": 15,
        "contempt": 12,
        "disgust": 9,
        "fear": 8,
        "sadness": 6,
    },
    n_clips=159,
    label_files=("SAMM_Micro_FACS_Codes_v2.xlsx", "SAMM_Micro_FACS_Codes*.xlsx"),
    columns=(
        ("Subject", "subject"),
        ("Filename", "clip"),
        ("Inducement Code", None),
        ("Onset Frame", "onset"),
        ("Apex Frame", "apex"),
        ("Offset Frame", "offset"),
        ("Duration", None),
        ("Micro", None),
        ("Action Units", "action_units"),
        ("Estimated Emotion", "label"),
        ("Objective Classes", "objective_class"),
        ("Notes", None),
    ),
    header=12,
    subject="{:03d}",
    mistakes=(
        KnownMistake(
            "032",
            "032_3_1",
            "apex",
            1930,
            4945,
            "the label file puts the apex before the onset, 4896",
        ),
    ),
)

MMEW = Layout(
    name="mmew",
    title="MMEW",
    fps=90.0,
    folders={"raw": Folders(("Micro_Expression/{label}/{clip}",), "{number}.jpg")},
    emotions={
        "surprise": 89,
        "disgust": 72,
        "others": 66,
        "happiness": 36,
        "fear": 16,
        "sadness": 13,
        "anger": 8,
    },
    n_clips=300,
    label_files=("MMEW_Micro_Exp.xlsx", "MMEW_Micro_Exp*.xlsx"),
    columns=(
        ("Subject", "subject"),
        ("Filename", "clip"),
        ("OnsetFrame", "onset"),
        ("ApexFrame", "apex"),
        ("OffsetFrame", "offset"),
        ("Action Units", "action_units"),
        ("Estimated Emotion", "label"),
        ("remarks", None),
    ),
    subject="S{:02d}",
)

FOURDME = Layout(
    name="4dme",
    title="4DME",
    fps=60.0,
    folders={
        "raw": Folders(("gray_micro/{subject}/{clip}",), "{number}.jpg"),
        "cropped": Folders(("gray_micro_crop/{subject}/{clip}",), "{number}.jpg"),
    },
    emotions=dict.fromkeys(("negative", "positive", "surprise", "repression", "others")),
    n_clips=267,
    label_files=("4DME_Labelling_Micro_release v1.xlsx", "4DME_Labelling_Micro*.xlsx"),
    columns=(
        ("sub_ID", "subject"),
        ("fold_name", "clip"),
        ("Emotion", "label"),
        ("Onset", "onset"),
        ("Apex", "apex"),
        ("Offset", "offset"),
        ("AUs", "action_units"),
    ),
)

# Per part: published number of clips, frames per second.
_PARTS = {"A": (1118, 500.0), "B": (969, 300.0), "C": (5439, 200.0)}


def _dfme(part):
    n_clips, fps = _PARTS[part]
    return Layout(
        name="dfme",
        title=f"DFME part {part}",
        fps=fps,
        folders={
            "raw": Folders(
                (
                    f"part_{part}/{{subject}}/{{clip}}",
                    f"part_{part}/{{clip}}",
                    "{subject}/{clip}",
                    "{clip}",
                ),
                "{number:05d}.png",
            ),
        },
        emotions=dict.fromkeys(
            ("happiness", "disgust", "contempt", "surprise", "fear", "anger", "sadness", "others")
        ),
        n_clips=n_clips,
        label_files=(
            f"DFME_part_{part}.xlsx",
            f"*part{part}.xlsx",
            f"*part?{part}.xlsx",
            f"*part?{part}[!a-z]*.xlsx",
        ),
        columns=(
            ("Subject", "subject"),
            ("Filename", "clip"),
            ("Onset", "onset"),
            ("Apex", "apex"),
            ("Offset", "offset"),
            ("AU", "action_units"),
            ("Emotion", "label"),
        ),
    )


SMIC = {camera: _smic(camera) for camera in _CAMERAS}
CASME3 = {"A": CASME3_A, "C": CASME3_C}
DFME = {part: _dfme(part) for part in _PARTS}
# By the name of the corpus; the parts of DFME are one corpus each, of one name.
DATABASES = {
    layout.name: layout
    for layout in (
        *SMIC.values(),
        CASME,
        CASME2,
        CAS_ME_2,
        *CASME3.values(),
        SAMM,
        MMEW,
        FOURDME,
    )
} | {f"dfme-{part.lower()}": layout for part, layout in DFME.items()}
