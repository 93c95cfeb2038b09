"""CAS(ME)^3, parts A and C."""

from cdmer._parameters import check_choice
from cdmer.corpora._databases.layout import Folders, KnownMistake, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

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
    mistakes=(
        KnownMistake("spNO.40", "e_1812", "offset", 0, 1845, "the label file has offset 0"),
        KnownMistake("spNO.40", "e_2327", "offset", 0, 2403, "the label file has offset 0"),
        KnownMistake(
            "spNO.216",
            "d_3647",
            "onset",
            3647,
            2647,
            "the label file puts the onset after apex and offset",
        ),
        KnownMistake(
            "spNO.149", "d_112", "apex", None, 160, "the label file puts the apex before the onset"
        ),
        KnownMistake(
            "spNO.214",
            "c_5",
            "offset",
            3460,
            34,
            "the label file lets the expression last 115 seconds",
        ),
    ),
    rehearsal=RehearsalStyle(
        "{letter}",
        "webcam-25fps",
        subject="spNO.{}",
        action_units=("{}", "L{}", "T{}"),
        others=("others", "Others"),
        early_apex=True,
    ),
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
    rehearsal=RehearsalStyle("{i}", "webcam-25fps", joints=(",", "\N{FULLWIDTH COMMA}")),
)

CASME3 = {"A": CASME3_A, "C": CASME3_C}


def load_casme3(
    path,
    *,
    part="A",
    variant="raw",
    repair=True,
    colour=False,
    label_file=None,
    extent="expression",
    margin=0,
    encoding=None,
):
    """Load CAS(ME)^3: 860 clips of part A or 165 of part C, at 30 frames per second.

    Parameters are those of `load_database`, and ``part="A"`` or ``"C"``, as are the errors and what
    is returned. Variants of part A: ``"raw"``, recordings of which a clip is the frames from onset
    to offset, in ``part_A/{subject}/{file}/color``; ``"clips"``, the cut release, in
    ``Part_A_ME_clip/frame/{subject}_{file}_{onset}``. Of part C: ``"raw"``, in
    ``{subject}/{count}/color``; ``"recordings"``, to be cut, in ``{subject}/a/color``.

    Notes
    -----
    Label files ``cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx``, the first sheet, and
    ``CAS(ME)3_part_C_ME.xlsx``, sheet ``mockCrimeME``. In part A a file name occurs more than once
    per subject, so that a clip is named by file and onset, ``"a_116"``. Five rows of part A are
    repaired: offsets that are 0 or far too late, an onset after its offset (which renames the
    clip), an apex before its onset. Part C has no apex. Depth is not read.

    References
    ----------
    Li, Dong, Lu, Wang, Yan, Ma, Liu, Huang, Fu: CAS(ME)^3: A Third Generation Facial Spontaneous
    Micro-Expression Database with Depth Information and High Ecological Validity, IEEE TPAMI 45(3),
    2023, doi:10.1109/TPAMI.2022.3174895.
    """
    check_choice("part", part, tuple(CASME3))
    return load_layout(
        CASME3[part], path, variant, repair, colour, label_file, extent, margin, encoding
    )
