"""SAMM."""

from cdmer.corpora._databases.layout import Folders, KnownMistake, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

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
    rehearsal=RehearsalStyle(
        "{subject}_{r}_{i}",
        "lab-200fps",
        1001,
        517,
        action_units=("{}", "R{}B", "L{}A", "{}C"),
        doubtful=" or 15",
        capitals=True,
        arabic=True,
        others=("Other",),
    ),
)


def load_samm(
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
    """Load SAMM: 159 clips at 200 frames per second, grey.

    Parameters are those of `load_database`, with ``variant="raw"`` (``SAMM``) or ``"cropped"``
    (``SAMM_CROP``), as are the errors and what is returned.

    Notes
    -----
    Label file ``SAMM_Micro_FACS_Codes_v2.xlsx``, header below a dozen rows of remarks; frames in
    ``{006}/{clip}``. The apex of 032_3_1 stands as 1930, before its onset; the repair makes it
    4945. Where the action units leave a choice, "x or y", they are kept as written and listed.

    References
    ----------
    Davison, Lansley, Costen, Tan, Yap: SAMM: A Spontaneous Micro-Facial Movement Dataset, IEEE
    Transactions on Affective Computing 9(1), 2018, doi:10.1109/TAFFC.2016.2573832.
    """
    return load_layout(SAMM, path, variant, repair, colour, label_file, extent, margin, encoding)
