"""`cdmer report`: what a store holds, as a report, a table or scores."""

import re
from pathlib import Path

import click

from cdmer._files.kinds import begins_with, is_report
from cdmer._files.reading import read_regular
from cdmer._files.writing import write_atomically
from cdmer.cli._options import check_output, csv_text, quiet_option, say
from cdmer.cli._stored import (
    STORE,
    check_metric,
    metric_option,
    open_store,
    read_results,
    run_option,
)

# Files that hold a table of ours and nothing around it; one with a text of somebody's is theirs.
_TABLES = {
    "markdown": r"\| method \|.*\|\n\| --- \|( ---: \|)+\n(\|.*\|\n)+\n(.+\n)+",
    "latex": r"(%.*\n)+\\begin\{tabular\}\{lr+\}\n\\toprule\nmethod &.*\n\\midrule\n(.*\\\\\n)+"
    r"\\bottomrule\n\\end\{tabular\}\n",
}
_MOST_TABLE_BYTES = 2**24


@click.command()
@click.argument("store", type=STORE)
@click.option(
    "-o",
    "--out",
    type=STORE,
    help="Where it goes. [default: report.html; other formats: the screen]",
)
@click.option(
    "--format",
    "kind",
    default="html",
    show_default=True,
    type=click.Choice(["html", "markdown", "latex", "csv"]),
    help="The report; the main table as text; all scores as CSV.",
)
@click.option("--list", "list_runs", is_flag=True, help="List the runs in the store instead.")
@run_option
@metric_option
@click.option(
    "--names",
    is_flag=True,
    help="Name people and clips in the report, which calls them by pseudonyms otherwise.",
)
@quiet_option
def report(store, out, kind, list_runs, run, metric, names, quiet):
    """Show what a store holds.

    STORE is a file that `cdmer benchmark` or `cdmer.evaluation.ResultStore` has written; a run that
    is still going on is shown as far as it is.
    """
    if list_runs:
        with open_store(store) as kept:
            runs = kept.runs()
        if runs.empty:
            raise ValueError(f"{store}: the store holds no run")
        runs["created"] = runs["created"].str[:16].str.replace("T", " ") + " UTC"
        say(runs.to_string(index=False))
        return
    if metric is not None and kind in ("html", "csv"):
        raise click.UsageError(f"--metric: --format {kind} shows all of them")
    if out is not None or kind == "html":
        out = Path("report.html") if out is None else out
        check_output(out, is_report if kind == "html" else _is_table(kind))
    results = read_results(store, run)
    if kind == "html":
        results.report(out, pseudonyms=not names)
    else:
        text = _as_text(results, kind, check_metric(results, metric))
        if out is None:
            say(text, nl=False)
            return
        header = text.partition("\n")[0] + "\n"
        write_atomically(out, text, begins_with(header) if kind == "csv" else _is_table(kind))
    if not quiet:
        say(f"{out}: {results.info['title'] or 'untitled run'}, {len(results.jobs)} jobs")


def _is_table(kind):
    if kind == "csv":  # by its header, which the results tell
        return begins_with("experiment,")
    table = re.compile(_TABLES[kind])
    return lambda path: table.fullmatch(read_regular(path, _MOST_TABLE_BYTES).decode("utf-8"))


def _as_text(results, kind, metric):
    if kind == "csv":
        return csv_text(results.to_frame())
    text = results.to_markdown(metric) if kind == "markdown" else results.to_latex(metric)
    return text.rstrip("\n") + "\n"
