"""What `cdmer predict` is asked about: clips by their paths, and the model as it is to be used."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cdmer.cli._options import remark

_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".parquet")
_VIDEOS = {
    *(".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".wmv"),
    *(".flv", ".ogg", ".ogv", ".y4m", ".gif"),
}


class Named(NamedTuple):
    """A clip that is opened when its turn comes.

    Parameters
    ----------
    name : str
        What to call it.
    open : callable
        Gives the clip, and the number of its first frame where its own frames count from 0.
    """

    name: str
    open: object


def find_clips(paths, moments, extent=None):
    """List the clips that paths name.

    Parameters
    ----------
    paths : sequence of Path
        Videos, folders of frames, folders of these, and manifests.
    moments : dict of str to (int or None)
        Onset, apex and offset of a single clip.
    extent : str or None
        As the preparation of the model says, for manifests.

    Returns
    -------
    clips : list of Named
    single : bool
        Whether the paths name one clip: one video, or one folder of frames.

    Raises
    ------
    ValueError
        If the only path is a folder that holds neither frames nor videos, or a manifest with
        faults; or there are moments for several clips.
    OSError
        If the only path is a manifest that cannot be read. Of several paths, each is told when its
        turn comes.
    """
    found = []
    for path in paths:
        try:
            if path.is_dir():
                found += _in_folder(path)
            elif path.suffix.lower() in _TABLES:
                found += _in_manifest(path, extent)
            else:
                found.append(path)
        except (ValueError, OSError) as error:
            if len(paths) == 1:
                raise
            found.append(Named(str(path), partial(_fail, error)))
    single = len(paths) == 1 and found == list(paths)
    given = [f"--{name}" for name, number in moments.items() if number is not None]
    if given and not single:
        raise ValueError(f"{', '.join(given)}: expected one clip, got {len(found)}")
    return [
        one if isinstance(one, Named) else Named(str(one), partial(open_clip, one, **moments))
        for one in found
    ], single


def _in_folder(folder):
    """The folder itself if it holds frames; otherwise the videos and the folders in it."""
    from cdmer._images.reading import SUFFIXES

    entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    if any(one.suffix[1:].lower() in SUFFIXES and one.is_file() for one in entries):
        return [folder]
    found = [one for one in entries if one.is_dir() or one.suffix.lower() in _VIDEOS]
    if not found:
        raise ValueError(f"{folder}: holds no image, no video and no folder of images")
    return found


def _in_manifest(path, extent):
    from cdmer.corpora import load_manifest

    extent = {} if extent is None else {"extent": extent}
    return [Named(clip.key, partial(_as_it_is, clip)) for clip in load_manifest(path, **extent)]


def _as_it_is(clip):
    return clip, 0


def _fail(error):
    raise error


def open_clip(path, onset=None, apex=None, offset=None):
    """Open a video file or a folder of frames, from the onset to the offset if they are given.

    Parameters
    ----------
    path : path-like
        Frames of a folder are numbered by their file names, those of a video from 0.
    onset, apex, offset : int or None
        Numbers of frames.

    Returns
    -------
    clip : Clip
        Grey, its frames read as they are needed. Those of a video are counted from its first one.
    first : int
        What to add to numbers of frames of the clip for those of the file.

    Raises
    ------
    ValueError
        If the file cannot be played, the folder holds no frames, or onset, apex and offset are not
        in order within the clip.
    OSError
        If there is no such file or folder.
    """
    from cdmer.corpora import Clip, FrameFolder, VideoFile, list_frames

    path = Path(path)
    moments = {"onset": onset, "apex": apex, "offset": offset}
    given = [n for n in moments.values() if n is not None]
    if given != sorted(given):
        raise ValueError(f"--onset, --apex, --offset: expected them in this order, got {given}")
    place = path.resolve()
    called = {"name": place.name, "subject": place.parent.name, "corpus": place.parent.parent.name}
    if path.is_dir():
        names, numbers = list_frames(path)
        _check_moments(moments, numbers[0], numbers[-1])
        source = FrameFolder(str(path), names)
        return Clip(source, **called, **moments, frame_numbers=numbers).cut(), 0
    first = onset or 0
    video = VideoFile(str(path), first, None if offset is None else offset + 1)
    n_frames, fps = video.header()
    # An end that is announced is checked when it is reached.
    _check_moments({"onset": onset, "apex": apex}, 0, (n_frames or first + 2**31) - 1)
    within = {name: None if n is None else n - first for name, n in moments.items()}
    return Clip(video, **called, **within, fps=fps), first


def _check_moments(moments, first, last):
    for name, number in moments.items():
        if number is not None and not first <= number <= last:
            raise ValueError(
                f"--{name}: expected the number of a frame, {first} to {last}, got {number}"
            )


def suit_model(model, spot=None, crop=False, detector=None, face=None):
    """The model with what is to be done beyond its own preparation.

    Parameters
    ----------
    model : FittedModel
    spot : str or None
        Method of `ApexSpotter` for clips without an apex. None: "flow" if the pipeline needs an
        apex and spots none.
    crop : bool
        Whether to cut out the face, at the size of the training, where the pipeline does not.
    detector, face : str or None
        As `parse_detector` and `parse_face` take them, for the crop of the pipeline or the one
        that is added.

    Returns
    -------
    model : FittedModel
    added : str or None
        Method by which apexes are spotted, where that is no step of the model.

    Raises
    ------
    ValueError
        If there is no crop that a detector or a face could count for, or they are wrong.
    OSError
        If a detector's file cannot be read.
    """
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline

    from cdmer._steps import any_part, flat_steps
    from cdmer.preprocessing import (
        ApexSpotter,
        CropAlign,
        FrameTransformer,
        Register,
        parse_detector,
        parse_face,
    )

    steps = list(flat_steps(model.pipeline))
    if crop and not any(isinstance(step, CropAlign) for step in steps):
        size = dict(zip(("height", "width"), model.frame_size or (), strict=False))
        steps.insert(0, CropAlign(**size))
    crops = [i for i, step in enumerate(steps) if isinstance(step, CropAlign)]
    for name, text in (("detector", detector), ("face", face)):
        if text is not None and not crops:
            raise ValueError(f"--{name}: the model cuts no face out; --crop does")
    for i in crops:
        steps[i] = clone(steps[i])
        if face is not None:
            steps[i].set_params(face=parse_face(face))
        if detector is not None:
            steps[i].set_params(detector=_given(steps[i].detector, detector, parse_detector))
    if spot is None and any_part(model.pipeline, "needs_apex"):
        spot = None if any(isinstance(step, ApexSpotter) for step in steps) else "flow"
    if spot is not None:
        # Behind what makes all recordings alike, where the apexes of the training were looked at.
        own = [isinstance(step, FrameTransformer | Register) for step in steps]
        steps.insert(own.index(False), ApexSpotter(spot))
    return replace(model, pipeline=make_pipeline(*steps)), spot


def _given(own, text, parse_detector):
    """The detector that a text names: the pipeline's own, if it waits for its file."""
    name, _, file = text.partition(":")
    if file and hasattr(own, "with_file") and type(own).__name__.lower() == f"{name}detector":
        return own.with_file(file)
    return parse_detector(text)


def changes_numbers(model):
    """Whether a step gives frames that have other numbers than those of the recording."""
    from cdmer._steps import flat_steps
    from cdmer.preprocessing import LinearResampling, TemporalInterpolation

    kinds = LinearResampling | TemporalInterpolation
    return any(isinstance(step, kinds) for step in flat_steps(model.pipeline))


def notes_on(model, prediction):
    """What makes a prediction doubtful, a list of str."""
    from cdmer._steps import flat_steps
    from cdmer.preprocessing import CropAlign, CropRegion, Resize

    own = any(isinstance(s, CropAlign | CropRegion | Resize) for s in flat_steps(model.pipeline))
    if own or model.frame_size is None or prediction.face is None:
        return []
    size, fitted = prediction.face.shape, model.frame_size
    if size == fitted:
        return []
    return [
        f"the clip's frames have {size[0]} x {size[1]} pixels, those that the model was fitted on "
        f"{fitted[0]} x {fitted[1]}"
    ]


def tell(notes, name=None):
    """Say notes in a line each, with the name of the clip where there are several."""
    for text in notes:
        remark(text if name is None or name in text else f"{name}: {text}")
