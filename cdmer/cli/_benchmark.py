"""`cdmer benchmark`: the benchmark that a TOML file describes."""

import sys
import warnings
from pathlib import Path

import click

from cdmer._text import counted
from cdmer.cli._corpora import notes
from cdmer.cli._options import (
    SOME_FAILED,
    feature_cache,
    jobs_option,
    keeping,
    quiet_option,
    remark,
    show,
    table_text,
)

_FILE = click.Path(dir_okay=False, path_type=Path)


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
    "--allow-http",
    is_flag=True,
    help="Allow that they are sent there without encryption, as http://.",
)
@click.option(
    "--api-key-env",
    metavar="NAME",
    help="Environment variable that holds the key of their endpoint.",
)
@click.option(
    "--proxy-env",
    metavar="NAME",
    help="Environment variable that holds the address of a proxy on the way there. [default: none]",
)
@click.option(
    "--names",
    is_flag=True,
    help="Name people and clips in the report, which calls them by pseudonyms otherwise.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check CONFIG and the corpora, say what is run and which files are written, and stop.",
)
@jobs_option
@quiet_option
def benchmark(config, store, report, cache, names, dry_run, n_jobs, quiet, **endpoint):
    """Run the benchmark that a TOML file describes.

    CONFIG names corpora, protocol, methods and how their settings are chosen: see
    `cdmer.evaluation.config.load_config`. The main table comes on screen.

    Every job, a method on a fold with a seed, is kept in the store as soon as it is
    finished. Stopped at any moment and started again, the benchmark goes on where it stopped, with
    the same result.

    Exit codes: 0 if everything ran, 3 if jobs failed (each with a line on the standard error
    stream; starting again tries them again), 1 if nothing could be run, 130 if stopped by Ctrl-C,
    143 by SIGTERM.
    """
    from cdmer.evaluation.config import load_config, run_config, summarize_config
    from cdmer.evaluation.report import describe_abstentions

    loaded = load_config(config)
    cache = feature_cache() if cache is None else cache
    if dry_run:
        where = {"store": store, "report": report, "cache_dir": cache}
        click.echo(summarize_config(loaded, **where, progress=show(quiet)))
        return
    place = loaded.own_store() if store is None else store
    with _open_counting(place, quiet) as kept:
        try:
            with notes(), keeping(lambda: f"{place} keeps {counted(len(kept), 'job')}"):
                # Each failure has a line of its own below.
                warnings.filterwarnings("ignore", r"\d+ of \d+ jobs failed", UserWarning)
                results = run_config(
                    loaded,
                    store=kept,
                    report=report,
                    n_jobs=n_jobs,
                    cache_dir=cache,
                    progress=show(quiet),
                    pseudonyms=not names,
                    **endpoint,
                )
        except RuntimeError as error:  # workers that die again and again
            raise click.ClickException(str(error)) from error
    n_done, n_failed = len(results.jobs), len(results.failures)
    if n_done:
        click.echo(table_text(results.table().T))
    for note in [*results.info["notes"], *describe_abstentions(results)]:
        remark(note)
    for failure in results.failures.itertuples():
        remark(_failure_text(failure))
    if not quiet:
        report = report or loaded.report
        click.echo(
            f"\n{_amount(n_done + n_failed, kept.n_found)}, {n_failed} failed\nStore: {place}"
            + (f"\nReport: {report}" if report else "")
        )
    if n_failed:
        sys.exit(SOME_FAILED)


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
                    remark(_amount(len(keys), self.n_found))
            return found

    return CountingStore(path)


def _amount(total, n_found):
    return f"{counted(total, 'job')}, {n_found} of them in the store already"


def _failure_text(failure):
    seed = "" if failure.seed < 0 else f", seed {failure.seed}"
    return (
        f"{failure.method}, experiment {failure.experiment}, fold {failure.fold}{seed}: "
        f"{failure.error}: {failure.message}"
    )
