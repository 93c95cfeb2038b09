"""CAS(ME)^2."""

from cdmer.corpora._databases.layout import Folders, Layout, Naming, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

_FOLDERS = (15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40)
# The database's own table: its workbook, and with two columns more copies of it in CSV.
_OWN_TABLE = (
    ("", "subject"),
    ("", "clip"),
    ("", "onset"),
    ("", "apex"),
    ("", "offset"),
    ("", "action_units"),
    ("", None),  # positive, negative, surprise, others
    ("", "kind"),
    ("", "label"),
)

CAS_ME_2 = Layout(
    name="cas-me-2",
    title="CAS(ME)^2",
    fps=30.0,
    folders={
        "cropped": Folders(
            (
                "cropped/{subject}/{clip}",
                "cropped/{folder}/{clip}",
                "selectedpic/{folder}/{clip}",
                "selectedpic/{subject}/{clip}",
                "{subject}/{clip}",
            ),
            "img{number}.jpg",
        ),
        "selected": Folders(
            ("selectedpic/{folder}/{clip}", "selectedpic/{subject}/{clip}"), "img{number}.jpg"
        ),
        "raw": Folders(("rawpic/{folder}/{film}",), "img{number:03d}.jpg", recordings=True),
    },
    emotions=dict.fromkeys(
        (
            "anger",
            "disgust",
            "fear",
            "happiness",
            "sadness",
            "surprise",
            "others",
            "pain",
            "helpless",
        )
    ),
    n_clips=(54, 57),
    label_files=(
        "CAS(ME)2.xls",
        "CAS(ME)^2code_final.xlsx",
        "CAS(ME)^2code_final*.xlsx",
        "CASFEcode_final*.xlsx",
        "CAS(ME)^2*.xlsx",
        "CAS(ME)2*.xlsx",
    ),
    columns=(
        ("", "subject"),
        ("", "clip"),
        ("", "onset"),
        ("", "apex"),
        ("", "offset"),
        ("", "label"),
    ),
    header=None,
    other_columns=(_OWN_TABLE, (*_OWN_TABLE, ("", None), ("", "place"))),
    subject="{:d}",
    unknown={"apex": ("0",), "offset": ("0",)},
    misspelt={"happyiness": "happiness"},
    kinds={"micro": (54, 57), "macro": 300},
    naming=Naming(
        folders={str(i): f"s{number}" for i, number in enumerate(_FOLDERS, 1)},
        films={
            "disgust1": "0101",
            "disgust2": "0102",
            "anger1": "0401",
            "anger2": "0402",
            "happy1": "0502",
            "happy2": "0503",
            "happy3": "0505",
            "happy4": "0507",
            "happy5": "0508",
        },
        sheets=("naming rule1", "naming rule2"),
    ),
    rehearsal=RehearsalStyle("{label}{r}_{i}", "webcam-25fps", 61, 31),
)


def load_cas_me_2(
    path,
    *,
    variant="cropped",
    kind="micro",
    repair=True,
    colour=False,
    label_file=None,
    extent="expression",
    margin=0,
    encoding=None,
):
    """Load CAS(ME)^2: 57 clips of micro-expressions at 30 frames per second.

    Parameters are those of `load_database`, with ``kind="micro"``, ``"macro"`` (300 clips) or
    ``"both"``, as are the errors and what is returned. Variants: ``"cropped"``, clips in
    ``cropped/{index}/{clip}`` or else ``selectedpic``; ``"selected"``, those of ``selectedpic``
    alone, in ``{s15}/{clip}`` or ``{index}/{clip}``; ``"raw"``, recordings of which a clip is the
    frames from onset to offset, in ``rawpic/s15/15_0101disgustingteeth``.

    Notes
    -----
    Label file: the database's own table, ``CAS(ME)^2code_final.xlsx`` or a copy in CSV, without
    header: index of the subject, clip, onset, apex, offset, action units, class, kind of
    expression, self-reported emotion, which is the label. Sheets ``naming rule1`` and ``naming
    rule2`` name folders and films. Or ``CAS(ME)2.xls``, 54 micro-expressions in six columns: index,
    clip, onset, apex, offset, emotion. An apex or offset of 0 is none. The emotion "happyiness" is
    repaired.

    References
    ----------
    Qu, Wang, Yan, Li, Wu, Fu: CAS(ME)^2: A Database for Spontaneous Macro-Expression and
    Micro-Expression Spotting and Recognition, IEEE Transactions on Affective Computing 9(4), 2018,
    doi:10.1109/TAFFC.2017.2654440.
    """
    return load_layout(
        CAS_ME_2, path, variant, repair, colour, label_file, extent, margin, encoding, kind
    )
