"""`cdmer predict`: a saved model asked about a clip of one's own."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import click

from cdmer._extras import import_extra
from cdmer._files.kinds import is_picture
from cdmer._text import printable
from cdmer.cli._options import check_output, remark, save_picture, say


@click.command()
@click.argument("model", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("clip", type=click.Path(path_type=Path))
@click.option("--onset", type=click.IntRange(min=0), help="First frame to look at.")
@click.option("--apex", type=click.IntRange(min=0), help="Frame of the strongest expression.")
@click.option("--offset", type=click.IntRange(min=0), help="Last frame to look at.")
@click.option(
    "--spot",
    type=click.Choice(["frame-difference", "flow", "lbp"]),
    help="Find the apex by this method. [default: frame-difference, "
    "if the model needs an apex and none is given]",
)
@click.option(
    "--crop/--no-crop",
    default=None,
    help="Cut out the face as in the first frame. [default: unless the model does]",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the regions that spoke into this PNG file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the drop of every region.")
def predict(model, clip, onset, apex, offset, spot, crop, out, as_json):
    """Classify a clip of one's own with a saved model.

    MODEL is a file that `cdmer.models.save_model` has written. CLIP is a video file, its frames
    numbered from 0, or a folder of frames, numbered by their file names.

    Shows the class, the probabilities where the model states any (otherwise its scores), where the
    apex comes from, and the facial regions without which the score of the class would be lower. Of
    a clip in which nothing moves, the face is lost, or the picture is cut, it shows no class but
    that reason.
    """
    if apex is not None and spot is not None:
        raise click.UsageError("--apex, --spot: expected one of the two at most")
    if out is not None:
        if out.suffix.lower() != ".png":
            raise click.UsageError(f"--out: expected a PNG file, got {out.name!r}")
        check_output(out, is_picture)
        import_extra("matplotlib.figure")
    fitted, warned = open_model(model)
    for message in warned:
        remark(message)
    if out is not None and fitted.reference is None:
        raise click.UsageError("--out: the model's descriptor has no facial regions to draw")
    from cdmer.models import predict_clip

    prepared, note = prepare_clip(fitted, open_clip(clip, onset, apex, offset), crop, spot)
    if note:
        remark(note)
    try:
        prediction = predict_clip(fitted, prepared)
    except ValueError as error:
        raise ValueError(f"{model}: {error}") from error
    apex, origin = describe_apex(prepared, prediction)
    if out is not None and prediction.label is None:
        remark(f"{out}: not written, there is no class whose regions it would show")
    elif out is not None:
        write_picture(prediction, out)
    if as_json:
        say(to_json(fitted, prediction, apex, origin))
    else:
        say(to_text(prediction, apex, origin))


def open_model(path):
    """Read a model; what `load_model` warns of comes as strings.

    Returns
    -------
    model : FittedModel
    warned : list of str
    """
    from cdmer.models import load_model

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model = load_model(path)
    return model, [str(one.message) for one in caught if one.category is UserWarning]


def open_clip(path, onset=None, apex=None, offset=None):
    """Read a video file or a folder of frames, from the onset to the offset if they are given.

    Parameters
    ----------
    path : path-like
        Frames of a folder are numbered by their file names, those of a video from 0.
    onset, apex, offset : int or None
        Numbers of frames.

    Returns
    -------
    Clip
        Grey, its frames in memory.

    Raises
    ------
    ValueError
        If frames cannot be read, or onset, apex and offset are not in order within the clip.
    OSError
        If there is no such file or folder.
    """
    from cdmer.corpora import Clip, FrameFolder, VideoFile, list_frames

    path = Path(path)
    moments = {"onset": onset, "apex": apex, "offset": offset}
    given = [n for n in moments.values() if n is not None]
    if given != sorted(given):
        raise ValueError(f"--onset, --apex, --offset: expected them in this order, got {given}")
    if path.is_dir():
        names, numbers = list_frames(path)
        _check_moments(moments, numbers)
        kept = [i for i, number in enumerate(numbers) if _within(number, onset, offset)]
        frames = FrameFolder(str(path), tuple(names[i] for i in kept))()
        numbers, fps = tuple(numbers[i] for i in kept), None
    else:
        first = onset or 0
        video = VideoFile(str(path), first, None if offset is None else offset + 1)
        frames, fps = video(), video.header()[1]
        numbers = tuple(range(first, first + len(frames)))
        _check_moments(moments, numbers)
    place = path.resolve()
    return Clip(
        frames,
        name=place.name,
        subject=place.parent.name,
        corpus=place.parent.parent.name,
        **moments,
        fps=fps,
        frame_numbers=numbers,
    )


def prepare_clip(model, clip, crop=None, spot=None):
    """Do for a clip what the pipeline of a model does not do itself.

    Parameters
    ----------
    model : FittedModel
    clip : Clip
    crop : bool or None
        Whether to cut out the face. None: unless the pipeline does so.
    spot : str or None
        Method of `ApexSpotter` for a clip without an apex. None: "frame-difference" if the
        descriptor needs an apex and the pipeline spots none.

    Returns
    -------
    clip : Clip
    note : str
        What makes the prediction doubtful, if anything.

    Raises
    ------
    ValueError
        If no face is found, or there is nothing to spot an apex by.
    """
    from cdmer._steps import flat_steps
    from cdmer.features import BiWOOF, FlowImages
    from cdmer.preprocessing import ApexSpotter, CropAlign, FaceNotFoundError, Resize

    steps = list(flat_steps(model.pipeline))

    def has(*kinds):
        return any(isinstance(step, kinds) for step in steps)

    if crop is None:
        crop = not has(CropAlign)
    if crop:
        size = dict(zip(("height", "width"), model.frame_size or (), strict=False))
        [cropped] = CropAlign(**size).transform([clip])
        try:
            clip = replace(cropped, source=cropped.frames)
        except FaceNotFoundError as error:
            raise ValueError(f"{error}; --no-crop takes the frames as they are") from error
    if spot is None and has(BiWOOF, FlowImages) and not has(ApexSpotter):
        spot = "frame-difference"
    if spot is not None:
        [clip] = ApexSpotter(spot).transform([clip])
    size, fitted = clip.frames.shape[1:3], model.frame_size
    if fitted is None or size == fitted or has(CropAlign, Resize):
        return clip, ""
    return clip, (
        f"the clip's frames have {size[0]} x {size[1]} pixels, those that the model was fitted on "
        f"{fitted[0]} x {fitted[1]}"
    )


def describe_apex(clip, prediction):
    """Say which frame is the apex, and how it was found.

    Parameters
    ----------
    clip : Clip
        As it went into the model, with the frame numbers of the file.
    prediction : Prediction

    Returns
    -------
    frame : int or None
    origin : str
    """
    if clip.apex is not None:
        method = clip.apex_spotted_by
        return clip.apex, "given" if method is None else f"spotted by {method}"
    method = getattr(prediction.clip, "apex_spotted_by", None)
    if method is not None:
        return prediction.clip.apex, f"spotted by {method}, a step of the model"
    return None, "none given, none needed"


def to_text(prediction, frame, origin):
    """The prediction in lines for a reader, a str."""
    apex = origin if frame is None else f"frame {frame}, {origin}"
    return f"{prediction}\napex: {apex}"


def to_json(model, prediction, frame, origin):
    """The prediction as a JSON object, a str.

    Numbers keep all their digits; regions come by falling drop.
    """
    regions = prediction.regions
    if regions is not None:
        columns = regions.names, regions.parts, regions.boxes.tolist(), regions.drops.tolist()
        rows = [
            {"name": name, "part": part, "box": box, "drop": drop}
            for name, part, box, drop in zip(*columns, strict=True)
        ]
        regions = sorted(rows, key=lambda row: -row["drop"])
    scores, kind = None, "probabilities"
    if prediction.label is not None:
        scores = dict(zip(prediction.classes, map(float, prediction.scores), strict=True))
        kind = "probabilities" if prediction.are_probabilities else "scores"
    content = {
        "class": prediction.label,
        "reason": prediction.reason,
        "detail": prediction.detail,
        kind: scores,
        "apex": {"frame": frame, "origin": origin},
        "regions": regions,
        "model": {
            "sources": model.sources,
            "targets": model.targets,
            "keeps_training_rows": model.keeps_training_rows,
            "versions": model.versions,
        },
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return text if printable(text) == text else json.dumps(content, indent=2)


def write_picture(prediction, path):
    """Draw the regions into a PNG file, whole or not at all."""
    from cdmer.models import plot_prediction

    save_picture(plot_prediction(prediction), path, dpi=140, facecolor="white")


def _check_moments(moments, numbers):
    for name, number in moments.items():
        if number is not None and not numbers[0] <= number <= numbers[-1]:
            raise ValueError(
                f"--{name}: expected the number of a frame, {numbers[0]} to {numbers[-1]}, got "
                f"{number}"
            )


def _within(number, onset, offset):
    return (onset is None or number >= onset) and (offset is None or number <= offset)
