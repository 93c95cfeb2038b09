"""Tables of what a store holds, as `Results` has them."""

import numpy as np

from cdmer.evaluation.protocols import people

ABSENT_PRESENT = ("absent", "present")
_ABOUT = ["experiment", "kind", "source", "target", "fold", "method", "selection"]


def predictions_frame(done, test_sets, classes, multilabel):
    """One row per clip and action unit; categorical columns keep millions of rows small."""
    import pandas as pd

    n_labels = len(classes) if multilabel else 1
    sets = [test_sets[job.test_set] for _, job in done]
    lengths = np.array([len(s.clips) for s in sets], dtype=int)
    frame = {
        column: _categorical([about[column] for about, _ in done], lengths * n_labels)
        for column in _ABOUT
    }
    frame["seed"] = np.repeat([about["seed"] for about, _ in done], lengths * n_labels)
    distinct = list({id(s): s for s in sets}.values())
    place = {id(s): i for i, s in enumerate(distinct)}
    which = [place[id(s)] for s in sets]
    columns = {
        "clip": [s.clips for s in distinct],
        "corpus": [s.corpora for s in distinct],
        "subject": [s.subjects for s in distinct],
        "person": [people(s.corpora, s.subjects) for s in distinct],
    }
    for name, values in columns.items():
        frame[name] = _gathered(values, which, n_labels)
    truth = [np.asarray(s.truth, dtype=np.int64).ravel() for s in distinct]
    y_true = np.concatenate([truth[i] for i in which] or [np.empty(0, dtype=np.int64)])
    y_pred = np.concatenate(
        [np.asarray(job.predicted, dtype=np.int64).ravel() for _, job in done]
        or [np.empty(0, dtype=np.int64)]
    )
    names = list(ABSENT_PRESENT if multilabel else classes)
    frame["y_true"] = pd.Categorical.from_codes(y_true, names)
    frame["y_pred"] = pd.Categorical.from_codes(y_pred, names)
    if multilabel:
        action_unit = np.tile(np.arange(n_labels), int(lengths.sum()))
        frame["action_unit"] = pd.Categorical.from_codes(action_unit, list(classes))
    return pd.DataFrame(frame)


def _categorical(values, repeats):
    import pandas as pd

    known = list(dict.fromkeys(values))
    place = {value: i for i, value in enumerate(known)}
    codes = np.repeat(np.array([place[v] for v in values], dtype=np.int64), repeats)
    return pd.Categorical.from_codes(codes, known)


def _gathered(values, which, repeats):
    """Categorical of what test sets hold, test sets one after the other."""
    import pandas as pd

    known = list(dict.fromkeys(v for part in values for v in part))
    place = {value: i for i, value in enumerate(known)}
    codes = [np.repeat([place[v] for v in part], repeats) for part in values]
    joined = np.concatenate([codes[i] for i in which] or [np.empty(0, dtype=np.int64)])
    return pd.Categorical.from_codes(joined, known)


def jobs_frame(done):
    """One row per finished job, see `Results`."""
    import pandas as pd

    rows = [
        {
            **{k: about[k] for k in ("experiment", "fold", "method", "selection", "seed")},
            "n_clips": len(job.predicted),
            **{f"{k}_s": job.seconds.get(k, np.nan) for k in ("select", "fit", "predict")},
            "params": job.details.get("params"),
            "details": job.details,
            "scores": job.scores,
            "embedding": job.embedding,
        }
        for about, job in done
    ]
    columns = ["experiment", "fold", "method", "selection", "seed", "n_clips", "select_s", "fit_s"]
    columns += ["predict_s", "params", "details", "scores", "embedding"]
    return pd.DataFrame(rows, columns=columns)


def failures_frame(failed):
    """One row per job that failed, see `Results`."""
    import pandas as pd

    rows = [
        {
            **{k: about[k] for k in ("experiment", "fold", "method", "selection", "seed")},
            "error": job.error["type"],
            "message": job.error["message"],
            "traceback": job.error["traceback"],
        }
        for about, job in failed
    ]
    columns = ["experiment", "fold", "method", "selection", "seed", "error", "message", "traceback"]
    return pd.DataFrame(rows, columns=columns)
