"""Predictions in words, as JSON, as rows of a table and as pictures."""

import itertools
import json
import re
from pathlib import Path
from typing import NamedTuple

from cdmer._text import printable
from cdmer.cli._options import save_picture


class Answer(NamedTuple):
    """A prediction, and what belongs to it.

    Parameters
    ----------
    clip : str
        What the clip is called.
    prediction : Prediction
    frame : int or None
        Of the apex, as the file counts.
    origin : str
        How the apex was found.
    notes : list of str
        What makes the prediction doubtful.
    """

    clip: str
    prediction: object
    frame: int | None
    origin: str
    notes: list


def table_row(model, clip, answer=None, error=""):
    """Row of the table for a clip that is called so, a dict; an error stands for an answer."""
    row = {"clip": clip, "class": "", "reason": "", "detail": "", "apex": "", "apex_origin": ""}
    scores = [""] * len(model.classes)
    if answer is not None:
        prediction = answer.prediction
        row["class"], row["reason"] = prediction.label or "", prediction.reason or ""
        row["detail"] = prediction.detail
        row["apex"] = "" if answer.frame is None else answer.frame
        row["apex_origin"] = answer.origin
        scores = scores if prediction.scores is None else map(float, prediction.scores)
    names = [f"{_kind(model)}_{name}" for name in model.classes]
    return row | dict(zip(names, scores, strict=True)) | {"error": error}


def _kind(model):
    stated = model.calibration is not None or hasattr(model.pipeline, "predict_proba")
    return "probability" if stated else "score"


def in_words(prediction):
    """A prediction in one line, a str."""
    if prediction.label is None:
        return f"no class: {prediction.reason} ({prediction.detail})"
    score = float(prediction.scores[prediction.classes.index(prediction.label)])
    kind = "probability" if prediction.are_probabilities else "score"
    return f"{prediction.label} ({kind} {score:.3g})"


def to_text(answer):
    """The answer about one clip in lines for a reader, a str."""
    if answer.prediction.label is None:
        return str(answer.prediction)
    frame = "" if answer.frame is None else f"frame {answer.frame}, "
    return f"{answer.prediction}\napex: {frame}{answer.origin}"


def to_json(model, answer):
    """The answer about one clip, and what the model is, as a JSON object, a str.

    Numbers keep all their digits; regions come by falling drop.
    """
    whole = content(answer) | {
        "model": {
            "sources": model.sources,
            "targets": model.targets,
            "keeps_training_rows": model.keeps_training_rows,
            "versions": model.versions,
        }
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    return text if printable(text) == text else json.dumps(whole, indent=2)


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


def content(answer):
    """The answer about one clip as plain data, a dict."""
    regions = answer.prediction.regions
    if regions is not None:
        columns = regions.names, regions.parts, regions.boxes.tolist(), regions.drops.tolist()
        rows = [
            {"name": name, "part": part, "box": box, "drop": drop}
            for name, part, box, drop in zip(*columns, strict=True)
        ]
        regions = sorted(rows, key=lambda row: -row["drop"])
    about = {"clip": answer.clip} | said(answer.prediction)
    about |= {"apex": {"frame": answer.frame, "origin": answer.origin}}
    return about | {"regions": regions, "notes": answer.notes}


def draw(prediction, out, name, taken):
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
