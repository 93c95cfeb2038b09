"""The report: one HTML file that holds everything it shows."""

import base64
import datetime
import io
import platform
from importlib.metadata import version
from importlib.resources import files

from cdmer._extras import import_extra
from cdmer._files import write_atomically
from cdmer.evaluation._figures import RegionMap, plot_confusion, plot_regions
from cdmer.evaluation._metrics import METRICS

_MEANING = {
    "UF1": "unweighted mean of the classes' F1; the benchmark's M-F1",
    "UAR": "unweighted mean of the classes' recalls",
    "WAR": "accuracy",
}
_LIBRARIES = ("cdmer", "numpy", "scipy", "scikit-learn")


def write_report(results, path, *, title, intro="", notes=(), region_maps=(), command=""):
    """Write the report of a benchmark: one file without scripts, nothing loaded from elsewhere.

    Parameters
    ----------
    results : Results
        What `benchmark` gives.
    path : path-like
        The HTML file. An existing one is replaced once the new one is complete.
    title : str
        Heading of the report.
    intro : str, default=""
        What was done, in a sentence or two.
    notes : sequence of str, default=()
        What a reader has to know before trusting a number.
    region_maps : sequence of RegionMap, default=()
        Regions that methods keep, drawn on faces.
    command : str, default=""
        How to repeat it.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ImportError
        If matplotlib or jinja2 is missing: ``pip install "cdmer[report]"``.
    OSError
        If the folder is missing or cannot be written to; an existing file stays as it was.
    TypeError
        If a region map is not a RegionMap.
    """
    from pathlib import Path

    for region_map in region_maps:
        if not isinstance(region_map, RegionMap):
            raise TypeError(f"region_maps: expected RegionMap, got {type(region_map).__name__}")
    template = files("cdmer.evaluation").joinpath("templates/report.html").read_text("utf-8")
    environment = import_extra("jinja2").Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.from_string(template).render(
        title=title,
        intro=intro,
        notes=list(notes),
        command=command,
        written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        versions=[("Python", platform.python_version()), *((n, version(n)) for n in _LIBRARIES)],
        scheme=results.scheme,
        classes=results.classes,
        corpora=_corpora(results),
        tables=[_table(results, metric) for metric in METRICS],
        confusions=[_confusion(results, method) for method in results.methods],
        region_maps=[
            {"title": m.title, "caption": m.caption, "image": _png(plot_regions(m))}
            for m in region_maps
        ],
    )
    write_atomically(path, html)
    return Path(path)


def _corpora(results):
    """Clips per class of every corpus, counted where it is a target."""
    clips = results.predictions.drop_duplicates(["target", "clip"])
    counts = clips.groupby(["target", "y_true"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=results.classes, fill_value=0)
    return [(name, row.tolist(), int(row.sum())) for name, row in counts.iterrows()]


def _table(results, metric):
    table = results.table(metric)
    pairs = results.predictions.drop_duplicates("experiment").set_index("experiment")
    rows = []
    for name, values in table.iterrows():
        label = name
        if name in pairs.index:
            pair = f"{pairs.loc[name, 'source']} → {pairs.loc[name, 'target']}"
            label = pair if name == pair else f"{name}: {pair}"
        # Equal to the printed digits: nobody should read a difference into what shows none.
        rounded = values.round(4)
        cells = [(f"{v:.4f}", r == rounded.max()) for v, r in zip(values, rounded, strict=True)]
        rows.append({"label": label, "cells": cells, "mean": name == "mean"})
    return {
        "metric": metric, "meaning": _MEANING[metric], "methods": list(table.columns), "rows": rows
    }  # fmt: skip


def _confusion(results, method):
    counts = results.confusion(method)
    rows = "; ".join(
        f"true {true}: " + ", ".join(f"{n} {c}" for c, n in zip(results.classes, row, strict=True))
        for true, row in zip(results.classes, counts, strict=True)
    )
    axes = plot_confusion(counts, results.classes)
    return {"method": method, "alt": rows, "image": _png(axes.figure)}


def _png(figure):
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=140, facecolor="white")
    return base64.b64encode(content.getvalue()).decode("ascii")
