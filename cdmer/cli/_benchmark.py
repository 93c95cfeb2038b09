"""`cdmer benchmark`, `cdmer report` and `cdmer compare`: run, show and compare methods."""

import io
import sys
import warnings
from pathlib import Path

import click

from cdmer._files import write_atomically
from cdmer._text import counted, unknown
from cdmer.cli._corpora import notes
from cdmer.cli._options import (
    check_folder,
    feature_cache,
    jobs_option,
    quiet_option,
    show,
    table_text,
)

SOME_FAILED = 3  # exit code

_FILE = click.Path(dir_okay=False, path_type=Path)
_COMPARED = ["experiment", "source", "target", "difference", "low", "high", "p_value", "n_clusters"]
run_option = click.option(
    "--run", type=int, help="Number of a run: see `cdmer report --list`. [default: the latest]"
)
metric_option = click.option("--metric", help="UF1, UAR, WAR … [default: the main one]")


@click.command()
@click.argument("config", type=_FILE)
@click.option(
    "--store",
    type=_FILE,
    help="Where finished jobs go. [default: as CONFIG says, "
    "else beside it, with the suffix .sqlite]",
)
@click.option(
    "--report", type=_FILE, help="Where the report goes. [default: as CONFIG says, else none]"
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for features of clips. [default: in the user's cache]",
)
@click.option(
    "--allow-upload",
    is_flag=True,
    help="Allow that clips, which show faces, are sent to other machines, where CONFIG "
    "names vision-language models there.",
)
@click.option(
    "--api-key-env",
    metavar="NAME",
    help="Environment variable that holds the key of their endpoint.",
)
@click.option("--dry-run", is_flag=True, help="Check CONFIG and the corpora, and say what is run.")
@jobs_option
@quiet_option
def benchmark(config, store, report, cache, allow_upload, api_key_env, dry_run, n_jobs, quiet):
    """Run the benchmark that a TOML file describes.

    CONFIG names corpora, protocol, methods and how their settings are chosen: see
    `cdmer.evaluation.config.load_config`. The main table comes on screen.

    Every job, a method on a fold with a seed, is kept in the store as soon as it is
    finished. Stopped at any moment and started again, the benchmark goes on where it stopped, with
    the same result.

    Exit codes: 0 if everything ran, 3 if jobs failed (each with a line on the standard error
    stream; starting again tries them again), 1 if nothing could be run, 130 if stopped by Ctrl-C.
    """
    from cdmer.evaluation.config import load_config, run_config, summarize_config
    from cdmer.evaluation.report import describe_abstentions

    loaded = load_config(config)
    if dry_run:
        click.echo(summarize_config(loaded, progress=show(quiet)))
        return
    place = loaded.store if store is None else store
    with _open_counting(place, quiet) as kept:
        try:
            with notes():
                # Each failure has a line of its own below.
                warnings.filterwarnings("ignore", r"\d+ of \d+ jobs failed", UserWarning)
                results = run_config(
                    loaded,
                    store=kept,
                    report=report,
                    n_jobs=n_jobs,
                    cache_dir=feature_cache() if cache is None else cache,
                    progress=show(quiet),
                    allow_upload=allow_upload,
                    api_key_env=api_key_env,
                )
        except KeyboardInterrupt:
            click.echo(
                f"cdmer: stopped; {place} keeps {counted(len(kept), 'job')}, and the same "
                "command goes on from there",
                err=True,
            )
            sys.exit(130)
        except RuntimeError as error:  # workers that die again and again
            raise click.ClickException(str(error)) from error
    n_done, n_failed = len(results.jobs), len(results.failures)
    if n_done:
        click.echo(table_text(results.table().T))
    for note in [*results.info["notes"], *describe_abstentions(results)]:
        click.echo(f"cdmer: {note}", err=True)
    for failure in results.failures.itertuples():
        click.echo(f"cdmer: {_failure_text(failure)}", err=True)
    if not quiet:
        report = report or loaded.report
        click.echo(
            f"\n{_amount(n_done + n_failed, kept.n_found)}, {n_failed} failed\nStore: {place}"
            + (f"\nReport: {report}" if report else "")
        )
    if n_failed:
        sys.exit(SOME_FAILED)


@click.command()
@click.argument("store", type=_FILE)
@click.option(
    "-o",
    "--out",
    type=_FILE,
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
@quiet_option
def report(store, out, kind, list_runs, run, metric, quiet):
    """Show what a store holds.

    STORE is a file that `cdmer benchmark` or `cdmer.evaluation.ResultStore` has written; a run that
    is still going on is shown as far as it is.
    """
    if list_runs:
        with _open(store) as kept:
            runs = kept.runs()
        if runs.empty:
            raise ValueError(f"{store}: the store holds no run")
        runs["created"] = runs["created"].str[:16].str.replace("T", " ") + " UTC"
        click.echo(runs.to_string(index=False))
        return
    if metric is not None and kind in ("html", "csv"):
        raise click.UsageError(f"--metric: --format {kind} shows all of them")
    if out is not None or kind == "html":
        out = Path("report.html") if out is None else out
        check_folder(out)
    results = _read(store, run)
    if kind == "html":
        results.report(out)
    else:
        text = _as_text(results, kind, _check_metric(results, metric))
        if out is None:
            click.echo(text, nl=False)
            return
        write_atomically(out, text)
    if not quiet:
        click.echo(f"{out}: {results.info['title'] or 'untitled run'}, {len(results.jobs)} jobs")


@click.command()
@click.argument("store", type=_FILE)
@click.argument("methods", nargs=-1, metavar="[A B]")
@metric_option
@run_option
def compare(store, methods, metric, run):
    """Test whether methods differ.

    STORE is a file that `cdmer benchmark` has written, A and B are names of methods as in its
    tables. Shows the difference of A less B in every experiment and in their mean, its interval,
    and the p-value of a sign-flip permutation test over people. Without A and B, all pairs are
    compared, with Holm's correction.
    """
    from cdmer.evaluation.statistics import compare as compare_two
    from cdmer.evaluation.statistics import comparisons

    if len(methods) not in (0, 2):
        raise click.UsageError(f"expected two methods or none, got {len(methods)}")
    results = _read(store, run)
    metric = _check_metric(results, metric)
    for name in methods:
        if name not in results.methods:
            raise ValueError(unknown("method", name, results.methods))
    if methods:
        found = compare_two(results, *methods, metric)
        click.echo(_show_numbers(found.experiments[_COMPARED]) + f"\n\n{found}")
    else:
        click.echo(_show_numbers(comparisons(results, metric)))


def _open_counting(path, quiet):
    from cdmer.evaluation import ResultStore

    class CountingStore(ResultStore):
        """A store that says how much there is to do, and remembers how much was done before."""

        n_found = None

        def finished(self, keys):
            keys = list(keys)
            found = super().finished(keys)
            if self.n_found is None:  # later questions are about single jobs
                self.n_found = len(found)
                if not quiet:
                    click.echo(f"cdmer: {_amount(len(keys), self.n_found)}", err=True)
            return found

    return CountingStore(path)


def _amount(total, n_found):
    return f"{counted(total, 'job')}, {n_found} of them in the store already"


def _open(path):
    from cdmer.evaluation import ResultStore

    return ResultStore(path, read_only=True)


def _read(path, run):
    with _open(path) as store:
        results = store.results(run)
    if not len(results.jobs):
        raise ValueError(f"{path}: the run has no finished job")
    missing = results.info.get("n_missing", 0)
    if missing:
        click.echo(f"cdmer: {missing} jobs are not there yet", err=True)
    return results


def _check_metric(results, metric):
    if metric is not None and metric not in results.metrics:
        raise ValueError(f"--metric: {unknown('metric', metric, results.metrics)}")
    return metric


def _show_numbers(frame):
    return frame.to_string(index=False, float_format="{:.4f}".format, na_rep="")


def _as_text(results, kind, metric):
    if kind == "csv":
        content = io.StringIO()
        results.to_frame().to_csv(content, index=False)
        return content.getvalue()
    text = results.to_markdown(metric) if kind == "markdown" else results.to_latex(metric)
    return text.rstrip("\n") + "\n"


def _failure_text(failure):
    seed = "" if failure.seed < 0 else f", seed {failure.seed}"
    message = " ".join(f"{failure.error}: {failure.message}".split())
    return (
        f"{failure.method}, experiment {failure.experiment}, fold {failure.fold}{seed}: {message}"
    )
