"""`cdmer predict`: a saved model asked about recordings of one's own."""

import itertools
import json
import re
import sys
import warnings
from pathlib import Path

import click

from cdmer._extras import import_extra
from cdmer._files.kinds import is_picture
from cdmer._text import printable
from cdmer.cli._live import check_live, live_options, predict_live
from cdmer.cli._options import (
    SOME_FAILED,
    check_folder,
    check_output,
    csv_text,
    quiet_option,
    remark,
    save_picture,
    say,
    show,
)
from cdmer.cli._predict_clips import changes_numbers, find_clips, notes_on, suit_model, tell

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
    if single and not as_csv:
        [one] = found
        answer = _ask(fitted, one, added)
        tell(answer["notes"])
        if out is not None:
            _draw(answer["prediction"], out, one.name, set())
        say(to_json(fitted, answer) if as_json else to_text(answer))
        return
    failed = _predict_all(fitted, found, added, out, as_json, as_csv, quiet)
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


def _ask(model, named, added):
    """Ask the model about one clip; what `to_text` and `to_json` take."""
    from cdmer._notes import gathered_notes
    from cdmer.models import predict_clip

    with gathered_notes() as gathered:
        clip, first = named.open()
        prediction = predict_clip(model, clip)
    frame, origin = describe_apex(model, clip, prediction, first, added)
    return {
        "clip": named.name,
        "prediction": prediction,
        "apex": {"frame": frame, "origin": origin},
        "notes": [*map(str, gathered), *notes_on(model, prediction)],
    }


def _predict_all(model, found, added, out, as_json, as_csv, quiet):
    """Ask about every clip; how many failed."""
    from cdmer._progress import progress_bar

    rows, taken = [], set()
    with progress_bar(len(found), "predict", "clip", show(quiet)) as bar:
        for named in found:
            try:
                answer = _ask(model, named, added)
                if out is not None:
                    _draw(answer["prediction"], out, named.name, taken)
            except _OF_A_CLIP as error:
                text = " ".join(str(error).split())
                bar.clear()
                tell([text], named.name)
                rows.append(_row(model, named.name, error=text))
            else:
                bar.clear()
                tell(answer["notes"], named.name)
                rows.append(_row(model, **answer))
                if as_json:
                    say(json.dumps(_content(answer)))
                elif not as_csv:
                    say(f"{named.name}: {in_words(answer['prediction'])}")
            bar.update()
    if as_csv:
        import pandas as pd

        say(csv_text(pd.DataFrame(rows)), nl=False)
    return sum(bool(row["error"]) for row in rows)


def _row(model, clip, prediction=None, apex=None, notes=(), error=""):
    """Row of the table for a clip, a dict."""
    row = {"clip": clip, "class": "", "reason": "", "detail": "", "apex": "", "apex_origin": ""}
    scores = [""] * len(model.classes)
    if prediction is not None:
        row["class"], row["reason"] = prediction.label or "", prediction.reason or ""
        row["detail"] = prediction.detail
        row["apex"] = "" if apex["frame"] is None else apex["frame"]
        row["apex_origin"] = apex["origin"]
        scores = scores if prediction.scores is None else map(float, prediction.scores)
    names = [f"{_kind(model)}_{name}" for name in model.classes]
    return row | dict(zip(names, scores, strict=True)) | {"error": error}


def _kind(model):
    stated = model.calibration is not None or hasattr(model.pipeline, "predict_proba")
    return "probability" if stated else "score"


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


def in_words(prediction):
    """A prediction in one line, a str."""
    if prediction.label is None:
        return f"no class: {prediction.reason} ({prediction.detail})"
    best = max(map(float, prediction.scores))
    kind = "probability" if prediction.are_probabilities else "score"
    return f"{prediction.label} ({kind} {best:.3g})"


def to_text(answer):
    """The answer about one clip in lines for a reader, a str."""
    prediction, apex = answer["prediction"], answer["apex"]
    if prediction.label is None:
        return str(prediction)
    frame, origin = apex["frame"], apex["origin"]
    return f"{prediction}\napex: {origin if frame is None else f'frame {frame}, {origin}'}"


def to_json(model, answer):
    """The answer about one clip, and what the model is, as a JSON object, a str.

    Numbers keep all their digits; regions come by falling drop.
    """
    content = _content(answer) | {
        "model": {
            "sources": model.sources,
            "targets": model.targets,
            "keeps_training_rows": model.keeps_training_rows,
            "versions": model.versions,
        }
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return text if printable(text) == text else json.dumps(content, indent=2)


def said(prediction):
    """Class, reason and scores of a prediction as plain data, a dict."""
    scores, kind = None, "probabilities"
    if prediction.label is not None:
        scores = dict(zip(prediction.classes, map(float, prediction.scores), strict=True))
        kind = kind if prediction.are_probabilities else "scores"
    return {
        "class": prediction.label,
        "reason": prediction.reason,
        "detail": prediction.detail,
        kind: scores,
    }


def _content(answer):
    regions = answer["prediction"].regions
    if regions is not None:
        columns = regions.names, regions.parts, regions.boxes.tolist(), regions.drops.tolist()
        rows = [
            {"name": name, "part": part, "box": box, "drop": drop}
            for name, part, box, drop in zip(*columns, strict=True)
        ]
        regions = sorted(rows, key=lambda row: -row["drop"])
    about = {"clip": answer["clip"], **said(answer["prediction"]), "apex": answer["apex"]}
    return about | {"regions": regions, "notes": answer["notes"]}


def _draw(prediction, out, name, taken):
    """Draw the regions into a PNG file, whole or not at all; nothing where there is no class.

    Parameters
    ----------
    prediction : Prediction
    out : Path
        The file, or a folder, where it is called as the clip.
    name : str
        Of the clip.
    taken : set of str
        Names of files of other clips in the folder; that of this one is added.
    """
    from cdmer.models import plot_prediction

    if prediction.label is None:
        return
    if out.suffix.lower() != ".png":
        out.mkdir(exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "_", Path(name).name)[:100].lstrip(".") or "clip"
        numbered = (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1))
        chosen = next(one for one in numbered if one.casefold() not in taken)
        taken.add(chosen.casefold())
        out = out / f"{chosen}.png"
    save_picture(plot_prediction(prediction), out, dpi=140, facecolor="white")
