"""CAS(ME)^2."""

from cdmer.corpora._databases.layout import Folders, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

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
    rehearsal=RehearsalStyle("{label}{r}_{i}", "webcam-25fps", 61, 31),
)


def load_cas_me_2(
    path,
    *,
    variant="cropped",
    repair=True,
    colour=False,
    label_file=None,
    extent="expression",
    margin=0,
    encoding=None,
):
    """Load CAS(ME)^2: 54 clips of micro-expressions at 30 frames per second.

    Parameters are those of `load_database`, with ``variant="cropped"``, as are the errors and what
    is returned.

    Notes
    -----
    Label file ``CAS(ME)2.xls``, without header: index of the subject, clip, onset, apex, offset,
    emotion. An apex of 0 is none. Frames in ``cropped/{subject}/{clip}``.

    References
    ----------
    Qu, Wang, Yan, Li, Wu, Fu: CAS(ME)^2: A Database for Spontaneous Macro-Expression and
    Micro-Expression Spotting and Recognition, IEEE Transactions on Affective Computing 9(4), 2018,
    doi:10.1109/TAFFC.2017.2654440.
    """
    return load_layout(
        CAS_ME_2, path, variant, repair, colour, label_file, extent, margin, encoding
    )
