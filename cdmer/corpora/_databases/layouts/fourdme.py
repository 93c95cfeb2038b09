"""4DME, the grey micro-expressions."""

from cdmer.corpora._databases.layout import Folders, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

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
    unread=("AU*",),
    rehearsal=RehearsalStyle(
        "{subject}_{i:02d}",
        subject="sub{}",
        action_units=("AU{}",),
        doubtful="(k)",
        capitals=True,
        others=("Others",),
        action_unit_columns=("AU1", "AU2", "AU4", "AU6", "AU12", "AU17"),
    ),
)


def load_4dme(
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
    """Load the grey micro-expressions of 4DME: 267 clips at 60 frames per second.

    Parameters are those of `load_database`, with ``variant="raw"`` (``gray_micro``) or
    ``"cropped"`` (``gray_micro_crop``), as are the errors and what is returned.

    Notes
    -----
    Label file ``4DME_Labelling_Micro_release v1.xlsx``, frames in ``{subject}/{clip}``. Action
    units marked ``(k)`` are kept with their mark and listed. In the first release the action units
    of two rows are said to be swapped; which clips they belong to is not published, so nothing is
    done about it.

    References
    ----------
    Li, Cheng, Li, Behzad, Shen, Zafeiriou, Pantic, Zhao: 4DME: A Spontaneous 4D Micro-Expression
    Dataset With Multimodalities, IEEE Transactions on Affective Computing 14(4), 2023,
    doi:10.1109/TAFFC.2022.3182342.
    """
    return load_layout(FOURDME, path, variant, repair, colour, label_file, extent, margin, encoding)
