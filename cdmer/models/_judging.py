"""How a recogniser of one's own is judged: people left out, scores, calibration."""

import numpy as np

from cdmer._text import counted, is_missing
from cdmer.evaluation import CompositeLOSO, LeaveOut, WithinCorpusLOSO, intervals
from cdmer.evaluation.protocols import people
from cdmer.models._calibration import Calibration

_UNKNOWN = (
    "people are unknown: clips of one person may be both trained on and tested, so that scores may "
    "be too good for new people"
)
_ONE = "all clips show one person: scores are those for this person, and too good for anybody else"
_METRICS = ("UF1", "UAR", "WAR")


def choose_protocol(rows, n_folds, random_state):
    """Protocol, how it leaves out, and what is doubtful about that, if anything."""
    who = np.concatenate(
        [people([t.corpus] * len(t.features), t.clips["subject"]) for t in rows.sources]
    )
    unknown = int((who == "").sum())
    if not unknown and len(set(who)) > 1:
        if rows.unlabelled:
            protocol = LeaveOut(unlabelled=rows.unlabelled)
        else:
            protocol = WithinCorpusLOSO() if len(rows.sources) == 1 else CompositeLOSO()
        return protocol, "one person at a time", ""
    n_parts = min(n_folds, len(who))
    doubt = _ONE
    if unknown:
        some = "" if unknown == len(who) else f" of {unknown} of {len(who)} clips"
        doubt = _UNKNOWN.replace("people", f"people{some}", 1)
    return (
        LeaveOut(n_parts, rows.unlabelled, random_state),
        f"one of {n_parts} parts of the clips at a time",
        doubt,
    )


def seen_people(corpus, target):
    """Sentence on people who are left out, but seen without labels; "" if there are none."""
    seen = {(clip.corpus, clip.subject) for clip in target or () if not is_missing(clip.subject)}
    seen &= {(clip.corpus, clip.subject) for clip in corpus}
    if not seen:
        return ""
    return (
        f"{len(seen)} of the people are in the target, too: their clips there are seen without "
        "labels while they are left out, so that scores may be too good for new people"
    )


def fold_failures(results):
    """Sentences on folds that could not be fitted."""
    failed = results.failures
    if not len(failed):
        return []
    first = failed.iloc[0]
    return [
        f"{counted(len(failed), 'fold')} could not be fitted, and the clips left out there have no "
        f"part in the scores; first {first['fold']}: {first['message']}"
    ]


def evaluate(results, rows, left_out, doubt):
    """The record of the scores: plain JSON, without names of people."""
    [method] = results.methods
    scores, clusters = {}, None
    for metric in _METRICS:
        found = intervals(results, metric)
        row = found[found["experiment"] != "mean"].iloc[0]
        low, high = (None if np.isnan(row[name]) else float(row[name]) for name in ("low", "high"))
        scores[metric] = {"score": float(row["score"]), "low": low, "high": high}
        clusters = (row["cluster"], int(row["n_clusters"]), float(row["level"]))
    counts = results.confusion(method)
    recalls = counts.diagonal() / np.maximum(counts.sum(axis=1), 1)
    return {
        "method": method,
        "left out": left_out,
        "doubt": doubt or None,
        "n_clips": len(results.predictions),
        "n_people": clusters[1] if clusters[0] == "person" else None,
        "n_unlabelled": int((rows.domain < 0).sum()),
        "classes": list(results.classes),
        "scores": scores,
        "intervals": f"{clusters[2]:.0%} over {'people' if clusters[0] == 'person' else 'clips'}",
        "recall": dict(zip(results.classes, recalls.tolist(), strict=True)),
        "confusion": counts[:, : len(results.classes)].tolist(),
    }


def calibrate(results):
    """A calibration by the scores of the clips left out; or None, and why there is none."""
    given = list(results.jobs["scores"])
    if not given or any(scores is None for scores in given):
        return None, "probabilities are not calibrated: the classifier gives no scores of classes"
    scores = np.concatenate(given)
    tested = results.predictions
    whole = np.isfinite(scores).all(axis=1)  # a class may be that of one person alone
    who = tested["person"].astype(str).where(tested["person"] != "", tested["clip"].astype(str))
    kinds = {details["score_kind"] for details in results.jobs["details"]}
    try:
        return (
            Calibration.fit(
                scores[whole],
                tested["y_true"].cat.codes.to_numpy(dtype=np.int64)[whole],
                who.to_numpy()[whole],
                of_probabilities=kinds == {"probability"},
            ),
            "",
        )
    except ValueError as error:
        why = str(error).removeprefix("groups: ")
        return None, f"probabilities are not calibrated: {why}"
