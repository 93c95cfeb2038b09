"""The report: one HTML file that needs no other."""

import base64
import datetime
import hashlib
from importlib.resources import files
from pathlib import Path

from cdmer._extras import import_extra
from cdmer._files.kinds import is_report
from cdmer._files.writing import write_atomically
from cdmer._parameters import check_flag
from cdmer._text import printable
from cdmer.evaluation._pseudonyms import under_pseudonyms
from cdmer.evaluation.figures import RegionMap
from cdmer.evaluation.report import _pictures as pictures
from cdmer.evaluation.report._about import about, caveats
from cdmer.evaluation.report._sections import (
    STEPS,
    action_unit_table,
    averages_tables,
    beside_published,
    costs,
    timing,
)
from cdmer.evaluation.report._tables import method_label, oracle_methods, score_table
from cdmer.evaluation.statistics import comparisons, intervals

# More pairs of methods than this are drawn, and not listed.
MOST_PAIRS = 28


def write_report(
    results,
    path,
    *,
    title=None,
    intro="",
    notes=(),
    metrics=None,
    region_maps=(),
    command=None,
    pseudonyms=True,
):
    """Write the report of a benchmark: one HTML file without scripts or links to other files.

    Parameters
    ----------
    results : Results
        What `benchmark` or `ResultStore.results` gives.
    path : path-like
        The HTML file. A report that is there is replaced once the new one is complete.
    title : str, optional
        Heading of the report; by default the run's.
    intro : str, default=""
        What was done, in a sentence or two.
    notes : sequence of str, default=()
        Caveats for readers, beyond those that follow from the results.
    metrics : sequence of (str or Metric) or None, default=None
        Names of ``results.metrics``, or metrics of your own; methods are ranked and compared by the
        first one. None for all of ``results.metrics``.
    region_maps : sequence of RegionMap, default=()
        Maps of regions to draw in place of those that the results hold, which are drawn on a
        rendered face.
    command : str, optional
        Command that repeats the run; by default the run's own.
    pseudonyms : bool, default=True
        Whether people and clips go by pseudonyms, such as "person 3f2a90b1", wherever the run names
        them: in notes, failures and names of folds. They are the same in all reports of one store,
        others in those of another, and only who has the store can find out whose they are. What is
        said here, in `title`, `intro`, `notes` and `command`, stays as it is.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ImportError
        If matplotlib or jinja2 is missing: ``pip install "cdmer[report]"``.
    FileExistsError
        If a file is there that is no report of cdmer.
    OSError
        If the folder is missing or cannot be written to; an existing file stays as it was.
    TypeError
        If a region map is not a RegionMap, or a metric neither a name nor a Metric.
    ValueError
        If a metric is unknown, or does not do what `Metric` asks for.
    """
    check_flag("pseudonyms", pseudonyms)
    metrics = results.find_metrics(metrics)
    for region_map in region_maps:
        if not isinstance(region_map, RegionMap):
            raise TypeError(f"region_maps: expected RegionMap, got {type(region_map).__name__}")
    import_extra("matplotlib.figure")
    if pseudonyms:
        results = under_pseudonyms(results)
    info = results.info
    page = {
        "title": title or info.get("title") or "Results",
        "intro": intro,
        "about": about(results),
        "caveats": [*notes, *caveats(results)],
        "command": info.get("command", "") if command is None else command,
        "config": info.get("config", ""),
        "failures": [] if results.failures is None else results.failures.to_dict("records"),
        "written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **(_scores(results, metrics) if results.methods else {}),
        **(_figures(results, region_maps) if results.methods else {}),
    }
    write_atomically(path, _render(page), is_report)
    return Path(path)


def _scores(results, metrics):
    found = [intervals(results, metric) for metric in metrics]
    tables = [score_table(results, *pair) for pair in zip(metrics, found, strict=True)]
    parts = results.predictions[["experiment", "corpus"]].drop_duplicates()
    if parts["experiment"].value_counts().max() > 1:
        tables += [score_table(results, metric, by="corpus") for metric in metrics]
    main = metrics[0]
    pairs = comparisons(results, main) if len(results.methods) > 1 else None
    return {
        "metric": main.name,
        "tables": tables,
        "clusters": sorted(set(found[0]["cluster"])),
        "action_units": action_unit_table(results) if results.multilabel else None,
        "averages": averages_tables(results),
        "forest": pictures.forest(results, main, found[0]),
        "ranks": pictures.rank_plot(results, main),
        "compared": None if pairs is None else pictures.comparison_plot(pairs),
        "pairs": _pair_rows(results, pairs),
        "steps": list(STEPS.values()),
        "timing": timing(results),
        "costs": [] if results.jobs is None else costs(results)[0],
        "published": beside_published(results),
    }


def _figures(results, region_maps):
    regions, n_regions_left = pictures.regions(results, region_maps)
    embeddings, n_embeddings_left = pictures.embeddings(results)
    return {
        "confusions": pictures.confusions(results),
        "regions": regions,
        "n_regions_left": n_regions_left,
        "on_rendered_face": not region_maps,
        "embeddings": embeddings,
        "n_embeddings_left": n_embeddings_left,
    }


def _pair_rows(results, pairs):
    if pairs is None or len(pairs) > MOST_PAIRS:
        return []
    oracle = oracle_methods(results)
    return [
        {
            **row,
            "a": method_label(row["a"], row["a"] in oracle),
            "b": method_label(row["b"], row["b"] in oracle),
        }
        for row in pairs.to_dict("records")
    ]


def _render(page):
    folder = files("cdmer.evaluation.report")
    jinja = import_extra("jinja2")
    environment = jinja.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja.StrictUndefined,
        finalize=_show,
    )
    template = environment.from_string(folder.joinpath("report.html").read_text("utf-8"))
    css = folder.joinpath("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return template.render(**page, css=css, css_digest=digest)


def _show(value):
    return printable(value) if type(value) is str else value  # not what is marked as HTML
