"""`cdmer compare`: whether methods differ."""

import click

from cdmer._text import unknown
from cdmer.cli._options import say
from cdmer.cli._stored import STORE, check_metric, metric_option, read_results, run_option

_COLUMNS = ["experiment", "source", "target", "difference", "low", "high", "p_value", "n_clusters"]


@click.command()
@click.argument("store", type=STORE)
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
    results = read_results(store, run)
    metric = check_metric(results, metric)
    for name in methods:
        if name not in results.methods:
            raise ValueError(unknown("method", name, results.methods))
    if methods:
        found = compare_two(results, *methods, metric)
        say(_show_numbers(found.experiments[_COLUMNS]) + f"\n\n{found}")
    else:
        say(_show_numbers(comparisons(results, metric)))


def _show_numbers(frame):
    return frame.to_string(index=False, float_format="{:.4f}".format, na_rep="")
