"""MMEW."""

from cdmer.corpora._databases.layout import Folders, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

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
    rehearsal=RehearsalStyle("S{s:02d}-{r:02d}-{i:03d}"),
)


def load_mmew(
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
    """Load MMEW: 300 clips of micro-expressions at 90 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"``, as are the errors and what is
    returned.

    Notes
    -----
    Label file ``MMEW_Micro_Exp.xlsx``, frames in ``Micro_Expression/{emotion}/{clip}``. Several
    rows have a wrong apex or offset; which is right is not published, so they are listed as faults.

    References
    ----------
    Ben, Ren, Zhang, Wang, Kpalma, Meng, Liu: Video-Based Facial Micro-Expression Analysis: A Survey
    of Datasets, Features and Algorithms, IEEE TPAMI 44(9), 2022, doi:10.1109/TPAMI.2021.3067464.
    """
    return load_layout(MMEW, path, variant, repair, colour, label_file, extent, margin, encoding)
