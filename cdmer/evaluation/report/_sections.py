"""More tables: action units, ways of averaging, time and cost, published scores."""

import numpy as np

from cdmer.evaluation._metrics.counts import f1_of_classes
from cdmer.evaluation._pools import ALL, MEAN
from cdmer.evaluation.published import published_for
from cdmer.evaluation.report._tables import (
    Row,
    Table,
    cell,
    marked,
    method_label,
    oracle_methods,
)

# What jobs keep under ``details``, and under ``usage`` there.
USAGE = {
    "requests": "requests",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
}
STEPS = {"select_s": "picking a setting", "fit_s": "fitting", "predict_s": "predicting"}


def action_unit_table(results):
    """F1 of present per action unit, everything that a method predicted pooled, a Table."""
    oracle = oracle_methods(results)
    rows = []
    for method in results.methods:
        f1 = f1_of_classes(results.confusion(method))[:, 1]
        rows.append((method, method in oracle, [(v, np.nan, np.nan, False) for v in f1]))
    meaning = "of the action unit being present, from all clips and seeds pooled"
    return Table("F1 per action unit", meaning, results.classes, marked(rows))


def averages_tables(results):
    """Three ways of averaging the same predictions; none where no experiment has two folds."""
    folds = results.predictions[["experiment", "fold"]].drop_duplicates()
    if results.multilabel or folds["experiment"].value_counts().max() < 2:
        return []
    averages, oracle = results.averages(), oracle_methods(results)
    columns = [c for c in averages.columns if c not in ("experiment", "method")]
    tables = []
    for experiment, frame in averages.groupby("experiment", sort=False, observed=True):
        rows = tuple(
            Row(
                method_label(row["method"], row["method"] in oracle),
                row["method"] in oracle,
                tuple(cell(row[c]) for c in columns),
            )
            for row in frame.to_dict("records")
        )
        tables.append(Table(str(experiment), "", tuple(columns), rows))
    return tables


def timing(results):
    """Median seconds of a job per method and step, all of them together, and `costs`."""
    if results.jobs is None or not len(results.jobs):
        return []
    oracle, rows = oracle_methods(results), []
    _, amounts = costs(results)
    for method in results.methods:
        seconds = results.jobs.loc[results.jobs["method"] == method, list(STEPS)]
        together = float(np.nansum(seconds.to_numpy(dtype=float)))
        medians = [_seconds(v) for v in seconds.median(skipna=True)]
        name = method_label(method, method in oracle)
        together = _seconds(together)
        rows.append((name, method in oracle, len(seconds), medians, together, amounts[method]))
    return rows


def costs(results):
    """Parameters of networks, and what was asked of endpoints by all jobs together.

    Returns
    -------
    columns : list of str
        Those in which some method has a number.
    amounts : dict of str to list of str
        A text per column for every method.
    """
    found = {}
    for method in results.methods:
        details = list(results.jobs.loc[results.jobs["method"] == method, "details"])
        sizes = sorted({d["n_parameters"] for d in details if "n_parameters" in d})
        spread = [f"{size:,}" for size in (sizes[:1] + sizes[1:][-1:])]
        usages = [d["usage"] for d in details if "usage" in d]
        found[method] = {"parameters": "–".join(spread)} | {
            column: f"{sum(usage.get(name, 0) for usage in usages):,}" if usages else ""
            for name, column in USAGE.items()
        }
    columns = ["parameters", *USAGE.values()]
    columns = [c for c in columns if any(texts[c] for texts in found.values())]
    return columns, {m: [texts[c] or "–" for c in columns] for m, texts in found.items()}


def beside_published(results):
    """Tables of published scores beside ours.

    Returns
    -------
    list of dict
        Per board and metric: ``title, metric, columns, ours, theirs``; rows as (method, oracle,
        scores as text, worth, source).
    """
    if not results.info:
        return []
    found, tables = published_for(results.info), []
    for (board, metric), rows in found.groupby(["board", "metric"], sort=False):
        ours = _our_scores(results, metric) if metric in results.metrics else {}
        pools = list(dict.fromkeys(rows["pool"]))
        if ours:
            pools = [pool for pool in pools if any(pool in scores for scores in ours.values())]
        if pools:
            about = {"title": board, "metric": metric, "columns": pools}
            mine = _our_rows(results, ours, pools)
            tables.append({**about, "ours": mine, "theirs": _their_rows(rows, pools)})
    return tables


def _our_scores(results, metric):
    """Our scores under the names that published ones go by, a dict of method to dict."""
    grouped = {"observed": True, "sort": False}
    mine = {method: {} for method in results.methods}
    pairs = results.scores().groupby(["method", "source", "target"], **grouped)[metric].mean()
    for (method, source, target), value in pairs.items():
        mine[method] |= {f"{source} → {target}": value, str(target): value}
    parts = results.scores("corpus").groupby(["method", "corpus"], **grouped)[metric].mean()
    for (method, corpus), value in parts.items():
        mine[method].setdefault(str(corpus), value)
    for method, value in results.scores("all").groupby("method", **grouped)[metric].mean().items():
        mine[method][ALL] = value
    for method, value in results.table(metric).loc[MEAN].items():
        mine[method][MEAN] = value
    return mine


def _our_rows(results, scores, pools):
    oracle = oracle_methods(results)
    return [
        (method_label(method, method in oracle), method in oracle, _texts(given, pools), "", "")
        for method, given in scores.items()
    ]


def _their_rows(rows, pools):
    theirs = []
    about = ["method", "oracle", "worth", "source"]
    for (name, oracle, worth, source), given in rows.groupby(about, sort=False):
        texts = _texts(dict(zip(given["pool"], given["value"], strict=True)), pools)
        if any(texts):
            theirs.append((method_label(name, oracle), oracle, texts, worth, source))
    return theirs


def _texts(scores, pools):
    return [cell(scores.get(pool, np.nan)).score for pool in pools]


def _seconds(value):
    if not np.isfinite(value):
        return "–"
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"
