"""CASME and CASME II."""

from cdmer.corpora._databases.layout import Folders, FurtherFile, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

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
    repeated="{clip}_{onset}",
    rehearsal=RehearsalStyle("EP{r:02d}_{i}", joints=("+", "\N{FULLWIDTH COMMA}")),
)

# Clips whose emotion differs between the revisions of CASME II's label file.
_REVISED = ("sub24/EP07_01", "sub24/EP07_04f", "sub24/EP10_03")

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
        "surprise": (25, 28),
        "sadness": (7, 4),
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
    revisions={
        "2014": dict.fromkeys(_REVISED, "sadness"),
        "2019": dict.fromkeys(_REVISED, "surprise"),
    },
    further_files=(
        FurtherFile(
            ("CASME2-ObjectiveClasses.xlsx", "CASME2*ObjectiveClass*.xlsx"),
            (("Subject", "subject"), ("Filename", "clip"), ("Objective Class", "objective_class")),
        ),
    ),
    rehearsal=RehearsalStyle("EP{r:02d}_{i:02d}f", "lab-200fps", 41, 7, without_offset=True),
)


def load_casme(
    path,
    *,
    variant="raw",
    repair=True,
    colour=False,
    label_file=None,
    extent="expression",
    margin=0,
    encoding=None,
):
    """Load CASME: 189 clips at 60 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"`` (``CASME_raw_selected``) or
    ``"cropped"`` (``Cropped``), as are the errors and what is returned.

    Notes
    -----
    Label file ``casme.xlsx``, frames in ``sub{01}/{clip}``. Where one folder has several
    expressions, each is a clip of its own frames, named by file and onset, ``"EP01_1_20"``. Some
    rows have a wrong onset, apex or offset; which is right is not published, so they are listed as
    faults. The apex is column ``ApexF1``.

    References
    ----------
    Yan, Wu, Liu, Wang, Fu: CASME database: A dataset of spontaneous micro-expressions collected
    from neutralized faces, FG 2013, doi:10.1109/FG.2013.6553799.
    """
    return load_layout(CASME, path, variant, repair, colour, label_file, extent, margin, encoding)


def load_casme2(
    path,
    *,
    variant="raw",
    repair=True,
    colour=False,
    label_file=None,
    extent="expression",
    margin=0,
    encoding=None,
):
    """Load CASME II: 255 or 256 clips, depending on the release, at 200 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"`` (``CASME2_RAW_selected``) or
    ``"cropped"`` (``Cropped`` or ``Cropped_original``), as are the errors and what is returned.

    Notes
    -----
    Label file ``CASME2-coding-*.xlsx``, frames in ``sub{01}/{clip}``. 21 cells of the apex hold
    ``"/"``: these clips have none, see `cdmer.preprocessing.ApexSpotter`. Emotions: others 99,
    disgust 63 (64 of the 256 clips), happiness 32, repression 27, surprise 25, sadness 7, fear 2.
    Three clips of sub24 are sadness in the sheet of 2014 and surprise in that of 2019: `revision`
    of the corpus says which was found. Objective classes are read from a column of the label file
    or from ``CASME2-ObjectiveClasses.xlsx`` beside it.

    References
    ----------
    Yan, Li, Wang, Zhao, Liu, Chen, Fu: CASME II: An Improved Spontaneous Micro-Expression Database
    and the Baseline Evaluation, PLOS ONE 9(1), 2014, doi:10.1371/journal.pone.0086041.
    """
    return load_layout(CASME2, path, variant, repair, colour, label_file, extent, margin, encoding)
