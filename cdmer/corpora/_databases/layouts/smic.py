"""SMIC, by three cameras."""

from cdmer._parameters import check_choice
from cdmer.corpora._databases.layout import Folders, FurtherFile, Layout, RehearsalStyle
from cdmer.corpora._databases.reader import load_layout

# Per camera: published counts, frames per second, and what comes nearest in a rehearsal.
_CAMERAS = {
    "HS": ({"negative": 70, "positive": 51, "surprise": 43}, 164, 100.0, "lab-100fps", 1201, 400),
    "VIS": ({"negative": 23, "positive": 28, "surprise": 20}, 71, 25.0, "webcam-25fps", 301, 100),
    "NIR": ({"negative": 23, "positive": 28, "surprise": 20}, 71, 25.0, "nir-25fps", 301, 100),
}


def _smic(camera):
    emotions, n_clips, fps, setup, first, step = _CAMERAS[camera]
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
        further_files=(
            FurtherFile(
                (f"SMIC-{camera}-E_annotation.xlsx", f"SMIC-{camera}-E*.xlsx", "SMIC-*-E*.xlsx"),
                (
                    ("Subject", "subject"),
                    ("Filename", "clip"),
                    ("OnsetF", "onset"),
                    ("OffsetF", "offset"),
                    ("Emotion", "label"),
                ),
                sheet=camera,
                unread=("FirstF", "LastF", "TotalMF*", "TotalVL"),
            ),
        ),
        rehearsal=RehearsalStyle("{subject}_{short}_{i:02d}", setup, first, step),
    )


SMIC = {camera: _smic(camera) for camera in _CAMERAS}


def load_smic(path, *, camera="HS", variant="raw", colour=False):
    """Load SMIC: 164 clips of the high-speed camera, 71 each of the other two.

    Parameters
    ----------
    path : path-like
        The folder with ``HS``, ``VIS`` and ``NIR`` in it, or ``SMIC_all_cropped`` for the cropped
        variant; itself or in a folder within.
    camera : {"HS", "VIS", "NIR"}, default="HS"
        High speed (100 frames per second), visible light or near infrared (25 each).
    variant : {"raw", "cropped"}, default="raw"
        Which frames.
    colour : bool, default=False
        Give frames in red, green and blue in place of grey levels.

    Returns
    -------
    Corpus
        ``"smic-hs"``, ``"smic-vis"`` or ``"smic-nir"``, in the order of subjects, emotions and
        clips. Onset and offset are the first and the last frame, between which the clips were cut,
        or those of the annotation sheet; no apex is given, see `cdmer.preprocessing.ApexSpotter`.

    Raises
    ------
    ValueError
        If a folder is missing or cannot be read, or there is no clip.
    ParameterError
        If a parameter is not as above.

    Warns
    -----
    UserWarning
        If a folder gives no clip; `faults` lists them, and why.

    Notes
    -----
    There is no label file: frames lie in
    ``{camera}/{subject}/micro/{negative,positive,surprise}/{clip}``. Where
    ``SMIC-{camera}-E_annotation.xlsx`` of the long recordings lies beside them, onset and offset
    are read from its sheet of that camera; a second expression of a recording is not.

    References
    ----------
    Li, Pfister, Huang, Zhao, Pietikäinen: A Spontaneous Micro-expression Database: Inducement,
    collection and baseline, FG 2013, doi:10.1109/FG.2013.6553717.
    """
    check_choice("camera", camera, tuple(SMIC))
    return load_layout(SMIC[camera], path, variant, True, colour, None)
