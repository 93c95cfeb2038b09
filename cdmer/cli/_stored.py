"""What `cdmer report` and `cdmer compare` share: options, and a run out of a store."""

from pathlib import Path

import click

from cdmer._text import unknown
from cdmer.cli._options import remark

STORE = click.Path(dir_okay=False, path_type=Path)
run_option = click.option(
    "--run", type=int, help="Number of a run: see `cdmer report --list`. [default: the latest]"
)
metric_option = click.option("--metric", help="UF1, UAR, WAR … [default: the main one]")


def open_store(path):
    """Open a store to read, a ResultStore."""
    from cdmer.evaluation import ResultStore

    return ResultStore(path, read_only=True)


def read_results(path, run):
    """Read the results of a run; says on the standard error stream which jobs are missing."""
    with open_store(path) as store:
        results = store.results(run)
    if not len(results.jobs):
        raise ValueError(f"{path}: the run has no finished job")
    missing = results.info.get("n_missing", 0)
    if missing:
        remark(f"{missing} jobs are not there yet")
    return results


def check_metric(results, metric):
    """Check the name of a metric, or None, and give it back."""
    if metric is not None and metric not in results.metrics:
        raise ValueError(f"--metric: {unknown('metric', metric, results.metrics)}")
    return metric
