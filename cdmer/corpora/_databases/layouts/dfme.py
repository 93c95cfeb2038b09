"""DFME, in three parts."""

from cdmer._parameters import check_choice
from cdmer.corpora._databases.layout import Folders, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

# Per part: published number of clips, frames per second.
_PARTS = {"A": (1118, 500.0), "B": (969, 300.0), "C": (5439, 200.0)}
# Published number of clips of the files of the challenge: training, testA, testB. Each holds clips
# of all parts.
_RELEASES = (1856, 474, 299)
_RELEASE_FILES = (
    "training_full_with_AU.xlsx",
    "*training*.xlsx",
    "*testA*.xlsx",
    "*test?A*.xlsx",
    "*testB*.xlsx",
    "*test?B*.xlsx",
)


def _dfme(part):
    n_clips, fps = _PARTS[part]
    return Layout(
        name=f"dfme-{part.lower()}",
        corpus="dfme",  # the parts are one corpus each, of one name
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
        n_clips=(n_clips, *_RELEASES),
        label_files=(
            f"DFME_part_{part}.xlsx",
            f"*part{part}.xlsx",
            f"*part?{part}.xlsx",
            f"*part?{part}[!a-z]*.xlsx",
            *_RELEASE_FILES,
        ),
        mixed_rates=_RELEASE_FILES,
        columns=(
            ("Subject", "subject"),
            ("Filename", "clip"),
            ("Onset", "onset"),
            ("Apex", "apex"),
            ("Offset", "offset"),
            ("AU", "action_units"),
            ("Emotion", "label"),
        ),
        unread=("EmotionId",),
        rehearsal=RehearsalStyle("{subject}_{i:03d}", "lab-200fps", subject="S{:03d}"),
    )


DFME = {part: _dfme(part) for part in _PARTS}


def load_dfme(
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
    """Load a part of DFME: 1,118 (A), 969 (B) or 5,439 (C) clips.

    Parameters are those of `load_database`, and ``part="A"``, ``"B"`` or ``"C"``, as are the errors
    and what is returned.

    Notes
    -----
    Parts are recorded at 500, 300 and 200 frames per second; where the label file has a column
    ``Fps``, each clip has its own rate, and where a file of the challenge lacks it, none. Each
    release documents its own layout; expected are a label file that names the part, or one of the
    challenge, ``training_full_with_AU.xlsx``, ``testA`` or ``testB`` (1,856, 474 and 299 clips of
    all parts), with columns for subject, file, onset, apex, offset, emotion and action units, and
    frames in ``{subject}/{clip}`` or ``{clip}``, within ``part_{part}`` or not. For any other
    layout there is `load_manifest`.

    References
    ----------
    Zhao, Tang, Mao, Liu, Zhang, Wang, Xu, Chen: DFME: A New Benchmark for Dynamic Facial
    Micro-Expression Recognition, IEEE Transactions on Affective Computing 15(3), 2024,
    doi:10.1109/TAFFC.2023.3341918.
    """
    check_choice("part", part, tuple(DFME))
    return load_layout(
        DFME[part], path, variant, repair, colour, label_file, extent, margin, encoding
    )
