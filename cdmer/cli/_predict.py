"""`cdmer predict`: a saved model asked about recordings of one's own."""

import json
import sys
import warnings
from functools import partial
from pathlib import Path

import click

from cdmer._extras import import_extra
from cdmer._files.kinds import is_picture
from cdmer.cli._live import check_live, live_options, predict_live
from cdmer.cli._options import (
    SOME_FAILED,
    check_folder,
    check_output,
    csv_text,
    quiet_option,
    remark,
    say,
    show,
)
from cdmer.cli._predict_clips import changes_numbers, find_clips, notes_on, suit_model, tell
from cdmer.cli._predict_words import Answer, content, draw, in_words, table_row, to_json, to_text

# What a recording of somebody's may lead to; anything else ends the run.
_OF_A_CLIP = (ValueError, OSError, RuntimeError, TypeError, ArithmeticError)


@click.command()
@click.argument("model", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("clips", metavar="CLIP...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--onset", type=click.IntRange(min=0), help="First frame to look at.")
@click.option("--apex", type=click.IntRange(min=0), help="Frame of the strongest expression.")
@click.option("--offset", type=click.IntRange(min=0), help="Last frame to look at.")
@click.option(
    "--spot",
    type=click.Choice(["frame-difference", "flow", "lbp"]),
    help="Find the apex by this method. [default: flow, if the model needs an apex, none is given "
    "and it finds none itself]",
)
@click.option(
    "--crop/--no-crop",
    default=False,
    help="Cut out the face, for a model that was fitted on faces cut out by other means. [default: "
    "what the model's own preparation says]",
)
@click.option(
    "--detector",
    metavar="NAME",
    help="What finds the face to be cut out: cascade, yunet:FILE or mediapipe:FILE. [default: "
    "that of the model, or cascade]",
)
@click.option(
    "--face",
    metavar="WHICH",
    help="Which face to cut out: largest, central, a number from 0, or X,Y. [default: that of the "
    "model, or largest]",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Draw the regions that spoke into this PNG file, or one PNG file per clip into this "
    "folder.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: an object, or one in a line per clip."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a table, a row per clip.")
@live_options
@quiet_option
def predict(model, clips, onset, apex, offset, out, as_json, as_csv, quiet, **options):
    """Classify recordings of one's own with a saved model.

    MODEL is a file that `cdmer train` or `cdmer.models.save_model` has written. CLIP is a video
    file, its frames numbered from 0; a folder of frames, numbered by their file names; a folder of
    such videos or folders; or a manifest (CSV, xlsx, Parquet). There may be several.

    What is done to a clip is what the model's record says, and nothing else. Shows the class, or
    why there is none; the probabilities where the model states any (otherwise its scores); where
    the apex comes from; and the facial regions without which the score of the class would be
    lower. For several clips that is a line each, and a clip that cannot be read is told on standard
    error: exit code 3 if some failed, 1 if all did.

    With --camera or --as-camera the last seconds are classified again and again, until the end or
    Ctrl-C.
    """
    moments = {"onset": onset, "apex": apex, "offset": offset}
    suited = {name: options.pop(name) for name in ("spot", "crop", "detector", "face")}
    if apex is not None and suited["spot"] is not None:
        raise click.UsageError("--apex, --spot: expected one of the two at most")
    if as_json and as_csv:
        raise click.UsageError("--json, --csv: expected one of the two at most")
    others = {"--out": out is not None, "--csv": as_csv}
    others |= {f"--{name}": number is not None for name, number in moments.items()}
    check_live(clips, [name for name, is_given in others.items() if is_given], **options)
    if out is not None:
        _check_out(out)
    fitted, warned = open_model(model)
    for message in warned:
        remark(message)
    fitted, added = suit_model(fitted, **suited)
    if out is not None and fitted.reference is None:
        raise click.UsageError("--out: the model's descriptor has no facial regions to draw")
    if not clips:
        predict_live(fitted, as_json=as_json, quiet=quiet, **options)
        return
    extent = None if fitted.preparation is None else fitted.preparation.extent
    found, single = find_clips(clips, moments, extent)
    if out is not None and out.suffix.lower() == ".png" and not single:
        raise click.UsageError(f"--out: expected a folder for {len(found)} clips, got {out.name!r}")
    ask = partial(_ask, fitted, added=added, path=model)
    if single and not as_csv:
        [one] = found
        answer = ask(one)
        tell(answer.notes)
        if out is not None:
            draw(answer.prediction, out, one.name, set())
        say(to_json(fitted, answer) if as_json else to_text(answer))
        return
    failed = _predict_all(fitted, found, ask, out, as_json, as_csv, quiet)
    if failed:
        sys.exit(1 if failed == len(found) else SOME_FAILED)


def _check_out(out):
    if out.suffix.lower() == ".png":
        check_output(out, is_picture)
    elif out.suffix and not out.is_dir():
        raise click.UsageError(f"--out: expected a PNG file or a folder, got {out.name!r}")
    else:
        check_folder(out)
    import_extra("matplotlib.figure")


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


def _ask(model, named, added, path):
    """Ask the model of a file about one clip, an Answer."""
    from cdmer._notes import gathered_notes
    from cdmer.models import predict_clip

    with gathered_notes() as gathered:
        clip, first = named.open()
        try:
            prediction = predict_clip(model, clip)
        except ValueError as error:
            if str(error).startswith(("model:", "pipeline:")):  # no clip is to blame
                raise ValueError(f"{path}: {error}") from error
            raise
    apex = describe_apex(model, clip, prediction, first, added)
    notes = [*map(str, gathered), *notes_on(model, prediction)]
    return Answer(named.name, prediction, *apex, notes)


def _predict_all(model, found, ask, out, as_json, as_csv, quiet):
    """Ask about every clip; how many failed."""
    from cdmer._progress import progress_bar

    rows, taken = [], set()
    with progress_bar(len(found), "predict", "clip", show(quiet)) as bar:
        for named in found:
            try:
                answer = ask(named)
                if out is not None:
                    draw(answer.prediction, out, named.name, taken)
            except _OF_A_CLIP as error:
                text = _in_a_line(error)
                bar.clear()
                tell([text], named.name)
                rows.append(table_row(model, named.name, error=text))
            else:
                bar.clear()
                tell(answer.notes, named.name)
                rows.append(table_row(model, named.name, answer))
                if as_json:
                    say(json.dumps(content(answer)))
                elif not as_csv:
                    say(f"{named.name}: {in_words(answer.prediction)}")
            bar.update()
    if as_csv:
        import pandas as pd

        say(csv_text(pd.DataFrame(rows)), nl=False)
    return sum(bool(row["error"]) for row in rows)


def _in_a_line(error):
    file, problem = getattr(error, "filename", None), getattr(error, "strerror", None)
    return f"{file}: {problem}" if file and problem else " ".join(str(error).split())


def describe_apex(model, clip, prediction, first=0, added=None):
    """Say which frame is the apex, and how it was found.

    Parameters
    ----------
    model : FittedModel
    clip : Clip
        As it went into the model.
    prediction : Prediction
    first : int, default=0
        What to add to numbers of the clip's frames for those of the file.
    added : str or None, default=None
        Method by which apexes are spotted, where that is no step of the model.

    Returns
    -------
    frame : int or None
        None also where frames are interpolated, and have numbers of their own.
    origin : str
    """
    if clip.apex is not None:
        method = clip.apex_spotted_by
        return int(clip.apex) + first, "given" if method is None else f"spotted by {method}"
    if prediction.label is None:
        return None, "none given, none looked for"
    method = getattr(prediction.clip, "apex_spotted_by", None)
    if method is None:
        return None, "none given, none needed"
    whose = "" if method == added else ", a step of the model"
    frame = None if changes_numbers(model) else int(prediction.clip.apex) + first
    return frame, f"spotted by {method}{whose}"
